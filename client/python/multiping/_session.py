# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""One object of the C library, with the names of its targets: what MultiPing and AsyncMultiPing share.

The object is freed with the session, by whoever made it: after fork() it is the parent's alone."""

import contextlib
import errno
import os
import threading
import weakref
from ctypes import byref, c_uint64, c_void_p
from typing import Iterable, Iterator, List, Optional, Set, Union

from multiping import _library
from multiping.errors import MultiPingError, MultiPingSocketError, error_of_code
from multiping.results import Event, EventType, Flag, IcmpError, Outcome, Result

LONGEST_PROBE = 60.0  # seconds: the library's, as is the shortest
_SHORTEST_PROBE = 0.001
_FOR_EVER = 1e9  # some thirty years


def _microseconds(seconds: float) -> int:
    return int(max(0.0, min(float(seconds), _FOR_EVER)) * 1e6)


def _probe_microseconds(seconds: float) -> int:
    if not _SHORTEST_PROBE <= seconds <= LONGEST_PROBE:
        raise ValueError(f"a ping can wait for {_SHORTEST_PROBE} to {LONGEST_PROBE:g} seconds, not {seconds}")
    return _microseconds(seconds)


def _encode(host: Union[str, bytes]) -> bytes:
    """A host as getaddrinfo(3) takes it. What no host can be called becomes what no host is called."""
    if isinstance(host, str):
        try:
            host = host.encode("ascii" if host.isascii() else "idna")
        except UnicodeError:
            host = host.encode("utf-8", "surrogatepass")
    if not isinstance(host, bytes):
        raise TypeError(f"a host is a str, not {type(host).__name__}")
    return host.replace(b"\0", b"?")  # C would stop reading there


def _free(handle: c_void_p, owner: int) -> None:
    if os.getpid() == owner:
        _library.multiping_free(handle)


def _result(known: _library.Result, name: str) -> Result:
    outcome = Outcome(known.outcome)
    is_reply = known.rtt_ns >= 0  # that of a late one too
    icmp_error = None
    if outcome == Outcome.ICMP_ERROR:
        icmp_error = IcmpError(known.icmp_type, known.icmp_code, known.reporter.decode(), known.next_hop_mtu)
    return Result(name=name, address=known.address.decode() or None, outcome=outcome,
                  seconds=known.rtt_ns / 1e9 if is_reply else None, flags=Flag(known.flags),
                  hop_limit=known.hop_limit if is_reply else None,
                  size_bytes=known.size_bytes if is_reply else None, icmp_error=icmp_error, error=known.error,
                  sent_at=known.sent_unix_ns / 1e9 if known.sent_unix_ns else None, queued=known.queued_us / 1e6,
                  n_sent=known.n_sent, n_replies=known.n_replies, n_duplicates=known.n_duplicates,
                  target=known.target, probe=known.probe)


class Session:
    def __init__(self, probe_timeout: float) -> None:
        config = _library.config()
        config.probe_timeout_us = _probe_microseconds(probe_timeout)
        handle = c_void_p()
        code = _library.multiping_new(config, byref(handle))
        if code < 0:
            raise error_of_code(-code, os.strerror(-code))
        self._handle = handle
        self._lock = threading.RLock()
        self._is_busy = False
        self._owner = os.getpid()
        self._free = weakref.finalize(self, _free, handle, self._owner)
        self._free.atexit = False  # then a daemon thread may be in the middle of a call
        self._known = _library.Result()
        self._known_reference = byref(self._known)
        self._event = _library.Event()
        self.names: List[str] = []                # by target, as given
        self.addresses: List[Optional[str]] = []  # by target; None: it has none, or not yet
        self.looking_up: Set[int] = set()         # targets whose name may yet get one

    @property
    def is_open(self) -> bool:
        return self._free.alive

    def close(self) -> None:
        """Frees the object, once. In a child of fork() it is not there to be freed."""
        if os.getpid() == self._owner:
            with self._lock:
                self._check_idle()
                self._free()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Around calls that wait: an object belongs to one thread at a time, others wait for their turn."""
        self._check_owner()
        with self._lock:
            self.check_usable()
            self._is_busy = True
            try:
                yield
            finally:
                self._is_busy = False

    def check_usable(self) -> None:
        """Before calls that do not."""
        self._check_owner()
        self._check_idle()
        if not self.is_open:
            raise MultiPingError("closed")

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise MultiPingError("made before fork(): make another in the child")

    def _check_idle(self) -> None:
        """The lock lets its own thread in again: that is a signal's handler, which would wait for itself otherwise."""
        if self._is_busy:
            raise MultiPingError("called in the middle of another call, by a signal's handler or another thread")

    def _check(self, code: int) -> int:
        if code < 0:
            raise error_of_code(-code, self.message())
        return code

    def message(self) -> str:
        """The library's words for the last failure."""
        return _library.multiping_message(self._handle).decode(errors="replace")

    def stats(self, scope: int, counters: object, n_counters: object) -> None:
        """Waits for the helper's counters."""
        with self.turn():
            self._check(_library.multiping_stats(self._handle, scope, counters, n_counters))

    def add(self, host: str) -> int:
        """Adds a target and returns its number, from 0. Its name goes into `looking_up`, unless it is an address."""
        target = len(self.names)
        code = _library.multiping_add(self._handle, _encode(host), None, None)
        if code < 0:
            raise error_of_code(-code)
        known = self.get(target)
        address = known.address.decode()
        if not address and known.outcome != Outcome.NAME_ERROR:
            self.looking_up.add(target)
        self.names.append(host)
        self.addresses.append(host if address == host else address or None)
        return target

    def remove(self, target: int) -> None:
        self._check_target(_library.multiping_remove(self._handle, target))
        self.looking_up.discard(target)

    @staticmethod
    def _check_target(code: int) -> None:
        if code == -errno.ENOENT:
            raise LookupError("no such target, or no such probe")
        if code < 0:
            raise error_of_code(-code)

    def get(self, target: int) -> _library.Result:
        """The library's own words on a target: until the next call."""
        self._check_target(_library.multiping_get(self._handle, target, self._known_reference))
        return self._known

    def result(self, target: int) -> Result:
        return _result(self.get(target), self.names[target])

    def look_up(self, hosts: Iterable[str], ignore_errors: bool) -> Iterator[None]:
        """Adds the hosts, and goes on until each has an address, or has none: MultiPingSocketError, or with @ignore_errors
        nothing. Yields whenever the caller is to wait until fileno() is readable."""
        for host in hosts:
            target = self.add(host)
            if not ignore_errors:
                self._check_name(target)
        while self.looking_up:
            yield
            self.dispatch()
            for event in self.events():
                if event.result is not None and not ignore_errors:
                    self._check_name(event.result.target)

    def _check_name(self, target: int) -> None:
        if self.addresses[target] is None and target not in self.looking_up:
            code = self.get(target).error
            reason = _library.gai_strerror(code).decode(errors="replace")
            raise MultiPingSocketError(code, f"cannot look up '{self.names[target]}': {reason}")

    def send(self) -> int:
        return self._check(_library.multiping_send(self._handle))

    def receive(self, wait: float) -> bool:
        """False: a signal's handler ran, and it is not over."""
        code = _library.multiping_receive(self._handle, _microseconds(wait))
        if code == -errno.EINTR:
            return False
        self._check(code)
        for _ in self.events():
            pass  # of the helper's coming and going: what it means stands in the results
        return True

    def fileno(self) -> int:
        return _library.multiping_fd(self._handle)

    def dispatch(self) -> None:
        with self.turn():
            self._check(_library.multiping_dispatch(self._handle))

    def events(self) -> Iterator[Event]:
        """Those that wait."""
        return iter(self.next_event, None)

    def next_event(self) -> Optional[Event]:
        if not _library.multiping_next_event(self._handle, byref(self._event)):
            return None
        kind = EventType(self._event.type)
        known = self._event.result
        if kind == EventType.HELPER_UP:
            return Event(kind)
        if kind == EventType.HELPER_DOWN:
            return Event(kind, error=error_of_code(known.error, self.message()))
        if kind == EventType.NAME:
            self.looking_up.discard(known.target)
            self.addresses[known.target] = known.address.decode() or None
        return Event(kind, _result(known, self.names[known.target]))

    def ping(self, target: int, timeout: float) -> int:
        probe = c_uint64()
        self._check_target(
            _library.multiping_ping(self._handle, target, _probe_microseconds(timeout), byref(probe)))
        return probe.value

    def cancel(self, probe: int) -> None:
        self._check_target(_library.multiping_cancel(self._handle, probe))
