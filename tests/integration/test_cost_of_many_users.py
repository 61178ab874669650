# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Sharing the helper costs no more than having it alone."""

import os
import statistics
import subprocess
from pathlib import Path

import rig


def hosts(n_hosts, first):
    """@n_hosts addresses of 127.0.0.0/8, from the @first-th after 127.1.0.0 on."""
    return [f"127.{1 + (host >> 16)}.{host >> 8 & 255}.{host & 255}" for host in range(first, first + n_hosts)]


def scheduled_seconds(pid):
    """How long a running process was on a processor, in the scheduler's own nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class CostOfManyUsers(rig.Case):
    """64 users with 1,000 targets each cost what one user with 64,000 targets costs."""

    N_USERS, N_HOSTS, N_ROUNDS, N_PAIRS = 64, 1000, 5, 3
    MOST = 1.15  # times one user's cost

    def setUp(self):
        self.network = self.namespace()
        self.shared = self.helper(self.network)
        self.folder = rig.temporary_folder()

    def start_seconds(self):
        """Processor time of what the rig does before a client starts: entering the namespace, becoming the user."""
        usages = []
        for _ in range(20):
            process = self.network.popen(rig.as_user(21000, ["/bin/true"]))
            _, code, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
            usages.append(usage.ru_utime + usage.ru_stime)
        return statistics.mean(usages)

    def cost_us(self, n_users):
        """Processor time per ping of the helper and of @n_users clients that share the work; every ping is answered."""
        n_hosts = self.N_USERS * self.N_HOSTS // n_users
        processes = []
        begin = scheduled_seconds(self.shared.pid)
        for user in range(n_users):
            paths = self.folder / f"targets{user}", self.folder / f"output{user}"
            paths[0].write_text("\n".join(hosts(n_hosts, user * n_hosts)))
            argv = self.shared.command("-q", "-i", "0", "-p", "1000", "-t", "10000", "-C", str(self.N_ROUNDS), "-f", "-",
                                       uid=21000 + user)
            with open(paths[0]) as stdin, open(paths[1], "w") as stderr:
                processes.append(self.network.popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr))
        seconds = -n_users * self.start_seconds()
        for process in processes:
            _, code, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
            self.assertEqual(process.returncode, 0)
            seconds += usage.ru_utime + usage.ru_stime
        for user in range(n_users):
            lines = (self.folder / f"output{user}").read_text().splitlines()
            self.assertEqual(len(lines), n_hosts)
            self.assertEqual(sum(" -" in line for line in lines), 0)
        seconds += scheduled_seconds(self.shared.pid) - begin
        return 1e6 * seconds / (self.N_USERS * self.N_HOSTS * self.N_ROUNDS)

    def test_64_users_cost_what_one_does(self):
        pairs = [(self.cost_us(self.N_USERS), self.cost_us(1)) for _ in range(self.N_PAIRS)]
        ratio = statistics.median(many / one for many, one in pairs)
        print(f"64 users {statistics.median(pair[0] for pair in pairs):.2f} us a ping, "
              f"one user {statistics.median(pair[1] for pair in pairs):.2f} us: {ratio:.3f}")
        self.assertLess(ratio, self.MOST)


if __name__ == "__main__":
    rig.main()
