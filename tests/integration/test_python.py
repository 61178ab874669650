# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The Python package: as what is installed, in what it does for an unprivileged user, and in how it fails."""

import ast
import os
import re
import shutil
import socket
import subprocess
import threading

import python_rig
import rig
from client_from_specification import Client

SOURCE = rig.SOURCE / "client/python"
WHERE = "import multiping, multiping._library as library; print(multiping.__file__, library._waiting._name)"
PING = "import multiping; print(*multiping.multi_ping(['127.0.0.1'], 10)[0])"
OLDEST_PYTHON = (3, 8)


class Package(python_rig.Case):
    def run_tool(self, *argv, **options):
        done = subprocess.run(argv, capture_output=True, text=True, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def where(self, folder):
        """Of the package in @folder and of the library it found, the prefixes; nothing else tells it."""
        environment = {**python_rig.environment(), "PYTHONPATH": str(folder)}
        package, library = self.run_tool(python_rig.PYTHON, "-B", "-c", WHERE, env=environment, cwd="/").split()
        return package, os.path.normpath(library)

    def test_installed_package_finds_the_library_beside_it_wherever_the_prefix_is(self):
        moved = rig.temporary_folder() / "moved"
        shutil.copytree(rig.installed(), moved, symlinks=True)
        for prefix in (rig.installed(), moved):
            folder = prefix / python_rig.package_folder().relative_to(rig.installed())
            package, library = self.where(folder)
            self.assertEqual(package, str(folder / "multiping/__init__.py"))
            self.assertIn(library, [str(path) for path in prefix.glob("lib/**/libmultiping.so.1")])

    def test_package_of_the_build_tree_finds_the_library_built_there(self):
        _, library = self.where(rig.BUILD / "client/python")
        self.assertEqual(library, str(rig.BUILD / "client/lib/libmultiping.so.1"))

    def configured(self, prefix, *options):
        """The folder for packages, and where the package there would look for the library; both from @prefix."""
        build = rig.temporary_folder()
        self.run_tool("cmake", "-G", "Ninja", "-S", rig.SOURCE, "-B", build, f"-DCMAKE_INSTALL_PREFIX={prefix}",
                      "-DMULTIPING_TESTS=OFF", *options)
        cache = (build / "CMakeCache.txt").read_text()
        folder = os.path.join(prefix, re.search(r"^MULTIPING_PYTHON_DIR:\w+=(.*)$", cache, re.MULTILINE)[1])
        text = (build / "client/python/installed/_installed.py").read_text()
        library = re.search(r'^LIBRARY = "(.*)"', text, re.MULTILINE)[1]
        self.assertFalse(os.path.isabs(library))
        return folder, os.path.normpath(os.path.join(folder, "multiping", library))

    def test_folder_is_one_where_python_looks(self):
        searched = self.run_tool(python_rig.PYTHON, "-c", "import sys; print(*sys.path, sep='\\n')").splitlines()
        machine = self.run_tool("gcc", "-print-multiarch").strip()
        for prefix, library in (("/usr", f"/usr/lib/{machine}"), ("/usr/local", "/usr/local/lib")):
            folder, found = self.configured(prefix)
            self.assertIn(folder, searched)
            self.assertEqual(found, f"{library}/libmultiping.so.1")

    def test_folder_can_be_chosen(self):
        for chosen in ("share/python", "/opt/other/python"):
            folder, found = self.configured("/opt/multiping", f"-DMULTIPING_PYTHON_DIR={chosen}")
            self.assertEqual((folder, found), (os.path.join("/opt/multiping", chosen), "/opt/multiping/lib/libmultiping.so.1"))

    def test_every_module_is_installed(self):
        sources = {path.name.replace(".in", "") for path in (SOURCE / "multiping").iterdir() if path.name != "__pycache__"}
        self.assertEqual({path.name for path in (python_rig.package_folder() / "multiping").iterdir()}, sources)

    def test_oldest_python_can_read_it(self):
        for path in SOURCE.glob("multiping/*.py"):
            ast.parse(path.read_text(), path.name, feature_version=OLDEST_PYTHON)

    def test_everything_public_is_documented(self):
        self.run_tool(
            python_rig.PYTHON, "-B", "-c",
            "import inspect, multiping\n"
            "for name in multiping.__all__:\n"
            "    thing = getattr(multiping, name)\n"
            "    assert thing.__doc__ and not thing.__doc__.startswith(name + '('), name\n"  # a tuple's own is no help
            "    for part, member in inspect.getmembers(thing, inspect.isfunction):\n"
            "        own = member.__module__.startswith('multiping') and not part.startswith('_')\n"
            "        assert not own or member.__doc__, (name, part)\n",
            env=python_rig.environment())

    def test_structures_are_those_of_the_header(self):
        shown = self.run_tool(
            python_rig.PYTHON, "-B", "-c",
            "from multiping import _library\n"
            "for structure in (_library.Config, _library.Result, _library.Event, _library.Counter):\n"
            "    for name, *_ in structure._fields_:\n"
            "        field = getattr(structure, name)\n"
            "        print(structure.__name__.lower(), name, field.offset, field.size)\n",
            env=python_rig.environment())
        lines = [line for line in shown.splitlines() if " spare " not in line and not line.startswith("event result ")]
        folder = rig.temporary_folder()
        (folder / "fields.h").write_text("".join("SHOW({}, {});\n".format(*line.split()) for line in lines))
        self.run_tool("cc", "-I", rig.installed() / "include", "-I", folder, "-o", folder / "offsets",
                      python_rig.PROGRAMS / "offsets.c")
        self.assertEqual(self.run_tool(folder / "offsets").splitlines(), lines)
        self.assertEqual([line.split()[1] for line in lines], self.fields_of_the_header())

    def fields_of_the_header(self):
        header = re.sub(r"/\*.*?\*/", "", (rig.installed() / "include/multiping.h").read_text(), flags=re.DOTALL)
        fields = []
        for structure in ("config", "result", "event", "counter"):
            body = re.search(rf"struct multiping_{structure} \{{(.*?)\n\}};", header, re.DOTALL)[1]
            for declaration in body.split(";"):
                fields += re.findall(r"(\w+)(?:\[\w+\])?(?=\s*(?:,|$))", declaration.strip())
        return [name for name in fields if name != "result"]


class Pings(python_rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop("ip daddr 127.8.0.1 icmp type echo-request numgen inc mod 2 0", "ip daddr 127.9.0.0/16")
        self.network.nft("table inet refusal { chain input { type filter hook input priority 0; policy accept;\n"
                         "ip daddr 127.7.0.0/16 icmp type echo-request reject with icmp host-prohibited\n}\n}\n")
        self.shared = self.helper(self.network)

    def test_printing_loop_of_the_manual(self):
        printed = self.assert_program(self.network, "report.py", "127.0.0.1", "localhost", "::1", "127.8.0.1", "127.9.0.1",
                                      helper=self.shared)
        answered = r"{} answered within 0\.\d{{6}} seconds"
        lines = [answered.format("127.0.0.1"), answered.format("::1"), r"no answer from 127\.8\.0\.1, 127\.9\.0\.1",
                 answered.format("127.8.0.1"), r"no answer from 127\.9\.0\.1", r"no answer from 127\.9\.0\.1"]
        self.assertRegex(printed, "\\A" + "\n".join(lines) + "\n\\Z")

    def test_behaviour(self):
        print(self.assert_program(self.network, "behaviour.py", helper=self.shared))

    def test_asynchronous(self):
        print(self.assert_program(self.network, "asynchronous.py", helper=self.shared))


class Failures(python_rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.path = rig.temporary_folder() / "socket"

    def ping(self, *hosts, **options):
        """What comes of multi_ping() and of async_multi_ping() of @hosts, as failing.py prints it."""
        return self.assert_program(self.network, "failing.py", *hosts, **options).splitlines()

    def assert_fails(self, name, error, *words, hosts=("127.0.0.1",), **options):
        first, second = self.ping(*hosts, **options)
        self.assertEqual(first, second)
        told = first.split("|")
        self.assertEqual((told[0], os.strerror(int(told[1]))), (name, error), told)
        for word in words:
            self.assertIn(word, told[2])

    def test_no_socket(self):
        self.assert_fails("MultiPingNoHelperError", "No such file or directory", str(self.path), "is the path right",
                          MULTIPING_SOCKET=str(self.path))

    def test_nobody_listens(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left_behind:
            left_behind.bind(str(self.path))
        self.path.chmod(0o666)
        self.assert_fails("MultiPingNoHelperError", "Connection refused", str(self.path), "is the service running",
                          MULTIPING_SOCKET=str(self.path))

    def test_socket_is_for_others(self):
        helper = self.helper(self.network, rig.UNLIMITED.replace("[helper]", "[helper]\nmode = 0600"))
        self.assert_fails("MultiPingDeniedError", "Permission denied", str(helper.socket), "mode or group", helper=helper)

    def test_too_many_connections(self):
        helper = self.helper(self.network, rig.UNLIMITED.replace("max_connections = unlimited", "max_connections = 1"))
        with Client(helper.connect(rig.ALICE)) as other:
            other.hello()
            self.assert_fails("MultiPingLimitError", "Device or resource busy", "connections", helper=helper)

    def test_something_else_listens(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(self.path))
            self.path.chmod(0o666)
            listener.listen()
            answering = threading.Thread(target=self.answer_nonsense, args=(listener, 2))
            answering.start()
            self.assert_fails("MultiPingProtocolError", "Protocol error", "not the protocol", MULTIPING_SOCKET=str(self.path))
            answering.join()

    @staticmethod
    def answer_nonsense(listener, times):
        for _ in range(times):
            connection, _ = listener.accept()
            with connection:
                connection.recv(16384)
                connection.send(b"\xc1")

    def test_all_hosts_denied(self):
        self.assert_fails("MultiPingDeniedError", "Operation not permitted", "255.255.255.255", "policy",
                          hosts=("255.255.255.255", "255.255.255.255"), helper=self.helper(self.network))

    def test_one_denied_host_does_not_spoil_the_rest(self):
        for answer in self.ping("127.0.0.1", "255.255.255.255", helper=self.helper(self.network)):
            self.assertRegex(answer, r"\A\(\{'127\.0\.0\.1': \d\S*\}, \['255\.255\.255\.255'\]\)\Z")

    def test_helper_is_killed(self):
        self.network.drop("ip daddr 127.9.0.0/16")
        helper = self.helper(self.network)
        helper.was_killed = True  # by the program, which is root's for that
        self.assert_program(self.network, "losing.py", str(helper.pid), helper=helper, uid=0)


if __name__ == "__main__":
    rig.main()
