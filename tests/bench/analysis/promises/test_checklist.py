"""The two numbers of the checklist: one second to the fresh list, and one retry to come back."""

from __future__ import annotations

import pytest

from bench.analysis.derived.overview import derive
from bench.analysis.promises.checklist import rule_on_checklist
from bench.analysis.promises.promise import Promise
from bench.analysis.verdicts import Verdict
from bench.measures import ACCEPTS_AGAIN
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.run import Run
from bench.record.vocabulary import BACK_AND_FRESH, FIXED_RETRY, FRESH_LIST
from tests.bench.analysis.promises.upheld import upheld
from tests.bench.runs import CALM, a_broadcast_result, a_point, a_reconnect_result, a_run, told


def ruled(run: Run) -> list[Promise]:
    return upheld(run, lambda: rule_on_checklist(derive(run)))


def second(*found: Findings) -> Promise:
    return ruled(a_run(*found))[0]


def retry(*found: Findings) -> Promise:
    return ruled(a_run(*found))[1]


@pytest.mark.parametrize(("fresh_ms", "said"), [(999.0, "holds"), (1_000.0, "does not hold")])
def test_second_is_less_than_a_second(fresh_ms: float, said: str) -> None:
    found = second(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=fresh_ms)]))
    assert str(found.ruling) == said


def test_second_is_judged_by_the_slowest_broadcast_and_not_by_the_median_one() -> None:
    book = Book()
    broadcasts = [told(last_ms, clients=10) for last_ms in (20.0, 30.0, 1_100.0)]
    book.add_broadcasts(FRESH_LIST, broadcasts, Where(10), stretch=CALM, interval_s=2.0)
    found = second(book.result("broadcast", ()))
    assert found.ruling.verdict is Verdict.DOES_NOT_HOLD
    assert found.measured == "1.10 s at 10"


def test_second_is_for_everybody() -> None:
    book = Book()
    book.add_broadcasts(FRESH_LIST, [told(20.0, clients=10, lost=1)] * 4, Where(10), stretch=CALM, interval_s=2.0)
    assert second(book.result("broadcast", ())).ruling.verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(("back_s", "verdict"), [(7.0, Verdict.HOLDS), (7.1, Verdict.DOES_NOT_HOLD)])
def test_retry_counts_from_when_the_server_accepts_and_leaves_a_second_to_connect(
    back_s: float, verdict: Verdict
) -> None:
    """The server accepts after 1 s: 5 s and 1 s later."""
    assert retry(a_reconnect_result((3.0, back_s))).ruling.verdict is verdict


def test_retry_of_somebody_who_never_came_is_missed_however_soon_the_others_were() -> None:
    assert retry(a_reconnect_result((3.0,), lost=1)).ruling.verdict is Verdict.DOES_NOT_HOLD


def test_retry_of_a_herd_that_never_came_is_missed_and_has_no_last_one() -> None:
    found = retry(a_reconnect_result((), lost=3))
    assert (found.ruling.verdict, found.measured) == (Verdict.DOES_NOT_HOLD, "")


def test_retry_tells_the_last_one() -> None:
    assert retry(a_reconnect_result((5.0, 6.5))).measured == (
        "the last of 2 clients was back 5.50 s after the server accepted again"
    )


def test_returns_of_several_restarts_are_not_told_as_so_many_clients() -> None:
    book, party = Book(), f"{FIXED_RETRY}, SIGTERM"
    for back_s in (5.5, 6.5):
        book.add_series(BACK_AND_FRESH, [4.0, back_s], Where(2), party=party)
        book.add(ACCEPTS_AGAIN, 1.0, clients=2, party=party)
    assert retry(book.result("reconnect", ())).measured == (
        "the last of 4 returns after 2 restarts was 5.50 s after the server accepted again"
    )


def test_what_was_not_measured_holds_and_fails_nothing() -> None:
    assert [str(each.ruling) for each in ruled(a_run())] == ["not measured", "not measured"]
