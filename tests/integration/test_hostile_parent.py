# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Whoever may start the private helper may start it as he likes: with any arguments, environment, descriptors, signals, limits, and
he is its parent while it runs. Each attack goes against an installed helper with a file capability and against a setuid one."""

import os
import signal
import stat
import time

import hostile
import rig
from client_from_specification import Closed, DENIED
from hostile import CAPABILITY, SETUID, WAYS, USAGE

# What the helper does not mind: afterwards nothing is left of it.
ENVIRONMENTS = ["poisoned_environment", "bloated_environment"]
DESCRIPTORS = ["more_descriptors", "more_descriptors close=012", "stuffed_descriptors",
               *(f"close={numbers}" for numbers in ("0", "1", "2", "01", "02", "12", "012"))]
SIGNALS = ["blocked_signals", "ignored_signals"]
LIMITS = ["limit=nofile:10:4096", "limit=nofile:72", "limit=cpu:60",
          *(f"limit={name}:0" for name in ("fsize", "nproc", "memlock", "sigpending", "msgqueue", "core", "rss", "locks"))]
OTHERS = ["umask=0777", "umask=0", "deleted_folder", "nice=19", "die_first"]
ALL_TOGETHER = ("die_first deleted_folder umask=0777 nice=19 blocked_signals ignored_signals timer=60000 more_descriptors "
                "stuffed_descriptors close=0 limit=fsize:0 limit=nproc:0 limit=memlock:0 limit=sigpending:0 limit=core:0 "
                "limit=cpu:60 limit=nofile:60:4096 poisoned_environment")

# Where it does not serve: attacks, the words it says (None: it says none, having nobody to tell), its exit status.
REFUSED = [
    ("arguments=2", None, USAGE),
    ("arguments=100000", None, USAGE),
    *((f"hand_down={kind}", None, USAGE) for kind in ("nothing", "file", "folder", "pipe", "tcp", "tcp_listener", "listener",
                                                      "unconnected", "stream", "datagram")),
    ("pending_signal=15", None, -signal.SIGTERM),  # as it would be if he sent it a moment later
    ("no_new_privileges", "cannot open the ICMP sockets: .*Permission denied", hostile.UNAVAILABLE),
    ("trace", "cannot open the ICMP sockets: .*Permission denied", hostile.UNAVAILABLE),
    ("user_namespace", "helper.conf must be a file that belongs to root", hostile.UNAVAILABLE),
    ("user_namespace=net", "helper.conf must be a file that belongs to root", hostile.UNAVAILABLE),
]

# Too little memory. The first four do not even hold the program: the kernel ends it before there is anything to take.
STARVED = [
    ("limit=as:400000", None, -signal.SIGSEGV),
    ("limit=data:0", None, -signal.SIGSEGV),
    ("limit=stack:8192", None, -signal.SIGSEGV),
    ("limit=as:32000000", "cannot build the helper: .*(Cannot allocate|Out of) memory", hostile.UNAVAILABLE),
]
CAP_SYS_RESOURCE = 24

# A configuration that somebody else than root may have written, or that is no file: what is done to the good one, the words.
OWNER = "belongs to root and that nobody else can write to"
SPOOFED = [
    ("belongs to the user", lambda path: os.chown(path, rig.ALICE, 0), OWNER),
    ("group may write", lambda path: path.chmod(0o664), OWNER),
    ("others may write", lambda path: path.chmod(0o646), OWNER),
    ("fifo", lambda path: (path.unlink(), os.mkfifo(path)), OWNER),
    ("folder", lambda path: (path.unlink(), path.mkdir()), OWNER),
    ("device", lambda path: (path.unlink(), os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))), OWNER),
    ("link to a user's file", lambda path: link_to_users_file(path), OWNER),
    ("link to itself", lambda path: (path.unlink(), path.symlink_to(path.name)), "(symbolic links|Symbolic link loop)"),
    ("binary", lambda path: path.write_bytes(b"[limits]\0"), "helper.conf: "),
    ("huge", lambda path: os.truncate(path, 1 << 40), "helper.conf: File too large"),
    ("wrong", lambda path: path.write_text("[private]\nalow = yes\n"), "helper.conf:2: unknown key alow"),
]


def link_to_users_file(path):
    other = path.with_name("other")
    other.write_text(rig.UNLIMITED)
    os.chown(other, rig.ALICE, rig.ALICE)
    path.unlink()
    path.symlink_to(other.name)


class Attacks(hostile.Case):
    def each(self, rows, attack):
        """Calls @attack(way, row) for each of the @rows, against each install; with sanitizers, which take their time to start,
        against them in turn."""
        for i, row in enumerate(rows):
            for way in (WAYS[i % 2],) if rig.is_sanitized() else WAYS:
                with self.subTest(row, way=way):
                    attack(way, row)

    def assert_does_not_mind(self, way, attacks):
        self.assert_serves_untouched(self.start(way, *attacks.split()), way)

    def assert_refused(self, way, row):
        attacks, words, status = row
        self.assert_refuses(self.start(way, *attacks.split()), words, status)

    def test_no_arguments(self):
        self.each(["no_arguments"], self.assert_does_not_mind)

    @rig.defended_by("CLEAN_ENVIRONMENT")
    def test_environment(self):
        self.each(ENVIRONMENTS, self.assert_does_not_mind)

    @rig.defended_by("CLOSE_DESCRIPTORS", "STANDARD_DESCRIPTORS")
    def test_descriptors(self):
        self.each(DESCRIPTORS, self.assert_does_not_mind)

    @rig.defended_by("RESET_SIGNALS")
    def test_signals(self):
        self.each(SIGNALS, self.assert_does_not_mind)

    @rig.defended_by("RESET_LIMITS")
    def test_limits(self):
        self.each(LIMITS, self.assert_does_not_mind)

    @rig.defended_by("RESET_UMASK", "LEAVE_FOLDER")
    def test_other_state(self):
        self.each(OTHERS, self.assert_does_not_mind)

    def test_all_together(self):
        self.each([ALL_TOGETHER], self.assert_does_not_mind)

    @rig.defended_by("CHECK_CLIENT_SOCKET")
    def test_refused(self):
        self.each(REFUSED, self.assert_refused)

    def test_too_few_descriptors(self):
        for way in WAYS:
            start = self.start(way, "limit=nofile:10")
            if way == SETUID and int(hostile.BOUNDING, 16) >> CAP_SYS_RESOURCE & 1:
                self.assert_serves_untouched(start, way)
            else:
                self.assert_refuses(start, "having 72 descriptors: .*; raise RLIMIT_NOFILE")

    def test_too_little_memory(self):
        if rig.is_sanitized():
            return  # the sanitizer needs terabytes of addresses
        self.each(STARVED, self.assert_refused)

    @rig.defended_by("RESET_TIMERS")
    def test_timers_that_run(self):
        for way in WAYS:
            start = self.start(way, "processor_timers=200")
            self.assert_up(start)
            while rig.processor_seconds(start.pid) < 0.8:  # the timers count by other means, in ticks
                try:
                    start.client.ping(["127.0.0.1"] * 2048)
                except (Closed, ConnectionError):
                    self.fail("a timer ended it")
            self.assert_serves(start.client)
            self.assert_ends(start)

    def test_its_parent_steals_nothing_from_start_to_end(self):
        for way in WAYS:
            self.assert_steals_nothing(self.start(way, "steal"))

    @rig.defended_by("NOT_DUMPABLE")
    def test_its_parent_steals_nothing_where_the_capability_was_ambient(self):
        # the kernel leaves such a process readable for others of its user, unlike one that a file gave a capability
        self.assert_steals_nothing(self.start_with_ambient_capability("steal"))

    def wait_for_rounds(self, start, n_rounds):
        """Until the parent has been round once more than so often: after each he sleeps, and gives up his processor for nothing else."""
        def n_sleeps():
            return int(rig.status(start.pid)["voluntary_ctxt_switches"])
        begin, patience = n_sleeps(), time.monotonic() + rig.START_SECONDS
        while n_sleeps() <= begin + n_rounds:
            self.assertLess(time.monotonic(), patience)
            time.sleep(0.001)

    def assert_steals_nothing(self, start):
        self.assert_up(start)
        self.assert_serves(start.client)
        self.wait_for_rounds(start, 8)
        self.assertRegex(self.assert_ends(start), r"^tries [1-9]\d{2,} thefts 0\n$")

    def test_killed_at_any_time(self):
        for way in WAYS:
            for after_us in range(0, 20000, 1000):
                start = self.start(way, f"kill_after={after_us}")
                self.assertIsNone(start.why_closed().code)
                self.assert_ends(start, 128 + signal.SIGKILL)


class Configuration(hostile.Case):
    """Only root can make the file, its folder and what it links to; but a helper that anybody starts had better look."""

    @rig.defended_by("CONFIG_OWNER")
    def test_none_that_another_may_have_written(self):
        for name, spoof, words in SPOOFED:
            self.host.configure(rig.UNLIMITED)
            spoof(self.host.configuration)
            for way in WAYS:
                with self.subTest(name, way=way):
                    self.assert_refuses(self.start(way), f"cannot read the configuration: /etc/multiping/.*{words}")
            path = self.host.configuration
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def test_one_that_only_root_may_read_counts(self):
        self.host.configuration.chmod(0o600)
        self.assert_refuses(self.start(CAPABILITY), "helper.conf: Permission denied")
        self.assert_serves_untouched(self.start(SETUID), SETUID)

    def test_none_means_defaults(self):
        self.host.configuration.unlink()
        for way in WAYS:
            start = self.start(way)
            self.assert_up(start)
            self.assertEqual(start.hello["limits"]["packets_per_second"], 20000)
            self.assert_ends(start)

    @rig.defended_by("PRIVATE_ALLOW")
    def test_the_administrator_may_forbid_it(self):
        self.host.configure("[private]\nallow = no\n")
        for way in WAYS:
            self.assert_refuses(self.start(way), r"\[private\] allow = no; use the shared helper")

    def test_destinations_and_limits_hold_for_it(self):
        self.host.configure("[limits]\nmax_payload_bytes = 100\n[destinations]\ndeny = 127.0.0.2/32 ::1/128\n")
        for way in WAYS:
            start = self.start(way, "poisoned_environment")
            self.assert_up(start)
            self.assertEqual(start.hello["limits"]["payload_bytes"], 100)
            outcomes = start.client.ping(["127.0.0.1", "127.0.0.2", "::1"])
            self.assertEqual([outcome[1] == DENIED for outcome in outcomes], [False, True, True])
            self.assert_ends(start)

    @rig.defended_by("STARTERS_LIMITS")
    def test_limits_are_those_of_who_starts_it_whoever_made_the_socket(self):
        for section in f"user {rig.ALICE}", f"group {rig.ALICE}", *(f"group {group}" for group in hostile.GROUPS):
            self.host.configure(f"[group 0]\nmax_payload_bytes = 50\n[{section}]\nmax_payload_bytes = 100\n")
            for way in WAYS:
                start = self.start(way)  # by her, with a pair of root's
                self.assert_up(start)
                self.assertEqual(start.hello["limits"]["payload_bytes"], 100, section)
                self.assert_ends(start)


if __name__ == "__main__":
    hostile.main()
