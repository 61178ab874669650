# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The rig of the integration tests: network namespaces, helpers, users without privilege.

Everything belongs to the test that asked for it and goes with it. A network namespace lives as long as its anchor, a `cat` that
reads from this process: whatever becomes of the test, even SIGKILL, the pipe closes, `cat` ends, and the kernel takes the
namespace with its links, routes and rules. Nothing here has a name that two runs could share.

The programs under test are those that an administrator would install: `cmake --install` into a fresh folder which any user
can enter, once for each test file. Who pings is a user without any capability (as_user.c), not root.

    class Loopback(rig.Case):
        def test_one_host_alive(self):
            helper = self.helper(self.namespace())
            self.assertEqual(helper.multiping("127.0.0.1").stdout, "127.0.0.1 is alive\\n")

    if __name__ == "__main__":
        rig.main()
"""

import atexit
import contextlib
import ctypes
import functools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MULTIPING_BUILD", SOURCE / "build/release"))
AS_USER = BUILD / "tests/integration/as_user"
ALICE, BOB, CAROL = 20001, 20002, 20003  # uid and gid; accounts of these numbers need not exist
START_SECONDS = 20         # for a helper to listen: generous, since sanitizers and a busy machine are slow
HELPER_NAMES = "multiping-helper", "multiping-helper-private"
SKIPPED = 77               # what CTest takes for "skipped" (SKIP_RETURN_CODE)
# "ping": every helper of every test has ICMP datagram sockets instead of raw ones; CTest runs the suite once more that way.
SOCKET_KIND = os.environ.get("MULTIPING_SOCKET_KIND", "raw")
ALL_GROUPS = "0 2147483647"
# Prefix of a helper without the capability that forces buffers: it gets receive buffers of the size that the system allows everybody, at most
# what it asks for.
USUAL_BUFFERS = ["setpriv", "--bounding-set", "-net_admin"]
# Helpers that were built otherwise, with another C library, to be installed in the place of the build's: a folder.
HELPERS = os.environ.get("MULTIPING_HELPERS")

# A test whose subject is not a limit runs without any.
UNLIMITED = """
[helper]
total_packets_per_second = unlimited
destination_packets_per_second = unlimited
[limits]
packets_per_second = unlimited
burst_packets = unlimited
max_probes_in_flight = unlimited
max_connections = unlimited
max_payload_bytes = unlimited
"""


def is_sanitized():
    """Whether the build has the address sanitizer in it."""
    return "-fsanitize=address" in (BUILD / "build.ninja").read_text()


def temporary_folder():
    """A new folder that every user can enter and nobody but root can write to."""
    path = Path(tempfile.mkdtemp(prefix="multiping-test-", dir="/tmp"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def copy_to(folder, path):
    """A copy of the program at @path which every user can run, wherever the build may be."""
    copy = Path(shutil.copy(path, folder))
    copy.chmod(0o755)
    return copy


@functools.cache
def installed():
    """The prefix into which the build was installed, once for each test program."""
    prefix = temporary_folder()
    # "Unspecified" is all there is, and has a manifest of its own: install_manifest.txt, to uninstall by, is the administrator's.
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix, "--component", "Unspecified"], check=True,
                   stdout=subprocess.DEVNULL, umask=0o022)
    for name in HELPER_NAMES if HELPERS else ():
        copy_to(prefix / "libexec/multiping", Path(HELPERS) / name)
    return prefix


def program(name):
    """The installed program: multiping, multiping-helper or multiping-helper-private."""
    folder = "bin" if name == "multiping" else "libexec/multiping"
    return installed() / folder / name


def environment(**more):
    """The environment for programs under test: nothing of ours but the path to the library that was just installed."""
    libraries = {path.parent for path in installed().glob("lib/**/libmultiping.so*")}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "LD_LIBRARY_PATH": ":".join(sorted(map(str, libraries))), **more}


def as_user(uid, argv, no_new_privs=True, keep_bounding=False, groups=()):
    """The command line that runs @argv (absolute path first) as @uid with no privilege at all."""
    options = ["--no-new-privs"] * no_new_privs + ["--keep-bounding"] * keep_bounding
    options += [f"--group={group}" for group in groups]
    return [AS_USER, *options, str(uid), str(uid), *argv]


def with_socket_kind(configuration):
    """@configuration, and SOCKET_KIND where that matters and nothing else is said."""
    if SOCKET_KIND == "raw" or "socket =" in configuration:
        return configuration
    return configuration + "\n[helper]\nsocket = ping\n"


def raw_only(reason):
    """For a test whose subject raw sockets alone have, for the @reason: left out where there are ping sockets."""
    def decorate(test):
        @functools.wraps(test)
        def run(*arguments):
            if SOCKET_KIND == "raw":
                test(*arguments)
            else:
                print(f"left out with ping sockets: {reason}")
        return run
    return decorate


def status(pid):
    """/proc/PID/status as {name: text}."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def descriptors(pid):
    """What each open descriptor of a process is: {number: "socket:[1234]", ...}."""
    folder = Path(f"/proc/{pid}/fd")
    return {int(name): os.readlink(folder / name) for name in os.listdir(folder)}


def peak_resident_bytes(pid):
    """The most memory that the process ever had resident, from its own /proc entry while it lives. Not from wait4(): that
    figure survives exec and would be this interpreter's."""
    return int(status(pid)["VmHWM"].split()[0]) * 1024


def processor_seconds(pid):
    """User and system time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wants_to_run(pid, seconds=1):
    """The share of the next second in which that process runs or waits for a processor."""
    def read():
        running_ns, waiting_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return (int(running_ns) + int(waiting_ns)) / 1e9
    before, begin = read(), time.monotonic()
    time.sleep(seconds)
    return (read() - before) / (time.monotonic() - begin)


class Namespace:
    """A network namespace of its own with `lo` up: 127.0.0.0/8 and ::1 answer."""

    def __init__(self):
        self.anchor = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
        self.path = f"/proc/{self.anchor.pid}/ns/net"
        ours = os.readlink("/proc/self/ns/net")
        while os.readlink(self.path) == ours:
            if self.anchor.poll() is not None:
                raise RuntimeError("cannot make a network namespace")
            time.sleep(0.001)
        self.ip("link set lo up")
        if SOCKET_KIND == "ping":
            self.sysctl("net.ipv4.ping_group_range", ALL_GROUPS)

    def close(self):
        self.anchor.stdin.close()
        self.anchor.wait()

    def command(self, argv):
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def popen(self, argv, **options):
        """Starts @argv in here; text mode, environment() unless given."""
        options.setdefault("env", environment())
        return subprocess.Popen(self.command(argv), text=True, **options)

    def run(self, argv, input="", timeout=120, **options):
        """Runs @argv in here to its end and returns the CompletedProcess with stdout and stderr as text."""
        options.setdefault("env", environment())
        return subprocess.run(self.command(argv), input=input, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    @contextlib.contextmanager
    def entered(self):
        """While the block runs this thread is in here, and so is what it starts."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as ours, open(self.path) as theirs:
            if libc.setns(theirs.fileno(), 0) < 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(ours.fileno(), 0)

    def socket(self, *kind):
        """A socket of our own that lives in here."""
        with self.entered():
            return socket.socket(*kind)

    def _configure(self, argv, input=""):
        done = subprocess.run(self.command(argv), input=input, text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")

    def ip(self, words):
        """`ip WORDS`, as in ip("-6 route add local fd00:1::/64 dev lo")."""
        self._configure(["ip", *words.split()])

    def sysctl(self, name, value):
        self._configure(["sysctl", "-q", "-w", f"{name}={value}"])

    def nft(self, rules):
        """Loads nftables @rules, in the syntax of `nft -f`."""
        self._configure(["nft", "-f", "-"], input=rules)

    def drop(self, *matches):
        """Makes incoming packets that match vanish, as in drop("ip daddr 127.9.0.0/16")."""
        rules = "\n".join(f"{match} drop" for match in matches)
        self.nft("table inet silence { chain input { type filter hook input priority 0; "
                 f"policy accept;\n{rules}\n}}\n}}\n")

    def connect(self, other, ours="veth0", theirs="veth0"):
        """Lays a cable to @other: a link named @ours in here and @theirs in there, both up."""
        self.ip(f"link add {ours} type veth peer name {theirs} netns {other.anchor.pid}")
        self.ip(f"link set {ours} up")
        other.ip(f"link set {theirs} up")

    def add_addresses(self, link, *addresses):
        """Gives @link addresses like 10.0.0.1/24 or fd00::1/64, usable at once (no duplicate address detection)."""
        for address in addresses:
            self.ip(f"address add {address} dev {link}" + (" nodad" if ":" in address else ""))

    def know_neighbours(self, other, *addresses, link="veth0"):
        """Makes @other's @addresses on the cable @link known for good: no discovery, never forgotten."""
        hardware = json.loads(other.run(["ip", "-j", "link", "show", link]).stdout)[0]["address"]
        for address in addresses:
            self.ip(f"neighbour replace {address} dev {link} lladdr {hardware} nud permanent")


@functools.cache
def program_without(defence, name):
    """The command line of the helper called @name without one of its @defences (attack/without_defence.c)."""
    copy = copy_to(temporary_folder(), BUILD / f"tests/integration/attack/{name}-without-defence")
    return [copy, "--without-defence", defence]


def defended_by(*defences):
    """For a test that attacks helpers: it must pass, and must fail where one of the @defences is switched off, which
    shows that it would see the attack succeed. Helpers of Case know by themselves which one is off."""
    def decorate(test):
        @functools.wraps(test)
        def attack(case):
            test(case)
            if case.without or is_sanitized() or SOCKET_KIND != "raw" or HELPERS:  # the controls run once: in the plain build
                return
            for defence in defences:
                control, outcome = type(case)(case._testMethodName), unittest.TestResult()
                control.without = defence
                outcome.failfast = True  # of its subtests, too
                control.run(outcome)
                if not outcome.failures:  # an error is the test's own, and shows nothing
                    case.fail(f"the same without {defence} did not fail: {outcome}\n"
                              + "".join(text for _, text in outcome.errors))
                seen = [line for line in outcome.failures[0][1].splitlines() if line.startswith("AssertionError")]
                print(f"without {defence}: {seen[-1][:160]}")
        return attack
    return decorate


class Helper:
    """A shared helper that listens in a folder of its own, started by root, or by @uid without any privilege."""

    def __init__(self, namespace, configuration=UNLIMITED, arguments=(), without=None, prefix=(), uid=None):
        self.namespace = namespace
        self.folder = temporary_folder()
        self.socket = self.folder / "multiping.sock"
        self.log_path = self.folder / "log"
        configuration_path = self.folder / "helper.conf"
        configuration_path.write_text(with_socket_kind(configuration))
        start = program_without(without, "multiping-helper") if without else [program("multiping-helper")]
        self.argv = [*prefix, *start, "--listen", self.socket,
                     "--config", configuration_path, *arguments]
        if uid:
            os.chown(self.folder, uid, uid)
            self.argv = as_user(uid, self.argv)
        self.start()

    def start(self):
        """Starts the helper, as it was made, or again after it had ended; returns when it listens."""
        with self.log_path.open("a") as log:
            self.process = self.namespace.popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        atexit.register(self.process.kill)  # where the test is interrupted; else it has ended by then
        self.pid = self.process.pid  # nsenter becomes the helper: no process between
        self.was_killed = False
        self._wait_until_it_serves()

    def _wait_until_it_serves(self):
        """Until it answers: it listens before its signals and its sandbox are in place."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with self.connect() as connection:
                    connection.settimeout(START_SECONDS)
                    connection.send(b"\xc1")  # not MessagePack, which it says
                    if connection.recv(1):
                        return
            except (FileNotFoundError, ConnectionError):
                time.sleep(0.01)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"the helper does not serve; it said:\n{self.log()}")

    def connect(self, uid=0):
        """A new connection to the helper, which knows it as @uid's; the caller closes it."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.setegid(uid)
        os.seteuid(uid)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        finally:
            os.seteuid(0)
            os.setegid(0)
        return connection

    def log(self):
        return self.log_path.read_text()

    def kill(self):
        """For tests in which the helper dies; stop() is then satisfied."""
        self.was_killed = True
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends the helper by SIGTERM. It must have lived until now and end well: a helper that a sanitizer or the
        system-call filter killed fails the test that used it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            ended = self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the helper did not end on SIGTERM") from None
        if ended != 0 and not self.was_killed:
            raise AssertionError(f"the helper ended with {ended}; it said:\n{self.log()}")

    def command(self, *arguments, uid=ALICE, **options):
        """The command line of a `multiping` that asks this helper, as a user without privilege."""
        argv = [program("multiping"), "--socket", self.socket, *arguments]
        return as_user(uid, argv, **options)

    def multiping(self, *arguments, uid=ALICE, input="", timeout=120):
        """Runs `multiping ARGUMENTS` against this helper, in its namespace, as @uid without privilege."""
        return self.namespace.run(self.command(*arguments, uid=uid), input=input, timeout=timeout)


class Case(unittest.TestCase):
    """A test case that gives out namespaces and helpers and takes them back."""

    maxDiff = None
    without = None  # the defence that is switched off, in a control of defended_by()

    def namespace(self):
        namespace = Namespace()
        self.addCleanup(namespace.close)
        return namespace

    def helper(self, namespace, configuration=UNLIMITED, arguments=(), lacking=None, prefix=(), uid=None):
        """@lacking: a defence that this kernel has and older ones do not, switched off to try the one that it falls back to. @prefix:
        a command that becomes the helper, as `nice` would."""
        without = ",".join(filter(None, (lacking, self.without)))
        helper = Helper(namespace, configuration, arguments, without, prefix, uid)
        self.addCleanup(helper.kill if self.without else helper.stop)  # that a control ends well is not asked
        return helper

    def linked_namespaces(self, network="10.77.0", network6="fd00:77:"):
        """Two namespaces on one cable, `veth0` in both: the first has .0.1/16 and ::1/64, the second .0.2 and ::2."""
        first, second = self.namespace(), self.namespace()
        first.connect(second)
        first.add_addresses("veth0", f"{network}.1/16", f"{network6}:1/64")
        second.add_addresses("veth0", f"{network}.2/16", f"{network6}:2/64")
        return first, second

    def private_helper(self):
        """A copy of the private helper for users to start, which carries cap_net_raw=p unless ping sockets are to do; its path."""
        path = copy_to(temporary_folder(), program("multiping-helper-private"))
        if SOCKET_KIND == "raw":
            subprocess.run(["setcap", "cap_net_raw=p", path], check=True)
        return path

    def assert_alive(self, done, hosts):
        """@done is a `multiping` in default mode that found each of @hosts alive, in whatever order."""
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(done.stdout.splitlines()),
                         sorted(f"{host} is alive" for host in hosts))


def main():
    """Runs the tests of the calling program. Who cannot run them says so: 77, which with CI=true is a failure."""
    lacking = None
    if os.geteuid() != 0:
        lacking = "network namespaces need root"
    elif HELPERS and not all((Path(HELPERS) / name).exists() for name in HELPER_NAMES):
        lacking = f"no helpers in {HELPERS}"
    if lacking:
        print(f"skipped: {lacking}")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is at exit is done
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    result = unittest.main(exit=False, verbosity=2).result
    if result.skipped and os.environ.get("CI") == "true":
        print("a skipped test is a failed one where CI=true")
        sys.exit(1)
    sys.exit(0 if result.wasSuccessful() else 1)
