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
    def time_of(argv):
        begin = time.monotonic()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=environment)
        return (time.monotonic() - begin) * 1e3

    environment = {"PATH": "/usr/bin"}  # programs that are installed find their libraries
    with bench.Shared() as shared, shared.network.entered():  # so that nothing but the program itself is started
        contestants = {"multiping": [bench.rig.program("multiping"), "--socket", shared.helper.socket, "127.0.0.1"],
                       "fping": ["/usr/bin/fping", "127.0.0.1"], "an empty program": ["/bin/true"]}
        results = bench.alternate({name: lambda argv=argv: time_of(argv) for name, argv in contestants.items()}, rounds * RUNS)
    median = {name: statistics.median(own) for name, own in results.items()}
    yield bench.Row("one ping, whole process", median.pop("multiping"), "ms", median, "fping",
                    bench.ratio(results["multiping"], results["fping"]), 1.15)


if __name__ == "__main__":
    bench.main(rows, __doc__)
