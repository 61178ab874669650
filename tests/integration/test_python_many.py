# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""65,535 hosts in one multi_ping(), by a user without any privilege, beside the C library's multiping_run() with the same."""

import re
import statistics
import time

import python_rig
import rig

N_HOSTS = 65535
WAIT_SECONDS = 10  # nothing is lost on `lo`: a time-out here would be ours
N_PAIRS = 5
MAX_RATIO = 3
MAX_BYTES_PER_TARGET = 1024


class Many(python_rig.Case):
    def setUp(self):
        self.network = self.namespace()
        self.shared = self.helper(self.network)
        self.hosts = "".join(f"127.1.{number >> 8}.{number & 255}\n" for number in range(N_HOSTS))

    def ping_by_python(self, *words):
        """The seconds of a whole program, from its start to its end, and the bytes a target that the call took."""
        begin = time.monotonic()
        printed = self.assert_program(self.network, "many.py", str(WAIT_SECONDS), *words, helper=self.shared, input=self.hosts)
        seconds = time.monotonic() - begin
        n_bytes = re.fullmatch(rf"replies {N_HOSTS} missing 0 bytes (\d+)\n", printed)[1]
        return seconds, int(n_bytes) / N_HOSTS

    def ping_by_c(self, program):
        """The same of the C program, which does the same; the seconds."""
        argv = rig.as_user(rig.ALICE, [program, self.shared.socket, str(1000 * WAIT_SECONDS)])
        begin = time.monotonic()
        done = self.network.run(argv, input=self.hosts)
        seconds = time.monotonic() - begin
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return seconds

    def test_time_and_memory(self):
        program = rig.copy_to(rig.temporary_folder(), rig.BUILD / "tests/integration/ping_many")
        pairs = [(self.ping_by_c(program), *self.ping_by_python()) for _ in range(N_PAIRS)]
        for c, python, n_bytes in pairs:
            print(f"{N_HOSTS} hosts: C {c:.2f} s, Python {python:.2f} s, {python / c:.2f} times; {n_bytes:.0f} bytes a target")
        ratio = statistics.median(python / c for c, python, _ in pairs)
        print(f"median {ratio:.2f} times")
        self.assertLessEqual(ratio, MAX_RATIO)
        self.assertLess(max(n_bytes for *_, n_bytes in pairs), MAX_BYTES_PER_TARGET)

    def test_asynchronous(self):
        seconds, n_bytes = self.ping_by_python("async")
        print(f"{N_HOSTS} hosts: asynchronous {seconds:.2f} s, {n_bytes:.0f} bytes a target")
        self.assertLess(n_bytes, MAX_BYTES_PER_TARGET)


if __name__ == "__main__":
    rig.main()
