#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""How far from the truth are round-trip times? 20,000 hosts, 20,000 a second, in a simulated network that keeps each request for
20 ms; the reference is what a packet capture at its device says of the same echo request and reply.

The kernel shows a request to the capture, then hands it to the device, where our stamp is made: what the capture does in between is told
as an error. The floor (floor.c), a bare loop with the same stamps at the same pace, has it too."""

import ipaddress
import statistics

import bench
import simulator
from capture import Capture

N_TARGETS, DELAY_US = 20_000, 20_000
PREFIX = "198.18.0.0/16"
ECHO_REPLY, ECHO_REQUEST = 0, 8


def taken_ns(packets):
    """{address: ns between its echo request and its reply}."""
    asked, took = {}, {}
    for moment, packet in packets:
        kind = packet[(packet[0] & 15) * 4]
        if kind == ECHO_REQUEST:
            asked[packet[16:20]] = moment
        elif kind == ECHO_REPLY and packet[12:16] in asked:
            took[str(ipaddress.IPv4Address(packet[12:16]))] = moment - asked[packet[12:16]]
    return took


def errors_us(shared, run):
    """How far each round-trip time that run(path) writes there is from the capture's, either way; sorted."""
    folder = bench.rig.temporary_folder()
    folder.chmod(0o777)
    with Capture(shared.network, folder / "capture", simulator.DEVICE, "icmp") as capture:
        run(folder / "times")
    truth_ns = taken_ns(capture.packets())
    told = dict(line.split() for line in (folder / "times").read_text().splitlines())
    errors = sorted(abs(int(told[host]) - truth_ns[host]) / 1e3 for host in told if host in truth_ns)
    if len(errors) < 0.99 * N_TARGETS:
        raise RuntimeError(f"the capture has {len(errors)} of {N_TARGETS}")
    return errors


def rows(rounds):
    targets = simulator.hosts(PREFIX, N_TARGETS)
    with bench.Shared() as shared:
        network = simulator.Simulator(shared.network, f"{PREFIX} echo delay {DELAY_US}", trace=False)
        shared.network.ip(f"link set {simulator.DEVICE} txqueuelen 100000")
        try:
            results = bench.alternate({
                "multiping": lambda: errors_us(shared, lambda path: shared.drive("steady", targets, 1, "-t", path)),
                "floor": lambda: errors_us(shared, lambda path: shared.floor(N_TARGETS, "-a", targets[0], "-i", 10**6 // N_TARGETS, "-t", path)),
            }, rounds)
        finally:
            network.stop()
    for name, share, most in (("p50", 0.50, 2), ("p99", 0.99, 20)):
        error_us = {whose: statistics.median(errors[int(share * len(errors))] for errors in own) for whose, own in results.items()}
        yield bench.Row(f"error of a round-trip time, {name}", error_us["multiping"], "us", {"floor": error_us["floor"]}, goal=most)


if __name__ == "__main__":
    bench.main(rows, __doc__)
