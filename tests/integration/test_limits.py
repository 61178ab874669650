# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Every limit, just below it, at it, just above it, and after what was taken is given back.

A limit of the configuration is tried in each section where it can stand (PLACES), with another number in each, so that a wrong
section's would be seen. What is over a rate or in flight waits, and `stats` tells; all else is refused with an error that names
limit, asked and allowed. Times are the helper's own (`queued_us`), and only their lower bounds are sharp. When a test's clients
are gone the accounts of its helper must be at zero. Two tests look whether a limit was forgotten here.
"""

import fcntl
import re
import termios
import time

import msgpack

import rig
from client_from_specification import Client, Closed, Fault, REPLY, REQUEST, address
from peer import connect

LO = "127.0.0.1"
SILENT = "127.9.0.1"
FOREVER_US = 60_000_000
PATIENCE_SECONDS = 30
GROUP = 30001
UNVERIFIED = 8
HELD_UP_US = 125_000  # half of what a token takes in tests of bursts

# Where a limit can stand, with the first of ten uids whose limits come from there.
PLACES = {"limits": 21000, "user": 22000, "group": 23000, "listener": 24000}

NO_LIMITS = {"packets_per_second": "unlimited", "burst_packets": "unlimited", "max_probes_in_flight": "unlimited",
             "max_connections": "unlimited", "max_payload_bytes": "unlimited", "allow_options": "ttl tos dont_fragment"}
NO_TOTALS = {"total_packets_per_second": "unlimited", "destination_packets_per_second": "unlimited",
             "destination_burst_packets": "unlimited", "probes_in_flight": 524288}


def section(name, values):
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


class Limits(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop("ip daddr 127.9.0.0/16")  # hosts that never answer
        self.clients = []

    def start(self, configuration):
        self.shared = self.helper(self.network, configuration)
        self.addCleanup(self.assert_accounts_are_at_zero, self.shared)  # before it is stopped

    def start_with_places(self, key, values, **others):
        """A helper in which @key has the value values[place] in each of the PLACES; @others stand in [limits]."""
        self.realm = rig.temporary_folder() / "multiping.sock"
        own = {place: {key: value} for place, value in values.items()}
        users = "".join(section(f"user {PLACES['user'] + i}", own["user"]) for i in range(10))
        self.start(section("helper", NO_TOTALS) + section("limits", {**NO_LIMITS, **others, **own["limits"]}) + users
                   + section(f"group {GROUP}", own["group"])
                   + section("listener realm", {"path": self.realm, "allow": "127.0.0.0/8", **own["listener"]}))

    def raw_client(self, place="limits", number=0):
        """A client that is the @number-th user of @place."""
        path = self.realm if place == "listener" else self.shared.socket
        client = Client(connect(path, PLACES[place] + number, groups=[GROUP] if place == "group" else []))
        self.clients.append(client)
        return client

    def client(self, place="limits", number=0):
        client = self.raw_client(place, number)
        client.limits = client.hello()["limits"]
        return client

    def stats(self, client, scope="session"):
        return client.call("stats", scope=scope)

    def await_stats(self, client, scope, **wanted):
        """Until the counters are as @wanted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            stats = self.stats(client, scope)
            seen = {name: stats[name] for name in wanted}
            if seen == wanted or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        self.assertEqual(seen, wanted)

    def assert_accounts_are_at_zero(self, helper):
        for client in self.clients:
            client.close()
        with Client(helper.connect()) as observer:
            observer.hello()
            self.await_stats(observer, "helper", owners=1, connections=1, probes_open=0, request_bytes=0, targets_queued=0,
                             outcomes_unread=0, waiting_for_destination=0, waiting_for_neighbour=0)

    def assert_fault(self, code, call, *arguments, **keywords):
        with self.assertRaises(Fault) as caught:
            call(*arguments, **keywords)
        error = caught.exception.error
        self.assertEqual(error["code"], code)
        return error

    def assert_refused(self, code, limit, asked, allowed, call, *arguments, **keywords):
        error = self.assert_fault(code, call, *arguments, **keywords)
        self.assertEqual((error["limit"], error["asked"], error["allowed"]), (limit, asked, allowed))

    def assert_replies(self, outcomes):
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        return outcomes

    def assert_rate(self, outcomes, burst, per_second):
        """@burst packets may go at once, the others by and by: none too early, nor all of them far too late. A helper that was held
        up between its look at the clock and its reading tells less than there was, of one request."""
        queued_us = sorted(outcome[3] for outcome in self.assert_replies(outcomes))
        for i, at_us in enumerate(queued_us):
            self.assertGreaterEqual(at_us, 1e6 * (i + 1 - burst) / per_second - HELD_UP_US, queued_us)
        self.assertLess(queued_us[-1], 4e6 * max(0, len(queued_us) - burst) / per_second + 1e6)


class Rates(Limits):
    """What is over a rate waits."""

    def test_packets_per_second(self):
        rates = {"limits": 20, "user": 30, "group": 40, "listener": 50}
        self.start_with_places("packets_per_second", rates, burst_packets=1)
        asked = []
        for place, rate in rates.items():
            client = self.client(place)
            self.assertEqual(client.limits["packets_per_second"], rate)
            asked.append((place, client, client.begin_ping([LO] * (rate + 1))[0]))
        for place, client, id in asked:  # a second each, at the same time
            with self.subTest(place):
                self.assert_rate(client.finish(id), 1, rates[place])
                self.assertGreater(self.stats(client)["delayed_by_rate"], 0)

    def test_burst_packets(self):
        bursts = {"limits": 3, "user": 4, "group": 5, "listener": 6}
        rate = 4
        self.start_with_places("burst_packets", bursts, packets_per_second=rate)
        asked = [(place, more, client := self.client(place, 1 + more), client.begin_ping([LO] * (bursts[place] + more))[0])
                 for place in PLACES for more in (-1, 0, 1)]
        for place, more, client, id in asked:
            with self.subTest(place, more=more):
                self.assert_rate(client.finish(id), bursts[place], rate)
                self.assertEqual(self.stats(client)["delayed_by_rate"], max(more, 0))
        time.sleep((max(bursts.values()) + 1) / rate)  # until the buckets are full again
        for place, more, client, _ in asked:
            with self.subTest(place, again=more):
                self.assert_rate(client.ping([LO] * bursts[place]), bursts[place], rate)
                self.assertEqual(self.stats(client)["delayed_by_rate"], max(more, 0))

    def test_total_packets_per_second(self):
        rate = 40
        burst = rate // 20
        self.start(section("helper", {**NO_TOTALS, "total_packets_per_second": rate}) + section("limits", NO_LIMITS))
        observer = self.client(number=9)
        clients = [self.client(number=number) for number in range(2)]
        asked = [(client, client.begin_ping([LO] * rate)[0]) for client in clients]
        while self.stats(observer, "helper")["queued_for_total_rate"] == 0:
            self.assertEqual(self.stats(observer, "helper")["queued_for_rate"], 0)
        queued_us = sorted(outcome[3] for client, id in asked for outcome in self.assert_replies(client.finish(id)))
        # The second request came a moment after the first, so its packets seem to have waited less by that.
        self.assertGreater(queued_us[-1], (len(queued_us) - burst) / rate * 1e6 * 0.8)
        self.assertLess(queued_us[-1], 4e6 * len(queued_us) / rate)
        self.assertGreater(sum(self.stats(client)["delayed_by_rate"] for client in clients), 0)
        self.await_stats(observer, "helper", queued_for_total_rate=0)

    def test_destination_packets_per_second_and_burst(self):
        rate, burst = 4, 3
        self.start(section("helper", {**NO_TOTALS, "destination_packets_per_second": rate, "destination_burst_packets": burst})
                   + section("limits", NO_LIMITS))
        asked = {}
        for more in (-1, 0, 1, 5):
            host = f"127.1.0.{10 + more}"
            client = self.client(number=more + 1)
            asked[more] = host, client, client.begin_ping([host] * (burst + more))[0]
        client = asked[5][1]
        self.await_stats(client, "session", probes_sent=burst + 1, waiting_for_destination=4)
        self.assertLess(client.ping([LO])[0][3], 1e6 / rate)  # another destination waits for nobody
        for more, (host, client, id) in asked.items():
            with self.subTest(more=more):
                self.assert_rate(client.finish(id), burst, rate)
                self.assertEqual(self.stats(client)["delayed_by_destination"], max(more, 0))
        time.sleep((burst + 1) / rate)
        for more, (host, client, id) in asked.items():
            with self.subTest(again=more):
                self.assert_rate(client.ping([host] * burst), burst, rate)
                self.assertEqual(self.stats(client)["delayed_by_destination"], max(more, 0))


class InFlight(Limits):
    """What is over what may be in flight waits until a slot is free. Each client has one probe, so that no share is rounded."""

    def assert_slots(self, clients, most, scope):
        """Of @clients one more than @most has its probe sent when another's ends."""
        ids = []
        for n, client in enumerate(clients[:most], 1):  # ..., limit - 1, limit
            ids.append(client.begin_ping([SILENT], FOREVER_US)[0])
            client.wait_until_sent(ids[-1])
            self.assertEqual(self.stats(client, scope)["probes_open"], n)
            self.assertEqual(self.stats(client)["delayed_by_in_flight"], 0)
        late = clients[most]
        late_id, _ = late.begin_ping([SILENT], FOREVER_US)
        self.await_stats(late, "session", probes_sent=0, targets_queued=1, delayed_by_in_flight=1)
        self.assertEqual(self.stats(late, "owner")["queued_for_slots"], 1)
        self.assertEqual(self.stats(late, scope)["probes_open"], most)
        self.assertNotIn(late_id, late.sent)
        clients[0].call("cancel", id=ids[0])
        clients[0].finish(ids[0])
        late.wait_until_sent(late_id)
        self.await_stats(late, scope, probes_open=most)

    def test_max_probes_in_flight(self):
        most = {"limits": 1, "user": 2, "group": 3, "listener": 4}
        self.start_with_places("max_probes_in_flight", most)
        for place, number in most.items():
            with self.subTest(place):
                self.assert_slots([self.client(place) for _ in range(number + 1)], number, "owner")

    def test_probes_in_flight(self):
        for most in 1, 8:
            with self.subTest(most=most):
                self.start(section("helper", {**NO_TOTALS, "probes_in_flight": most}) + section("limits", NO_LIMITS))
                self.assert_slots([self.client(number=number) for number in range(most + 1)], most, "helper")

    def test_unread_outcomes_keep_their_slots(self):
        """A client that does not read has no more than its slots, and gets everything when it reads."""
        most, n_targets = 1000, 2048
        self.start(section("helper", NO_TOTALS) + section("limits", {**NO_LIMITS, "max_probes_in_flight": most}))
        deaf, observer = self.client(), self.client()
        targets = [f"127.1.{host // 250}.{host % 250}" for host in range(n_targets)]
        ids = [deaf.begin_ping(targets)[0] for _ in range(2)]
        deadline, seen = time.monotonic() + PATIENCE_SECONDS, [self.stats(observer, "owner")]
        while len(seen) < 4 or seen[-1]["probes_sent"] > seen[-4]["probes_sent"]:
            time.sleep(0.1)
            seen.append(self.stats(observer, "owner"))
            self.assertLess(time.monotonic(), deadline)
        self.assertLessEqual(max(stats["probes_open"] for stats in seen), most)
        self.assertGreater(seen[-1]["outcomes_unread"], 0)
        self.assertEqual(seen[-1]["outcomes_unread"], seen[-1]["probes_open"])
        self.assertEqual(seen[-1]["queued_for_slots"], seen[-1]["targets_queued"])
        for id in ids:
            self.assertEqual(len(self.assert_replies(deaf.finish(id))), n_targets)


class Refusals(Limits):
    """What is over another limit is refused, in words."""

    def test_max_connections(self):
        most = {"limits": 1, "user": 2, "group": 3, "listener": 4}
        self.start_with_places("max_connections", most)
        for place, number in most.items():
            with self.subTest(place):
                clients = [self.client(place) for _ in range(number)]
                self.assertEqual(self.stats(clients[0], "owner")["connections"], number)
                with self.assertRaisesRegex(Closed, f"too many connections: at most {number} for one user") as caught:
                    one_more = self.raw_client(place)
                    while True:
                        one_more.receive()
                self.assertEqual(caught.exception.code, "connections")
                clients.pop().close()
                self.assert_connects(place)
        for place, uid in PLACES.items():
            realm = "realm" if place == "listener" else "host"
            self.assertIn(f"event=refused uid={uid} realm={realm} limit=max_connections count=1\n", self.shared.log())

    def assert_connects(self, place):
        """As soon as the helper has seen that another one is gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.client(place)
                return
            except Closed:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)

    def test_max_payload_bytes(self):
        most = {"limits": 100, "user": 200, "group": 300, "listener": 400}
        self.start_with_places("max_payload_bytes", most)
        for place, size in most.items():
            with self.subTest(place):
                client = self.client(place)
                self.assertEqual(client.limits["payload_bytes"], size)
                for good in size - 1, size:
                    self.assert_replies(client.ping([LO], size_bytes=good))
                self.assert_refused("out_of_range", "max_payload_bytes", size + 1, size, client.ping, [LO], size_bytes=size + 1)
                client.last_id += 1  # nothing of it was done, its id is as if it had not been
                self.assert_replies(client.ping([LO], size_bytes=size))
                self.assertEqual(self.stats(client)["probes_sent"], 3)

    def test_allow_options(self):
        wishes = {"ttl": 9, "tos": 4, "dont_fragment": True, "source": address(LO), "interface": 1}
        allowed = {"limits": "ttl tos", "user": "dont_fragment", "group": "source interface", "listener": ""}
        self.start_with_places("allow_options", allowed)
        for place, words in allowed.items():
            for option, value in {**wishes, "fwmark": 1}.items():
                with self.subTest(place, option=option):
                    client = self.client(place)
                    self.assertEqual(sorted(client.limits["options"]), sorted(words.split()))
                    if option in words.split():
                        self.assert_replies(client.ping([LO], **{option: value}))
                    else:
                        error = self.assert_fault("option_refused", client.ping, [LO], **{option: value})
                        self.assertIn(option, error["message"])
                        self.assertEqual(self.stats(client)["probes_sent"], 0)
                    self.assert_replies(client.ping([LO]))
                    client.close()


def wide(number, n_bytes):
    """A MessagePack integer that takes @n_bytes, more than it needs."""
    formats = {1: (b"", 1), 2: (b"\xcc", 1), 3: (b"\xcd", 2), 5: (b"\xce", 4), 9: (b"\xcf", 8)}
    head, n_digits = formats[n_bytes]
    return head + number.to_bytes(n_digits, "big")


def ping_of_length(n_bytes):
    """A good `ping` whose message is @n_bytes long: as many targets as fit, then numbers as wide as needed."""
    def message(n_targets, widths):
        numbers = b"".join(msgpack.packb(key) + wide(value, width)
                           for (key, value), width in zip({"interval_us": 0, "size_bytes": 56, "pattern": 0}.items(), widths))
        targets = b"\xdc" + n_targets.to_bytes(2, "big") + msgpack.packb(address("::1")) * n_targets
        return (b"\x94\x00\x07" + msgpack.packb("ping") + b"\x86" + msgpack.packb("id") + b"\x01" + msgpack.packb("targets")
                + targets + msgpack.packb("timeout_us") + wide(10_000_000, 5) + numbers)

    n_targets = (n_bytes - len(message(0, (1, 1, 1)))) // 18
    widths = (1, 2, 3, 5, 9)
    return next(found for a in widths for b in widths for c in widths
                if len(found := message(n_targets, (a, b, c))) == n_bytes), n_targets


class FixedMaxima(Limits):
    """protocol/limits.h, for whatever a configuration allows."""

    def setUp(self):
        super().setUp()
        self.start(section("helper", NO_TOTALS) + section("limits", NO_LIMITS))

    def assert_closes(self, code, client):
        with self.assertRaises(Closed) as caught:
            while True:
                client.receive()
        self.assertEqual(caught.exception.code, code)

    def assert_range(self, key, good, bad, allowed):
        """Pings with @key at each number of @good are answered, at those of @bad refused."""
        for number in good:
            with self.subTest(key, good=number):
                client = self.client()
                params = {"id": 1, "targets": [address(LO)], "timeout_us": 1_000_000, key: number}
                self.assertIs(client.response(client.begin("ping", params)), True)
                self.assertEqual(len(client.finish(1)), 1)
                client.close()
        for number in bad:
            with self.subTest(key, bad=number):
                client = self.client()
                params = {"id": 1, "targets": [address(LO)], "timeout_us": 1_000_000, key: number}
                self.assert_refused("out_of_range", key, number, allowed, client.call, "ping", **params)
                self.assert_replies(client.ping([LO]))

    def test_bytes_of_a_message(self):
        for n_bytes in 16383, 16384:
            client = self.client()
            message, n_targets = ping_of_length(n_bytes)
            self.assertEqual(len(message), n_bytes)
            client.send_bytes(message)
            self.assertIs(client.response(7), True)
            self.assertEqual(len(self.assert_replies(client.finish(1))), n_targets)
        client = self.client()
        client.send_bytes(ping_of_length(16385)[0])
        self.assert_closes("too_large", client)
        self.assert_replies(self.client().ping([LO]))

    def test_depth(self):
        def nested(depth):  # in an array in a map in an array
            value = 1
            for _ in range(depth - 2):
                value = [value]
            return {"id": 1, "timeout_us": 1_000_000, "targets": value}
        client = self.client()
        self.assertIs(client.response(client.begin("ping", {**nested(3), "targets": [address(LO)]})), True)
        self.assert_fault("wrong_type", client.call, "ping", **nested(4))  # it was read, and is no list of addresses
        client = self.client()
        client.begin("ping", nested(5))
        self.assert_closes("too_deep", client)

    def test_elements(self):
        """A message of n bytes has room for n elements at most, so that no count of it can be believed."""
        client = self.client()
        client.send_bytes(b"\x94\x00\x01\xa4ping\xdd" + (16384).to_bytes(4, "big"))
        self.assert_closes("not_msgpack", client)

    def test_targets_of_a_ping(self):
        client = self.client()
        self.assertEqual(client.limits["targets_per_message"], 2048)
        for n_targets in 2047, 2048:
            self.assert_replies(client.ping([LO] * n_targets))
        self.assert_refused("too_many_targets", "targets_per_message", 2049, 2048, client.ping, [LO] * 2049)
        self.assert_replies(client.ping([LO] * 2048))

    def test_open_ping_requests(self):
        client = self.client()
        waiting = [client.begin_ping([SILENT] * 2, FOREVER_US, interval_us=FOREVER_US) for _ in range(2)]
        self.await_stats(client, "session", probes_sent=1, targets_queued=3)
        _, msgid = client.begin_ping([LO])
        self.assert_refused("too_many_requests", "ping_requests", 3, 2, client.response, msgid)
        client.call("cancel", id=waiting[0][0])
        self.assertIs(client.response(waiting[0][1]), True)
        client.last_id += 1
        third, _ = client.begin_ping([LO])
        client.call("cancel", id=waiting[1][0])
        self.assert_replies(client.finish(third))

    def await_read(self, client):
        """Until the helper has read all that @client has sent, and answered it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while int.from_bytes(fcntl.ioctl(client.connection, termios.TIOCOUTQ, bytes(4)), "little") > 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)
        self.client(number=1).close()  # it does one thing after the other

    def ask_without_reading(self, n_requests):
        """How many were answered with counters, the fault that the others met, and the client."""
        client = self.client()
        try:
            for _ in range(n_requests):
                client.begin("stats", {"scope": "session"})
        except OSError:  # a second fault has closed it
            pass
        self.await_read(client)
        answers, refused = 0, []
        try:
            while client.last_msgid not in client.responses:
                client.receive()
        except Closed as closed:
            self.assertEqual(closed.code, "too_many_requests")
        for error, _ in client.responses.values():
            answers += error is None
            refused += [error] if error else []
        return answers, refused, client

    def test_other_requests(self):
        """Unread answers fill the socket, each time with the same number of them, and then 16 wait in the helper."""
        in_socket, _, closed = self.ask_without_reading(2000)
        self.assertIsNotNone(closed.closing)  # and what waited in the helper went with it
        for more in -1, 0, 1:
            answers, refused, client = self.ask_without_reading(in_socket + 16 + more)
            self.assertEqual(answers, in_socket + 16 + min(more, 0))
            self.assertEqual([(error["code"], error["limit"], error["asked"], error["allowed"]) for error in refused],
                             [("too_many_requests", "other_requests", 17, 16)] * max(more, 0))
            self.assertEqual(self.stats(client)["probes_sent"], 0)  # goes on

    def test_time_out(self):
        self.assert_range("timeout_us", (1000, 1001, 59_999_999, 60_000_000), (999,), 1000)
        self.assert_range("timeout_us", (), (60_000_001,), 60_000_000)

    def test_interval(self):
        self.assert_range("interval_us", (0, 59_999_999, 60_000_000), (60_000_001,), 60_000_000)

    def test_data_bytes(self):
        self.assert_range("size_bytes", (0, 65_506, 65_507), (65_508,), 65_507)
        client = self.client()
        self.assertEqual(client.ping([LO])[0][6], 56)
        for size, flag in (7, UNVERIFIED), (8, 0), (9, 0):  # room for the secret
            self.assertEqual(self.assert_replies(client.ping([LO], size_bytes=size))[0][2] & UNVERIFIED, flag)

    def test_name_of_a_client(self):
        for n_bytes in 1, 63, 64:
            self.raw_client().hello("x" * n_bytes)
        for n_bytes, allowed in (65, 64), (0, 1):
            client = self.raw_client()
            self.assert_refused("out_of_range", "client", n_bytes, allowed, client.hello, "x" * n_bytes)
            client.hello("x")

    def test_version(self):
        for version in 0, 2:
            client = self.raw_client()
            self.assert_refused("protocol_version", "protocol", version, 1, client.call, "hello", protocol=version, client="x")
            client.hello()

    def test_seconds_to_hello(self):
        begin = time.monotonic()
        silent, punctual = self.raw_client(), self.raw_client()
        time.sleep(4)
        punctual.hello()
        self.assert_closes("slow_start", silent)
        self.assertGreaterEqual(time.monotonic() - begin, 5)
        self.assert_replies(punctual.ping([LO]))

    def test_what_the_helper_says_is_bounded_too(self):
        client = self.client()
        stats = self.stats(client, "helper")
        self.assertLessEqual(len(stats), 64)
        self.assertLessEqual(max(map(len, stats)), 64)
        error = self.assert_fault("unknown_parameter", client.call, "stats", **{"scope": "session", "x" * 1000: 1})
        self.assertLessEqual(len(error["message"]), 255)


class Complete(rig.Case):
    """No limit that came later is without its test."""

    TESTED = {
        "PROTOCOL_VERSION": FixedMaxima.test_version,
        "PROTOCOL_MAX_MESSAGE_BYTES": FixedMaxima.test_bytes_of_a_message,
        "PROTOCOL_MAX_DEPTH": FixedMaxima.test_depth,
        "PROTOCOL_MAX_TARGETS": FixedMaxima.test_targets_of_a_ping,
        "PROTOCOL_MAX_CLIENT_BYTES": FixedMaxima.test_name_of_a_client,
        "PROTOCOL_MAX_NAME_BYTES": FixedMaxima.test_what_the_helper_says_is_bounded_too,
        "PROTOCOL_MAX_TEXT_BYTES": FixedMaxima.test_what_the_helper_says_is_bounded_too,
        "PROTOCOL_MAX_TRIED": None,  # of closing, which a helper without any socket says: test_protocol_codes.py
        "PROTOCOL_MAX_COUNTERS": FixedMaxima.test_what_the_helper_says_is_bounded_too,
        "PROTOCOL_MIN_TIMEOUT_US": FixedMaxima.test_time_out,
        "PROTOCOL_MAX_TIMEOUT_US": FixedMaxima.test_time_out,
        "PROTOCOL_MAX_INTERVAL_US": FixedMaxima.test_interval,
        "PROTOCOL_MAX_DATA_BYTES": FixedMaxima.test_data_bytes,
        "PROTOCOL_DEFAULT_DATA_BYTES": FixedMaxima.test_data_bytes,
        "PROTOCOL_SECRET_BYTES": FixedMaxima.test_data_bytes,
        "PROTOCOL_MAX_PING_REQUESTS": FixedMaxima.test_open_ping_requests,
        "PROTOCOL_MAX_OTHER_REQUESTS": FixedMaxima.test_other_requests,
        "PROTOCOL_HELLO_SECONDS": FixedMaxima.test_seconds_to_hello,
    }

    def test_every_limit_of_the_configuration_is_here(self):
        [path] = rig.installed().glob("share/doc/**/helper.conf")
        keys = {}
        for line in path.read_text().splitlines():
            if found := re.fullmatch(r"\[(\w+).*\]", line):
                keys[found[1]] = here = set()
            elif found := re.match(r"#(\w+) =", line):
                here.add(found[1])
        self.assertEqual(keys["limits"], set(NO_LIMITS))
        self.assertEqual(keys["helper"] - {"user", "mode", "group", "socket", "fwmarks"}, set(NO_TOTALS))

    def test_every_maximum_of_the_protocol_is_here(self):
        text = (rig.SOURCE / "protocol/limits.h").read_text()
        self.assertEqual(set(re.findall(r"^\t(PROTOCOL_\w+) =", text, re.MULTILINE)), set(self.TESTED))


if __name__ == "__main__":
    rig.main()
