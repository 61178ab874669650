# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Ping many hosts at once, as an ordinary user.

    from multiping import MultiPing, multi_ping

    responses, no_responses = multi_ping(["127.0.0.1", "localhost"], timeout=2, retry=3)

The helper of this machine sends the pings; the program needs no privilege. Names, arguments, answers and exceptions are
those of the pure-Python package of this name, so that programs written for it run unchanged.

    multi_ping()        these hosts, this much time, so many retries
    MultiPing           an object: send(), receive(), send() again for those missing; results() has all that is known
    async_multi_ping()  multi_ping() for asyncio
    AsyncMultiPing      single pings for asyncio, and what becomes of them as events
    helper_stats()      what the helper counts: of this user, or of all

Times are in seconds, as float. Errors are MultiPingError and what is below it, and MultiPingSocketError for names."""

from multiping._installed import VERSION as __version__
from multiping._ping import MultiPing, multi_ping
from multiping._stats import helper_stats
from multiping.aio import AsyncMultiPing, async_multi_ping
from multiping.errors import (MultiPingDeniedError, MultiPingError, MultiPingHelperError, MultiPingHelperLostError,
                              MultiPingLimitError, MultiPingNoHelperError, MultiPingProtocolError, MultiPingSocketError)
from multiping.results import Event, EventType, Flag, IcmpError, Outcome, Result

__all__ = [
    "AsyncMultiPing",
    "Event",
    "EventType",
    "Flag",
    "IcmpError",
    "MultiPing",
    "MultiPingDeniedError",
    "MultiPingError",
    "MultiPingHelperError",
    "MultiPingHelperLostError",
    "MultiPingLimitError",
    "MultiPingNoHelperError",
    "MultiPingProtocolError",
    "MultiPingSocketError",
    "Outcome",
    "Result",
    "async_multi_ping",
    "helper_stats",
    "multi_ping",
]
