"""The section on figures that must agree: what a reader is told of those that do not."""

from __future__ import annotations

import pytest

from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    EVENTS_PER_CLIENT_HOUR,
    FRAMED_OVER_KERNEL,
    REQUESTS_PER_CLIENT_HOUR,
)
from bench.record.book import Book
from bench.record.run import Run
from bench.report.sections.consistency import MOST_NAMED, consistency_section
from bench.report.sections.page import Section
from tests.bench.runs import a_run


def a_cell(events: float, *, suspect: str = "", framed: float | None = None, rates: int = 1) -> Run:
    """Clients of deltas at so many rates, from 0.1 changes per second on, each with so many events more than due."""
    book = Book()
    for number in range(1, rates + 1):
        rate = number / 10
        at = {"clients": 10, "rooms": 10, "changes_per_s": rate, "party": "delta", "suspect": suspect}
        for measure, value in (
            (CHANGES_PER_S, rate), (BYTES_PER_CLIENT_HOUR, 30_000.0), (REQUESTS_PER_CLIENT_HOUR, 120.0),
            (EVENTS_PER_CLIENT_HOUR, 3_600 * rate * events),
        ):  # fmt: skip
            book.add(measure, value, **at)  # type: ignore[arg-type]
        if framed is not None:
            book.add(FRAMED_OVER_KERNEL, framed, **at)  # type: ignore[arg-type]
    return a_run(book.result("freshness", ()))


def section(run: Run) -> Section:
    found = consistency_section(run)
    assert found is not None
    return found


def test_run_in_which_nothing_was_measured_twice_has_no_section() -> None:
    assert consistency_section(a_run()) is None


def test_figures_that_agree_are_counted_and_none_is_named() -> None:
    found = section(a_cell(1.0, framed=1.0))
    assert list(found.shows) == ["2 pairs of figures that must agree: 2 do."]
    assert found.validity == "all pairs agree"
    assert list(found.tables[0].row_marks) == ["", ""]


def test_disagreement_is_told_with_both_figures_and_that_neither_is_believed() -> None:
    found = section(a_cell(0.5))
    assert found.validity == "suspect: 1 pair of 1 disagree"
    assert found.shows[1] == (
        "Events per client-hour, rooms_delta, 10 rooms, 0.1 changes per second: 180 (freshness, 10 clients) and "
        "360 an hour (changes of that window); disagree: neither is believed (nothing is known against either)."
    )


def test_figure_that_is_suspect_is_not_the_one_that_is_believed() -> None:
    found = section(a_cell(0.5, suspect="a cloud"))
    assert "180 (freshness, 10 clients; suspect)" in found.shows[1]
    assert found.shows[1].endswith(
        "disagree: changes of that window is believed, freshness, 10 clients is suspect: a cloud."
    )


def test_disagreements_come_first_in_the_table_and_are_marked() -> None:
    found = section(a_cell(0.5, framed=1.0))
    [table] = found.tables
    assert [row[0].split(",")[0] for row in table.rows] == ["events per client-hour", "framed bytes"]
    assert list(table.row_marks) == ["suspect", ""]
    assert [row[3] for row in table.rows] == ["0.5000", "1.000"]


@pytest.mark.parametrize(("number", "named", "rest"), [(MOST_NAMED, MOST_NAMED, 0), (MOST_NAMED + 1, MOST_NAMED, 1)])
def test_only_the_first_few_are_named_and_the_table_has_all(number: int, named: int, rest: int) -> None:
    found = section(a_cell(0.5, rates=number))
    assert len(found.shows) == 1 + named + rest
    assert (found.shows[-1] == "The other disagreements are in the table.") is bool(rest)
    assert len(found.tables[0].rows) == number


def test_limit_of_what_is_counted_to_the_byte_is_told_as_such() -> None:
    found = section(a_cell(1.0, framed=1.0))
    limits = {row[0].split(",")[0]: row[4] for row in found.tables[0].rows}
    assert limits == {
        "events per client-hour": "±2.0% (2%: nothing is on its way at an edge)", "framed bytes": "to the byte",
    }  # fmt: skip
