# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""MultiPing and multi_ping(): the interface of the pure-Python package of this name, over the C library's second level."""

import math
import select
import time
from typing import Dict, Iterable, List, Tuple

from multiping._answers import Answers
from multiping._session import LONGEST_PROBE, Session
from multiping.errors import MultiPingError
from multiping.results import Outcome, Result

_SHORTEST_ROUND = 0.1  # seconds


def hosts_of(dest_addrs: Iterable[str]) -> List[str]:
    """TypeError for a single host, which would be taken for a list of letters."""
    if isinstance(dest_addrs, (str, bytes)):
        raise TypeError("dest_addrs is a list of hosts, even if there is only one")
    return list(dest_addrs)


def rounds_of(timeout: float, retry: int) -> Tuple[int, float]:
    """How many rounds there are, and the seconds of each."""
    n_rounds = max(0, int(retry)) + 1
    seconds = float(timeout) / n_rounds
    if not seconds >= _SHORTEST_ROUND:
        raise MultiPingError(f"{timeout} s for {n_rounds} rounds leave less than {_SHORTEST_ROUND} s for each")
    return n_rounds, seconds


class MultiPing:
    """A list of hosts: ask them all, wait, ask again those that have not answered.

        mp = MultiPing(["127.0.0.1", "localhost", "2001:db8::1"])
        mp.send()
        responses, no_responses = mp.receive(1)

    dest_addrs: names or numeric addresses (IPv6 with %scope too), any number. Names are looked up here and now, many at a time;
        of an IPv4 and an IPv6 address the IPv4 one is taken.
    sock: only None. There is no socket of one's own here: the helper has them.
    ignore_lookup_errors: a name without address is no error, but listed with those that have not answered.
        silent_lookup_errors is the same.

    Raises MultiPingSocketError (a socket.gaierror) for a name without address, MultiPingError for a `sock`, TypeError for hosts
    that are no strings. The methods raise MultiPingHelperError, or what is below it, where no helper serves.

    Which helper: the socket that the environment's MULTIPING_SOCKET names; else the default socket, or else a private helper. An
    object may be used by several threads, one after the other, and only by the process that made it. A `with` block closes it."""

    _probe_timeout = LONGEST_PROBE  # whatever receive() is told later

    def __init__(self, dest_addrs: Iterable[str], sock: None = None, ignore_lookup_errors: bool = False, *,
                 silent_lookup_errors: bool = False) -> None:
        if sock is not None:
            raise MultiPingError("sock: the helper pings with sockets of its own, and takes no other")
        hosts = hosts_of(dest_addrs)
        self._session = Session(self._probe_timeout)
        self._was_sent = False
        poll = select.poll()
        poll.register(self._session.fileno(), select.POLLIN)
        for _ in self._session.look_up(hosts, ignore_lookup_errors or silent_lookup_errors):
            poll.poll()
        self._answers = Answers(self._session)

    def __enter__(self) -> "MultiPing":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancels what is open, and ends the connection to the helper. So does forgetting the object."""
        self._session.close()

    def send(self) -> None:
        """Pings every host that has not answered yet, without waiting. The answer to an earlier ping still counts."""
        with self._session.turn():
            self._session.send()
            self._was_sent = True

    def receive(self, timeout: float) -> Tuple[Dict[str, float], List[str]]:
        """Waits until every host has answered, or can no more do so, or until `timeout` seconds after the last ping of this
        send() went out (after the call, if that is later; a limit of the helper's can thus make it longer). An answer is
        waited for no longer than a minute.

        Returns ({address: seconds}, [address]): the round-trip times of those that have answered since the last receive(),
        and those that have not answered at all, with the names that have no address behind them. May be called again,
        with or without another send().

        Raises MultiPingError where nothing was sent yet, or all had answered before; MultiPingDeniedError where the helper
        may ping none of the hosts; MultiPingHelperLostError, with the answers until then, where it went away."""
        with self._session.turn():
            self._receive(timeout)
            return self._answers.tell()

    def _receive(self, timeout: float) -> None:
        if not self._was_sent:
            raise MultiPingError("nothing was sent yet: call send() first")
        if self._answers.is_complete:
            raise MultiPingError("there is no host that has not answered: nothing to wait for")
        self._wait(timeout)
        for target in list(self._answers.open):
            known = self._session.get(target)
            if known.outcome == Outcome.REPLY:
                self._answers.take(target, known.rtt_ns / 1e9)
        self._answers.check()

    def _wait(self, timeout: float) -> None:
        """As often as signals interrupt it, but those do not make it longer once everything is sent."""
        wait, end = timeout, math.inf
        while not self._session.receive(wait):
            if end == math.inf and not self._is_waiting_to_send():
                end = time.monotonic() + timeout
            wait = min(timeout, end - time.monotonic())

    def _is_waiting_to_send(self) -> bool:
        return any(self._session.get(target).outcome == Outcome.PENDING for target in self._answers.open)

    def results(self) -> List[Result]:
        """All that is known, of each host in the order given: equal ones apart, and those without address too."""
        with self._session.turn():
            return [self._session.result(target) for target in range(len(self._session.names))]


class _BriefMultiPing(MultiPing):
    """With probes that live no longer than a round. One that did would take a place among the probes in flight, of which there
    is a limit, from those not yet sent; and a late answer counts as well."""

    def __init__(self, dest_addrs: Iterable[str], ignore_lookup_errors: bool, seconds: float) -> None:
        self._probe_timeout = min(seconds, LONGEST_PROBE)
        super().__init__(dest_addrs, None, ignore_lookup_errors)

    def ping(self, n_rounds: int, seconds: float) -> Tuple[Dict[str, float], List[str]]:
        for _ in range(n_rounds):
            self.send()
            self._receive(seconds)
            if not self._answers.missing:
                break
        return self._answers.tell()


def multi_ping(dest_addrs: Iterable[str], timeout: float, retry: int = 0, ignore_lookup_errors: bool = False, *,
               silent_lookup_errors: bool = False) -> Tuple[Dict[str, float], List[str]]:
    """Pings all hosts, and up to `retry` times more those that have not answered.

        responses, no_responses = multi_ping(["127.0.0.1", "localhost"], timeout=2, retry=3)

    timeout: seconds for it all. Each of the retry + 1 rounds has its equal part of it, at least 0.1 s, which begins when the last
        ping of the round went out: a limit of the helper's makes the round longer, and no host silent.

    The rest, what is returned, and what is raised, is as MultiPing has it. A `timeout` too short raises MultiPingError."""
    n_rounds, seconds = rounds_of(timeout, retry)
    with _BriefMultiPing(dest_addrs, ignore_lookup_errors or silent_lookup_errors, seconds) as mp:
        return mp.ping(n_rounds, seconds)
