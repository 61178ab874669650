# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""For asyncio: the library's descriptor in the program's own event loop, and no thread of this package's.

The descriptor is watched only while somebody waits for an event. So a program that is slow to take events slows the helper's
delivery, rather than piling them up."""

import asyncio
from typing import Dict, Iterable, List, Optional, Tuple

from multiping._answers import Answers
from multiping._ping import hosts_of, rounds_of
from multiping._session import LONGEST_PROBE, Session
from multiping.errors import MultiPingError
from multiping.results import Event, EventType, Result


class AsyncMultiPing:
    """Single pings, and what becomes of them, as a stream of events.

        async with AsyncMultiPing(timeout=1) as pinger:
            for host in hosts:
                pinger.ping(pinger.add(host))
            async for event in pinger:
                if event.type == EventType.OUTCOME:
                    print(event.result.name, event.result.outcome.name, event.result.seconds)

    timeout: seconds that each ping waits for its answer, from its own send; 0.001 to 60, else ValueError.

    The `async for` ends once no ping is open; after another ping() there can be another. It goes on also for those that are asked
    for, from whatever task, while it runs. Only one task at a time may wait in it. Where no helper serves it raises
    MultiPingHelperError, or what is below it; an `async for` after that tells of the pings that were open: HELPER_LOST."""

    def __init__(self, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._session = Session(timeout)
        self._n_open: Dict[int, int] = {}  # pings without outcome, of each target that has any
        self._ready: Optional["asyncio.Future[None]"] = None

    async def __aenter__(self) -> "AsyncMultiPing":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancels what is open, and ends the connection to the helper. A task that waits for an event sees the end of them."""
        self._stop_waiting()
        self._session.close()

    def add(self, host: str) -> int:
        """Adds a host, a name or a numeric address, and returns its number, from 0. A name is looked up meanwhile; an event
        (NAME) says when it has an address, and a ping asked for before waits for that."""
        self._session.check_usable()
        return self._session.add(host)

    def remove(self, target: int) -> None:
        """Takes a host away: no event tells of it any more. Its number is not used again. LookupError: there is none."""
        self._session.check_usable()
        self._session.remove(target)
        self._n_open.pop(target, None)
        self._stop_waiting()

    def ping(self, target: int, timeout: Optional[float] = None) -> int:
        """Asks for a ping, with a time-out of its own if there is one, and returns its number, which its events bear
        (event.result.probe). It leaves while somebody waits for events. LookupError: there is no such target. ValueError: the
        timeout is out of range."""
        self._session.check_usable()
        probe = self._session.ping(target, self._timeout if timeout is None else timeout)
        self._n_open[target] = self._n_open.get(target, 0) + 1
        return probe

    def cancel(self, probe: int) -> None:
        """Ends an open ping: its outcome is CANCELLED, or one that was on its way. LookupError: there is no such ping, or it
        ended long ago."""
        self._session.check_usable()
        self._session.cancel(probe)

    def result(self, target: int) -> Result:
        """What is known of a host: the outcome of the last of its pings that ended. LookupError: there is no such target."""
        self._session.check_usable()
        return self._session.result(target)

    def __aiter__(self) -> "AsyncMultiPing":
        return self

    async def __anext__(self) -> Event:
        while self._session.is_open:
            self._session.check_usable()
            event = self._session.next_event()
            if event is not None:
                self._count(event)
                return event
            if not self._n_open:
                break
            await self._readable()
            if self._session.is_open:
                self._session.dispatch()
        raise StopAsyncIteration

    def _count(self, event: Event) -> None:
        if event.type == EventType.OUTCOME and event.result is not None:
            target = event.result.target
            self._n_open[target] -= 1
            if not self._n_open[target]:
                del self._n_open[target]

    async def _readable(self) -> None:
        """Waits until the library has something to do, or _stop_waiting() is called."""
        if self._ready is not None:
            raise MultiPingError("another task is already waiting for events")
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(self._session.fileno(), self._stop_waiting)
        try:
            await self._ready
        finally:
            self._stop_waiting()

    def _stop_waiting(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.get_loop().remove_reader(self._session.fileno())
            if not ready.done():
                ready.set_result(None)

    async def _ping_all(self, hosts: List[str], n_rounds: int,
                        ignore_lookup_errors: bool) -> Tuple[Dict[str, float], List[str]]:
        for _ in self._session.look_up(hosts, ignore_lookup_errors):
            await self._readable()
        answers = Answers(self._session)
        if answers.is_complete:
            raise MultiPingError("there are no hosts")
        for _ in range(n_rounds):
            for target in answers.open:
                self.ping(target)
            async for event in self:
                if event.result is not None and event.result.seconds is not None:  # in time, or late
                    answers.take(event.result.target, event.result.seconds)
            answers.check()
            if not answers.missing:
                break
        return answers.tell()


async def async_multi_ping(dest_addrs: Iterable[str], timeout: float, retry: int = 0, ignore_lookup_errors: bool = False,
                           *, silent_lookup_errors: bool = False) -> Tuple[Dict[str, float], List[str]]:
    """multi_ping() for asyncio: the same arguments, the same answer, the same errors. Many may run at once; one that is
    cancelled sends no more."""
    n_rounds, seconds = rounds_of(timeout, retry)
    async with AsyncMultiPing(min(seconds, LONGEST_PROBE)) as pinger:
        return await pinger._ping_all(hosts_of(dest_addrs), n_rounds, ignore_lookup_errors or silent_lookup_errors)
