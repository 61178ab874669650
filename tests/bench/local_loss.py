#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Up to which rate does this machine itself lose no reply, where the receive buffer is as small as Debian has it by default? A helper
without the right to force a larger one, a simulated network that answers all after 20 ms, ever more pings a second; on a machine that
does nothing else, and beside one busy process for each processor. And is each that is lost here told as maybe_local_loss? (A helper that
is stopped while replies come: integration.hostile_floods, integration.faults.)"""

import contextlib
import os
import subprocess
from pathlib import Path

import bench
import simulator
from client_from_specification import Client

DEFAULT_BYTES = 212_992  # Debian's net.core.rmem_max
RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
RATES = [5000, 10_000, 20_000, 30_000, 40_000, 50_000, 75_000, 100_000]
SECONDS, DELAY_US = 3, 20_000
PREFIX = "198.18.0.0/15"
BUSY = ["/usr/bin/python3", "-c", "while True: pass"]


@contextlib.contextmanager
def default_receive_buffers():
    """While the block runs no socket that is opened gets a larger buffer. Of the whole machine: no namespace has one of its own."""
    before = RMEM_MAX.read_text()
    RMEM_MAX.write_text(str(DEFAULT_BYTES))
    try:
        yield
    finally:
        RMEM_MAX.write_text(before)


@contextlib.contextmanager
def busy_processors():
    processes = [subprocess.Popen(BUSY) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Shared(bench.Shared):
    """With a simulated network."""

    def __init__(self):
        with default_receive_buffers():
            super().__init__(prefix=bench.rig.USUAL_BUFFERS)

    def __enter__(self):
        self.simulator = simulator.Simulator(self.network, f"{PREFIX} echo delay {DELAY_US}", trace=False)
        self.network.ip(f"link set {simulator.DEVICE} txqueuelen 100000")
        with Client(self.helper.connect()) as client:
            n_bytes = client.hello("asks")["receive_buffer_bytes"]
        if n_bytes != 2 * DEFAULT_BYTES:  # the kernel doubles what is asked for
            raise RuntimeError(f"the helper has receive buffers of {n_bytes} bytes")
        return self

    def __exit__(self, *exception):
        self.simulator.stop()
        super().__exit__(*exception)

    def lost(self, rate):
        """How many of SECONDS at so many pings a second found no reply. The simulated network loses none, so that each must be told as
        maybe lost here."""
        figures = self.drive("steady", simulator.hosts(PREFIX, rate), SECONDS)
        missing = figures["pings"] - figures["replies"]
        if missing != figures["maybe_local"]:
            raise RuntimeError(f"{missing} lost, {figures['maybe_local']} of them told as maybe lost here")
        return missing


def most(shared, rounds):
    """The highest of RATES at which, and below which, nothing was lost in any round; and of the next one what was, in words."""
    kept = 0
    for rate in RATES:
        for number in range(rounds):
            if lost := shared.lost(rate):
                return kept, f"{lost} lost of {SECONDS * rate:,} at {rate:,}, round {number + 1}"
        kept = rate
    return kept, "none lost at any rate tried"


def rows(rounds):
    with Shared() as shared:
        for name, around in (("", contextlib.nullcontext), (", busy machine", busy_processors)):
            with around():
                rate, note = most(shared, rounds)
            yield bench.Row(f"pings a second, no local loss{name}", rate, "a second",
                            note=f"rmem_max {DEFAULT_BYTES:,}, {rounds} x {SECONDS} s; {note}")


if __name__ == "__main__":
    bench.main(rows, __doc__)
