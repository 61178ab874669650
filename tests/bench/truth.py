#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""How far from the truth are round-trip times? 20,000 hosts, 20,000 a second, in a simulated network that keeps each request for
20 ms; the truth is what a packet capture at its device says of the same echo request and reply."""

import ipaddress
import shutil
import signal
import statistics
import struct
import subprocess
import time

import bench
import simulator

N_TARGETS, INTERVAL_US, DELAY_US = 20_000, 50, 20_000
PREFIX = "198.18.0.0/16"
ECHO_REPLY, ECHO_REQUEST = 0, 8


def captured(path):
    """{address: ns between its echo request and its reply} of a capture of bare IPv4 packets with nanoseconds."""
    capture, at, asked, took = path.read_bytes(), 24, {}, {}
    while at + 16 <= len(capture):
        seconds, ns, n_bytes = struct.unpack_from("=III", capture, at)
        packet, at = capture[at + 16:at + 16 + n_bytes], at + 16 + n_bytes
        moment, header = seconds * 10**9 + ns, (packet[0] & 15) * 4
        if packet[header] == ECHO_REQUEST:
            asked[packet[16:20]] = moment
        elif packet[header] == ECHO_REPLY and packet[12:16] in asked:
            took[str(ipaddress.IPv4Address(packet[12:16]))] = moment - asked[packet[12:16]]
    return took


class Capture:
    """tcpdump at the simulator's device, while the block runs; afterwards it has all."""

    def __init__(self, network, path):
        self.argv = [shutil.which("tcpdump", path="/usr/sbin:/usr/bin"), "-i", simulator.DEVICE, "-w", path,
                     "--time-stamp-precision=nano", "-B", "65536", "-s", "64", "--immediate-mode", "icmp"]
        self.network = network

    def __enter__(self):
        self.process = self.network.popen(self.argv, stderr=subprocess.PIPE)
        self.process.stderr.readline()  # "listening"

    def __exit__(self, *_):
        time.sleep(0.5)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def once(shared, targets):
    """How much longer than the capture says each round trip seemed, in us, and how much longer than it should that one was: the median
    and the 99th percentile of both."""
    folder = bench.rig.temporary_folder()
    folder.chmod(0o777)
    with Capture(shared.network, folder / "capture"):
        shared.sweep(targets, INTERVAL_US, folder / "times")
    truth = captured(folder / "capture")
    told = dict(line.split() for line in (folder / "times").read_text().splitlines())
    errors = sorted((int(told[host]) - truth[host]) / 1e3 for host in told if host in truth)
    if len(errors) < 0.99 * N_TARGETS:
        raise RuntimeError(f"the capture has {len(errors)} of {N_TARGETS}")
    own = sorted(ns / 1e3 - DELAY_US for ns in truth.values())
    middle, most = len(errors) // 2, len(errors) * 99 // 100
    return {"p50": errors[middle], "p99": errors[most], "own p50": own[middle], "own p99": own[most]}


def rows(rounds):
    targets = simulator.hosts(PREFIX, N_TARGETS)
    with bench.Shared() as shared:
        network = simulator.Simulator(shared.network, f"{PREFIX} echo delay {DELAY_US}", trace=False)
        shared.network.ip(f"link set {simulator.DEVICE} txqueuelen 100000")
        try:
            results = [once(shared, targets) for _ in range(rounds)]
        finally:
            network.stop()
    median = {name: statistics.median(result[name] for result in results) for name in results[0]}
    for name, most in (("p50", 2), ("p99", 20)):
        yield bench.Row(f"error of a round-trip time, {name}", median[name], "us", {"simulator's own": median[f"own {name}"]},
                        note=f"at most {most} wanted; {N_TARGETS} hosts at {10**6 // INTERVAL_US} a second")


if __name__ == "__main__":
    bench.main(rows, __doc__)
