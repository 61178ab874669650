# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that send file descriptors. One that nobody takes closes in the helper, and if it is the last of a TCP socket that lingers
(hostile_clients.Sleepers) whoever closes it sleeps.

Linux 6.16 and later refuse to send them, once told so. What older kernels have instead is tried here with that switched off; what
happens to those who connected to a service manager's socket before the helper could say so, with it on."""

import array
import os
import socket

import rig
from client_from_specification import Client
from hostile_clients import HostileCase, Sleepers, attacks, main, stopped
from peer import connect
from service_manager import Manager

LINGER_SECONDS = 3
MOST = 253  # descriptors of a message, SCM_MAX_FD


class DescriptorCase(HostileCase):
    def setUp(self):
        self.sleepers = Sleepers(self.namespace(), LINGER_SECONDS)

    def tearDown(self):
        self.sleepers.close()  # before the cleanups: what was not attacked must not sleep here

    def client(self, helper):
        client = Client(helper.connect(rig.ALICE))
        self.addCleanup(client.close)
        return client


class SentDescriptors(DescriptorCase):
    @rig.defended_by("PASS_RIGHTS")
    def test_are_refused_by_the_kernel(self):
        helper = self.helper(self.namespace())
        if "what=SO_PASSRIGHTS" in helper.log() and self.without is None:
            self.skipTest("needs Linux 6.16")
        for n in 1, MOST:
            client = self.client(helper)
            attacks.tried()
            with self.assertRaises(PermissionError):
                self.sleepers.send(client.connection, self.sleepers.make_all(n))
            client.hello()  # which nobody minds


class WithoutTheNewerWay(DescriptorCase):
    def setUp(self):
        super().setUp()
        self.helper_ = self.helper(self.namespace(), rig.UNLIMITED.replace("max_connections = unlimited", "max_connections = 40"),
                                   lacking="PASS_RIGHTS")

    def attack(self, says_hello, first, n):
        """Sends the message @first, if any, and @n sleepers behind it; what the helper says to that."""
        client = self.client(self.helper_)
        if says_hello:
            client.hello("attacker")
        attacks.tried()
        sleepers = self.sleepers.make_all(n)
        with stopped(self.helper_.pid):
            if first:
                client.send_bytes(first)
            self.sleepers.send(client.connection, sleepers)
        self.assertEqual(self.why_closed(client), "not_msgpack" if first else None)
        client.close()
        self.assert_serves(self.helper_.connect)  # before it is stopped again, which would wake it

    @rig.defended_by("PEEKING", "CLOSE_TIMER")
    def test_close_their_sender_and_delay_nobody(self):
        bystander = self.bystander(self.helper_.connect)
        for _ in range(20):
            for says_hello in False, True:
                for first in b"", b"\xc1":
                    self.attack(says_hello, first, 1)
        self.attack(True, b"", MOST)
        self.assert_undisturbed(bystander, "81 messages with sleepers, one after the other")

    @rig.defended_by("CLOSE_TIMER")
    def test_of_all_connections_at_once_delay_nobody(self):
        bystander = self.bystander(self.helper_.connect)
        for _ in range(4):
            clients = [self.client(self.helper_) for _ in range(40)]
            sleepers = [self.sleepers.make_all(4) for _ in clients]
            with stopped(self.helper_.pid):
                for client, four in zip(clients, sleepers):
                    attacks.tried()
                    self.sleepers.send(client.connection, four)
            for client in clients:
                self.assertIsNone(self.why_closed(client))
                client.close()
            self.assert_serves(self.helper_.connect)
        self.assert_undisturbed(bystander, "4 times 40 messages with 4 sleepers each at once")

    @rig.defended_by("CLOSE_TIMER")
    def test_of_who_is_turned_away_delay_nobody(self):
        held = [self.client(self.helper_) for _ in range(40)]
        for client in held:
            client.hello("held")
        for _ in range(5):
            attacks.tried()
            sleepers = self.sleepers.make_all(4)
            with stopped(self.helper_.pid):  # so that they are there when it turns to them
                extra = self.client(self.helper_)
                self.sleepers.send(extra.connection, sleepers)
            self.assertEqual(self.why_closed(extra), "connections")
            self.assert_serves(self.helper_.connect)

    @rig.defended_by("PEEKING")
    def test_are_never_kept(self):
        bystander = self.bystander(self.helper_.connect)
        before = len(rig.descriptors(self.helper_.pid))
        null = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(os.close, null)
        for _ in range(1000):
            client = self.client(self.helper_)
            attacks.tried()
            client.connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * MOST))])
            self.assertIsNone(self.why_closed(client))  # who is only read is told not_msgpack
            client.close()
            self.assertLessEqual(len(rig.descriptors(self.helper_.pid)), before + 1)
        self.assert_undisturbed(bystander, f"1000 messages with {MOST} descriptors")


class BeforeTheHelperStarts(DescriptorCase):
    def start(self, n):
        """A helper started by a manager to whose socket @n clients had sent sleepers before; those clients."""
        manager = Manager(self.namespace(), without=self.without)
        self.addCleanup(manager.close)
        clients = []
        for _ in range(n):
            clients.append(Client(connect(manager.paths[0], rig.ALICE)))
            self.addCleanup(clients[-1].close)
            attacks.tried()
            self.sleepers.send(clients[-1].connection, self.sleepers.make_all(1))
        manager.start()
        if self.without:
            self.addCleanup(manager.kill)
        manager.wait_for("READY=1")
        return manager, clients

    @rig.defended_by("PEEKING", "CLOSE_TIMER")
    def test_close_their_sender_and_delay_nobody(self):
        manager, clients = self.start(20)
        self.assert_serves(lambda uid: connect(manager.paths[0], uid))
        for client in clients:
            self.assertIsNone(self.why_closed(client))
        self.assert_serves(lambda uid: connect(manager.paths[0], uid))


if __name__ == "__main__":
    main()
