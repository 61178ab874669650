# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a call as a whole. What goes wrong with one host is told in its Result."""

import errno
import os
import socket
from typing import Dict, Optional


class MultiPingError(Exception):
    """A call was wrong, or could not be served. The text says what was tried and what helps."""


class MultiPingSocketError(socket.gaierror):
    """A name has no address. `errno` is getaddrinfo's code (socket.EAI_NONAME, ...).

    Not below MultiPingError: programs catch it as socket.gaierror."""


class MultiPingHelperError(MultiPingError):
    """No helper served. `errno` is the reason, as the C library's header lists them under ERRORS OF REACHING A HELPER."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message or os.strerror(code))
        self.errno = code


class MultiPingNoHelperError(MultiPingHelperError):
    """There is no helper: no socket at the path, or nobody who listens there, and no private helper that can be started."""


class MultiPingDeniedError(MultiPingHelperError):
    """There is a helper, but not for this user, or not for any of these hosts."""


class MultiPingLimitError(MultiPingHelperError):
    """Too many connections or descriptors are open: of this user, or of all."""


class MultiPingProtocolError(MultiPingHelperError):
    """What listens there speaks another version of the protocol, or none."""


class MultiPingHelperLostError(MultiPingHelperError):
    """The helper went away, or did not answer, so that nothing can be said of the hosts still open. send() asks them again.

    `responses` is {address: seconds} of those that had answered until then and were not yet told."""

    def __init__(self, code: int, message: str, responses: Optional[Dict[str, float]] = None) -> None:
        super().__init__(code, message)
        self.responses = responses or {}


_CLASS_OF_CODE = {
    errno.ENOENT: MultiPingNoHelperError,
    errno.ECONNREFUSED: MultiPingNoHelperError,
    errno.EACCES: MultiPingDeniedError,
    errno.EPERM: MultiPingDeniedError,
    errno.EBUSY: MultiPingLimitError,
    errno.EMFILE: MultiPingLimitError,
    errno.ENFILE: MultiPingLimitError,
    errno.EPROTO: MultiPingProtocolError,
    errno.EPROTONOSUPPORT: MultiPingProtocolError,
    errno.ETIMEDOUT: MultiPingHelperLostError,
    errno.ECONNRESET: MultiPingHelperLostError,
}


def error_of_code(code: int, message: str = "") -> Exception:
    """The exception for an errno that the C library returned, with its words."""
    if code == errno.ENOMEM:
        return MemoryError(message)
    if code == errno.EINVAL:
        return ValueError(message or os.strerror(code))
    return _CLASS_OF_CODE.get(code, MultiPingHelperError)(code, message)
