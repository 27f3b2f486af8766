"""Each claim of the seed gets its verdict from the figures of the run, and none without them."""

from __future__ import annotations

import pytest

from bench.analysis.derived.overview import derive
from bench.analysis.promises import Promise, judge_promises
from bench.analysis.verdicts import Verdict
from bench.record.run import Run
from tests.bench.runs import (
    OVERLOADED,
    a_broadcast_result,
    a_group,
    a_point,
    a_reconnect_result,
    a_run,
    a_whole_run,
    an_idle_result,
)


def judged(run: Run) -> list[Promise]:
    return judge_promises(derive(run))


def find(run: Run, words: str) -> Promise:
    """The one promise whose claim has these words."""
    [promise] = [promise for promise in judged(run) if words in promise.claim]
    return promise


def test_empty_run_judges_nothing() -> None:
    for promise in judged(a_run()):
        assert promise.ruling.verdict is Verdict.NOT_MEASURED, promise.claim
        assert promise.measured == "", promise.claim


def test_every_promise_says_how_it_was_judged() -> None:
    assert all(promise.rule and promise.claim for promise in judged(a_whole_run()))


def test_within_milliseconds_holds_up_to_the_size_that_kept_it() -> None:
    promise = find(a_whole_run(), "within milliseconds")
    assert (promise.ruling.verdict, promise.ruling.up_to) == (Verdict.HOLDS_UP_TO, 500)
    assert "25.0 ms at 1,000" in promise.measured


def test_within_a_second_is_judged_by_the_slowest_broadcast() -> None:
    assert find(a_whole_run(), "within 1 second").ruling.up_to == 500


def test_overloaded_generator_makes_no_verdict() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    promise = find(a_run(a_broadcast_result(points)), "within milliseconds")
    assert (promise.ruling.verdict, promise.ruling.up_to) == (Verdict.HOLDS_UP_TO, 100)
    assert "INVALID" in promise.measured


def test_somebody_left_out_breaks_the_promise_to_all() -> None:
    run = a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0, lost=1)]))
    assert find(run, "within milliseconds").ruling.verdict is Verdict.DOES_NOT_HOLD


def test_requests_saved_depends_on_whether_heartbeats_count() -> None:
    assert find(a_whole_run(), "HTTP requests only").ruling.verdict is Verdict.HOLDS
    counted = find(a_whole_run(), "heartbeats counted")
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
        ("500 bytes/request", Verdict.DOES_NOT_HOLD),  # 2,000
        ("10 KB/minute", Verdict.DOES_NOT_HOLD),  # 40 KB
        ("2 pings/minute", Verdict.HOLDS),
        ("100 bytes/minute", Verdict.DOES_NOT_HOLD),  # 150
        ("bandwidth reduction during idle” (against polling)", Verdict.HOLDS),  # 99.6 %, 99.1 %
        ("which the specification does not consider", Verdict.DOES_NOT_HOLD),  # 97.5 %, 95.6 %
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
