# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Hosts that do not answer, in each way that there is: the right outcome, at the right time.

The network is `home` with the helper, a `router`, and behind the router whatever its routing table says. Times are compared
with the time-out that was asked for, never with a clock of ours alone: what a busy machine adds is in SLACK_SECONDS."""

import errno
import time

import rig
from client_from_specification import Client, ICMP_ERROR, RECEIVE_STAMP, REPLY, SEND_ERROR, TIMEOUT, TRANSMIT_STAMP, address

SLACK_SECONDS = 1.5
UNVERIFIED = 8

# What the router does with a destination, and the ICMP error that tells of it: (type, code).
UNREACHABLE_IPV4 = {"10.80.0.1": ("unreachable", (3, 1)), "10.81.0.1": ("prohibit", (3, 13)), "10.82.0.1": (None, (3, 0))}
UNREACHABLE_IPV6 = {"fd00:80::1": ("unreachable", (1, 0)), "fd00:81::1": ("prohibit", (1, 1)), "fd00:82::1": (None, (1, 0))}


class Outcomes(rig.Case):
    def setUp(self):
        self.home, router = self.linked_namespaces()
        self.home.ip("route add default via 10.77.0.2")
        self.home.ip("-6 route add default via fd00:77::2")
        for setting, value in (("ipv4.ip_forward", 1), ("ipv6.conf.all.forwarding", 1),
                               ("ipv4.icmp_ratelimit", 0), ("ipv6.icmp.ratelimit", 0)):
            router.sysctl(f"net.{setting}", value)
        for host, (route, _) in (UNREACHABLE_IPV4 | UNREACHABLE_IPV6).items():
            if route:
                router.ip(f"route add {route} {host}")
        router.ip("route add blackhole 10.90.0.0/16")
        router.ip("route add blackhole fd00:90::/64")
        router.ip("route add 10.93.0.0/16 dev veth0")
        router.ip("route add fd00:93::/64 dev veth0")
        router.drop("ip daddr 10.91.0.0/16")
        self.router = router
        self.helper_process = self.helper(self.home)
        self.client = Client(self.helper_process.connect(rig.ALICE))
        self.addCleanup(self.client.close)
        self.client.hello()

    def assert_takes(self, begin, seconds):
        """That as long as @seconds, and not much longer, have gone by since @begin."""
        took = time.monotonic() - begin
        self.assertGreaterEqual(took, seconds)
        self.assertLessEqual(took, 1.5 * seconds + SLACK_SECONDS)

    def test_network_for_less_than_a_usual_request_gets_fragments(self):
        for namespace in (self.home, self.router):
            namespace.ip("link set veth0 mtu 68")  # the least of IPv4
        self.assertEqual(self.client.ping(["10.77.0.2"], 60_000_000)[0][1], REPLY)
        outcome, = self.client.ping(["10.77.0.2"], 60_000_000, dont_fragment=True)
        self.assertEqual((outcome[1], outcome[4]), (SEND_ERROR, errno.EMSGSIZE))

    def test_too_large_to_be_sent_whole_is_a_send_error(self):
        for host in ("10.77.0.2", "fd00:77::2"):
            outcome, = self.client.ping([host], 60_000_000, size_bytes=4000, dont_fragment=True)
            self.assertEqual((outcome[1], outcome[4]), (SEND_ERROR, errno.EMSGSIZE))
            self.assertEqual(self.client.ping([host], 60_000_000, size_bytes=4000)[0][1], REPLY)

    def test_silent_host_times_out_when_its_time_is_over(self):
        silent = [f"10.90.0.{host}" for host in range(1, 65)] + [f"fd00:90::{host}" for host in range(1, 65)]
        for timeout_us in (1000, 200_000, 2_000_000):
            with self.subTest(timeout_us=timeout_us):
                begin = time.monotonic()
                outcomes = self.client.ping(silent, timeout_us)
                self.assert_takes(begin, timeout_us / 1e6)
                self.assertEqual({outcome[1] for outcome in outcomes}, {TIMEOUT})
                self.assertEqual({outcome[2] & 4 for outcome in outcomes}, {0})  # nothing was lost locally

    def test_dropped_by_a_firewall_times_out(self):
        self.home.drop("ip saddr 10.77.0.2")
        self.assertEqual(self.client.ping(["10.77.0.2"], 300_000)[0][1], TIMEOUT)
        self.assertEqual(self.client.ping(["fd00:77::2"], 10_000_000)[0][1], REPLY)

    def assert_unreachable(self, *kinds, **options):
        for hosts, reporter in kinds:
            begin = time.monotonic()
            outcomes = self.client.ping(list(hosts), 60_000_000, **options)
            self.assertLess(time.monotonic() - begin, 30)  # none waited for its time-out
            for outcome, (host, (_, expected)) in zip(outcomes, hosts.items()):
                with self.subTest(host=host):
                    self.assertEqual(outcome[1], ICMP_ERROR)
                    self.assertEqual(tuple(outcome[4:6]), expected)
                    self.assertEqual(outcome[6], address(reporter))
                    self.assertEqual(outcome[2] & UNVERIFIED, 0)

    def test_unreachable_is_an_icmp_error_at_once(self):
        self.assert_unreachable((UNREACHABLE_IPV4, "10.77.0.2"), (UNREACHABLE_IPV6, "fd00:77::2"))

    def test_unreachable_by_fragments_is_the_same(self):
        one = {"10.80.0.1": UNREACHABLE_IPV4["10.80.0.1"]}  # each fragment costs the router one of the five errors that it tells at once
        self.assert_unreachable((one, "10.77.0.2"), (UNREACHABLE_IPV6, "fd00:77::2"), size_bytes=4000)

    def test_hop_limit_used_up_is_an_icmp_error_of_the_router(self):
        for host, kind, reporter in (("10.93.0.1", 11, "10.77.0.2"), ("fd00:93::1", 3, "fd00:77::2")):
            outcome, = self.client.ping([host], 60_000_000, ttl=1)
            self.assertEqual((outcome[1], *outcome[4:6]), (ICMP_ERROR, kind, 0))
            self.assertEqual(outcome[6], address(reporter))

    def test_too_big_tells_the_next_hops_mtu(self):
        self.router.ip("link add narrow type veth peer name end")
        self.router.add_addresses("narrow", "10.92.0.1/24")
        self.router.ip("link set narrow mtu 600 up")
        self.router.ip("link set end up")
        outcome, = self.client.ping(["10.92.0.9"], 60_000_000, size_bytes=1000, dont_fragment=True)
        self.assertEqual((outcome[1], *outcome[4:6], outcome[7]), (ICMP_ERROR, 3, 4, 600))

    def test_no_way_out_is_a_send_error(self):
        self.home.ip("route del default")
        self.home.ip("-6 route del default")
        self.home.ip("route add unreachable 10.81.0.0/16")
        self.home.ip("route add prohibit 10.82.0.0/16")
        self.home.nft("table inet wall { chain output { type filter hook output priority 0; policy accept;\n"
                      "ip daddr 127.66.0.0/16 drop\n}\n}")
        expected = {"10.80.0.1": errno.ENETUNREACH, "fd00:80::1": errno.ENETUNREACH, "10.81.0.1": errno.EHOSTUNREACH,
                    "10.82.0.1": errno.EACCES, "127.66.0.1": errno.EPERM}
        begin = time.monotonic()
        outcomes = self.client.ping(list(expected), 60_000_000)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual([(outcome[1], outcome[4]) for outcome in outcomes],
                         [(SEND_ERROR, number) for number in expected.values()])

    def test_one_bad_target_does_no_harm_to_the_others(self):
        hosts = ["10.77.0.2", "10.90.0.1", "10.80.0.1", "127.0.0.1", "fd00:80::1", "::1"]
        kinds = [outcome[1] for outcome in self.client.ping(hosts, 500_000)]
        self.assertEqual(kinds, [REPLY, TIMEOUT, ICMP_ERROR, REPLY, ICMP_ERROR, REPLY])

    def test_errors_of_some_never_fail_a_send_to_others(self):
        # the kernel tells a ping socket of them by failing its next call, whatever that is for
        alive, errors = ["10.77.0.2", "fd00:77::2", "127.0.0.1", "::1"], ["10.80.0.1", "fd00:80::1"]
        hosts = [alive[i % 4] if i % 2 else errors[i // 2 % 2] for i in range(1000)]
        kinds = [outcome[1] for outcome in self.client.ping(hosts, 1_000_000)]
        self.assertEqual(set(kinds[1::2]), {REPLY})
        self.assertIn(ICMP_ERROR, kinds[::2])
        self.assertLessEqual(set(kinds[::2]), {ICMP_ERROR, TIMEOUT})  # a host sends so many errors a second

    def test_command_line_calls_each_of_them_unreachable(self):
        alive = ["127.0.0.1", "10.77.0.2", "fd00:77::2"]
        silent = ["10.90.0.1", "fd00:90::1"]
        errors = ["10.80.0.1", "fd00:80::1"]
        begin = time.monotonic()
        done = self.helper_process.multiping("-r", "0", "-t", "700", *alive, *silent, *errors)
        self.assert_takes(begin, 0.7)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         sorted([f"{host} is alive" for host in alive] +
                                [f"{host} is unreachable" for host in silent + errors]))
        self.assertEqual(done.returncode, 1)


class WithPingSockets(Outcomes):
    """The same from a helper that never had a right: the sysctl is for its group."""

    def helper(self, namespace, configuration=rig.UNLIMITED):
        namespace.sysctl("net.ipv4.ping_group_range", f"{rig.CAROL} {rig.CAROL}")
        return super().helper(namespace, configuration + "[helper]\nsocket = ping\n", uid=rig.CAROL)


class Stamps(rig.Case):
    """The kernel's transmit stamp is found behind all that is put before a packet on its way out."""

    def assert_both_stamps(self, client, targets, **options):
        for target in targets * 3:
            outcome = client.ping([target], timeout_us=5_000_000, **options)[0]
            self.assertEqual((outcome[1], outcome[2]), (REPLY, TRANSMIT_STAMP | RECEIVE_STAMP), (target, options))

    def linked_client(self):
        near, far = self.linked_namespaces()
        client = Client(self.helper(near, rig.UNLIMITED).connect(rig.ALICE))
        self.addCleanup(client.close)
        client.hello()
        return near, far, client

    def test_of_fragments(self):
        _, _, client = self.linked_client()
        self.assert_both_stamps(client, ["10.77.0.2", "fd00:77::2"], size_bytes=4000)

    def test_in_a_tunnel(self):
        near, far, client = self.linked_client()
        for namespace, own, other in ((near, 1, 2), (far, 2, 1)):
            namespace.ip(f"link add tunnel0 type vxlan id 7 local 10.77.0.{own} remote 10.77.0.{other} dstport 4789")
            namespace.ip("link set tunnel0 up")
            namespace.add_addresses("tunnel0", f"10.66.0.{own}/24", f"fd00:66::{own}/64")
        self.assert_both_stamps(client, ["10.66.0.2", "fd00:66::2"])


if __name__ == "__main__":
    rig.main()
