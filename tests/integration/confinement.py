# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What must hold of a running helper, however it was started, as the kernel says it from outside."""

import os
import re
import subprocess

import rig
from client_from_specification import REPLY

CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SECCOMP_MODE_FILTER = "2"
FIRST_CLIENT = 64      # helper/descriptors.h
SOCKETS = {"raw": [6, 7, *(number for number in range(16, 48) if number % 8 < 4)],  # the others: fwmarks
           "ping": range(16, 48)}
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
        for number in (16, 32):  # one socket of each family
            checked(libc.syscall(PIDFD_GETFD, pidfd, number, 0))
        return 0
    attempt("pidfd_getfd", steal)
    attempt("open_memory", lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)) or 0)
    attempt("list_descriptors", lambda: os.listdir(f"/proc/{pid}/fd") and 0)
    attempt("ptrace", lambda: checked(libc.ptrace(PTRACE_ATTACH, pid, None, None)))
    return results

for number in (16, 32):
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


class Case(rig.Case):
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

    def assert_descriptors(self, pid, listeners=(), manager=(), kind=rig.SOCKET_KIND):
        """Exactly those of helper/descriptors.h, with one client."""
        expected = {number: "/dev/null" for number in range(FIRST_CLIENT)}
        expected |= {4: "anon_inode:[eventpoll]", 5: "anon_inode:[signalfd]"}
        expected |= {number: "socket" for number in (*manager, *listeners, *SOCKETS[kind])}
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
