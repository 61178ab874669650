# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What is left to a running helper, as the kernel says it from outside, for each way to start one: ids, groups, capabilities,
no_new_privs, system-call filter, descriptors, file system; and that a process of the same user cannot get at it."""

import os
import re
import socket
import subprocess

import rig
from client_from_specification import Client, REPLY
from service_manager import Manager, SERVICE

CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SECCOMP_MODE_FILTER = "2"
FIRST_CLIENT = 64      # helper/descriptors.h
SEND_SOCKETS = range(16, 33)
NOBODY = 65534

# Runs as the helper's own user. Tries on a child of its own, which shows that the attacks work, then on the process named.
THIEF = r"""
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD, PTRACE_ATTACH = 434, 438, 16

def attack(pid):
    results = {}
    def attempt(name, call):
        try:
            results[name] = call()
        except OSError as error:
            results[name] = error.errno
    def checked(value):
        if value < 0:
            raise OSError(ctypes.get_errno(), "")
        return value
    def steal():
        pidfd = checked(libc.syscall(PIDFD_OPEN, pid, 0))
        for number in (6, 7):  # the receive sockets
            checked(libc.syscall(PIDFD_GETFD, pidfd, number, 0))
        return 0
    attempt("pidfd_getfd", steal)
    attempt("open_memory", lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)) or 0)
    attempt("list_descriptors", lambda: os.listdir(f"/proc/{pid}/fd") and 0)
    attempt("ptrace", lambda: checked(libc.ptrace(PTRACE_ATTACH, pid, None, None)))
    return results

for number in (6, 7):
    os.dup2(0, number, inheritable=True)
ready_reader, ready_writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(ready_writer, b"x")
    signal.pause()
os.read(ready_reader, 1)
print("own child", sorted(attack(child).items()))
os.kill(child, signal.SIGKILL)
print("helper", sorted(attack(int(sys.argv[1])).items()))
"""
ATTACKS = ("list_descriptors", "open_memory", "pidfd_getfd", "ptrace")


class SandboxStatus(rig.Case):
    def private_start(self, uid=0):
        """Starts the private helper as the library does, as @uid; returns (pid, client)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client = Client(ours)
        self.addCleanup(client.close)
        path = self.private_helper()
        argv = ["/bin/sh", "-c", f'exec "$0" 3<&{theirs.fileno()}', path]
        if uid != 0:
            argv = rig.as_user(uid, argv, no_new_privs=False, keep_bounding=True)
        process = self.namespace().popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.addCleanup(self.assert_ends_with_its_socket, process, client)
        client.hello()
        return process.pid, client

    def assert_ends_with_its_socket(self, process, client):
        client.close()
        self.assertEqual(process.wait(rig.START_SECONDS), 0)

    def shared_start(self):
        helper = self.helper(self.namespace())
        client = Client(helper.connect())
        self.addCleanup(client.close)
        client.hello()
        return helper.pid, client

    def assert_serves(self, client):
        self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1", "::1"])], [REPLY, REPLY])

    def assert_confined(self, pid, bounding="0" * 16):
        status = rig.status(pid)
        self.assertEqual({name: status[name] for name in CAPABILITY_SETS},
                         {name: "0" * 16 for name in CAPABILITY_SETS} | {"CapBnd": bounding})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", SECCOMP_MODE_FILTER))

    def assert_own_user(self, pid):
        """Four equal ids that are neither root nor nobody, no groups."""
        status = rig.status(pid)
        for name in ("Uid", "Gid"):
            ids = set(status[name].split())
            self.assertEqual(len(ids), 1, status[name])
            self.assertNotIn(int(*ids), (0, NOBODY))
        self.assertEqual(status["Groups"], "")

    def assert_descriptors(self, pid, listeners=(), manager=()):
        """Exactly those of helper/descriptors.h, with one client."""
        expected = {number: "/dev/null" for number in range(FIRST_CLIENT)}
        expected |= {4: "anon_inode:[eventpoll]", 5: "anon_inode:[signalfd]"}
        expected |= {number: "socket" for number in (6, 7, *manager, *listeners, *SEND_SOCKETS)}
        actual = {number: re.sub(r":\[\d+\]$", "", what) if what.startswith("socket") else what
                  for number, what in rig.descriptors(pid).items()}
        actual.pop(2), expected.pop(2)  # the log: whatever the starter gave
        clients = {number: what for number, what in actual.items() if number >= FIRST_CLIENT}
        self.assertEqual({number: what for number, what in actual.items() if number < FIRST_CLIENT}, expected)
        self.assertEqual(list(clients.values()), ["socket"])

    def assert_empty_root(self, pid):
        for name in ("root", "cwd"):
            self.assertEqual(os.listdir(f"/proc/{pid}/{name}"), [])

    def assert_not_reachable_by_its_own_user(self, pid):
        uid = int(rig.status(pid)["Uid"].split()[0])
        done = subprocess.run(rig.as_user(uid, ["/usr/bin/python3", "-c", THIEF, str(pid)]),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        own, helper = done.stdout.splitlines()
        self.assertEqual(own, f"own child {[(name, 0) for name in ATTACKS]}")
        results = dict(re.findall(r"'(\w+)', (\d+)", helper))
        self.assertEqual(set(results), set(ATTACKS))
        self.assertLessEqual(set(results.values()), {"1", "13"}, results)  # EPERM, EACCES

    @rig.defended_by("EMPTY_ROOT")
    def test_shared_started_by_root(self):
        pid, client = self.shared_start()
        self.assert_confined(pid)
        self.assert_own_user(pid)
        self.assert_descriptors(pid, listeners=[8])
        self.assert_empty_root(pid)
        self.assert_not_reachable_by_its_own_user(pid)
        self.assert_serves(client)

    def test_shared_with_ambient_capabilities(self):
        # as multiping.service starts it; the kernel leaves such a process readable for others of its user
        manager = Manager(self.namespace())
        self.addCleanup(manager.close)
        manager.start()
        manager.wait_for("READY=1")
        client = Client(manager.connect())
        self.addCleanup(client.close)
        client.hello()
        self.assert_confined(manager.pid, bounding=f"{1 << 12 | 1 << 13:016x}")  # CAP_NET_ADMIN, CAP_NET_RAW
        self.assertEqual(rig.status(manager.pid)["Uid"].split(), [str(SERVICE)] * 4)
        self.assert_own_user(manager.pid)
        self.assert_descriptors(manager.pid, listeners=[8], manager=[3])
        self.assert_not_reachable_by_its_own_user(manager.pid)
        self.assert_serves(client)

    def test_private_started_by_root(self):
        pid, client = self.private_start()
        self.assert_confined(pid)
        self.assert_own_user(pid)
        self.assert_descriptors(pid)
        self.assert_empty_root(pid)
        self.assert_not_reachable_by_its_own_user(pid)
        self.assert_serves(client)

    def test_private_with_file_capability(self):
        pid, client = self.private_start(rig.ALICE)
        self.assert_confined(pid, bounding=rig.status(os.getpid())["CapBnd"])
        self.assertEqual(rig.status(pid)["Uid"].split(), [str(rig.ALICE)] * 4)
        self.assertEqual(rig.status(pid)["Gid"].split(), [str(rig.ALICE)] * 4)
        self.assert_descriptors(pid)
        self.assert_not_reachable_by_its_own_user(pid)
        self.assert_serves(client)



class Installed(rig.Case):
    def test_no_defence_can_be_switched_off(self):
        for name in ("multiping-helper", "multiping-helper-private"):
            for word in (b"--without-defence", b"EMPTY_ROOT"):
                self.assertNotIn(word, rig.program(name).read_bytes())
                self.assertIn(word, rig.program_without("EMPTY_ROOT", name)[0].read_bytes())


if __name__ == "__main__":
    rig.main()
