# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the comparison does not say: results, and an object's life among threads, signals and forks. test_python.py made the
network: 127.9.N.N is silent, 127.7.N.N says "host prohibited"."""

import gc
import os
import signal
import socket
import threading
import time
import unittest

from multiping import Flag, MultiPing, MultiPingError, MultiPingSocketError, Outcome, helper_stats, multi_ping

ALIVE, SILENT, REFUSING, DENIED = "127.0.0.1", "127.9.0.1", "127.7.0.1", "255.255.255.255"
UNREACHABLE, NO_SUCH_NAME = "192.0.2.1", "no-such-host.invalid"
LONG, BRIEF = 10, 0.3


def n_descriptors():
    """Once no thread is left: one that resolves names ends after its object, and closes a descriptor then."""
    end = time.monotonic() + LONG
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    return len(os.listdir("/proc/self/fd"))


class Results(unittest.TestCase):
    def results(self, hosts, timeout=BRIEF, **options):
        with MultiPing(hosts, **options) as mp:
            mp.send()
            mp.receive(timeout)
            return mp.results()

    def test_reply(self):
        result, = self.results(["localhost"])
        self.assertEqual((result.name, result.address, result.outcome), ("localhost", ALIVE, Outcome.REPLY))
        self.assertEqual((result.hop_limit, result.size_bytes, result.icmp_error, result.error), (64, 56, None, 0))
        self.assertEqual(result.flags, Flag.TRANSMIT_STAMP | Flag.RECEIVE_STAMP)
        self.assertEqual((result.n_sent, result.n_replies, result.n_duplicates, result.target), (1, 1, 0, 0))
        self.assertTrue(0 < result.seconds < LONG)
        self.assertTrue(0 <= result.queued < LONG)
        self.assertLess(abs(time.time() - result.sent_at), LONG)
        self.assertGreater(result.probe, 0)

    def test_each_host_in_the_order_given(self):
        hosts = [SILENT, ALIVE, DENIED, REFUSING, UNREACHABLE, NO_SUCH_NAME, ALIVE]
        results = self.results(hosts, ignore_lookup_errors=True)
        self.assertEqual([result.name for result in results], hosts)
        self.assertEqual([result.target for result in results], list(range(len(hosts))))
        self.assertEqual([result.outcome.name for result in results],
                         ["SENT", "REPLY", "DENIED", "ICMP_ERROR", "SEND_ERROR", "NAME_ERROR", "REPLY"])
        for result in results:
            self.assertEqual(result.seconds is not None, result.outcome == Outcome.REPLY)
            self.assertEqual(result.icmp_error is not None, result.outcome == Outcome.ICMP_ERROR)
            self.assertEqual(result.address is None, result.name == NO_SUCH_NAME)

    def test_before_anything_was_sent(self):
        result, = MultiPing([ALIVE]).results()
        self.assertEqual((result.outcome, result.seconds, result.sent_at, result.probe), (Outcome.PENDING, None, None, 0))


class Hosts(unittest.TestCase):
    def test_any_iterable(self):
        for hosts in ((ALIVE, "::1"), {ALIVE: 1, "::1": 2}.keys(), iter([ALIVE, "::1"])):
            self.assertEqual(sorted(multi_ping(hosts, LONG)[0]), [ALIVE, "::1"])

    def test_addresses_written_otherwise(self):
        self.assertEqual(sorted(multi_ping(["127.1", "0:0:0:0:0:0:0:1", b"127.0.0.2"], LONG)[0]), [ALIVE, "127.0.0.2", "::1"])

    def test_what_is_no_name(self):
        for name in ("127.0.0.1\0", "b\u00fccher.invalid", "\ud800", "a" * 300, "a..b", "", "fe80::1%no-such-link"):
            with self.subTest(name):
                self.assertRaises(MultiPingSocketError, MultiPing, [name])
                self.assertEqual(multi_ping([name, ALIVE], LONG, 0, True)[1], [name])

    def test_what_is_no_text(self):
        for host in (None, 2130706433, [ALIVE]):
            self.assertRaises(TypeError, MultiPing, [host])


class Life(unittest.TestCase):
    def silent(self):
        mp = MultiPing([SILENT])
        self.addCleanup(mp.close)
        mp.send()
        return mp

    def test_closed(self):
        mp = self.silent()
        mp.close()
        mp.close()
        for call in (mp.send, mp.results, lambda: mp.receive(BRIEF)):
            self.assertRaisesRegex(MultiPingError, "closed", call)

    def test_descriptors_go_with_the_object(self):
        before = n_descriptors()
        mp = MultiPing([SILENT])
        mp.send()
        self.assertGreater(n_descriptors(), before)
        del mp
        gc.collect()
        self.assertEqual(n_descriptors(), before)
        self.assertRaises(socket.gaierror, MultiPing, [NO_SUCH_NAME])
        self.assertEqual(n_descriptors(), before)

    def test_child_of_fork_leaves_it_alone(self):
        mp = MultiPing([ALIVE])
        mp.send()
        child = os.fork()
        if child == 0:
            try:
                mp.receive(BRIEF)
            except MultiPingError:
                mp.close()
                del mp
                gc.collect()
                os._exit(0 if multi_ping([ALIVE], LONG)[1] == [] else 2)
            os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(list(mp.receive(LONG)[0]), [ALIVE])


class Signals(unittest.TestCase):
    """While receive() waits."""

    def setUp(self):
        self.mp = MultiPing([SILENT])
        self.addCleanup(self.mp.close)
        self.mp.send()
        self.addCleanup(signal.signal, signal.SIGALRM, signal.getsignal(signal.SIGALRM))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def receive_with_alarms(self, handler, timeout):
        """receive(), during which @handler runs ten times or more; the seconds it took."""
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, timeout / 10, timeout / 20)
        begin = time.monotonic()
        try:
            self.mp.receive(timeout)
        finally:
            waited = time.monotonic() - begin
            signal.setitimer(signal.ITIMER_REAL, 0)
        return waited

    def test_handler_neither_ends_nor_prolongs_it(self):
        calls = []
        waited = self.receive_with_alarms(lambda *_: calls.append(1), 4 * BRIEF)
        self.assertGreater(len(calls), 2)
        self.assertGreaterEqual(waited, 4 * BRIEF)
        self.assertLess(waited, 40 * BRIEF)

    def test_handler_can_raise(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        begin = time.monotonic()
        self.assertRaises(KeyboardInterrupt, self.receive_with_alarms, interrupt, LONG)
        self.assertLess(time.monotonic() - begin, LONG / 2)
        self.assertEqual(self.mp.receive(BRIEF), ({}, [SILENT]))  # it goes on

    def test_handler_cannot_use_the_same_object(self):
        refused = []

        def handle(*_):
            try:
                self.mp.results()
            except MultiPingError as error:
                refused.append(str(error))

        self.receive_with_alarms(handle, 4 * BRIEF)
        self.assertGreater(len(refused), 2)
        self.assertIn("signal", refused[0])
        self.assertEqual(len(self.mp.results()), 1)


class Threads(unittest.TestCase):
    def run_in_threads(self, n_threads, call):
        """call(number) in each thread, all at once; what each returned."""
        returned, start = [None] * n_threads, threading.Barrier(n_threads)

        def run(number):
            start.wait()
            returned[number] = call(number)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return returned

    def test_hundred_threads_each_with_an_object_of_its_own(self):
        hosts = [[f"127.2.{thread}.{host}" for host in range(100)] + [SILENT] for thread in range(100)]
        answers = self.run_in_threads(100, lambda number: multi_ping(hosts[number], 2, 1))
        for number, (responses, missing) in enumerate(answers):
            self.assertEqual((set(responses), missing), (set(hosts[number][:-1]), [SILENT]))

    def test_others_run_while_one_waits(self):
        """Five that wait need no longer than one."""
        begin = time.monotonic()
        self.run_in_threads(5, lambda _: multi_ping([SILENT], 5 * BRIEF))
        self.assertLess(time.monotonic() - begin, 5 * 5 * BRIEF / 2)

    def test_one_object_takes_turns(self):
        mp = MultiPing([ALIVE, SILENT])
        self.addCleanup(mp.close)
        mp.send()
        answers = self.run_in_threads(10, lambda _: mp.receive(BRIEF))
        self.assertEqual([address for responses, _ in answers for address in responses], [ALIVE])
        self.assertEqual({tuple(missing) for _, missing in answers}, {(SILENT,)})


class Stats(unittest.TestCase):
    def test_owner_is_told_of_his_programs(self):
        with MultiPing([ALIVE, DENIED]) as mp:
            mp.send()
            mp.receive(LONG)
            stats = helper_stats("owner")
        self.assertEqual({name: stats[name] for name in ("replies", "denied", "probes_open", "connections")},
                         {"replies": 1, "denied": 1, "probes_open": 0, "connections": 2})  # the second asks for this

    def test_helper_tells_of_all(self):
        stats = helper_stats()
        self.assertLessEqual(set(helper_stats("owner")) | {"owners", "foreign_packets", "send_queued_bytes"}, set(stats))

    def test_other_scopes_are_none(self):
        for scope in "session", "world", 1:
            with self.assertRaises(ValueError):
                helper_stats(scope)


if __name__ == "__main__":
    unittest.main(verbosity=2)
