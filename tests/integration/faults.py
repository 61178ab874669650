# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that fail inside a helper when a test says so: attack/fail_calls.c, preloaded, reads what stands here.

The helper is the installed one, with its own filter. The private one is linked statically, and nothing can be loaded before it:
its stand-in is the build with --without-defence, of which nothing is switched off."""

import ctypes
import errno
import mmap
import os
import re
import select
import socket
import struct
import subprocess
import time
from collections import namedtuple

import rig
from client_from_specification import Client, Closed, Fault

LIBRARY = rig.BUILD / "tests/integration/attack/libfail_calls.so"
CALLS = re.findall(r"\bX\((\w+), [A-Z]", (rig.SOURCE / "tests/integration/attack/fail_calls.c").read_text())
ORDER = struct.Struct("32s5Q")  # struct order
FOR_EVER = 2**63
HOSTS = ["127.0.0.1", "::1"]
NOTHING = "NOTHING"             # the name of no defence
PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SECCOMP_GET_FILTER = 16, 17, 0x420C
INSTRUCTION_BYTES, MAX_INSTRUCTIONS = 8, 4096
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class Faults:
    """The orders for a helper."""

    def __init__(self):
        self.path = rig.temporary_folder() / "faults"
        with open(self.path, "wb+") as file:
            file.truncate(ORDER.size * len(CALLS))
            self.memory = mmap.mmap(file.fileno(), 0)
        self.path.chmod(0o666)
        self.clear()

    def clear(self):
        """Nothing fails, nothing was called."""
        for call in CALLS:
            self.fail(call, 0)

    def fail(self, call, first=1, last=None, error=errno.ENOMEM):
        """Of the calls from now on, those from @first to @last (that one alone) fail; error 0: do nothing and say all went well."""
        last = first if last is None else last
        ORDER.pack_into(self.memory, self._place(call), call.encode(), 0, 0, 0, 0, 0)  # while it changes none does
        ORDER.pack_into(self.memory, self._place(call), call.encode(), 0, first, last, error, 0)

    def n_calls(self, call):
        return ORDER.unpack_from(self.memory, self._place(call))[1]

    def n_failed(self, call):
        return ORDER.unpack_from(self.memory, self._place(call))[5]

    def preload(self, heap_bytes=0):
        """Words that go before a program, which then obeys. So many bytes of its heap are taken before it starts."""
        words = ["/usr/bin/env", f"LD_PRELOAD={LIBRARY}", f"MULTIPING_TEST_FAULTS={self.path}",
                 f"MULTIPING_TEST_HEAP_BYTES={heap_bytes}"]
        return words + ["ASAN_OPTIONS=verify_asan_link_order=0"] * rig.is_sanitized()

    @staticmethod
    def _place(call):
        return CALLS.index(call) * ORDER.size


class FailingHelper(rig.Helper):
    """A helper that has its orders in @faults."""

    def __init__(self, faults, *arguments, **options):
        self.faults = faults
        super().__init__(*arguments, **options)

    def start(self):
        self.faults.clear()
        self.argv = [*self.faults.preload(), *self.argv]
        super().start()


def packet_socket(namespace):
    """Sees every packet of that namespace."""
    with open("/proc/self/ns/net") as ours, open(namespace.path) as theirs:
        if libc.setns(theirs.fileno(), 0) < 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
        finally:
            libc.setns(ours.fileno(), 0)


def n_echo_requests(wire):
    """How many of what was seen by now is a ping."""
    n = 0
    while True:
        try:
            packet = wire.recv(256, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return n
        if packet[0] >> 4 == 4:
            n += packet[9] == socket.IPPROTO_ICMP and packet[4 * (packet[0] & 15)] == 8
        else:
            n += packet[6] == socket.IPPROTO_ICMPV6 and packet[40] == 128


class Filter:
    """A system-call filter. Two are equal, too, where each has the pid of its own process."""

    def __init__(self, pid, instructions):
        self.pid = pid
        self.instructions = list(instructions)

    def __eq__(self, other):
        def is_same(one, another):
            return one == another or (one[:3] == another[:3] and (one[3], another[3]) == (self.pid, other.pid))
        return len(self.instructions) == len(other.instructions) and all(map(is_same, self.instructions, other.instructions))


def filter_of(pid):
    """The system-call filter of a process."""
    instructions = ctypes.create_string_buffer(INSTRUCTION_BYTES * MAX_INSTRUCTIONS)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    try:
        os.waitpid(pid, 0)
        n = libc.ptrace(PTRACE_SECCOMP_GET_FILTER, pid, None, instructions)
        if n < 0:
            raise OSError(ctypes.get_errno(), "PTRACE_SECCOMP_GET_FILTER")
    finally:
        libc.ptrace(PTRACE_DETACH, pid, None, None)
    return Filter(pid, struct.iter_unpack("=HBBI", instructions.raw[:INSTRUCTION_BYTES * n]))


# What became of a start. @ended: the exit status, None where it serves, "hangs"; @said: its last words; @status: of /proc; @ids,
# @has_capabilities, @is_hidden, @filter: what the kernel says of one that serves; @outcomes of the pings, @n_sent on the wire.
Start = namedtuple("Start", "ended said outcomes status is_hidden filter n_sent", defaults=(None,) * 7)


class Starts:
    """Starts helpers in @namespace, one after another, each with a client that waits for it already and has asked for pings."""

    def __init__(self, namespace, is_private, without=None, seconds=rig.START_SECONDS):
        self.namespace = namespace
        self.wire = packet_socket(namespace)
        self.is_private = is_private
        self.seconds = seconds
        self.folder = rig.temporary_folder()
        name = "multiping-helper-private" if is_private else "multiping-helper"
        if is_private or without:
            self.program = rig.program_without(without or NOTHING, name)
        else:
            self.program = [rig.program(name)]
        if not is_private:
            configuration = self.folder / "helper.conf"
            configuration.write_text(rig.UNLIMITED)
            self.program = [*self.program, "--config", configuration]

    def close(self):
        self.wire.close()

    def _sockets(self):
        """The client's, and what the helper is handed down."""
        if self.is_private:
            return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = self.folder / "socket"
        ours, theirs = (socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
        theirs.bind(str(path))
        theirs.listen(8)
        ours.connect(str(path))
        path.unlink()
        return ours, theirs

    def start(self, preload=(), before="true"):
        """Starts one and sees what becomes of it. @before: words for the shell that becomes the helper (not sh(1), to which
        a descriptor has one digit)."""
        ours, theirs = self._sockets()
        shell = f'{before}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{theirs.fileno()}'
        with Client(ours) as client, theirs:
            requests = [client.begin("hello", {"protocol": 1, "client": "waits"}), client.begin_ping(HOSTS)]
            process = self.namespace.popen(
                ["setpriv", "--groups=20001,20002", "/bin/bash", "-c", shell, "bash", *preload, *self.program],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if self.is_private:
                theirs.close()
            try:
                return self._observe(process, client, *requests)
            finally:
                process.kill()
                process.wait()
                process.stderr.close()

    def _observe(self, process, client, hello, ping):
        end = os.pidfd_open(process.pid)
        try:
            ready, _, _ = select.select([end, client.connection], [], [], self.seconds)
            try:
                outcomes = self._outcomes(client, hello, *ping) if client.connection in ready else None
            except Closed as closed:
                outcomes, client.closing = None, client.closing or (closed.code, "", {})
            if outcomes is None:
                ended = self._end(process, end)
                said = self._said(client) if self.is_private else process.stderr.read()
                return Start(ended=ended, said=said, n_sent=n_echo_requests(self.wire))
        finally:
            os.close(end)
        return Start(outcomes=outcomes, status=rig.status(process.pid), filter=filter_of(process.pid),
                     is_hidden=os.stat(f"/proc/{process.pid}/environ").st_uid == 0, n_sent=n_echo_requests(self.wire))

    def _end(self, process, end):
        if select.select([end], [], [], self.seconds)[0]:
            return process.wait()
        process.kill()
        return "hangs"

    @staticmethod
    def _said(client):
        """The last words, and what was tried before."""
        _, text, tried = client.closing or ("", "", {})
        return "\n".join([text, *(f"{what}: errno {error}" for what, error in (tried or {}).items())])

    @staticmethod
    def _outcomes(client, hello, id, ping):
        client.response(hello)
        client.response(ping)
        return client.finish(id)
