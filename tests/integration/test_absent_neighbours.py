# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""One user's sweep of absent hosts on an attached network does not hold up another's pings.

Nobody answers ARP or neighbour discovery there. Each packet then waits in the kernel for three requests, a second each, and is
charged to the send buffer of its socket meanwhile: on one socket for all, a sweep stops everybody.

The kernel's neighbour table is one for the whole machine and holds gc_thresh3 entries (1,024 unless an administrator says
otherwise); over that a send fails with ENOBUFS. A sweep whose outcomes are the subject therefore goes at SWEEP_PER_SECOND, so
that fewer are unresolved at any time; the one that is as fast as it can be may meet that error, and the other user must not."""

import errno
import statistics
import threading
import time

import rig
from client_from_specification import Client, ICMP_ERROR, REPLY, SEND_ERROR, TIMEOUT

N_ABSENT = 4000
N_TARGETS = 500             # of one request
SWEEP_PER_SECOND = 200
PERIOD_SECONDS = 0.05
UNDISTURBED_US = 5000       # "a few ms", of the middle one
WORST_US = 150_000          # of any: a busy machine's hiccup, far from the seconds that a blocked socket costs

FAMILIES = {
    "IPv4": ("10.77.0.2", [f"10.77.{16 + host // 250}.{1 + host % 250}" for host in range(N_ABSENT)]),
    "IPv6": ("fd00:77::2", [f"fd00:77::1:{host:x}" for host in range(N_ABSENT)]),
}


class Sweep(threading.Thread):
    """Pings absent hosts for ALICE; @outcomes when it has ended."""

    def __init__(self, helper, hosts, interval_us):
        super().__init__()
        self.client = Client(helper.connect(rig.ALICE))
        self.hosts, self.interval_us = hosts, interval_us
        self.outcomes = []

    def run(self):
        with self.client:
            self.client.hello("sweep")
            for first in range(0, len(self.hosts), N_TARGETS):
                id, msgid = self.client.begin_ping(self.hosts[first:first + N_TARGETS], 5_000_000,
                                                   interval_us=self.interval_us)
                self.client.response(msgid)
            for id in range(1, self.client.last_id + 1):
                self.outcomes += self.client.finish(id)


class AbsentNeighbours(rig.Case):
    def setUp(self):
        self.home, _ = self.linked_namespaces()
        self.shared = self.helper(self.home)
        self.client = Client(self.shared.connect(rig.BOB))
        self.addCleanup(self.client.close)
        self.client.hello("bystander")

    def pings_during(self, sweep, host):
        """BOB's pings of a present host, one each period, until @sweep has ended."""
        outcomes = []
        while sweep.is_alive():
            begin = time.monotonic()
            outcomes += self.client.ping([host], 1_000_000)
            time.sleep(max(0.0, begin + PERIOD_SECONDS - time.monotonic()))
        return outcomes

    def assert_undisturbed(self, outcomes, label):
        queued_us = [outcome[3] for outcome in outcomes]
        print(f"{label}: {len(outcomes)} pings of the bystander waited {statistics.median(queued_us)} us to be sent "
              f"in the middle, {max(queued_us)} us at worst")
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        self.assertLess(statistics.median(queued_us), UNDISTURBED_US)
        self.assertLess(max(queued_us), WORST_US)

    def sweep(self, hosts, interval_us):
        sweep = Sweep(self.shared, hosts, interval_us)
        sweep.start()
        self.addCleanup(sweep.join)
        return sweep

    def test_even_sweep_ends_as_silence_or_icmp_error_and_disturbs_nobody(self):
        for family, (present, absent) in FAMILIES.items():
            with self.subTest(family=family):
                sweep = self.sweep(absent, 1_000_000 // SWEEP_PER_SECOND)
                pings = self.pings_during(sweep, present)
                self.assertGreater(len(pings), 100)
                self.assert_undisturbed(pings, f"{family}, even sweep")
                self.assertEqual(len(sweep.outcomes), N_ABSENT)
                self.assertLessEqual({outcome[1] for outcome in sweep.outcomes}, {TIMEOUT, ICMP_ERROR})

    def test_sweep_at_full_speed_disturbs_nobody(self):
        for family, (present, absent) in FAMILIES.items():
            with self.subTest(family=family):
                self.client.ping([present])  # its own neighbour is known
                sweep = self.sweep(absent, 0)
                self.assert_undisturbed(self.pings_during(sweep, present), f"{family}, at full speed")
                self.assertEqual(len(sweep.outcomes), N_ABSENT)
                for outcome in sweep.outcomes:
                    if outcome[1] not in (TIMEOUT, ICMP_ERROR):
                        self.assertEqual((outcome[1], outcome[4]), (SEND_ERROR, errno.ENOBUFS))


if __name__ == "__main__":
    rig.main()
