#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Does a ping cost more when there are more of them? Processor time of helper and library a ping: from one target to a million in one
call, from one client to 1,000 at once, and with up to 500,000 probes of others in flight. --svg FILE draws it."""

import json
import statistics
import subprocess
import sys
import time

import bench
from client_from_specification import Client

TARGETS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
CLIENTS = [1, 10, 100, 1000]
IN_FLIGHT = [0, 1000, 10_000, 100_000, 500_000]
SHARED_TARGETS, PROBED_TARGETS = 64_000, 20_000
LEAST = 20_000      # pings that a figure rests on: fewer targets are asked more often
FLAT_FROM = 1000    # from here on the cost shall not grow
SILENT = "127.255"  # what is asked there stays in flight


def cost_us(figures):
    return sum(figure["processor_s"] for figure in figures) * 1e6 / sum(figure["replies"] for figure in figures)


def of_targets(shared, n_targets):
    targets = bench.hosts(n_targets)
    return cost_us([shared.sweep(targets) for _ in range(min(20, -(-LEAST // n_targets)))])


def of_clients(shared, n_clients):
    """@n_clients at once, each of a user of its own for 16."""
    sweep = bench.rig.copy_to(shared.folder, bench.rig.BUILD / "tests/bench/sweep")
    targets, part = bench.hosts(SHARED_TARGETS), SHARED_TARGETS // n_clients
    seconds, processes = -bench.processor_seconds(shared.helper.pid), []
    for number in range(n_clients):
        argv = bench.rig.as_user(24000 + number // 16, [sweep, shared.helper.socket, "0"])
        processes.append(shared.network.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for number, process in enumerate(processes):  # it asks once it has read all
        process.stdin.write("\n".join(targets[number * part:(number + 1) * part]) + "\n")
        process.stdin.close()
    for process in processes:
        seconds += json.loads(process.stdout.read())["processor_s"]
        process.wait()
    return (seconds + bench.processor_seconds(shared.helper.pid)) * 1e6 / SHARED_TARGETS


def of_in_flight(shared, n_probes):
    """A sweep while others wait for @n_probes that nobody answers."""
    clients, silent = [], [f"{SILENT}.{number >> 8}.{number & 255}" for number in range(2000)]
    for number in range(n_probes // 4000):
        client = Client(shared.helper.connect(25000 + number // 8))
        client.hello("waits")
        for _ in range(2):
            client.begin_ping(silent, 60_000_000)
        clients.append(client)
    shared.wait_for(n_probes // 4000 * 4000)
    cost = cost_us([shared.sweep(bench.hosts(PROBED_TARGETS))])
    for client in clients:
        client.close()
    shared.wait_for(0)
    return cost


class Shared(bench.Shared):
    """With a network that is silent in part, and a table so large that some have room for IN_FLIGHT by their shares."""

    def __init__(self):
        super().__init__(bench.rig.UNLIMITED.replace("[helper]", "[helper]\nprobes_in_flight = 2097152"))

    def __enter__(self):
        self.network.drop(f"ip daddr {SILENT}.0.0/16")
        self.asker = Client(self.helper.connect())
        self.asker.hello("asks")
        return self

    def __exit__(self, *exception):
        self.asker.close()
        super().__exit__(*exception)

    def wait_for(self, n_probes):
        """Until so many probes are in flight."""
        deadline = time.monotonic() + 60
        while (found := self.asker.call("stats", scope="helper")["probes_open"]) != n_probes:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found} probes in flight, not {n_probes}")
            time.sleep(0.1)


SERIES = {"targets in one call": (TARGETS, of_targets), "clients at once": (CLIENTS, of_clients),
          "probes of others in flight": (IN_FLIGHT, of_in_flight)}


def curves(rounds):
    """{what grows: {its size: us a ping}}, medians."""
    with Shared() as shared:
        return {what: {size: statistics.median(own) for size, own in bench.alternate(
                    {size: lambda size=size: measure(shared, size) for size in sizes}, rounds).items()}
                for what, (sizes, measure) in SERIES.items()}


def rows(rounds, draw=None):
    found = curves(min(rounds, 3))
    if draw:
        plot(found, draw)
    for what, curve in found.items():
        base = curve[FLAT_FROM] if FLAT_FROM in curve and what != "clients at once" else curve[min(curve)]
        yield bench.Row(f"a ping, by {what}", curve[max(curve)], "us of cpu", {f"{size:,}": cost for size, cost in curve.items()},
                        "the least" if base == curve[min(curve)] else f"{FLAT_FROM:,}",
                        max(cost / base for size, cost in curve.items() if size >= FLAT_FROM or what == "clients at once"), 1.15)


def plot(found, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "multiping"}
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 3.5))
    for what, curve in found.items():
        axes.plot([max(size, 1) for size in curve], list(curve.values()), marker="o", label=what)
    axes.set(xscale="log", ylim=(0, None), xlabel="how many", ylabel="processor time a ping, µs (helper and library)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    if "--svg" in sys.argv:
        place = sys.argv.index("--svg")
        sys.argv.pop(place)
        bench.main(lambda rounds, path=sys.argv.pop(place): rows(rounds, path), __doc__)
    else:
        bench.main(rows, __doc__)
