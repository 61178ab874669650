# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Clients outlive the helper: whatever ends it, a program that pings sees a delay.

MULTIPING_STORM_TARGETS says through how many targets each client of the storm works: few in the ordinary run, 200,000 with
./check --full."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import rig

N_USERS, N_CLIENTS = 5, 50
N_TARGETS = int(os.environ.get("MULTIPING_STORM_TARGETS", "20000"))
LIFE_SECONDS = 0.3
AWAY_SECONDS = 1.0  # of a restart
PATIENCE_SECONDS = 100 + N_CLIENTS * N_TARGETS / 10_000  # a helper that gets nowhere at all
PACED = rig.UNLIMITED.replace("packets_per_second = unlimited\nburst_packets = unlimited",
                              "packets_per_second = 500\nburst_packets = 10")


def counts_of(output):
    """{"outcomes": 20000, ..} of a line of ping_each or ping_many."""
    words = output.split()
    return dict(zip(words[::2], map(int, words[1::2])))


class Storm(rig.Case):
    """A helper that is killed again and again."""

    def setUp(self):
        self.network = self.namespace()
        self.shared = self.helper(self.network)
        self.program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/ping_each")

    def client(self, number, n_targets, *arguments):
        argv = [self.program, self.shared.socket, f"127.{4 * number}.0.1", str(n_targets), *arguments]
        client = self.network.popen(rig.as_user(rig.ALICE + number % N_USERS, argv), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def await_connections(self, clients):
        """Until each client has a helper, or had one: whoever never had one is told so at once."""
        n_up = 0
        while n_up < len(clients):
            n_up = json.loads(self.shared.multiping("--stats-helper", "-J").stdout)["connections"] - 1  # its own
            n_up += sum(client.poll() is not None for client in clients)

    def kill_until_all_have_ended(self, clients):
        """Returns how often the helper was killed."""
        self.await_connections(clients)
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
        clients = [self.client(number, N_TARGETS) for number in range(N_CLIENTS)]
        n_kills = self.kill_until_all_have_ended(clients)
        seconds = time.monotonic() - begin
        n_helpers = 0
        for client in clients:
            output, error = client.communicate()
            self.assertEqual((client.returncode, error), (0, ""), output)
            counts = counts_of(output)
            self.assertEqual((counts["outcomes"], counts["replies"]), (N_TARGETS, N_TARGETS))  # on `lo` everybody answers
            n_helpers += counts["helpers"]
        print(f"{N_CLIENTS} clients x {N_TARGETS} targets: {n_kills} helpers killed in {seconds:.1f} s, {n_helpers} connections, "
              f"{N_CLIENTS * N_TARGETS / seconds:.0f} targets/s")
        self.assertGreater(n_kills, 3)

    def test_without_waiting_the_same_is_lost(self):
        client = self.client(0, 10 * N_TARGETS, "0")
        self.kill_until_all_have_ended([client])
        output, error = client.communicate()
        counts = counts_of(output)
        self.assertEqual((client.returncode, counts["again"], counts["missing"]), (1, 0, 0), output)
        self.assertGreater(counts["lost"], 0)
        self.assertNotEqual(error, "")


class Restart(rig.Case):
    """A helper that is stopped, and started again a second later."""

    def restart(self, helper):
        helper.process.send_signal(signal.SIGTERM)
        self.assertEqual(helper.process.wait(rig.START_SECONDS), 0)
        time.sleep(AWAY_SECONDS)
        helper.start()

    def run_over_restart(self, configuration, argv, hosts=""):
        """What becomes of a client that runs when its helper is restarted: (exit code, output, error, seconds)."""
        network = self.namespace()
        helper = self.helper(network, configuration)
        begin = time.monotonic()
        client = network.popen(argv(helper), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.kill)
        client.stdin.write(hosts)
        client.stdin.close()
        client.stdin = None
        time.sleep(1)
        self.assertIsNone(client.poll())
        self.restart(helper)
        output, error = client.communicate(timeout=120)
        return client.returncode, output, error, time.monotonic() - begin

    def told(self):
        """What the command line says of an outage."""
        program = rig.program("multiping")
        return [f"{program}: the helper went away; looking for it\n", f"{program}: the helper is back\n"]

    def test_command_line_pings_on(self):
        code, output, error, _ = self.run_over_restart(
            rig.UNLIMITED, lambda helper: helper.command("-c", "10", "-p", "300", "127.0.0.1", "::1"))
        self.assertEqual(code, 0)
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(re.findall(rf"^{host} +: \[(\d)\], 64 bytes", output, re.MULTILINE), list("0123456789"), output)
            self.assertRegex(error, rf"(?m)^{host} +: xmt/rcv/%loss = 10/10/0%")
        told = [line for line in error.splitlines() if line]
        self.assertEqual([f"{line}\n" for line in told[:2]], self.told(), error)
        self.assertEqual(len(told), 4, error)  # the outage and the summaries, nothing else

    def test_sweep_goes_on(self):
        hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1500)]
        code, output, error, _ = self.run_over_restart(
            PACED, lambda helper: helper.command("-a", "-i", "0", "-r", "0", "-f", "-"), "\n".join(hosts))
        self.assertEqual((code, error, sorted(output.splitlines())), (0, "".join(self.told()), sorted(hosts)))

    def test_one_call_goes_on(self):
        program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/ping_many")
        hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1500)]
        code, output, error, seconds = self.run_over_restart(
            PACED, lambda helper: rig.as_user(rig.ALICE, [program, helper.socket, "1000"]), "\n".join(hosts))
        self.assertEqual((code, error), (0, ""), output)
        self.assertEqual((counts_of(output)["replies"], counts_of(output)["wrong"]), (1500, 0))
        self.assertGreater(seconds, 1500 / 500 + AWAY_SECONDS / 2)  # a delay it was


class Private(rig.Case):
    """A private helper that is killed."""

    def await_pid(self, path, but=0):
        """Waits for a process that runs the program at @path, and is not @but."""
        deadline = time.monotonic() + rig.START_SECONDS
        while time.monotonic() < deadline:
            for entry in Path("/proc").glob("[0-9]*/exe"):
                try:
                    if os.readlink(entry) == str(path) and int(entry.parent.name) != but:
                        return int(entry.parent.name)
                except OSError:
                    pass  # it has just ended, or is the kernel's
            time.sleep(0.01)
        raise RuntimeError("there is no private helper")

    def test_another_is_started(self):
        helper = self.private_helper()
        argv = rig.as_user(rig.ALICE, [rig.program("multiping"), "-c", "10", "-p", "200", "-q", "127.0.0.1"],
                           no_new_privs=False, keep_bounding=True)
        nowhere = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]  # no shared helper there
        client = self.namespace().popen([*nowhere, *argv], env=rig.environment(MULTIPING_HELPER=str(helper)),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.kill)
        first = self.await_pid(helper)
        time.sleep(0.5)
        os.kill(first, signal.SIGKILL)
        self.await_pid(helper, but=first)
        output, error = client.communicate(timeout=60)
        self.assertEqual((client.returncode, output), (0, ""), error)
        self.assertRegex(error, r"xmt/rcv/%loss = 10/10/0%")


if __name__ == "__main__":
    rig.main()
