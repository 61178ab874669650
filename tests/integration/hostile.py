# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Private helpers as an administrator installs them, started by ordinary users of any intention.

A `Host` is a machine of its own as far as the private helper can tell: network, /etc, /run. What is installed there keeps its
file capability or its setuid bit, so whoever starts it goes through as_user without no_new_privs and with the bounding set that
users have."""

import atexit
import functools
import os
import re
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import confinement
import rig
from client_from_specification import Client, Closed

PARENT = rig.BUILD / "tests/integration/attack/hostile_parent"
CAPABILITY, SETUID = "file capability", "setuid"
WAYS = (CAPABILITY, SETUID)
GROUPS = (20011, 20012)  # of the users who start it
BOUNDING = rig.status(os.getpid())["CapBnd"]
USAGE, UNAVAILABLE = 64, 69        # sysexits.h, as helper/main.c ends
SIGNALS_TAKEN = 1 << 0 | 1 << 1 | 1 << 14  # SIGHUP, SIGINT, SIGTERM: by signalfd
SIGNALS_IGNORED = 1 << 12 | 1 << 24  # SIGPIPE, SIGXFSZ
RESERVED = 1 << 33 if rig.HELPERS else 0  # signal 34, which musl keeps for its threads: a program can neither ignore nor reset it

n_starts = 0  # by hostile parents, in this run


class Host(rig.Namespace):
    """A network namespace with a mount namespace, in which /etc is a folder of ours and /run is empty."""

    def __init__(self):
        self.etc = rig.temporary_folder()
        for name in ("passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache"):
            shutil.copy(f"/etc/{name}", self.etc)
        (self.etc / "multiping").mkdir()
        self.configuration = self.etc / "multiping/helper.conf"
        self.configure(rig.UNLIMITED)
        mount = f"mount --bind {self.etc} /etc && mount -t tmpfs none /run && echo done && exec cat"
        self.mounts = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", mount],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.mounts.stdout.readline() != b"done\n":
            raise RuntimeError("cannot mount")
        super().__init__()

    def close(self):
        super().close()
        self.mounts.communicate()  # which ends its input

    def command(self, argv):
        return ["nsenter", f"--mount=/proc/{self.mounts.pid}/ns/mnt", f"--net={self.path}", "--", *argv]

    def configure(self, text):
        self.configuration.unlink(missing_ok=True)
        self.configuration.write_text(text)


def install(program, way, mode=0o4755, group=0):
    """Installs a copy of @program as README says, one @way or the other; its path. @mode and @group: of a setuid one."""
    copy = rig.copy_to(rig.temporary_folder(), program)
    if way == SETUID:
        os.chown(copy, 0, group)
        copy.chmod(mode)
    elif way == CAPABILITY:
        subprocess.run(["setcap", "cap_net_raw=p", copy], check=True)
    return copy


@functools.cache
def _offset_of_environ(path):
    """Where the variable is in the program or library at @path; None: not there."""
    for option in ((), ("-D",)):
        symbols = subprocess.run(["nm", *option, path], capture_output=True, text=True).stdout
        found = re.search(r"^(\w+) [BVD] environ(@.*)?$", symbols, re.MULTILINE)
        if found:
            return int(found[1], 16)
    return None


def _is_fixed(path):
    """Whether a program lies where it was linked to (ET_EXEC), as those of musl do."""
    with open(path, "rb") as program:
        return program.read(18)[16] == 2


def environment_of(pid):
    """What getenv(3) would find in a running process: environ, read from its memory. /proc/PID/environ has what it once was."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        base, _, offset, _, _, *path = line.split(maxsplit=5)
        if path and offset == "00000000" and re.search(r"multiping-helper|/libc\.so", path[0]):
            at = _offset_of_environ(path[0])
            if at is not None:
                return _strings(pid, at if _is_fixed(path[0]) else int(base.partition("-")[0], 16) + at)
    raise RuntimeError("no environ")


def _strings(pid, address):
    with open(f"/proc/{pid}/mem", "rb") as memory:
        def pointer(at):
            memory.seek(at)
            return struct.unpack("@P", memory.read(8))[0]
        strings, array = [], pointer(address)
        while array and pointer(array):
            memory.seek(pointer(array))
            strings.append(memory.read(64).partition(b"\0")[0])
            array += 8
        return strings


class Start:
    """One start of a private helper by a parent who commits @attacks (attack/hostile_parent.c)."""

    def __init__(self, host, argv, attacks=(), uid=rig.ALICE, groups=GROUPS, as_user=rig.as_user):
        global n_starts
        n_starts += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client = Client(ours)
        parent = [PARENT, str(theirs.fileno()), *attacks, "--", *argv]
        with theirs:
            self.process = host.popen(
                as_user(uid, parent, no_new_privs=False, keep_bounding=True, groups=groups), pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        self.hello = None

    def hear(self):
        """None where it serves, else what it said instead: Closed."""
        try:
            self.hello = self.client.hello()
        except (BrokenPipeError, Closed):  # it may have gone before it was greeted
            return self.why_closed()
        return None

    def why_closed(self):
        try:
            while True:
                self.client.receive()
        except Closed as closed:
            return closed

    def end(self):
        """Hangs up, as the library does. Returns the helper's status, and what was printed."""
        self.client.close()
        try:
            output, _ = self.process.communicate(timeout=rig.START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError("it does not end with its socket") from None
        return self.process.returncode, output


def as_user_with_capability(uid, argv, **_):
    """Like rig.as_user, but with cap_net_raw in all sets, as a manager of containers might grant it to a program and its children."""
    words = "-all,+net_raw"
    return ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--inh-caps={words}",
            f"--ambient-caps={words}", *argv]


class Case(confinement.Case):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.installed = {}

    def program(self, way):
        """The command line of the helper that was installed one @way or the other; in a control, without the defence."""
        if way not in self.installed:
            name = "multiping-helper-private"
            path, *arguments = rig.program_without(self.without, name) if self.without else [rig.program(name)]
            self.installed[way] = [install(path, way), *arguments]
        return self.installed[way]

    def start(self, way, *attacks, **options):
        start = Start(self.host, self.program(way), attacks, **options)
        self.addCleanup(start.end)
        return start

    def start_with_ambient_capability(self, *attacks):
        """A helper that no file gave its capability: the kernel leaves it readable, and able to leave a core, like any process."""
        path, *arguments = self.program(CAPABILITY)
        self.installed["ambient"] = [install(path, None), *arguments]
        return self.start("ambient", *attacks, as_user=as_user_with_capability)

    def assert_ends(self, start, status=0):
        """The helper ends with its socket, and well: also no sanitizer has anything to report then."""
        actual, output = start.end()
        self.assertEqual(actual, status, output)
        return output

    def assert_up(self, start):
        said = start.hear()
        self.assertIsNone(said, said)

    def assert_refuses(self, start, words, status=UNAVAILABLE):
        """It says why, in @words (a pattern), or nothing at all where they are None, and ends with @status."""
        said = start.hear()
        self.assertIsNotNone(said, "it serves")
        if words is None:
            self.assertIsNone(said.code, said)
        else:
            self.assertRegex(str(said), words)
            self.assertEqual(said.code, "no_backend")
        self.assert_ends(start, status)
        return said

    def assert_ids(self, pid, way, uid=rig.ALICE):
        """As design's table says: of the caller, whose groups stay only where no ids were to be changed."""
        status = rig.status(pid)
        self.assertEqual((status["Uid"].split(), status["Gid"].split()), ([str(uid)] * 4, [str(uid)] * 4))
        self.assertEqual(tuple(map(int, status["Groups"].split())), GROUPS if way == CAPABILITY else ())
        self.assert_confined(pid, bounding=BOUNDING if way == CAPABILITY else "0" * 16)

    def assert_clean(self, pid):
        """Nothing of what its parent prepared is left."""
        status = rig.status(pid)
        self.assertEqual({name: int(status[name], 16) & ~RESERVED for name in ("SigBlk", "SigIgn", "SigPnd", "ShdPnd")},
                         {"SigBlk": SIGNALS_TAKEN, "SigIgn": SIGNALS_IGNORED, "SigPnd": 0, "ShdPnd": 0})
        self.assertEqual(status["Umask"], "0077")
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assert_descriptors(pid)
        self.assertEqual(rig.descriptors(pid)[2], "/dev/null")
        self.assertEqual(environment_of(pid), [])
        limits = Path(f"/proc/{pid}/limits").read_text()
        for name, limit in (("core file size", 0), ("open files", 72), ("processes", 0), ("file size", 0)):
            self.assertRegex(limits, rf"Max {name} +{limit} +{limit} ")
        self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, 0)  # the kernel's sign of a process that is not dumpable

    def assert_serves_untouched(self, start, way):
        self.assert_up(start)
        self.assert_ids(start.pid, way)
        self.assert_clean(start.pid)
        self.assert_serves(start.client)
        self.assert_ends(start)


def main():
    atexit.register(lambda: print(f"{n_starts} starts by hostile parents, {len(WAYS)} installs"))
    rig.main()
