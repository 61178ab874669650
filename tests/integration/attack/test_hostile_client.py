# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""One user who takes what others need: connections, slots, memory, turns, processor time. Another, or a bystander, is served all the
while."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import msgpack

import rig
from client_from_specification import Client, Closed, Fault, REPLY, REQUEST, address
from hostile_clients import HostileCase, as_uid, attacks, main
from peer import connect

N_TARGETS = 2048  # of one request
HOST = address("127.0.0.1")


class Exhaustion(HostileCase):
    def clients(self, helper, n, uid=rig.ALICE):
        clients = []
        for _ in range(n):
            attacks.tried()
            clients.append(Client(connect(helper.socket, uid)))
            self.addCleanup(clients[-1].close)
        return clients

    @rig.defended_by("FAIR_SHARES")
    def test_all_connections(self):
        helper = self.helper(self.namespace())
        held, n_refused = [], 0
        while n_refused < 2000:
            client = Client(helper.connect(rig.ALICE))
            attacks.tried()
            try:
                client.hello("greedy")
                held.append(client)
                self.addCleanup(client.close)
            except (Closed, ConnectionError):  # told `connections`, or closed before hello
                client.close()
                n_refused += 1
        self.assert_serves(helper.connect)
        print(f"one user got {len(held)} connections and was refused {n_refused}; the helper has "
              f"{rig.peak_resident_bytes(helper.pid) / 2**20:.1f} MiB")

    def wait_until_no_more_is_sent(self, helper):
        with Client(helper.connect(rig.CAROL)) as client:
            client.hello()
            n_sent, deadline = [-1, 0], time.monotonic() + 60
            while n_sent[-1] != n_sent[-2] and time.monotonic() < deadline:
                time.sleep(0.3)
                n_sent.append(client.call("stats", scope="helper")["probes_sent"])

    @rig.defended_by("FAIR_SHARES")
    def test_all_slots_by_who_reads_nothing(self):
        """What he asked for waits in the helper, and is there when he reads at last."""
        helper = self.helper(self.namespace(), rig.UNLIMITED + "[helper]\nprobes_in_flight = 4096\n")
        clients = self.clients(helper, 4)
        for client in clients:
            client.hello("stopped")
            for _ in range(2):
                client.begin_ping(["127.0.0.1"] * N_TARGETS)
        self.wait_until_no_more_is_sent(helper)
        bystander = self.bystander(helper.connect)
        self.assert_serves(helper.connect)
        time.sleep(1)
        full = rig.peak_resident_bytes(helper.pid)
        self.assert_undisturbed(bystander, f"{len(clients) * 2 * N_TARGETS} outcomes that nobody reads")
        for client in clients:
            for id in 1, 2:
                self.assertEqual({outcome[1] for outcome in client.finish(id)}, {REPLY})
        if not rig.is_sanitized():
            self.assertLess(rig.peak_resident_bytes(helper.pid) - full, 2**20)

    @rig.defended_by("FAIR_SHARES")
    def test_all_memory_for_requests(self):
        """32 MiB are for targets that wait: two requests on each of 520 connections would be more."""
        helper = self.helper(self.namespace(), f"{rig.UNLIMITED}[user {rig.ALICE}]\npackets_per_second = 1\nburst_packets = 1\n")
        requests = [msgpack.packb([REQUEST, 100 + id, "ping", {"id": id, "targets": [HOST] * N_TARGETS, "timeout_us": 1000}])
                    for id in (1, 2)]
        n_refused = 0
        for _ in range(520):
            [client] = self.clients(helper, 1)
            client.hello("hoarder")
            for request in requests:
                client.send_bytes(request)
            client.call("stats", scope="session")
            n_refused += sum(bool(error) for error, _ in client.responses.values())
        [honest] = self.clients(helper, 1, rig.BOB)
        honest.connection.settimeout(self.PATIENCE_SECONDS)
        honest.hello("honest")
        try:
            outcomes = honest.ping(["127.0.0.1"] * N_TARGETS)
        except (Fault, TimeoutError) as what:
            self.fail(f"no room for another user's request: {what}")
        self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY})
        resident = rig.peak_resident_bytes(helper.pid)
        print(f"{n_refused} of 1040 requests were refused memory; the helper has {resident / 2**20:.1f} MiB")
        self.assertGreater(n_refused, 0)  # or it was too little
        if not rig.is_sanitized():
            self.assertLess(resident, 64 * 2**20)

    @rig.defended_by("HELLO_TIMER")
    def test_silent_connections(self):
        """As many as one may have, at the default limits, which say nothing."""
        helper = self.helper(self.namespace(), "")
        clients = self.clients(helper, 40)
        codes = [self.why_closed(client) for client in clients[32:]]
        self.assertEqual(codes, ["connections"] * 8)
        self.assert_serves(helper.connect)
        time.sleep(5)
        for client in clients[:32]:
            self.assertEqual(self.why_closed(client), "slow_start")
        self.assert_serves(helper.connect, rig.ALICE)

    @rig.defended_by("FAIR_TURNS")
    def test_all_turns(self):
        helper = self.helper(self.namespace(), rig.UNLIMITED.replace("total_packets_per_second = unlimited",
                                                                     "total_packets_per_second = 2000"))
        for client in self.clients(helper, 4):
            client.hello("sweep")
            for _ in range(2):
                client.begin_ping(["127.0.0.1"] * N_TARGETS)
        time.sleep(0.3)  # the burst is over
        self.assert_serves(helper.connect)
        bystander = self.bystander(helper.connect)
        time.sleep(1)
        self.assert_undisturbed(bystander, "another's sweep at all of the total rate")


class Storms(HostileCase):
    """Clients that come, say something or nothing, and go; or that cannot be let in. The helper does not turn in vain."""

    IDLE_SHARE = 0.5  # a loop that turns in vain always wants to run, whatever the machine lets it have

    def setUp(self):
        self.started = self.helper(self.namespace())
        self.assert_serves(self.started.connect)

    def assert_idle(self, after):
        """Nobody asks for anything, and the helper sleeps."""
        share = rig.wants_to_run(self.started.pid)
        print(f"after {after} the helper wants to run {100 * share:.1f} % of the time")
        self.assertLess(share, self.IDLE_SHARE)

    def storm(self, n_processes, n_times):
        """Each of @n_processes comes @n_times and goes in one of several ways; killed, with all that it had open."""
        ping = msgpack.packb([REQUEST, 2, "ping", {"id": 1, "targets": [HOST] * 64, "timeout_us": 60_000_000}])
        hello = msgpack.packb([REQUEST, 1, "hello", {"protocol": 1, "client": "storm"}])
        children = []
        for _ in range(n_processes):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException), as_uid(rig.ALICE):
                    for n in range(n_times):
                        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                        connection.connect(str(self.started.socket))
                        with contextlib.suppress(OSError):
                            for message in ((), (hello,), (hello, ping), (hello, ping, b"\xc1"), (hello[:9],))[n % 5]:
                                connection.send(message)
                            connection.shutdown((socket.SHUT_WR, socket.SHUT_RD, socket.SHUT_RDWR)[n % 3])
                        if n < n_times - 8:
                            connection.close()
                        else:
                            connection.detach()  # is open until the end
                os.kill(os.getpid(), signal.SIGKILL)
            children.append(child)
            attacks.tried(n_times)
        for child in children:
            os.waitpid(child, 0)

    @rig.defended_by("HANGUP")
    def test_come_and_go(self):
        bystander = self.bystander(self.started.connect)
        self.storm(4, 1000)
        self.assert_undisturbed(bystander, "4000 connections that come and go")
        self.wait_for_descriptors(self.started.pid, 64)
        self.assert_idle("a storm")

    @rig.defended_by("HANGUP")
    def test_half_goodbyes(self):
        """Answers lie unread, requests too, and then one direction is shut down, or the process dies."""
        self.storm(1, 15)
        self.assert_idle("15 half goodbyes")
        self.wait_for_descriptors(self.started.pid, 64)

    def limit_descriptors(self, soft):
        """As the helper's own user, who may do that to his processes."""
        uid = int(rig.status(self.started.pid)["Uid"].split()[0])
        subprocess.run(rig.as_user(uid, ["/usr/bin/prlimit", "--pid", str(self.started.pid), f"--nofile={soft}:"]), check=True)

    @rig.defended_by("PAUSED_ACCEPT")
    def test_no_descriptor_is_left(self):
        with Client(self.started.connect(rig.BOB)) as client:
            client.hello("was there before")
            self.limit_descriptors("65")  # his is the last
            waiting = self.wait_in_vain()
            self.assert_idle("a connection that found no descriptor")
            self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1"])], [REPLY])
        self.limit_descriptors("1000")
        for client in waiting:
            client.connection.settimeout(self.PATIENCE_SECONDS)
            client.response(1)

    def wait_in_vain(self):
        waiting = []
        for _ in range(20):
            attacks.tried()
            waiting.append(Client(self.started.connect(rig.ALICE)))
            self.addCleanup(waiting[-1].close)
            waiting[-1].begin("hello", {"protocol": 1, "client": "waits"})
        return waiting

    def test_requests_without_end(self):
        """Sixteen connections in two processes that ask as fast as they are answered. No control: nothing is there to be switched
        off, since each session waits for its answers."""
        bystander = self.bystander(self.started.connect)
        time.sleep(1)
        stop = time.monotonic() + 2
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    self.ask_until(stop)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        with Client(self.started.connect(rig.CAROL)) as client:
            client.hello()
            n = client.call("stats", scope="helper")["cancelled"]
        attacks.tried(n)
        self.assertGreater(n, 100)
        self.assert_undisturbed(bystander, f"requests without end, {n} pings cancelled among them")

    def ask_until(self, stop):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(self.started.connect(rig.ALICE))) for _ in range(8)]
            for client in clients:
                client.hello()
            while time.monotonic() < stop:
                for client in clients:
                    id, _ = client.begin_ping(["127.0.0.1"] * 4, interval_us=1_000_000)
                    for _ in range(6):
                        client.begin("stats", {"scope": "helper"})
                    client.begin("cancel", {"id": id})
                for client in clients:
                    client.finish(client.last_id)


class Deputies(HostileCase):
    """A program of root's, setuid say, is made to write to a connection of ALICE's: to its standard error."""

    def setUp(self):
        self.started = self.helper(self.namespace(), f"{rig.UNLIMITED}[user {rig.ALICE}]\npackets_per_second = 7\n")

    def deputed(self, *messages):
        """A connection of ALICE's to which root wrote @messages."""
        client = Client(self.started.connect(rig.ALICE))
        self.addCleanup(client.close)
        client.connection.settimeout(self.PATIENCE_SECONDS)
        for message in messages:
            attacks.tried()
            subprocess.run(["sh", "-c", "cat >&2"], input=message, stderr=client.connection.fileno(), check=True, timeout=60)
        return client

    def n_sent(self):
        with Client(self.started.connect(rig.BOB)) as client:
            client.hello()
            return client.call("stats", scope="helper")["probes_sent"]

    def test_words_are_no_requests(self):
        """What a program can be made to say by its arguments is no request: that holds a zero byte, which no argument can."""
        for words in b"su: user 127.0.0.1 does not exist\n", b"\x94: invalid option -- 'x'\n", b"\n", b"usage: \xdd\xff\xff\xff\xff":
            self.assertIn(self.why_closed(self.deputed(words)), ("trailing_bytes", "not_msgpack", "wrong_type"))
        self.assertEqual(self.n_sent(), 0)

    @rig.defended_by("HELLO_BEFORE_ALL")
    def test_request_without_hello_is_refused(self):
        client = self.deputed(msgpack.packb([REQUEST, 1, "ping", {"id": 1, "targets": [HOST], "timeout_us": 1000}]))
        with self.assertRaises(Fault) as caught:
            client.response(1)
        self.assertEqual(caught.exception.code, "hello_first")
        self.assertEqual(self.n_sent(), 0)

    def test_who_connected_is_asked_and_charged(self):
        """Whoever writes: the kernel says who connected. There is no other way to be somebody, and so none to switch off."""
        client = self.deputed(msgpack.packb([REQUEST, 1, "hello", {"protocol": 1, "client": "root"}]))
        self.assertEqual(client.response(1)["limits"]["packets_per_second"], 7)


if __name__ == "__main__":
    main()
