# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The helper under a service manager: sockets handed down, readiness, watchdog, restart. The manager is service_manager.py."""

import errno
import os
import signal
import socket
import subprocess
import time

import rig
from client_from_specification import Client, REPLY
from service_manager import Manager, SERVICE, listening_socket, send_descriptor

UNAVAILABLE = 69        # sysexits.h
MAX_LISTENERS = 8       # helper/activation.h
WATCHDOG_US = 1_000_000
ALIVE, READY, STOPPING = "WATCHDOG=1", "READY=1", "STOPPING=1"


class Activation(rig.Case):
    def manager(self, **options):
        manager = Manager(self.namespace(), **options)
        self.addCleanup(manager.close)
        return manager

    def started(self, **options):
        manager = self.manager(**options)
        manager.start()
        manager.wait_for(READY)
        return manager

    def client(self, manager, place=0):
        client = Client(manager.connect(place))
        self.addCleanup(client.close)
        return client

    def assert_serves(self, manager, place=0):
        client = self.client(manager, place)
        client.hello()
        self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1", "::1"])], [REPLY, REPLY])

    def assert_refused(self, manager, words):
        self.assertEqual(manager.end(), UNAVAILABLE)
        self.assertIn(words, manager.log())
        self.assertEqual(manager.hear_all(), [])


class Sockets(Activation):
    def test_started_by_root_serves(self):
        self.assert_serves(self.started(is_service=False))

    def test_started_with_ambient_capabilities_serves(self):
        manager = self.started()
        self.assertEqual(rig.status(manager.pid)["Uid"].split(), [str(SERVICE)] * 4)
        self.assert_serves(manager)

    def test_as_many_as_there_is_room_for_all_serve(self):
        realms = ["container", *(f"realm{i}" for i in range(2, MAX_LISTENERS))]
        manager = self.manager(names=["helper", *realms])
        manager.configuration_path.write_text(rig.UNLIMITED + "".join(
            f"[listener {name}]\nallow = 127.0.0.0/8 ::1\n" for name in realms))
        manager.start()
        manager.wait_for(READY)
        for place in range(MAX_LISTENERS):
            self.assert_serves(manager, place)

    def test_one_more_is_refused(self):
        manager = self.manager(names=[f"realm{i}" for i in range(MAX_LISTENERS + 1)])
        manager.start()
        self.assert_refused(manager, f"LISTEN_FDS={MAX_LISTENERS + 1}: at most {MAX_LISTENERS} sockets")

    def test_name_of_no_realm_is_refused(self):
        manager = self.manager(names=["helper", "jail"])
        manager.start()
        self.assert_refused(manager, "there is no [listener jail]")

    def test_names_that_do_not_match_are_refused(self):
        for names in ("helper", "helper:container:more", ""):
            with self.subTest(names):
                manager = self.manager(names=["helper", "container"])
                manager.start(LISTEN_FDNAMES=names)
                self.assert_refused(manager, "not a name for each of 2 sockets")

    def test_without_names_serves(self):
        manager = self.manager()
        manager.start(LISTEN_FDNAMES=None)
        manager.wait_for(READY)
        self.assert_serves(manager)

    def test_of_another_kind_are_refused(self):
        def unconnected():
            return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def pair():
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.addCleanup(theirs.close)
            return ours

        def stream():
            return listening_socket(rig.temporary_folder() / "stream", socket.SOCK_STREAM)

        def internet():
            return socket.create_server(("127.0.0.1", 0))

        def file():
            return open("/dev/null")

        for make in (unconnected, pair, stream, internet, file):
            with self.subTest(make.__name__):
                manager = self.manager()
                manager.listeners[0].close()
                manager.listeners[0] = make()
                manager.start()
                self.assert_refused(manager, "no listening Unix socket of type SOCK_SEQPACKET")

    def test_that_wait_do_not_stop_the_helper(self):
        manager = self.manager()
        self.assertTrue(manager.listeners[0].getblocking())
        manager.start()
        manager.wait_for(READY)
        first = self.client(manager)
        first.hello()
        self.assert_serves(manager)
        self.assertEqual([outcome[1] for outcome in first.ping(["127.0.0.1"])], [REPLY])

    def test_clients_cannot_send_descriptors(self):
        manager = self.started()
        connection = manager.connect()
        self.addCleanup(connection.close)
        if "what=SO_PASSRIGHTS" in manager.log():  # before Linux 6.16, which the log says
            self.assertEqual(send_descriptor(connection, 0), 1)
        else:
            with self.assertRaises(PermissionError):
                send_descriptor(connection, 0)

    def test_for_another_process_are_not_taken(self):
        manager = self.manager()
        manager.start(LISTEN_PID="1")
        self.assert_refused(manager, "neither --listen PATH nor")

    def test_for_another_process_are_closed(self):
        manager = self.manager(is_service=False)
        path = manager.folder / "other.sock"
        manager.start("--listen", str(path), LISTEN_PID="1")
        manager.wait_for(READY)
        manager.paths[0] = path
        self.assert_serves(manager)
        sockets = [what for number, what in rig.descriptors(manager.pid).items() if 8 <= number <= 15]
        self.assertEqual(len([what for what in sockets if what.startswith("socket")]), 1)

    def test_together_with_a_path_are_refused(self):
        manager = self.manager()
        manager.start("--listen", str(manager.folder / "other.sock"))
        self.assert_refused(manager, "both --listen PATH and")

    def test_started_with_a_file_capability_are_not_taken(self):
        # its starter may be anybody
        path = rig.copy_to(rig.temporary_folder(), rig.program("multiping-helper"))
        subprocess.run(["setcap", "cap_net_raw=p", path], check=True)
        manager = self.manager(is_service=False)
        manager.command = lambda *_: rig.as_user(
            rig.ALICE, Manager.command(manager)[:4] + [path], no_new_privs=False, keep_bounding=True)
        manager.start()
        self.assert_refused(manager, "neither --listen PATH nor")


class News(Activation):
    def test_ready_comes_from_the_helper_when_it_is_locked_in(self):
        manager = self.manager()
        manager.start()
        words, pid, uid = manager.hear()
        status = rig.status(manager.pid)
        self.assertEqual((words, pid, uid), (READY, manager.pid, SERVICE))
        self.assertEqual((status["Seccomp"], status["CapPrm"]), ("2", "0" * 16))

    def test_stopping_is_told(self):
        manager = self.started()
        manager.stop()
        self.assertEqual(manager.hear_all(), [STOPPING])

    def test_abstract_socket_is_told_too(self):
        manager = self.started(is_abstract=True, watchdog_us=WATCHDOG_US)
        for _ in range(2):  # the second one long after the filter
            self.assertEqual(manager.hear()[0], ALIVE)

    def test_without_a_manager_serves(self):
        manager = self.manager()
        manager.start(NOTIFY_SOCKET=None)
        self.assert_serves(manager)
        self.assertEqual(manager.hear_all(), [])

    def test_manager_that_is_gone_stops_nothing(self):
        manager = self.manager(watchdog_us=WATCHDOG_US)
        manager.start(NOTIFY_SOCKET=str(manager.folder / "nobody"))
        self.assert_serves(manager)
        self.assertIn(f"without what=NOTIFY_SOCKET errno={errno.ENOENT}", manager.log())

    def test_manager_that_does_not_listen_stops_nothing(self):
        manager = self.started(watchdog_us=20_000)
        while manager.process.poll() is None and manager.hear(0.001):
            pass  # now it has its queue filled
        time.sleep(0.5)
        self.assert_serves(manager)

    def test_values_without_sense_are_refused(self):
        for name, value in (("NOTIFY_SOCKET", "run/notify"), ("NOTIFY_SOCKET", "@"), ("NOTIFY_SOCKET", "/" * 108),
                            ("LISTEN_FDS", "x"), ("LISTEN_FDS", "-1"), ("LISTEN_FDS", "4294967297"),
                            ("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", "-1"), ("WATCHDOG_USEC", "1s"),
                            ("WATCHDOG_USEC", "9223372036854775807"), ("WATCHDOG_USEC", "99999999999999999999")):
            with self.subTest(f"{name}={value}"):
                manager = self.manager()
                manager.start(**{name: value})
                self.assert_refused(manager, f"{name}={value}: ")


class Watchdog(Activation):
    def test_helper_says_that_it_lives_twice_an_interval(self):
        interval = 2.0
        manager = self.started(watchdog_us=int(interval * 1e6))
        manager.wait_for(ALIVE)
        begin = time.monotonic()
        for _ in range(4):
            self.assertIsNotNone(manager.hear(interval))
        self.assertGreater(time.monotonic() - begin, 4 * interval / 2 * 0.9)  # and not more often

    def test_stopped_helper_is_missed_and_heard_again(self):
        manager = self.started(watchdog_us=WATCHDOG_US)
        manager.wait_for(ALIVE)
        os.kill(manager.pid, signal.SIGSTOP)
        manager.hear_all()
        self.assertIsNone(manager.hear(WATCHDOG_US / 1e6))
        os.kill(manager.pid, signal.SIGCONT)
        self.assertEqual(manager.hear()[0], ALIVE)
        self.assert_serves(manager)

    def test_busy_helper_says_that_it_lives(self):
        manager = self.started(watchdog_us=WATCHDOG_US)
        process = manager.namespace.popen(manager.multiping_command("-q", "-i", "0", "-c", "20000", "-p", "1", "-g", "127.0.1.0/24"),
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        manager.wait_for(ALIVE)
        for _ in range(4):
            self.assertEqual(manager.hear()[0], ALIVE)
        self.assertIsNone(process.poll())

    def test_watchdog_of_another_process_is_not_ours(self):
        manager = self.manager(watchdog_us=WATCHDOG_US)
        manager.start(WATCHDOG_PID="1")
        manager.wait_for(READY)
        self.assertIsNone(manager.hear(1.5 * WATCHDOG_US / 1e6))

    def switches(self, manager):
        return int(rig.status(manager.pid)["voluntary_ctxt_switches"])

    def test_idle_helper_without_watchdog_sleeps(self):
        with_watchdog = self.started(watchdog_us=100_000)
        without = self.started()
        time.sleep(0.5)  # for it to fall asleep
        before, before_with = self.switches(without), self.switches(with_watchdog)
        time.sleep(2)
        self.assertEqual(self.switches(without), before)
        self.assertGreater(self.switches(with_watchdog), before_with)  # so it can be seen


class Restart(Activation):
    def test_client_that_comes_between_waits_and_is_served(self):
        manager = self.started()
        manager.kill()
        client = self.client(manager)
        waiting = client.begin("hello", {"protocol": 1, "client": "early"})
        manager.start()
        manager.wait_for(READY)
        self.assertEqual(client.response(waiting)["protocol"], 1)

    def test_command_line_sees_only_a_delay(self):
        for name, end in (("killed", Manager.kill), ("stopped", Manager.stop)):
            with self.subTest(name):
                manager = self.started()
                process = manager.namespace.popen(manager.multiping_command("-c", "20", "-p", "100", "-t", "5000", "127.0.0.1"),
                                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                process.stdout.readline()
                end(manager)
                manager.start()
                out, err = process.communicate(timeout=60)
                self.assertEqual((process.returncode, err.split(",")[0].rpartition(" = ")[2]), (0, "20/20/0%"), out + err)

    def test_manager_replaces_a_helper_that_hangs(self):
        manager = self.started(watchdog_us=WATCHDOG_US)
        os.kill(manager.pid, signal.SIGSTOP)
        client = self.client(manager)
        waiting = client.begin("hello", {"protocol": 1, "client": "unlucky"})
        while manager.hear(WATCHDOG_US / 1e6):
            pass
        manager.kill()  # as systemd would
        manager.start()
        manager.wait_for(READY)
        self.assertEqual(client.response(waiting)["protocol"], 1)


class PrivateHelper(rig.Case):
    def test_hears_no_manager(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        manager = Manager(self.namespace(), is_service=False, watchdog_us=10_000)
        self.addCleanup(manager.close)
        manager.listeners[0].close()
        manager.listeners[0] = theirs  # at 3, where the library puts it
        manager.command = lambda *_: Manager.command(manager)[:4] + [self.private_helper()]
        manager.start()
        client = Client(ours)
        client.hello()
        self.assertEqual([outcome[1] for outcome in client.ping(["127.0.0.1"])], [REPLY])
        client.close()
        self.assertEqual(manager.end(), 0)
        self.assertEqual(manager.hear_all(), [])


if __name__ == "__main__":
    rig.main()
