# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of hostile clients share: an honest user beside the attacker, sockets that sleep when they are closed, and the
count of what was tried."""

import array
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import struct
import time

import rig
from client_from_specification import Client, Closed, Fault, REPLY


class Attacks:
    """How many attacks a program made, to be told at its end. Controls count too: they are attacks on a weaker helper."""

    def __init__(self):
        self.n_tried = 0

    def tried(self, n=1):
        self.n_tried += n


attacks = Attacks()


def main():
    """rig.main() that says in the end how much was attacked."""
    try:
        rig.main()
    finally:
        print(f"{attacks.n_tried} attacks tried, controls included")


@contextlib.contextmanager
def inside(namespace):
    """In here this process makes its sockets in @namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as ours, open(namespace.path) as theirs:
        if libc.setns(theirs.fileno(), 0) < 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(ours.fileno(), 0)


@contextlib.contextmanager
def as_uid(uid):
    """In here this process connects as @uid."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextlib.contextmanager
def stopped(pid):
    """In here that process does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        while rig.status(pid)["State"][0] != "T":
            time.sleep(0)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Sleepers:
    """TCP sockets in the attacker's own network namespace. Whoever closes the last descriptor of one sleeps for @seconds: its data
    finds no taker, and SO_LINGER makes close(2) wait for one."""

    def __init__(self, namespace, seconds):
        self.namespace, self.seconds = namespace, seconds
        with inside(namespace):
            self.peer = socket.socket()
            self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            self.peer.bind(("127.0.0.1", 0))
            self.peer.listen(4096)

    def make(self):
        with inside(self.namespace):
            sleeper = socket.socket()
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        sleeper.connect(self.peer.getsockname())
        sleeper.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sleeper.send(bytes(65536))
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, self.seconds))
        return sleeper

    def make_all(self, n):
        return [self.make() for _ in range(n)]

    @staticmethod
    def send(connection, sleepers):
        """Sends them over @connection and keeps none. Whoever is the first to close them does not sleep: the helper must be
        stopped, or not there yet."""
        rights = array.array("i", [sleeper.fileno() for sleeper in sleepers])
        try:
            connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        except OSError:
            for sleeper in sleepers:  # these are the last ones: let them not sleep here
                sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise
        finally:
            for sleeper in sleepers:
                sleeper.close()

    def close(self):
        self.peer.close()  # which resets all that were left


class Bystander:
    """An honest user in a process of his own, who pings 127.0.0.1 fifty times a second."""

    INTERVAL_SECONDS = 0.02
    LAST_SECONDS = 3  # for the last outcome

    def __init__(self, connect):
        """@connect: makes a connection to the helper as a given user."""
        results, self.writer = os.pipe()
        self.results = os.fdopen(results)
        stop, self.stop_writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.stop_writer)
            try:
                self._ping(connect, stop)
            finally:
                os._exit(1)
        os.close(stop)
        os.close(self.writer)
        self.samples = None

    def _ping(self, connect, stop):
        samples = []
        with Client(connect(rig.BOB)) as client:
            client.hello("bystander")
            while not select.select([stop], [], [], self.INTERVAL_SECONDS)[0]:
                begin = time.monotonic()
                [outcome] = client.ping(["127.0.0.1"])
                samples.append((time.monotonic() - begin, outcome[1], outcome[4] if outcome[1] == REPLY else 0))
        with os.fdopen(self.writer, "w") as writer:
            json.dump(samples, writer)
        os._exit(0)

    def stop(self):
        """How it went: [(seconds until the outcome was here, outcome, round-trip time in ns)]."""
        if self.samples is None:
            self.samples = []
            os.close(self.stop_writer)
            with self.results:
                if not select.select([self.results], [], [], self.LAST_SECONDS)[0]:
                    os.kill(self.pid, signal.SIGKILL)
                text = self.results.read()
            os.waitpid(self.pid, 0)
            if not text:
                raise AssertionError("the bystander got no answer")
            self.samples = [tuple(sample) for sample in json.loads(text)]
        return self.samples

    def end(self):
        """Whatever he is at: the test has said already what it has to say."""
        if self.samples is None:
            self.samples = []
            os.close(self.stop_writer)
            self.results.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class HostileCase(rig.Case):
    PATIENCE_SECONDS = 1.5  # for what takes the helper less than a millisecond; half of what an attack would cost

    def bystander(self, connect):
        bystander = Bystander(connect)
        self.addCleanup(bystander.end)
        return bystander

    def assert_undisturbed(self, bystander, meanwhile):
        """Nothing was lost and nothing took long; prints the times."""
        samples = bystander.stop()
        waits, rtts = [sample[0] for sample in samples], [sample[2] for sample in samples]
        print(f"another user during {meanwhile}: {len(samples)} pings, answered after "
              f"{percentile(waits, 50) * 1e3:.2f} ms, p99 {percentile(waits, 99) * 1e3:.2f} ms, worst {max(waits) * 1e3:.2f} ms; "
              f"round-trip time {percentile(rtts, 50) / 1e3:.1f} us, p99 {percentile(rtts, 99) / 1e3:.1f} us")
        self.assertEqual({sample[1] for sample in samples}, {REPLY})
        self.assertLess(max(waits), self.PATIENCE_SECONDS)

    def why_closed(self, client):
        """The code with which the helper closes, soon; None where it says nothing."""
        client.connection.settimeout(self.PATIENCE_SECONDS)
        try:
            while True:
                client.receive()
        except Closed as closed:
            return closed.code
        except ConnectionResetError:
            return None
        except TimeoutError:
            self.fail("the helper does not close")

    def wait_for_descriptors(self, pid, n):
        """Until the helper has no more than @n left: it may still be closing."""
        deadline = time.monotonic() + self.PATIENCE_SECONDS
        while (left := len(os.listdir(f"/proc/{pid}/fd"))) > n and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(left, n)

    def assert_serves(self, connect, uid=rig.CAROL):
        """An honest user is served, soon."""
        with Client(connect(uid)) as client:
            client.connection.settimeout(self.PATIENCE_SECONDS)
            try:
                client.hello("honest")
                self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1"])], [REPLY])
            except (OSError, Closed, Fault) as what:
                self.fail(f"an honest user is not served: {what!r}")
