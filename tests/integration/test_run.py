# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""./run, from this checkout and from copies of it; and with MULTIPING_CLEAN_CLONE in the environment from a fresh clone of it, set-up included."""

import os
import subprocess
import time

import rig

SET_UP = ("installing", "configuring", "allowing")  # words of its lines on stderr
OVERHEAD_SECONDS = 5  # generous: it is a fraction of one on an idle machine


class Run(rig.Case):
    def setUp(self):
        self.root = rig.SOURCE
        if "MULTIPING_CLEAN_CLONE" in os.environ:
            self.root = rig.temporary_folder() / "multiping"
            subprocess.run(["git", "-c", "safe.directory=*", "clone", "--quiet", rig.SOURCE, self.root], check=True)
        self.network = self.namespace()

    def call(self, *targets):
        return self.network.run([self.root / "run", *targets], timeout=900,
                                env={name: value for name, value in os.environ.items() if name != "CI"})

    def test_two_addresses_are_alive_and_a_second_call_does_no_set_up(self):
        done = self.call("127.0.0.1", "::1")
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())), (0, ["127.0.0.1 is alive", "::1 is alive"]),
                         done.stderr)
        begin = time.monotonic()
        again = self.call()
        self.assertLess(time.monotonic() - begin, OVERHEAD_SECONDS)
        self.assertEqual((again.returncode, sorted(again.stdout.splitlines())), (0, sorted(done.stdout.splitlines())))
        for word in SET_UP:
            self.assertNotIn(word, again.stderr)

    def test_unknown_name_is_told_and_exits_2(self):
        done = self.call("127.0.0.1", "no-such-host.invalid")
        self.assertEqual((done.returncode, done.stdout), (2, "127.0.0.1 is alive\n"), done.stderr)
        self.assertIn("no-such-host.invalid", done.stderr)


class Clones(rig.Case):
    """Clones that belong to an ordinary user without privilege, and no sudo that would help."""

    def clone(self, name):
        folder = rig.temporary_folder() / name
        folder.mkdir()
        subprocess.run(["cp", "-r", *(path for path in rig.SOURCE.iterdir() if path.name not in ("build", ".git")), folder], check=True)
        subprocess.run(["chown", "-R", f"{rig.ALICE}:{rig.ALICE}", folder.parent], check=True)
        return folder

    def call(self, network, folder, *words, **environment):
        return network.run(rig.as_user(rig.ALICE, words), cwd=folder, timeout=900, env=rig.environment(**environment))

    def test_packages_of_the_readme_are_those_it_installs(self):
        done = subprocess.run(["bash", "-c", '. "$0" && echo "${packages_build[*]}"', rig.SOURCE / ".ci/setup"],
                              capture_output=True, text=True, check=True)
        self.assertIn(f"    sudo apt install {done.stdout}", (rig.SOURCE / "README.md").read_text())

    def test_build_of_somebody_else_is_told(self):
        folder = self.clone("clone")
        (folder / "build/release").mkdir(parents=True)
        done = self.call(self.namespace(), folder, folder / "run")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (
            4, "", f"run: {folder}/build belongs to root: remove {folder}/build, or run this as that user\n"))

    def test_moved_clone_is_configured_anew_and_pings_where_it_has_a_way(self):
        network, folder = self.namespace(), self.clone("before")
        done = self.call(network, folder, "/usr/bin/cmake", "--preset", "release", "-DMULTIPING_TESTS=OFF")
        self.assertEqual(done.returncode, 0, done.stderr)
        folder = folder.rename(folder.parent / "after")
        (folder / "build/release/install_manifest.txt").touch()  # root's, as "sudo cmake --install" leaves it
        network.sysctl("net.ipv4.ping_group_range", f"{rig.ALICE} {rig.ALICE}")
        done = self.call(network, folder, folder / "run")
        self.assert_pings(done)
        self.assertIn("configuring", done.stderr)

        network.sysctl("net.ipv4.ping_group_range", "1 0")
        self.assert_pings(self.call(network, folder, folder / "run", MULTIPING_SOCKET=str(self.helper(network).socket)))
        done = self.call(network, folder, folder / "run")
        self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
        for word in ("allowing", f"private helper {folder}/build/release/helper/multiping-helper-private: "):
            self.assertIn(word, done.stderr)

    def assert_pings(self, done):
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())), (0, ["127.0.0.1 is alive", "::1 is alive"]),
                         done.stderr)
        self.assertNotIn("allowing", done.stderr)


if __name__ == "__main__":
    rig.main()
