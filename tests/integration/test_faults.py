# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a helper that runs: on its network, at its clients, with its log, its descriptors, its disk, itself.

Calls that fail are in test_faults_at_start.py and test_failing_calls.py; helpers that are killed in test_outage.py. Steps of the
clock and a suspended machine cannot be had in a namespace: unit.clock and unit.prober turn the clock themselves."""

import errno
import os
import signal
import subprocess
import time

import rig
import simulator
from client_from_specification import Client, REPLY, SEND_ERROR, TIMEOUT
from simulator import hosts

MAYBE_LOCAL_LOSS = 4
SILENT = "127.9.0.0/16"
MANY = 2048  # targets: the most of one message


class FaultsOfClients(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop(f"ip daddr {SILENT}")
        self.shared = self.helper(self.network)

    def client(self, uid=rig.ALICE):
        client = Client(self.shared.connect(uid))
        self.addCleanup(client.close)
        client.hello()
        return client

    def await_counters(self, client, **expected):
        """Until the helper counts that."""
        deadline = time.monotonic() + rig.START_SECONDS
        counters = {}
        while counters != expected:
            self.assertLess(time.monotonic(), deadline, counters)
            stats = client.call("stats", scope="helper")
            counters = {name: stats[name] for name in expected}

    def test_what_a_killed_client_had_is_free_at_once(self):
        watcher = self.client(rig.BOB)
        killed = self.network.popen(self.shared.command("-r", "0", "-t", "60000", "-i", "0", "-g", "127.9.0.0/20"),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(killed.kill)
        self.await_counters(watcher, probes_open=4094, owners=2)
        killed.kill()
        killed.wait()
        begin = time.monotonic()
        self.await_counters(watcher, probes_open=0, connections=1)
        self.assertLess(time.monotonic() - begin, 10)  # not their 60 s

    def test_who_does_not_read_is_told_all_of_it_later_and_disturbs_nobody(self):
        slow, other = self.client(), self.client(rig.BOB)
        requests = [slow.begin_ping(hosts("127.1.0.0/16", MANY)) for _ in range(2)]
        self.await_counters(other, replies=2 * MANY)
        answers = [slow.begin("stats", {"scope": "session"}) for _ in range(16)]
        for outcome in other.ping(hosts("127.2.0.0/16", 256)):
            self.assertEqual(outcome[1], REPLY)
        for id, msgid in requests:
            self.assertIs(slow.response(msgid), True)
            self.assertEqual([outcome[:2] for outcome in slow.finish(id)], [[index, REPLY] for index in range(MANY)])
        self.assertEqual([slow.response(msgid)["replies"] for msgid in answers], [2 * MANY] * 16)

    def test_storm_of_connections_that_hang_up_leaves_it_idle(self):
        bystander = self.client(rig.BOB)
        for number in range(3000):
            with self.shared.connect() as connection:
                connection.send(b"\x94\x00\x01\xa5hello\x80" if number % 2 else b"\xc1")
        self.await_counters(bystander, connections=1)
        before = rig.processor_seconds(self.shared.pid)
        time.sleep(0.5)
        self.assertLess(rig.processor_seconds(self.shared.pid) - before, 0.25)
        self.assertEqual(bystander.ping(["127.0.0.1"])[0][1], REPLY)

    def test_who_is_connected_goes_on_without_the_sockets_file(self):
        client = self.client()
        self.shared.socket.unlink()
        self.assertEqual(client.ping(["127.0.0.1"])[0][1], REPLY)
        with self.assertRaises(FileNotFoundError):
            self.shared.connect()


class FaultsOfTheNetwork(rig.Case):
    def setUp(self):
        self.home, self.away = self.linked_namespaces()
        self.away.ip("route add local 10.77.1.0/24 dev lo")
        self.shared = self.helper(self.home, rig.UNLIMITED + "[destinations]\nallow = 10.77.255.255/32\n")
        self.client = Client(self.shared.connect(rig.ALICE))
        self.addCleanup(self.client.close)
        self.client.hello()

    def ping(self, *targets, **options):
        """The outcomes: (SEND_ERROR, errno) or (another kind,)."""
        return [(outcome[1], outcome[4]) if outcome[1] == SEND_ERROR else (outcome[1],)
                for outcome in self.client.ping(list(targets), 20_000_000, **options)]

    def test_full_queue_delays(self):
        self.home.know_neighbours(self.away, *hosts("10.77.1.0/24", 100))
        self.home.run(["tc", "qdisc", "add", "dev", "veth0", "root", "tbf", "rate", "64kbit", "burst", "2000", "limit", "4000"],
                      check=True)
        begin = time.monotonic()
        self.assertEqual(set(self.ping(*hosts("10.77.1.0/24", 100))), {(REPLY,)})
        self.assertGreater(time.monotonic() - begin, 0.5)  # 98 bytes each, of which the queue takes 60 at most
        self.assertIn("overlimits", self.home.run(["tc", "-s", "qdisc", "show", "dev", "veth0"]).stdout)

    def test_link_that_goes_and_comes(self):
        both = "10.77.0.2", "fd00:77::2"
        gone = [(SEND_ERROR, errno.ENETUNREACH)] * 2
        self.assertEqual(self.ping(*both), [(REPLY,)] * 2)
        self.home.ip("link set veth0 down")
        self.assertEqual(self.ping(*both), gone)
        self.home.ip("link set veth0 up")
        self.assertEqual(self.ping("10.77.0.2"), [(REPLY,)])
        self.assertEqual(self.ping("fd00:77::2"), gone[:1])  # the kernel took the address away
        self.home.add_addresses("veth0", "fd00:77::1/64")
        self.assertEqual(self.ping(*both), [(REPLY,)] * 2)
        self.home.ip("link delete veth0")
        self.assertEqual(self.ping(*both, "127.0.0.1"), [*gone, (REPLY,)])

    def test_each_refusal_of_the_kernel_is_that_probes_send_error(self):
        for number, kind in enumerate(("blackhole", "unreachable", "prohibit", "throw")):
            self.home.ip(f"route add {kind} 10.8{number}.0.0/16")
        self.home.ip("route add unreachable fd00:81::/64")
        self.home.ip("route add prohibit fd00:82::/64")
        self.home.nft("table inet wall { chain output { type filter hook output priority 0; policy accept;\n"
                      "ip daddr 127.66.0.0/16 drop\nip6 daddr fd00:77::66 reject\n}\n}")
        expected = {"10.80.0.1": errno.EINVAL, "10.81.0.1": errno.EHOSTUNREACH, "10.82.0.1": errno.EACCES, "10.83.0.1": errno.ENETUNREACH,
                    "10.99.0.1": errno.ENETUNREACH, "fd00:99::1": errno.ENETUNREACH, "fd00:81::1": errno.EHOSTUNREACH,
                    "fd00:82::1": errno.EACCES, "127.66.0.1": errno.EPERM, "fd00:77::66": errno.EPERM,
                    "10.77.255.255": errno.EACCES}
        self.assertEqual(dict(zip(expected, self.ping(*expected))),
                         {host: (SEND_ERROR, number) for host, number in expected.items()})
        self.home.ip("link set veth0 mtu 1300")
        self.assertEqual(self.ping("10.77.0.2", size_bytes=1400, dont_fragment=True), [(SEND_ERROR, errno.EMSGSIZE)])
        self.assertEqual(self.ping("10.77.0.2", "127.0.0.1"), [(REPLY,)] * 2)


class FaultsOfTheHelper(simulator.Case):
    def stop_for(self, seconds):
        os.kill(self.shared.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.shared.pid, signal.SIGCONT)

    def test_stopped_helper_makes_no_time_out(self):
        targets = hosts("198.18.0.0/16", 100)
        self.simulate("198.18.0.0/16 echo delay 300000")
        id, _ = self.client.begin_ping(targets, timeout_us=1_000_000)
        self.client.wait_until_sent(id)
        self.stop_for(2)
        self.assert_round_trips(targets, self.client.finish(id))

    def test_full_receive_buffer_is_told(self):
        """One host answers so often that there is no room for the answers of others, which come while the helper is stopped."""
        self.simulate("198.18.0.1/32 echo delay 300000 size 1400 copies 30000", "198.18.0.0/16 echo delay 2000000")
        targets = hosts("198.18.0.0/16", 65)
        id, _ = self.client.begin_ping(targets, timeout_us=3_000_000)
        self.client.wait_until_sent(id)
        os.kill(self.shared.pid, signal.SIGSTOP)
        while self.simulator.answers(1)[0]["sent"] < len(targets) - 1:
            time.sleep(0.1)
        os.kill(self.shared.pid, signal.SIGCONT)
        first, *others = self.client.finish(id)
        self.assertEqual(first[1], REPLY)
        self.assertEqual({tuple(outcome[1:3]) for outcome in others}, {(TIMEOUT, MAYBE_LOCAL_LOSS)})
        self.assertGreater(self.counters()["receive_drops"], 0)


# A private helper that its filter kills when it is to ping; says in a file that it was started.
KILLED_BY_ITS_FILTER = """#!/usr/bin/python3 -B
import msgpack, os, signal, socket
with open({starts!r}, "a") as starts:
    starts.write("x")
client = socket.socket(fileno=3)
_, msgid, method, _ = msgpack.unpackb(client.recv(16384))
limits = dict(targets_per_message=2048, payload_bytes=1472, timeout_us=60000000, packets_per_second=None, options=[])
client.send(msgpack.packb([1, msgid, None, dict(protocol=1, helper="x", backend="raw", namespace=1, receive_buffer_bytes=1,
                                                features=["ipv4"], limits=limits)]))
client.recv(16384)
os.kill(os.getpid(), signal.SIGSYS)
"""


class FaultsOfTheSandbox(rig.Case):
    def run_with(self, helper, *arguments):
        """What becomes of a command line whose private helper is that program, and how often that was started."""
        folder = rig.temporary_folder()
        path, starts = folder / "helper", folder / "starts"
        path.write_text(helper.format(starts=str(starts)))
        path.chmod(0o755)
        starts.touch()
        starts.chmod(0o666)
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh",
                *rig.as_user(rig.ALICE, [rig.program("multiping"), *arguments])]
        done = self.namespace().run(argv, env=rig.environment(MULTIPING_HELPER=str(path)))
        return done, len(starts.read_text())

    def test_killed_at_its_start_is_said_and_not_tried_again(self):
        done, n_starts = self.run_with('#!/bin/sh\nprintf x >> {starts}\nkill -s SYS $$\n', "-c", "3", "-p", "500", "127.0.0.1")
        self.assertEqual((done.returncode, done.stdout, n_starts), (4, "", 1))
        self.assertIn("private helper", done.stderr)

    def test_killed_by_each_request_is_said_and_not_tried_for_ever(self):
        done, n_starts = self.run_with(KILLED_BY_ITS_FILTER, "-r", "0", "-t", "5000", "127.0.0.1")
        self.assertNotIn(done.returncode, (0, 1), done.stdout)
        self.assertIn("helper", done.stderr)
        self.assertIn(n_starts, (2, 3, 4), done.stderr)  # a target is asked for three times at most


class FaultsOfTheMachine(rig.Case):
    def serve_with(self, before):
        """A helper that a shell starts after @before, and that pings."""
        class Wrapped(rig.Helper):
            def start(self):
                self.argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", f'{before}; exec "$@"', "bash", *self.argv]
                super().start()
        helper = Wrapped(self.namespace(), without=self.without)
        self.addCleanup(helper.stop)
        for _ in range(2000):  # a line of the log for most of them
            helper.connect().close()
        self.assertEqual(helper.multiping("-c", "3", "-p", "1", "-q", "127.0.0.1").returncode, 0)
        return helper

    def test_log_that_nobody_reads(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
        self.serve_with(f"exec 2>/proc/{os.getpid()}/fd/{writer}")

    def test_disk_that_is_full(self):
        helper = self.serve_with("mount -t tmpfs -o size=4k none /mnt; head -c 4096 /dev/zero > /mnt/log; exec 2>>/mnt/log")
        self.assertEqual(helper.log(), "")


if __name__ == "__main__":
    rig.main()
