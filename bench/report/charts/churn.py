"""The chart of memory over clients that come and go."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.measures import CYCLES, WAYS_IN
from bench.record.fact_names import look_of
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.charts.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY
from bench.report.charts.sheet import STYLE, STYLES, columns, sheet, title
from bench.words import count

LIMIT_PERCENT = 2.0
_COLOURS = dict(zip(WAYS_IN, (BLUE, ORANGE, GREEN, SKY, PURPLE), strict=True))
_WORDS = {
    "accepted": "connect, handshake, close",
    "refused": "connect, refused, close",
    "room": "make, enter, delete a room",
}


def churn(run: Run, found: Findings) -> Figure:
    """Memory against that at the end of the warm-up, by way in; a panel for each cycle."""
    sizes = run.profile.churn
    what = (
        f"n: one fresh server per line, looked at while no cycle is under way. 0 %: its resident memory after "
        f"{count(sizes.warm_up)} cycles, the warm-up. Dashed: {LIMIT_PERCENT:g} %, the goal."
    )
    with mpl.rc_context(STYLE):
        figure, panels = sheet(run, what, height_in=3.8, columns=len(CYCLES), share_y=True)
        lowest, highest = -1.0, LIMIT_PERCENT
        for axes, cycle in zip(panels, CYCLES, strict=True):
            for number, (way, colour) in enumerate(_COLOURS.items()):
                looks = memory_along(found, way, cycle)
                cycles = looks[-1][0] if looks else 0
                after = [mib for done, mib in looks if done >= min(sizes.warm_up, cycles // 2)]
                if not after:
                    continue
                percents = [100 * (mib / after[0] - 1) for _, mib in looks]
                highest, lowest = max([highest, *percents]), min([lowest, *percents[1:]])
                axes.plot([done for done, _ in looks], percents, color=colour, linewidth=1.6,
                          linestyle=STYLES[number % len(STYLES)], label=way)  # fmt: skip
            axes.axhline(LIMIT_PERCENT, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
            axes.tick_params(axis="x", rotation=30)
            axes.set_xlabel("cycles")
            axes.set_xlim(left=0)
            title(axes, _WORDS[cycle])
        panels[0].set_ylabel("memory, against the warm-up (%)")
        panels[0].set_ylim(lowest * 1.1, highest * 1.15)
        lines = {line.get_label(): line for axes in panels for line in axes.get_legend_handles_labels()[0]}
        ways = [way for way in WAYS_IN if way in lines]
        figure.legend([lines[way] for way in ways], ways, loc="outside upper center", ncols=columns(len(WAYS_IN)),
                      fontsize=9)  # fmt: skip
    return figure


def memory_along(found: Findings, way: str, cycle: str) -> list[tuple[int, float]]:
    """Cycles done, and MiB."""
    looks = []
    for name, mib in found.facts.items():
        look = look_of(name)
        if look is not None and look[:2] == (way, cycle):
            looks.append((look[2], mib))
    return sorted(looks)
