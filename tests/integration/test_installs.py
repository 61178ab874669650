# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The private helper as README says to install it: with a file capability, setuid root, setuid root for a group. Each started through
the library by ordinary users, and what the kernel says of it then. And what once went wrong with programs of this kind."""

import os
import re
import signal
import time
from pathlib import Path

import hostile
import rig
from hostile import CAPABILITY, SETUID, WAYS

BUFFER_BYTES = 16 << 20               # asked for; the kernel reports twice as much
PINGERS = hostile.GROUPS[0]
GREAT_UIDS = (4294967294, 2147483648)  # CVE-2018-19788: negative, where somebody takes a uid for an int
ALL_WALLS = "NOT_DUMPABLE,RESET_LIMITS,RESOURCE_LIMITS,LANDLOCK,LEAVE_FOLDER"


class Case(hostile.Case):
    def multiping(self, path, *arguments, uid=rig.ALICE, groups=()):
        """The command line, which finds the helper at @path and no socket."""
        argv = rig.as_user(uid, [rig.program("multiping"), *arguments], no_new_privs=False, keep_bounding=True, groups=groups)
        return self.host.run(argv, env=rig.environment(MULTIPING_HELPER=str(path)))

    def assert_pings(self, path, **options):
        hosts = ["127.0.0.1", "127.1.2.3", "::1"]
        self.assert_alive(self.multiping(path, *hosts, **options), hosts)


class Installs(Case):
    def assert_starts_as(self, way):
        start = self.start(way)
        self.assert_up(start)
        self.assert_ids(start.pid, way)
        self.assert_clean(start.pid)
        self.assert_not_reachable_by_its_own_user(start.pid)
        self.assert_serves(start.client)
        return start

    @rig.defended_by("DROP_CAPABILITIES")
    def test_file_capability(self):
        start = self.assert_starts_as(CAPABILITY)
        most = int(Path("/proc/sys/net/core/rmem_max").read_text())
        self.assertEqual(start.hello["receive_buffer_bytes"], 2 * min(most, BUFFER_BYTES))
        self.assert_ends(start)

    @rig.defended_by("REAL_IDS", "DROP_GROUPS", "DROP_CAPABILITIES", "EMPTY_ROOT")
    def test_setuid(self):
        start = self.assert_starts_as(SETUID)
        self.assert_empty_root(start.pid)
        self.assertEqual(start.hello["receive_buffer_bytes"], 2 * BUFFER_BYTES)  # by right of root, whatever the system allows
        self.assert_ends(start)

    def test_each_by_the_library(self):
        for way in WAYS:
            self.assert_pings(self.program(way)[0])
            self.assert_pings(self.program(way)[0], groups=hostile.GROUPS)

    def test_setuid_for_a_group(self):
        path = hostile.install(rig.program("multiping-helper-private"), SETUID, mode=0o4750, group=PINGERS)
        self.assert_pings(path, groups=[PINGERS])
        done = self.multiping(path, "127.0.0.1", uid=rig.BOB)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn(f"private helper {path}: Permission denied", done.stderr)

    def test_its_user_may_end_it_and_no_other(self):
        for way in WAYS:
            start = self.start(way)
            self.assert_up(start)
            self.assertNotEqual(self.host.run(rig.as_user(rig.BOB, ["/bin/kill", str(start.pid)])).returncode, 0)
            self.assert_serves(start.client)
            self.assertEqual(self.host.run(rig.as_user(rig.ALICE, ["/bin/kill", str(start.pid)])).returncode, 0)
            self.assertEqual(start.why_closed().code, "shutdown")
            self.assert_ends(start)

    def test_many_of_one_user(self):
        # which no limit of ours can prevent, as with ping(8): RLIMIT_NPROC can, which counts by the real uid
        for way in WAYS:
            starts = [self.start(way) for _ in range(8)]
            for start in starts:
                self.assert_up(start)
                self.assertEqual(rig.status(start.pid)["Uid"].split()[0], str(rig.ALICE))
            for start in starts:
                self.assert_ends(start)


class PastVulnerabilities(Case):
    @rig.defended_by("UNSIGNED_UIDS")
    def test_great_uids(self):
        self.host.configure(f"[user {GREAT_UIDS[0]}]\nmax_payload_bytes = 100\n")
        helper = self.helper(self.host, self.host.configuration.read_text())
        for uid, most_bytes in zip(GREAT_UIDS, (100, 1472)):
            self.assert_alive(helper.multiping("127.0.0.1", "::1", uid=uid), ["127.0.0.1", "::1"])
            for way in WAYS:
                start = self.start(way, uid=uid)
                self.assert_up(start)
                self.assert_ids(start.pid, way, uid)
                self.assertEqual(start.hello["limits"]["payload_bytes"], most_bytes)
                self.assert_ends(start)
                self.assert_pings(self.program(way)[0], uid=uid)

    def test_opens_nothing_of_its_users_choosing(self):
        # CVE-2009-3614: a setuid ping read any file for its user
        if rig.is_sanitized():
            return  # which is linked dynamically, and reads the address space
        for way in WAYS:
            opened, named = self.files_of(way, "poisoned_environment", "deleted_folder")
            self.assertEqual(opened, {"/dev/null", "/etc/multiping/helper.conf"})
            # the C library: whether to be careful, and where it lies itself; the helper: which network it is in
            self.assertLessEqual(named - opened, {"/", ".", "", "/etc/suid-debug", "/proc/self/exe", "/proc/self/ns/net"})

    def files_of(self, way, *attacks):
        """What the helper opened in all its life, and which paths it named at all."""
        trace = rig.temporary_folder() / "trace"
        strace = ["strace", "-f", "-o", trace, "-s", "1000", "-e", "trace=%file"]
        start = self.start(way, *attacks, as_user=lambda *words, **options: [*strace, *rig.as_user(*words, **options)])
        self.assert_up(start)
        self.assert_serves(start.client)
        self.assert_ends(start)
        lines = trace.read_text().partition(f'execve("{self.program(way)[0]}"')[2].splitlines()[1:]
        calls = [match.groups() for match in (re.search(r' (\w+)\([^"]*"([^"]*)"', line) for line in lines) if match]
        return {path for call, path in calls if call.startswith("open")}, {path for _, path in calls}

    @rig.defended_by(ALL_WALLS)
    def test_leaves_no_core(self):
        # CVE-2025-4598: a core of a setuid program was read; here its parent would have liked one
        folder = rig.temporary_folder()
        folder.chmod(0o777)
        start = self.start_with_ambient_capability("limit=core:18446744073709551615", f"folder={folder}", "wait")
        self.assert_up(start)
        helper = int(Path(f"/proc/{start.pid}/task/{start.pid}/children").read_text())
        os.kill(helper, signal.SIGSEGV)
        self.assertEqual(self.assert_ends(start, 128 + signal.SIGSEGV), "", "it left a core")
        self.assertEqual(os.listdir(folder), [])


class Library(Case):
    """CVE-2025-49809: mtr's MTR_PACKET, and its search in the working folder, named the program that was run with rights."""

    def setUp(self):
        super().setUp()
        self.folder = rig.temporary_folder()
        self.folder.chmod(0o777)
        self.ran = self.folder / "ran"
        self.evil = self.folder / "multiping-helper-private"
        self.evil.write_text(f"#!/bin/sh\n: > {self.ran}\n")
        self.evil.chmod(0o755)

    def test_runs_the_program_that_is_compiled_in_and_searches_for_none(self):
        trace = self.folder / "trace"
        argv = rig.as_user(rig.ALICE, ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.folder, "/usr/bin/strace", "-f", "-s", "1000", "-o",
                                       trace, "-e", "trace=%process,%file", rig.program("multiping"), "127.0.0.1"])
        done = self.host.run(argv, env=rig.environment(
            PATH=f"{self.folder}:.:/usr/bin", ASAN_OPTIONS="detect_leaks=0"))  # which cannot be done under strace
        self.assertEqual(done.returncode, 4, done.stderr)
        after = trace.read_text().partition(" execve(")[2]
        compiled_in, = set(re.findall(r'exec\w*\((?:AT_FDCWD, )?"([^"]*)"', after))
        self.assertRegex(compiled_in, r"^/.*/libexec/multiping/multiping-helper-private$")
        self.assertEqual(set(re.findall(r'"([^"]*multiping-helper-private)"', after)), {compiled_in})
        self.assertFalse(self.ran.exists())

    def test_no_variable_counts_in_a_setuid_program(self):
        program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/attack/setuid_client")
        for mode in (0o755, 0o4755):  # the first shows that the second would be seen
            os.chown(program, rig.BOB, 0)
            program.chmod(mode)
            self.ran.unlink(missing_ok=True)
            for variables in ({"MULTIPING_HELPER": str(self.evil)}, {"MULTIPING_SOCKET": str(self.folder / "evil.sock")}):
                done = self.host.run(rig.as_user(rig.ALICE, [program], no_new_privs=False), env=rig.environment(**variables))
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertEqual("evil.sock" in done.stdout or str(self.evil) in done.stdout, mode == 0o755, done.stdout)
                if "MULTIPING_HELPER" in variables:
                    self.assert_run(mode == 0o755)

    def assert_run(self, was_run):
        """Whether it ran may be to be seen a moment later: the library's helper is no child of its program's."""
        deadline = time.monotonic() + (rig.START_SECONDS if was_run else 0.2)
        while not self.ran.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(self.ran.exists(), was_run)


if __name__ == "__main__":
    hostile.main()
