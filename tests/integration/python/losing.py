# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""losing.py PID: pings a host that answers and one that is silent, in each way there is, and kills the helper meanwhile. Nobody
may say then that the silent host is missing. All at once, for each waits some seconds for the helper to come back."""

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from multiping import (AsyncMultiPing, EventType, MultiPing, MultiPingHelperLostError, MultiPingNoHelperError, Outcome,
                       async_multi_ping, multi_ping)

HOSTS = ALIVE, SILENT = "127.0.0.1", "127.9.0.1"
LONG = 60


def lose(ping):
    begin = time.monotonic()
    try:
        ping()
        raise AssertionError("it said that a host is missing")
    except MultiPingHelperLostError as error:
        assert list(error.responses) == [ALIVE], error.responses
        assert time.monotonic() - begin < LONG / 2


def lose_function():
    lose(lambda: multi_ping(HOSTS, LONG))


def lose_async_function():
    lose(lambda: asyncio.run(async_multi_ping(HOSTS, LONG)))


def lose_object():
    mp = MultiPing(HOSTS)
    mp.send()
    lose(lambda: mp.receive(LONG))
    assert [result.outcome for result in mp.results()] == [Outcome.REPLY, Outcome.HELPER_LOST], mp.results()
    try:
        mp.send()
        raise AssertionError("there is a helper still")
    except MultiPingNoHelperError:
        pass


async def lose_events():
    async with AsyncMultiPing(LONG) as pinger:
        for host in HOSTS:
            pinger.ping(pinger.add(host))
        events = [event async for event in pinger]
        assert [event.result.outcome for event in events if event.type == EventType.OUTCOME] == [
            Outcome.REPLY, Outcome.HELPER_LOST], events
        down = [event.error for event in events if event.type == EventType.HELPER_DOWN]
        assert isinstance(down[0], MultiPingHelperLostError), events
        pinger.ping(0)
        try:
            async for event in pinger:
                raise AssertionError("there is a helper still")
        except MultiPingNoHelperError:
            pass
        events = [event.result.outcome async for event in pinger if event.type == EventType.OUTCOME]
        assert events == [Outcome.HELPER_LOST], events


ways = (lose_function, lose_async_function, lose_object, lambda: asyncio.run(lose_events()))
with ThreadPoolExecutor(len(ways)) as threads:
    losses = [threads.submit(way) for way in ways]
    time.sleep(0.5)
    os.kill(int(sys.argv[1]), signal.SIGKILL)
    for loss in losses:
        loss.result()
