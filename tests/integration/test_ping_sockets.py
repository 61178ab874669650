# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""ICMP datagram sockets ("ping sockets") in place of raw ones: who gets them, what they are worth, and what is said where neither can
be had. Outcomes with them: test_outcomes.py, and the whole suite in `./check --full`."""

import json
import socket
import subprocess
import time

import confinement
import rig
from client_from_specification import Client, REPLY, TRANSMIT_STAMP, RECEIVE_STAMP

GROUP_RANGE = "net.ipv4.ping_group_range"
PING = rig.UNLIMITED + "[helper]\nsocket = ping\n"
N_IDENTIFIERS = 8  # between which the helper changes

# Tries to take identifiers that are another's, as a user who may open ping sockets; then waits, to get that one's answers.
THIEF = """
import socket, sys
taken = []
for family, words in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
    for identifier in map(int, words.split()):
        thief = socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6)
        try:
            thief.bind(("", identifier))
            taken.append(thief)
        except OSError as error:
            assert error.errno == 98, error
print(len(taken), flush=True)
sys.stdin.read()
"""


# Has an identifier of each of the blocks, the last that the helper would use.
OCCUPANT = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
sockets = []
for block in map(int, sys.argv[1:]):
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP))
    sockets[-1].bind(("", 64 * block + 15))
print(len(sockets), flush=True)
sys.stdin.read()
"""

# Sends replies to requests that nobody sent, one to each identifier.
STRANGER = """
import socket, struct, sys
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
for identifier in map(int, sys.argv[1:]):
    packet = struct.pack("!BBHHH", 0, 0, 0, identifier, 7) + bytes(56)
    sender.sendto(packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:], ("127.0.0.1", 0))
"""


class PingSockets(confinement.Case):
    def setUp(self):
        self.network = self.namespace()

    def client(self, helper, uid=rig.ALICE):
        client = Client(helper.connect(uid))
        self.addCleanup(client.close)
        self.welcome = client.hello()
        return client

    def identifiers(self):
        """Of the ping sockets in the namespace: (IPv4, IPv6)."""
        return [[int(line.split()[1].partition(":")[2], 16)
                 for line in self.network.run(["cat", f"/proc/net/{name}"]).stdout.splitlines()[1:]] for name in ("icmp", "icmp6")]

    def test_a_sysctl_for_the_helpers_own_group_and_no_capability_ever(self):
        self.network.sysctl(GROUP_RANGE, f"{rig.CAROL} {rig.CAROL}")
        helper = self.helper(self.network, rig.UNLIMITED, uid=rig.CAROL)
        client = self.client(helper)
        self.assertEqual(self.welcome["backend"], "ping")
        self.assertLessEqual({"ipv4", "ipv6", "transmit_stamps", "receive_stamps"}, set(self.welcome["features"]))
        self.assert_confined(helper.pid)
        self.assertEqual(set(rig.status(helper.pid)["Uid"].split()), {str(rig.CAROL)})
        self.assert_descriptors(helper.pid, listeners=[8], kind="ping")
        self.assert_not_reachable_by_its_own_user(helper.pid)
        for outcome in client.ping(["127.0.0.1", "::1"], ttl=9, tos=8, dont_fragment=True, size_bytes=1000):
            self.assertEqual(outcome[1:3], [REPLY, TRANSMIT_STAMP | RECEIVE_STAMP])
            self.assertEqual(outcome[5:7], [64, 1000])
        self.assertRegex(helper.log(), "without what=raw IPv4 sockets errno=1\n")

    def test_raw_sockets_are_preferred_where_both_can_be_had(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        for configuration, kind in (("", "raw"), ("[helper]\nsocket = raw\n", "raw"), ("[helper]\nsocket = ping\n", "ping")):
            with self.subTest(configuration=configuration):
                helper = self.helper(self.network, rig.UNLIMITED + "[helper]\nsocket = auto\n" if not configuration else configuration)
                self.assert_serves(self.client(helper))
                self.assertEqual(self.welcome["backend"], kind)
                self.assert_descriptors(helper.pid, listeners=[8], kind=kind)

    def test_where_neither_can_be_had_all_that_was_tried_is_told(self):
        self.network.sysctl(GROUP_RANGE, f"{rig.BOB} {rig.BOB}")
        for configuration, kinds in (("socket = auto", ["raw", "ping"]), ("socket = raw", ["raw"]), ("socket = ping", ["ping"])):
            with self.subTest(configuration=configuration), self.assertRaises(RuntimeError) as caught:
                self.helper(self.network, f"[helper]\n{configuration}\n", uid=rig.CAROL)
            said = str(caught.exception)
            self.assertIn("set net.ipv4.ping_group_range to its group", said)
            for kind, reason in (("raw", "Operation not permitted"), ("ping", "Permission denied")):
                for version in (4, 6):
                    (self.assertIn if kind in kinds else self.assertNotIn)(f"tried {kind} IPv{version} sockets: {reason}\n", said)

    def private_run(self, *arguments):
        """`multiping` as a user without any right, where there is no shared helper, with a private one that has none either."""
        path = rig.copy_to(rig.temporary_folder(), rig.program("multiping-helper-private"))
        nowhere = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
        return self.network.run([*nowhere, *rig.as_user(rig.ALICE, [rig.program("multiping"), *arguments])],
                                env=rig.environment(MULTIPING_HELPER=str(path)))

    def test_a_private_helper_needs_no_capability(self):
        self.network.sysctl(GROUP_RANGE, f"{rig.ALICE} {rig.ALICE}")
        self.assert_alive(self.private_run("127.0.0.1", "::1"), ["127.0.0.1", "::1"])
        self.assertIn(", ping sockets, ", self.private_run("--stats-helper").stdout)

    def test_a_private_helper_that_gets_neither_tells_what_it_tried(self):
        done = self.private_run("127.0.0.1")
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        for text in ("raw IPv4 sockets: Operation not permitted", "ping IPv6 sockets: Permission denied",
                     "net.ipv4.ping_group_range"):
            self.assertIn(text, done.stderr)

    def test_a_source_that_the_kernel_would_ignore_is_refused(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        helper = self.helper(self.network, PING + "[limits]\nallow_options = source\n")
        done = helper.multiping("-r", "0", "-S", "::1", "::1")
        self.assertEqual((done.returncode, done.stdout), (1, "::1 is unreachable\n"))
        self.assertIn("Operation not supported", done.stderr)
        self.assert_alive(helper.multiping("-S", "127.0.0.9", "127.0.0.1"), ["127.0.0.1"])

    def test_65536_hosts_take_the_next_identifier(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        self.network.nft("table ip seen { set identifiers { typeof icmp id; flags dynamic; size 256; }\n"
                         "chain output { type filter hook output priority 0; icmp type echo-request add @identifiers { icmp id }\n}\n}")
        helper = self.helper(self.network, PING)
        done = helper.multiping("-a", "-i", "0", "-r", "0", "-t", "20000", "-g", "127.1.0.0", "127.2.0.0")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(set(done.stdout.splitlines())), 65537)
        table = json.loads(self.network.run(["nft", "-j", "list", "set", "ip", "seen", "identifiers"]).stdout)["nftables"]
        used = {element["elem"]["val"] if isinstance(element, dict) else element
                for entry in table for element in entry.get("set", {}).get("elem", [])}
        self.assertIn(len(used), (2, 3))  # a third where it took 30 s
        first = min(self.identifiers()[0])
        self.assertLessEqual({socket.ntohs(each) if each not in range(first, first + N_IDENTIFIERS) else each for each in used},
                             set(range(first, first + N_IDENTIFIERS)))

    @rig.defended_by("SOLE_IDENTIFIER")
    def test_nobody_else_gets_the_helpers_answers(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        client = self.client(self.helper(self.network, PING))
        identifiers = self.identifiers()
        self.assertEqual([len(each) for each in identifiers], [16, 16])
        thief = self.network.popen(rig.as_user(rig.BOB, ["/usr/bin/python3", "-c", THIEF,
                                                         *(" ".join(map(str, each)) for each in identifiers)]),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(thief.communicate)
        self.assertEqual(thief.stdout.readline(), "0\n")
        self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1", "::1"], 2_000_000)], [REPLY, REPLY])

    def occupy(self, blocks):
        """Takes an identifier of each of the @blocks of 64, for good."""
        taker = self.network.popen(["/usr/bin/python3", "-c", OCCUPANT, *map(str, blocks)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(taker.communicate)
        self.assertEqual(taker.stdout.readline(), f"{len(blocks)}\n")

    def test_identifiers_that_others_have_are_left_to_them(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        self.occupy(range(1, 1024, 3))
        clients = [self.client(self.helper(self.network, PING)) for _ in range(6)]
        identifiers = sum(self.identifiers(), [])
        self.assertEqual(len(set(identifiers)), 341 + 6 * 32)
        for client in clients:
            self.assert_serves(client)

    def test_no_identifiers_left_is_told(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        self.occupy(range(1, 1024))
        with self.assertRaisesRegex(RuntimeError, "tried ping IPv4 sockets: Address (already )?in use\n"):
            self.helper(self.network, PING)

    def test_strangers_packets_for_sockets_not_in_use_cost_nothing(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        helper = self.helper(self.network, PING)
        client = self.client(helper)
        identifiers = self.identifiers()[0]
        done = self.network.run(["/usr/bin/python3", "-c", STRANGER, *map(str, identifiers)])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        begin = time.monotonic()
        while client.call("stats", scope="helper")["foreign_packets"] < len(identifiers):
            self.assertLess(time.monotonic() - begin, 20)
        used = rig.processor_seconds(helper.pid)
        time.sleep(1)
        self.assertLess(rig.processor_seconds(helper.pid) - used, 0.5)  # it sleeps

    def test_a_table_of_more_probes_than_identifiers_hold_is_limited_and_that_is_told(self):
        self.network.sysctl(GROUP_RANGE, rig.ALL_GROUPS)
        for n, is_limited in ((524288, False), (524289, True)):
            helper = self.helper(self.network, PING + f"probes_in_flight = {n}\n")
            self.assertEqual("limited what=probes_in_flight to=524288 by=ping_sockets" in helper.log(), is_limited)
            self.assert_serves(self.client(helper))


if __name__ == "__main__":
    rig.main()
