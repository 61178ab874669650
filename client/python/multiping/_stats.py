# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the helper counts."""

from ctypes import POINTER, byref, c_size_t
from typing import Dict

from multiping import _library
from multiping._session import LONGEST_PROBE, Session

_SCOPES = {"owner": 1, "helper": 2}  # of this program's user; of all. A session of its own would have nothing to tell


def helper_stats(scope: str = "helper") -> Dict[str, int]:
    """The counters of the helper that multi_ping() would ask, by name, as protocol/PROTOCOL.md lists them: what became of pings, how
    many wait now and for what, how full its buffers are. A later helper may have more of them.

    scope: "helper" for all users since the helper's start, or "owner" for the user whose program this is, since one of his programs
    has been connected.

    Raises ValueError for another scope, and what multi_ping() raises where no helper can be reached."""
    if scope not in _SCOPES:
        raise ValueError(f"a scope is one of {', '.join(_SCOPES)}, not {scope}")
    counters, n_counters = POINTER(_library.Counter)(), c_size_t()
    session = Session(LONGEST_PROBE)
    try:
        session.stats(_SCOPES[scope], byref(counters), byref(n_counters))
        try:
            return {counters[i].name.decode(): counters[i].value for i in range(n_counters.value)}
        finally:
            _library.free(counters)
    finally:
        session.close()
