#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What do many clients at once cost? 64 users with 1,000 hosts each against one with 64,000, multiping's and fping's."""

import statistics
import subprocess

import bench

N_USERS, N_HOSTS = 64, 1000
COUNT, FPINGS_COUNT = 5, 1  # of each host; one fping has no more sequence numbers
SOME_LOST = 1               # fping's exit code


def together(shared, commands, count, codes=(0,)):
    """Runs @commands at once, each with its hosts: the cost of a ping, of them and of the helper, and how many had no reply."""
    processes, outputs, seconds = [], [], -bench.processor_seconds(shared.helper.pid)
    for number, (argv, targets) in enumerate(commands):
        paths = shared.folder / f"targets{number}", shared.folder / f"output{number}"
        paths[0].write_text("\n".join(targets))
        outputs.append(paths[1])
        seconds -= shared.start_s(argv)
        with paths[0].open() as stdin, paths[1].open("w") as stderr:
            processes.append(shared.network.popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr))
    seconds += sum(bench.used_s(process, codes) for process in processes)
    seconds += bench.processor_seconds(shared.helper.pid)
    lines = [line.split(" : ")[1].split() for path in outputs for line in path.read_text().splitlines() if " : " in line]
    n_pings = N_USERS * N_HOSTS * count
    if sum(map(len, lines)) != n_pings:
        raise RuntimeError(f"{sum(map(len, lines))} of {n_pings} pings told")
    n_lost = sum(line.count("-") for line in lines)
    if n_lost > 0 and SOME_LOST not in codes:
        raise RuntimeError(f"{n_lost} lost")
    return {"us": seconds * 1e6 / n_pings, "lost": n_lost}


def rows(rounds):
    def options(count):
        return ["-q", "-i", "0", "-p", "1000", "-t", "10000", "-C", str(count), "-f", "-"]

    targets = bench.hosts(N_USERS * N_HOSTS)
    parts = [targets[user * N_HOSTS:(user + 1) * N_HOSTS] for user in range(N_USERS)]
    fping = ["fping", *options(FPINGS_COUNT)]
    with bench.Shared() as shared:
        results = bench.alternate({
            "64 clients": lambda: together(shared, [(shared.helper.command(*options(COUNT), uid=21000 + user), part)
                                                    for user, part in enumerate(parts)], COUNT),
            "one client": lambda: together(shared, [(shared.helper.command(*options(COUNT)), targets)], COUNT),
            "64 fpings": lambda: together(shared, [(fping, part) for part in parts], FPINGS_COUNT, (0, SOME_LOST)),
            "one fping": lambda: together(shared, [(fping, targets)], FPINGS_COUNT, (0, SOME_LOST)),
        }, rounds)
    cost_us = {name: [round["us"] for round in own] for name, own in results.items()}
    median = {name: statistics.median(own) for name, own in cost_us.items()}
    lost = {name: sum(round["lost"] for round in own) for name, own in results.items() if "fping" in name}
    yield bench.Row("a ping of 64 clients at once", median.pop("64 clients"), "us of cpu", median, "one client",
                    bench.ratio(cost_us["64 clients"], cost_us["one client"]), 1.15, 1.15,
                    note=f"fping: {bench.ratio(cost_us['64 fpings'], cost_us['one fping']):.2f} times; lost by "
                         + ", ".join(f"{name} {number}" for name, number in lost.items()))


if __name__ == "__main__":
    bench.main(rows, __doc__)
