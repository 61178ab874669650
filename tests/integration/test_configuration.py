# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What helper.conf says, the helper does: who may what, and what is wrong with a file that it does not take."""

import subprocess
import time

import rig
from client_from_specification import Client, DENIED, Fault, REPLY
from peer import Etc, HelperWithEtc, connect, why_closed

BAD_CONFIGURATION = 78  # EX_CONFIG
MEMBERS = 30001         # a group


class CheckConfiguration(rig.Case):
    def check(self, text):
        path = rig.temporary_folder() / "helper.conf"
        path.write_text(text)
        done = subprocess.run([rig.program("multiping-helper"), "--check-config", path], capture_output=True, text=True,
                              env=rig.environment(), timeout=60)
        return done, path

    def test_good_file_would_do(self):
        done, path = self.check(rig.UNLIMITED + "[user root]\nburst_packets = 1\n[listener jail]\nmode = 0600\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{path}: nothing is wrong\n", ""))

    def test_installed_example_would_do(self):
        [path] = rig.installed().glob("share/doc/**/helper.conf")
        done, _ = self.check(path.read_text())
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_bad_line_is_named(self):
        for text, words in (
                ("[limits]\n\nmax_connections = none\n",
                 ":3: [limits] max_connections = none: must be a number from 1, or unlimited"),
                ("[listener jail]\ndeny = 10.0.0.0/8\n   10.0.0.1/8\n", ":3: [listener jail] deny = 10.0.0.1/8: must be prefixes"),
                ("[helper]\nsocket = ping\nfwmarks = 7\n", ":3: [helper] fwmarks: ping sockets have no fwmarks; take socket = raw"),
                ("[user no-such-user]\nmax_connections = 1\n", ":2: [user no-such-user]: no such user"),
                ("[helper]\nuser = no-such-user\n", "no user no-such-user")):
            with self.subTest(text):
                done, path = self.check(text)
                self.assertEqual((done.returncode, done.stdout), (BAD_CONFIGURATION, ""))
                self.assertIn(words, done.stderr)

    def test_what_does_not_check_does_not_start(self):
        with self.assertRaisesRegex(RuntimeError, r"cannot read the configuration: \S+:2: unknown key maximum in \[limits\]"):
            self.helper(self.namespace(), "[limits]\nmaximum = 1\n")

    def test_missing_file_is_named(self):
        done = subprocess.run([rig.program("multiping-helper"), "--check-config", "/proc/none"], capture_output=True, text=True,
                              env=rig.environment(), timeout=60)
        self.assertEqual(done.returncode, BAD_CONFIGURATION)
        self.assertIn("/proc/none: No such file", done.stderr)

    def test_wrong_arguments_are_named(self):
        for argv, words in ((["--listen", "helper.sock"], "--listen: not an absolute path of at most 107 bytes"),
                            (["--listen", "/" + 107 * "x"], "--listen: not an absolute path of at most 107 bytes"),
                            (["--config", "helper.conf"], "--config: not an absolute path"),
                            (["helper.conf"], "helper.conf: no option")):
            with self.subTest(argv):
                done = subprocess.run([rig.program("multiping-helper"), *argv], capture_output=True, text=True,
                                      env=rig.environment(), timeout=60)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (64, "", f"multiping-helper: {words}; see --help\n"))


class Configured(rig.Case):
    """One helper for each test: a client says hello, and the limits that it is told are its owner's."""

    def client(self, helper, uid, **credentials):
        client = Client(connect(helper.socket, uid, **credentials))
        self.addCleanup(client.close)
        return client

    def rate(self, helper, uid, **credentials):
        return self.client(helper, uid, **credentials).hello()["limits"]["packets_per_second"]


class People(Configured):
    CONFIGURATION = f"""
[group {MEMBERS}]
packets_per_second = 300
max_payload_bytes = 100
[group {MEMBERS + 1}]
packets_per_second = 400
[user {rig.ALICE}]
packets_per_second = 200
[limits]
packets_per_second = 100
"""

    def test_user_first_then_first_group_then_everybody(self):
        helper = self.helper(self.namespace(), self.CONFIGURATION)
        self.assertEqual(self.rate(helper, rig.BOB), 100)
        self.assertEqual(self.rate(helper, 0), 100)
        self.assertEqual(self.rate(helper, rig.ALICE), 200)
        self.assertEqual(self.rate(helper, rig.ALICE + 10, gid=MEMBERS), 300)
        self.assertEqual(self.rate(helper, rig.ALICE + 11, groups=[5, MEMBERS + 1, MEMBERS, 7]), 300)
        self.assertEqual(self.rate(helper, rig.ALICE + 12, groups=[MEMBERS + 1]), 400)

    def test_what_a_section_does_not_say_the_next_does(self):
        helper = self.helper(self.namespace(), self.CONFIGURATION)
        limits = self.client(helper, rig.ALICE, groups=[MEMBERS]).hello()["limits"]
        self.assertEqual((limits["packets_per_second"], limits["payload_bytes"]), (200, 100))
        self.assertEqual(sorted(limits["options"]), ["dont_fragment", "tos", "ttl"])

    def test_as_many_groups_as_linux_allows(self):
        helper = self.helper(self.namespace(), self.CONFIGURATION)
        self.assertEqual(self.rate(helper, rig.BOB, groups=[*range(100_000, 165_535), MEMBERS]), 300)

    def test_limits_hold(self):
        helper = self.helper(self.namespace(), f"[limits]\nmax_connections = 1\nmax_payload_bytes = 100\n"
                             f"[user {rig.ALICE}]\nmax_connections = 2\nmax_payload_bytes = 200\nallow_options =\n")
        for uid, most in (rig.BOB, 100), (rig.ALICE, 200):
            client = self.client(helper, uid)
            client.hello()
            for size in most - 1, most:
                self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1"], size_bytes=size)], [REPLY])
            with self.assertRaises(Fault) as caught:
                client.ping(["127.0.0.1"], size_bytes=most + 1)
            self.assertEqual((caught.exception.error["limit"], caught.exception.error["asked"],
                              caught.exception.error["allowed"]), ("max_payload_bytes", most + 1, most))
        client = self.client(helper, rig.ALICE)
        client.hello()
        with self.assertRaises(Fault) as caught:
            client.ping(["127.0.0.1"], ttl=1)
        self.assertEqual(caught.exception.code, "option_refused")
        for uid in rig.BOB, rig.ALICE:
            self.assertEqual(why_closed(self.client(helper, uid)), "connections")
        client.close()
        self.assertIn(f"event=refused uid={rig.BOB} realm=host limit=max_connections count=1", helper.log())
        self.assertIn(f"event=refused uid={rig.ALICE} realm=host limit=allow_options count=1", helper.log())

    def test_refusals_are_logged_once_and_then_counted(self):
        helper = self.helper(self.namespace(), "[destinations]\ndeny = 127.0.0.0/8\n")
        client = self.client(helper, rig.ALICE)
        client.hello()
        client.ping(["127.0.0.1"] * 1000)
        lines = [line for line in helper.log().splitlines() if "event=refused" in line]
        self.assertEqual(lines, [f"event=refused uid={rig.ALICE} realm=host limit=destinations count={1 << i}" for i in range(10)])

    def test_who_comes_and_goes_does_not_flood_the_log(self):
        """Each time the account is a new one, which counts from one."""
        n_times, burst, lines_per_second = 500, 100, 1
        helper = self.helper(self.namespace(), "[destinations]\ndeny = 127.0.0.0/8\n")
        begin = time.monotonic()
        for _ in range(n_times):
            with self.client(helper, rig.ALICE) as client:
                client.hello()
                client.ping(["127.0.0.1"])
        most = burst + lines_per_second * (time.monotonic() - begin) + 10  # and those of the helper's start
        lines = helper.log().splitlines()
        self.assertLess(len(lines), 2 * n_times / 3)
        self.assertLessEqual(len(lines), most)
        deadline = time.monotonic() + 60
        while "event=unlogged count=" not in helper.log() and time.monotonic() < deadline:
            with self.client(helper, rig.BOB) as client:
                client.hello()
            time.sleep(0.1)
        self.assertRegex(helper.log(), "event=unlogged count=[0-9]+")


class Destinations(Configured):
    def test_longest_prefix_decides_in_every_form(self):
        helper = self.helper(self.namespace(), """
[destinations]
deny = 127.0.0.0/8
       64:ff9b::7f02:0/112
allow = 127.1.0.0/16 127.2.0.0/16
deny = 127.1.1.1
""")
        client = self.client(helper, rig.ALICE)
        client.hello()
        rules = {"127.0.0.1": "deny 127.0.0.0/8", "0.0.0.0": "deny 127.0.0.0/8", "::ffff:127.0.0.1": "deny 127.0.0.0/8",
                 "64:ff9b::127.0.0.1": "deny 127.0.0.0/8", "2002:7f00:1::": "deny 127.0.0.0/8", "::127.0.0.1": "deny 127.0.0.0/8",
                 "127.1.1.1": "deny 127.1.1.1/32", "64:ff9b::127.1.1.1": "deny 127.1.1.1/32",
                 "64:ff9b::127.2.0.1": "deny 64:ff9b::7f02:0/112", "224.0.0.1": "multicast"}
        for outcome, rule in zip(client.ping(list(rules)), rules.values()):
            self.assertEqual((outcome[1], outcome[4]), (DENIED, rule))
        self.assertEqual([outcome[1] for outcome in client.ping(["127.1.0.1", "127.1.1.2", "127.2.0.1", "::1"])], [REPLY] * 4)


class SubordinateUids(Configured):
    """/etc/passwd and /etc/subuid are those of a folder that only the helper sees."""

    def setUp(self):
        etc = Etc(passwd=f"root:x:0:0::/:\nalice:x:{rig.ALICE}:{rig.ALICE}::/:\n",
                  subuid="alice:200000:65536\nroot:500000:65536\n")
        self.started = HelperWithEtc(self.namespace(), etc, f"[user alice]\nmax_connections = 3\n[user root]\nmax_connections = 9\n"
                                     "packets_per_second = 7\n")
        self.addCleanup(self.started.stop)

    def connections(self, uid):
        client = self.client(self.started, uid)
        client.hello()
        return client, client.call("stats", scope="owner")["connections"]

    def test_count_as_their_user(self):
        _, alone = self.connections(rig.ALICE)
        _, first = self.connections(200000)
        last, both = self.connections(265535)
        self.assertEqual((alone, first, both), (1, 2, 3))
        self.assertEqual(why_closed(self.client(self.started, 200001)), "connections")
        last.close()
        self.assertEqual(self.connections(265536)[1], 1)  # beyond the range: somebody else
        self.assertEqual(self.connections(200001)[1], 3)

    def test_containers_root_is_not_root(self):
        for uid in 500000, 500001:
            self.assertNotEqual(self.rate(self.started, uid), 7)
        self.assertEqual(self.connections(500002)[1], 3)
        self.assertEqual(self.rate(self.started, 0), 7)

    def test_great_uids_are_like_others(self):
        for uid in 2147483647, 2147483648, 4294967294:
            client, n_connections = self.connections(uid)
            self.assertEqual(n_connections, 1)
            self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1"])], [REPLY])


if __name__ == "__main__":
    rig.main()
