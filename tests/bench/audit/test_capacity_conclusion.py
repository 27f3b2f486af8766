"""Whether the knee of a search is a limit, drawn again from the samples of its steps."""

from __future__ import annotations

import pytest

from bench.audit.conclusions import conclude
from bench.measures import CAPACITY
from bench.record.book import Book
from bench.record.findings import Ledger, Where
from bench.record.vocabulary import ANNOUNCEMENT, MET, MISSED, NOT_MEASURED
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_run

Step = tuple[int, float, str]
"""Clients, p99 in ms, outcome; the service level is 250 ms."""


def concluded(*steps: Step, knees: tuple[int, ...], lost: int = 0) -> str:
    book = Book()
    for clients, p99_ms, outcome in steps:
        ledger = Ledger(expected=1 + lost, received=1)
        book.add_series(ANNOUNCEMENT, [p99_ms / 1e3], Where(clients), party=outcome, ledger=ledger)
    for knee in knees:
        book.add(CAPACITY, knee, clients=0)
    return conclude(raw_of(a_run(book.result("capacity", ()))), {"of": "capacity"})[0]


GOOD, BAD = (1_000, 100.0, MET), (2_000, 400.0, MISSED)
CONTRADICTION = "contradicts its steps"


@pytest.mark.parametrize(
    ("steps", "knee", "words"),
    [
        ((GOOD, BAD), 1_000, "holds"),
        ((GOOD,), 1_000, "holds at least"),
        ((GOOD, (2_000, 400.0, NOT_MEASURED)), 1_000, "holds at least"),
        ((GOOD, (2_000, 400.0, NOT_MEASURED), (4_000, 400.0, MISSED)), 1_000, "holds"),
        ((GOOD, BAD), 1_500, CONTRADICTION),
        (((1_000, 400.0, MISSED), (62, 300.0, MISSED)), 0, "holds"),
        (((1_000, 400.0, NOT_MEASURED),), 0, "holds at least"),
        ((), 0, CONTRADICTION),
        (((1_000, 250.0, MET),), 1_000, CONTRADICTION),
        (((1_000, 249.0, MISSED),), 0, CONTRADICTION),
    ],
    ids=["a larger one missed", "none was larger", "the larger one was not measured", "one of the larger ones was",
         "beyond what met it", "not even the smallest", "nothing was measured", "no step", "at the level is not below",
         "below it is met"],
)  # fmt: skip
def test_knee_is_a_limit_where_something_larger_was_measured_and_missed(
    steps: tuple[Step, ...], knee: int, words: str
) -> None:
    assert concluded(*steps, knees=(knee,)) == words


def test_knee_is_the_median_of_the_searches() -> None:
    assert concluded(GOOD, BAD, knees=(500, 1_000, 9_000)) == "holds"
    assert concluded(GOOD, BAD, knees=(500, 1_500, 9_000)) == CONTRADICTION


def test_step_that_left_somebody_out_has_not_met_the_level() -> None:
    assert concluded(GOOD, knees=(1_000,), lost=1) == CONTRADICTION
