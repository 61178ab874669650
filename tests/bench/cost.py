#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What does a ping cost, and how long does it seem to take? Processor time of helper and client together, and round-trip times, on
65,000 hosts of `lo` at full speed: multiping's command line, its library, fping, and the floor (floor.c)."""

import re
import statistics

import bench

N_TARGETS = 65_000  # fping stops at 65,535


def of_fping(shared, argv, targets):
    """One that writes "H is alive (0.012 ms)": figures as sweep.c has them."""
    processor_s, output = shared.run(argv, "".join(f"{host}\n" for host in targets))
    times_us = sorted(float(ms) * 1000 for ms in re.findall(r" is alive \(([\d.]+) ms\)$", output, re.MULTILINE))
    if len(times_us) != len(targets):
        raise RuntimeError(f"{argv[0]}: {len(times_us)} of {len(targets)} answered")
    return {"processor_s": processor_s, "p50_us": times_us[len(times_us) // 2], "p99_us": times_us[len(times_us) * 99 // 100]}


def rows(rounds):
    options = ["-e", "-i", "0", "-r", "0", "-f", "-"]
    for ipv6, most in ((False, 1.12), (True, 1.15)):
        targets = bench.hosts(N_TARGETS, ipv6)
        with bench.Shared() as shared:
            results = bench.alternate({
                "command line": lambda: of_fping(shared, shared.helper.command(*options), targets),
                "library": lambda: shared.sweep(targets),
                "fping": lambda: of_fping(shared, ["fping", *options], targets),
                "floor": lambda: shared.floor(N_TARGETS, *["-6"] * ipv6),
            }, rounds)
        cost_us = {name: [figures["processor_s"] * 1e6 / N_TARGETS for figures in own] for name, own in results.items()}
        median = {name: statistics.median(own) for name, own in cost_us.items()}
        family = "IPv6" if ipv6 else "IPv4"
        for against, goal, limit in (("floor", most, 2), ("fping", 0.80, 1)):
            yield bench.Row(f"a ping, {family}, command line", median["command line"], "us of cpu", {against: median[against]}, against,
                            bench.ratio(cost_us["command line"], cost_us[against]), goal, limit)
        yield bench.Row(f"a ping, {family}, library", median["library"], "us of cpu", {"floor": median["floor"]}, "floor",
                        bench.ratio(cost_us["library"], cost_us["floor"]), most)
        p50_us = {name: [figures["p50_us"] for figures in own] for name, own in results.items()}
        beyond = [one - other for one, other in zip(p50_us["library"], p50_us["floor"], strict=True)]
        yield bench.Row(f"round-trip time, {family}, p50 beyond the floor's", statistics.median(beyond), "us",
                        {name: statistics.median(own) for name, own in p50_us.items()}, goal=0.3)
        spread = {name: [figures["p99_us"] - figures["p50_us"] for figures in own] for name, own in results.items()}
        yield bench.Row(f"round-trip time, {family}, p99 - p50", statistics.median(spread["library"]), "us",
                        {name: statistics.median(own) for name, own in spread.items()}, "floor",
                        bench.ratio(spread["library"], spread["floor"]), 2)


if __name__ == "__main__":
    bench.main(rows, __doc__)
