# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Helpers with another C library, musl: builds them (tests/musl), for the suite that CTest runs with them once more, too. They make no call
that the filter, which is the same, does not let through, and their rules are all needed."""

import subprocess
import sys

import rig
import test_normal_run
from test_normal_run import NEVER, SOMETIMES

ALLOCATOR = {("mprotect", "ANY"), ("madvise", "ANY")}  # musl's has need of them now and then


class Musl(test_normal_run.Case):
    def test_serves_under_the_same_filter(self):
        used = self.run_shared().used.union(*(self.run_private(uid).used for uid in (0, rig.ALICE)))
        rules = test_normal_run.rules_of_the_filter()
        self.assertEqual(used - rules, set(), "called without a rule, and yet alive")
        self.assertEqual(rules - used - set(SOMETIMES) - set(NEVER), set(), "rules that nothing needs")
        self.assertEqual(set(NEVER) & used - ALLOCATOR, set(), "seen, and so in need of no reason")


if __name__ == "__main__":
    rig.HELPERS = rig.BUILD / "musl"
    built = subprocess.run([rig.SOURCE / "tests/musl/build", rig.HELPERS])
    if built.returncode == rig.SKIPPED:
        print("skipped: Debian's sources of libseccomp, libcap and msgpack-c cannot be had")
    if built.returncode != 0:
        sys.exit(built.returncode)
    rig.main()
