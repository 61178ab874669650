# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""./run, from this checkout; and with MULTIPING_CLEAN_CLONE in the environment from a fresh clone of it, set-up included."""

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


if __name__ == "__main__":
    rig.main()
