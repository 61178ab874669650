# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Draws growth.py's curves as SVG that is read on a light page and on a dark one."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 40, 40, 48  # around the axes
LEGEND = 236             # from the name of one curve to the next
DECADES = 6
COLOURS = ["#2f7ed8", "#d9822b", "#3a9d5d"]  # each of them with enough contrast to white and to black
STYLE = """text { font: 13px sans-serif; fill: #24292f } .grid { stroke: #8c959f; stroke-opacity: .35 }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } }"""


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def draw(curves):
    """The text of the SVG. @curves: {what grows: {its size: us a ping}}. Sizes on a logarithmic axis, on which 0 stands where 1 does; a
    curve that begins above the axis, since the start of a program for a few pings costs what it costs, comes in from there."""
    most_us = 5 * math.ceil(max(cost for curve in curves.values() for size, cost in curve.items() if size >= 100) * 1.1 / 5)

    def x(size):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(max(size, 1)) / DECADES

    def y(cost_us):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * cost_us / most_us

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             'aria-label="Processor time of a ping as the work grows">', f"<style>{STYLE}</style>",
             f'<clipPath id="axes"><path d="M0 {TOP - 4}H{WIDTH}V{HEIGHT}H0z"/></clipPath>']
    for decade in range(DECADES + 1):
        place = x(10 ** decade)
        lines += [f'<path class="grid" d="M{place:.0f} {TOP}V{HEIGHT - BOTTOM}"/>', text(place, HEIGHT - BOTTOM + 18, f"{10 ** decade:,}")]
    for cost_us in range(0, most_us + 1, 5):
        place = y(cost_us)
        lines += [f'<path class="grid" d="M{LEFT} {place:.0f}H{WIDTH - RIGHT}"/>', text(LEFT - 8, place + 4, str(cost_us), "end")]
    for number, ((what, curve), colour) in enumerate(zip(curves.items(), COLOURS, strict=True)):
        points = [(x(size), y(cost)) for size, cost in sorted(curve.items())]
        lines.append(f'<polyline clip-path="url(#axes)" fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{a:.1f},{b:.1f}" for a, b in points) + '"/>')
        lines += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in points if b >= TOP]
        place = LEFT + number * LEGEND
        lines += [f'<path d="M{place:.0f} 20h22" stroke="{colour}" stroke-width="3"/>', text(place + 28, 24, what, "start")]
    lines += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "how many"),
              text(14, (TOP + HEIGHT - BOTTOM) / 2, "µs of processor a ping, helper and library",
                   more=f' transform="rotate(-90 14 {(TOP + HEIGHT - BOTTOM) // 2})"'), "</svg>"]
    return "\n".join(lines) + "\n"
