# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A client written from protocol/PROTOCOL.md alone, with Debian's python3-msgpack and nothing of ours.

`Client` is what the page describes and no more; the other tests that speak to the helper directly use it too. Below it: a
hello, both families, cancel, stats, an error, two requests at once.
"""

import os
import socket

import msgpack

REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2
REPLY, TIMEOUT, ICMP_ERROR, SEND_ERROR, DENIED, CANCELLED = range(6)
FIRST_EVENT = 16
TRANSMIT_STAMP, RECEIVE_STAMP = 1, 2
MAX_MESSAGE_BYTES = 16384
PATIENCE_SECONDS = 60  # for a message that must come


def address(text):
    """An address as `targets` wants it: 4 or 16 bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


class Fault(Exception):
    """The error of a response."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.error = error


class Closed(Exception):
    """The helper closed the connection; @code and @tried as its `closing` said, else None and {}."""

    def __init__(self, code=None, text="", tried=None):
        super().__init__(f"{code}: {text}")
        self.code = code
        self.tried = tried or {}


class Client:
    """One connection. Takes the connected socket and closes it."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(PATIENCE_SECONDS)
        self.last_msgid = 0
        self.last_id = 0
        self.responses = {}  # msgid: (error, result)
        self.outcomes = {}   # id: {index: outcome}
        self.events = {}     # id: [outcome]
        self.sent = set()    # ids
        self.done = set()    # ids
        self.closing = None  # the helper's last words

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def send_bytes(self, message):
        self.connection.send(message)

    def begin(self, method, params):
        """Sends a request and returns its msgid."""
        self.last_msgid += 1
        self.send_bytes(msgpack.packb([REQUEST, self.last_msgid, method, params]))
        return self.last_msgid

    def receive(self):
        """Takes in one message. Closed at the end of the connection."""
        message = self._receive_bytes()
        if not message:
            raise Closed(*(self.closing or ()))
        if len(message) > MAX_MESSAGE_BYTES:
            raise AssertionError("the helper sent a message that is too large")
        kind, *rest = msgpack.unpackb(message, strict_map_key=True)
        if kind == RESPONSE:
            msgid, error, result = rest
            self.responses[msgid] = (error, result)
        elif kind == NOTIFICATION:
            self._notification(*rest[:2])
        else:
            raise AssertionError(f"a message of kind {kind}")

    def _receive_bytes(self):
        try:
            return self.connection.recv(MAX_MESSAGE_BYTES + 1)
        except ConnectionResetError:  # it closed with something of ours unread; what it had sent before is still there
            return self.connection.recv(MAX_MESSAGE_BYTES + 1)

    def _notification(self, method, params):
        if method == "results":
            for outcome in params[1]:
                self._outcome(params[0], outcome)
        elif method == "sent":
            self.sent.add(params[0])
        elif method == "done":
            self.done.add(params[0])
        elif method == "closing":
            code, text, more = params[:3]
            self.closing = code, text, more.get("tried")

    def _outcome(self, id, outcome):
        index, kind = outcome[:2]
        if kind >= FIRST_EVENT:
            self.events.setdefault(id, []).append(outcome)
            return
        of_id = self.outcomes.setdefault(id, {})
        if index in of_id:
            raise AssertionError(f"target {index} of {id} has two outcomes: {of_id[index]}, {outcome}")
        if id in self.done:
            raise AssertionError(f"a final outcome of {id} after done: {outcome}")
        of_id[index] = outcome

    def response(self, msgid):
        """Waits for the response to a request: its result. Fault, Closed."""
        while msgid not in self.responses:
            self.receive()
        error, result = self.responses.pop(msgid)
        if error is not None:
            raise Fault(error)
        return result

    def call(self, method, **params):
        return self.response(self.begin(method, params))

    def hello(self, client="client from specification"):
        return self.call("hello", protocol=1, client=client)

    def begin_ping(self, targets, timeout_us=10_000_000, **options):
        """Asks for pings of addresses in text; returns (id, msgid) and does not wait for the response."""
        self.last_id += 1
        params = {"id": self.last_id, "targets": [address(target) for target in targets],
                  "timeout_us": timeout_us, **options}
        return self.last_id, self.begin("ping", params)

    def finish(self, id):
        """Waits for `done` of @id: its outcomes in the targets' order."""
        while id not in self.done:
            self.receive()
        outcomes = self.outcomes.get(id, {})
        return [outcomes[index] for index in sorted(outcomes)]

    def ping(self, targets, timeout_us=10_000_000, **options):
        """Pings addresses in text, all the way: the outcome of each."""
        id, msgid = self.begin_ping(targets, timeout_us, **options)
        if self.response(msgid) is not True:
            raise AssertionError("a ping is answered with true")
        outcomes = self.finish(id)
        if len(outcomes) != len(targets):
            raise AssertionError(f"{len(outcomes)} outcomes for {len(targets)} targets")
        return outcomes

    def wait_until_sent(self, id):
        while id not in self.sent and id not in self.done:
            self.receive()


import rig  # noqa: E402  below this line begin the tests, above it nothing of ours is used

SESSION_COUNTERS = {
    "probes_open", "probes_sent", "replies", "timeouts", "icmp_errors", "send_errors", "denied", "cancelled", "late",
    "duplicates", "unverified_errors", "events_dropped", "delayed_by_rate", "delayed_by_in_flight", "delayed_by_destination",
    "targets_queued", "waiting_for_destination", "waiting_for_neighbour", "outcomes_unread", "request_bytes"}
OWNER_COUNTERS = SESSION_COUNTERS | {
    "connections", "queued_for_rate", "queued_for_total_rate", "queued_for_slots", "queued_for_neighbours"}
HELPER_COUNTERS = OWNER_COUNTERS | {
    "owners", "foreign_packets", "forged_packets", "malformed_packets", "receive_drops", "receive_dropped_packets",
    "receive_queued_bytes", "send_buffer_bytes", "send_queued_bytes"}


class ClientFromSpecification(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop("ip daddr 127.9.0.0/16")  # hosts that never answer
        self.client = Client(self.helper(self.network).connect())
        self.addCleanup(self.client.close)
        self.welcome = self.client.hello()

    def test_hello_tells_where_and_how_it_pings(self):
        self.assertEqual(self.welcome["protocol"], 1)
        self.assertEqual(self.welcome["backend"], rig.SOCKET_KIND)
        self.assertEqual(self.welcome["namespace"], os.stat(self.network.path).st_ino)
        self.assertLessEqual({"ipv4", "ipv6", "transmit_stamps", "receive_stamps"}, set(self.welcome["features"]))
        self.assertGreater(self.welcome["receive_buffer_bytes"], 0)
        self.assertEqual(self.welcome["limits"]["targets_per_message"], 2048)
        self.assertIsNone(self.welcome["limits"]["packets_per_second"])

    def test_both_families_in_one_request_reply(self):
        for outcome in self.client.ping(["127.0.0.1", "::1", "::ffff:127.0.0.2"]):
            _, kind, flags, queued_us, rtt_ns, hop_limit, size_bytes = outcome[:7]
            self.assertEqual((kind, flags, hop_limit, size_bytes), (REPLY, TRANSMIT_STAMP | RECEIVE_STAMP, 64, 56))
            self.assertGreater(rtt_ns, 0)
            self.assertLess(rtt_ns, PATIENCE_SECONDS * 10**9)
            self.assertGreaterEqual(queued_us, 0)

    def test_size_comes_back(self):
        for size_bytes in (0, 7, 8, 1472):
            outcomes = self.client.ping(["127.0.0.1", "::1"], size_bytes=size_bytes, pattern="random")
            self.assertEqual([outcome[1] for outcome in outcomes], [REPLY, REPLY])
            self.assertEqual([outcome[6] for outcome in outcomes], [size_bytes, size_bytes])
            unverified = 8 if size_bytes < 8 else 0
            self.assertEqual([outcome[2] & 8 for outcome in outcomes], [unverified, unverified])

    def test_cancel_ends_what_is_open(self):
        id, msgid = self.client.begin_ping(["127.9.0.1", "127.9.0.2"], timeout_us=60_000_000)
        self.assertIs(self.client.response(msgid), True)
        self.client.wait_until_sent(id)
        self.assertIs(self.client.call("cancel", id=id, index=1), True)
        while 1 not in self.client.outcomes.get(id, {}):
            self.client.receive()
        self.assertNotIn(id, self.client.done)
        self.assertIs(self.client.call("cancel", id=id), True)
        self.assertEqual([outcome[1] for outcome in self.client.finish(id)], [CANCELLED, CANCELLED])

    def test_cancel_of_what_is_not_there_is_true(self):
        self.assertIs(self.client.call("cancel", id=77), True)

    def test_stats_count(self):
        self.client.ping(["127.0.0.1", "127.0.0.2", "::1"])
        self.client.ping(["127.9.0.1"], timeout_us=1000)
        stats = self.client.call("stats", scope="session")
        expected = {"probes_open": 0, "probes_sent": 4, "replies": 3, "timeouts": 1, "cancelled": 0}
        self.assertEqual({name: stats[name] for name in expected}, expected)
        self.assertEqual(SESSION_COUNTERS, set(stats))
        self.assertEqual(OWNER_COUNTERS, set(self.client.call("stats", scope="owner")))
        whole = self.client.call("stats", scope="helper")
        self.assertEqual(HELPER_COUNTERS, set(whole))
        self.assertEqual((whole["connections"], whole["owners"]), (1, 1))

    def test_an_error_answers_its_request_and_the_session_goes_on(self):
        with self.assertRaises(Fault) as caught:
            self.client.call("ping", id=1, targets=[address("127.0.0.1")], timeout_us=1_000_000, colour="red")
        self.assertEqual(caught.exception.code, "unknown_parameter")
        self.assertEqual(self.client.ping(["127.0.0.1"])[0][1], REPLY)

    def test_two_requests_at_once_each_get_their_own(self):
        first, first_msgid = self.client.begin_ping([f"127.1.0.{host}" for host in range(256)])
        second, second_msgid = self.client.begin_ping(["::1"] * 300)
        self.assertIs(self.client.response(second_msgid), True)
        self.assertIs(self.client.response(first_msgid), True)
        self.assertEqual([outcome[:2] for outcome in self.client.finish(second)], [[n, REPLY] for n in range(300)])
        self.assertEqual([outcome[:2] for outcome in self.client.finish(first)], [[n, REPLY] for n in range(256)])


if __name__ == "__main__":
    rig.main()
