"""The break-even map: which way is best over changes per second and clients, in bytes, CPU and freshness.

Areas are drawn between measured cells alone, where the models of all ways are confirmed by cells that were held out,
and where the best leads by more than the models miss; elsewhere dots tell what was measured.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bench.analysis.break_even import CONFIRMED, Surface, simple_per_s, surfaces_of
from bench.measures import BYTES_PER_CLIENT_HOUR, CPU_PER_CLIENT_HOUR, TIME_TO_FRESH_P50
from bench.record.findings import Findings
from bench.record.profiles.sizes import WAYS
from bench.record.run import Run
from bench.report.charts.colours import WAY_COLOURS
from bench.report.charts.sheet import STYLE, columns, sheet, title, write_below
from bench.words import count, in_percent, plural, way_words
from loadtest.results.validity import Validity

PANELS = (
    (BYTES_PER_CLIENT_HOUR, "fewest bytes", False),
    (CPU_PER_CLIENT_HOUR, "least server CPU", False),
    (TIME_TO_FRESH_P50, "freshest (p50)", True),
)
GRID = 120
DOUBT = "X"
"""The mark of a cell whose best way, or the next best, has a reading that is suspect."""
AROUND = 1.25
"""The axes end by this factor outside the cells."""


def is_map(run: Run) -> bool:
    """Whether a panel has more than one cell: of a single one the sentences of the section say all."""
    return any(len(_best_cells(surfaces_of(run, measure, grows=grows))) > 1 for measure, _, grows in PANELS)


def break_even_map(run: Run, _: Findings) -> Figure:
    sizes = run.profile.break_even
    told, there = [], set()
    with mpl.rc_context(STYLE):
        figure, panels = sheet(run, " ", height_in=4.4, columns=len(PANELS), share_y=True)
        for axes, (measure, words, grows) in zip(panels, PANELS, strict=True):
            fitted = surfaces_of(run, measure, grows=grows)
            there |= {each.way for each in fitted}
            told.append(f"{words}: {_error_words(fitted)}")
            _map(axes, fitted, simple_per_s(sizes.poll_s))
            title(axes, words)
        panels[0].set_ylabel("clients (log scale)")
        shown = [way for way in WAY_COLOURS if way in there]
        legend: list[Artist] = [Patch(facecolor=WAY_COLOURS[way], alpha=0.45, label=way_words(way)) for way in shown]
        legend.append(
            Line2D([], [], linestyle="", marker="o", markersize=8, color="white", markeredgecolor="black",
                   label="measured, in the colour of the best")
        )  # fmt: skip
        if any(line.get_marker() == DOUBT for axes in panels for line in axes.get_lines()):
            legend.append(
                Line2D([], [], linestyle="", marker=DOUBT, markersize=8, color="white", markeredgecolor="black",
                       label="the same, suspect")
            )  # fmt: skip
        legend.append(
            Line2D([], [], color="black", linestyle=":", label=f"one poll's period, {sizes.poll_s:g} s, per change")
        )
        figure.legend(handles=legend, loc="outside upper center", ncols=columns(4), fontsize=8)
        missing = [way_words(way) for way in WAYS if way not in there]
        what = (
            f"Marks: measured cells{_readings_words(run)}, windows of about {sizes.window_s:g} s, at the rates that "
            "there were. Lists of "
            f"{sizes.rooms} rooms, polling every {sizes.poll_s:g} s. Error of the models on cells held out, the median "
            f"of the worst way: {'; '.join(told)}."
            + (f" Not measured in this run's cells: {', '.join(missing)}." if missing else "")
        )
        write_below(figure, run, what)  # only now are the errors known
    return figure


def _readings_words(run: Run) -> str:
    """How many readings a cell is of, where that is the same for all."""
    found = run.found("break-even")
    numbers = {len(each.readings) for each in found.measures} if found is not None else set()
    return f" of {plural(numbers.pop(), 'reading')} each" if len(numbers) == 1 else ""


def worst_error(fitted: list[Surface]) -> float | None:
    """By how much the models miss what was held out; ``None`` where one of them is not confirmed."""
    errors = [each.error for each in fitted if each.is_confirmed and each.error is not None]
    return max(errors) if errors and len(errors) == len(fitted) else None


def _error_words(fitted: list[Surface]) -> str:
    errors = [each.error for each in fitted]
    known = [error for error in errors if error is not None]
    if not fitted or len(known) < len(errors):
        return "too few cells to know, so dots alone"
    words = in_percent(max(known))
    return words if max(known) <= CONFIRMED else f"{words}, not confirmed, so dots alone"


def _map(axes: Axes, fitted: list[Surface], simple: float) -> None:
    cells = _best_cells(fitted)
    error = worst_error(fitted)
    if error is not None and len({clients for _, clients in cells}) > 1:
        _areas(axes, fitted, list(cells), error)
    for (rate, clients), (way, is_suspect) in cells.items():
        axes.plot(
            rate, clients, linestyle="", marker=DOUBT if is_suspect else "o", markersize=8, color=WAY_COLOURS[way],
            markeredgecolor="black",
        )  # fmt: skip
    axes.axvline(simple, color="black", linestyle=":", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    if cells:
        rates, numbers = sorted({rate for rate, _ in cells}), sorted({clients for _, clients in cells})
        axes.set_xlim(min(rates[0], simple) / AROUND, max(rates[-1], simple) * AROUND)
        axes.set_ylim(numbers[0] / AROUND, numbers[-1] * AROUND)
        axes.yaxis.set_major_locator(FixedLocator(numbers))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("changes per second (log scale)")
    axes.grid(visible=False)


def _areas(axes: Axes, fitted: list[Surface], cells: list[tuple[float, int]], error: float) -> None:
    """Between the cells; white where the lead is within the error."""
    rates = np.geomspace(min(rate for rate, _ in cells), max(rate for rate, _ in cells), GRID)
    clients = np.geomspace(min(n for _, n in cells), max(n for _, n in cells), GRID)
    across, up = np.meshgrid(rates, clients)
    costs = np.stack([each(across, up) for each in fitted])
    ranked = np.sort(costs, axis=0)
    best = np.ma.masked_array(costs.argmin(axis=0), mask=ranked[1] < ranked[0] * (1 + error))
    colours = ListedColormap([WAY_COLOURS[each.way] for each in fitted])
    axes.pcolormesh(
        across, up, best, cmap=colours, norm=BoundaryNorm(np.arange(len(fitted) + 1) - 0.5, len(fitted)), alpha=0.45,
        shading="nearest", rasterized=True,
    )  # fmt: skip


def _best_cells(fitted: list[Surface]) -> dict[tuple[float, int], tuple[str, bool]]:
    """By rate and clients, where several ways were measured: the best of them, and of those that poll elsewhere, whose
    cost does not depend on how many there are; and whether it, or the next best, is in doubt there."""
    cells: dict[tuple[int, float], dict[str, float]] = {}
    rates: dict[tuple[int, float], float] = {}
    doubtful: set[tuple[tuple[int, float], str]] = set()
    for each in fitted:
        for point in each.points:
            if point.changes_per_s and not point.any_size:  # bytes of any size are no cell: they have no clients
                place = point.clients, point.nominal_per_s or point.changes_per_s
                cells.setdefault(place, {})[each.way] = point.value
                rates[place] = point.changes_per_s
                if point.judgement.validity is not Validity.VALID:
                    doubtful.add((place, each.way))
    found = {}
    for place, values in cells.items():
        if len(values) < 2:
            continue
        elsewhere = {
            each.way: float(each(rates[place], place[0]))
            for each in fitted
            if each.way not in values and each.way.startswith("polling") and each.is_confirmed
        }
        everything = {**values, **elsewhere}
        best, *rest = sorted(everything, key=lambda way: everything[way])
        found[rates[place], place[0]] = best, any((place, way) in doubtful for way in (best, *rest[:1]))
    return found
