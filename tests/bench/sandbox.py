#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What does the system-call filter cost? Processor time of the helper alone, and with its client, on 65,000 hosts of `lo` at full speed, with
the filter and without; both helpers are the test build that can go without it (tests/integration/attack)."""

import statistics

import bench

N_TARGETS = 65_000


def rows(rounds):
    targets = bench.hosts(N_TARGETS)
    with bench.Shared(without="NOTHING") as filtered, bench.Shared(without="FILTER") as free:
        def sweep(shared):
            before = bench.processor_seconds(shared.helper.pid)
            both_s = shared.sweep(targets)["processor_s"]
            return bench.processor_seconds(shared.helper.pid) - before, both_s

        for shared, mode in ((filtered, "2"), (free, "0")):
            if bench.rig.status(shared.helper.pid)["Seccomp"] != mode:
                raise RuntimeError("a helper has a filter that should not, or has not that should")
            sweep(shared)  # the first one finds tables that were never touched
        results = bench.alternate({"with filter": lambda: sweep(filtered), "without": lambda: sweep(free)}, rounds)
    for place, whose in enumerate(("helper alone", "helper and client")):
        cost_us = {name: [figures[place] * 1e6 / N_TARGETS for figures in own] for name, own in results.items()}
        median = {name: statistics.median(own) for name, own in cost_us.items()}
        yield bench.Row(f"a ping with the filter, {whose}", median["with filter"], "us of cpu", median, "without",
                        bench.ratio(cost_us["with filter"], cost_us["without"]), 1.10, 1.5)


if __name__ == "__main__":
    bench.main(rows, __doc__)
