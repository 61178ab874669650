#!/usr/bin/python3 -B
# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Puts what was measured into the README, its table, and growth.svg, its plot: report.py FILE..., with what `run --json` wrote. Several
files are one: of a row that is in more of them the last counts."""

import json
import sys
from pathlib import Path

import bench
import growth_plot

README = bench.rig.SOURCE / "README.md"
BEGIN, END = "<!-- tests/bench/report.py: table -->", "<!-- end of the table -->"
PLOT = Path(__file__).with_name("growth.svg")
GROWTH = "a ping, by "


def with_table(readme, rows):
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, *bench.markdown(rows), END + after])


def curves(rows):
    """As growth.py's: its rows have them in words."""
    return {row.question.removeprefix(GROWTH): {int(size.replace(",", "")): cost for size, cost in row.others.items()}
            for row in rows if row.question.startswith(GROWTH)}


def main():
    found = {}
    for path in sys.argv[1:]:
        for row in json.loads(Path(path).read_text()):
            found[row["question"], row["against"]] = bench.Row(**row)
    rows = list(found.values())
    README.write_text(with_table(README.read_text(), rows))
    if drawn := curves(rows):
        PLOT.write_text(growth_plot.draw(drawn))


if __name__ == "__main__":
    main()
