# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for systemd: it makes the sockets, starts the helper with them, hears what it says, and starts it again.

It does what sd_listen_fds(3), sd_notify(3), systemd.socket(5) and systemd.service(5) say, as far as multiping.service asks for it:
sockets that wait (systemd hands them down without O_NONBLOCK), the variables, the credentials of whoever sends news, User= with
AmbientCapabilities=.
"""

import array
import os
import socket
import struct
import subprocess
import time

import rig

FIRST_FD = 3                          # SD_LISTEN_FDS_START
SERVICE = 61200                       # User=: of those that nobody has
CAPABILITIES = "+net_raw,+net_admin"  # AmbientCapabilities=, CapabilityBoundingSet=

# Becomes the program in its last arguments, with the descriptors named by the first one from FIRST_FD on.
LAUNCH = f"""
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",") if fd]
for number, fd in enumerate(high, {FIRST_FD}):
    os.dup2(fd, number, inheritable=True)
for name in ("LISTEN_PID", "WATCHDOG_PID"):
    os.environ.setdefault(name, str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def as_service():
    """The command line by which systemd's User= and AmbientCapabilities= are done."""
    return ["/usr/bin/setpriv", f"--reuid={SERVICE}", f"--regid={SERVICE}", "--clear-groups", "--no-new-privs",
            f"--inh-caps=-all,{CAPABILITIES}", f"--ambient-caps=-all,{CAPABILITIES}", f"--bounding-set=-all,{CAPABILITIES}"]


def listening_socket(path, kind=socket.SOCK_SEQPACKET):
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(str(path))
    os.chmod(path, 0o666)
    listener.listen(64)
    return listener


def news_socket(namespace):
    """Where a manager that lives in that namespace, whose own abstract names are, hears."""
    news = namespace.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    news.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return news


class Manager:
    """@names: FileDescriptorName= of the sockets, of which there is one for each; @is_service: started as multiping.service
    would be, else as root; @without: a defence that is switched off. `listeners` may be changed before start()."""

    def __init__(self, namespace, names=("helper",), is_service=True, watchdog_us=None, is_abstract=False, without=None):
        self.namespace = namespace
        self.folder = rig.temporary_folder()
        self.names = list(names)
        self.paths = [self.folder / f"{name}.sock" for name in names]
        self.listeners = [listening_socket(path) for path in self.paths]
        self.is_service = is_service
        self.watchdog_us = watchdog_us
        self.log_path = self.folder / "log"
        self.configuration_path = self.folder / "helper.conf"
        self.configuration_path.write_text(rig.with_socket_kind(rig.UNLIMITED))
        self.news = news_socket(namespace)
        news_path = self.folder / "notify"
        self.notify_socket = f"@{news_path}" if is_abstract else str(news_path)
        self.news.bind(f"\0{news_path}" if is_abstract else str(news_path))
        if not is_abstract:
            news_path.chmod(0o666)
        self.helper = rig.program_without(without, "multiping-helper") if without else [rig.program("multiping-helper")]
        self.process = None

    def command(self, *arguments):
        numbers = ",".join(str(listener.fileno()) for listener in self.listeners)
        return ["/usr/bin/python3", "-c", LAUNCH, numbers, *(as_service() if self.is_service else []),
                *self.helper, "--config", str(self.configuration_path), *arguments]

    def start(self, *arguments, wrap=(), **variables):
        """Starts the helper; @variables replace those of the protocol, None removes one."""
        words = {"NOTIFY_SOCKET": self.notify_socket, "LISTEN_FDS": str(len(self.listeners)),
                 "LISTEN_FDNAMES": ":".join(self.names),
                 "WATCHDOG_USEC": self.watchdog_us and str(self.watchdog_us)} | variables
        environment = rig.environment(**{name: word for name, word in words.items() if word is not None})
        with self.log_path.open("a") as log:
            self.process = self.namespace.popen(
                [*wrap, *self.command(*arguments)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=log, pass_fds=[listener.fileno() for listener in self.listeners])

    @property
    def pid(self):
        return self.process.pid

    def hear(self, seconds=rig.START_SECONDS):
        """The next news within that time, as (words, pid, uid of the sender), or None."""
        self.news.settimeout(seconds)
        try:
            words, ancillary, _, _ = self.news.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
        except (TimeoutError, BlockingIOError):
            return None
        pid, uid, _ = struct.unpack("3i", ancillary[0][2])
        return words.decode(), pid, uid

    def hear_all(self):
        """What waits to be heard, and has come already."""
        heard = []
        while news := self.hear(0):
            heard.append(news[0])
        return heard

    def wait_for(self, words, seconds=rig.START_SECONDS):
        """Hears until those words come; what came before is forgotten."""
        deadline = time.monotonic() + seconds
        while (news := self.hear(max(deadline - time.monotonic(), 0))) and news[0] != words:
            pass
        if news is None:
            raise AssertionError(f"no {words}; the helper said:\n{self.log()}")
        return news

    def log(self):
        return self.log_path.read_text()

    def connect(self, place=0):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self.paths[place]))
        return connection

    def kill(self):
        """Ends the helper as a crash would; the sockets stay."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """What it exits with by itself."""
        return self.process.wait(rig.START_SECONDS)

    def stop(self):
        """Ends the helper by SIGTERM, which must do."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                ended = self.end()
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("the helper did not end on SIGTERM") from None
            if ended != 0:
                raise RuntimeError(f"the helper ended with {ended}; it said:\n{self.log()}")

    def close(self):
        try:
            self.stop()
        finally:
            for one in [*self.listeners, self.news]:
                one.close()

    def multiping_command(self, *arguments):
        return rig.as_user(rig.ALICE, [rig.program("multiping"), "--socket", self.paths[0], *arguments])


def send_descriptor(connection, fd):
    """Sends @fd along with a byte."""
    return connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
