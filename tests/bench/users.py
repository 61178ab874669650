#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What do many clients at once cost? 64 users with 1,000 hosts each against one with 64,000, multiping's and fping's."""

import os
import statistics
import subprocess

import bench

N_USERS, N_HOSTS, COUNT = 64, 1000, 1  # one fping has no more sequence numbers


def together(shared, commands):
    """Runs @commands at once, each with its hosts; processor seconds of them and of the helper, and how many replies there were."""
    processes, outputs, seconds = [], [], -bench.processor_seconds(shared.helper.pid)
    for number, (argv, targets) in enumerate(commands):
        paths = shared.folder / f"targets{number}", shared.folder / f"output{number}"
        paths[0].write_text("\n".join(targets))
        outputs.append(paths[1])
        with paths[0].open() as stdin, paths[1].open("w") as stderr:
            processes.append(shared.network.popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr))
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds += usage.ru_utime + usage.ru_stime
    lines = [line.split(" : ")[1].split() for path in outputs for line in path.read_text().splitlines() if " : " in line]
    return {"s": seconds + bench.processor_seconds(shared.helper.pid), "lost": sum(line.count("-") for line in lines)}


def rows(rounds):
    options = ["-q", "-i", "0", "-p", "1000", "-t", "10000", "-C", str(COUNT), "-f", "-"]
    targets = bench.hosts(N_USERS * N_HOSTS)
    parts = [targets[user * N_HOSTS:(user + 1) * N_HOSTS] for user in range(N_USERS)]
    with bench.Shared() as shared:
        results = bench.alternate({
            "64 clients": lambda: together(shared, [(shared.helper.command(*options, uid=21000 + user), part)
                                                    for user, part in enumerate(parts)]),
            "one client": lambda: together(shared, [(shared.helper.command(*options), targets)]),
            "64 fpings": lambda: together(shared, [(["fping", *options], part) for part in parts]),
            "one fping": lambda: together(shared, [(["fping", *options], targets)]),
        }, rounds)
    cost_us = {name: [round["s"] * 1e6 / (N_USERS * N_HOSTS * COUNT) for round in own] for name, own in results.items()}
    median = {name: statistics.median(own) for name, own in cost_us.items()}
    lost = {name: sum(round["lost"] for round in own) for name, own in results.items()}
    yield bench.Row("a ping of 64 clients at once", median["64 clients"], "us of cpu", median, "one client",
                    bench.ratio(cost_us["64 clients"], cost_us["one client"]), 1.15,
                    note=f"fping: {bench.ratio(cost_us['64 fpings'], cost_us['one fping']):.2f} times; lost: "
                         + ", ".join(f"{name} {number}" for name, number in lost.items()))


if __name__ == "__main__":
    bench.main(rows, __doc__)
