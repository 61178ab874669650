# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What helpers call of the kernel, as strace sees it. While they serve: each rule of the filter is there for a call that a normal run
makes, or for the reason that stands here; a call that has no rule ends the helper, and so fails every test. While they start: the files
that they open, the programs that they execute and the sockets that they connect to are those that stand here."""

import contextlib
import re
import signal
import socket
import subprocess

import rig
from client_from_specification import CANCELLED, ICMP_ERROR, REPLY, SEND_ERROR, TIMEOUT, Client, Closed, Fault
from service_manager import LAUNCH, Manager
from taken_over import DESCRIPTORS

STRACE = ["/usr/bin/strace", "-D", "-f", "-e", "signal=none", "-o"]

# Rules of helper/sandbox_table.c, as (call, argument 0), that a run like those below may do without, and why they are there.
SOMETIMES = {
    ("clock_gettime", "ANY"): "where the vDSO cannot read the clock: some virtual machines, a clock source that was found wrong",
    ("getrandom", "ANY"): "the C library seeds its allocator's checks when it first frees something of some size",
    ("brk", "ANY"): "the allocator, by what the start has left of the heap",
    ("mmap", "ANY"): "the allocator, above 128 KiB",
    ("munmap", "ANY"): "the same, when it is freed",
    ("mremap", "ANY"): "the same, when it grows",
}
# And those for what no such run does.
NEVER = {
    ("mprotect", "ANY"): "an allocator that cannot grow the break; musl's in any case",
    ("madvise", "ANY"): "the same, when it gives memory back; musl's does so at any time",
    ("writev", "LOG"): "last words of the C library: abort(3), assert(3), a smashed stack (unit.sandbox)",
    ("gettid", "ANY"): "abort(3)",
    ("getpid", "ANY"): "abort(3)",
    ("rt_sigprocmask", "ANY"): "abort(3)",
    ("rt_sigaction", "ANY"): "abort(3)",
    ("rt_sigreturn", "ANY"): "the handler of the timer that bounds close(2), without SO_PASSRIGHTS",
    ("recvmsg", "CLIENT"): "the look for descriptors that a client sends, without SO_PASSRIGHTS",
    ("setitimer", "ANY"): "the timer that bounds close(2), without SO_PASSRIGHTS",
}

NUMBERS = {"LOG": ("LOG", "LOG"), "MANAGER": ("MANAGER", "MANAGER"), "EPOLL": ("EPOLL", "EPOLL"), "ROUTES": ("ROUTES", "ROUTES"),
           "RECEIVE": ("RECEIVE_IPV4", "RECEIVE_IPV6"), "LISTENER": ("FIRST_LISTENER", "LAST_LISTENER"),
           "SEND": ("FIRST_SEND", "LAST_SEND"), "CLIENT": ("FIRST_CLIENT", "LIMIT")}  # from, to
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")
OPTIONS = {"0x53": "CLIENT_SOCKET_PASSRIGHTS"}  # those that strace does not know yet


def rules_of_the_filter():
    """{(call, argument 0 or option)}, as the table in the source has them."""
    table = (rig.SOURCE / "helper/sandbox_table.c").read_text()
    rules = re.findall(r"^\tALLOW(?:_IF)?\((\w+), (\w+)(.*)", table, re.MULTILINE)
    return {(call, (re.findall(r"EQUAL\(2, (\w+)\)", checks) or [which])[0]) if call == "getsockopt" else (call, which)
            for call, which, checks in rules}


class Trace:
    """The calls of one helper: `start`, since @program was executed, and `serving`, since its filter was loaded."""

    def __init__(self, path, program, folder):
        self.program, self.folder = str(program), str(folder)
        lines = path.read_text(errors="replace").splitlines()
        executed = max(n for n, line in enumerate(lines) if f'execve("{program}"' in line and line.endswith("= 0"))
        filtered = max(n for n, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER" in line)
        self.start = [match.groups() for match in map(CALL.match, lines[executed:filtered]) if match]
        self.serving = [match.groups() for match in map(CALL.match, lines[filtered + 1:]) if match]

    @property
    def used(self):
        """The rules that it made use of, as rules_of_the_filter() has them."""
        return {self.rule(*call) for call in self.serving}

    @staticmethod
    def rule(call, arguments):
        if call == "getsockopt":
            option = arguments.split(", ")[2].split(" ")[0]
            return call, OPTIONS.get(option, option)
        first = re.match(r"(\d+)[,)]", arguments)
        sets = [name for name, (least, most) in NUMBERS.items()
                if first and DESCRIPTORS[least] <= int(first[1]) <= DESCRIPTORS[most]]
        return call, sets[0] if sets and any(rule == (call, sets[0]) for rule in rules_of_the_filter()) else "ANY"

    def reached(self, *names):
        """What files and Unix sockets those calls of its start named."""
        paths = {path for call, arguments in self.start if call in names for path in re.findall(r'"([^"]*)"', arguments)[:1]}
        return {path.replace(self.folder, "FOLDER") for path in paths}


class Case(rig.Case):
    """Runs of a helper in which it does all that it can."""

    def assert_serves_all_kinds(self, clients):
        """@clients of one helper, its last one too: all that a client can ask, and every outcome."""
        client = clients[0]
        for each in clients:
            each.hello()
        for options in ({}, {"dont_fragment": True, "ttl": 9, "tos": 4}):
            outcomes = client.ping(["127.0.0.1", "::1", "10.77.0.2", "fd00:77::2", "10.99.0.1"] * 20, **options)
            self.assertEqual({outcome[1] for outcome in outcomes}, {REPLY, SEND_ERROR})
        self.assertEqual([outcome[1] for outcome in client.ping(["10.88.0.1"], ttl=1)], [ICMP_ERROR])
        self.assertEqual(client.ping(["127.9.0.1"], timeout_us=1000)[0][1], TIMEOUT)
        id, _ = client.begin_ping(["127.9.0.1"] * 2000, timeout_us=60_000_000, interval_us=10_000)
        client.call("cancel", id=id)
        self.assertEqual({outcome[1] for outcome in client.finish(id)}, {CANCELLED})
        for scope in ("session", "owner", "helper"):
            client.call("stats", scope=scope)
        with self.assertRaises(Fault):
            client.call("ping", id=77, targets=[], timeout_us=1)
        for other in clients[1:]:
            other.ping(["10.77.0.2"])
            other.send_bytes(b"\xc1")
            with self.assertRaises(Closed):
                while True:
                    other.receive()

    def run_shared(self):
        folder = rig.temporary_folder()
        manager = Manager(self.network(), names=["helper", "container"], watchdog_us=100_000, is_service=False)
        manager.configuration_path.write_text(rig.UNLIMITED + "[listener container]\n")
        self.addCleanup(manager.close)
        manager.start(wrap=[*STRACE, folder / "trace"])
        manager.wait_for("READY=1")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(manager.connect(place))) for place in (0, 1) * 8]
            self.assert_serves_all_kinds(clients)
            manager.process.send_signal(signal.SIGSTOP)
            manager.process.send_signal(signal.SIGCONT)
            self.assertEqual(clients[0].ping(["127.0.0.1"])[0][1], REPLY)
        manager.wait_for("WATCHDOG=1")
        manager.namespace.ip("address add 10.78.0.1/24 dev veth0")  # which realms must learn of
        manager.wait_for("WATCHDOG=1")
        manager.stop()
        return Trace(folder / "trace", rig.program("multiping-helper"), manager.folder)

    def run_private(self, uid):
        folder = rig.temporary_folder()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = self.private_helper()
        argv = ["/usr/bin/python3", "-c", LAUNCH, str(theirs.fileno()), path]
        if uid != 0:
            argv = rig.as_user(uid, argv, no_new_privs=False, keep_bounding=True)
        with Client(ours) as client:
            process = self.network().popen([*STRACE, folder / "trace", *argv], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            theirs.close()
            self.assert_serves_all_kinds([client])
        self.assertEqual(process.wait(rig.START_SECONDS), 0)
        return Trace(folder / "trace", path, folder)

    def network(self):
        """A namespace with neighbours, with targets that never answer, that have no route, and that a router refuses."""
        network, far = self.linked_namespaces()
        network.drop("ip daddr 127.9.0.0/16")
        network.ip("route add unreachable 10.99.0.0/16")
        network.ip("route add 10.88.0.0/16 via 10.77.0.2")
        far.sysctl("net.ipv4.ip_forward", 1)
        return network


TRACES = {}  # of the runs, each of which serves all tests


class NormalRun(Case):
    def test_each_rule_is_needed(self):
        used = self.shared_run().used | self.private_run(rig.ALICE).used
        rules = rules_of_the_filter()
        self.assertEqual(used - rules, set(), "called without a rule, and yet alive")
        self.assertEqual(rules - used - set(SOMETIMES) - set(NEVER), set(), "rules that nothing needs")
        self.assertEqual(set(NEVER) & used, set(), "seen, and so in need of no reason")
        self.assertEqual(set(SOMETIMES | NEVER) - rules, set(), "reasons without a rule")

    def test_shared_helper_reaches_what_it_must(self):
        trace = self.shared_run()
        libraries = {path for path in trace.reached("openat") if ".so" in path}
        self.assertEqual({re.sub(r".*/([^/]+?)(\.so|$).*", r"\1", path) for path in libraries},
                         {"ld", "libmsgpackc", "libseccomp", "libcap", "libinih", "libc"})
        self.assertEqual(trace.reached("openat") - libraries, {
            "/dev/null", "FOLDER/helper.conf", "/proc/self/uid_map", "/proc/self/gid_map", "/etc/subuid", "/etc/passwd", "/etc/group"})
        self.assertEqual(trace.reached("connect"), {"FOLDER/notify"})
        self.assertEqual(trace.reached("execve"), {str(rig.program("multiping-helper"))})
        self.assertEqual(trace.reached("open", "openat2", "execveat", "unlink", "unlinkat", "rename", "chmod", "mkdir"), set())

    def test_private_helper_reaches_fixed_paths_alone(self):
        for uid, files in ((0, {"/etc/passwd", "/etc/group", "/proc/self/uid_map", "/proc/self/gid_map"}), (rig.ALICE, set())):
            trace = self.private_run(uid)
            self.assertEqual(trace.reached("openat"), {"/dev/null", "/etc/multiping/helper.conf"} | files)
            self.assertEqual(trace.reached("execve"), {trace.program})
            self.assertEqual(trace.reached("connect", "open", "openat2", "execveat", "unlink", "unlinkat", "rename", "mkdir"), set())

    def shared_run(self):
        if "shared" not in TRACES:
            TRACES["shared"] = self.run_shared()
        return TRACES["shared"]

    def private_run(self, uid):
        if uid not in TRACES:
            TRACES[uid] = self.run_private(uid)
        return TRACES[uid]


if __name__ == "__main__":
    rig.main()
