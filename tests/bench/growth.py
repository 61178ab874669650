#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Does a ping cost more when there are more of them? Processor time of helper and library a ping: from one target to a million in one
call, from one client to 1,000 at once, and with up to 500,000 probes of others in flight; and what of memory those in flight take."""

import contextlib
import json
import statistics
import subprocess
import time

import bench
from client_from_specification import Client

TARGETS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
CLIENTS = [1, 10, 100, 1000]
IN_FLIGHT = [0, 1000, 10_000, 100_000, 500_000]
TARGETS_EACH, PROBED_TARGETS = 1000, 20_000
MOST_SWEEPS = 20    # in one turn
PROBES_EACH = 4000  # of a client that waits: two requests
LEAST = 20_000      # pings that a figure rests on: fewer targets are asked more often
FLAT_FROM = 1000    # from here on the cost shall not grow
SILENT = "127.255"  # what is asked there stays in flight


def cost_us(figures):
    return sum(figure["processor_s"] for figure in figures) * 1e6 / sum(figure["replies"] for figure in figures)


def of_targets(shared, n_targets):
    targets = bench.hosts(n_targets)
    return cost_us([shared.sweep(targets) for _ in range(min(MOST_SWEEPS, -(-LEAST // n_targets)))])


def at_once(shared, n_clients):
    """Processor seconds of @n_clients at once, each of a user of its own for 16, and of the helper, for TARGETS_EACH of each."""
    sweep = bench.rig.copy_to(shared.folder, bench.rig.BUILD / "tests/bench/sweep")
    targets = bench.hosts(n_clients * TARGETS_EACH)
    seconds, processes = -bench.processor_seconds(shared.helper.pid), []
    for number in range(n_clients):
        argv = bench.rig.as_user(24000 + number // 16, [sweep, shared.helper.socket, "0"])
        processes.append(shared.network.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for number, process in enumerate(processes):  # it asks once it has read all
        process.stdin.write("\n".join(targets[number * TARGETS_EACH:(number + 1) * TARGETS_EACH]) + "\n")
        process.stdin.close()
    for process in processes:
        figures = json.loads(process.stdout.read())
        process.wait()
        seconds += figures["processor_s"]
        if figures["replies"] != TARGETS_EACH:
            raise RuntimeError(f"{figures['replies']} of {TARGETS_EACH} answered")
    return seconds + bench.processor_seconds(shared.helper.pid)


def of_clients(shared, n_clients):
    n_times = -(-LEAST // (n_clients * TARGETS_EACH))
    return sum(at_once(shared, n_clients) for _ in range(n_times)) * 1e6 / (n_times * n_clients * TARGETS_EACH)


def of_in_flight(shared, n_probes):
    """A sweep while others wait for @n_probes that nobody answers."""
    with shared.in_flight(n_probes):
        return cost_us([shared.sweep(bench.hosts(PROBED_TARGETS))])


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

    @contextlib.contextmanager
    def in_flight(self, n_probes):
        """While the block runs clients wait for so many answers that do not come."""
        silent = [f"{SILENT}.{number >> 8}.{number & 255}" for number in range(PROBES_EACH // 2)]
        clients = []
        for number in range(n_probes // PROBES_EACH):
            clients.append(Client(self.helper.connect(25000 + number // 8)))
            clients[-1].hello("waits")
            for _ in range(2):
                clients[-1].begin_ping(silent, 60_000_000)
            self._wait_for(len(clients) * PROBES_EACH)  # else requests would queue, which takes memory too
        yield
        for client in clients:
            client.close()
        self._wait_for(0)

    def _wait_for(self, n_probes):
        """Until so many probes are in flight."""
        deadline = time.monotonic() + 60
        while (found := self.asker.call("stats", scope="helper")["probes_open"]) != n_probes:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found} probes in flight, not {n_probes}")
            time.sleep(0.01)

    def resident_bytes(self):
        return int(bench.rig.status(self.helper.pid)["VmRSS"].split()[0]) * 1024


CLIENTS_GROW = f"clients with {TARGETS_EACH:,} targets each"
SERIES = {"targets in one call": (TARGETS, of_targets), CLIENTS_GROW: (CLIENTS, of_clients),
          "probes of others in flight": (IN_FLIGHT, of_in_flight)}


def curves(rounds):
    """{what grows: {its size: us a ping}}, medians."""
    with Shared() as shared:
        return {what: {size: statistics.median(own) for size, own in bench.alternate(
                    {size: lambda size=size: measure(shared, size) for size in sizes}, rounds).items()}
                for what, (sizes, measure) in SERIES.items()}


def bytes_in_flight():
    """What a helper's resident memory grows by, for each probe; it has worked before, in other slots of its table."""
    with Shared() as shared:
        with shared.in_flight(PROBES_EACH):
            before, n_probes = shared.resident_bytes(), max(IN_FLIGHT)
        with shared.in_flight(n_probes):
            return (shared.resident_bytes() - before) / n_probes


def rows(rounds):
    for what, curve in curves(rounds).items():
        flat = {size: cost for size, cost in curve.items() if size >= FLAT_FROM or what == CLIENTS_GROW}
        first = min(flat)
        yield bench.Row(f"a ping, by {what}", curve[max(curve)], "us of cpu", {f"{size:,}": cost for size, cost in curve.items()},
                        f"that of {first:,}", max(flat.values()) / flat[first], 1.15)
    yield bench.Row("helper's memory, a probe in flight", bytes_in_flight(), "bytes", goal=96,
                    note=f"{max(IN_FLIGHT):,} of them; a slot of the table is 96")


if __name__ == "__main__":
    bench.main(rows, __doc__)
