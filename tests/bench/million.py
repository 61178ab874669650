#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What do a million targets in one call cost, and how long do they take? The library's one call against as many small ones would
cost, and against the floor's million."""

import statistics

import bench

N_TARGETS, N_FEW = 1_000_000, 65_000


def rows(rounds):
    targets = bench.hosts(N_TARGETS)
    with bench.Shared() as shared:
        results = bench.alternate({
            "million": lambda: shared.sweep(targets),
            "few": lambda: shared.sweep(targets[:N_FEW]),
            "floor": lambda: shared.floor(N_TARGETS),
        }, rounds)
        peak = bench.rig.peak_resident_bytes(shared.helper.pid)
    with bench.Shared("") as limited:
        limited_s = limited.sweep(targets)["wall_s"]
    cost_us = {name: [figures["processor_s"] * 1e6 / figures["replies"] for figures in own] for name, own in results.items()}
    wall_s = {name: [figures["wall_s"] for figures in own] for name, own in results.items()}
    yield bench.Row("a ping of a million", statistics.median(cost_us["million"]), "us of cpu",
                    {"of 65,000": statistics.median(cost_us["few"])}, "65,000", bench.ratio(cost_us["million"], cost_us["few"]), 1.10,
                    note="each of them answered")
    yield bench.Row("a million, until the last answer", statistics.median(wall_s["million"]), "s",
                    {"floor": statistics.median(wall_s["floor"])}, "floor", bench.ratio(wall_s["million"], wall_s["floor"]), 1.30)
    yield bench.Row("the same at the default limits", limited_s, "s", note="20,000 packets a second for each user")
    yield bench.Row("library's memory, a target of a million", results["million"][0]["own_bytes"] / N_TARGETS, "bytes")
    yield bench.Row("helper's memory at the most", peak / 2**20, "MiB")


if __name__ == "__main__":
    bench.main(rows, __doc__)
