# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What ping sockets are told about others' probes. The kernel knows whose an ICMP error is by the identifier in its quote alone, and
lets the next call on that socket fail with it, whatever that call is about: whoever forges errors fast enough fails every send, and
cuts every batch of replies short. Neither must be believed."""

import errno
import os
import signal
import socket
import struct
import time

import hostile_simulation
import rig
from client_from_specification import REPLY
from hostile_simulation import LONG_US, TRIGGER, only
from simulator import hosts

tearDownModule = hostile_simulation.report_attacks

PING = rig.UNLIMITED + "[helper]\nsocket = ping\n"
AT_ONCE = {4: "198.18.1.0/24", 6: "2001:db8::1:0/112"}  # hosts that answer so, or after 200 ms
SLOWLY = {4: "198.18.2.0/24", 6: "2001:db8::2:0/112"}
# Of each that the kernel makes another error number of. 5: a redirect.
KINDS = {4: ("3 code 0", "3 code 1", "3 code 2", "3 code 3", "3 code 4", "3 code 5", "3 code 7", "3 code 8", "4", "5", "11", "12"),
         6: ("1 code 0", "1 code 1", "1 code 3", "1 code 4", "2", "3", "4")}
N_COPIES = 65536
IP_RECVERR, IPV6_RECVERR, IPV6_DONTFRAG = 11, 25, 62
TOO_LONG = 65535  # bytes of a packet that is longer than any can be with its header, in IPv6 where it may not be cut up


class Told(hostile_simulation.Case):
    def namespace(self):
        network = super().namespace()
        network.sysctl("net.ipv4.ping_group_range", rig.ALL_GROUPS)
        return network

    def flood(self, kind, family, **options):
        """Has errors about the trigger's probe forged for every sequence as soon as it is pinged. All other hosts answer."""
        words = "".join(f" {name} {value}" for name, value in options.items())
        self.simulate(f"{only(TRIGGER[family])} error type {kind} payload random sequence count copies {N_COPIES}{words}",
                      f"{AT_ONCE[family]} echo", f"{SLOWLY[family]} echo delay 200000",
                      configuration=PING, trace=False)

    def is_over(self):
        return sum(self.simulator.answers()[0].values()) == N_COPIES

    @rig.defended_by("ASKED_WAY")
    def test_errors_about_other_probes_fail_no_send(self):
        """Whatever they say, and as fast as they can come: each host is asked, and answers."""
        for family, kind in [(family, kind) for family, kinds in KINDS.items() for kind in kinds]:
            with self.subTest(family=family, kind=kind):
                self.flood(kind, family)
                self.client.begin_ping([TRIGGER[family]], LONG_US)
                other, n_rounds = self.client_of(rig.BOB), 0
                while not self.is_over():
                    outcomes = other.ping(hosts(AT_ONCE[family], 100), LONG_US)
                    self.assertEqual([outcome for outcome in outcomes if outcome[1] != REPLY], [])
                    n_rounds += 1
                self.assertGreater(n_rounds, 0)

    @rig.defended_by("EMPTY_BATCH")
    def test_errors_about_other_probes_hide_no_reply(self):
        """The replies came in time and wait in the socket while the helper is stopped; when it reads them, errors come too."""
        n_met = 0
        for family, kind in ((4, "3 code 1"), (6, "1 code 3")) * 3:  # where they meet depends on who gets a processor when
            with self.subTest(family=family):
                self.flood(kind, family, gap=5, delay=900_000)
                self.client.response(self.client.begin_ping([TRIGGER[family]], LONG_US)[1])
                requests = [self.client.begin_ping(hosts(SLOWLY[family], 200) * 4, 600_000) for _ in range(2)]
                for _, msgid in requests:
                    self.client.response(msgid)
                os.kill(self.shared.pid, signal.SIGSTOP)
                while self.simulator.answers()[0]["sent"] < N_COPIES // 8:
                    time.sleep(0.01)
                os.kill(self.shared.pid, signal.SIGCONT)
                outcomes = sum((self.client.finish(id) for id, _ in requests), [])
                n_met += not self.is_over()
                self.assertEqual([outcome for outcome in outcomes if outcome[1] != REPLY], [])
        self.assertGreater(n_met, 0)


class Kernel(rig.Case):
    """What the helper relies on."""

    def setUp(self):
        self.network = self.namespace()
        self.network.sysctl("net.ipv4.ping_group_range", rig.ALL_GROUPS)
        self.network.ip("-6 route add local fd00:9::/64 dev lo")
        self.network.nft("table inet refuse { chain input { type filter hook input priority 0;\n"
                         "ip daddr 127.9.9.9 icmp type echo-request reject\n"
                         "ip6 daddr fd00:9::9 icmpv6 type echo-request reject\n}\n}\n")

    def pinger(self, family):
        """A ping socket that is told errors, and a request of its own."""
        pinger = self.network.socket(family, socket.SOCK_DGRAM,
                                     socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6)
        self.addCleanup(pinger.close)
        if family == socket.AF_INET:
            pinger.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            pinger.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        pinger.setblocking(False)
        return pinger, struct.pack("!BBHHH", 8 if family == socket.AF_INET else 128, 0, 0, 0, 1) + bytes(56)

    def answer(self, call, *arguments):
        """The name of the error that a call ends with, or None."""
        try:
            call(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno]
        return None

    def test_the_way_is_looked_for_before_an_error_is_told_and_nothing_leaves(self):
        for family, here, refused, nowhere in ((socket.AF_INET, "127.0.0.1", "127.9.9.9", "198.51.100.1"),
                                               (socket.AF_INET6, "::1", "fd00:9::9", "2001:db8::1")):
            with self.subTest(family=family):
                pinger, request = self.pinger(family)
                too_long = request + bytes(TOO_LONG - len(request))
                control = [] if family == socket.AF_INET else [(socket.IPPROTO_IPV6, IPV6_DONTFRAG, struct.pack("i", 1))]

                def ask(to):
                    return self.answer(pinger.sendmsg, [too_long], control, 0, (to, 0))

                def send(to):
                    return self.answer(pinger.sendto, request, (to, 0))

                self.assertEqual((ask(here), ask(nowhere), send(nowhere)), ("EMSGSIZE", "ENETUNREACH", "ENETUNREACH"))
                self.assertEqual(self.answer(pinger.recv, 1), "EAGAIN")  # no reply: it never left
                self.assertIsNone(send(refused))
                self.assertEqual((ask(here), ask(nowhere), ask(here)), ("EMSGSIZE", "ENETUNREACH", "EMSGSIZE"))
                self.assertEqual((send(nowhere), send(here), send(here)), ("ENETUNREACH", "ECONNREFUSED", None))


if __name__ == "__main__":
    rig.main()
