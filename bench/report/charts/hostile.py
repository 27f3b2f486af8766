"""The chart of good clients beside a hostile one."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.analysis.estimates import estimate
from bench.measures import HOSTILE_KINDS, PONG_RATIO
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.charts.colours import BLUE, GREEN, GREY, ORANGE
from bench.report.charts.sheet import MARKERS, STYLE, columns, mark_invalid, ratio_axis, sheet, wrapped
from bench.words import count, plural
from loadtest.results.validity import Validity

LIMIT = 2.0
_COLOURS = {"plain": BLUE, "TLS": ORANGE, "permessage-deflate": GREEN}
_APART = 0.22
"""Between the ways of one kind, in rows."""


def hostile(run: Run, found: Findings) -> Figure:
    """Ratio of the p99 of pongs beside each kind of hostile client to that without it, by way in."""
    sizes = run.profile.hostile
    what = (
        f"n: {count(sizes.good)} good clients, {plural(sizes.rounds, 'pair')} of rounds of {sizes.round_s:g} s per "
        f"dot; lines: least to most. Dashed: ×{LIMIT:g}, the goal at 2,000 clients."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(run, what, height_in=1.6 + 0.36 * len(HOSTILE_KINDS))
        lowest, highest = 0.7, 1.4 * LIMIT
        for number, (way, colour) in enumerate(_COLOURS.items()):
            dots = [
                (row + (number - 1) * _APART, made)
                for row, kind in enumerate(HOSTILE_KINDS)
                for each in found.measures
                if each.measure == PONG_RATIO
                and each.party == f"{kind}, {way}"
                and (made := estimate(each)) is not None
            ]
            axes.plot([made.value for _, made in dots], [row for row, _ in dots], linestyle="",
                      marker=MARKERS[number], color=colour, markersize=5, label=way)  # fmt: skip
            for row, made in dots:
                axes.plot([made.low, made.high], [row, row], color=colour, linewidth=1.4, alpha=0.6)
                lowest, highest = min(lowest, made.low), max(highest, made.high)
                if made.judgement.validity is Validity.INVALID:
                    mark_invalid(axes, made.value, row)
        for ratio, style in ((1.0, "-"), (LIMIT, (0, (5, 3)))):
            axes.axvline(ratio, color=GREY, linewidth=1, linestyle=style)
        axes.set_yticks(range(len(HOSTILE_KINDS)), wrapped(list(HOSTILE_KINDS)))
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(lowest / 1.1, highest * 1.1)
        ratio_axis(axes)
        axes.set_xlabel("p99 of the others' pongs, against undisturbed (log scale)")
        axes.grid(visible=False, axis="y")
        lines, names = axes.get_legend_handles_labels()
        figure.legend(lines, names, loc="outside upper center", ncols=columns(len(_COLOURS)), fontsize=9)
    return figure
