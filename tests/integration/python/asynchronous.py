# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""async_multi_ping() and AsyncMultiPing. test_python.py made the network: 127.9.N.N is silent, 127.8.0.1 loses every second
packet, beginning with the first."""

import asyncio
import collections
import os
import time
import unittest

from multiping import (AsyncMultiPing, EventType, MultiPingError, MultiPingSocketError, Outcome, async_multi_ping, multi_ping)

ALIVE, ALIVE6, SILENT, NO_SUCH_NAME = "127.0.0.1", "::1", "127.9.0.1", "no-such-host.invalid"
LONG, BRIEF = 10, 0.3


async def n_descriptors():
    """Once no thread is left: one that resolves names ends after its object, and closes a descriptor then."""
    deadline = time.monotonic() + LONG
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
        await asyncio.sleep(BRIEF / 20)
    return len(os.listdir("/proc/self/fd"))


class AsyncFunction(unittest.IsolatedAsyncioTestCase):
    async def test_answers_are_those_of_multi_ping(self):
        hosts = [SILENT, "localhost", ALIVE6, NO_SUCH_NAME, ALIVE, "192.0.2.1", SILENT]
        responses, missing = await async_multi_ping(hosts, 2 * BRIEF, 1, ignore_lookup_errors=True)
        expected = await asyncio.to_thread(multi_ping, hosts, 2 * BRIEF, 1, ignore_lookup_errors=True)
        self.assertEqual((sorted(responses), missing), (sorted(expected[0]), expected[1]))
        self.assertEqual(sorted(responses), [ALIVE, ALIVE6])
        self.assertEqual({type(seconds) for seconds in responses.values()}, {float})

    async def test_answer_to_the_second_round(self):
        responses, missing = await async_multi_ping([ALIVE, "127.8.0.1"], 2 * BRIEF, retry=1)
        self.assertEqual((sorted(responses), missing), ([ALIVE, "127.8.0.1"], []))

    async def test_errors_are_those_of_multi_ping(self):
        for error, arguments in ((MultiPingSocketError, ([NO_SUCH_NAME], 1)), (MultiPingError, ([ALIVE], 0.05)),
                                 (MultiPingError, ([], 1)), (TypeError, (ALIVE, 1))):
            with self.subTest(arguments), self.assertRaises(error):
                await async_multi_ping(*arguments)
        self.assertEqual(await async_multi_ping([NO_SUCH_NAME], 1, silent_lookup_errors=True), ({}, [NO_SUCH_NAME]))

    async def test_many_at_once(self):
        """Twenty take no longer than a few would one after the other."""
        hosts = [[f"127.3.{number}.{host}" for host in range(50)] + [SILENT] for number in range(20)]
        begin = time.monotonic()
        answers = await asyncio.gather(*(async_multi_ping(some, 2 * BRIEF) for some in hosts))
        self.assertLess(time.monotonic() - begin, 20 * 2 * BRIEF / 2)
        for some, (responses, missing) in zip(hosts, answers):
            self.assertEqual((set(responses), missing), (set(some[:-1]), [SILENT]))

    async def test_other_tasks_run_meanwhile_and_no_thread(self):
        task = asyncio.ensure_future(async_multi_ping([SILENT], 2 * BRIEF))
        n_ticks = 0
        while not task.done():
            await asyncio.sleep(BRIEF / 20)
            n_ticks += 1
            self.assertEqual(len(os.listdir("/proc/self/task")), 1)
        self.assertGreater(n_ticks, 5)

    async def test_cancelled(self):
        before = await n_descriptors()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(async_multi_ping([SILENT], LONG), BRIEF)
        self.assertEqual(await n_descriptors(), before)
        self.assertEqual((await async_multi_ping([ALIVE], LONG))[1], [])


class Events(unittest.IsolatedAsyncioTestCase):
    async def test_each_ping_has_one_outcome(self):
        async with AsyncMultiPing(timeout=BRIEF) as pinger:
            targets = [pinger.add(host) for host in (ALIVE, "localhost", SILENT, NO_SUCH_NAME)]
            probes = [pinger.ping(target) for target in targets for _ in range(3)]
            events = [event async for event in pinger]
        outcomes = [event.result for event in events if event.type == EventType.OUTCOME]
        self.assertEqual(sorted(result.probe for result in outcomes), sorted(probes))
        self.assertEqual(collections.Counter((result.name, result.outcome) for result in outcomes),
                         {(ALIVE, Outcome.REPLY): 3, ("localhost", Outcome.REPLY): 3, (SILENT, Outcome.TIMEOUT): 3,
                          (NO_SUCH_NAME, Outcome.NAME_ERROR): 3})
        self.assertEqual({(event.result.name, event.result.address) for event in events if event.type == EventType.NAME},
                         {("localhost", ALIVE), (NO_SUCH_NAME, None)})
        self.assertEqual([event for event in events if event.type == EventType.HELPER_UP], [(EventType.HELPER_UP, None, None)])

    async def test_ping_again_from_within(self):
        async with AsyncMultiPing() as pinger:
            target, times = pinger.add(ALIVE), []
            pinger.ping(target)
            async for event in pinger:
                if event.type == EventType.OUTCOME:
                    times.append(event.result.seconds)
                    if len(times) < 5:
                        pinger.ping(target)
            self.assertEqual(len(times), 5)
            self.assertTrue(all(0 < seconds < LONG for seconds in times))
            self.assertEqual(pinger.result(target).n_replies, 5)

    async def test_ping_from_another_task(self):
        """It leaves at once, though the iterator waits for another one."""
        async with AsyncMultiPing(timeout=LONG) as pinger:
            silent, alive = pinger.add(SILENT), pinger.add(ALIVE)
            pinger.ping(silent)
            asyncio.get_running_loop().call_later(BRIEF, pinger.ping, alive)
            begin = time.monotonic()
            async for event in pinger:
                if event.type == EventType.OUTCOME:
                    break
            self.assertEqual(event.result.name, ALIVE)
            self.assertLess(time.monotonic() - begin, LONG / 2)

    async def test_time_out_of_its_own(self):
        async with AsyncMultiPing(timeout=LONG) as pinger:
            begin = time.monotonic()
            pinger.ping(pinger.add(SILENT), timeout=BRIEF)
            outcomes = [event.result.outcome async for event in pinger if event.type == EventType.OUTCOME]
            self.assertEqual(outcomes, [Outcome.TIMEOUT])
            self.assertTrue(BRIEF <= time.monotonic() - begin < LONG / 2)

    async def test_time_out_out_of_range(self):
        async with AsyncMultiPing() as pinger:
            target = pinger.add(ALIVE)
            for timeout in (0, 0.0009, 60.1, -1, float("nan"), float("inf")):
                self.assertRaises(ValueError, AsyncMultiPing, timeout)
                self.assertRaises(ValueError, pinger.ping, target, timeout)
            for timeout in (0.001, 60):
                pinger.ping(target, timeout)

    async def test_cancel(self):
        async with AsyncMultiPing(timeout=LONG) as pinger:
            probe = pinger.ping(pinger.add(SILENT))
            asyncio.get_running_loop().call_later(BRIEF, pinger.cancel, probe)
            outcomes = [event.result.outcome async for event in pinger if event.type == EventType.OUTCOME]
            self.assertEqual(outcomes, [Outcome.CANCELLED])
            self.assertRaises(LookupError, pinger.cancel, probe + 1000)

    async def test_remove(self):
        async with AsyncMultiPing(timeout=LONG) as pinger:
            target = pinger.add(SILENT)
            pinger.ping(target)
            asyncio.get_running_loop().call_later(BRIEF, pinger.remove, target)
            begin = time.monotonic()
            self.assertEqual([event.type async for event in pinger], [EventType.HELPER_UP])
            self.assertLess(time.monotonic() - begin, LONG / 2)
            for call in (pinger.ping, pinger.remove, pinger.result):
                self.assertRaises(LookupError, call, target)

    async def test_nothing_asked_ends_at_once(self):
        async with AsyncMultiPing() as pinger:
            pinger.add(ALIVE)
            self.assertEqual([event async for event in pinger], [])

    async def test_one_task_at_a_time(self):
        async with AsyncMultiPing(timeout=LONG) as pinger:
            pinger.ping(pinger.add(SILENT))
            self.assertEqual((await pinger.__anext__()).type, EventType.HELPER_UP)
            first = asyncio.ensure_future(pinger.__anext__())
            await asyncio.sleep(BRIEF)
            with self.assertRaisesRegex(MultiPingError, "another task"):
                await pinger.__anext__()
            pinger.close()
            with self.assertRaises(StopAsyncIteration):
                await first

    async def test_closed(self):
        pinger = AsyncMultiPing()
        pinger.close()
        pinger.close()
        self.assertRaisesRegex(MultiPingError, "closed", pinger.add, ALIVE)
        self.assertEqual([event async for event in pinger], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
