#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""How long does one ping take, from the start of the program to its end, where a helper runs?"""

import statistics
import subprocess
import time

import bench

RUNS = 60  # of each in turn in a round


def rows(rounds):
    with bench.Shared() as shared:
        def time_of(argv):
            begin = time.monotonic()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=bench.rig.environment())
            return (time.monotonic() - begin) * 1e3

        # both start in the namespace by the same way, neither by as_user, which fping does not need
        ours, theirs = (shared.network.command(argv) for argv in (
            [bench.rig.program("multiping"), "--socket", shared.helper.socket, "127.0.0.1"], ["fping", "127.0.0.1"]))
        empty = shared.network.command(["true"])
        results = bench.alternate({"multiping": lambda: time_of(ours), "fping": lambda: time_of(theirs),
                                   "true": lambda: time_of(empty)}, rounds * RUNS)
    median = {name: statistics.median(own) for name, own in results.items()}
    yield bench.Row("one ping, whole process", median["multiping"], "ms", median, "fping", median["multiping"] / median["fping"], 1.15,
                    note="nsenter's own start is in all of them: true")


if __name__ == "__main__":
    bench.main(rows, __doc__)
