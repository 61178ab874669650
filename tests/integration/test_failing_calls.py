# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that fail inside a helper which serves: each one in turn, the n-th for every n that a visit makes, by faults.py.

A visit does everything that a client can do. What fails costs it one request, or its connection, and it is told which; a bystander
who was there before notices nothing, and whoever comes next has all there is. The helper's filter is the one that is installed.

epoll_pwait2(2), without which there is no loop, fails with EINTR only, and recv(2), with which nobody is told anything, may end a
connection without a word. The ordinary run takes some n of the calls that are made often; MULTIPING_FULL=1 all that
differ."""

import errno
import os
import socket
import subprocess
import time

import rig
from client_from_specification import CANCELLED, Client, Closed, Fault, REPLY, SEND_ERROR
from faults import FailingHelper, Faults, FOR_EVER, NOTHING

IS_FULL = os.environ.get("MULTIPING_FULL") == "1"
MANY = 2048  # targets: more than may lie unread
UNREAD_SECONDS = {"malloc": 0.3, "epoll_ctl": 0.3}  # until they do: what these calls are for then
SILENT = "127.9.0.1"
FAILURES = {  # what can fail, and how; beside errors that a kernel gives, one that it does not
    "malloc": [errno.ENOMEM], "calloc": [errno.ENOMEM], "realloc": [errno.ENOMEM],
    "accept4": [errno.EMFILE, errno.ECONNABORTED], "epoll_ctl": [errno.ENOMEM], "epoll_pwait2": [errno.EINTR],
    "getsockopt": [errno.ENOBUFS], "recv": [errno.ENOMEM], "recvmmsg": [errno.ENOMEM], "send": [errno.ENOBUFS, errno.EPERM],
    "sendto": [errno.ENOBUFS, errno.EPERM, errno.ENOMEM, errno.EINVAL], "write": [errno.EAGAIN]}
WORDLESS = ("recv", "send", "epoll_ctl")  # nobody can be told, or (to change what is waited for) it cannot fail
SAID = ["unknown_method"]  # to a visitor whom nothing fails


def numbers():
    """Which of the calls is to fail: 1, 2, 3, .. 64, and then ever fewer of those alike; or where time is short 1, 2, 3, 9, 27, .."""
    n = 1
    while True:
        yield n
        n += 1 if n < (64 if IS_FULL else 3) else n // 8 if IS_FULL else 2 * n


def granting(client, told):
    """A function that waits for a response, and notes in @told the code of one that is an error."""
    def is_granted(msgid):
        try:
            client.response(msgid)
        except Fault as fault:
            told.append(fault.code)
            return False
        return True
    return is_granted


def visit(client, n_targets, unread_seconds=0):
    """Says and asks everything that a client can. What it was told instead of what it wanted: codes, None for no word."""
    told = []
    is_granted = granting(client, told)
    try:
        if is_granted(client.begin("hello", {"protocol": 1, "client": "visitor"})):
            ask(client, n_targets, is_granted, told, unread_seconds)
    except (Closed, ConnectionError):
        told.append(last_word(client))
    return told


def last_word(client):
    """Of a connection that was closed, perhaps when there was still something to send: a code."""
    try:
        while True:
            client.receive()
    except Closed as closed:
        return closed.code


def ask(client, n_targets, is_granted, told, unread_seconds=0):
    targets = ["::1", *(f"127.1.{n // 256}.{n % 256}" for n in range(1, n_targets))]
    requests = [client.begin_ping(targets), client.begin_ping(["127.0.0.1"])]
    others = [client.begin("stats", {"scope": scope}) for scope in ("session", "owner", "helper") * 5]
    time.sleep(unread_seconds)
    granted = [(id, n) for (id, msgid), n in zip(requests, (n_targets, 1)) if is_granted(msgid)]
    for msgid in others:
        is_granted(msgid)
    for id, n in granted:
        kinds = [outcome[1] for outcome in client.finish(id)]
        if len(kinds) != n or not set(kinds) <= {REPLY, SEND_ERROR}:
            raise AssertionError(f"{len(kinds)} outcomes of {n}: {set(kinds)}")
        told += [SEND_ERROR] * kinds.count(SEND_ERROR)
    id, msgid = client.begin_ping([SILENT], timeout_us=60_000_000)
    if is_granted(msgid) and is_granted(client.begin("cancel", {"id": id})):
        kind = client.finish(id)[0][1]
        if kind != CANCELLED:
            told.append(kind)
    is_granted(client.begin("nonsense", {}))


class FailingCalls(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop(f"ip daddr {SILENT}")
        self.faults = Faults()

    def shared_start(self):
        self.shared = FailingHelper(self.faults, self.network, without=self.without)
        self.addCleanup(self.shared.stop)
        self.bystander = self.client(rig.BOB)
        self.bystander.hello()

    def client(self, uid=rig.ALICE):
        client = Client(self.shared.connect(uid))
        self.addCleanup(client.close)
        return client

    def assert_well(self):
        """The bystander noticed nothing, and a newcomer has all there is."""
        self.assertEqual([outcome[1] for outcome in self.bystander.ping(["127.0.0.1", "::1"])], [REPLY, REPLY])
        with self.client() as newcomer:
            self.assertEqual(visit(newcomer, 2), SAID)

    def assert_told(self, call, told, what):
        """One visit was refused one thing at most, and the visitor knows what."""
        for code in SAID:
            if code in told:
                told.remove(code)
        allowed = {"sendto": {SEND_ERROR}, "accept4": set(), "recvmmsg": set(), "write": set(), "epoll_pwait2": set()}
        self.assertLessEqual(len(told), 1, (what, told))
        self.assertLessEqual(set(told), allowed.get(call, {"too_many_requests", "connections", *[None] * (call in WORDLESS)}), what)

    def test_one_costs_one_request(self):
        self.shared_start()
        n_visits = {}
        for call, error in ((call, error) for call, errors in FAILURES.items() for error in errors):
            for n in numbers():
                self.faults.fail(call, n, error=error)
                with self.client() as visitor:
                    told = visit(visitor, MANY, UNREAD_SECONDS.get(call, 0))
                    n_failed = self.faults.n_failed(call)
                    self.faults.fail(call, 0)
                self.assert_told(call, told, (call, n, errno.errorcode[error]))
                self.assertEqual(self.bystander.ping(["127.0.0.1"])[0][1], REPLY)
                if not n_failed:
                    break
                n_visits[call] = n_visits.get(call, 0) + 1
        self.assert_well()
        print("failed:", n_visits)


    def test_all_from_one_on_cost_what_is_asked_meanwhile(self):
        self.shared_start()
        for call in ("malloc", "calloc", "sendto", "recvmmsg", "getsockopt", "accept4", "epoll_ctl"):
            error = FAILURES[call][-1]
            self.faults.fail(call, 1, FOR_EVER, error)
            visitors = [self.client() for _ in range(3)]
            for visitor in visitors:
                try:
                    visitor.begin("hello", {"protocol": 1, "client": "visitor"})
                    visitor.begin_ping(["127.0.0.1", "::1"], timeout_us=500_000)
                except ConnectionError:
                    pass
            time.sleep(0.2)
            self.assertGreater(self.faults.n_failed(call), 0, call)
            self.faults.fail(call, 0)
            for visitor in visitors:
                visitor.close()
            self.assert_well()

    @rig.defended_by("PAUSED_ACCEPT")
    def test_no_descriptor_for_a_connection_is_a_pause_not_a_storm(self):
        self.shared_start()
        self.faults.fail("accept4", 1, FOR_EVER, errno.EMFILE)
        waits = self.client()
        request = waits.begin("hello", {"protocol": 1, "client": "waits"})
        begin, before = time.monotonic(), rig.processor_seconds(self.shared.pid)
        while time.monotonic() < begin + 1:
            self.assertEqual(self.bystander.ping(["127.0.0.1"])[0][1], REPLY)
            time.sleep(0.1)
        seconds = time.monotonic() - begin
        self.assertLess(rig.processor_seconds(self.shared.pid) - before, 0.25 * seconds)
        self.assertLess(self.faults.n_failed("accept4"), 100 * seconds)
        self.faults.fail("accept4", 0)
        waits.response(request)
        self.assert_well()

    def test_private_helper_ends_with_its_client_or_serves_it(self):
        n_visits = {}
        program = [*self.faults.preload(), *rig.program_without(NOTHING, "multiping-helper-private")]
        for call in ("malloc", "calloc", "epoll_ctl", "getsockopt", "recv", "recvmmsg", "send", "sendto"):
            for n in numbers():
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self.faults.clear()
                process = self.network.popen(["/bin/bash", "-c", f'exec "$@" 3<&{theirs.fileno()}', "bash", *program],
                                             pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
                theirs.close()
                with Client(ours) as client:
                    client.hello()
                    self.faults.fail(call, n)
                    told = []
                    try:
                        ask(client, 16, granting(client, told), told)
                    except (Closed, ConnectionError):
                        told.append(last_word(client))
                    n_failed = self.faults.n_failed(call)
                self.assertEqual(process.wait(rig.START_SECONDS), 0)
                self.assert_told(call, told, (call, n))
                if not n_failed:
                    break
                n_visits[call] = n_visits.get(call, 0) + 1
        print("failed:", n_visits)


if __name__ == "__main__":
    rig.main()
