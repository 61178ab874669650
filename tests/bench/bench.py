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
STARTS = 21
PREFIX6 = "fd00:1::/64"  # answers as a whole where namespace() made it


@dataclasses.dataclass
class Row:
    """One line of the table. @against names whom @ratio is in relation to; @goal is the most that is wanted, of the ratio where there
    is one, else of the figure itself; @limit is the most of the ratio that a check lets pass."""
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
            return "FAILS"
        judged = self.ours if self.ratio is None else self.ratio
        return "above its goal" if self.goal is not None and judged > self.goal else ""


def hosts(n_hosts, ipv6=False):
    """The addresses that floor.c pings."""
    if ipv6:
        return [f"fd00:1::{number >> 16:x}:{number & 0xffff:x}" for number in range(n_hosts)]
    return [f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}" for number in range(n_hosts)]


def processor_seconds(pid):
    """The time that a running process was on a processor; the scheduler's own figure, in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def used_s(process, codes=(0,)):
    """Waits for the end of a process, which must be with one of these exit codes: the processor seconds that it used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def namespace():
    """A network of the benchmark's own, in which all of 127.0.0.0/8 and of PREFIX6 answers."""
    network = rig.Namespace()
    network.ip(f"-6 route add local {PREFIX6} dev lo")
    return network


class Shared:
    """A helper in its namespace, and what costs are measured of: the programs that run, and the helper meanwhile."""

    def __init__(self, configuration=rig.UNLIMITED, **options):
        """@options: rig.Helper's."""
        self.network = namespace()
        self.helper = rig.Helper(self.network, configuration, **options)
        self.folder = rig.temporary_folder()
        self.starts_s = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.helper.stop()
        self.network.close()

    def start_s(self, argv):
        """Processor seconds of what the rig does before the program in @argv starts: entering the namespace, becoming the user. It is
        what an empty program costs that starts this way, the median of some, and no contestant's cost."""
        is_as_user = argv[0] == rig.AS_USER
        if is_as_user not in self.starts_s:
            empty = rig.as_user(rig.ALICE, ["/bin/true"]) if is_as_user else ["/bin/true"]
            self.starts_s[is_as_user] = statistics.median(used_s(self.network.popen(empty)) for _ in range(STARTS))
        return self.starts_s[is_as_user]

    def run(self, argv, input=""):
        """Runs @argv to its end; (processor seconds of it and of the helper, without start_s(); what it wrote)."""
        stdin, stdout = self.folder / "input", self.folder / "output"
        stdin.write_text(input)
        before = processor_seconds(self.helper.pid) + self.start_s(argv)
        with stdin.open() as reader, stdout.open("w") as writer:
            used = used_s(self.network.popen(argv, stdin=reader, stdout=writer, stderr=subprocess.DEVNULL))
        return used + processor_seconds(self.helper.pid) - before, stdout.read_text()

    def drive(self, name, targets, *arguments):
        """Runs one of our C programs that use the library, which writes its figures: they, with the helper's processor time in them."""
        program = rig.copy_to(self.folder, rig.BUILD / "tests/bench" / name)
        before = processor_seconds(self.helper.pid)
        _, output = self.run(rig.as_user(rig.ALICE, [program, self.helper.socket, *map(str, arguments)]),
                             "".join(f"{host}\n" for host in targets))
        figures = json.loads(output)
        figures["processor_s"] += processor_seconds(self.helper.pid) - before
        return figures

    def sweep(self, targets, interval_us=0, times=None):
        """The library's one call (sweep.c): all answer. @times: where each round-trip time is to be written."""
        figures = self.drive("sweep", targets, interval_us, *([times] if times else []))
        if figures["replies"] != len(targets):
            raise RuntimeError(f"{figures['replies']} of {len(targets)} answered")
        return figures

    def floor(self, n_targets, *options):
        """The bare loop (floor.c)."""
        _, output = self.run([rig.BUILD / "tests/bench/floor", *map(str, options), str(n_targets)])
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


def figure(value):
    """A number to read: with a hundredth where that says something."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.2f}"


def cells(row):
    """A row as texts."""
    theirs = dict(row.others)
    floor = theirs.pop("floor", None)
    against = f" x {row.against}" if row.against else ""
    return [row.question, f"{figure(row.ours)} {row.unit}", "" if floor is None else figure(floor),
            ", ".join(f"{name} {figure(value)}" for name, value in theirs.items()),
            "" if row.ratio is None else f"{row.ratio:.3f}{against}", "" if row.goal is None else f"{row.goal:g}",
            "; ".join(filter(None, (row.verdict, row.note)))]


HEAD = ["what", "multiping", "floor", "others", "ratio", "at most", ""]


def table(rows):
    """The rows as lines of text."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()


def markdown(rows):
    """The rows as lines of a table for the README."""
    for line in [HEAD, ["---"] * len(HEAD), *map(cells, rows)]:
        yield f"| {' | '.join(line)} |"


def main(rows, description):
    """Runs one program."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of those who take turns; their median counts")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for machines")
    form.add_argument("--markdown", action="store_true", help="for the README")
    parser.add_argument("--check", action="store_true", help="exit 1 where a ratio is above its limit")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("needs root: it makes network namespaces")
    found = list(rows(arguments.rounds))
    if arguments.json:
        print(json.dumps([dataclasses.asdict(row) for row in found]))
    else:
        print("\n".join((markdown if arguments.markdown else table)(found)))
    if arguments.check and any(row.verdict == "FAILS" for row in found):
        sys.exit(1)
