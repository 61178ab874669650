# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What is left to a running helper, as the kernel says it from outside, for each way to start one: ids, groups, capabilities,
no_new_privs, system-call filter, descriptors, file system; and that a process of the same user cannot get at it."""

import os
import re
import socket
import subprocess

import confinement
import rig
from client_from_specification import Client
from service_manager import Manager, SERVICE


class SandboxStatus(confinement.Case):
    def private_start(self, uid=0, is_setuid=False):
        """Starts the private helper as the library does, as @uid; @is_setuid: it is, and has no capability; returns (pid, client)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client = Client(ours)
        self.addCleanup(client.close)
        path = self.private_helper()
        if is_setuid:
            subprocess.run(["setcap", "-r", path], check=True)
            path.chmod(0o4755)
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

    @rig.defended_by("EMPTY_ROOT")
    def test_shared_started_by_root(self):
        pid, client = self.shared_start()
        self.assert_confined(pid)
        self.assert_own_user(pid)
        self.assert_descriptors(pid, listeners=[8])
        self.assert_empty_root(pid)
        self.assert_not_reachable_by_its_own_user(pid)
        self.assert_serves(client)

    @rig.defended_by("NOT_DUMPABLE")
    def test_shared_with_ambient_capabilities(self):
        # as multiping.service starts it; the kernel leaves such a process readable for others of its user
        manager = Manager(self.namespace(), without=self.without)
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
        self.assert_descriptors(pid, kind="raw")
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

    @rig.raw_only("who is setuid root gets raw sockets")
    def test_private_installed_setuid(self):
        pid, client = self.private_start(rig.ALICE, is_setuid=True)
        self.assert_confined(pid)
        for ids in ("Uid", "Gid"):
            self.assertEqual(rig.status(pid)[ids].split(), [str(rig.ALICE)] * 4)
        self.assert_descriptors(pid)
        self.assert_empty_root(pid)
        self.assert_not_reachable_by_its_own_user(pid)
        self.assert_serves(client)


class Installed(rig.Case):
    def test_no_defence_can_be_switched_off(self):
        sources = "".join(path.read_text() for path in (rig.SOURCE / "helper").glob("*.c"))
        names = {name.encode() for name in re.findall(r"defence_is_on\((\w+)\)", sources) if "_" in name}
        self.assertIn(b"EMPTY_ROOT", names)
        for name in ("multiping-helper", "multiping-helper-private"):
            installed, other = rig.program(name).read_bytes(), rig.program_without("EMPTY_ROOT", name)[0].read_bytes()
            for word in {b"--without-defence"} | names:
                self.assertNotIn(word, installed)
            for word in (b"--without-defence", b"EMPTY_ROOT"):
                self.assertIn(word, other)


if __name__ == "__main__":
    rig.main()
