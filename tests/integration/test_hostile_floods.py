# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A network that wants the helper to grow, to fall behind, to lose replies, or to tell its clients more than they asked for: floods,
while BOB, who has nothing to do with them, pings on.

MULTIPING_FULL=1 asks for a million duplicates and a million late replies instead of a hundred thousand."""

import os
import signal
import statistics
import time
from pathlib import Path

import hostile_simulation
import rig
from client_from_specification import FIRST_EVENT, REPLY, TIMEOUT
from hostile_simulation import BYSTANDERS, BYSTANDING, LONG_US, TRIGGER, only
from simulator import hosts

tearDownModule = hostile_simulation.report_attacks

DUPLICATE, LATE = FIRST_EVENT, FIRST_EVENT + 1
MAYBE_LOCAL_LOSS = 4
N_ANSWERS = 1_000_000 if os.environ.get("MULTIPING_FULL") == "1" else 100_000
FLAT_BYTES = 2**21    # how much more may be resident after a storm: BOB's pings touch more and more of the probe table
QUARANTINED_BYTES = 2048  # of each of BOB's pings, which the address sanitizer keeps from being used again
BUFFERS_BYTES = 64 * 2**16  # of a batch of packets, where the payload is not limited
ANYBODYS = "identifier random sequence random payload random"  # 64 of 65,536 identifiers pass the socket filter
OURS = "sequence random payload random"
MOST_ASKED_BYTES = 16 * 2**20  # by a helper of a receive buffer
SMALLEST_BYTES = 512  # what the kernel counts for a small packet is more than that


def processor_ns(pid):
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


class Storms(hostile_simulation.Case):
    def storm(self, storm, n_packets, gap_us, timeout_us):
        """Has @n_packets of a storm sent at its rate while BOB pings. Returns (the outcome of the probe that set it off, his outcomes,
        by how much the helper grew)."""
        self.simulate(f"{only(TRIGGER[4])} {storm.format(storm=f'copies {n_packets} gap {gap_us}')}", *BYSTANDING, trace=False)
        self.client.ping([*BYSTANDERS, *BYSTANDERS])
        resident, processor = self.resident_bytes(), processor_ns(self.shared.pid)
        bystander = hostile_simulation.Bystander(self.client_of(rig.BOB))
        begin = time.monotonic()
        try:
            trigger, = self.client.ping([TRIGGER[4]], timeout_us)
            self.wait_until_sent(n_packets, rule=0)
        finally:
            seconds = time.monotonic() - begin
            bystander.stop()
        processor = processor_ns(self.shared.pid) - processor
        resident = self.resident_bytes() - resident
        rtt_us = sorted(outcome[4] / 1000 for outcome in bystander.outcomes if outcome[1] == REPLY)
        print(f"{n_packets / seconds:.0f} packets/s; bystander: {len(bystander.outcomes)} pings, median "
              f"{statistics.median(rtt_us):.0f} us, 99th percentile {rtt_us[len(rtt_us) * 99 // 100]:.0f} us; "
              f"helper: {processor / n_packets / 1000:.1f} us of processor a packet, {resident / 1024:+.0f} KiB")
        return trigger, bystander.outcomes, resident

    def under_storm(self, storm, n_packets, gap_us, flat_bytes=FLAT_BYTES, timeout_us=LONG_US):
        """None of BOB's pings are lost in a storm, nothing is dropped, and the helper is not larger afterwards. Where the machine was
        so busy that the helper's buffer overflowed, again with a slower one. Returns the outcome of the probe that set it off."""
        for slower in (1, 4, 16):
            trigger, bystander, resident = self.storm(storm, n_packets, slower * gap_us, timeout_us)
            if self.counters()["receive_dropped_packets"] == 0:
                break
        self.assertEqual(self.counters()["receive_dropped_packets"], 0)
        self.assertGreater(len(bystander), 4)
        self.assertEqual({outcome[1] for outcome in bystander}, {REPLY})
        self.assertLess(resident, flat_bytes + (QUARANTINED_BYTES * len(bystander) if rig.is_sanitized() else 0))
        return trigger

    def test_foreign_replies(self):
        self.under_storm(f"echo {ANYBODYS} {{storm}} + echo", 100_000, 20)
        self.assertLess(self.counters()["foreign_packets"], 1000)

    def test_foreign_errors(self):
        self.under_storm(f"error {ANYBODYS} {{storm}} + echo", 50_000, 20)
        self.assertLess(self.counters()["foreign_packets"], 500)

    def test_forged_replies_with_our_identifier(self):
        self.under_storm(f"echo {OURS} {{storm}} + echo", 100_000, 20)
        self.assertGreater(self.counters()["foreign_packets"], 90_000)  # they did arrive

    def test_forged_errors_with_our_identifier(self):
        self.under_storm(f"error {OURS} {{storm}} + echo", 50_000, 20)
        self.assertGreater(self.counters()["foreign_packets"], 45_000)

    @rig.defended_by("TOLD_ONCE")
    def test_duplicates_are_told_once(self):
        trigger = self.under_storm("echo {storm} + echo", N_ANSWERS, 12)
        self.assertEqual(trigger[1], REPLY)
        self.assertEqual({event[1] for event in self.client.events[self.client.last_id]}, {DUPLICATE})
        self.assertEqual(len(self.client.events[self.client.last_id]), 1)
        self.assertEqual(self.counters()["duplicates"], N_ANSWERS)  # and one more, which was the reply

    def test_late_replies_are_told_once(self):
        trigger = self.under_storm("echo delay 200000 {storm}", N_ANSWERS, 12, timeout_us=20_000)
        self.assertEqual(trigger[1], TIMEOUT)
        self.assertEqual([event[1] for event in self.client.events[self.client.last_id]], [LATE])
        self.assertEqual(self.counters()["late"], N_ANSWERS)

    def test_replies_of_64_kb(self):
        """Which the helper has buffers for, touched for the first time."""
        trigger = self.under_storm("echo size 65507 {storm}", 1000, 2000, FLAT_BYTES + BUFFERS_BYTES)
        self.assertEqual((trigger[1], trigger[6]), (REPLY, 65507))


class Errors(hostile_simulation.Case):
    """The kernel tells each raw socket that asks for errors of each error about any echo request; of IPv6, where the source that is
    quoted is any multicast address, even those that are bound to another."""

    N_PACKETS = 20_000

    def cost_ns(self, rule, target):
        """How long the processor was busy with the packets that a ping to @target sets off: the network's work, in which the
        kernel's is, and the helper's."""
        pids = self.simulator.process.pid, self.shared.pid
        before = [processor_ns(pid) for pid in pids]
        self.client.ping([target], 1000)
        self.wait_until_sent(self.N_PACKETS, rule)
        return sum(processor_ns(pid) for pid in pids) - sum(before)

    def queued_bytes(self):
        """What waits at raw sockets, in their error queues too."""
        done = self.network.run(["cat", "/proc/net/raw", "/proc/net/raw6"])
        lines = [line.split() for line in done.stdout.splitlines()]
        return sum(int(words[4].partition(":")[2], 16) for words in lines if words[0] != "sl")

    @rig.defended_by("HIDDEN_SEND_SOCKETS")
    def test_errors_about_anybodys_pings_reach_no_socket_and_cost_what_replies_do(self):
        targets = [target for place in range(1, 4) for target in (f"198.18.1.{place}", f"2001:db8::1:{place}")]
        floods = [f"{body} {ANYBODYS}" for body in ("echo", "echo", "error", "error")] + \
                 [f"error {ANYBODYS} by {group}" for group in ("224.0.0.0", "ff0e::1:2")]
        self.simulate(*(f"{only(target)} {flood} copies {self.N_PACKETS} gap 5" for target, flood in zip(targets, floods)),
                      trace=False)
        costs_ns = [self.cost_ns(rule, target) for rule, target in enumerate(targets)]
        print("for each foreign reply, error, and error about groups: "
              + ", ".join(f"{cost / self.N_PACKETS / 1000:.2f} us" for cost in costs_ns))
        self.assertEqual(self.queued_bytes(), 0)
        for family in range(2):
            self.assertLess(max(costs_ns[2 + family], costs_ns[4 + family]), 3 * costs_ns[family])


class Buffers(hostile_simulation.Case):
    """What becomes of packets that find no room."""

    N_PINGS = 100

    def flood_stopped(self, flood, timeout_us):
        """Stops the helper with pings open, as a busy machine may for a while; has more sent than its buffer could hold, then the
        replies; lets it go on. Returns the outcomes."""
        n_packets = 1000 + 2 * min(MOST_ASKED_BYTES, int(Path("/proc/sys/net/core/rmem_max").read_text())) // SMALLEST_BYTES
        self.simulate(f"{only(TRIGGER[4])} echo {flood} copies {n_packets} gap 10",
                      f"198.18.1.0/24 echo delay {10 * n_packets + 100_000}", prefix=rig.USUAL_BUFFERS)
        self.simulator.process.send_signal(signal.SIGSTOP)
        id, _ = self.client.begin_ping([TRIGGER[4], *hosts("198.18.1.0/24", self.N_PINGS)], timeout_us)
        self.client.wait_until_sent(id)
        os.kill(self.shared.pid, signal.SIGSTOP)
        try:
            self.simulator.process.send_signal(signal.SIGCONT)
            self.wait_until_sent(self.N_PINGS, rule=1)
        finally:
            os.kill(self.shared.pid, signal.SIGCONT)
        return self.client.finish(id)[1:]

    @rig.defended_by("PACKET_FILTER")
    def test_foreign_replies_take_no_room(self):
        outcomes = self.flood_stopped("identifier random payload random", 3_000_000)
        self.assertEqual(self.counters()["receive_dropped_packets"], 0)
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})

    @rig.defended_by("OVERFLOW_TOLD")
    def test_replies_that_found_no_room_are_not_called_lost_by_the_network(self):
        outcomes = self.flood_stopped("payload random", 1_000_000)
        self.assertEqual({tuple(outcome[1:3]) for outcome in outcomes}, {(TIMEOUT, MAYBE_LOCAL_LOSS)})
        self.assertGreater(self.counters()["receive_drops"], 0)

    @rig.defended_by("SEND_ERRORS")
    def test_a_full_queue_on_the_way_out_loses_nothing(self):
        """It has room for about 40 packets and lets 1,000 a second through."""
        ours, theirs = self.linked_namespaces()
        theirs.ip("route add local 10.77.8.0/24 dev lo")
        ours.ip("route add 10.77.8.0/24 via 10.77.0.2")
        done = ours.run("tc qdisc add dev veth0 root tbf rate 800kbit burst 2000 limit 4000".split())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.shared = self.helper(ours)
        outcomes = self.client_of(rig.BOB).ping(hosts("10.77.8.0/24", 250), 2_000_000)
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})


if __name__ == "__main__":
    rig.main()
