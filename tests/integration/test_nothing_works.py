# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What a user reads where no helper pings for him: what was tried, what each try answered, what would help. The command line prints
what the library says, and so does Python."""

import os
import re
import socket

import hostile
import rig

SOCKET = "/run/multiping/multiping.sock"
NO_SOCKET = rf"no helper: socket {SOCKET}: No such file or directory; private helper {{helper}}: "
REFUSED = (r"cannot open the ICMP sockets: no way to send ICMP: Permission denied \(tried raw IPv4 sockets: Operation not permitted, "
           r"raw IPv6 sockets: Operation not permitted, ping IPv4 sockets: Permission denied, ping IPv6 sockets: Permission denied\)")
SERVICE = (r'the service \("systemctl start multiping\.socket"; or as root "multiping-helper --listen PATH", and '
           r'MULTIPING_SOCKET=PATH here\)')
NONE_IS_FREE = (r"cannot choose the user to run as: no user multiping here, and this user namespace has none of the uids and gids 61184 "
                r"to 65519 that is free; start it outside of the namespace, or map them into it")
HELPS = r"\. What helps: "
PING_SOCKETS = r'ping sockets \("sysctl net\.ipv4\.ping_group_range"\); ' + SERVICE
USAGE_OR_SYSTEM = 4  # fping's exit status for what it could not even try


class NothingWorks(hostile.Case):
    def setUp(self):
        super().setUp()
        self.helper_path = self.program(hostile.CAPABILITY)[0]

    def run_multiping(self, *command, helper=None, user=None, **environment):
        argv = [*command, rig.program("multiping"), "127.0.0.1"]
        user = user or (lambda argv: rig.as_user(rig.ALICE, argv, no_new_privs=False, keep_bounding=True))
        environment["MULTIPING_HELPER"] = str(helper or self.helper_path)
        return self.host.run(user(argv), env=rig.environment(**environment))

    def assert_says(self, done, pattern, helper=None):
        self.assertEqual((done.returncode, done.stdout), (USAGE_OR_SYSTEM, ""), done.stderr)
        pattern = pattern.replace("{helper}", re.escape(str(helper or self.helper_path)))
        self.assertRegex(done.stderr, rf"^\S+/multiping: {pattern}\n$")

    def test_something_works(self):
        self.assert_alive(self.run_multiping(), ["127.0.0.1"])  # which is taken away below

    def test_no_private_helper(self):
        missing = "/nonexistent/helper"
        self.assert_says(self.run_multiping(helper=missing), NO_SOCKET + "No such file or directory" + HELPS +
                         'to install the private helper with "setcap cap_net_raw=p"; ' + SERVICE, missing)

    def test_one_without_a_right(self):
        bare = hostile.install(rig.program("multiping-helper-private"), None)
        self.assert_says(self.run_multiping(helper=bare), NO_SOCKET + REFUSED + HELPS +
                         'as root "setcap cap_net_raw=p {helper}"; ' + PING_SOCKETS, bare)

    def test_no_new_privileges(self):
        for helper in (self.helper_path, self.program(hostile.SETUID)[0]):
            done = self.run_multiping(user=lambda argv: rig.as_user(rig.ALICE, argv, keep_bounding=True), helper=helper)
            self.assert_says(done, NO_SOCKET + REFUSED + r"\. This program runs under no_new_privs, where no private helper gets "
                             "a right" + HELPS + PING_SOCKETS, helper)

    def test_what_is_said_to_help_helps(self):
        self.host.sysctl("net.ipv4.ping_group_range", "0 2147483647")
        done = self.run_multiping(user=lambda argv: rig.as_user(rig.ALICE, argv))  # under no_new_privs
        self.assert_alive(done, ["127.0.0.1"])

    def test_empty_bounding_set(self):
        done = self.run_multiping(user=lambda argv: rig.as_user(rig.ALICE, argv, no_new_privs=False))
        self.assert_says(done, NO_SOCKET + REFUSED + r"\. This program's bounding set lacks cap_net_raw, and so does any private "
                         "helper" + HELPS + PING_SOCKETS)

    def test_user_namespace(self):
        self.host.configuration.unlink()
        done = self.run_multiping("/usr/bin/unshare", "--user", "--map-current-user")
        self.assert_says(done, NO_SOCKET + REFUSED + r"\. This program is in a user namespace, where no private helper gets a "
                         "right over a network from outside" + HELPS + PING_SOCKETS)

    def test_user_namespace_with_one_number(self):
        self.host.configuration.unlink()
        done = self.run_multiping("/usr/bin/unshare", "--user", "--map-root-user")
        self.assert_says(done, NO_SOCKET + NONE_IS_FREE + HELPS + SERVICE)

    def test_file_system_that_gives_no_rights(self):
        done = self.host.run(["mount", "-t", "tmpfs", "-o", "nosuid,mode=755", "none", "/mnt"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.host.run(["cp", "-p", "--preserve=all", self.helper_path, "/mnt"]).returncode, 0)
        helper = f"/mnt/{self.helper_path.name}"
        self.assert_says(self.run_multiping(helper=helper), NO_SOCKET + REFUSED +
                         r"\. That file lies where none gives a right \(nosuid\)" + HELPS + PING_SOCKETS, helper)

    def test_forbidden(self):
        self.host.configure("[private]\nallow = no\n")
        self.assert_says(self.run_multiping(), NO_SOCKET + r"cannot read the configuration: /etc/multiping/helper\.conf: "
                         r"\[private\] allow = no; use the shared helper" + HELPS + SERVICE)

    def test_configuration_of_another(self):
        os.chown(self.host.configuration, rig.ALICE, 0)
        self.assert_says(self.run_multiping(), NO_SOCKET + r"cannot read the configuration: /etc/multiping/helper\.conf must be a "
                         r"file that belongs to root and that nobody else can write to; chown root, chmod go-w" + HELPS + SERVICE)

    def test_too_few_descriptors(self):
        done = self.run_multiping("/usr/bin/prlimit", "--nofile=40")
        self.assert_says(done, NO_SOCKET + r"cannot clean the surroundings: having 72 descriptors: .*; raise RLIMIT_NOFILE "
                         r"\(ulimit -n\)" + HELPS + SERVICE)

    def test_no_helper_at_all(self):
        for other in ("/bin/true", "/bin/cat"):
            self.assert_says(self.run_multiping(helper=other), NO_SOCKET + r"it closed the connection before it had answered" +
                             HELPS + SERVICE, other)

    def test_named_socket_is_the_only_one_tried(self):
        folder = rig.temporary_folder()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as closed_to_others:
            closed_to_others.bind(str(folder / "closed"))
            closed_to_others.listen()
            os.chmod(folder / "closed", 0o600)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as deaf:
                deaf.bind(str(folder / "deaf"))
                os.chmod(folder / "deaf", 0o666)
                for name, answer in (("missing", r"No such file or directory; is the path right, and the service running\?"),
                                     ("deaf", r"Connection refused; is the service running\?"),
                                     ("closed", r"Permission denied; its mode or group keeps this user out: ask the "
                                                r"administrator")):
                    with self.subTest(name):
                        self.assert_says(self.run_multiping(MULTIPING_SOCKET=str(folder / name)),
                                         rf"no helper at {folder}/{name}: {answer}")

    def start_shared(self, *command):
        """What the shared helper says to its user, started by @command."""
        path = rig.copy_to(rig.temporary_folder(), rig.program("multiping-helper"))
        os.chown(path.parent, rig.ALICE, rig.ALICE)
        argv = [*command, path, "--listen", path.parent / "socket"]
        done = self.host.run(rig.as_user(rig.ALICE, argv, keep_bounding=True))
        self.assertEqual(done.returncode, hostile.UNAVAILABLE)
        return done.stderr

    def test_shared_helper_in_a_user_namespace(self):
        self.host.configuration.unlink()
        as_root = self.start_shared("/usr/bin/unshare", "--user", "--map-root-user")
        self.assertRegex(as_root, rf"^multiping-helper: {NONE_IS_FREE}\n$")
        tried = "multiping-helper: tried raw IPv4 sockets: Operation not permitted\n"
        for command, advice in (((), "start it as root or with CAP_NET_RAW, or "),
                                (("/usr/bin/unshare", "--user", "--map-current-user"),
                                 "a user namespace gives no right over a network from outside: start it outside, or ")):
            said = self.start_shared(*command)
            self.assertIn("cannot open the ICMP sockets: no way to send ICMP: Permission denied; " + advice +
                          "set net.ipv4.ping_group_range to its group\n" + tried, said)


if __name__ == "__main__":
    rig.main()
