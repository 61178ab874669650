# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Firewall marks: packets that were given one take the way that routing and firewall keep for it, and no others do.

`home` has no way to the hosts beyond the router but for packets marked VIA_ROUTER; its firewall drops those marked DROPPED and
counts those of each mark."""

import errno
import json

import rig
from client_from_specification import Client, Fault, REPLY, SEND_ERROR

VIA_ROUTER, DROPPED, COUNTED, LAST, NOT_CONFIGURED = 7, 8, 9, 4294967294, 10
FWMARKS = f"[helper]\nfwmarks = {VIA_ROUTER} {DROPPED} {COUNTED} {LAST}\n"
ALLOWED = "[limits]\nallow_options = ttl tos dont_fragment fwmark\n"
BEYOND = ["10.80.0.1", "fd00:80::1"]
NEAR = ["10.77.0.2", "fd00:77::2"]
FIREWALL = "\n".join([
    "table inet marks { chain output { type filter hook output priority 0; policy accept;",
    "meta l4proto != {icmp, icmpv6} accept",
    "icmpv6 type != echo-request accept",
    f"meta mark {DROPPED} drop",
    *(f'meta mark {mark} counter comment "{mark}"' for mark in (0, VIA_ROUTER, COUNTED, LAST)),
    "}\n}"])


class Fwmark(rig.Case):
    def setUp(self):
        self.home, router = self.linked_namespaces()
        for version, prefix, via in (("", "10.80.0.0/16", "10.77.0.2"), ("-6", "fd00:80::/64", "fd00:77::2")):
            self.home.ip(f"{version} route add {prefix} via {via} table 100")
            self.home.ip(f"{version} rule add fwmark {VIA_ROUTER} table 100")
            self.home.ip(f"{version} route add unreachable {prefix}")
            router.ip(f"{version} route add local {prefix} dev lo")
        self.home.nft(FIREWALL)

    def client(self, configuration=rig.UNLIMITED + ALLOWED + FWMARKS):
        self.helper_process = self.helper(self.home, configuration)
        client = Client(self.helper_process.connect(rig.ALICE))
        self.addCleanup(client.close)
        self.welcome = client.hello()
        return client

    def counts(self):
        """How many echo requests of each mark have gone out."""
        rules = json.loads(self.home.run(["nft", "-j", "list", "table", "inet", "marks"]).stdout)["nftables"]
        return {int(rule["rule"]["comment"]): rule["rule"]["expr"][1]["counter"]["packets"]
                for rule in rules if "comment" in rule.get("rule", {})}

    def kinds(self, client, hosts, **options):
        return [outcome[1] for outcome in client.ping(hosts, **options)]

    def test_marked_probes_alone_take_the_route_of_their_mark(self):
        client = self.client()
        self.assertIn("fwmark", self.welcome["limits"]["options"])
        for options in ({}, {"dont_fragment": True}):
            with self.subTest(**options):
                self.assertEqual(self.kinds(client, BEYOND, fwmark=VIA_ROUTER, **options), [REPLY, REPLY])
                for other in ({}, {"fwmark": 0}, {"fwmark": COUNTED}, {"fwmark": LAST}):
                    unmarked = client.ping(BEYOND, **options, **other)
                    self.assertEqual([(outcome[1], outcome[4]) for outcome in unmarked],
                                     [(SEND_ERROR, errno.EHOSTUNREACH)] * 2)

    def test_each_probe_has_its_own_requests_mark(self):
        client = self.client()
        requests = [({}, 3), ({"fwmark": COUNTED}, 5), ({"fwmark": LAST}, 7), ({"fwmark": COUNTED, "dont_fragment": True}, 11),
                    ({"dont_fragment": True}, 13)]
        pings = []
        for options, n in requests:  # two at once
            pings.append(client.begin_ping(NEAR * n, **options))
            if len(pings) > 1:
                client.response(pings[-2][1])
        for (id, _), (_, n) in zip(pings, requests):
            self.assertEqual([outcome[1] for outcome in client.finish(id)], [REPLY] * 2 * n)
        self.assertEqual(self.counts(), {0: 2 * (3 + 13), VIA_ROUTER: 0, COUNTED: 2 * (5 + 11), LAST: 2 * 7})

    def test_a_firewall_drops_by_mark(self):
        client = self.client()
        self.assertEqual([(outcome[1], outcome[4]) for outcome in client.ping(NEAR, fwmark=DROPPED)],
                         [(SEND_ERROR, errno.EPERM)] * 2)
        self.assertEqual(self.kinds(client, NEAR), [REPLY, REPLY])

    def test_a_mark_that_is_not_configured_or_not_allowed_is_refused(self):
        for configuration, mark in ((rig.UNLIMITED + ALLOWED + FWMARKS, NOT_CONFIGURED), (rig.UNLIMITED + ALLOWED, VIA_ROUTER),
                                    (rig.UNLIMITED + FWMARKS, VIA_ROUTER)):
            with self.subTest(configuration=configuration, mark=mark):
                client = self.client(configuration)
                with self.assertRaises(Fault) as caught:
                    client.ping(NEAR, fwmark=mark)
                self.assertEqual(caught.exception.code, "option_refused")
                self.assertEqual(client.call("stats", scope="session")["probes_sent"], 0)

    def test_command_line_marks(self):
        self.client()
        for option in (["-k", str(VIA_ROUTER)], [f"--fwmark={VIA_ROUTER}"]):
            self.assert_alive(self.helper_process.multiping(*option, *BEYOND), BEYOND)
        done = self.helper_process.multiping("-r", "0", "-t", "100", *BEYOND)
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())),
                         (1, sorted(f"{host} is unreachable" for host in BEYOND)))

    def test_command_line_tells_that_a_mark_was_refused(self):
        self.client()
        done = self.helper_process.multiping("-k", str(NOT_CONFIGURED), *NEAR)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("fwmark 10", done.stdout + done.stderr)
        self.assertEqual(self.counts()[0], 0)

    def test_helper_does_not_start_where_it_cannot_mark(self):
        self.home.sysctl("net.ipv4.ping_group_range", rig.ALL_GROUPS)
        with self.assertRaisesRegex(RuntimeError, "tried ping sockets with a fwmark: (Operation not|Not) supported"):
            self.helper(self.home, FWMARKS, uid=rig.ALICE)
        with self.assertRaisesRegex(RuntimeError, r"cannot read the configuration: \S+:3: \[helper\] socket: ping sockets have no "
                                    "fwmarks; take socket = raw, or no fwmarks"):
            self.helper(self.home, FWMARKS + "socket = ping\n")


if __name__ == "__main__":
    rig.main()
