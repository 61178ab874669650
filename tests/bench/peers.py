#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What do those cost who cannot take 65,000 hosts at once? oping, mtr-packet and icmplib (Python) on 500 hosts of `lo`, beside
multiping, and the round-trip times that they tell."""

import json
import re
import statistics

import bench

N_TARGETS = 500

ICMPLIB = """
import json, sys
from icmplib import multiping
hosts = multiping(sys.stdin.read().split(), count=1, interval=0, timeout=2)
print(json.dumps([host.avg_rtt * 1000 for host in hosts if host.is_alive]))
"""


def figures(processor_s, times_us):
    if len(times_us) != N_TARGETS:
        raise RuntimeError(f"{len(times_us)} of {N_TARGETS} answered")
    return {"cost_us": processor_s * 1e6 / N_TARGETS, "p50_us": statistics.median(times_us)}


def multiping(shared, targets):
    processor_s, output = shared.run(shared.helper.command("-e", "-i", "0", "-r", "0", "-f", "-"), "\n".join(targets))
    return figures(processor_s, [float(ms) * 1000 for ms in re.findall(r"alive \(([\d.]+) ms\)", output)])


def oping(shared, targets):
    processor_s, output = shared.run(["oping", "-c", "1", *targets])
    return figures(processor_s, [float(ms) * 1000 for ms in re.findall(r"time=([\d.]+) ms", output)])


def mtr_packet(shared, targets):
    commands = "".join(f"{number} send-probe ip-4 {host} timeout 5\n" for number, host in enumerate(targets))
    processor_s, output = shared.run(["mtr-packet"], commands)
    return figures(processor_s, [float(us) for us in re.findall(r"round-trip-time (\d+)", output)])


def icmplib(shared, targets):
    processor_s, output = shared.run(["/usr/bin/python3", "-c", ICMPLIB], "\n".join(targets))
    return figures(processor_s, json.loads(output))


def rows(rounds):
    targets = bench.hosts(N_TARGETS)
    with bench.Shared() as shared:
        contestants = {function.__name__: function for function in (multiping, oping, mtr_packet, icmplib)}
        results = bench.alternate({name: lambda run=run: run(shared, targets) for name, run in contestants.items()}, rounds)
    median = {key: {name: statistics.median(round[key] for round in own) for name, own in results.items()}
              for key in ("cost_us", "p50_us")}
    for peer in ("oping", "mtr_packet", "icmplib"):
        yield bench.Row(f"a ping of {N_TARGETS}, whole program", median["cost_us"]["multiping"], "us of cpu",
                        {peer: median["cost_us"][peer]}, peer,
                        bench.ratio(*([round["cost_us"] for round in results[name]] for name in ("multiping", peer))), 1)
    yield bench.Row("round-trip time, as told", median["p50_us"]["multiping"], "us", median["p50_us"])


if __name__ == "__main__":
    bench.main(rows, __doc__)
