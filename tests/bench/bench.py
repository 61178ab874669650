# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: contestants that take turns, and rows of a table.

The machine does other things too. So those who are compared take turns, another one begins each round, only figures of the same round
are divided by each other, and the median of the rounds counts. Absolute figures are told; only ratios are judged.

Each program answers one question: it has rows(rounds), an iterator of Row, and calls main(rows)."""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import rig  # noqa: E402  it needs the path above

ROUNDS = 7
PREFIX6 = "fd00:1::/64"  # answers as a whole where namespace() made it


@dataclasses.dataclass
class Row:
    """One line of the table. @against names whom @ratio is in relation to; @goal is the most that is wanted, @limit the most that a
    check lets pass."""
    question: str
    ours: float
    unit: str
    others: dict = dataclasses.field(default_factory=dict)  # name: the same figure of theirs
    against: str = ""
    ratio: Optional[float] = None
    goal: Optional[float] = None
    limit: Optional[float] = None
    note: str = ""

    @property
    def verdict(self):
        if self.limit is not None and self.ratio > self.limit:
            return "  FAILS"
        return "  above its goal" if self.goal is not None and self.ratio > self.goal else ""


def hosts(n_hosts, ipv6=False):
    """The addresses that floor.c pings."""
    if ipv6:
        return [f"fd00:1::{number >> 16:x}:{number & 0xffff:x}" for number in range(n_hosts)]
    return [f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}" for number in range(n_hosts)]


def processor_seconds(pid):
    """The time that a running process was on a processor; the scheduler's own figure, in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def namespace():
    """A network of the benchmark's own, in which all of 127.0.0.0/8 and of PREFIX6 answers."""
    network = rig.Namespace()
    network.ip(f"-6 route add local {PREFIX6} dev lo")
    return network


class Shared:
    """A helper in its namespace, and what costs are measured of: the programs that run, and the helper meanwhile."""

    def __init__(self, configuration=rig.UNLIMITED, without=None):
        self.network = namespace()
        self.helper = rig.Helper(self.network, configuration, without=without)
        self.folder = rig.temporary_folder()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.helper.stop()
        self.network.close()

    def run(self, argv, input="", codes=(0,)):
        """Runs @argv to its end; (processor seconds of it and of the helper, what it wrote)."""
        stdin, stdout = self.folder / "input", self.folder / "output"
        if input is not None:
            stdin.write_text(input)
        before = processor_seconds(self.helper.pid)
        with stdin.open() as reader, stdout.open("w") as writer:
            process = self.network.popen(argv, stdin=reader, stdout=writer, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            raise RuntimeError(f"{argv[0]} ended with {process.returncode}")
        return usage.ru_utime + usage.ru_stime + processor_seconds(self.helper.pid) - before, stdout.read_text()

    def sweep(self, targets, interval_us=0, times=None):
        """The library's one call (sweep.c): its figures, with the helper's processor time in them."""
        argv = rig.as_user(rig.ALICE, [rig.copy_to(self.folder, rig.BUILD / "tests/bench/sweep"), self.helper.socket,
                                       str(interval_us), *([times] if times else [])])
        before = processor_seconds(self.helper.pid)
        _, output = self.run(argv, "".join(f"{host}\n" for host in targets))
        figures = json.loads(output)
        if figures["replies"] != len(targets):
            raise RuntimeError(f"{figures['replies']} of {len(targets)} answered")
        figures["processor_s"] += processor_seconds(self.helper.pid) - before
        return figures

    def floor(self, n_targets, ipv6=False):
        """The bare loop (floor.c)."""
        _, output = self.run([rig.BUILD / "tests/bench/floor", *["-6"] * ipv6, str(n_targets)])
        return json.loads(output)


def alternate(contestants, rounds):
    """Lets {name: function} take turns; {name: [what it returned in each round]}."""
    results, names = {name: [] for name in contestants}, list(contestants)
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            results[name].append(contestants[name]())
    return results


def ratio(ones, others):
    """The median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def table(rows):
    """The rows as lines of text."""
    yield f"{'what':44} {'ours':>10} {'':10} {'ratio':>6} {'goal':>6}  others"
    for row in rows:
        ratio, goal = (f"{value:.2f}" if value is not None else "" for value in (row.ratio, row.goal))
        others = ", ".join(f"{name} {value:.2f}" for name, value in row.others.items())
        yield (f"{row.question:44} {row.ours:10.2f} {row.unit:10} {ratio:>6} {goal:>6}  "
               f"{row.against and f'to {row.against}; '}{others}{row.verdict}{row.note and f' ({row.note})'}")


def main(rows, description):
    """Runs one program."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of those who take turns; their median counts")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--check", action="store_true", help="exit 1 where a ratio is above its limit")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("needs root: it makes network namespaces")
    found = list(rows(arguments.rounds))
    print(json.dumps([dataclasses.asdict(row) for row in found]) if arguments.json else "\n".join(table(found)))
    if arguments.check and any("FAILS" in row.verdict for row in found):
        sys.exit(1)
