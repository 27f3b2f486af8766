"""The chart of what is seen of a node, a Valkey or a database that dies."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from msgspec.structs import replace

from bench.measures import KILLED
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Where
from bench.record.profiles.sizes import ClusterSizes
from bench.record.vocabulary import ANSWERED_201, BACK_AND_FRESH, KILLS, REFUSED, ROOMS_WHILE
from bench.report.charts.cluster import cluster
from bench.report.charts.colours import BLUE, GREEN, ORANGE
from tests.bench.report.charts import drawn
from tests.bench.runs import a_run


def a_fault(*, back_s: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0), lost: int | None = 4, is_new: bool = True) -> Findings:
    """A node with four players is killed; Valkey is; and rooms are made while things are killed."""
    book = Book()
    ledger = Ledger(expected=lost, received=len(back_s)) if lost is not None else None
    for moments_s in (back_s, (9.0,)):
        book.add_series(BACK_AND_FRESH, moments_s, Where(12), party="node killed", ledger=ledger)
    book.add_series(ANSWERED_201, [0.1, 2.5], Where(12), party="Valkey killed")
    book.add_series(REFUSED, [0.5, 1.0], Where(12), party="Valkey killed")
    for number, killed in enumerate(KILLED):
        party = (ROOMS_WHILE if is_new else "{killed} killed").format(killed=killed)
        book.add_series(ANSWERED_201, [number + 1.0, number + 2.0], Where(6), party=party)
        book.add_series(KILLS, [number + 1.5], Where(6), party=party)
    return book.result("cluster", ())


def draw(found: Findings) -> Figure:
    run = a_run(found)
    profile = replace(run.profile, cluster=ClusterSizes(players=12, rooms=6))
    return cluster(replace(run, profile=profile), found)


def returned(found: Findings) -> list[tuple[float, float]]:
    [line] = draw(found).axes[0].get_lines()
    return drawn.points(line)


def test_players_of_the_node_come_back_one_by_one_in_the_first_repeat() -> None:
    assert returned(a_fault()) == [(0, 0), (1, 25), (2, 50), (3, 75), (4, 100)]


def test_line_of_players_some_of_whom_never_came_back_ends_below_all() -> None:
    assert returned(a_fault(back_s=(1.0, 3.0))) == [(0, 0), (1, 25), (3, 50)]


def test_kept_run_that_does_not_say_how_many_were_lost_has_those_who_came_back() -> None:
    assert returned(a_fault(back_s=(1.0, 3.0), lost=None)) == [(0, 0), (1, 50), (3, 100)]


def test_node_of_which_nobody_came_back_has_no_line() -> None:
    assert draw(a_fault(back_s=())).axes[0].get_lines() == []


def test_answers_are_marks_at_their_times_made_below_and_refused_above() -> None:
    axes = draw(a_fault()).axes[1]
    assert np.allclose(drawn.at(axes, "made"), [(0.1, 0), (2.5, 0)])
    assert drawn.at(axes, "refused") == [(0.5, 1), (1.0, 1)]
    assert [drawn.colour(line) for label in ("made", "refused") for line in drawn.lines(axes, label)] == [GREEN, ORANGE]
    assert drawn.ticks(axes) == ["made", "refused"]


@pytest.mark.parametrize("is_new", [True, False], ids=["of today", "kept before"])
def test_rooms_of_each_kind_of_kill_have_a_panel_with_the_kills_in_it(*, is_new: bool) -> None:
    """Also of Valkey, which is killed once more under players who ask for a room."""
    figure = draw(a_fault(is_new=is_new))
    panels = {drawn.title_of(axes): axes for axes in figure.axes}
    for number, killed in enumerate(KILLED):
        axes = panels[f"Rooms, {killed} killed"]
        assert drawn.points(axes.get_lines()[0]) == [(0, 0), (number + 1, 1), (number + 2, 2)]
        assert drawn.uprights(axes) == [number + 1.5]
        assert drawn.colour(axes.get_lines()[0]) == BLUE


def test_axes_say_what_they_are_of_and_begin_at_nothing() -> None:
    figure = draw(a_fault())
    assert [axes.get_ylabel() for axes in figure.axes if drawn.is_shown(axes)] == [
        "of its players back and fresh (%)", "", *["rooms answered with 201"] * len(KILLED),
    ]  # fmt: skip
    assert all(axes.get_xlim()[0] == 0 for axes in np.asarray(figure.axes)[[0, 2, 3, 4]])
    assert [drawn.is_shown(axes) for axes in figure.axes] == [True] * 5 + [False]
