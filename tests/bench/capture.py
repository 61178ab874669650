# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""A packet capture by tcpdump: the reference for what is told about time, since nothing of ours has a hand in it.

Not in tcpdump's immediate mode: to wake it up for each packet takes microseconds of the packet's own way."""

import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

HEADER_BYTES, RECORD_BYTES = 24, 16
ETHERNET, ETHERNET_BYTES = 1, 14
TO_SETTLE_S = 2  # it hands over what it has at least once a second
KEPT_BYTES = 64  # of each packet


class Capture:
    """tcpdump on @device of @network while the block runs; afterwards packets() has all. On `lo` it has each packet once."""

    def __init__(self, network, path, device, matching):
        self.argv = [shutil.which("tcpdump", path="/usr/sbin:/usr/bin"), "-i", device, "-w", path, "--time-stamp-precision=nano",
                     "-B", "65536", "-s", str(KEPT_BYTES), matching]
        self.network, self.path = network, Path(path)

    def __enter__(self):
        self.process = self.network.popen(self.argv, stderr=subprocess.PIPE)
        self.process.stderr.readline()  # "listening"
        return self

    def __exit__(self, *_):
        time.sleep(TO_SETTLE_S)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()

    def packets(self):
        """(ns since 1970, IPv4 packet without what its link puts before it) of each."""
        capture = self.path.read_bytes()
        link, = struct.unpack_from("=I", capture, HEADER_BYTES - 4)
        at, before = HEADER_BYTES, ETHERNET_BYTES if link == ETHERNET else 0
        while at + RECORD_BYTES <= len(capture):
            seconds, ns, n_bytes = struct.unpack_from("=III", capture, at)
            at += RECORD_BYTES
            yield seconds * 10**9 + ns, capture[at + before:at + n_bytes]
            at += n_bytes
