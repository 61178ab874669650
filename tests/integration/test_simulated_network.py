# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A network that delays, loses, doubles and reorders, and routers that complain: what the helper makes of it.

The simulator knows what it did, and that is the truth here: how long it kept each request, which ones it lost. A round-trip time
is at least that long; how much longer is compared with the delay itself."""

import re
import statistics
import time

import rig
import simulator
from client_from_specification import FIRST_EVENT, ICMP_ERROR, REPLY, TIMEOUT, address
from simulator import hosts

DUPLICATE, LATE, UNVERIFIED_ERROR = range(FIRST_EVENT, FIRST_EVENT + 3)
UNVERIFIED = 8
SLACK_SECONDS = 1.5
LONG_US = 20_000_000  # where nothing may time out
ROUTERS = {4: "203.0.113.1", 6: "2001:db8:ffff::1"}

# ICMP errors that end a probe: the codes of each type (RFC 792, 1122, 1812, 4884; RFC 4443 and IANA's list).
ERRORS = {4: {3: range(16), 11: range(2), 12: range(3)}, 6: {1: range(9), 2: range(1), 3: range(2), 4: range(11)}}
MTU_IN = {(4, 3, 4), (6, 2, 0)}  # which of them tell the next hop's


def of_error(outcome):
    """What an icmp_error or unverified_error tells: (type, code, reporter, mtu)."""
    return tuple(outcome[4:8])

NOT_TOLD = (4, 11, 1)  # to ping sockets: the kernel keeps to itself that a packet was not put together in time


class SimulatedNetwork(simulator.Case):
    def assert_takes(self, begin, seconds):
        """That as long as @seconds, and not much longer, have gone by since @begin."""
        took = time.monotonic() - begin
        self.assertGreaterEqual(took, seconds)
        self.assertLessEqual(took, 1.5 * seconds + SLACK_SECONDS)

    def events(self, id, n_events):
        """Waits for as many events of a request; {index: [event]}."""
        while len(self.client.events.get(id, [])) < n_events:
            self.client.receive()
        by_index = {}
        for event in self.client.events[id]:
            by_index.setdefault(event[0], []).append(event)
        return by_index

    def test_round_trip_time_is_the_delay(self):
        delays_us = {"198.18.0.0/24": 10_000, "198.18.1.0/24": 60_000, "198.18.2.0/24": 360_000, "2001:db8::/112": 60_000}
        self.simulate(*(f"{prefix} echo delay {delay_us}" for prefix, delay_us in delays_us.items()))
        medians = []
        for prefix, delay_us in delays_us.items():
            targets = hosts(prefix, 50)
            outcomes = self.client.ping(targets, LONG_US)
            self.assert_round_trips(targets, outcomes)
            self.assertGreaterEqual(min(outcome[4] for outcome in outcomes), delay_us * 1000)
            medians.append(statistics.median(outcome[4] for outcome in outcomes))
        self.assertLess(medians[0] * 3, medians[1])
        self.assertLess(medians[1] * 3, medians[2])

    def test_what_was_lost_times_out_and_nothing_else(self):
        self.simulate("198.18.0.0/16 echo loss 300", "2001:db8::/112 echo loss 300", "198.19.0.0/16 echo loss 1000")
        begin = time.monotonic()
        silent = self.client.ping(hosts("198.19.0.0/16", 100), 400_000)
        self.assertEqual({outcome[1] for outcome in silent}, {TIMEOUT})
        self.assert_takes(begin, 0.4)
        targets = hosts("198.18.0.0/16", 1000) + hosts("2001:db8::/112", 500)
        outcomes = self.client.ping(targets, 2_000_000)
        answered = set(self.simulator.first())
        self.assertLess(len(answered), len(targets))
        self.assertEqual({target for target, outcome in zip(targets, outcomes) if outcome[1] == REPLY}, answered)
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY, TIMEOUT})
        self.assertEqual({outcome[2] for outcome in outcomes if outcome[1] == TIMEOUT}, {0})  # no local loss

    def test_the_same_seed_loses_the_same(self):
        targets, lost = hosts("198.18.0.0/24", 100), []
        for seed in (7, 7, 8):
            self.simulate("198.18.0.0/24 echo loss 500", seed=seed)
            lost.append([outcome[1] == TIMEOUT for outcome in self.client.ping(targets, 600_000)])
        self.assertEqual(lost[0], lost[1])
        self.assertNotEqual(lost[0], lost[2])

    def test_more_replies_than_one_are_one_reply_and_one_event(self):
        self.simulate("198.18.0.0/24 echo copies 3 gap 1000", "2001:db8::/112 echo copies 3")
        targets = hosts("198.18.0.0/24", 20) + hosts("2001:db8::/112", 20)
        outcomes = self.client.ping(targets, LONG_US)
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        events = self.events(1, len(targets))
        while self.counters()["duplicates"] < 2 * len(targets):
            time.sleep(0.01)  # an event tells of the first only
        self.assertEqual({index: [event[1] for event in of_index] for index, of_index in events.items()},
                         {index: [DUPLICATE] for index in range(len(targets))})
        for outcome in outcomes:
            self.assertGreaterEqual(events[outcome[0]][0][4], outcome[4])

    def test_a_reply_after_the_time_out_is_late(self):
        self.simulate("198.18.0.0/24 echo delay 600000", "2001:db8::/112 echo delay 600000")
        targets = hosts("198.18.0.0/24", 20) + hosts("2001:db8::/112", 20)
        begin = time.monotonic()
        outcomes = self.client.ping(targets, 200_000)
        self.assert_takes(begin, 0.2)
        self.assertEqual({outcome[1] for outcome in outcomes}, {TIMEOUT})
        events, sent = self.events(1, len(targets)), self.simulator.first()
        for index, target in enumerate(targets):
            late, = events[index]
            self.assertEqual(late[1], LATE)
            self.assertGreaterEqual(late[4], sent[target].kept_ns)

    def test_replies_in_any_order_each_go_to_their_own(self):
        self.simulate("198.18.0.0/16 echo delay 0..200000 reorder 100 hop-limit host",
                      "2001:db8::/112 echo delay 0..200000 reorder 100 hop-limit host")
        for targets in (hosts("198.18.0.0/16", 2000), hosts("2001:db8::/112", 800)):
            outcomes = self.client.ping(targets, LONG_US)
            self.assert_round_trips(targets, outcomes)
            for target, outcome in zip(targets, outcomes):
                self.assertEqual(outcome[5], address(target)[-1], target)  # by which the reply is known
        trace = self.simulator.trace()
        arrived = [sent.received_monotonic for sent in trace]
        self.assertNotEqual(arrived, sorted(arrived))
        self.assertGreater(self.simulator.answers()[0]["reordered"], 0)

    def test_each_icmp_error_ends_its_probe(self):
        prefixes = {(4, kind): f"198.18.{kind}.0/24" for kind in ERRORS[4]} | \
                   {(6, kind): f"2001:db8::{kind}:0/112" for kind in ERRORS[6]}
        self.simulate(*(f"{prefix} error type {kind} code host from {ROUTERS[family]} mtu 1400"
                        for (family, kind), prefix in prefixes.items()))
        begin = time.monotonic()
        for (family, kind), prefix in prefixes.items():
            codes = ERRORS[family][kind]
            timeout_us = 1_000_000 if (family, kind) == NOT_TOLD[:2] else LONG_US
            outcomes = self.client.ping(hosts(prefix, len(codes), first=0), timeout_us)
            for code, outcome in zip(codes, outcomes):
                if rig.SOCKET_KIND == "ping" and (family, kind, code) == NOT_TOLD:
                    self.assertEqual(outcome[1], TIMEOUT)
                    continue
                with self.subTest(family=family, type=kind, code=code):
                    mtu = 1400 if (family, kind, code) in MTU_IN else 0
                    self.assertEqual(outcome[1:3], [ICMP_ERROR, 0])
                    self.assertEqual(of_error(outcome), (kind, code, address(ROUTERS[family]), mtu))
        self.assertLess(time.monotonic() - begin, LONG_US / 1e6)
        self.assertEqual(self.client.events, {})

    def test_what_is_no_error_ends_nothing(self):
        self.simulate("198.18.0.0/24 error type host + echo delay 100000")
        no_errors = [kind for kind in range(256) if kind not in ERRORS[4] and kind != 0]
        targets = [f"198.18.0.{kind}" for kind in no_errors]
        self.assert_round_trips(targets, self.client.ping(targets, LONG_US), answer=1)

    def test_a_quote_proves_with_the_whole_secret_only(self):
        self.simulate("198.18.0.0/24 error quote host", "2001:db8::/112 error quote host")
        for prefix, error in (("198.18.0.0/24", (3, 1)), ("2001:db8::/112", (1, 3))):
            outcomes = self.client.ping(hosts(prefix, 20, first=0), 500_000)
            for n_quoted, outcome in enumerate(outcomes):
                with self.subTest(prefix=prefix, n_quoted=n_quoted):
                    expected = [TIMEOUT, 0] if n_quoted < 8 else [ICMP_ERROR, UNVERIFIED if n_quoted < 16 else 0]
                    self.assertEqual(outcome[1:3], expected)
                    if n_quoted >= 8:
                        self.assertEqual(of_error(outcome)[:2], error)

    def test_an_error_without_proof_is_an_event_and_counts_when_nothing_better_comes(self):
        rule = f"error type 3 code 4 mtu 1300 quote 8 from {ROUTERS[4]}"
        self.simulate(f"198.18.0.0/24 {rule}", f"198.18.1.0/24 {rule} + echo delay 200000",
                      f"198.18.2.0/24 {rule} + error type 11 code 0 delay 100000")
        told = (3, 4, address(ROUTERS[4]), 1300)
        begin = time.monotonic()
        alone, replied, proved = self.client.ping(["198.18.0.1", "198.18.1.1", "198.18.2.1"], 500_000)
        self.assert_takes(begin, 0.5)
        self.assertEqual((alone[1:3], of_error(alone)), ([ICMP_ERROR, UNVERIFIED], told))
        self.assert_round_trips(["198.18.1.1"], [replied], answer=1)
        self.assertEqual((proved[1:3], of_error(proved)), ([ICMP_ERROR, 0], (11, 0, address("198.18.2.1"), 0)))
        for index, events in self.events(1, 3).items():
            self.assertEqual([(event[1:3], of_error(event)) for event in events],
                             [([UNVERIFIED_ERROR, UNVERIFIED], told)], index)

    def test_command_line_shows_the_delay(self):
        self.simulate("198.18.0.0/24 echo delay 40000", "198.18.1.0/24 echo loss 1000")
        done = self.shared.multiping("-q", "-C", "3", "-p", "100", "198.18.0.1", "198.18.1.1")
        shown = re.fullmatch(r"198\.18\.0\.1 : (.*)\n198\.18\.1\.1 : - - -\n", done.stderr)
        self.assertIsNotNone(shown, done.stderr)
        for time_ms in map(float, shown[1].split()):
            self.assertGreaterEqual(time_ms, 40)


if __name__ == "__main__":
    rig.main()
