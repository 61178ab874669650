# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Helpers that an attacker has taken over (attack/taken_over.c), and the attacker, who orders their system calls.

Each way to start a helper is a class; an Intruder is one connection to one of them, and has a process of its own, which came all the
way through the real start. What that process is ordered that the filter forbids ends it: Killed.

    with Intruder(SharedByRoot(case)) as intruder:
        intruder.call("openat", -100, b"/etc/shadow\\0", 0)
"""

import errno
import functools
import os
import re
import signal
import socket
import struct
import subprocess
import time

import rig
import service_manager

HELLO, ANSWER, ENDED = 1, 2, 3
NATIVE, INT80 = 0, 1
# {"EPOLL": 4, ...}: which number each descriptor of the helper's own has.
DESCRIPTORS = {name: int(number) for name, number in re.findall(
    r"DESCRIPTOR_(\w+) = (\d+)", (rig.SOURCE / "helper/descriptors.h").read_text())}
CLIENT = DESCRIPTORS["FIRST_CLIENT"]
SEND_IPV4 = DESCRIPTORS["FIRST_SEND"]
SEND_IPV6 = (DESCRIPTORS["FIRST_SEND"] + DESCRIPTORS["LAST_SEND"] + 1) // 2
# System calls that only the filter of a build with sanitizers lets through, whatever their arguments.
SANITIZERS_CALLS = set(re.findall(r"^\tALLOW\((\w+)\)", (rig.SOURCE / "helper/sandbox_sanitizer.c").read_text(), re.MULTILINE)
                       if rig.is_sanitized() else ())
MAX_ERRNO = 4095
NOBODYS_POINTER = 8
PATIENCE_SECONDS = 60


class Killed(Exception):
    """The helper's process ended: by @signal (0: of itself, with @code)."""

    def __init__(self, status):
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.code = os.waitstatus_to_exitcode(status)
        super().__init__(f"the helper ended with {self.code}")

    @property
    def by_filter(self):
        return self.signal == signal.SIGSYS


@functools.cache
def call_numbers():
    """{name: number} of the system calls here, as the C library's headers have them."""
    done = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-"], input="", capture_output=True,
                          text=True, check=True)
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", done.stdout, re.MULTILINE)}


def checksum(packet):
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def icmp(kind, code=0, identifier=7):
    """An ICMP packet of that type, as IPv4 wants it; IPv6's checksum is the kernel's work."""
    packet = struct.pack("!BBHHH", kind, code, 0, identifier, 7) + bytes(56)
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]


def ipv4(text):
    """A struct sockaddr_in."""
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def ipv6(text):
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, text), 0)


def control(level, kind, data):
    """A struct cmsghdr with its data."""
    return struct.pack("=QII", 16 + len(data), level, kind) + data


# --- starts ---

class Start:
    """A helper that was taken over while it started. @off: the defences that were switched off, besides the one that the test's
    control goes without. @configuration: of shared ones."""

    groups = ()  # supplementary ones of who starts it

    def __init__(self, case, off=(), configuration=""):
        self.namespace = case.namespace()
        self.configuration = configuration
        self.off = ",".join([*off, *([case.without] if case.without else [])]) or "NOTHING"
        case.addCleanup(self.end)
        self.start()

    def command(self, name):
        path = rig.copy_to(rig.temporary_folder(), rig.BUILD / f"tests/integration/attack/{name}-taken-over")
        return path, [path, "--without-defence", self.off]

    def as_whom(self, argv):
        """The command line that runs @argv as who starts it."""
        return ["setpriv", "--groups", ",".join(map(str, self.groups)), *argv] if self.groups else argv

    def end(self):
        """It ends when it is told to; a Killed child is no end of its."""
        self.process.terminate()
        try:
            self.process.wait(rig.START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class SharedByRoot(Start):
    is_private = False

    def start(self):
        folder = rig.temporary_folder()
        self.socket = folder / "multiping.sock"
        (folder / "helper.conf").write_text(self.configuration)
        argv = self.as_whom([*self.command("multiping-helper")[1], "--listen", self.socket, "--config", folder / "helper.conf"])
        self.process = self.namespace.popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connect(self):
        deadline = time.monotonic() + rig.START_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                connection.connect(str(self.socket))
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)


class SharedService(SharedByRoot):
    """With ambient capabilities, as multiping.service starts it."""

    def start(self):
        self.socket = rig.temporary_folder() / "multiping.sock"
        with service_manager.listening_socket(self.socket) as listener:
            argv = ["/usr/bin/python3", "-c", service_manager.LAUNCH, str(listener.fileno()), *service_manager.as_service(),
                    *self.command("multiping-helper")[1]]
            self.process = self.namespace.popen(argv, env=rig.environment(LISTEN_FDS="1"), stdin=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL, pass_fds=[listener.fileno()])


class PrivateByRoot(Start):
    is_private = True

    def start(self):
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path, argv = self.command("multiping-helper-private")
        self.mark(path)
        argv = self.as_whom(["/usr/bin/python3", "-c", service_manager.LAUNCH, str(theirs.fileno()), *argv])
        with theirs:
            self.process = self.namespace.popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL)

    def mark(self, path):
        pass

    def connect(self):
        return self.connection.dup()

    def end(self):
        self.connection.close()
        super().end()


class PrivateWithFileCapability(PrivateByRoot):
    def mark(self, path):
        subprocess.run(["setcap", "cap_net_raw=p", path], check=True)

    def as_whom(self, argv):
        return rig.as_user(rig.ALICE, argv, no_new_privs=False, keep_bounding=True, groups=self.groups)


class PrivateSetuid(PrivateWithFileCapability):
    def mark(self, path):
        path.chmod(0o4755)


class PrivateWithPingSockets(PrivateByRoot):
    """Without any privilege, where the kernel allows ICMP datagram sockets."""

    def start(self):
        self.namespace.sysctl("net.ipv4.ping_group_range", f"{rig.ALICE} {rig.ALICE}")
        super().start()

    def as_whom(self, argv):
        return rig.as_user(rig.ALICE, argv)


STARTS = (SharedByRoot, SharedService, PrivateByRoot, PrivateWithFileCapability, PrivateSetuid, PrivateWithPingSockets)


# --- the attacker ---

class Intruder:
    """Code inside a helper of its own. Arguments of calls are numbers, or bytes, which are put into memory there."""

    def __init__(self, start):
        self.connection = start.connect()
        self.connection.settimeout(PATIENCE_SECONDS)
        self.is_ended = False
        self.descriptors = []  # that it handed to us
        self.bytes = b""
        try:
            self.connection.send(b"?")
            self.pid, self.memory, self.client = struct.unpack("=3q", self.receive())
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends its process, by a message that is no order: in a private helper the connection goes on."""
        try:
            if not self.is_ended:
                self.connection.send(b"?")
            while not self.is_ended:
                self.receive()
        except Killed:
            pass
        finally:
            for fd in self.descriptors:
                os.close(fd)
            self.connection.close()

    def receive(self):
        message, ancillary, _, _ = self.connection.recvmsg(65536, 1024)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.descriptors += struct.unpack(f"={len(data) // 4}i", data)
        kind = int.from_bytes(message[:8], "little")
        if kind == ENDED:
            self.is_ended = True
            raise Killed(int.from_bytes(message[8:16], "little"))
        if not message:
            raise RuntimeError("the helper that was taken over does not answer")
        return message[8:] if kind in (HELLO, ANSWER) else self.receive()

    def place(self, data):
        """Puts @data into memory with the next call: its address there."""
        address = self.memory + len(self.bytes)
        self.bytes += data + bytes(-len(data) % 16)
        return address

    def call(self, name, *arguments, way=NATIVE, n_back=0):
        """The result of a system call, by name or number; with @n_back, that and so many bytes of what place() had placed.
        OSError as the kernel answered, Killed."""
        number = call_numbers()[name] if isinstance(name, str) else name
        values = [self.place(argument) if isinstance(argument, bytes) else argument & 0xffff_ffff_ffff_ffff
                  for argument in arguments]
        values += [0] * (6 - len(values))
        placed, self.bytes = self.bytes, b""
        self.connection.send(struct.pack("=10Q", way, number, *values, n_back, len(placed)) + placed)
        message = self.receive()
        result = int.from_bytes(message[:8], "little", signed=True)
        if -MAX_ERRNO <= result < 0:
            raise OSError(-result, f"{name}: {errno.errorcode.get(-result)}")
        return (result, message[8:]) if n_back else result

    def sendmsg(self, fd, data, address=b"", control=b""):
        vector = self.place(struct.pack("=QQ", self.place(data), len(data)))
        header = struct.pack("=QIIQQQQII", self.place(address) if address else 0, len(address), 0, vector, 1,
                             self.place(control) if control else 0, len(control), 0, 0)
        return self.call("sendmsg", fd, header, 0)
