# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A network that wants the helper to believe something false, or to fall over. How it is made to grow or to fall behind is in
test_hostile_floods.py.

In each test the genuine answer comes as well, later than the false ones, and is what must be believed: its round-trip time tells
them apart. Every host here knows identifier, sequence and all that stands in a request to itself; what it is not to get through
is anything about another probe, from another address, or without the secret."""

import hostile_simulation
import rig
from client_from_specification import FIRST_EVENT, ICMP_ERROR, REPLY
from hostile_simulation import LONG_US, TRIGGER, VICTIM, only
from simulator import hosts

tearDownModule = hostile_simulation.report_attacks

UNVERIFIED_ERROR = FIRST_EVENT + 2
N_SEQUENCES = N_IDENTIFIERS = 65536
NO_QUOTE = -1000  # bytes of the secret, of what is no quoted packet at all
IPV4_ERRORS, IPV6_ERRORS = {3, 11, 12}, {1, 2, 3, 4}


class Forgeries(hostile_simulation.Case):
    N_PROBES = 500  # open to each victim
    GAPS_US = 15, 60, 240  # between two forgeries; the greater ones where the helper was held up and its buffer overflowed

    def forge_with_gap(self, forgery, gap_us, genuine_us):
        """The outcomes of many probes to victims of both families, of whom @forgery is told with every sequence."""
        rules = [f"{only(victim)} echo delay {genuine_us}" for victim in VICTIM.values()]
        for family, victim in VICTIM.items():
            rules.append(f"{only(TRIGGER[family])} {forgery.format(victim=victim)} sequence count copies {N_SEQUENCES} "
                         f"gap {gap_us} + echo")
        self.simulate(*rules, trace=False)
        targets = [VICTIM[4], VICTIM[6]] * self.N_PROBES
        outcomes = self.client.ping([*targets, TRIGGER[4], TRIGGER[6]], 5 * genuine_us)
        for rule in (2, 3):
            self.wait_until_sent(N_SEQUENCES, rule)
        return outcomes[:len(targets)]

    def forge(self, forgery):
        """Has @forgery sent with every sequence while many probes are open; the hosts answer only after that. All of them are
        believed, and none of the others. Returns how many events the probes had, all of one kind."""
        for gap_us in self.GAPS_US:
            genuine_us = 2 * N_SEQUENCES * gap_us
            outcomes = self.forge_with_gap(forgery, gap_us, genuine_us)
            if self.counters()["receive_dropped_packets"] == 0:
                break
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), genuine_us * 1000)
        events = [event for event in self.client.events.get(self.client.last_id, []) if event[0] < len(outcomes)]
        self.assertLessEqual({event[1] for event in events}, {UNVERIFIED_ERROR})
        return len(events)

    def forge_in_vain(self, forgery):
        self.assertEqual(self.forge(forgery), 0)
        self.assertGreater(self.counters()["forged_packets"], 0)
        self.assertEqual(self.counters()["unverified_errors"], 0)

    @rig.defended_by("SECRET")
    def test_replies_for_every_sequence_without_the_secret(self):
        self.forge_in_vain("echo from {victim} payload random")

    def test_replies_for_every_sequence_with_another_probes_secret(self):
        self.forge_in_vain("echo from {victim}")

    @rig.defended_by("SECRET")
    def test_errors_for_every_sequence_without_the_secret(self):
        self.forge_in_vain("error about {victim} payload random")

    @rig.defended_by("VERIFIED_ERRORS")
    def test_errors_for_every_sequence_that_quote_too_little_are_events(self):
        n_events = self.forge("error about {victim} quote 8")
        counters = self.counters()
        self.assertGreater(n_events, 0)
        self.assertLessEqual(counters["unverified_errors"], 2 * self.N_PROBES)
        self.assertLessEqual(counters["unverified_errors"] - n_events, counters["events_dropped"])

    def test_replies_and_errors_for_every_identifier(self):
        """From whoever knows the sequence, too."""
        genuine_us = 2 * 15 * N_IDENTIFIERS
        flood = f"identifier count payload random copies {N_IDENTIFIERS} gap 15 + echo delay {genuine_us}"
        self.simulate(f"198.18.0.0/24 echo {flood}", f"2001:db8::/112 error {flood}")
        targets = [VICTIM[4], VICTIM[6]]
        outcomes = self.client.ping(targets, LONG_US)
        for rule in (0, 1):
            self.wait_until_sent(N_IDENTIFIERS, rule)
        self.assertEqual([outcome[1] for outcome in outcomes], [REPLY, REPLY])
        self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), genuine_us * 1000)
        counters = self.counters()
        # of a raw socket's 64 identifiers each stands for itself; of ping sockets' there are two, to fragment or not to
        n_forged = 2 if rig.SOCKET_KIND == "raw" else 4
        self.assertEqual((counters["forged_packets"], counters["unverified_errors"]), (n_forged, 0))
        self.assertLess(counters["foreign_packets"], 2 * 64)  # of the helper's block of identifiers

    @rig.defended_by("SOURCE_ADDRESS")
    def test_replies_from_another_address_are_not_taken(self):
        self.simulate("198.18.0.0/24 echo from 203.0.113.9 + echo delay 200000",
                      "198.18.1.0/24 echo from 198.18.0.1 + echo delay 200000",  # another host that is being pinged
                      "2001:db8::/112 echo from 2001:db8:1::9 + echo delay 200000")
        targets = hosts("198.18.0.0/24", 50) + hosts("198.18.1.0/24", 50) + hosts("2001:db8::/112", 50)
        self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)
        counters = self.counters()
        self.assertEqual(counters["forged_packets"], len(targets), counters)
        self.assertEqual(self.client.events, {})


class Packets(hostile_simulation.Case):
    """One false packet to each probe, of every kind; then the genuine reply, after 300 ms."""

    GENUINE = "+ echo delay 300000"

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

    @rig.defended_by("QUOTE_LENGTH")
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
                n_secrets.append(n_bytes - n_headers if quoted >= 5 else NO_QUOTE)
        self.assert_cut_errors(targets, n_secrets)
        # what is shorter has no identifier, and does not pass the socket filter
        n_malformed = sum(n_secret in (-2, -1) for n_secret in n_secrets)
        self.assertEqual(self.counters()["malformed_packets"], n_malformed if rig.SOCKET_KIND == "raw" else 0)

    def test_ipv6_errors_cut_at_every_byte(self):
        self.simulate(f"2001:db8::/112 error cut host {self.GENUINE}")
        self.assert_cut_errors(hosts("2001:db8::/112", 120, first=0), [n_bytes - (40 + 8 + 40 + 8) for n_bytes in range(120)])

    def test_all_types_with_all_codes(self):
        """Where one of them is an answer, it is so with the first code; and known by its hop limit."""
        rule = f"type host code count copies 256 hop-limit 7 {self.GENUINE}"
        self.simulate(f"198.18.0.0/24 echo {rule}", f"198.18.1.0/24 error {rule}",
                      f"2001:db8::/120 echo {rule}", f"2001:db8::1:0/120 error {rule}", trace=False)
        for echoes, quotes, reply, errors in (("198.18.0.0/24", "198.18.1.0/24", 0, IPV4_ERRORS),
                                              ("2001:db8::/120", "2001:db8::1:0/120", 129, IPV6_ERRORS)):
            outcomes = self.client.ping(hosts(echoes, 256, first=0), LONG_US)
            self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
            self.assertEqual([kind for kind, outcome in enumerate(outcomes) if outcome[5] == 7], [reply])
            outcomes = self.client.ping(hosts(quotes, 256, first=0), LONG_US)
            self.assertEqual({kind for kind, outcome in enumerate(outcomes) if outcome[1] == ICMP_ERROR}, errors)
            for kind, outcome in enumerate(outcomes):
                self.assertEqual(outcome[4:6] if kind in errors else outcome[1], [kind, 0] if kind in errors else REPLY)
        self.assertEqual(self.counters()["unverified_errors"], 0)

    @rig.raw_only("the kernel keeps ICMPv4 errors with codes that it does not know from ping sockets")
    def test_all_codes_of_errors(self):
        prefixes = {(4, kind): f"198.18.{kind}.0/24" for kind in IPV4_ERRORS} | \
                   {(6, kind): f"2001:db8::{kind}:0/112" for kind in IPV6_ERRORS}
        self.simulate(*(f"{prefix} error type {kind} code host" for (_, kind), prefix in prefixes.items()), trace=False)
        for (_, kind), prefix in prefixes.items():
            outcomes = self.client.ping(hosts(prefix, 256, first=0), LONG_US)
            self.assertEqual([[outcome[1], *outcome[4:6]] for outcome in outcomes],
                             [[ICMP_ERROR, kind, code] for code in range(256)])

    @rig.defended_by("CHECKSUM")
    def test_bits_turned_over_under_the_checksum_are_noticed(self):
        self.simulate(f"198.18.0.0/24 echo damage 1 {self.GENUINE}", f"2001:db8::/112 echo damage 1 {self.GENUINE}",
                      f"198.18.1.0/24 error damage 1 {self.GENUINE}", f"2001:db8::1:0/112 error damage 1 {self.GENUINE}")
        for prefix in ("198.18.0.0/24", "2001:db8::/112", "198.18.1.0/24", "2001:db8::1:0/112"):
            targets = hosts(prefix, 200)
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)
        if rig.SOCKET_KIND == "raw":  # else the kernel throws them away
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

    @rig.raw_only("the kernel does not tell a ping socket how long a packet was that it had to cut")
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

    def test_replies_cut_at_every_byte_need_the_whole_secret(self):
        """Shorter than an ICMP header, too, where the IP header is believed; the kernel keeps those."""
        cuts = {"198.18.0.0/24": 20 + 8, "2001:db8::/112": 40 + 8}
        self.simulate(*(f"{prefix} echo cut host {self.GENUINE}" for prefix in cuts))
        for prefix, n_headers in cuts.items():
            outcomes = self.client.ping(hosts(prefix, n_headers + 56, first=0), LONG_US)
            sizes = [n_bytes - n_headers for n_bytes in range(n_headers + 56)]
            self.assertEqual([(outcome[1], outcome[6]) for outcome in outcomes],
                             [(REPLY, size if size >= 8 else 56) for size in sizes])
            self.assertEqual([outcome[4] >= 300_000_000 for outcome in outcomes], [size < 8 for size in sizes])

    def test_fragments_are_one_packet(self):
        """Of 8 bytes each, and of the usual size: 45 of them for a reply of 64 KB; the last one comes first."""
        self.simulate("198.18.0.0/24 echo delay 30000 fragment 1", "2001:db8::/112 echo delay 30000 fragment 1",
                      f"198.18.1.0/24 echo payload random fragment 1 {self.GENUINE}",
                      f"2001:db8::1:0/112 error about {VICTIM[6]} fragment 3 {self.GENUINE}",
                      "198.18.2.0/24 error fragment 2 delay 30000", "2001:db8::2:0/112 error fragment 2 delay 30000",
                      "198.18.3.0/24 echo size 65507 fragment 185", "2001:db8::3:0/112 echo size 65519 fragment 181")
        for places, answer in (("198.18.0.0/24", 0), ("2001:db8::/112", 0), ("198.18.1.0/24", 1), ("2001:db8::1:0/112", 1)):
            targets = hosts(places, 50)
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=answer)
        for prefix in ("198.18.2.0/24", "2001:db8::2:0/112"):
            self.assertEqual({outcome[1] for outcome in self.client.ping(hosts(prefix, 50), LONG_US)}, {ICMP_ERROR})
        for target, size in (("198.18.3.1", 65507), ("2001:db8::3:1", 65519)):
            outcome, = self.client.ping([target], LONG_US)
            self.assertEqual((outcome[1], outcome[6]), (REPLY, size))

    @rig.raw_only("the kernel looks for a ping socket's request behind extension headers of a quote, too")
    def test_extension_headers_of_ipv6(self):
        """What stands before the message is the kernel's matter. In a quote they are not ours: the helper sends none."""
        self.simulate("2001:db8::/112 echo delay 30000 extensions host", "2001:db8::1:0/112 error extensions host",
                      f"2001:db8::2:0/112 error quoted-extensions host {self.GENUINE}")
        targets = hosts("2001:db8::/112", 65, first=0)
        outcomes = self.client.ping(targets, LONG_US)
        self.assert_round_trips(targets, outcomes)
        self.assertEqual({outcome[6] for outcome in outcomes}, {56})
        outcomes = self.client.ping(hosts("2001:db8::1:0/112", 65, first=0), LONG_US)
        self.assertEqual({outcome[1] for outcome in outcomes}, {ICMP_ERROR})
        targets = hosts("2001:db8::2:0/112", 64)
        self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)

    @rig.raw_only("the kernel tells a ping socket nothing of an ICMPv4 error of 64 KiB")
    def test_extension_objects_of_any_length_are_not_looked_at(self):
        """Behind a whole quote, filled up to 128 bytes; and behind one of 8 bytes, where what fills it is no secret."""
        self.simulate(*(f"{prefix} error object host" for prefix in ("198.18.0.0/23", "2001:db8::/112")),
                      "198.18.2.0/24 error type 11 object 65535", "2001:db8::1:0/112 error type 3 object 65535",
                      *(f"{prefix} error quote 8 object 8 {self.GENUINE}" for prefix in ("198.18.3.0/24", "2001:db8::2:0/112")))
        for prefix, n_hosts in (("198.18.0.0/23", 512), ("2001:db8::/112", 512), ("198.18.2.0/24", 5), ("2001:db8::1:0/112", 5)):
            outcomes = self.client.ping(hosts(prefix, n_hosts, first=0), LONG_US)
            self.assertEqual({(outcome[1], outcome[2]) for outcome in outcomes}, {(ICMP_ERROR, 0)})
        for prefix in ("198.18.3.0/24", "2001:db8::2:0/112"):
            targets = hosts(prefix, 20)
            self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)


if __name__ == "__main__":
    rig.main()
