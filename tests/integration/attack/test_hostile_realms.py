# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Clients, and containers, that want to ping what they may not, to be somebody else, or to have another's replies; and somebody who
wants to be the helper."""

import errno
import json
import socket
import struct
import subprocess
import time

import rig
from client_from_specification import Client, DENIED, REPLY, SEND_ERROR, TIMEOUT, address
from hostile_clients import HostileCase, attacks, inside, main
from peer import Etc, HelperWithEtc, connect

NEIGHBOUR, NEIGHBOUR6 = "10.77.0.2", "fd00:77::2"  # of linked_namespaces()
OURS, OURS6 = "10.77.0.1", "fd00:77::1"


def forms(ipv4):
    """All addresses that stand for @ipv4, or might."""
    high, low = (f"{first:02x}{second:02x}" for first, second in zip(*[iter(address(ipv4))] * 2))
    return [ipv4, f"::ffff:{ipv4}", f"::{ipv4}", f"64:ff9b::{ipv4}", f"2002:{high}:{low}::", f"2002:{high}:{low}:1:2:3:4:5"]


LOOPBACK = [form for ipv4 in ("127.0.0.1", "127.255.255.254", "0.0.0.0") for form in forms(ipv4)] + ["::1", "::"]
EVERYBODY = [form for ipv4 in ("224.0.0.1", "239.255.255.255", "255.255.255.255") for form in forms(ipv4)] + [
    "ff01::1", "ff02::1", "ff05::2", "ff0e::1", "ffff::"]


class Counted(HostileCase):
    """A host with a neighbour on a cable, to which everything is routed; what leaves it is counted."""

    def setUp(self):
        self.network, self.other = self.linked_namespaces()
        self.network.ip(f"route add default via {NEIGHBOUR}")
        self.network.ip(f"-6 route add default via {NEIGHBOUR6}")
        self.network.nft("table inet watch { chain output { type filter hook output priority 0\n"
                         "icmp type echo-request counter\nicmpv6 type echo-request counter\n}\n}\n")

    def n_sent(self):
        rules = json.loads(self.network.run(["nft", "-j", "list", "chain", "inet", "watch", "output"]).stdout)["nftables"]
        return sum(statement["counter"]["packets"] for rule in rules if "rule" in rule
                   for statement in rule["rule"]["expr"] if "counter" in statement)

    def client(self, path, uid=rig.ALICE):
        client = Client(connect(path, uid))
        self.addCleanup(client.close)
        client.hello()
        return client

    def assert_denied(self, client, targets):
        attacks.tried(len(targets))
        outcomes = client.ping(targets, timeout_us=1000, ttl=1)
        self.assertEqual({target: outcome[1] for target, outcome in zip(targets, outcomes)}, {target: DENIED for target in targets})
        self.assertEqual(self.n_sent(), 0)
        client.ping([NEIGHBOUR6])  # which is allowed
        self.assertEqual(self.n_sent(), 1)


class Forms(Counted):
    @rig.defended_by("EMBEDDED_ADDRESSES", "CANONICAL_ADDRESSES", "RESERVED_ADDRESSES")
    def test_no_form_of_a_denied_address_is_pinged(self):
        helper = self.helper(self.network, f"{rig.UNLIMITED}[destinations]\ndeny = {NEIGHBOUR} 127.0.0.0/8 ::1\n")
        self.assert_denied(self.client(helper.socket), forms(NEIGHBOUR) + LOOPBACK + EVERYBODY)

    @rig.defended_by("SPARED_HOST", "EMBEDDED_ADDRESSES", "CANONICAL_ADDRESSES", "RESERVED_ADDRESSES")
    def test_no_form_of_the_host_is_pinged_from_a_realm(self):
        path = rig.temporary_folder() / "multiping.sock"
        self.helper(self.network, f"{rig.UNLIMITED}[listener container]\npath = {path}\n")
        targets = forms(OURS) + [OURS6] + LOOPBACK + forms("169.254.169.254") + ["fe80::1"] + EVERYBODY
        for uid in rig.ALICE, 0:
            with self.subTest(uid=uid):
                client = self.client(path, uid)
                attacks.tried(len(targets))
                outcomes = client.ping(targets, timeout_us=1000, ttl=1)
                self.assertEqual([outcome[1] for outcome in outcomes], [DENIED] * len(targets))
                self.assertEqual(self.n_sent(), 0)
        client.ping([NEIGHBOUR, NEIGHBOUR6])
        self.assertEqual(self.n_sent(), 2)

    def test_broadcasts_of_its_own_networks_are_the_kernels_to_refuse(self):
        """It does, as long as nobody sets SO_BROADCAST, and nothing sets an option behind the filter."""
        client = self.client(self.helper(self.network).socket)
        attacks.tried(2)
        outcomes = client.ping(["10.77.255.255", "127.255.255.255"])
        self.assertEqual([(outcome[1], outcome[4]) for outcome in outcomes], [(SEND_ERROR, errno.EACCES)] * 2)
        self.assertEqual(self.n_sent(), 0)

    def test_nobody_elses_source(self):
        """Where a source may be chosen at all the kernel takes only the host's own."""
        client = self.client(self.helper(self.network, f"{rig.UNLIMITED}allow_options = source\n").socket)
        for source, target in ("8.8.8.8", NEIGHBOUR), (NEIGHBOUR, NEIGHBOUR), ("2001:db8::1", NEIGHBOUR6):
            attacks.tried()
            [outcome] = client.ping([target], source=address(source))
            self.assertEqual(outcome[1], SEND_ERROR)
        self.assertEqual(self.n_sent(), 0)
        [outcome] = client.ping([NEIGHBOUR], source=address(OURS))
        self.assertEqual(outcome[1], REPLY)


class Sybil(HostileCase):
    """A user who has 65,536 further uids, as Debian gives each."""

    N_UIDS, N_EACH, RATE = 50, 4, 100

    @rig.defended_by("SUBORDINATE_UIDS")
    def test_many_uids_have_one_rate(self):
        etc = Etc(passwd=f"root:x:0:0::/:\nalice:x:{rig.ALICE}:{rig.ALICE}::/:\n", subuid="alice:200000:65536\n")
        configuration = rig.UNLIMITED.replace("packets_per_second = unlimited\nburst_packets = unlimited",
                                              f"packets_per_second = {self.RATE}\nburst_packets = 1")
        self.assertIn(f"= {self.RATE}", configuration)
        helper = HelperWithEtc(self.namespace(), etc, configuration, (), self.without)
        self.addCleanup(helper.stop)
        begin, asked = time.monotonic(), []
        for n in range(self.N_UIDS):
            client = Client(connect(helper.socket, 200000 + n * 1300))
            self.addCleanup(client.close)
            client.hello()
            asked.append((client, client.begin_ping(["127.0.0.1"] * self.N_EACH)[0]))
            attacks.tried()
        for client, id in asked:
            self.assertEqual({outcome[1] for outcome in client.finish(id)}, {REPLY})
        n, seconds = self.N_UIDS * self.N_EACH, time.monotonic() - begin
        print(f"{n} pings by {self.N_UIDS} uids of one user took {seconds:.2f} s at {self.RATE} a second")
        self.assertGreater(seconds, 0.9 * (n - 2) / self.RATE)


class SameIdentifiers(HostileCase):
    """Other pingers of the machine, who have raw sockets and use the helper's identifier and sequences: each raw socket of the machine
    gets their replies too."""

    N_HOSTS, TTL = 200, 63

    def requests(self, capture, n):
        """(target, identifier, sequence) of the @n echo requests that the helper sends."""
        seen = set()
        capture.settimeout(rig.START_SECONDS)
        while len(seen) < n:
            packet = capture.recv(2048)
            if packet[9] == socket.IPPROTO_ICMP and packet[8] == self.TTL and packet[20] == 8:
                seen.add((packet[16:20], *struct.unpack("!HH", packet[24:28])))
        return seen

    def echo_request(self, identifier, sequence):
        packet = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence) + bytes(56)
        total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
        total = (total & 0xffff) + (total >> 16)
        return packet[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + packet[4:]

    @rig.defended_by("SECRET")
    def test_replies_to_others_are_not_ours(self):
        network = self.namespace()
        network.drop(f"ip ttl {self.TTL} icmp type echo-request")
        client = Client(self.helper(network).connect(rig.ALICE))
        self.addCleanup(client.close)
        client.hello()
        with inside(network):
            capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
            forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.addCleanup(capture.close)
        self.addCleanup(forger.close)
        id, _ = client.begin_ping([f"127.9.0.{host}" for host in range(1, self.N_HOSTS + 1)], timeout_us=3_000_000, ttl=self.TTL)
        seen = self.requests(capture, self.N_HOSTS)
        for _ in range(5):
            for target, identifier, sequence in seen:
                forger.sendto(self.echo_request(identifier, sequence), (socket.inet_ntoa(target), 0))
        pingers = [network.popen(["ping", "-q", "-c", "5", "-i", "0.2", "-e", str(identifier), "127.9.0.1"], stdout=subprocess.DEVNULL)
                   for identifier in {identifier for _, identifier, _ in seen} for _ in range(20)]
        attacks.tried(5 * len(seen) + len(pingers))
        for pinger in pingers:
            self.assertEqual(pinger.wait(60), 0)  # they have theirs
        self.assertEqual([outcome[1] for outcome in client.finish(id)], [TIMEOUT] * self.N_HOSTS)
        stats = client.call("stats", scope="helper")
        print(f"{stats['forged_packets']} replies with the helper's identifier and sequence, for others: none taken")
        self.assertEqual((stats["late"], stats["replies"]), (0, 0))
        self.assertGreaterEqual(stats["forged_packets"], self.N_HOSTS)


class Strangers(HostileCase):
    def test_one_user_sees_nothing_of_another(self):
        """What BOB can learn while ALICE pings: sums of the whole helper. There is no list that could be asked for."""
        network = self.namespace()
        network.ip("route add unreachable 10.9.0.0/16")
        helper = self.helper(network)
        alice, bob = (Client(helper.connect(uid)) for uid in (rig.ALICE, rig.BOB))
        for client in alice, bob:
            self.addCleanup(client.close)
            client.hello()
        id, _ = bob.begin_ping(["127.0.0.1"])
        bob.finish(id)
        alice.ping(["127.0.0.1", "127.0.0.2", "10.9.0.1", "::1"] * 100)
        before = len(bob.responses)
        attacks.tried(4)
        for scope in "session", "owner":
            stats = bob.call("stats", scope=scope)
            self.assertEqual((stats["probes_sent"], stats["replies"], stats["send_errors"]), (1, 1, 0))
        self.assertIs(bob.call("cancel", id=2), True)  # ALICE's, were it one number for all
        self.assertEqual(len(alice.ping(["127.0.0.1"])), 1)
        bob.connection.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            bob.receive()
        self.assertEqual((set(bob.outcomes), bob.events, len(bob.responses)), ({id}, {}, before))

    def as_found(self, folder, *arguments):
        """`multiping ARGUMENTS` of BOB's, who finds @folder where the library looks."""
        mount = 'mount -t tmpfs none /run && mkdir /run/multiping && mount --bind "$0" /run/multiping && exec "$@"'
        return subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, folder,
                               *rig.as_user(rig.BOB, [rig.program("multiping"), *arguments])],
                              env=rig.environment(), capture_output=True, text=True, timeout=60)

    def test_impostor_is_not_spoken_to(self):
        """At the socket that everybody uses unasked listens ALICE. Named, which is the control, she is believed."""
        folder = rig.temporary_folder()
        folder.chmod(0o777)
        listener = rig.as_user(rig.ALICE, ["/usr/bin/python3", "-c", IMPOSTOR, str(folder / "multiping.sock")])
        impostor = subprocess.Popen(listener, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(impostor.communicate)
        self.addCleanup(impostor.kill)
        self.assertEqual(impostor.stdout.readline(), "listens\n")
        attacks.tried()
        done = self.as_found(folder, "127.0.0.1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("belongs neither to root nor to this user", done.stderr)
        self.assertEqual(impostor.stdout.readline(), "heard 0 bytes\n")
        self.as_found(folder, "--socket", "/run/multiping/multiping.sock", "127.0.0.1")
        self.assertRegex(impostor.stdout.readline(), "heard [1-9][0-9]* bytes")


IMPOSTOR = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen()
print("listens", flush=True)
for _ in range(2):
    connection, _ = listener.accept()
    print("heard", len(connection.recv(16384)), "bytes", flush=True)
    connection.close()
sys.stdin.read()
"""

if __name__ == "__main__":
    main()
