"""A text with a figure that is suspect says so: broadcasts, ratios and crossings, as well as readings."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.sources import broadcasts, crossing, paired
from bench.audit.check import untold_doubts
from bench.audit.raw import Raw
from bench.measures import CPU_PER_CLIENT_HOUR, CPU_PER_RECIPIENT
from bench.record.book import Book
from bench.record.findings import Stretch, Where
from bench.record.profiles.sizes import BreakEvenSizes, FreshnessSizes
from bench.record.vocabulary import ANNOUNCEMENT, FLOOR, LOBBY
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_broadcast_result, a_point, a_run

NEAR = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.8)
CPU = CPU_PER_CLIENT_HOUR


def named(raw: Raw, quantity: dict[str, Any], text: str = "after 9.00 ms") -> list[str]:
    told = {"where": "here", "text": text, "cited": [{"text": "9.00 ms", "start": 6, "quantity": quantity}]}
    return [each.recomputed for each in untold_doubts(raw, told)]


def test_time_of_broadcasts_that_are_suspect_is_named_unless_the_text_says_so() -> None:
    points = [a_point(100, last_ms=4.0, fresh_ms=20.0), a_point(500, last_ms=9.0, fresh_ms=30.0, stretch=NEAR)]
    raw = raw_of(a_run(a_broadcast_result(points)))
    assert named(raw, broadcasts(ANNOUNCEMENT, 500, "last")) == ["suspect"]
    assert named(raw, broadcasts(ANNOUNCEMENT, 500, "last"), "after 9.00 ms (suspect)") == []
    assert named(raw, broadcasts(ANNOUNCEMENT, 100, "last")) == []
    assert named(raw, broadcasts(ANNOUNCEMENT, 77, "last")) == [], "that it was not measured is told elsewhere"


@pytest.mark.parametrize(("suspect", "found"), [("", []), ("other work had the cores", ["suspect"])])
def test_ratio_is_as_doubtful_as_its_pairs(suspect: str, found: list[str]) -> None:
    book = Book()
    book.add(CPU_PER_RECIPIENT, 10.0, clients=10)
    book.add(CPU_PER_RECIPIENT, 20.0, clients=10, party=FLOOR, suspect=suspect)
    raw = raw_of(a_run(book.result("peers", ())))
    assert named(raw, paired("peers", CPU_PER_RECIPIENT, FLOOR, LOBBY, Where(10))) == found


def cells(**doubts: float) -> Raw:
    """Of push and polling, which cross between 0.2 and 1; a way's cell at the rate given is suspect."""
    book = Book()
    for way, rate, value in (
        ("push", 0.2, 30.0), ("push", 1.0, 110.0), ("push", 9.0, 900.0), ("polling", 0.2, 60.0), ("polling", 1.0, 60.0),
        ("rev", 0.2, 30.0),
    ):  # fmt: skip
        at: dict[str, Any] = {"clients": 100, "rooms": 50, "changes_per_s": rate, "party": way}
        book.add(CPU, value, suspect="other work had the cores" if doubts.get(way) == rate else "", **at)
    run = a_run(book.result("break-even", ()))
    profile = replace(
        run.profile, break_even=BreakEvenSizes(rooms=50, poll_s=3.0), freshness=FreshnessSizes(poll_s=1.0)
    )
    return raw_of(replace(run, profile=profile))


@pytest.mark.parametrize("take", ["rate", "low", "high"])
def test_crossing_is_as_doubtful_as_the_cells_up_to_the_one_above_it(take: str) -> None:
    quantity = crossing(CPU, "push", "polling", 100, take)
    assert named(cells(), quantity) == []
    assert named(cells(push=1.0), quantity) == named(cells(polling=0.2), quantity) == ["suspect"]
    assert named(cells(push=9.0), quantity) == named(cells(rev=0.2), quantity) == []


def test_ways_that_do_not_cross_are_as_doubtful_as_all_their_cells() -> None:
    quantity = {**crossing(CPU, "push", "polling", 100, "rate"), "of": "no crossing"}
    assert named(cells(push=9.0), quantity) == ["suspect"]
    assert named(cells(push=9.0), crossing(CPU, "push", "polling", 100, "model")) == []
