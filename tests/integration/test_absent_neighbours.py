# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""One user's sweep of absent hosts on an attached network does not hold up another's pings.

Nobody answers ARP or neighbour discovery there. Each packet then waits in the kernel for three requests, a second each, and is
charged to the send buffer of its socket meanwhile: on one socket for all, a sweep stops everybody.

The kernel's neighbour table is one for the whole machine and holds gc_thresh3 entries (1,024 unless an administrator says
otherwise); over that a send fails with ENOBUFS. The helper lets one owner have fewer packets than that on their way to nowhere.
The host that is there has permanent entries at both ends: its own table is, in this test, the same one."""

import statistics
import threading
import time

import rig
from client_from_specification import Client, ICMP_ERROR, REPLY, TIMEOUT

N_ABSENT = 4000
N_TARGETS = 500             # of one request
PERIOD_SECONDS = 0.05
UNDISTURBED_US = 5000       # "a few ms", of the middle one
WORST_US = 150_000          # of any: a busy machine's hiccup, far from the seconds that a blocked socket costs

PRESENT = ["10.77.0.2", "fd00:77::2"]
ABSENT = {
    "IPv4": [f"10.77.{16 + host // 250}.{1 + host % 250}" for host in range(N_ABSENT)],
    "IPv6": [f"fd00:77::1:{host:x}" for host in range(N_ABSENT)],
}


class Sweep(threading.Thread):
    """Pings absent hosts for a user; @outcomes when it has ended."""

    def __init__(self, helper, uid, hosts):
        super().__init__()
        self.client = Client(helper.connect(uid))
        self.hosts = hosts
        self.outcomes = []

    def run(self):
        with self.client:
            self.client.hello("sweep")
            for first in range(0, len(self.hosts), N_TARGETS):
                id, msgid = self.client.begin_ping(self.hosts[first:first + N_TARGETS], 5_000_000)
                self.client.response(msgid)
            for id in range(1, self.client.last_id + 1):
                self.outcomes += self.client.finish(id)


class AbsentNeighbours(rig.Case):
    def setUp(self):
        self.home, other = self.linked_namespaces()
        self.home.know_neighbours(other, *PRESENT)
        other.know_neighbours(self.home, "10.77.0.1", "fd00:77::1")
        self.shared = self.helper(self.home)
        self.client = Client(self.shared.connect(rig.BOB))
        self.addCleanup(self.client.close)
        self.client.hello("bystander")

    def test_sweeps_of_absent_hosts_do_not_hold_up_another_user(self):
        sweeps = {family: Sweep(self.shared, uid, ABSENT[family])
                  for family, uid in (("IPv4", rig.ALICE), ("IPv6", rig.CAROL))}
        outcomes, waiting = [], []
        for sweep in sweeps.values():
            sweep.start()
            self.addCleanup(sweep.join)
        while any(sweep.is_alive() for sweep in sweeps.values()):
            begin = time.monotonic()
            outcomes += self.client.ping(PRESENT, 1_000_000)
            waiting.append(self.client.call("stats", scope="helper"))
            time.sleep(max(0.0, begin + PERIOD_SECONDS - time.monotonic()))
        queued_us = [outcome[3] for outcome in outcomes]
        print(f"{len(outcomes)} pings of the bystander waited {statistics.median(queued_us)} us to be sent in the middle, "
              f"{max(queued_us)} us at worst")
        seen = {name: max(stats[name] for stats in waiting)
                for name in ("queued_for_neighbours", "waiting_for_neighbour", "send_queued_bytes")}
        print(f"at most, of the helper's stats: {seen}")
        self.assertGreater(seen["queued_for_neighbours"] + seen["waiting_for_neighbour"], 0)
        self.assertGreater(seen["send_queued_bytes"], 0)
        self.assertGreater(len(outcomes), 100)
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        self.assertLess(statistics.median(queued_us), UNDISTURBED_US)
        self.assertLess(max(queued_us), WORST_US)
        for family, sweep in sweeps.items():
            with self.subTest(family=family):
                self.assertEqual(len(sweep.outcomes), N_ABSENT)
                self.assertLessEqual({outcome[1] for outcome in sweep.outcomes}, {TIMEOUT, ICMP_ERROR})


if __name__ == "__main__":
    rig.main()
