"""The chart of a swarm that every fault happens to: a panel for each."""

from __future__ import annotations

import math

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.measures import FAULTS
from bench.record.fact_names import connected_at, fault_name
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.charts.colours import BLUE, ORANGE
from bench.report.charts.sheet import STYLE, sheet, title
from bench.words import count

COLUMNS = 3
BEFORE_S = 5.0


def survival(run: Run, found: Findings) -> Figure:
    """Open connections over time, from shortly before each fault until the next; shaded: while it goes on."""
    sizes = run.profile.survival
    what = f"n: one run of {count(sizes.users)} players on three nodes behind HAProxy. Shaded: while the fault goes on."
    began = [(fault, found.facts[name]) for fault in FAULTS if (name := fault_name(fault, "from")) in found.facts]
    began.sort(key=lambda each: each[1])
    line = sorted((at_s, number) for name, number in found.facts.items() if (at_s := connected_at(name)) is not None)
    rows = max(1, math.ceil(len(began) / COLUMNS))
    with mpl.rc_context(STYLE):
        figure, panels = sheet(run, what, height_in=0.8 + 2.4 * rows, columns=COLUMNS, rows=rows, share_y=True)
        ends_s = [*(from_s for _, from_s in began[1:]), math.inf]
        for axes, (fault, from_s), until_s in zip(panels, began, ends_s, strict=False):
            shown = [(at_s, number) for at_s, number in line if from_s - BEFORE_S <= at_s <= until_s]
            axes.plot([at_s - from_s for at_s, _ in shown], [number for _, number in shown], color=BLUE, linewidth=1.6)
            over_s = found.facts.get(fault_name(fault, "until"), from_s) - from_s
            axes.axvspan(0.0, max(over_s, 0.15), color=ORANGE, alpha=0.3, linewidth=0)
            axes.set_xlabel("time since the fault (s)")
            title(axes, fault)
        for axes in panels[len(began) :]:
            axes.set_axis_off()
        panels[0].set_ylabel("open connections")
        panels[0].set_ylim(bottom=0)
    return figure
