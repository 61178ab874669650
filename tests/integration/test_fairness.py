# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Many users share one helper: nobody waits for another, nobody takes what another needs."""

import selectors
import statistics
import subprocess
import threading
import time

import rig
from client_from_specification import Client, REPLY

TIMEOUT_US = 10_000_000
N_TARGETS = 2048  # of one request


def hosts(n_hosts, first=0):
    """@n_hosts addresses of 127.0.0.0/8, from the @first-th after 127.1.0.0 on."""
    return [f"127.{1 + (host >> 16)}.{host >> 8 & 255}.{host & 255}" for host in range(first, first + n_hosts)]


class Saturator(threading.Thread):
    """Keeps two requests open on each of its connections until told to stop."""

    def __init__(self, helper, uid, n_connections):
        super().__init__()
        self.clients = [Client(helper.connect(uid)) for _ in range(n_connections)]
        self.n_targets = max(64, N_TARGETS // n_connections)
        self.targets = hosts(self.n_targets, first=(uid % 16) << 16)
        self.stopping = False

    def run(self):
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                client.hello("saturator")
                for _ in range(2):
                    client.begin_ping(self.targets, TIMEOUT_US)
                selector.register(client.connection, selectors.EVENT_READ, client)
            while not self.stopping:
                for key, _ in selector.select(0.1):
                    self._turn(key.data)
        for client in self.clients:
            client.close()

    def _turn(self, client):
        client.receive()
        client.outcomes.clear()
        for msgid in list(client.responses):
            client.response(msgid)
            client.begin_ping(self.targets, TIMEOUT_US)

    def stop(self):
        self.stopping = True
        self.join()


class SharesOfTheTotal(rig.Case):
    """Two users who want all there is get half each; a third, who wants next to nothing, gets it at once."""

    TOTAL = 4000  # packets a second: what two clients in Python can ask for without being the bottleneck
    N_SECONDS = 4
    FAIREST = 0.99     # Jain's index, of any second
    LATEST_US = 20_000  # p99

    def share(self, n_connections):
        configuration = rig.UNLIMITED.replace("total_packets_per_second = unlimited",
                                              f"total_packets_per_second = {self.TOTAL}")
        helper = self.helper(self.namespace(), configuration)
        greedy = [Saturator(helper, uid, n) for uid, n in zip((rig.ALICE, rig.BOB), n_connections)]
        for saturator in greedy:
            saturator.start()
            self.addCleanup(saturator.stop)
        queued_us, sent = [], []
        observers = [Client(helper.connect(uid)) for uid in (rig.ALICE, rig.BOB)]
        for observer in observers:
            observer.hello("observer")
            self.addCleanup(observer.close)
        time.sleep(1)
        begin = time.monotonic()
        with Client(helper.connect(rig.CAROL)) as modest:
            modest.hello("modest")
            while len(sent) <= self.N_SECONDS:
                if time.monotonic() >= begin + len(sent):
                    sent.append([observer.call("stats", scope="owner")["probes_sent"] for observer in observers])
                [outcome] = modest.ping(["127.0.0.1"], TIMEOUT_US)
                self.assertEqual(outcome[1], REPLY)
                queued_us.append(outcome[3])
                time.sleep(0.1)
        for saturator in greedy:
            saturator.stop()
        pairs = [(after[0] - before[0], after[1] - before[1]) for before, after in zip(sent, sent[1:])]
        fairest = min((a + b) ** 2 / (2 * (a * a + b * b)) for a, b in pairs)
        latest_us = sorted(queued_us)[len(queued_us) * 99 // 100]
        print(f"{n_connections} connections: {pairs} sent in each second, Jain's index {fairest:.4f} at worst; "
              f"the third user waited {latest_us} us")
        self.assertGreater(sum(map(sum, pairs)), self.TOTAL * self.N_SECONDS / 2)  # it was the total that limited
        self.assertGreaterEqual(fairest, self.FAIREST)
        self.assertLessEqual(latest_us, self.LATEST_US)

    def test_a_million_targets_of_one_do_not_reach_another(self):
        """The third user's pings while one has a million queued and another saturates, beside those when he is alone."""
        helper = self.helper(self.namespace(), rig.UNLIMITED.replace("total_packets_per_second = unlimited",
                                                                     f"total_packets_per_second = {self.TOTAL}"))
        with Client(helper.connect(rig.CAROL)) as modest:
            modest.hello("modest")
            alone = self.pings(modest, 2)
            saturator = Saturator(helper, rig.BOB, 1)
            saturator.start()
            self.addCleanup(saturator.stop)
            million = helper.namespace.popen(helper.command("-q", "-i", "0", "-c", "1", "-g", "127.16.0.0/12"),
                                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(million.wait)
            self.addCleanup(million.kill)
            with Client(helper.connect(rig.ALICE)) as observer:
                observer.hello("observer")
                deadline = time.monotonic() + 60
                while observer.call("stats", scope="owner")["targets_queued"] < N_TARGETS / 2:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.05)
                beside = self.pings(modest, self.N_SECONDS)
                self.assertGreater(observer.call("stats", scope="owner")["targets_queued"], 0)
            self.assertIsNone(million.poll())
        latest_us = sorted(outcome[3] for outcome in beside)[len(beside) * 99 // 100]
        rtt_us = [statistics.median(outcome[4] for outcome in outcomes) / 1000 for outcomes in (alone, beside)]
        print(f"beside a million targets the third user waited {latest_us} us (p99), "
              f"his round-trip time was {rtt_us[1]:.1f} us, alone {rtt_us[0]:.1f} us")
        self.assertLessEqual(latest_us, self.LATEST_US)
        self.assertLess(rtt_us[1], 5 * rtt_us[0])

    def pings(self, client, n_seconds):
        """A ping every 100 ms: the outcomes."""
        outcomes, end = [], time.monotonic() + n_seconds
        while time.monotonic() < end:
            outcomes += client.ping(["127.0.0.1"], TIMEOUT_US)
            self.assertEqual(outcomes[-1][1], REPLY)
            time.sleep(0.1)
        return outcomes

    def test_one_connection_each(self):
        self.share((1, 1))

    def test_thirty_connections_each(self):
        self.share((30, 30))

    def test_thirty_connections_get_no_more_than_one(self):
        self.share((1, 30))


class SmallHelper(rig.Case):
    def assert_small(self, resident_bytes):
        """64 MiB at most; a sanitizer's shadow memory is not the helper's fault."""
        if not rig.is_sanitized():
            self.assertLessEqual(resident_bytes, 64 * 2**20)


class StoppedReaders(SmallHelper):
    """Clients that read nothing keep their own slots and no more; what they asked for waits for them."""

    N_USERS, N_CONNECTIONS = 8, 16  # 16 connections with two requests open are 65,536 targets

    def test_a_ninth_user_pings_at_once_and_nothing_is_lost(self):
        helper = self.helper(self.namespace(), rig.UNLIMITED.replace("max_probes_in_flight = unlimited", ""))
        targets = hosts(N_TARGETS)
        clients = []
        for user in range(self.N_USERS * self.N_CONNECTIONS):
            client = Client(helper.connect(22000 + user // self.N_CONNECTIONS))
            self.addCleanup(client.close)
            client.hello("stopped")
            for _ in range(2):
                client.begin_ping(targets, TIMEOUT_US)
            clients.append(client)
        with Client(helper.connect(rig.BOB)) as ninth:
            ninth.hello("ninth")
            seen = []
            while len(seen) < 3 or seen[-1]["probes_sent"] != seen[-3]["probes_sent"]:  # until all that can be had is taken
                time.sleep(0.3)
                seen.append(ninth.call("stats", scope="helper"))
            n_unread = seen[-1]["outcomes_unread"]
            self.assertEqual(n_unread, seen[-1]["probes_open"])
            self.assertEqual(seen[-1]["queued_for_slots"], seen[-1]["targets_queued"])
            full = rig.peak_resident_bytes(helper.pid)
            slack = 16 * 4096  # pages that a larger answer touches for the first time
            outcomes = [ninth.ping(["127.0.0.1", "::1"], TIMEOUT_US) for _ in range(20)]
            self.assertEqual({outcome[1] for pair in outcomes for outcome in pair}, {REPLY})
            worst_us = max(outcome[3] for pair in outcomes for outcome in pair)
            print(f"{n_unread} outcomes wait for eight users; the ninth waited {worst_us} us; "
                  f"the helper has {full / 2**20:.1f} MiB")
            self.assertLess(worst_us, 100_000)
            self.assertLessEqual(rig.peak_resident_bytes(helper.pid), full + slack)
            self.assert_small(full)
        for client in clients:
            for id in (1, 2):
                self.assertEqual({outcome[1] for outcome in client.finish(id)}, {REPLY})


class Connections(SmallHelper):
    N_OWNERS, N_EACH, N_CYCLES = 60, 16, 10_000  # an owner may have 1,024 / (owners + 1)

    def test_many_idle_and_ten_thousand_passing_leave_nothing(self):
        helper = self.helper(self.namespace())
        with Client(helper.connect()) as first:
            first.hello("first")  # the helper has got everything that it will have
            before = len(rig.descriptors(helper.pid)) - 1
        idle = [Client(helper.connect(23000 + number % self.N_OWNERS)) for number in range(self.N_OWNERS * self.N_EACH)]
        for client in idle:
            client.hello("idle")
        self.assertEqual(len(rig.descriptors(helper.pid)), before + len(idle))
        print(f"{len(idle)} connections: the helper has {rig.peak_resident_bytes(helper.pid) / 2**20:.1f} MiB")
        self.assert_small(rig.peak_resident_bytes(helper.pid))
        for client in idle:
            client.close()
        for _ in range(self.N_CYCLES):
            helper.connect(rig.ALICE).close()
        with Client(helper.connect(rig.ALICE)) as last:
            last.hello("last")
            deadline = time.monotonic() + 10  # the helper may still be closing the last of them
            while True:
                stats = last.call("stats", scope="helper")
                left = stats["owners"], stats["connections"], stats["probes_open"]
                if left == (1, 1, 0) or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            self.assertEqual(left, (1, 1, 0))
            self.assertEqual(len(rig.descriptors(helper.pid)), before + 1)


if __name__ == "__main__":
    rig.main()
