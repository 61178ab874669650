#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Can one monitor 100,000 hosts once a second? A program that does it (steady.c), for a minute: is one lost, how far from its time is
each ping sent, how much of a core do program and helper need together, and how many hosts a second can be had with all of that
as wanted? The floor of the schedule's error is that of the same program when it asks nobody and only wakes up."""

import ipaddress
import statistics

import bench
from capture import Capture

N_HOSTS, SECONDS, SHORT_SECONDS = 100_000, 60, 10
MOST_ERROR_US, MOST_CORES = 1000, 0.85
STEP = 5000             # between the numbers of hosts that are tried
TRIALS = 3
SAMPLE = 256            # every so many hosts are captured


def steady(shared, n_hosts, seconds):
    """steady.c's figures, and the share of a core of all together."""
    figures = shared.drive("steady", bench.hosts(n_hosts), seconds)
    figures["cores"] = figures["processor_s"] / figures["wall_s"]
    figures["lost"] = figures["pings"] - figures["replies"]
    return figures


def floor(shared, n_hosts, seconds):
    return shared.drive("steady", bench.hosts(n_hosts), seconds, "-a")


def captured_p99_us(shared, n_hosts):
    """The 99th percentile of the schedule's error, as a packet capture of some of the hosts says."""
    matching = f"icmp[icmptype] = icmp-echo and ip[19] = {SAMPLE // 2}"
    with Capture(shared.network, shared.folder / "capture", "lo", matching) as capture:
        start_ns = steady(shared, n_hosts, SHORT_SECONDS)["start_unix_ns"]
    first, errors_us = int(ipaddress.ip_address(bench.hosts(1)[0])), []
    for ns, packet in capture.packets():
        due_ns = start_ns + (int.from_bytes(packet[16:20]) - first) * 10**9 // n_hosts
        off_ns = (ns - due_ns) % 10**9
        errors_us.append(min(off_ns, 10**9 - off_ns) / 1000)
    if len(errors_us) < SHORT_SECONDS * n_hosts // SAMPLE * 0.9:
        raise RuntimeError(f"captured {len(errors_us)} only")
    return sorted(errors_us)[len(errors_us) * 99 // 100]


def is_as_wanted(figures):
    return figures["lost"] == 0 and figures["p99_us"] <= MOST_ERROR_US and figures["cores"] <= MOST_CORES


def most_hosts(shared):
    """The highest number of hosts, in steps, that can be had as wanted, and the figures of a minute with them: by bisection, in which most
    of the short trials have to be good, and from there downwards until a whole minute is."""
    least, most = 0, N_HOSTS // STEP + 1
    while most - least > 1:
        middle = (least + most) // 2
        n_good = sum(is_as_wanted(steady(shared, middle * STEP, SHORT_SECONDS)) for _ in range(TRIALS))
        least, most = (middle, most) if n_good > TRIALS // 2 else (least, middle)
    while least > 0 and not is_as_wanted(minute := steady(shared, least * STEP, SECONDS)):
        least -= 1
    if least == 0:
        raise RuntimeError("not even the fewest can be had as wanted: is this machine busy?")
    return least * STEP, minute


def rows(rounds):
    with bench.Shared() as shared:
        minute = steady(shared, N_HOSTS, SECONDS)
        results = bench.alternate({"steady": lambda: steady(shared, N_HOSTS, SHORT_SECONDS),
                                   "floor": lambda: floor(shared, N_HOSTS, SHORT_SECONDS)}, rounds)
        most, at_most = most_hosts(shared)
        captured_us = captured_p99_us(shared, most)
    median_ms = {name: statistics.median(figures["p99_us"] for figures in own) / 1000 for name, own in results.items()}
    what = f"{N_HOSTS:,} hosts once a second"
    yield bench.Row(f"{what}, {SECONDS} s, lost", minute["lost"], f"of {minute['pings']:,}", goal=0)
    yield bench.Row(f"{what}, schedule's error, p99", median_ms["steady"], "ms", {"floor": median_ms["floor"]}, goal=MOST_ERROR_US / 1000)
    yield bench.Row(f"{what}, processor", statistics.median(figures["cores"] for figures in results["steady"]), "cores", goal=MOST_CORES)
    yield bench.Row("hosts once a second, all of that held", most, "hosts",
                    note=f"a minute: p99 {at_most['p99_us'] / 1000:.2f} ms (10 s, by capture: {captured_us / 1000:.2f} ms), "
                         f"{at_most['cores']:.2f} cores")


if __name__ == "__main__":
    bench.main(rows, __doc__)
