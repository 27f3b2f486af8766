"""The break-even map: the colour of each cell is the way that is best there, and of no other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from msgspec.structs import replace

from bench.analysis.break_even import Point, Surface, fit
from bench.analysis.derived.overview import derive
from bench.measures import BYTES_PER_CLIENT_HOUR, CPU_PER_CLIENT_HOUR, Measure
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import BreakEvenSizes
from bench.record.run import Run
from bench.record.traffic import TrafficGroup
from bench.report.charts import draw_charts
from bench.report.charts.break_even import break_even_map, is_map, worst_error
from bench.report.charts.colours import WAY_COLOURS
from tests.bench.report.charts import drawn
from tests.bench.runs import a_group, a_run, an_idle_result

Cell = tuple[str, int, float, float]
"""Way, clients, changes per second, what it costs."""


@cache
def a_map(*cells: Cell, measure: Measure = BYTES_PER_CLIENT_HOUR) -> Figure:
    book = Book()
    for way, clients, rate, value in cells:
        book.add(measure, value, clients=clients, rooms=50, changes_per_s=rate, party=way)
    found = book.result("break-even", ())
    run = a_run(found)
    sizes = BreakEvenSizes(rooms=50, window_s=4.0, poll_s=4.0)
    return break_even_map(replace(run, profile=replace(run.profile, break_even=sizes)), found)


def a_narrow_run(*cells: Cell, groups: Sequence[TrafficGroup] = ()) -> tuple[Run, Findings]:
    """Of few cells, and of bytes that the scenario bandwidth counted beside them."""
    book = Book()
    for way, clients, rate, value in cells:
        book.add(BYTES_PER_CLIENT_HOUR, value, clients=clients, rooms=10, changes_per_s=rate, party=way)
    found = book.result("break-even", ())
    return a_run(found, *([an_idle_result(groups)] if groups else [])), found


def best(axes: Axes) -> dict[tuple[float, float], str]:
    """Colour of each measured cell."""
    dots = [each for each in axes.get_lines() if each.get_marker() == "o"]
    return {drawn.points(dot)[0]: drawn.colour(dot) for dot in dots}


def colours(*ways: str) -> list[str]:
    return [WAY_COLOURS[way].upper() for way in ways]


CELLS: tuple[Cell, ...] = (
    ("push", 100, 0.2, 10.0), ("polling", 100, 0.2, 50.0), ("delta", 100, 0.2, 20.0),
    ("push", 100, 2.0, 90.0), ("polling", 100, 2.0, 50.0), ("delta", 100, 2.0, 60.0),
)  # fmt: skip


def test_cell_has_the_colour_of_the_way_that_costs_least_there() -> None:
    assert best(a_map(*CELLS).axes[0]) == dict(zip([(0.2, 100), (2.0, 100)], colours("push", "polling"), strict=True))


def test_cell_whose_best_way_or_the_next_best_is_suspect_is_crossed() -> None:
    """At 0.2 the third of three is; at 2 the second."""
    book = Book()
    for way, clients, rate, value in CELLS:
        doubt = "other work had the cores" if (way, rate) in {("polling", 0.2), ("delta", 2.0)} else ""
        book.add(BYTES_PER_CLIENT_HOUR, value, clients=clients, rooms=50, changes_per_s=rate, party=way, suspect=doubt)
    found = book.result("break-even", ())
    figure = break_even_map(a_run(found), found)
    crosses = [drawn.points(each)[0] for each in figure.axes[0].get_lines() if each.get_marker() == "X"]
    assert (set(best(figure.axes[0])), crosses) == ({(0.2, 100)}, [(2.0, 100)])
    assert "the same, suspect" in drawn.texts(figure)
    assert "the same, suspect" not in drawn.texts(a_map(*CELLS))


def test_cell_of_one_way_alone_says_nothing_about_which_is_best() -> None:
    assert best(a_map(*CELLS, ("rev", 1_000, 0.2, 1.0)).axes[0]).keys() == {(0.2, 100), (2.0, 100)}


def test_bytes_that_hold_for_any_number_of_clients_are_no_cell() -> None:
    """Polling that only the scenario bandwidth counted, whose cells have no clients: they have no place on the map."""
    rates = (0.1, 1.0, 10.0)
    groups = [
        a_group(way, requests=20, framed=900, wire=1_000, changes_per_s=rate)
        for way in ("polling", "polling_gzip")
        for rate in rates
    ]
    run, found = a_narrow_run(("push", 150, 2.0, 90.0), ("delta", 150, 2.0, 60.0), groups=groups)
    axes = break_even_map(run, found).axes[0]
    assert best(axes).keys() == {(2.0, 150)}
    assert axes.get_ylim() == pytest.approx((150 / 1.25, 150 * 1.25))
    assert axes.get_xlim()[1] == pytest.approx(2.0 * 1.25)


def test_single_cell_makes_no_map() -> None:
    one, two = (a_narrow_run(*cells)[0] for cells in (CELLS[:3], CELLS))
    assert (is_map(one), is_map(two)) == (False, True)
    assert [chart.name for chart in draw_charts(derive(one))] == []
    assert [chart.name for chart in draw_charts(derive(two))] == ["break-even"]


def test_quantity_that_was_not_measured_has_an_empty_panel() -> None:
    by_bytes, by_cpu, freshest = a_map(*CELLS, measure=CPU_PER_CLIENT_HOUR).axes
    assert [len(best(axes)) for axes in (by_bytes, by_cpu, freshest)] == [0, 2, 0]
    assert [drawn.title_of(axes) for axes in (by_bytes, by_cpu, freshest)] == [
        "fewest bytes", "least server CPU", "freshest (p50)",
    ]  # fmt: skip


def test_line_of_the_simple_model_is_one_poll_per_period() -> None:
    assert drawn.uprights(a_map(*CELLS).axes[0]) == [0.25]


def test_axes_are_logarithmic_and_end_a_quarter_outside_the_cells() -> None:
    axes = a_map(*CELLS, ("push", 1_000, 2.0, 9.0), ("polling", 1_000, 2.0, 5.0)).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlim() == pytest.approx((0.2 / 1.25, 2.0 * 1.25))
    assert axes.get_ylim() == pytest.approx((100 / 1.25, 1_000 * 1.25))
    assert drawn.ticks(axes) == ["100", "1,000"]


def test_legend_has_the_ways_that_were_measured_in_their_colours() -> None:
    found = drawn.legend_of(a_map(*CELLS))
    ways = {"polling": "polling", "push, then fetch": "push", "rooms_delta": "delta"}
    assert {name: found[name] for name in ways} == {name: WAY_COLOURS[way].upper() for name, way in ways.items()}
    assert "push with rev" not in found


def test_cells_that_are_too_few_for_a_model_are_dots_alone_and_the_caption_says_so() -> None:
    figure = a_map(*CELLS)
    assert not figure.axes[0].collections
    assert "fewest bytes: too few cells to know, so dots alone" in drawn.texts(figure)


# -- how far a model is believed -----------------------------------------------------------------------------------


@cache
def surface(way: str, off: float = 0.0) -> Surface:
    """Of a linear cost, with every second cell off by so much."""
    rates = (0.1, 1.0, 3.0, 10.0)
    cells = [
        Point(clients, rate, (10.0 + 100 * rate) * (1 + off * (-1) ** number))
        for clients in (100, 1_000)
        for number, rate in enumerate(rates)
    ]
    return fit(way, cells, poll_s=3.0)


def test_error_of_models_is_that_of_the_worst_way() -> None:
    exact, rough = surface("push"), surface("delta", 0.1)
    assert rough.error is not None
    assert worst_error([exact, rough]) == rough.error
    assert worst_error([exact]) == pytest.approx(0.0, abs=0.01)


def test_error_is_not_known_where_one_way_is_not_confirmed() -> None:
    wrong = surface("delta", 0.9)
    assert not wrong.is_confirmed
    assert worst_error([surface("push"), wrong]) is None
    assert worst_error([]) is None


def test_area_is_white_where_the_lead_is_within_the_error() -> None:
    """Push costs 10 + 100 λ and polling 60, everywhere: equal at 0.5, where neither may be called the best."""
    cells = [
        (way, clients, rate, value)
        for clients in (100, 1_000)
        for rate in (0.05, 0.2, 1.0, 4.0)
        for way, value in (("push", 10.0 + 100 * rate), ("polling", 60.0 * (1.1 if rate == 0.2 else 1.0)))
    ]
    [area] = a_map(*cells).axes[0].collections
    shown = np.ma.getmaskarray(np.ma.asarray(area.get_array()))
    assert shown.any(), "near 0.5 nothing is drawn"
    assert not shown.all(), "far from it something is"
