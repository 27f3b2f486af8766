"""Scale, from the search for the capacity; features, from what the swarm did and heard."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.promises.features import FEATURES, rule_on_features, swarm_counts
from bench.analysis.promises.promise import Promise
from bench.analysis.verdicts import Verdict
from bench.measures import CAPACITY, FAILS_AT
from bench.record.book import Book
from bench.record.run import Run
from tests.bench.analysis.promises.upheld import upheld
from tests.bench.runs import a_run, a_swarm_result

# -- scale ---------------------------------------------------------------------------------------------------------


def scale(*knees: int, fails_at: int | None = None, invalid: str = "") -> Promise:
    book = Book()
    for knee in knees:
        book.add(CAPACITY, knee, clients=0, invalid=invalid)
    if fails_at is not None:
        book.add(FAILS_AT, fails_at, clients=0)
    run = a_run(book.result("capacity", ()))
    return upheld(run, lambda: rule_on_features(run))[0]


@pytest.mark.parametrize(
    ("knee", "fails_at", "verdict"),
    [
        (1_000, None, Verdict.HOLDS),
        (1_000, 1_100, Verdict.HOLDS),
        (999, 1_100, Verdict.DOES_NOT_HOLD),
        (999, None, Verdict.NOT_MEASURED),
        (0, 62, Verdict.DOES_NOT_HOLD),
        (0, None, Verdict.NOT_MEASURED),
    ],
)
def test_many_users_are_a_thousand_and_what_was_not_tried_has_not_failed(
    knee: int, fails_at: int | None, verdict: Verdict
) -> None:
    assert scale(knee, fails_at=fails_at).ruling.verdict is verdict


def test_scale_is_the_median_of_the_searches() -> None:
    found = scale(900, 1_200, 1_500, fails_at=1_600)
    assert found.ruling.verdict is Verdict.HOLDS
    assert found.measured == "one process held 1,200 clients with p99 of the fan-out below 250 ms"


def test_search_that_is_invalid_says_nothing_of_the_scale() -> None:
    found = scale(5_000, invalid="the clock stood still")
    assert (found.ruling.verdict, found.measured) == (Verdict.NOT_MEASURED, "")


def test_scale_that_was_not_tried_far_enough_says_so() -> None:
    assert scale(40).measured.endswith("; it failed with no number of clients that was tried")


# -- features ------------------------------------------------------------------------------------------------------


def a_swarm(**document: Any) -> Run:
    found = a_swarm_result()
    assert found.swarm is not None
    return a_run(replace(found, swarm=replace(found.swarm, document=document)))


def feature(words: str, run: Run) -> Promise:
    [promise] = [each for each in upheld(run, lambda: rule_on_features(run)) if words in each.claim]
    return promise


@pytest.mark.parametrize("each", FEATURES, ids=lambda each: each.claim)
def test_feature_that_was_done_and_heard_holds_and_one_that_nobody_heard_of_does_not(each: Any) -> None:
    heard = feature(each.claim, a_swarm(events={each.sent: 2, each.received: 2}))
    unheard = feature(each.claim, a_swarm(events={each.sent: 2}))
    assert (heard.ruling.verdict, unheard.ruling.verdict) == (Verdict.HOLDS, Verdict.DOES_NOT_HOLD)


@pytest.mark.parametrize("each", FEATURES, ids=lambda each: each.claim)
def test_feature_that_nobody_did_is_not_measured_though_something_was_heard(each: Any) -> None:
    assert feature(each.claim, a_swarm(events={each.received: 9})).ruling.verdict is Verdict.NOT_MEASURED


def test_personal_feature_counts_those_who_did_not_hear_and_others_do_not() -> None:
    """An invitation is for one player; a chat line may be heard by any number of them."""
    sent_more = {"invitations sent": 5, "received party_invite": 4, "lines said": 5, "received chat_message": 4}
    run = a_swarm(events=sent_more)
    assert feature("Party invitations", run).ruling.verdict is Verdict.DOES_NOT_HOLD
    assert feature("Chat notifications", run).ruling.verdict is Verdict.HOLDS


def test_personal_feature_that_was_heard_more_often_than_sent_has_lost_nothing() -> None:
    run = a_swarm(events={"invitations sent": 4, "received party_invite": 5})
    assert feature("Party invitations", run).ruling.verdict is Verdict.HOLDS


def test_account_of_the_swarm_breaks_a_claim_and_is_told() -> None:
    run = a_swarm(
        events={"connections established": 3, "received user_online": 1_000},
        ledger={"presence": {"expected": 1_001, "lost": 1}},
        metrics=[{"name": "fanout_presence", "count": 9, "p50_ms": 3.5, "p99_ms": 14.0}],
    )
    found = feature("Friend online/offline status", run)
    assert found.ruling.verdict is Verdict.DOES_NOT_HOLD
    assert (
        found.measured
        == "1,000 status messages received; of 1,001 times that a player had to hear of somebody coming or "
        "going, 1 was lost; 3.50 ms (p50), 14.0 ms (p99)"
    )


def test_feature_of_a_swarm_that_is_suspect_says_so() -> None:
    run = a_swarm(events={"lines said": 1, "received chat_message": 1}, validity={"level": "SUSPECT", "reasons": []})
    assert feature("Chat notifications", run).measured == "1 chat line received (suspect)"


def test_account_of_something_else_plays_no_part() -> None:
    events = {"connections established": 3, "received user_online": 9}
    run = a_swarm(events=events, ledger={"rooms": {"expected": 9, "lost": 9}})
    assert feature("Friend online/offline status", run).ruling.verdict is Verdict.HOLDS


def test_time_that_nothing_happened_in_is_not_told() -> None:
    run = a_swarm(
        events={"lines said": 1, "received chat_message": 1},
        metrics=[{"name": "chat", "count": 0, "p50_ms": 0.0, "p99_ms": 0.0}],
    )
    assert feature("Chat notifications", run).measured == "1 chat line received"


def test_totals_of_a_swarm_that_is_invalid_are_none() -> None:
    counts = {"losses": 3}
    assert swarm_counts(a_swarm(counts=counts)) == counts
    assert swarm_counts(a_swarm(counts=counts, validity={"level": "SUSPECT"})) == counts
    assert swarm_counts(a_swarm(counts=counts, validity={"level": "INVALID"})) == {}
    assert swarm_counts(a_run()) == {}
