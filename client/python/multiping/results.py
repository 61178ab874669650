# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a host, and what happened to a probe. Times are in seconds; the numbers are those of multiping.h."""

import enum
from typing import NamedTuple, Optional

from multiping.errors import MultiPingHelperError


class Outcome(enum.IntEnum):
    """Of a host's last probe."""

    PENDING = 0       # waits for its name, a limit or its turn: nothing was sent yet
    SENT = 1          # on its way, not decided
    REPLY = 2
    TIMEOUT = 3       # sent, and no answer within the probe's life
    ICMP_ERROR = 4    # a router or the host refused it
    SEND_ERROR = 5    # the helper's kernel did not take it: Result.error
    DENIED = 6        # by the helper's policy
    CANCELLED = 7
    NAME_ERROR = 8    # the name has no address: Result.error is getaddrinfo's code
    HELPER_LOST = 9   # the helper went away before it could tell


class Flag(enum.IntFlag):
    """How good a Result is. A time with both stamps is the kernel's, free of what the helper and this program were doing."""

    TRANSMIT_STAMP = 1    # the time starts at the kernel's transmit time stamp, else at the helper's clock
    RECEIVE_STAMP = 2     # the time ends at the kernel's receive time stamp, else at the helper's clock
    MAYBE_LOCAL_LOSS = 4  # the helper's sockets dropped packets meanwhile: the host may have answered
    UNVERIFIED = 8        # an ICMP error that anybody may have made up


class IcmpError(NamedTuple):
    """Why a router or the host refused a probe."""

    type: int          # of ICMP, or for an IPv6 host of ICMPv6
    code: int
    reporter: str      # address of who said so
    next_hop_mtu: int  # of "too big" and "fragmentation needed"; else 0


class Result(NamedTuple):
    """All that is known of one host."""

    name: str                  # as it was given
    address: Optional[str]     # numeric; None while the name has none
    outcome: Outcome
    seconds: Optional[float]   # round-trip time; None without reply
    flags: Flag
    hop_limit: Optional[int]   # of the reply as it arrived; None without
    size_bytes: Optional[int]  # ICMP data of the reply; None without
    icmp_error: Optional[IcmpError]
    error: int                 # errno, or getaddrinfo's code for NAME_ERROR; 0: none
    sent_at: Optional[float]   # Unix time; None: it was not sent
    queued: float              # how long the helper held it back: a limit, or others' turns
    n_sent: int
    n_replies: int
    n_duplicates: int
    target: int                # its place among the hosts, from 0
    probe: int                 # number of the probe that decided; 0: none did yet


class EventType(enum.IntEnum):
    """What an Event tells."""

    HELPER_UP = 1         # a helper answered
    HELPER_DOWN = 2       # lost, or not reached: Event.error
    NAME = 3              # a name has an address now, or (NAME_ERROR) has none
    OUTCOME = 4           # a probe ended: each has this event exactly once
    DUPLICATE = 5         # a further reply to a probe that had one
    LATE = 6              # a reply after the probe had ended without
    UNVERIFIED_ERROR = 7  # an ICMP error that may or may not be about this probe, which goes on


class Event(NamedTuple):
    """What happened to a probe, to a name, or to the connection with the helper."""

    type: EventType
    result: Optional[Result] = None  # of that probe; None for HELPER_UP and HELPER_DOWN
    error: Optional[MultiPingHelperError] = None  # of HELPER_DOWN
