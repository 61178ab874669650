# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of client/python/COMPARISON.md, one test for each, by an unprivileged program. test_python_compatibility.py made the
network:

    127.8.0.N   loses every second packet, beginning with the first; 127.8.1.1 the first two of three
    127.9.N.N   is silent
    127.7.N.N   says "host prohibited"
    fe80::2     is a neighbour, on the link of MULTIPING_TEST_LINK
    the helper of MULTIPING_TEST_LIMITED sends 50 packets a second, after 5
"""

import inspect
import os
import socket
import time
import unittest
from unittest import mock

from multiping import MultiPing, MultiPingError, MultiPingSocketError, Outcome, multi_ping

ALIVE, ALIVE6 = "127.0.0.1", "::1"
SILENT = "127.9.0.1"
NO_SUCH_NAME = "no-such-host.invalid"
LONG = 10    # seconds that nobody waits for: what is asked answers
BRIEF = 0.3  # seconds that are waited for in vain


def seconds_of(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


class Comparison(unittest.TestCase):
    def sent(self, hosts, **options):
        mp = MultiPing(hosts, **options)
        self.addCleanup(mp.close)
        mp.send()
        return mp

    # The constructor

    def test_signatures(self):
        self.assertEqual(str(inspect.signature(MultiPing)).partition(", *,")[0],
                         "(dest_addrs: Iterable[str], sock: None = None, ignore_lookup_errors: bool = False")
        self.assertEqual(str(inspect.signature(multi_ping)).partition(", *,")[0],
                         "(dest_addrs: Iterable[str], timeout: float, retry: int = 0, ignore_lookup_errors: bool = False")

    def test_names_become_addresses(self):
        responses, missing = self.sent(["localhost"]).receive(LONG)
        self.assertEqual((list(responses), missing), ([ALIVE], []))

    def test_unknown_name_is_a_socket_error(self):
        with self.assertRaisesRegex(socket.gaierror, NO_SUCH_NAME) as caught:
            MultiPing([ALIVE, NO_SUCH_NAME])
        self.assertIs(type(caught.exception), MultiPingSocketError)
        with self.assertRaises(socket.gaierror) as own:
            socket.getaddrinfo(NO_SUCH_NAME, None)
        self.assertEqual(caught.exception.errno, own.exception.errno)
        self.assertRaises(MultiPingSocketError, multi_ping, [NO_SUCH_NAME], LONG)

    def test_unknown_name_can_be_ignored(self):
        for answer in (self.sent([NO_SUCH_NAME, ALIVE, SILENT], ignore_lookup_errors=True).receive(BRIEF),
                       multi_ping([NO_SUCH_NAME, ALIVE, SILENT], BRIEF, 0, True)):
            self.assertEqual((list(answer[0]), answer[1]), ([ALIVE], [SILENT, NO_SUCH_NAME]))

    def test_spelling_of_the_manual(self):
        self.assertEqual(self.sent([NO_SUCH_NAME], silent_lookup_errors=True).receive(LONG), ({}, [NO_SUCH_NAME]))
        self.assertEqual(multi_ping([NO_SUCH_NAME], LONG, silent_lookup_errors=True), ({}, [NO_SUCH_NAME]))

    def test_only_unknown_names(self):
        names = [NO_SUCH_NAME, "another." + NO_SUCH_NAME]
        self.assertEqual(self.sent(names, ignore_lookup_errors=True).receive(LONG), ({}, names))
        self.assertEqual(multi_ping(names, LONG, 2, ignore_lookup_errors=True), ({}, names))

    def test_unknown_name_beside_hosts_that_answered(self):
        mp = self.sent([ALIVE, NO_SUCH_NAME], ignore_lookup_errors=True)
        self.assertEqual(mp.receive(LONG)[1], [NO_SUCH_NAME])
        mp.send()
        self.assertEqual(mp.receive(LONG), ({}, [NO_SUCH_NAME]))
        responses, missing = multi_ping([ALIVE, NO_SUCH_NAME], LONG, 2, ignore_lookup_errors=True)
        self.assertEqual((list(responses), missing), ([ALIVE], [NO_SUCH_NAME]))

    def test_more_than_65535_hosts(self):
        hosts = [f"127.1.{number >> 8}.{number & 255}" for number in range(65536)]
        responses, missing = multi_ping(hosts, LONG)
        self.assertEqual((set(responses), missing), (set(hosts), []))

    def test_socket_of_ones_own(self):
        with self.assertRaisesRegex(MultiPingError, "sock"), socket.socket() as own:
            MultiPing([ALIVE], own)
        self.assertEqual(list(self.sent([ALIVE], sock=None).receive(LONG)[0]), [ALIVE])

    def test_no_privilege(self):
        with open("/proc/self/status") as file:
            status = dict(line.split(":\t") for line in file)
        self.assertEqual({int(status[name], 16) for name in status if name.startswith("Cap")}, {0})
        self.assertEqual((int(status["NoNewPrivs"]), os.geteuid() != 0), (1, True))
        self.assertEqual(list(multi_ping([ALIVE], LONG)[0]), [ALIVE])

    def test_no_hosts(self):
        self.assertRaises(MultiPingError, self.sent([]).receive, BRIEF)
        self.assertRaises(MultiPingError, multi_ping, [], BRIEF)

    def test_one_string_instead_of_a_list(self):
        self.assertRaises(TypeError, MultiPing, ALIVE)
        self.assertRaises(TypeError, multi_ping, ALIVE, BRIEF)

    # send()

    def test_receive_before_send(self):
        self.assertRaises(MultiPingError, MultiPing([ALIVE]).receive, BRIEF)

    def test_send_twice_pings_twice(self):
        mp = self.sent([SILENT])
        self.assertIsNone(mp.send())
        mp.receive(BRIEF)
        self.assertEqual(mp.results()[0].n_sent, 2)

    def test_send_again_pings_those_missing(self):
        mp = self.sent([ALIVE, SILENT])
        mp.receive(BRIEF)
        mp.send()
        self.assertEqual(mp.receive(BRIEF), ({}, [SILENT]))
        self.assertEqual([result.n_sent for result in mp.results()], [1, 2])

    def test_answer_to_a_resend(self):
        mp = self.sent(["127.8.0.1"])
        self.assertEqual(mp.receive(BRIEF), ({}, ["127.8.0.1"]))
        mp.send()
        responses, missing = mp.receive(LONG)
        self.assertEqual((list(responses), missing), (["127.8.0.1"], []))

    def test_send_error(self):
        for unreachable in ("192.0.2.1", "2001:db8::1"):
            with self.subTest(unreachable):
                mp = self.sent([unreachable, ALIVE])
                responses, missing = mp.receive(LONG)
                self.assertEqual((list(responses), missing), ([ALIVE], [unreachable]))
                result = mp.results()[0]
                self.assertEqual((result.outcome, os.strerror(result.error)), (Outcome.SEND_ERROR, "Network is unreachable"))

    def test_icmp_error(self):
        mp = self.sent(["127.7.0.1"])
        waited = seconds_of(lambda: self.assertEqual(mp.receive(LONG), ({}, ["127.7.0.1"])))
        self.assertLess(waited, LONG / 2)
        result, = mp.results()
        self.assertEqual((result.outcome, result.icmp_error), (Outcome.ICMP_ERROR, (3, 10, "127.7.0.1", 0)))

    # receive()

    def test_types_of_an_answer(self):
        responses, missing = self.sent([ALIVE, ALIVE6, SILENT]).receive(BRIEF)
        self.assertEqual((type(responses), type(missing)), (dict, list))
        self.assertEqual(sorted(responses), [ALIVE, ALIVE6])
        for address, seconds in responses.items():
            self.assertEqual((type(address), type(seconds)), (str, float))
            self.assertTrue(0 < seconds < LONG)
        self.assertEqual(missing, [SILENT])

    def test_receive_ends_with_the_last_answer(self):
        self.assertLess(seconds_of(lambda: self.sent([ALIVE, ALIVE6]).receive(LONG)), LONG / 2)

    def test_receive_waits_for_a_silent_host(self):
        self.assertGreaterEqual(seconds_of(lambda: self.sent([ALIVE, SILENT]).receive(BRIEF)), BRIEF)

    def test_receive_again_tells_what_is_new(self):
        mp = self.sent([ALIVE, SILENT])
        self.assertEqual(list(mp.receive(BRIEF)[0]), [ALIVE])
        self.assertEqual(mp.receive(BRIEF), ({}, [SILENT]))

    def test_receive_after_all_answered(self):
        mp = self.sent([ALIVE])
        mp.receive(LONG)
        self.assertRaises(MultiPingError, mp.receive, BRIEF)
        mp.send()
        self.assertRaises(MultiPingError, mp.receive, BRIEF)

    def test_receive_of_what_has_come(self):
        for timeout in (0, -1):
            mp = self.sent([ALIVE, SILENT])
            begin, responses = time.monotonic(), {}
            while not responses and time.monotonic() - begin < LONG:
                responses, missing = mp.receive(timeout)
            self.assertEqual((list(responses), missing), ([ALIVE], [SILENT]))
            self.assertLess(seconds_of(lambda: mp.receive(timeout)), LONG / 2)

    def test_equal_addresses(self):
        mp = self.sent([ALIVE, "localhost", "127.8.0.2", "127.8.0.2", SILENT, SILENT])
        responses, missing = mp.receive(BRIEF)
        self.assertEqual((sorted(responses), missing), ([ALIVE, "127.8.0.2"], [SILENT]))
        results = mp.results()
        self.assertEqual([result.name for result in results], [ALIVE, "localhost", "127.8.0.2", "127.8.0.2", SILENT, SILENT])
        self.assertEqual([result.outcome == Outcome.REPLY for result in results], [True, True, False, True, False, False])
        self.assertEqual(responses[ALIVE], results[0].seconds)
        self.assertEqual(responses["127.8.0.2"], results[3].seconds)

    def test_time_of_ipv6_beside_silent_ipv4(self):
        responses, _ = self.sent([SILENT, ALIVE6]).receive(BRIEF)
        self.assertLess(responses[ALIVE6], BRIEF / 2)

    def test_scope_is_kept(self):
        neighbour = "fe80::2%" + os.environ["MULTIPING_TEST_LINK"]
        responses, missing = self.sent([neighbour]).receive(LONG)
        self.assertEqual((list(responses), missing), ([neighbour], []))

    def test_timeout_begins_with_the_last_packet(self):
        hosts = [f"127.1.0.{number}" for number in range(40)]
        with mock.patch.dict(os.environ, MULTIPING_SOCKET=os.environ["MULTIPING_TEST_LIMITED"]):
            mp = self.sent(hosts)
            waited = seconds_of(lambda: self.assertEqual(set(mp.receive(BRIEF)[0]), set(hosts)))
        self.assertGreater(waited, BRIEF)

    # multi_ping()

    def test_shortest_timeout(self):
        for timeout, retry in ((0.1, 0), (0.2, 1)):
            self.assertEqual(multi_ping([ALIVE], timeout, retry)[1], [])
            self.assertRaises(MultiPingError, multi_ping, [ALIVE], timeout - 0.001, retry)
        self.assertRaises(MultiPingError, multi_ping, [ALIVE], float("nan"))
        for timeout in (61, 1e30, float("inf")):
            self.assertEqual(multi_ping([ALIVE], timeout)[1], [])

    def test_numbers_may_be_text(self):
        self.assertEqual(list(multi_ping([ALIVE], "1", "2")[0]), [ALIVE])
        self.assertEqual(list(multi_ping([ALIVE], 0.1, -5)[0]), [ALIVE])

    def test_rounds_share_the_timeout(self):
        waited = seconds_of(lambda: self.assertEqual(multi_ping([SILENT], 2 * BRIEF, 2), ({}, [SILENT])))
        self.assertGreaterEqual(waited, 2 * BRIEF * 0.99)
        self.assertLess(waited, LONG)

    def test_answer_to_the_third_round(self):
        responses, missing = multi_ping([ALIVE, "127.8.1.1"], 3 * BRIEF, 2)
        self.assertEqual((sorted(responses), missing), ([ALIVE, "127.8.1.1"], []))
        self.assertLess(max(responses.values()), BRIEF)  # from the ping that was answered

    def test_no_round_after_the_last_answer(self):
        self.assertLess(seconds_of(lambda: multi_ping([ALIVE, "127.8.0.3"], LONG, 9)), LONG / 2)

    # Exceptions

    def test_exceptions(self):
        self.assertTrue(issubclass(MultiPingError, Exception))
        self.assertTrue(issubclass(MultiPingSocketError, socket.gaierror))
        self.assertFalse(issubclass(MultiPingSocketError, MultiPingError))
        self.assertFalse(issubclass(MultiPingError, OSError))


if __name__ == "__main__":
    unittest.main(verbosity=2)
