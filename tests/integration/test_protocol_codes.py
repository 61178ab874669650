# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Every error code of PROTOCOL.md that can be provoked over the wire: its answer, and what becomes of the session."""

import os
import signal
import socket
import subprocess

import msgpack

import rig
from client_from_specification import Client, Closed, Fault, MAX_MESSAGE_BYTES, REPLY, REQUEST, address

HOST = address("127.0.0.1")
HELLO = {"protocol": 1, "client": "codes"}


def ping(**changes):
    """Parameters of a good ping, changed; None takes a key away."""
    params = {"id": 1, "targets": [HOST], "timeout_us": 1_000_000, **changes}
    return {key: value for key, value in params.items() if value is not None}


def request(method, params):
    return msgpack.packb([REQUEST, 1, method, params])


# What closes the session at once, as the first message of a session.
CLOSING = [
    ("not_msgpack", b"\xc1"),
    ("not_msgpack", b""),
    ("not_msgpack", request("hello", HELLO)[:-1]),
    ("not_msgpack", b"\xdd\xff\xff\xff\xff"),
    ("not_msgpack", b"\xdf\x00\x98\x96\x80"),
    ("too_large", request("hello", {**HELLO, "client": "x" * MAX_MESSAGE_BYTES})),
    ("too_deep", request("hello", {**HELLO, "client": [[[]]]})),
    ("trailing_bytes", request("hello", HELLO) + b"\xc0"),
    ("duplicate_key", b"\x94\x00\x01\xa5hello\x82\xa8protocol\x01\xa8protocol\x01"),
    # An envelope that cannot be read: nobody to answer.
    ("wrong_type", msgpack.packb({"method": "hello"})),
    ("wrong_type", msgpack.packb(7)),
    ("wrong_type", msgpack.packb([])),
    ("wrong_type", msgpack.packb([REQUEST, 1, "hello"])),
    ("wrong_type", msgpack.packb([REQUEST, "one", "hello", HELLO])),
    ("wrong_type", msgpack.packb([REQUEST, -1, "hello", HELLO])),
    ("wrong_type", msgpack.packb([REQUEST, 2**32, "hello", HELLO])),
    ("wrong_type", msgpack.packb([9, 1, "hello", HELLO])),
]

# What answers the first request of a session, which goes on.
BEFORE_HELLO = [
    ("hello_first", "ping", ping()),
    ("hello_first", "stats", {"scope": "session"}),
    ("protocol_version", "hello", {**HELLO, "protocol": 2}),
    ("wrong_type", "hello", {**HELLO, "protocol": "1"}),
    ("wrong_type", "hello", {**HELLO, "client": 7}),
    ("wrong_type", "hello", [1]),
    ("missing_parameter", "hello", {"protocol": 1}),
    ("out_of_range", "hello", {**HELLO, "client": ""}),
    ("out_of_range", "hello", {**HELLO, "client": "x" * 65}),
    ("unknown_parameter", "hello", {**HELLO, "colour": "red"}),
    ("unknown_method", "helo", {}),
]

# What answers a request after hello; the session goes on.
AFTER_HELLO = [
    ("hello_again", "hello", HELLO),
    ("unknown_method", "pong", {}),
    ("wrong_type", "ping", ping(id="one")),
    ("wrong_type", "ping", ping(targets=HOST)),
    ("wrong_type", "ping", ping(targets=[1])),
    ("wrong_type", "ping", ping(targets=["127.0.0.1"])),
    ("wrong_type", "ping", ping(timeout_us=1.5)),
    ("wrong_type", "ping", ping(dont_fragment=1)),
    ("wrong_type", "cancel", {"id": []}),
    ("wrong_type", "stats", {"scope": 1}),
    ("missing_parameter", "ping", ping(id=None)),
    ("missing_parameter", "ping", ping(targets=None)),
    ("missing_parameter", "ping", ping(timeout_us=None)),
    ("missing_parameter", "cancel", {}),
    ("missing_parameter", "stats", {}),
    ("unknown_parameter", "cancel", {"id": 1, "all": True}),
    ("unknown_parameter", "stats", {"scope": "session", "since": 1}),
    ("id_not_greater", "ping", ping(id=0)),
    ("no_targets", "ping", ping(targets=[])),
    ("too_many_targets", "ping", ping(targets=[HOST] * 2049)),
    ("bad_address", "ping", ping(targets=[HOST, b""])),
    ("bad_address", "ping", ping(targets=[b"\x7f\0\0"])),
    ("bad_address", "ping", ping(targets=[b"\0" * 17])),
    ("bad_address", "ping", ping(source=address("::1"))),
    ("out_of_range", "ping", ping(timeout_us=999)),
    ("out_of_range", "ping", ping(timeout_us=60_000_001)),
    ("out_of_range", "ping", ping(interval_us=60_000_001)),
    ("out_of_range", "ping", ping(size_bytes=65508)),
    ("out_of_range", "ping", ping(pattern=256)),
    ("out_of_range", "ping", ping(pattern=-1)),
    ("out_of_range", "ping", ping(pattern="noise")),
    ("out_of_range", "ping", ping(ttl=0)),
    ("out_of_range", "ping", ping(ttl=256)),
    ("out_of_range", "ping", ping(tos=256)),
    ("out_of_range", "stats", {"scope": "world"}),
]

# What is just within the limits of AFTER_HELLO.
GOOD = [
    ping(targets=[HOST] * 2048), ping(timeout_us=1000), ping(timeout_us=60_000_000), ping(interval_us=0),
    ping(id=2**32 - 1), ping(ttl=1), ping(ttl=255), ping(tos=255), ping(tos=0), ping(pattern=0), ping(pattern=255),
    ping(pattern="random"), ping(size_bytes=0), ping(size_bytes=1472), ping(dont_fragment=True),
]

SLOW = """
[limits]
packets_per_second = 10
burst_packets = 1
max_connections = 2
"""


class ProtocolCodes(rig.Case):
    def connect(self, helper, hello=True):
        client = Client(helper.connect())
        self.addCleanup(client.close)
        if hello:
            client.hello()
        return client

    def assert_closes(self, client, code):
        with self.assertRaises(Closed) as caught:
            while True:
                client.receive()
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def assert_fault(self, code, call, *arguments, **keywords):
        with self.assertRaises(Fault) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.code, code)
        self.assertTrue(caught.exception.error["message"])
        return caught.exception.error

    def test_unreadable_message_closes_that_session_only(self):
        helper = self.helper(self.namespace())
        bystander = self.connect(helper)
        for code, message in CLOSING:
            with self.subTest(code=code, message=message[:40]):
                client = self.connect(helper, hello=False)
                client.send_bytes(message)
                self.assert_closes(client, code)
                client.close()
        self.assertEqual(bystander.ping(["127.0.0.1"])[0][1], REPLY)

    def test_fault_before_hello_answers_and_goes_on(self):
        helper = self.helper(self.namespace())
        for code, method, params in BEFORE_HELLO:
            with self.subTest(code=code, method=method, params=params):
                with Client(helper.connect()) as client:
                    self.assert_fault(code, client.response, client.begin(method, params))
                    self.assertEqual(client.hello()["protocol"], 1)

    def test_fault_after_hello_answers_and_goes_on(self):
        options = rig.UNLIMITED + "allow_options = ttl tos dont_fragment source\n"
        helper = self.helper(self.namespace(), options)
        for code, method, params in AFTER_HELLO:
            with self.subTest(code=code, method=method, params=str(params)[:80]):
                with Client(helper.connect()) as client:
                    client.hello()
                    self.assert_fault(code, client.response, client.begin(method, params))
                    self.assertEqual(client.call("stats", scope="session")["probes_sent"], 0)
                    self.assertEqual(client.ping(["127.0.0.1"])[0][1], REPLY)

    def test_second_fault_closes(self):
        helper = self.helper(self.namespace())
        for code, method, params in AFTER_HELLO:
            with self.subTest(code=code, method=method, params=str(params)[:80]):
                with Client(helper.connect()) as client:
                    client.hello()
                    self.assert_fault("unknown_method", client.call, "pong")
                    client.begin(method, params)
                    self.assertIn(code, (self.assert_closes(client, code).code, "option_refused"))

    def test_within_the_limits_is_served(self):
        helper = self.helper(self.namespace())
        for params in GOOD:
            with self.subTest(params=str(params)[:80]):
                with Client(helper.connect()) as client:
                    client.hello("x" * 64)
                    self.assertIs(client.response(client.begin("ping", params)), True)
                    outcomes = client.finish(params["id"])
                    self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
                    self.assertEqual(len(outcomes), len(params["targets"]))

    def test_id_must_grow(self):
        client = self.connect(self.helper(self.namespace()))
        client.response(client.begin("ping", ping(id=5)))
        client.finish(5)
        self.assert_fault("id_not_greater", client.response, client.begin("ping", ping(id=5)))

    def test_protocol_version_tells_which(self):
        client = self.connect(self.helper(self.namespace()), hello=False)
        error = self.assert_fault("protocol_version", client.call, "hello", protocol=2, client="new")
        self.assertEqual((error["asked"], error["allowed"]), (2, 1))

    def test_payload_over_policy_names_the_limit(self):
        client = self.connect(self.helper(self.namespace(), "[limits]\nmax_payload_bytes = 100\n"))
        self.assertEqual(client.ping(["127.0.0.1"], size_bytes=100)[0][1], REPLY)
        error = self.assert_fault("out_of_range", client.ping, ["127.0.0.1"], size_bytes=101)
        self.assertTrue(error["limit"])
        self.assertEqual((error["asked"], error["allowed"]), (101, 100))

    @rig.defended_by("OPTION_POLICY")
    def test_option_outside_policy_is_refused(self):
        helper = self.helper(self.namespace(), rig.UNLIMITED + "allow_options = tos\n")
        refused = [("ttl", 9), ("dont_fragment", True), ("source", HOST), ("interface", 1), ("fwmark", 1)]
        for option, value in refused:
            with self.subTest(option=option):
                client = self.connect(helper)
                self.assertEqual(client.call("stats", scope="session")["probes_sent"], 0)
                self.assert_fault("option_refused", client.ping, ["127.0.0.1"], **{option: value})
                self.assertEqual(client.ping(["127.0.0.1"], tos=4)[0][1], REPLY)
                client.close()

    def test_third_ping_request_is_too_many(self):
        client = self.connect(self.helper(self.namespace(), SLOW))
        waiting = [client.begin_ping(["127.0.0.1"] * 20)[0] for _ in range(2)]
        _, msgid = client.begin_ping(["127.0.0.1"])
        error = self.assert_fault("too_many_requests", client.response, msgid)
        self.assertEqual((error["limit"], error["allowed"]), ("ping_requests", 2))
        for id in waiting:
            self.assertIs(client.call("cancel", id=id), True)
            self.assertEqual(len(client.finish(id)), 20)

    def test_requests_without_reading_are_too_many(self):
        """The answers wait in the socket until it is full, then in the helper, which holds 16."""
        client = self.connect(self.helper(self.namespace()))
        client.connection.settimeout(10)
        try:
            for _ in range(10_000):
                client.begin("stats", {"scope": "helper"})
        except OSError:
            pass  # the helper closed the connection, or waits for us
        with self.assertRaises(Closed) as caught:
            while True:
                client.receive()
        self.assertEqual(caught.exception.code, "too_many_requests")
        self.assertEqual({error for error, _ in client.responses.values()}, {None})

    def test_connection_over_the_limit_is_told_and_closed(self):
        helper = self.helper(self.namespace(), SLOW)
        first, second = self.connect(helper), self.connect(helper)
        self.assert_closes(self.connect(helper, hello=False), "connections")
        second.close()
        while first.call("stats", scope="owner")["connections"] > 1:
            pass
        self.connect(helper)

    def test_silence_after_connecting_is_a_slow_start(self):
        client = self.connect(self.helper(self.namespace()), hello=False)
        self.assert_closes(client, "slow_start")

    def test_end_of_the_helper_is_told(self):
        helper = self.helper(self.namespace())
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            with self.subTest(number.name), self.connect(helper) as client:
                os.kill(helper.pid, number)
                self.assert_closes(client, "shutdown")
                self.assertEqual(helper.process.wait(rig.START_SECONDS), 0)
            if number != signal.SIGTERM:
                helper.start()

    def test_private_helper_without_any_right_tells_what_it_tried(self):
        network = self.namespace()
        network.sysctl("net.ipv4.ping_group_range", "1 0")  # nobody's
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with Client(ours) as client, theirs:
            # The helper expects its socket at descriptor 3, which a shell can arrange.
            shell = ["/bin/sh", "-c", f'exec "$0" 3<&{theirs.fileno()}', rig.program("multiping-helper-private")]
            process = network.popen(rig.as_user(rig.ALICE, shell), pass_fds=[theirs.fileno()],
                                             stdin=subprocess.DEVNULL)
            theirs.close()
            closed = self.assert_closes(client, "no_backend")
            process.wait(rig.START_SECONDS)
        self.assertTrue(closed.tried)
        self.assertTrue(all(number > 0 for number in closed.tried.values()))


if __name__ == "__main__":
    rig.main()
