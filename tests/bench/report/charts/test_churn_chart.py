"""The chart of memory over clients that come and go."""

from __future__ import annotations

import pytest

from bench.measures import GROWTH, look_name
from bench.record.book import Book
from bench.report.charts import FOUND
from bench.report.charts.sheet import render
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
