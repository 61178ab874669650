# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What somebody who runs code of his own inside a helper can do: what SECURITY.md says, and no more.

Every attack is tried in a fresh process for each way to start a helper. Most die of the filter. For those that it is not alone
to stop, the lines behind it are tried with the filter, and what else stands in front, switched off."""

import errno
import functools
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

import rig
import taken_over
from taken_over import Intruder, Killed, NOBODYS_POINTER, SEND_IPV4, SEND_IPV6, STARTS, PrivateByRoot, PrivateSetuid, \
    PrivateWithFileCapability, PrivateWithPingSockets, SharedByRoot, SharedService, control, icmp, ipv4, ipv6

AT_FDCWD = -100
CROWD = 20031  # a group that may what its members may not by themselves
SHARED = (SharedByRoot, SharedService)
OF_ITS_CALLER = (PrivateWithFileCapability, PrivateSetuid, PrivateWithPingSockets)   # runs as the user who started it
WITH_EMPTY_ROOT = (SharedByRoot, PrivateByRoot, PrivateSetuid)
WITH_RAW_SOCKETS = tuple(kind for kind in STARTS if kind != PrivateWithPingSockets)
ROUTES = taken_over.DESCRIPTORS["ROUTES"]
RAW = (6, 7, SEND_IPV4, SEND_IPV4 + 8, SEND_IPV6)
KILLED, REFUSED = "killed", {"EPERM", "EACCES"}

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE = 1, 2, 0x20, 0x4000
IP_HDRINCL, IPV6_HDRINCL, SO_MARK, SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_PEERGROUPS = 3, 36, 36, 26, 27, 59
SOL_IP, SOL_IPV6 = 0, 41
PTRACE_ATTACH = 16
SCM_RIGHTS = socket.SCM_RIGHTS


class Module:
    """What the rig's Case gives to one test, for all of them."""
    without = None
    addCleanup = staticmethod(unittest.addModuleCleanup)
    namespace = rig.Case.namespace


@functools.cache
def kept(kind, off):
    """A helper of that kind for all tests but controls: attacks have processes of their own, and leave nothing."""
    return kind(Module(), off)


class OfACrowd:
    """Started by a member."""
    groups = (CROWD,)


class SharedByRootOfACrowd(OfACrowd, SharedByRoot):
    pass


class PrivateByRootOfACrowd(OfACrowd, PrivateByRoot):
    pass


class PrivateSetuidOfACrowd(OfACrowd, PrivateSetuid):
    pass


class TakenOver(rig.Case):
    n_attacks = 0

    def outcome(self, start, attack):
        """What @attack comes to in a fresh process of @start: its result, the name of an errno, or how the process ended."""
        TakenOver.n_attacks += not self.without
        with Intruder(start) as intruder:
            try:
                return attack(intruder)
            except OSError as error:
                return errno.errorcode[error.errno]
            except Killed as killed:
                return KILLED if killed.by_filter else str(killed)

    def assert_all(self, expected, attacks, starts=STARTS, off=()):
        """@attacks, as {what: arguments of Intruder.call(), or a function of the Intruder}, have those outcomes and no other."""
        for kind in starts:
            start = kind(self, off) if self.without else kept(kind, tuple(off))
            outcomes = {what: self.outcome(start, attack if callable(attack) else lambda intruder, call=attack: intruder.call(*call))
                        for what, attack in attacks.items()}
            self.assertEqual({what: outcome for what, outcome in outcomes.items() if outcome not in expected}, {}, kind.__name__)


def tearDownModule():
    print(f"{TakenOver.n_attacks} attacks on helpers in {len(STARTS)} starts")


class Sockets(TakenOver):
    """The raw sockets stay where they are, and send what they are for."""

    @rig.defended_by("PINNED_DESCRIPTORS")
    def test_raw_socket_does_not_reach_an_accomplice(self):
        gained = []

        def hand_over(fd):
            def attack(intruder):
                try:
                    return intruder.sendmsg(intruder.client, bytes(8), control=control(socket.SOL_SOCKET, SCM_RIGHTS, struct.pack("=i", fd)))
                finally:
                    gained.extend(intruder.descriptors)
            return attack

        self.assert_all({KILLED}, {fd: hand_over(fd) for fd in RAW})
        self.assertEqual(gained, [])

    @rig.defended_by("PINNED_DESCRIPTORS")
    def test_no_client_gets_the_number_of_a_raw_socket(self):
        # where it had it, what may be sent there could be sent to a client: descriptors
        for kind in SHARED:
            start = kind(self)
            with Intruder(start) as intruder, start.connect() as accomplice:
                accomplice.settimeout(taken_over.PATIENCE_SECONDS)
                with self.assertRaises(Killed) as caught:
                    intruder.call("close", SEND_IPV4)
                    self.assertNotEqual(intruder.call("accept4", 8, 0, 0, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC), SEND_IPV4)
                self.assertTrue(caught.exception.by_filter)

    @rig.defended_by("FILLED_DESCRIPTORS")
    def test_no_number_below_the_clients_is_free(self):
        for kind in SHARED:
            try:
                with Intruder(kind(self)) as intruder:
                    self.assertGreaterEqual(intruder.client, taken_over.CLIENT)
            except (Killed, ConnectionResetError):  # it has the number of something else, which is not served
                self.fail(kind.__name__)

    @rig.defended_by("PINNED_DESCRIPTORS")
    def test_each_descriptor_is_for_its_own_calls(self):
        client, pointer = taken_over.CLIENT, NOBODYS_POINTER
        self.assert_all({KILLED}, {
            "close a raw socket": ("close", SEND_IPV4),
            "close minus one": ("close", -1),
            "close, upper half set": ("close", 1 << 32 | client),
            "send many to a client": ("sendmsg", client, pointer, 0),
            "send on a receive socket": ("sendto", 6, pointer, 1, 0, pointer, 16),
            "send on a receive socket with options": ("sendmsg", 6, pointer, 0),
            "read a raw socket": ("recvfrom", SEND_IPV4, pointer, 1, 0, 0, 0),
            "take descriptors of a client": ("recvmmsg", client, pointer, 1, socket.MSG_DONTWAIT, 0),
            "read what is not ours": ("read", 0, pointer, 1),
            "write to a client": ("write", client, pointer, 1),
            "wait in another epoll": ("epoll_pwait2", client, pointer, 1, pointer),
            "watch in another epoll": ("epoll_ctl", client, 1, 3, pointer),
        })

    @rig.defended_by("CHECKED_ARGUMENTS")
    def test_clients_get_messages_without_address(self):
        self.assert_all({KILLED}, {
            "addressed": ("sendto", taken_over.CLIENT, b"x", 1, 0, ipv4("127.0.0.1"), 16),
            "address in the upper half": ("sendto", taken_over.CLIENT, b"x", 1, 0, 1 << 32, 16),
        })

    @rig.defended_by("CHECKED_ARGUMENTS")
    def test_private_helper_asks_nobody_who_he_is(self):
        # it knew before the filter; the shared one asks whoever comes
        attacks = {option: ("getsockopt", taken_over.CLIENT, socket.SOL_SOCKET, option, bytes(16), struct.pack("=I", 16))
                   for option in (socket.SO_PEERCRED, SO_PEERGROUPS)}
        self.assert_all({KILLED}, attacks, starts=OF_ITS_CALLER + (PrivateByRoot,))
        self.assert_all({0}, attacks, starts=SHARED if not self.without else ())

    @rig.defended_by("FILTER")
    def test_no_descriptor_is_made_moved_or_shut(self):
        client = taken_over.CLIENT
        self.assert_all({KILLED}, {
            "socket": ("socket", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
            "stream": ("socket", socket.AF_INET, socket.SOCK_STREAM, 0),
            "Unix socket": ("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0),
            "pair": ("socketpair", socket.AF_UNIX, socket.SOCK_STREAM, 0, bytes(8)),
            "connect": ("connect", SEND_IPV4, ipv4("127.0.0.1"), 16),
            "bind": ("bind", SEND_IPV4, ipv4("127.0.0.1"), 16),
            "listen": ("listen", client, 1),
            "receive with control data": ("recvmsg", client, NOBODYS_POINTER, 0),
            "send many": ("sendmmsg", client, NOBODYS_POINTER, 1, 0),
            "dup": ("dup", SEND_IPV4),
            "dup2": ("dup2", client, SEND_IPV4),
            "dup3": ("dup3", client, SEND_IPV4, 0),
            "fcntl": ("fcntl", SEND_IPV4, 0, client),
            "close_range": ("close_range", 3, 63, 0),
            "shutdown": ("shutdown", 6, socket.SHUT_RDWR),
            "ioctl": ("ioctl", SEND_IPV4, 0x8927, NOBODYS_POINTER),
            "pipe": ("pipe2", bytes(8), 0),
            "io_uring": ("io_uring_setup", 1, bytes(120)),
        })

    @rig.defended_by("FILTER")
    def test_no_option_is_set(self):
        on = struct.pack("=i", 1)
        self.assert_all({KILLED}, {(fd, level, option): ("setsockopt", fd, level, option, on, 4) for fd, level, option in (
            (SEND_IPV4, SOL_IP, IP_HDRINCL), (SEND_IPV6, SOL_IPV6, IPV6_HDRINCL), (SEND_IPV4, socket.SOL_SOCKET, socket.SO_BROADCAST),
            (6, 255, 1), (6, socket.SOL_SOCKET, SO_DETACH_FILTER), (taken_over.CLIENT, socket.SOL_SOCKET, socket.SO_PASSCRED),
            (taken_over.CLIENT, socket.SOL_SOCKET, socket.SO_LINGER))})

    @rig.defended_by("FILTER")
    def test_no_packet_has_a_foreign_header(self):
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 1, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton("8.8.8.8"),
                             socket.inet_aton("127.0.0.1")) + struct.pack("!HHHH", 53, 53, 16, 0) + b"forged.."

        def forge(intruder):
            intruder.call("setsockopt", SEND_IPV4, SOL_IP, IP_HDRINCL, struct.pack("=i", 1), 4)
            return intruder.sendmsg(SEND_IPV4, packet, ipv4("127.0.0.1"))

        for kind in STARTS:
            start = kind(self)
            with start.namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800)) as tap:
                result = self.outcome(start, forge)
                tap.setblocking(False)
                try:
                    self.fail(f"{kind.__name__}: {tap.recv(2048)[:20].hex()} was on the wire")
                except BlockingIOError:
                    self.assertEqual(result, KILLED)

    def test_source_is_one_of_the_hosts_own(self):
        # the kernel's own check, for whoever has no right to set IP_TRANSPARENT
        def send4(source):
            info = control(SOL_IP, 8, struct.pack("=i4s4s", 0, socket.inet_aton(source), bytes(4)))  # IP_PKTINFO
            return lambda intruder: intruder.sendmsg(SEND_IPV4, icmp(8), ipv4("127.0.0.1"), info)

        def send6(source):
            info = control(SOL_IPV6, 50, socket.inet_pton(socket.AF_INET6, source) + bytes(4))  # IPV6_PKTINFO
            return lambda intruder: intruder.sendmsg(SEND_IPV6, icmp(128), ipv6("::1"), info)

        self.assert_all({"ENETUNREACH"}, {"8.8.8.8": send4("8.8.8.8")})
        self.assert_all({"EINVAL"}, {"2001:db8::1": send6("2001:db8::1")})
        self.assert_all({64}, {"127.0.0.9": send4("127.0.0.9"), "::1": send6("::1")})

    @rig.defended_by("DROP_CAPABILITIES")
    def test_marks_need_a_right_that_is_gone(self):
        mark = control(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", 7))
        self.assert_all(REFUSED, {"SO_MARK": lambda intruder: intruder.sendmsg(SEND_IPV4, icmp(8), ipv4("127.0.0.1"), mark)})

    @rig.defended_by("DROP_CAPABILITIES")
    def test_netlink_socket_changes_nothing(self):
        address = struct.pack("=BBBBI", socket.AF_INET, 8, 0, 0, 1) + struct.pack("=HH4s", 8, 2, socket.inet_aton("10.9.9.9"))
        message = struct.pack("=IHHII", 16 + len(address), 20, 0x5 | 0x400, 1, 0) + address  # RTM_NEWADDR, acknowledged
        realm = rig.temporary_folder() / "container.sock"

        def add_address(intruder):
            intruder.call("sendto", ROUTES, message, len(message), 0, 0, 0)
            while True:
                place = intruder.place(bytes(8192))
                n, back = intruder.call("recvfrom", ROUTES, place, 8192, 0, 0, 0, n_back=8192)
                kind = struct.unpack_from("=H", back, 4)[0]
                if n >= 20 and kind == 2:  # NLMSG_ERROR, which acknowledges too
                    return errno.errorcode.get(-struct.unpack_from("=i", back, 16)[0], "changed it")

        start = SharedByRoot(self, configuration=f"[listener container]\npath = {realm}\n")
        start.socket = realm  # the first, which is the one that it looks at
        self.assertEqual(self.outcome(start, add_address), "EPERM")

    @rig.defended_by("LOCKED_FILTERS")
    def test_packet_filters_stay(self):
        program = struct.pack("=HxxxxxxQ", 1, NOBODYS_POINTER)
        self.assert_all(REFUSED, {(fd, option): ("setsockopt", fd, socket.SOL_SOCKET, option, program, len(program))
                                  for fd in RAW for option in (SO_ATTACH_FILTER, SO_DETACH_FILTER)},
                        starts=WITH_RAW_SOCKETS, off=["FILTER"])  # ping sockets have none


class Memory(TakenOver):
    @rig.defended_by("CHECKED_ARGUMENTS")
    def test_no_memory_becomes_code_or_a_file(self):
        anonymous = MAP_PRIVATE | MAP_ANONYMOUS
        self.assert_all({KILLED}, {
            "map": ("mmap", 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, anonymous, -1, 0),
            "map, nothing but code": ("mmap", 0, 4096, PROT_EXEC, anonymous, -1, 0),
            "protect": lambda intruder: intruder.call("mprotect", intruder.memory & ~4095, 4096, PROT_READ | PROT_EXEC),
            "file": ("mmap", 0, 4096, PROT_READ, MAP_PRIVATE, 0, 0),
            "file, code": ("mmap", 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0, 0),
            "shared": ("mmap", 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        })

    @rig.defended_by("FILTER")
    def test_no_code_from_elsewhere(self):
        self.assert_all({KILLED}, {
            "execve": ("execve", b"/bin/true\0", bytes(8), bytes(8)),
            "execveat": ("execveat", 0, b"\0", bytes(8), bytes(8), 0x1000),
            "memory file": ("memfd_create", b"x\0", 0),
            "secret memory": ("memfd_secret", 0),
            "protection key": ("pkey_mprotect", 0, 4096, PROT_READ | PROT_EXEC, -1),
            "userfaultfd": ("userfaultfd", 0),
            "bpf": ("bpf", 0, bytes(120), 120),
            "another filter": ("seccomp", 1, 0, NOBODYS_POINTER),
            "process flags": ("prctl", 4, 1, 0, 0, 0),  # PR_SET_DUMPABLE
            "personality": ("personality", 0x0400000),  # READ_IMPLIES_EXEC
        })

    @rig.defended_by("RESOURCE_LIMITS")
    def test_memory_is_bounded(self):
        if rig.is_sanitized():
            return  # it needs terabytes of addresses, and has no such limit
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        self.assert_all({"ENOMEM"}, {"1 GiB": ("mmap", 0, 1 << 30, PROT_READ | PROT_WRITE, flags, -1, 0)})

    @rig.defended_by("RESOURCE_LIMITS")
    def test_behind_the_filter_no_child_no_file_no_way_back(self):
        def write_file(intruder):
            fd = intruder.call("memfd_create", b"x\0", 0)
            return intruder.call("write", fd, b"x", 1)

        off = ["FILTER"]
        self.assert_all({"EAGAIN"}, {"fork": ("fork",)}, off=off)
        self.assert_all({"EFBIG"}, {"file": write_file}, off=off)
        self.assert_all(REFUSED, {"limit": ("prlimit64", 0, 6, struct.pack("=QQ", 1, 1), 0)}, off=off)  # RLIMIT_NPROC

    @rig.defended_by("ONE_ARCHITECTURE")
    def test_other_ways_into_the_kernel_are_shut(self):
        if os.uname().machine != "x86_64":
            return  # one convention only
        ways = {f"int 0x80: {number}": lambda intruder, number=number: intruder.call(number, way=taken_over.INT80)
                for number in (1, 5, 11, 20, 102)}  # exit, open, execve, getpid, socketcall
        ways |= {f"x32: {name}": (0x40000000 | taken_over.call_numbers()[name],) for name in ("getpid", "open", "brk")}
        self.assert_all({KILLED}, ways)


class Files(TakenOver):
    FILES = {
        "passwd": ("openat", AT_FDCWD, b"/etc/passwd\0", 0),
        "root": ("openat", AT_FDCWD, b"/\0", 0),
        "up": ("openat", AT_FDCWD, b"../../../../etc/passwd\0", 0),
        "itself": ("openat", AT_FDCWD, b"/proc/self/mem\0", 2),
    }

    @rig.defended_by("FILTER")
    def test_no_file_is_reached(self):
        attacks = self.FILES | {
            "open": ("open", b"/etc/passwd\0", 0),
            "openat2": ("openat2", AT_FDCWD, b"/etc/passwd\0", bytes(24), 24),
            "stat": ("newfstatat", AT_FDCWD, b"/\0", bytes(256), 0),
            "fstat": ("fstat", 0, bytes(256)),
            "readlink": ("readlink", b"/proc/self/exe\0", bytes(256), 256),
            "unlink": ("unlink", b"/x\0"),
            "mount": ("mount", b"x\0", b"/\0", b"tmpfs\0", 0, 0),
            "by handle": ("open_by_handle_at", AT_FDCWD, bytes(64), 0),
        }
        self.assert_all({KILLED}, {what: attack for what, attack in attacks.items() if what not in taken_over.SANITIZERS_CALLS})

    @rig.defended_by("LANDLOCK")
    def test_behind_the_filter_no_file_opens(self):
        others = tuple(kind for kind in STARTS if kind not in WITH_EMPTY_ROOT)
        self.assert_all(REFUSED, self.FILES, starts=others, off=["FILTER"])
        self.assert_all(REFUSED, {"root": self.FILES["root"]}, starts=WITH_EMPTY_ROOT, off=["FILTER"])

    @rig.defended_by("EMPTY_ROOT")
    def test_behind_filter_and_landlock_nothing_has_a_name(self):
        names = {name: call for name, call in self.FILES.items() if name != "root"}
        self.assert_all({"ENOENT"}, names, starts=WITH_EMPTY_ROOT, off=["FILTER", "LANDLOCK"])


class Rights(TakenOver):
    """Processes of the user who started it, and rights that it once had."""

    def victim(self):
        process = subprocess.Popen(rig.as_user(rig.ALICE, ["/bin/cat"]), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + rig.START_SECONDS
        while os.readlink(f"/proc/{process.pid}/exe") != os.path.realpath("/bin/cat") and time.monotonic() < deadline:
            time.sleep(0.001)
        return process.pid

    def attacks(self):
        victim = self.victim()

        def steal(intruder):
            return intruder.call("pidfd_getfd", intruder.call("pidfd_open", victim, 0), 0, 0)

        return {
            "ptrace": ("ptrace", PTRACE_ATTACH, victim, 0, 0),
            "pidfd_getfd": steal,
            "memory": ("process_vm_readv", victim, NOBODYS_POINTER, 1, NOBODYS_POINTER, 1, 0),
            "signal by pidfd": lambda intruder: intruder.call("pidfd_send_signal", intruder.call("pidfd_open", victim, 0), 0, 0, 0),
            "kill": ("kill", victim, signal.SIGKILL),  # last, where it succeeds
        }

    @rig.defended_by("FILTER")
    def test_its_caller_cannot_be_reached(self):
        self.assert_all({KILLED}, self.attacks())

    @rig.defended_by("CHECKED_ARGUMENTS")
    def test_nobody_but_itself_can_be_aborted(self):
        victim = self.victim()
        self.assert_all({KILLED}, {"tgkill": ("tgkill", victim, victim, signal.SIGABRT),
                                "handler": ("rt_sigaction", signal.SIGSEGV, 0, bytes(64), 8)})

    @rig.defended_by("LANDLOCK")
    def test_behind_the_filter_its_caller_cannot_be_reached(self):
        attacks = self.attacks()
        attacks.pop("memory")  # without an address in there it says EFAULT, whoever asks
        self.assert_all(REFUSED, attacks, starts=OF_ITS_CALLER, off=["FILTER"])

    @rig.defended_by("FILTER")
    def test_no_right_is_asked_for(self):
        self.assert_all({KILLED}, {
            "setuid": ("setuid", 0), "setresuid": ("setresuid", 0, 0, 0), "setgroups": ("setgroups", 0, 0),
            "capset": ("capset", bytes(8), bytes(24)), "prctl": ("prctl", 47, 2, 13, 0, 0),
            "unshare": ("unshare", 0x10000000), "setns": ("setns", 0, 0), "chroot": ("chroot", b".\0"),
            "clone": ("clone", signal.SIGCHLD, 0, 0, 0, 0), "clone3": ("clone3", bytes(88), 88), "fork": ("fork",), "vfork": ("vfork",),
            "limits": ("prlimit64", 0, 7, bytes(16), 0), "priority": ("setpriority", 0, 0, 19),
        })

    @rig.defended_by("DROP_CAPABILITIES")
    def test_behind_the_filter_no_right_is_left(self):
        attacks = {"raw socket": ("socket", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                   "packet socket": ("socket", socket.AF_PACKET, socket.SOCK_RAW, 0),
                   "setuid": ("setuid", 0), "chroot": ("chroot", b"/\0"),
                   "bounding set": ("prctl", 24, 0, 0, 0, 0)}
        self.assert_all(REFUSED, attacks, off=["FILTER"])

    @rig.defended_by("DROP_GROUPS")
    def test_behind_files_and_proof_nothing_is_had_by_a_group(self):
        # as whoever may use a container engine has its socket: and so all of the machine
        folder = rig.temporary_folder()
        secret, door = folder / "secret", folder / "door.sock"
        secret.write_text("x")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(str(door))
        listener.listen()
        for path in (secret, door):
            os.chown(path, 0, CROWD)
            path.chmod(0o660)

        def knock(intruder):
            name = struct.pack("=H", socket.AF_UNIX) + bytes(door) + b"\0"
            return intruder.call("connect", intruder.call("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0), name, len(name))

        self.assert_all({"EACCES"}, {"file": ("openat", AT_FDCWD, bytes(secret) + b"\0", os.O_RDWR), "socket": knock},
                        starts=(SharedByRootOfACrowd, PrivateByRootOfACrowd, PrivateSetuidOfACrowd),
                        off=["FILTER", "LANDLOCK", "EMPTY_ROOT", "PROVE_DROP"])

    @rig.defended_by("NO_NEW_PRIVILEGES")
    def test_behind_filter_and_landlock_no_setuid_program_helps(self):
        folder = rig.temporary_folder()
        secret, reader = folder / "secret", rig.copy_to(folder, "/usr/bin/test")
        secret.write_text("x")
        secret.chmod(0o600)
        reader.chmod(0o4755)

        def read_secret(intruder):
            words = (reader, b"-r", secret)
            arguments = b"".join(struct.pack("=Q", intruder.place(bytes(word) + b"\0")) for word in words)
            return intruder.call("execve", bytes(reader) + b"\0", arguments + bytes(8), bytes(8))

        start = PrivateWithFileCapability(self, ["FILTER", "LANDLOCK"])
        self.assertEqual(self.outcome(start, read_secret), "the helper ended with 1")  # no, it cannot be read


class OuterWall(TakenOver):
    """What is not stopped here, and how helper/nftables stops it."""

    NEIGHBOURS = {
        "router advertisement": lambda intruder: intruder.sendmsg(SEND_IPV6, icmp(134), ipv6("::1")),
        "neighbour solicitation": lambda intruder: intruder.sendmsg(SEND_IPV6, icmp(135), ipv6("::1")),
        "redirect": lambda intruder: intruder.sendmsg(SEND_IPV4, icmp(5), ipv4("127.0.0.1")),
    }
    ECHO = {
        "echo": lambda intruder: intruder.sendmsg(SEND_IPV4, icmp(8), ipv4("127.0.0.1")),
        "IPv6 echo": lambda intruder: intruder.sendmsg(SEND_IPV6, icmp(128), ipv6("::1")),
    }

    def test_only_the_firewall_tells_messages_apart(self):
        rules = next(rig.installed().glob("share/doc/**/multiping-helper.nft")).read_text()
        for kind in SHARED:
            start = kind(self)
            for name, attack in (self.NEIGHBOURS | self.ECHO).items():
                self.assertEqual(self.outcome(start, attack), 64, name)
            uid = rig.status(start.process.pid)["Uid"].split()[0]
            start.namespace.nft(rules.replace("define helper = multiping", f"define helper = {uid}"))
            for name, attack in self.NEIGHBOURS.items():
                self.assertEqual(self.outcome(start, attack), "EPERM", name)
            for name, attack in self.ECHO.items():
                self.assertEqual(self.outcome(start, attack), 64, name)


if __name__ == "__main__":
    rig.main()
