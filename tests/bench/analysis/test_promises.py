"""Each claim of the specification gets its verdict from the figures of the run, and none without them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.promises import Promise, rule_on_promises
from bench.analysis.verdicts import Verdict
from bench.measures import CAPACITY, FAILS_AT
from bench.record.book import Book
from bench.record.run import Run
from bench.record.traffic import Connect
from bench.record.vocabulary import ANNOUNCEMENTS_SENT
from tests.bench.runs import (
    OVERLOADED,
    a_broadcast_result,
    a_group,
    a_point,
    a_reconnect_result,
    a_run,
    a_swarm_result,
    a_whole_run,
    an_idle_result,
)


def judged(run: Run) -> list[Promise]:
    return rule_on_promises(derive(run))


def find(run: Run, words: str) -> Promise:
    """The one claim that has these words."""
    [promise] = [promise for promise in judged(run) if words in promise.claim and not promise.is_variant]
    return promise


def variant(run: Run, words: str) -> Promise:
    """The one stricter reading of the lab's own that has these words."""
    [promise] = [promise for promise in judged(run) if words in promise.claim and promise.is_variant]
    return promise


def test_empty_run_judges_nothing() -> None:
    for promise in judged(a_run()):
        assert promise.ruling.verdict is Verdict.NOT_MEASURED, promise.claim
        assert promise.measured == "", promise.claim


def test_every_promise_says_how_it_was_judged() -> None:
    assert all(promise.rule and promise.claim for promise in judged(a_whole_run()))


def test_within_milliseconds_holds_up_to_the_size_that_kept_it() -> None:
    promise = find(a_whole_run(), "within milliseconds")
    assert promise.ruling.verdict is Verdict.HOLDS
    assert "25.0 ms at 1,000" in promise.measured
    stricter = variant(a_whole_run(), "fewer than ten").ruling
    assert (stricter.verdict, stricter.up_to) == (Verdict.HOLDS_UP_TO, 500)


def test_words_of_speed_have_one_rule() -> None:
    points = [a_point(100, last_ms=50.0, fresh_ms=60.0), a_point(500, last_ms=150.0, fresh_ms=160.0)]
    run = a_run(a_broadcast_result(points))
    rulings = [find(run, words).ruling for words in ("within milliseconds", "immediately")]
    assert [(ruling.verdict, ruling.up_to) for ruling in rulings] == [(Verdict.HOLDS_UP_TO, 100)] * 2


def test_within_a_second_is_judged_by_the_slowest_broadcast() -> None:
    assert find(a_whole_run(), "within 1 second").ruling.up_to == 500


def test_overloaded_generator_makes_no_verdict() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    promise = find(a_run(a_broadcast_result(points)), "within milliseconds")
    assert str(promise.ruling) == "holds as far as measured, 100 clients"
    assert "INVALID" in promise.measured


def test_somebody_left_out_breaks_the_promise_to_all() -> None:
    run = a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0, lost=1)]))
    assert find(run, "within milliseconds").ruling.verdict is Verdict.DOES_NOT_HOLD


def test_requests_saved_depends_on_whether_heartbeats_count() -> None:
    assert find(a_whole_run(), "99% reduction in server requests").ruling.verdict is Verdict.HOLDS
    counted = variant(a_whole_run(), "heartbeats counted")
    assert counted.ruling.verdict is Verdict.DOES_NOT_HOLD
    assert counted.measured.startswith("90 %")


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("20 requests/minute", Verdict.HOLDS),
        ("Initial handshake", Verdict.DOES_NOT_HOLD),  # 150 + 130 + 338 + 92 bytes
        ("Heartbeat (every 30s)", Verdict.HOLDS),  # 31 and 45 bytes in frames
        ("Room update notification", Verdict.HOLDS),  # 36
        ("User status notification", Verdict.DOES_NOT_HOLD),  # 122
        ("500 bytes/request", Verdict.UNDERSTATES),  # 2,000
        ("10 KB/minute", Verdict.UNDERSTATES),  # 40 KB
        ("2 pings/minute", Verdict.HOLDS),
        ("100 bytes/minute", Verdict.DOES_NOT_HOLD),  # 150
        ("bandwidth reduction during idle", Verdict.HOLDS),  # 99.6 %, 99.1 %
        ("Connection maintained", Verdict.HOLDS),
        ("5-second retry", Verdict.HOLDS),
        ("Heartbeat prevents idle timeouts", Verdict.NOT_MEASURED),
    ],
)
def test_verdict_on_known_figures(words: str, verdict: Verdict) -> None:
    assert find(a_whole_run(), words).ruling.verdict is verdict


def test_seeds_polling_figure_holds_for_a_list_that_is_that_short() -> None:
    group = a_group("polling", requests=20, framed=10_400, wire=13_000)
    run = a_run(an_idle_result([group]))
    assert find(run, "10 KB/minute").ruling.verdict is Verdict.HOLDS
    assert find(run, "500 bytes/request").ruling.verdict is Verdict.HOLDS


def test_lost_idle_connection_makes_its_bytes_unusable() -> None:
    run = a_run(an_idle_result([a_group("push", requests=2, framed=90, wire=300, losses=1)]))
    assert find(run, "100 bytes/minute").ruling.verdict is Verdict.NOT_MEASURED
    assert find(run, "Connection maintained").ruling.verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(("back_s", "lost"), [((5.0,), 1), ((5.0, 9.5), 0)])
def test_slow_or_missing_return_breaks_the_retry_promise(back_s: tuple[float, ...], lost: int) -> None:
    run = a_run(a_reconnect_result(back_s, lost=lost))
    assert find(run, "5-second retry").ruling.verdict is Verdict.DOES_NOT_HOLD


def test_saving_against_etag_is_a_variant_and_no_claim() -> None:
    found = variant(a_whole_run(), "which the specification does not consider")  # 97.5 %, 95.6 %
    assert found.ruling.verdict is Verdict.DOES_NOT_HOLD


def test_handshake_is_the_sum_of_its_parts() -> None:
    connects = [
        Connect(upgrade_request_bytes=150, upgrade_response_bytes=130, handshake_message_bytes=message,
                accepted_message_bytes=90)
        for message in (300, 330, 400)
    ]  # fmt: skip
    result = an_idle_result()
    assert result.traffic is not None
    measured = find(a_run(replace(result, traffic=replace(result.traffic, connects=connects))), "handshake").measured
    total, *parts = [float(number) for number in re.findall(r"([\d.]+) B", measured)]
    assert total == sum(parts)
    assert parts[2] == 330 + 8, "of the median client, with the head of its frame"


def a_swarm(**document: Any) -> Run:
    found = a_swarm_result()
    assert found.swarm is not None
    return a_run(replace(found, swarm=replace(found.swarm, document=document)))


def test_feature_that_the_swarm_did_holds_where_nobody_missed_it() -> None:
    events = {"connections established": 10, "received user_online": 90}
    for lost, verdict in ((0, Verdict.HOLDS), (1, Verdict.DOES_NOT_HOLD)):
        run = a_swarm(events=events, ledger={"presence": {"expected": 90, "lost": lost}})
        assert find(run, "Friend online/offline status").ruling.verdict is verdict


def test_feature_that_nobody_of_the_swarm_did_is_not_measured() -> None:
    found = find(a_swarm(events={"connections established": 10}), "Chat notifications")
    assert (found.ruling.verdict, found.rule) == (Verdict.NOT_MEASURED, "no player of this run's swarm did it")


@pytest.mark.parametrize(("received", "verdict"), [(6, Verdict.HOLDS), (5, Verdict.DOES_NOT_HOLD)])
def test_invitation_must_reach_whom_it_is_for(received: int, verdict: Verdict) -> None:
    run = a_swarm(events={"invitations sent": 6, "received party_invite": received})
    assert find(run, "Party invitations").ruling.verdict is verdict


def test_what_the_lab_did_while_the_swarm_played_counts() -> None:
    [found] = a_swarm(events={"received announcement": 6}).findings
    run = a_run(replace(found, facts={ANNOUNCEMENTS_SENT: 1.0}))
    assert find(run, "Server announcements").ruling.verdict is Verdict.HOLDS


def test_invalid_swarm_makes_no_verdict() -> None:
    run = a_swarm(events={"lines said": 9, "received chat_message": 9}, validity={"level": "INVALID", "reasons": []})
    assert find(run, "Chat notifications").ruling.verdict is Verdict.NOT_MEASURED


def test_connection_that_was_given_up_breaks_the_promise_of_reconnection() -> None:
    assert find(a_swarm(counts={"losses": 3, "gave_up": 0}), "network hiccups").ruling.verdict is Verdict.HOLDS
    assert find(a_swarm(counts={"losses": 3, "gave_up": 1}), "network hiccups").ruling.verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(("clients", "verdict"), [(5_000, Verdict.HOLDS), (500, Verdict.DOES_NOT_HOLD)])
def test_scale_is_judged_by_what_one_process_held(clients: int, verdict: Verdict) -> None:
    book = Book()
    book.add(CAPACITY, clients, clients=0)
    book.add(FAILS_AT, clients * 2, clients=0)
    assert find(a_run(book.result("capacity", ())), "many concurrent users").ruling.verdict is verdict


def test_scale_that_was_not_tried_has_not_failed() -> None:
    book = Book()
    book.add(CAPACITY, 40, clients=0)
    promise = find(a_run(book.result("capacity", ())), "many concurrent users")
    assert promise.ruling.verdict is Verdict.NOT_MEASURED
    assert "40 clients" in promise.measured
