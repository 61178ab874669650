# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The C library with a real helper (library/test_library.c says what of), and as a package: what it exports, and how a program
is built with it."""

import re
import subprocess

import rig

LIMITED = rig.UNLIMITED.replace("packets_per_second = unlimited\nburst_packets = unlimited",
                                "packets_per_second = 200\nburst_packets = 10")
LOST = ("lost_events_tell_each_outcome_once", "lost_receive_returns_with_what_it_has", "lost_is_what_no_helper_came_back_for")
FOLDER = rig.SOURCE / "tests/integration/library"


class Pings(rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.network.drop("ip daddr 127.8.0.0/16 icmp type echo-request numgen inc mod 2 0",
                          "ip daddr 127.9.0.0/16")
        self.test_program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/library/test_library")

    def assert_passes(self, helper, pattern, user=rig.ALICE, **environment):
        argv = [self.test_program, pattern]
        done = self.network.run(rig.as_user(user, argv) if user else argv,
                                env=rig.environment(MULTIPING_SOCKET=str(helper.socket), **environment))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"PASSED  \] [1-9]")  # a pattern that matches nothing passes too

    def test_alive(self):
        self.assert_passes(self.helper(self.network), "alive_*")

    def test_limited(self):
        self.assertNotEqual(LIMITED, rig.UNLIMITED)
        self.assert_passes(self.helper(self.network, LIMITED), "limited_*")

    def test_lost(self):
        for name in LOST:
            with self.subTest(name):
                helper = self.helper(self.network)
                helper.was_killed = True  # by the test program, which is root's for that
                self.assert_passes(helper, name, user=0, HELPER_PID=str(helper.pid))


class Package(rig.Case):
    """Programs are built with what was installed, as anybody would."""

    def setUp(self):
        self.folder = rig.temporary_folder()
        self.prefix = rig.installed()
        self.library, = self.prefix.glob("lib/**/libmultiping.so")
        self.header = self.prefix / "include/multiping.h"

    def run_tool(self, *argv, **options):
        done = subprocess.run(argv, capture_output=True, text=True, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def package_config(self, *words):
        path = self.library.parent / "pkgconfig"
        return self.run_tool("pkg-config", *words, "multiping",
                             env={"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(path)}).split()

    def test_example_of_the_readme(self):
        example, = re.findall(r"^```c\n(.*?)^```$", (rig.SOURCE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        source, program = self.folder / "example.c", self.folder / "example"
        source.write_text(example)
        self.run_tool("cc", "-Wall", "-Wextra", "-Werror", "-o", program, source, *self.sanitizers(),
                      *self.package_config("--cflags", "--libs"))
        network = self.namespace()
        network.drop("ip daddr 127.9.0.0/16")
        done = network.run(rig.as_user(rig.ALICE, [program, "127.0.0.1", "127.9.0.1", "no-such-host.invalid"]),
                           env=rig.environment(MULTIPING_SOCKET=str(self.helper(network).socket)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^127\.0\.0\.1: \d+\.\d{3} ms\n127\.9\.0\.1: no reply\nno-such-host\.invalid: (?!no reply\n).+\n$")

    def declared(self):
        return set(re.findall(r"^\w[^;{}#]*?\b(multiping_\w+)\(", self.header.read_text(), re.MULTILINE))

    def sanitizers(self):
        return re.findall(r"-fsanitize=\S+", (rig.BUILD / "build.ninja").read_text())[:1]

    def test_exports_are_what_the_header_declares(self):
        lines = self.run_tool("nm", "-D", "--defined-only", self.library).splitlines()
        exported = {line.split()[2].partition("@")[0] for line in lines if line.split()[1] == "T"}
        self.assertEqual(exported, self.declared())

    def test_each_function_can_be_linked(self):
        program = self.folder / "symbols"
        self.run_tool("cc", "-o", program, FOLDER / "symbols.c", *self.sanitizers(),
                      *self.package_config("--cflags", "--libs"))
        printed = self.run_tool(program, env=rig.environment())
        self.assertEqual(set(printed.split()), self.declared())

    def test_static_library_is_complete(self):
        program = self.folder / "symbols"
        libraries = [word for word in self.package_config("--cflags", "--libs", "--static")]
        static = [str(self.library.parent / "libmultiping.a") if word == "-lmultiping" else word for word in libraries]
        self.run_tool("cc", "-o", program, FOLDER / "symbols.c", *self.sanitizers(), *static)
        self.assertEqual(set(self.run_tool(program).split()), self.declared())
        self.assertNotIn("libmultiping", self.run_tool("ldd", program))

    def test_static_library_has_no_other_names(self):
        lines = self.run_tool("nm", "-g", "--defined-only", self.library.parent / "libmultiping.a").splitlines()
        names = {line.split()[2] for line in lines if len(line.split()) == 3 and line.split()[1] in "TDBR"}
        self.assertEqual(names, self.declared())

    def test_cmake_package_is_found(self):
        (self.folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(user LANGUAGES C)\n"
            "find_package(multiping 0.1 REQUIRED)\n"
            f"add_executable(symbols {FOLDER}/symbols.c)\n"
            "target_link_libraries(symbols PRIVATE multiping::multiping)\n")
        self.run_tool("cmake", "-G", "Ninja", "-S", self.folder, "-B", self.folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                      f"-DCMAKE_C_FLAGS={' '.join(self.sanitizers())}")
        self.run_tool("cmake", "--build", self.folder / "build")
        printed = self.run_tool(self.folder / "build/symbols", env=rig.environment())
        self.assertEqual(set(printed.split()), self.declared())

    def test_header_is_cplusplus_too(self):
        self.run_tool("c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++",
                      "-I", self.header.parent, FOLDER / "symbols.c")

    def test_header_is_enough_by_itself(self):
        self.run_tool("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                      "-x", "c", "-", input=f'#include "{self.header}"\n')


if __name__ == "__main__":
    rig.main()
