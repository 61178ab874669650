# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The nftables rules that come with the helper: its user can send echo requests, whatever code runs inside it, and nothing else."""

import json
import subprocess

import rig
from service_manager import Manager, SERVICE, as_service

# Sends what a helper that was taken over could: it has the capability still, which a helper has not. Prints errno of each.
SENDER = """
import socket, struct
ICMP, ICMP6 = socket.getprotobyname("icmp"), socket.getprotobyname("ipv6-icmp")

def checksum(packet):
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff

def icmp(kind, code=0):
    packet = struct.pack("!BBHHH", kind, code, 0, 7, 7) + bytes(56)
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]

def send(name, family, protocol, packet, options=()):
    sender = socket.socket(family, socket.SOCK_RAW, protocol)
    for option in options:
        sender.setsockopt(*option)
    try:
        sender.sendto(packet, ("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        print(name, 0)
    except OSError as error:
        print(name, error.errno)

for kind in range(256):
    send(f"icmp {kind} 0", socket.AF_INET, ICMP, icmp(kind))
    send(f"icmpv6 {kind} 0", socket.AF_INET6, ICMP6, icmp(kind))
for kind, family, protocol in (("icmp 8", socket.AF_INET, ICMP), ("icmpv6 128", socket.AF_INET6, ICMP6)):
    send(kind + " 1", family, protocol, icmp(int(kind.split()[1]), 1))
for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_TCP, 253):
    send(f"ip {protocol}", socket.AF_INET, protocol, bytes(40))
    send(f"ipv6 {protocol}", socket.AF_INET6, protocol, bytes(40))
"""
ECHO = {"icmp 8 0", "icmpv6 128 0"}
EPERM = "1"


class OuterWall(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.rules = next(rig.installed().glob("share/doc/**/multiping-helper.nft")).read_text()

    def load(self, helper_uid=SERVICE):
        self.assertIn("\ndefine helper = multiping\n", self.rules)
        self.network.nft(self.rules.replace("define helper = multiping", f"define helper = {helper_uid}"))

    def counted(self):
        """Packets that each rule of the helper's chain has met: IPv4 echo, IPv6 echo, all else."""
        rules = json.loads(self.network.run(["nft", "-j", "list", "chain", "inet", "multiping_helper", "helper_sends"]).stdout)
        return [part["counter"]["packets"] for rule in rules["nftables"] if "rule" in rule
                for part in rule["rule"]["expr"] if "counter" in part]

    def send_everything(self, *argv):
        done = self.network.run([*argv, "/usr/bin/python3", "-c", SENDER])
        self.assertEqual(done.stderr, "")
        return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())

    def test_helpers_user_can_send_echo_requests_and_nothing_else(self):
        self.load()
        results = self.send_everything(*as_service())
        self.assertEqual(len(results), 2 * 256 + 2 + 6)
        self.assertEqual({name for name, errno in results.items() if errno == "0"}, ECHO)
        self.assertEqual({errno for name, errno in results.items() if name not in ECHO}, {EPERM})

    def test_everybody_else_can_send_everything(self):
        self.load(helper_uid=SERVICE + 1)
        self.assertEqual(set(self.send_everything(*as_service()).values()), {"0"})
        self.assertEqual(self.counted(), [0, 0, 0])

    def test_helper_started_as_a_service_pings(self):
        self.load()
        manager = Manager(self.network)
        self.addCleanup(manager.close)
        manager.start()
        manager.wait_for("READY=1")
        self.assert_pings_are_counted(manager.multiping_command)

    def test_helper_started_by_root_pings_as_the_user_that_it_becomes(self):
        helper = self.helper(self.network)
        self.assert_alive(helper.multiping("127.0.0.1"), ["127.0.0.1"])  # so it has become that user
        self.load(helper_uid=int(rig.status(helper.pid)["Uid"].split()[0]))
        self.assert_pings_are_counted(helper.command)

    def assert_pings_are_counted(self, command):
        for size in ("56", "4000"):  # more than a packet of lo or Ethernet holds goes in fragments
            self.network.ip("link set lo mtu 1500")
            self.assert_alive(self.network.run(command("-b", size, "127.0.0.1", "127.0.0.2", "::1")), ["127.0.0.1", "127.0.0.2", "::1"])
        self.assertEqual(self.counted(), [4, 2, 0])

    def test_loaded_twice_holds_once(self):
        self.load()
        self.load()
        listed = self.network.run(["nft", "list", "ruleset"]).stdout
        self.assertEqual(listed.count("chain helper_sends"), 1)
        self.assertEqual(listed.count("counter packets"), 3)


if __name__ == "__main__":
    rig.main()
