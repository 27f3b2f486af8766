"""The chart of a swarm that every fault happens to: a panel for each, in the order in which they came."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from bench.record.book import Book
from bench.record.fact_names import connected_name, fault_name
from bench.record.findings import Findings
from bench.report.charts.colours import BLUE
from bench.report.charts.survival import survival
from tests.bench.report.charts import drawn
from tests.bench.runs import a_run


def a_swarm(*faults: tuple[str, float, float], until_s: int = 60) -> Findings:
    """Sampled every second: as many players as seconds have passed."""
    book = Book()
    for name, from_s, over_s in faults:
        book.facts[fault_name(name, "from")] = from_s
        book.facts[fault_name(name, "until")] = over_s
    for second in range(until_s):
        book.facts[connected_name(float(second))] = float(second)
    return book.result("survival", ())


def draw(found: Findings) -> Figure:
    return survival(a_run(found), found)


TWO = (("Valkey frozen", 40.0, 44.0), ("node frozen", 20.0, 28.0))


def test_faults_are_in_the_order_of_their_times_and_places_without_one_are_empty() -> None:
    figure = draw(a_swarm(*TWO))
    assert [drawn.title_of(axes) for axes in figure.axes] == ["node frozen", "Valkey frozen", ""]
    assert [drawn.is_shown(axes) for axes in figure.axes] == [True, True, False]


def test_line_is_from_shortly_before_the_fault_until_the_next() -> None:
    first, last, _ = draw(a_swarm(*TWO)).axes
    seen = drawn.points(first.get_lines()[0])
    assert (seen[0], seen[-1]) == ((-5.0, 15.0), (20.0, 40.0))
    seen = drawn.points(last.get_lines()[0])
    assert (seen[0], seen[-1]) == ((-5.0, 35.0), (19.0, 59.0))
    assert drawn.colour(first.get_lines()[0]) == BLUE


def test_shade_is_as_long_as_the_fault() -> None:
    first, last, _ = draw(a_swarm(*TWO)).axes
    assert drawn.shades(first) == [pytest.approx((0.0, 8.0), abs=1e-6)]
    assert drawn.shades(last) == [pytest.approx((0.0, 4.0), abs=1e-6)]


def test_fault_of_a_moment_is_to_be_seen_all_the_same() -> None:
    [shade] = drawn.shades(draw(a_swarm(("node killed", 20.0, 20.0))).axes[0])
    assert shade == pytest.approx((0.0, 0.15), abs=1e-6)


def test_panels_share_an_axis_that_begins_at_nobody() -> None:
    first, last, _ = draw(a_swarm(*TWO)).axes
    assert first.get_ylim() == last.get_ylim()
    assert first.get_ylim()[0] == 0
    assert first.get_ylabel() == "open connections"


@pytest.mark.parametrize(("number", "places"), [(1, 3), (3, 3), (4, 6), (7, 9)])
def test_there_are_three_panels_in_a_row(number: int, places: int) -> None:
    names = ("node restarted", "node frozen", "node cut off", "Valkey restarted", "Valkey frozen",
             "PostgreSQL restarted", "node killed")  # fmt: skip
    faults = [(name, 10.0 * place, 10.0 * place + 1) for place, name in enumerate(names[:number])]
    assert len(draw(a_swarm(*faults, until_s=80)).axes) == places


def test_run_without_a_fault_is_drawn_empty() -> None:
    assert not any(drawn.is_shown(axes) for axes in draw(a_swarm()).axes)
