# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""libmultiping.so.1 by ctypes: the structures and functions of multiping.h, under its names.

A later library of the same major version may have longer structures. It reads no more of a config than `struct_bytes` says; what
it writes finds spare room behind the fields that are known here."""

import ctypes
from ctypes import (POINTER, c_char, c_char_p, c_int, c_int16, c_int64, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64,
                    c_void_p)
from pathlib import Path

from multiping import _installed  # made by CMake: use the package of the build tree, or an installed one

ADDRESS_TEXT_BYTES = 64
NAME_BYTES = 72
_SPARE_BYTES = 512


class Config(ctypes.Structure):
    _fields_ = [
        ("struct_bytes", c_size_t),
        ("socket_path", c_char_p),
        ("family", c_int),
        ("probe_timeout_us", c_int64),
        ("interval_us", c_int64),
        ("helper_wait_us", c_int64),
        ("size_bytes", c_uint16),
        ("pattern", c_int16),
        ("ttl", c_uint8),
        ("tos", c_uint8),
        ("dont_fragment", c_uint8),
        ("source", c_char_p),
        ("interface", c_char_p),
        ("fwmark", c_uint32),
        ("spare", c_char * _SPARE_BYTES),
    ]


class Result(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("address", c_char * ADDRESS_TEXT_BYTES),
        ("reporter", c_char * ADDRESS_TEXT_BYTES),
        ("target", c_size_t),
        ("probe", c_uint64),
        ("outcome", c_int),
        ("flags", c_uint32),
        ("sent_unix_ns", c_int64),
        ("queued_us", c_int64),
        ("rtt_ns", c_int64),
        ("error", c_int),
        ("hop_limit", c_uint8),
        ("icmp_type", c_uint8),
        ("icmp_code", c_uint8),
        ("size_bytes", c_uint32),
        ("next_hop_mtu", c_uint32),
        ("n_sent", c_uint32),
        ("n_replies", c_uint32),
        ("n_duplicates", c_uint32),
        ("spare", c_char * _SPARE_BYTES),
    ]


class Counter(ctypes.Structure):
    _fields_ = [("name", c_char * NAME_BYTES), ("value", c_uint64)]


class Event(ctypes.Structure):
    _fields_ = [("type", c_int), ("context", c_void_p), ("result", Result)]


def _path() -> str:
    """The library that was installed, or built, together with this package; else the one that the system knows."""
    beside = Path(__file__).resolve().parent / _installed.LIBRARY
    return str(beside) if beside.exists() else "libmultiping.so.1"


try:
    _waiting = ctypes.CDLL(_path())  # other threads run meanwhile
    _quick = ctypes.PyDLL(_path())   # they do not: for what takes less time than to let them
except OSError as _error:
    raise ImportError(f"multiping needs its C library: {_error}") from None


def _function(name, *arguments, returns=c_int, of=_quick):
    function = getattr(of, name)
    function.argtypes, function.restype = arguments, returns
    return function


multiping_config_init = _function("multiping_config_init", POINTER(Config), returns=None)
multiping_new = _function("multiping_new", POINTER(Config), POINTER(c_void_p))
multiping_free = _function("multiping_free", c_void_p, returns=c_void_p)
multiping_add = _function("multiping_add", c_void_p, c_char_p, c_void_p, POINTER(c_size_t))
multiping_remove = _function("multiping_remove", c_void_p, c_size_t)
multiping_send = _function("multiping_send", c_void_p, of=_waiting)
multiping_receive = _function("multiping_receive", c_void_p, c_int64, of=_waiting)
multiping_get = _function("multiping_get", c_void_p, c_size_t, POINTER(Result))
multiping_message = _function("multiping_message", c_void_p, returns=c_char_p)
multiping_fd = _function("multiping_fd", c_void_p)
multiping_dispatch = _function("multiping_dispatch", c_void_p, of=_waiting)
multiping_next_event = _function("multiping_next_event", c_void_p, POINTER(Event))
multiping_ping = _function("multiping_ping", c_void_p, c_size_t, c_int64, POINTER(c_uint64))
multiping_cancel = _function("multiping_cancel", c_void_p, c_uint64)
multiping_stats = _function("multiping_stats", c_void_p, c_int, POINTER(POINTER(Counter)), POINTER(c_size_t), of=_waiting)
gai_strerror = _function("gai_strerror", c_int, returns=c_char_p)  # the C library's, which multiping is linked with
free = _function("free", c_void_p, returns=None)


def config() -> Config:
    """The library's defaults."""
    made = Config()
    multiping_config_init(made)
    if made.struct_bytes < Config.spare.offset:
        raise ImportError("libmultiping.so.1 is older than the Python package beside it")
    made.struct_bytes = Config.spare.offset
    return made


config()  # an older library is told on import, not at the first ping
