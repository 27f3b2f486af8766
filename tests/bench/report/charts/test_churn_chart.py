"""The chart of memory over clients that come and go."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from msgspec.structs import replace

from bench.measures import GROWTH
from bench.record.book import Book
from bench.record.fact_names import look_name
from bench.record.profiles.sizes import ChurnSizes
from bench.report.charts import FOUND
from bench.report.charts.churn import churn
from bench.report.charts.colours import BLUE, ORANGE
from bench.report.charts.sheet import render
from tests.bench.report.charts import drawn
from tests.bench.runs import a_run


def test_churn_draws_each_way_against_its_warm_up() -> None:
    book = Book()
    for way, last in (("plain", 101.0), ("/ops/socket", 104.0)):
        for done, mib in ((0, 50.0), (1_000, 100.0), (6_000, last)):
            book.add_to_fact(look_name(way, "accepted", done), mib)
    book.add(GROWTH["plain", "accepted"], 1.0, clients=6_000)
    found = book.result("churn", ())
    run = a_run(found)
    assert render("churn", "churn", "Flat.", lambda: FOUND["churn"].draw(run, found)).png.startswith(b"\x89PNG")
    figure = FOUND["churn"].draw(run, found)
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}
    assert lines["plain"].ravel().tolist() == pytest.approx([0, -50, 1_000, 0, 6_000, 1])  # type: ignore[union-attr]
    assert lines["/ops/socket"][-1].tolist() == pytest.approx([6_000, 4.0])  # type: ignore[index,union-attr]
    assert figure.axes[0].get_ylim()[1] > 4.0
    titles = [axes.get_title(loc="left") + axes.get_title() for axes in figure.axes[:3]]
    assert titles == ["connect, handshake, close", "connect, refused, close", "make, enter, delete a room"]


Look = tuple[str, str, int, float]
"""Way, cycle, cycles done, MiB."""


def draw(*looks: Look, warm_up: int = 1_000) -> Figure:
    book = Book()
    for way, cycle, done, mib in looks:
        book.add_to_fact(look_name(way, cycle, done), mib)
    found = book.result("churn", ())
    run = a_run(found)
    return churn(replace(run, profile=replace(run.profile, churn=ChurnSizes(warm_up=warm_up))), found)


def test_memory_is_drawn_against_the_first_look_after_the_warm_up_in_the_order_of_cycles() -> None:
    """100 MiB after 2,000 cycles is 0 %: 50 MiB before is -50 %, and 110 MiB after is 10 %."""
    figure = draw(
        ("plain", "room", 10_000, 110.0), ("plain", "room", 2_000, 100.0), ("plain", "room", 0, 50.0), warm_up=1_500
    )
    assert drawn.at(figure.axes[2], "plain") == [(0, -50), (2_000, 0), (10_000, pytest.approx(10))]
    assert not drawn.lines(figure.axes[0], "plain")


def test_goal_is_a_dashed_line_in_every_panel() -> None:
    figure = draw(("plain", "accepted", 0, 50.0), ("plain", "accepted", 2_000, 50.0))
    for axes in figure.axes[:3]:
        goals = [line for line in axes.get_lines() if set(np.asarray(line.get_ydata()).tolist()) == {2.0}]
        assert len(goals) == 1
        assert axes.get_ylim()[1] > 2.0
    assert "Dashed: 2\N{NO-BREAK SPACE}%, the goal." in drawn.texts(figure)


def test_every_way_is_in_the_legend_once_in_its_colour_whichever_cycle_it_had() -> None:
    figure = draw(
        *(("plain", cycle, done, 50.0) for cycle in ("accepted", "room") for done in (0, 2_000)),
        *(("TLS", "refused", done, 50.0) for done in (0, 2_000)),
    )  # fmt: skip
    assert drawn.legend_of(figure) == {"plain": BLUE.upper(), "TLS": ORANGE.upper()}


def test_way_that_was_looked_at_once_is_at_nothing() -> None:
    assert drawn.at(draw(("plain", "accepted", 2_000, 50.0)).axes[0], "plain") == [(2_000, 0)]
