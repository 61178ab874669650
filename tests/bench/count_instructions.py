#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""How many instructions of their own do helper and library spend on a ping? valgrind counts (instructions.c); what does not grow with
the targets cancels out. Fails where either has become dearer than instructions.json says, or so much cheaper that it should
say less. --write writes that file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import bench

FEW, MANY = 4000, 8000
TOLERANCE = 0.03
EXPECTED = Path(__file__).with_name("instructions.json")
FUNCTIONS = {"helper": ["helper_turn"], "library": ["multiping_dispatch", "multiping_next_event"]}


def count(network, functions, n_targets):
    folder = bench.rig.temporary_folder()
    argv = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *(f"--toggle-collect={name}" for name in functions),
            bench.rig.BUILD / "tests/bench/instructions", folder / "socket", str(n_targets)]
    done = network.run(argv)
    if done.stdout != f"{n_targets} replies\n":
        raise RuntimeError(done.stdout + done.stderr)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def main():
    network, failed = bench.namespace(), False
    found = {part: round((count(network, names, MANY) - count(network, names, FEW)) / (MANY - FEW)) for part, names in FUNCTIONS.items()}
    network.close()
    if "--write" in sys.argv:
        EXPECTED.write_text(json.dumps(found) + "\n")
    for part, expected in json.loads(EXPECTED.read_text()).items():
        change = found[part] / expected - 1
        print(f"{part}: {found[part]} instructions a ping, {expected} expected, {change:+.1%}")
        failed |= abs(change) > TOLERANCE
    sys.exit(failed)


if __name__ == "__main__":
    main()
