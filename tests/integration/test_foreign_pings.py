# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's `ping` and `fping` on the same machine, at the same hosts, with the helper's own identifier and sequences: their replies
come sooner, and only the secret tells them from ours."""

import subprocess
import time

import rig
import simulator
from client_from_specification import RECEIVE_STAMP, REPLY, TRANSMIT_STAMP
from simulator import hosts

N_SEQUENCES = 65536
N_PINGS = 100          # of ping, each at one of the hosts
N_REQUESTS = 120       # of each; the first has sequence 1
MOST_PROCESSES = 30000  # fping's identifier is its process number, which ends at 32,768
DELAY_US = 2_000_000
BEACON = "198.18.1.1"
TARGETS = hosts("198.18.0.0/24", N_PINGS)
OTHERS = hosts("198.18.2.0/24", 100)


class ForeignPings(simulator.Case):
    def beacon(self):
        """Identifier and sequence of the helper's last probe."""
        self.client.ping([BEACON])
        last = [sent for sent in self.simulator.trace() if sent.destination == BEACON][-1]
        return last.identifier, last.sequence

    def start(self):
        """A helper whose identifier a process may have as its number, and whose next sequence is small: (identifier, sequence)."""
        identifier = MOST_PROCESSES
        while identifier >= MOST_PROCESSES:
            self.simulate(f"198.18.0.0/24 echo delay {DELAY_US}", f"{BEACON}/32 echo", "198.18.2.0/24 echo")
            identifier, sequence = self.beacon()
        n_left = N_SEQUENCES - sequence
        while n_left > 0:
            self.client.ping(["127.0.0.1"] * min(n_left, 2000))
            n_left -= 2000
        identifier, sequence = self.beacon()
        return identifier, sequence + 1

    def popen(self, argv):
        process = self.network.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def fping(self, identifier, sequence):
        """Its sequences count the packets from 0, so those before ours go elsewhere."""
        start = f'echo {identifier - 1} >/proc/sys/kernel/ns_last_pid; fping "$@"; exit'
        self.popen(["unshare", "--pid", "--fork", "sh", "-c", start, "fping", "-c", "1", "-i", "1", "-t", "5000",
                    *OTHERS[:sequence], *TARGETS])

    def ping_beside_others(self):
        """Pings hosts that others ping with the same identifiers and sequences: (outcomes, how many of their replies were like ours)."""
        identifier, sequence = self.start()
        for target in TARGETS:
            self.popen(["ping", "-q", "-n", "-e", str(identifier), "-c", str(N_REQUESTS), "-i", "0.01", target])
        self.fping(identifier, sequence)
        while self.simulator.report()["rules"][0]["requests"] < N_PINGS * N_REQUESTS * 9 // 10:
            time.sleep(0.02)
        outcomes = self.client.ping(TARGETS)
        trace = [sent for sent in self.simulator.trace() if sent.rule == 0 and sent.identifier == identifier]
        n_alike = sum(sent.sequence == sequence + place for place, target in enumerate(TARGETS)
                      for sent in trace if sent.destination == target)
        return outcomes, n_alike - N_PINGS

    @rig.defended_by("SECRET")
    def test_no_reply_to_anybody_elses_ping_is_ours(self):
        outcomes, n_alike = self.ping_beside_others()
        if n_alike < 0:  # the helper took another identifier, as every 30 s
            outcomes, n_alike = self.ping_beside_others()
        print(f"{n_alike} replies with identifiers and sequences of {N_PINGS} probes; {self.counters()['forged_packets']} refused")
        self.assertGreater(n_alike, 0)
        self.assertEqual({tuple(outcome[1:3]) for outcome in outcomes}, {(REPLY, TRANSMIT_STAMP | RECEIVE_STAMP)})
        self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), DELAY_US * 1000)
        self.assertEqual(self.counters()["duplicates"], 0)
        self.assertGreater(self.counters()["forged_packets"], 0)  # some came while ours were open


if __name__ == "__main__":
    rig.main()
