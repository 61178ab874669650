# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Clients outlive the helper: whatever ends it, a program that pings sees a delay.

MULTIPING_STORM_TARGETS says through how many targets each client of the storm works: few in the ordinary run, 200,000 with
./check --full."""

import os
import time

import rig

N_USERS, N_CLIENTS = 5, 50
N_TARGETS = int(os.environ.get("MULTIPING_STORM_TARGETS", "20000"))
LIFE_SECONDS = 0.3
PATIENCE_SECONDS = 60 + N_CLIENTS * N_TARGETS / 5000  # a helper that gets nowhere at all


class Storm(rig.Case):
    """A helper that is killed again and again."""

    def setUp(self):
        self.network = self.namespace()
        self.shared = self.helper(self.network)
        self.program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/ping_each")

    def client(self, number):
        first = f"127.{4 * number}.0.1"
        argv = [self.program, self.shared.socket, first, str(N_TARGETS)]
        return self.network.popen(rig.as_user(rig.ALICE + number % N_USERS, argv), stdout=rig.subprocess.PIPE,
                                  stderr=rig.subprocess.PIPE)

    def kill_until_all_have_ended(self, clients):
        """Returns how often the helper was killed."""
        begin = time.monotonic()
        n_kills = 0
        while any(client.poll() is None for client in clients):
            self.assertLess(time.monotonic() - begin, PATIENCE_SECONDS)
            time.sleep(LIFE_SECONDS)
            self.shared.kill()
            self.shared.start()
            n_kills += 1
        return n_kills

    def test_each_target_has_exactly_one_outcome_and_none_is_lost(self):
        begin = time.monotonic()
        clients = [self.client(number) for number in range(N_CLIENTS)]
        for client in clients:
            self.addCleanup(client.kill)
        n_kills = self.kill_until_all_have_ended(clients)
        seconds = time.monotonic() - begin
        n_helpers = 0
        for client in clients:
            output, error = client.communicate()
            self.assertEqual((client.returncode, error), (0, ""), output)
            counts = dict(zip(output.split()[::2], map(int, output.split()[1::2])))
            self.assertEqual(counts["replies"], N_TARGETS)  # on `lo` everybody answers
            n_helpers += counts["helpers"]
        print(f"{N_CLIENTS} clients x {N_TARGETS} targets: {n_kills} helpers killed in {seconds:.1f} s, {n_helpers} connections, "
              f"{N_CLIENTS * N_TARGETS / seconds:.0f} targets/s")
        self.assertGreater(n_kills, 3)


if __name__ == "__main__":
    rig.main()
