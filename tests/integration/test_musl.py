# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""The private helper with another C library, musl (tests/musl): it serves as the other does, and makes no call that its filter does not
let through."""

import subprocess
import sys

import rig
import test_normal_run

FOLDER = rig.BUILD / "musl"


class Musl(test_normal_run.Case):
    def private_helper(self):
        path = rig.copy_to(rig.temporary_folder(), FOLDER / "multiping-helper-private")
        subprocess.run(["setcap", "cap_net_raw=p", path], check=True)
        return path

    def test_serves_under_the_same_filter(self):
        for uid in (0, rig.ALICE):
            used = self.run_private(uid).used
            self.assertEqual(used - test_normal_run.rules_of_the_filter(), set())
            self.assertLess({("sendmsg", "SEND"), ("recvmmsg", "RECEIVE"), ("recvfrom", "CLIENT"), ("close", "CLIENT")}, used)


if __name__ == "__main__":
    built = subprocess.run([rig.SOURCE / "tests/musl/build", FOLDER])
    if built.returncode == rig.SKIPPED:
        print("skipped: Debian's sources of libseccomp, libcap and msgpack-c cannot be had")
    if built.returncode != 0:
        sys.exit(built.returncode)
    rig.main()
