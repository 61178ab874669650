# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Realms: a socket for containers, from which neither the host itself nor its link can be reached, whatever addresses it has."""

import signal
import time

import rig
from client_from_specification import Client, DENIED, REPLY, TIMEOUT
from peer import Etc, HelperWithEtc, connect, why_closed

PATIENCE_SECONDS = 10
HOST, LOOPBACK, LINK_LOCAL = "the helper's host", "loopback", "link-local"


class Realms(rig.Case):
    def realm(self, namespace, more="", before=""):
        """A helper with the realm `container`, and the path of its socket."""
        folder = rig.temporary_folder()
        path = folder / "multiping.sock"
        helper = self.helper(namespace, f"{rig.UNLIMITED}{before}[listener container]\npath = {path}\n{more}")
        return helper, path

    def client(self, path, uid=rig.ALICE):
        client = Client(connect(path, uid))
        self.addCleanup(client.close)
        client.hello()
        return client

    def ask(self, client, *targets):
        """For each target the rule that denied it, else the kind of outcome."""
        return [outcome[4] if outcome[1] == DENIED else outcome[1]
                for outcome in client.ping(list(targets), timeout_us=2_000_000)]

    def await_answer(self, client, target, wanted):
        """News of addresses take a moment."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self.ask(client, target)) != [wanted] and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(answer, [wanted])


class Destinations(Realms):
    def test_host_and_link_are_denied_but_not_the_network(self):
        ours, other = self.linked_namespaces()
        _, path = self.realm(ours)
        client = self.client(path)
        denied = {"127.0.0.1": LOOPBACK, "127.255.255.254": LOOPBACK, "0.0.0.0": LOOPBACK, "::1": LOOPBACK, "::": LOOPBACK,
                  "64:ff9b::127.0.0.1": LOOPBACK, "fe80::1": LINK_LOCAL, "169.254.169.254": LINK_LOCAL,
                  "10.77.0.1": HOST, "::ffff:10.77.0.1": HOST, "64:ff9b::10.77.0.1": HOST, "2002:0a4d:1::": HOST,
                  "fd00:77::1": HOST, "255.255.255.255": "broadcast", "ff02::1": "multicast"}
        self.assertEqual(dict(zip(denied, self.ask(client, *denied))), denied)
        self.assertEqual(self.ask(client, "10.77.0.2", "fd00:77::2"), [REPLY, REPLY])

    def test_hosts_own_listener_reaches_all_of_it(self):
        ours, _ = self.linked_namespaces()
        helper, _ = self.realm(ours)
        self.assertEqual(self.ask(self.client(helper.socket), "127.0.0.1", "::1", "10.77.0.1", "fd00:77::1"), [REPLY] * 4)

    def test_addresses_in_a_vrf_are_the_hosts_too(self):
        """They stand in the VRF's own table. A kernel without VRFs is given the routes that one with them makes."""
        ours, _ = self.linked_namespaces()
        if ours.run(["ip", "link", "add", "red", "type", "vrf", "table", "1000"]).returncode == 0:
            ours.ip("link set red up")
            ours.ip("link add in-red type veth peer name beside-red")
            ours.ip("link set in-red master red up")
            ours.ip("link set beside-red up")
            ours.add_addresses("in-red", "10.78.0.1/24", "fd00:78::1/64")
        else:
            print("no VRF in this kernel: its routes alone")
            ours.ip("route add local 10.78.0.1/32 dev lo table 1000 proto kernel")
            ours.ip("-6 route add local fd00:78::1/128 dev lo table 1000 proto kernel")
        ours.ip("route add local default dev lo table 100")  # as transparent proxies have it: not all addresses are the host's
        _, path = self.realm(ours)
        client = self.client(path)
        self.await_answer(client, "10.78.0.1", HOST)
        self.await_answer(client, "fd00:78::1", HOST)
        self.assertEqual(self.ask(client, "10.77.0.2", "fd00:77::2"), [REPLY, REPLY])

    def test_first_request_waits_until_the_addresses_are_known(self):
        ours, _ = self.linked_namespaces()
        ours.run(["sh", "-c", "for i in $(seq 2000); do echo address add 10.78.$((i / 250)).$((i % 250))/32 dev lo; done"
                              " | ip -batch -"])
        _, path = self.realm(ours)
        self.assertEqual(self.ask(self.client(path), *(f"10.78.{i // 250}.{i % 250}" for i in range(1, 2001))), [HOST] * 2000)

    def test_new_and_lost_addresses_are_followed(self):
        ours, _ = self.linked_namespaces()
        _, path = self.realm(ours)
        client = self.client(path)
        self.assertEqual(self.ask(client, "10.77.0.9", "fd00:77::9"), [TIMEOUT, TIMEOUT])
        ours.add_addresses("veth0", "10.77.0.9/16", "fd00:77::9/64")
        self.await_answer(client, "10.77.0.9", HOST)
        self.await_answer(client, "fd00:77::9", HOST)
        ours.ip("address delete 10.77.0.9/16 dev veth0")
        ours.ip("address delete fd00:77::9/64 dev veth0")
        self.await_answer(client, "10.77.0.9", TIMEOUT)
        self.await_answer(client, "fd00:77::9", TIMEOUT)

    def test_address_of_two_interfaces_is_lost_with_the_second(self):
        ours, _ = self.linked_namespaces()
        ours.add_addresses("veth0", "10.77.0.9/32")
        ours.add_addresses("lo", "10.77.0.9/32")
        _, path = self.realm(ours)
        client = self.client(path)
        self.await_answer(client, "10.77.0.9", HOST)
        ours.ip("address delete 10.77.0.9/32 dev lo")
        ours.add_addresses("lo", "10.79.0.1/32")
        self.await_answer(client, "10.79.0.1", HOST)  # so the news before are known too
        self.assertEqual(self.ask(client, "10.77.0.9"), [HOST])
        ours.ip("address delete 10.77.0.9/32 dev veth0")
        self.await_answer(client, "10.77.0.9", TIMEOUT)

    def test_news_that_got_lost_are_asked_for(self):
        """While the helper is stopped more changes come than its socket holds."""
        ours, _ = self.linked_namespaces()
        helper, path = self.realm(ours)
        client = self.client(path)
        self.assertEqual(self.ask(client, "10.77.0.1"), [HOST])
        helper.process.send_signal(signal.SIGSTOP)
        try:
            ours.run(["sh", "-c", "for i in $(seq 3000); do echo address add 10.78.$((i / 250)).$((i % 250))/32 dev lo; done"
                                  " | ip -batch -"])
        finally:
            helper.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.ask(client, "10.78.12.0", "10.78.0.1", "10.77.0.1"), [HOST] * 3)

    def test_what_is_allowed_is_reached(self):
        ours, _ = self.linked_namespaces()
        _, path = self.realm(ours, "allow = 127.0.0.0/8 10.77.0.1\ndeny = 10.77.0.2 127.0.0.9\n")
        self.assertEqual(self.ask(self.client(path), "127.0.0.1", "127.0.0.9", "10.77.0.1", "10.77.0.2", "::1", "fd00:77::1"),
                         [REPLY, "deny 127.0.0.9/32", REPLY, "deny 10.77.0.2/32", LOOPBACK, HOST])

    def test_what_everybody_is_denied_stays_denied(self):
        ours, _ = self.linked_namespaces()
        helper, path = self.realm(ours, "allow = 10.77.0.2\n", before="[destinations]\ndeny = 10.77.0.0/16\n")
        for where in path, helper.socket:
            self.assertEqual(self.ask(self.client(where), "10.77.0.2"), ["deny 10.77.0.0/16"])


class Owners(Realms):
    @rig.defended_by("REALM_LIMITS")
    def test_limits_are_the_realms_also_for_root(self):
        helper, path = self.realm(self.namespace(), "max_connections = 1\npackets_per_second = 7\n",
                                  before="[user root]\npackets_per_second = 9\n")
        client = self.client(path, uid=0)
        self.assertEqual(client.call("stats", scope="owner")["connections"], 1)
        with Client(connect(path, 0)) as one_more:
            self.assertEqual(why_closed(one_more), "connections")
        self.assertIn("event=refused uid=0 realm=container limit=max_connections count=1", helper.log())
        with Client(connect(path, rig.BOB)) as other:
            self.assertEqual(other.hello()["limits"]["packets_per_second"], 7)
        with Client(connect(helper.socket, 0)) as root:
            self.assertEqual(root.hello()["limits"]["packets_per_second"], 9)

    def test_account_is_of_the_listener(self):
        helper, path = self.realm(self.namespace())
        clients = [self.client(where) for where in (path, helper.socket, path)]
        self.assertEqual([client.call("stats", scope="owner")["connections"] for client in clients], [2, 1, 2])

    def test_owners_of_containers_with_and_without_user_namespace(self):
        """Without one a container's root is uid 0: everybody's limits, one account for all of them in the realm. With one he is
        the user whose container it is, whose account in the realm is apart from his own on the host; [user] counts there alone."""
        path = rig.temporary_folder() / "multiping.sock"
        etc = Etc(passwd=f"root:x:0:0::/:\nalice:x:{rig.ALICE}:{rig.ALICE}::/:\n", subuid="alice:200000:65536\n")
        helper = HelperWithEtc(self.namespace(), etc, f"[limits]\npackets_per_second = 5\n[user root]\npackets_per_second = 7\n"
                               f"[user alice]\npackets_per_second = 9\nmax_connections = 9\n"
                               f"[listener container]\npath = {path}\nmax_connections = 2\n")
        self.addCleanup(helper.stop)
        expected = [(helper.socket, 0, 7, 1), (path, 0, 5, 1), (path, 0, 5, 2),  # socket, uid, rate, connections of the account
                    (helper.socket, rig.ALICE, 9, 1), (helper.socket, 200000, 9, 2),
                    (path, 200000, 5, 1), (path, rig.ALICE, 5, 2), (path, rig.BOB, 5, 1)]
        for where, uid, rate, n_connections in expected:
            with self.subTest(uid=uid, realm=where == path):
                client = Client(connect(where, uid))
                self.addCleanup(client.close)
                self.assertEqual(client.hello()["limits"]["packets_per_second"], rate)
                self.assertEqual(client.call("stats", scope="owner")["connections"], n_connections)
        for uid in 0, 200001, rig.ALICE:
            with Client(connect(path, uid)) as one_more:
                self.assertEqual(why_closed(one_more), "connections")

    def test_mode_and_group_of_the_socket(self):
        _, path = self.realm(self.namespace(), f"mode = 0660\ngroup = {rig.BOB}\n")
        self.assertEqual((path.stat().st_mode & 0o777, path.stat().st_gid), (0o660, rig.BOB))
        self.client(path, rig.BOB)
        with self.assertRaises(PermissionError):
            self.client(path, rig.ALICE)


class Container(Realms):
    """The command line as a container's root sees it: no network, no capability, a root of a user namespace or none."""

    def test_loopback_is_denied_unless_allowed(self):
        for more, expected in ("", "127.0.0.1"), ("allow = 127.0.0.0/8\n", "127.0.0.1 is alive\n"):
            _, path = self.realm(self.namespace(), more)
            argv = rig.as_user(rig.ALICE, [rig.program("multiping"), "--socket", path, "127.0.0.1"])
            done = self.namespace().run(argv)
            with self.subTest(more):
                self.assertEqual(done.returncode == 0, bool(more), done)
                self.assertIn(expected, done.stdout + done.stderr)


if __name__ == "__main__":
    rig.main()
