"""Claims of the section "Benefits": the verdict that follows by hand from what a run counted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.promises.benefits import rule_on_benefits
from bench.analysis.promises.promise import Promise
from bench.analysis.verdicts import Verdict
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Where
from bench.record.run import Run
from bench.record.traffic import MessageSize, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT, HEARTBEAT_TIMEOUT
from tests.bench.analysis.promises.upheld import upheld
from tests.bench.runs import (
    CALM,
    a_broadcast_result,
    a_group,
    a_point,
    a_reconnect_result,
    a_run,
    a_swarm_result,
    an_idle_result,
    told,
)


def claim(words: str, *found: Findings) -> Promise:
    return claim_of(words, a_run(*found))


def claim_of(words: str, run: Run) -> Promise:
    [promise] = [
        each
        for each in upheld(run, lambda: rule_on_benefits(derive(run)))
        if words in each.claim and not each.is_variant
    ]
    return promise


def heard(group: TrafficGroup, *events: int) -> TrafficGroup:
    """One client of the group per number, which has heard so many events."""
    return replace(group, clients=[replace(group.clients[0], events=number) for number in events])


PUSH = a_group("push", requests=2, framed=150, wire=400)
POLLING = a_group("polling", requests=20, framed=40_000, wire=44_000)


# -- requests and events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("requests", "verdict"), [(15, Verdict.HOLDS), (14, Verdict.DOES_NOT_HOLD)])
def test_requests_of_polling_are_about_20_within_a_quarter(requests: int, verdict: Verdict) -> None:
    group = a_group("polling", requests=requests, framed=40_000, wire=44_000)
    found = claim("20 requests/minute", an_idle_result([group]))
    assert (found.ruling.verdict, found.measured) == (verdict, f"{requests} requests per minute")


def test_group_that_lost_a_client_judges_no_requests() -> None:
    lossy = replace(POLLING, unexpected_losses=1)
    assert claim("20 requests/minute", an_idle_result([lossy])).ruling.verdict is Verdict.NOT_MEASURED


@pytest.mark.parametrize(
    ("events", "verdict", "measured"),
    [
        ((0, 0), Verdict.HOLDS, "0 events at 2 idle clients"),
        ((0, 1), Verdict.DOES_NOT_HOLD, "1 event at 2 idle clients"),
        ((3,), Verdict.DOES_NOT_HOLD, "3 events at 1 idle client"),
    ],
)
def test_event_at_an_idle_client_breaks_the_claim(events: tuple[int, ...], verdict: Verdict, measured: str) -> None:
    found = claim("events only when changes occur", an_idle_result([heard(PUSH, *events)]))
    assert (found.ruling.verdict, found.measured) == (verdict, measured)


def test_event_at_a_client_whose_list_changed_is_no_idle_one() -> None:
    busy = replace(heard(PUSH, 9), changes_per_s=1.0)
    found = claim("events only when changes occur", an_idle_result([heard(PUSH, 0), busy]))
    assert (found.ruling.verdict, found.measured) == (Verdict.HOLDS, "0 events at 1 idle client")


def test_requests_saved_need_both_ways() -> None:
    assert claim("reduction in server requests", an_idle_result([POLLING])).ruling.verdict is Verdict.NOT_MEASURED
    assert claim("reduction in server requests", an_idle_result([PUSH])).ruling.verdict is Verdict.NOT_MEASURED


# -- what comes over the socket ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "verdict"), [(1_999, Verdict.HOLDS), (2_000, Verdict.DOES_NOT_HOLD)])
def test_announcement_that_is_as_long_as_the_shortest_list_may_carry_it(told: int, verdict: Verdict) -> None:
    found = an_idle_result([PUSH, replace(PUSH, list_bytes=9_000)])
    assert found.traffic is not None
    sizes = [MessageSize(name="rooms_changed", n=1, message_bytes=size) for size in (34, told)]
    found = replace(found, traffic=replace(found.traffic, sizes=sizes))
    assert claim("Real-time event notifications", found).ruling.verdict is verdict


# -- speed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fresh_ms", "said"),
    [((20.0, 1_499.0), "holds"), ((20.0, 1_500.0), "holds up to 100 clients"), ((1_501.0, 1_502.0), "does not hold")],
)
def test_last_push_client_is_held_against_the_median_poll(fresh_ms: tuple[float, float], said: str) -> None:
    """Rooms are 0 to 3 s old when a poll shows them, evenly: 1,500 ms in the median."""
    points = [a_point(clients, last_ms=1.0, fresh_ms=ms) for clients, ms in zip((100, 500), fresh_ms, strict=True)]
    found = claim("No 3-second delay", a_broadcast_result(points))
    assert str(found.ruling) == said
    assert "by polling 1.50 s (p50)" in found.measured


def test_time_that_is_suspect_is_marked_in_the_row_of_its_claim() -> None:
    near = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.8)
    points = [a_point(100, last_ms=4.0, fresh_ms=20.0), a_point(500, last_ms=9.0, fresh_ms=30.0, stretch=near)]
    found = claim("within milliseconds", a_broadcast_result(points))
    assert (str(found.ruling), found.measured) == ("holds", "4.00 ms at 100, 9.00 ms at 500 (suspect)")


@pytest.mark.parametrize(("last_ms", "said"), [(99.9, "holds"), (100.0, "does not hold")])
def test_milliseconds_are_fewer_than_people_notice(last_ms: float, said: str) -> None:
    found = claim("within milliseconds", a_broadcast_result([a_point(100, last_ms=last_ms, fresh_ms=200.0)]))
    assert str(found.ruling) == said


# -- connections ---------------------------------------------------------------------------------------------------


def broadcasts(losses: int = 0) -> Findings:
    points = [a_point(clients, last_ms=1.0, fresh_ms=2.0) for clients in (100, 500)]
    return a_broadcast_result(points, losses=losses)


def test_sockets_that_were_held_are_those_of_all_sizes_and_of_push() -> None:
    found = claim("Connection maintained", broadcasts(), an_idle_result([PUSH, POLLING]))
    assert found.measured == "0 of 604 connections lost unasked"
    assert found.ruling.verdict is Verdict.HOLDS


def test_sockets_of_each_repeat_are_others() -> None:
    """As losses are those of all repeats: two of three sockets, a stream of changes for five beside them."""
    book = Book()
    for where in (Where(3), Where(3), Where(5, 0, 20.0)):
        book.add_broadcasts(ANNOUNCEMENT, [told(1.0, clients=where.clients)] * 2, where, stretch=CALM, interval_s=1.0)
    assert claim("Connection maintained", book.result("broadcast", ())).measured == "0 of 11 connections lost unasked"


def test_sockets_that_were_lost_are_counted_wherever_they_were() -> None:
    found = claim("Connection maintained", broadcasts(losses=2), an_idle_result([replace(PUSH, unexpected_losses=1)]))
    assert found.measured == "3 of 604 connections lost unasked"
    assert found.ruling.verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(
    ("timeout_s", "losses", "verdict"),
    [
        (75.0, 0, Verdict.NOT_MEASURED),
        (60.0, 0, Verdict.NOT_MEASURED),
        (59.0, 0, Verdict.HOLDS),
        (59.0, 1, Verdict.DOES_NOT_HOLD),
    ],
)
def test_only_a_window_longer_than_the_timeout_shows_that_heartbeats_hold(
    timeout_s: float, losses: int, verdict: Verdict
) -> None:
    """The window is a minute."""
    found = an_idle_result([replace(PUSH, unexpected_losses=losses)])
    found = replace(found, facts={HEARTBEAT_TIMEOUT: timeout_s})
    assert claim("Heartbeat prevents idle timeouts", found).ruling.verdict is verdict


def test_timeout_that_was_not_noted_is_the_usual_one() -> None:
    found = claim("Heartbeat prevents idle timeouts", an_idle_result([PUSH]))
    assert found.rule.endswith("is shorter than the server's timeout of 75 s")


def test_menus_of_a_game_are_never_measured() -> None:
    run = a_run(broadcasts(), an_idle_result())
    assert claim_of("Survives menu navigation", run).ruling.verdict is Verdict.NOT_MEASURED


# -- coming back ---------------------------------------------------------------------------------------------------


def a_swarm(losses: int, gave_up: int) -> Findings:
    found = a_swarm_result()
    assert found.swarm is not None
    counts = {"losses": losses, "gave_up": gave_up}
    return replace(found, swarm=replace(found.swarm, document={"counts": counts}))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([a_reconnect_result(), a_swarm(3, 0)], Verdict.HOLDS),
        ([a_reconnect_result(lost=1), a_swarm(3, 0)], Verdict.DOES_NOT_HOLD),
        ([a_reconnect_result(), a_swarm(3, 1)], Verdict.DOES_NOT_HOLD),
        ([a_swarm(3, 0)], Verdict.HOLDS),
        ([a_reconnect_result(), a_swarm(0, 0)], Verdict.HOLDS),
        ([a_swarm(0, 0)], Verdict.NOT_MEASURED),
    ],
    ids=["both", "one missing", "one gave up", "swarm alone", "restart alone", "nothing was lost"],
)
def test_everybody_comes_back_after_a_restart_and_in_the_swarm(found: list[Findings], verdict: Verdict) -> None:
    assert claim("network hiccups", *found).ruling.verdict is verdict


def test_those_who_came_back_are_told_beside_those_who_were_expected() -> None:
    found = claim("network hiccups", a_reconnect_result((5.0, 6.0), lost=1), a_swarm(1, 1))
    assert found.measured == (
        "2 of 3 clients came back by themselves after a restart; of 1 connection lost in the swarm, 1 were given up"
    )
