# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A network that wants the helper to believe something false, to grow, to fall behind or to fall over.

In each test the genuine answer comes as well, later than the false ones, and is what must be believed: its round-trip time tells
them apart. Every host here knows identifier, sequence and all that stands in a request to itself; what it is not to get through
is anything about another probe, from another address, or without the secret. That the helper lives is seen when it is stopped.

MULTIPING_FULL=1 asks for a million duplicates instead of a hundred thousand."""

import os
import statistics
import threading
import time

import rig
import simulator
from client_from_specification import FIRST_EVENT, ICMP_ERROR, REPLY
from simulator import hosts

DUPLICATE, UNVERIFIED_ERROR = FIRST_EVENT, FIRST_EVENT + 2
LONG_US = 60_000_000  # where nothing may time out
N_SEQUENCES = 65536
N_DUPLICATES = 1_000_000 if os.environ.get("MULTIPING_FULL") == "1" else 100_000
FLAT_BYTES = 2**21    # how much more may be resident after a storm: BOB's pings touch more and more of the probe table
BUFFERS_BYTES = 64 * 2**16  # of a batch of packets, where the payload is not limited
IPV4_ERRORS, IPV6_ERRORS = {3, 11, 12}, {1, 2, 3, 4}
VICTIM = {4: "198.18.0.1", 6: "2001:db8::1"}
TRIGGER = {4: "198.18.0.66", 6: "2001:db8::66"}
BYSTANDERS = ["198.18.9.1", "2001:db8::9:1"]
BYSTANDING = ["198.18.9.0/24 echo", "2001:db8::9:0/112 echo"]


def only(address_text):
    """The prefix that is this address alone."""
    return f"{address_text}/{128 if ':' in address_text else 32}"


class Bystander(threading.Thread):
    """BOB, who pings two hosts over and over until stop(); all must reply."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.outcomes = []
        self.is_over = threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(0.005):
            self.outcomes += self.client.ping(BYSTANDERS, LONG_US)

    def stop(self):
        self.is_over.set()
        self.join()


class Hostile(simulator.Case):
    def resident_bytes(self):
        return int(rig.status(self.shared.pid)["VmRSS"].split()[0]) * 1024

    def ping_all(self, targets):
        """Pings more hosts than one message can name: (outcomes, targets of which an error without proof was told)."""
        requests = {}
        for first in range(0, len(targets), 800):
            part = targets[first:first + 800]
            id, msgid = self.client.begin_ping(part, LONG_US)
            self.client.response(msgid)
            requests[id] = part
        outcomes = sum((self.client.finish(id) for id in requests), [])
        told = {part[event[0]] for id, part in requests.items() for event in self.client.events.get(id, [])
                if event[1] == UNVERIFIED_ERROR}
        return outcomes, told

    def wait_until_sent(self, n_packets, rule, answer=0):
        """Waits until the simulator has sent, or tried to send, so many packets for one answer."""
        counts = self.simulator.answers(rule)[answer]
        while sum(counts.values()) < n_packets:
            time.sleep(0.02)
            counts = self.simulator.answers(rule)[answer]


class Forgeries(Hostile):
    N_PROBES = 800  # open to each victim
    GENUINE_US = 1_500_000

    def forge(self, forgery):
        """With many probes open to a victim of each family, has @forgery sent with every sequence, and the victims answer only after
        that. All of them are believed, and none of the others. Returns how many events the victims' probes had, all of one kind."""
        rules = [f"{only(victim)} echo delay {self.GENUINE_US}" for victim in VICTIM.values()]
        for family, victim in VICTIM.items():
            rules.append(f"{only(TRIGGER[family])} {forgery.format(victim=victim)} sequence count copies {N_SEQUENCES} gap 15 "
                         "+ echo")
        self.simulate(*rules, trace=False)
        ids = [self.client.begin_ping([victim] * self.N_PROBES, LONG_US)[0] for victim in VICTIM.values()]
        for id in ids:
            self.client.wait_until_sent(id)
        self.assertEqual([outcome[1] for outcome in self.client.ping(list(TRIGGER.values()), LONG_US)], [REPLY, REPLY])
        outcomes = self.client.finish(ids[0]) + self.client.finish(ids[1])
        for rule in (2, 3):
            self.wait_until_sent(N_SEQUENCES, rule)
        self.assertEqual([outcome[1] for outcome in outcomes], [REPLY] * 2 * self.N_PROBES)
        self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), self.GENUINE_US * 1000)
        events = sum((self.client.events.get(id, []) for id in ids), [])
        self.assertLessEqual({event[1] for event in events}, {UNVERIFIED_ERROR})
        return len(events)

    def forge_in_vain(self, forgery):
        self.assertEqual(self.forge(forgery), 0)
        self.assertGreater(self.counters()["forged_packets"], 0)
        self.assertEqual(self.counters()["unverified_errors"], 0)

    def test_replies_for_every_sequence_without_the_secret(self):
        self.forge_in_vain("echo from {victim} payload random")

    def test_replies_for_every_sequence_with_another_probes_secret(self):
        self.forge_in_vain("echo from {victim}")

    def test_errors_for_every_sequence_without_the_secret(self):
        self.forge_in_vain("error about {victim} payload random")

    def test_errors_for_every_sequence_that_quote_too_little_are_events(self):
        n_events = self.forge("error about {victim} quote 8")
        counters = self.counters()
        self.assertGreater(n_events, 0)
        self.assertLessEqual(counters["unverified_errors"], 2 * self.N_PROBES)
        self.assertLessEqual(counters["unverified_errors"] - n_events, counters["events_dropped"])

    def test_replies_from_another_address_are_not_taken(self):
        self.simulate("198.18.0.0/24 echo from 203.0.113.9 + echo delay 200000",
                      "198.18.1.0/24 echo from 198.18.0.1 + echo delay 200000",  # another host that is being pinged
                      "2001:db8::/112 echo from 2001:db8:1::9 + echo delay 200000")
        targets = hosts("198.18.0.0/24", 50) + hosts("198.18.1.0/24", 50) + hosts("2001:db8::/112", 50)
        self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)
        self.assertEqual(self.counters()["forged_packets"], len(targets))
        self.assertEqual(self.client.events, {})


class Storms(Hostile):
    def under_storm(self, storm, n_packets, gap_us, flat_bytes=FLAT_BYTES):
        """Has @n_packets of a storm sent at its rate while BOB pings. None of his are lost, nothing is dropped, and the helper is not
        larger afterwards. Returns the outcome of the probe that set off the storm."""
        self.simulate(f"{only(TRIGGER[4])} {storm} copies {n_packets} gap {gap_us} + echo", *BYSTANDING, trace=False)
        self.client.ping([*BYSTANDERS, *BYSTANDERS])
        resident, processor = self.resident_bytes(), rig.processor_seconds(self.shared.pid)
        bystander = Bystander(self.client_of(rig.BOB))
        begin = time.monotonic()
        try:
            trigger, = self.client.ping([TRIGGER[4]], LONG_US)
            self.wait_until_sent(n_packets, rule=0)
        finally:
            seconds = time.monotonic() - begin
            bystander.stop()
        processor = rig.processor_seconds(self.shared.pid) - processor
        resident = self.resident_bytes() - resident
        rtt_us = statistics.median(outcome[4] for outcome in bystander.outcomes) / 1000
        print(f"{n_packets / seconds:.0f} packets/s; bystander: {len(bystander.outcomes)} pings, median {rtt_us:.0f} us; "
              f"helper: {processor / n_packets * 1e6:.1f} us of processor a packet, {resident / 1024:+.0f} KiB")
        self.assertGreater(len(bystander.outcomes), 4)
        self.assertEqual({outcome[1] for outcome in bystander.outcomes}, {REPLY})
        self.assertEqual(self.counters()["receive_drops"], 0)
        self.assertLess(resident, flat_bytes)
        return trigger

    def test_flood_of_foreign_replies(self):
        self.under_storm("echo identifier random sequence random payload random", 100_000, 20)
        self.assertLess(self.counters()["foreign_packets"], 1000)  # the socket filter lets through 64 identifiers of 65,536

    def test_flood_of_foreign_errors(self):
        """At a lower rate: the kernel hands each to all ten raw sockets of the family, whatever their filters say."""
        self.under_storm("error identifier random sequence random payload random", 40_000, 50)

    def test_flood_of_forged_replies_with_our_identifier(self):
        self.under_storm("echo sequence random payload random", 100_000, 20)
        self.assertGreater(self.counters()["foreign_packets"], 90_000)  # they did arrive

    def test_flood_of_forged_errors_with_our_identifier(self):
        self.under_storm("error sequence random payload random", 40_000, 50)
        self.assertGreater(self.counters()["foreign_packets"], 36_000)

    def test_duplicates_are_told_once(self):
        trigger = self.under_storm("echo", N_DUPLICATES, 12)
        self.assertEqual(trigger[1], REPLY)
        self.assertEqual([event[1] for event in self.client.events[self.client.last_id]], [DUPLICATE])
        self.assertEqual(self.counters()["duplicates"], N_DUPLICATES)  # and one more, which was the reply

    def test_replies_of_64_kb(self):
        """Which the helper has buffers for, touched for the first time."""
        trigger = self.under_storm("echo size 65507", 1000, 2000, FLAT_BYTES + BUFFERS_BYTES)
        self.assertEqual((trigger[1], trigger[6]), (REPLY, 65507))


class Packets(Hostile):
    """One false packet to each probe, of every kind; then the genuine reply, after 300 ms."""

    GENUINE = "+ echo delay 300000"

    def test_rewritten_data_changes_no_time(self):
        values = [0, -1, -2**63]
        self.simulate(*(f"198.18.{place}.0/24 echo payload {value} {self.GENUINE}" for place, value in enumerate(values)),
                      *(f"198.19.{place}.0/24 echo delay 30000 payload {value} payload-from 8"
                        for place, value in enumerate(values)))
        for place in range(len(values)):
            targets = hosts(f"198.18.{place}.0/24", 50)  # without the secret
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)
            targets = hosts(f"198.19.{place}.0/24", 50)  # with it
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US))

    def assert_cut_errors(self, targets, n_secrets):
        """That the error about each target ended its probe where it holds @n_secrets bytes or more of the secret, was told where it
        is less but there, and nothing where it is negative."""
        outcomes, told = self.ping_all(targets)
        wrong = [(target, outcome) for target, outcome, n_secret in zip(targets, outcomes, n_secrets, strict=True)
                 if outcome[1] != (ICMP_ERROR if n_secret >= 8 else REPLY)]
        self.assertEqual((len(wrong), wrong[:10]), (0, []))
        partial = {target for target, n_secret in zip(targets, n_secrets) if 0 <= n_secret < 8}
        self.assertLessEqual(told, partial)
        counters = self.counters()
        self.assertEqual(counters["unverified_errors"], len(partial))
        self.assertLessEqual(len(partial) - len(told), counters["events_dropped"])

    def test_quoted_headers_of_every_length_cut_at_every_byte(self):
        """Address 198.18.X.C is told of by an error with header X and quoted header X, both of every length, cut to C bytes."""
        lengths = [(words, quoted) for words in range(5, 16) for quoted in range(16)]
        self.simulate(*(f"198.18.{place}.0/24 error words {words} quoted-words {quoted} cut host {self.GENUINE}"
                        for place, (words, quoted) in enumerate(lengths)), trace=False)
        targets, n_secrets = [], []
        for place, (words, quoted) in enumerate(lengths):
            n_headers = 4 * words + 8 + 4 * quoted + 8
            for n_bytes in range(150):  # 144 hold all of the secret behind the longest headers
                targets.append(f"198.18.{place}.{n_bytes}")
                n_secrets.append(n_bytes - n_headers if quoted >= 5 else -1)
        self.assert_cut_errors(targets, n_secrets)

    def test_ipv6_errors_cut_at_every_byte(self):
        self.simulate(f"2001:db8::/112 error cut host {self.GENUINE}")
        self.assert_cut_errors(hosts("2001:db8::/112", 120, first=0), [n_bytes - (40 + 8 + 40 + 8) for n_bytes in range(120)])

    def test_all_types(self):
        self.simulate(f"198.18.0.0/24 echo type host {self.GENUINE}", f"198.18.1.0/24 error type host {self.GENUINE}",
                      f"2001:db8::/120 echo type host {self.GENUINE}", f"2001:db8::1:0/120 error type host {self.GENUINE}")
        for echoes, quotes, reply, errors in (("198.18.0.0/24", "198.18.1.0/24", 0, IPV4_ERRORS),
                                              ("2001:db8::/120", "2001:db8::1:0/120", 129, IPV6_ERRORS)):
            outcomes = self.client.ping(hosts(echoes, 256, first=0), LONG_US)
            self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
            self.assertEqual([kind for kind, outcome in enumerate(outcomes) if outcome[4] < 300_000_000], [reply])
            outcomes = self.client.ping(hosts(quotes, 256, first=0), LONG_US)
            self.assertEqual({kind for kind, outcome in enumerate(outcomes) if outcome[1] == ICMP_ERROR}, errors)
            for kind, outcome in enumerate(outcomes):
                self.assertEqual(outcome[4] if kind in errors else outcome[1], kind if kind in errors else REPLY)
        self.assertEqual(self.counters()["unverified_errors"], 0)

    def test_all_codes(self):
        self.simulate("198.18.0.0/24 error code host", "2001:db8::/120 error code host")
        for prefix in ("198.18.0.0/24", "2001:db8::/120"):
            outcomes = self.client.ping(hosts(prefix, 256, first=0), LONG_US)
            self.assertEqual([[outcome[1], outcome[5]] for outcome in outcomes], [[ICMP_ERROR, code] for code in range(256)])

    def test_bits_turned_over_under_the_checksum_are_noticed(self):
        self.simulate(f"198.18.0.0/24 echo damage 1 {self.GENUINE}", f"2001:db8::/112 echo damage 1 {self.GENUINE}",
                      f"198.18.1.0/24 error damage 1 {self.GENUINE}", f"2001:db8::1:0/112 error damage 1 {self.GENUINE}")
        for prefix in ("198.18.0.0/24", "2001:db8::/112", "198.18.1.0/24", "2001:db8::1:0/112"):
            targets = hosts(prefix, 200)
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)
        self.assertGreater(self.counters()["malformed_packets"], 0)

    def test_bits_turned_over_before_the_checksum_fool_nobody_about_the_secret(self):
        self.simulate(f"198.18.0.0/16 echo delay 1000 flip 1 {self.GENUINE}")
        targets = hosts("198.18.0.0/16", 1000)
        outcomes, first = self.client.ping(targets, LONG_US), self.simulator.first()
        for target, outcome in zip(targets, outcomes, strict=True):
            self.assertEqual(outcome[1], REPLY)
            self.assertGreaterEqual(outcome[4], first[target].kept_ns)
        n_refused = sum(outcome[4] >= 300_000_000 for outcome in outcomes)
        due = len(targets) * 104 / 512  # in type, identifier, sequence or secret; elsewhere it does not matter
        self.assertGreater(n_refused, 0.7 * due)
        self.assertLess(n_refused, 1.3 * due)

    def test_truncated_replies_need_the_whole_secret(self):
        self.simulate(f"198.18.0.0/24 echo size host {self.GENUINE}", f"2001:db8::/112 echo size host {self.GENUINE}")
        for prefix in ("198.18.0.0/24", "2001:db8::/112"):
            outcomes = self.client.ping(hosts(prefix, 100, first=0), LONG_US)
            self.assertEqual([(outcome[1], outcome[6]) for outcome in outcomes],
                             [(REPLY, size if size >= 8 else 56) for size in range(100)])

    def test_packets_larger_than_the_helpers_buffers(self):
        """At the default limits its buffers hold 1,472 bytes of data."""
        self.simulate("198.18.0.0/24 echo size 65507", f"198.18.1.0/24 echo size 65507 payload random {self.GENUINE}",
                      "2001:db8::/112 echo size 65527", configuration="")
        for target, size in (("198.18.0.1", 65507), ("198.18.1.1", 56), ("2001:db8::1", 65527)):
            outcome, = self.client.ping([target], LONG_US)
            self.assertEqual((outcome[1], outcome[6]), (REPLY, size))

    def test_replies_with_options_of_every_length_are_genuine(self):
        self.simulate(*(f"198.18.{words}.0/24 echo delay 30000 words {words}" for words in range(5, 16)))
        for words in range(5, 16):
            targets = hosts(f"198.18.{words}.0/24", 10)
            outcomes = self.client.ping(targets, LONG_US)
            self.assert_round_trips(targets, outcomes)
            self.assertEqual({outcome[6] for outcome in outcomes}, {56})


if __name__ == "__main__":
    rig.main()
