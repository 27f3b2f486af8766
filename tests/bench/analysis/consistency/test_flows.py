"""What clients of one way came to per client-hour, by hand, from whichever scenario it is."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.consistency.flows import Flow, flows
from bench.analysis.validity import VALID
from bench.analysis.windows import over_the_window
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    EVENTS_PER_CLIENT_HOUR,
    EVENTS_PER_PLAYER_HOUR,
    KIB_PER_PLAYER_HOUR,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
)
from bench.record.book import Book
from bench.record.profiles.sizes import COST_ROOMS, CostSizes, FreshnessSizes
from bench.record.run import Run
from tests.bench.runs import a_group, a_run, an_idle_result

IDLE_BYTES = 120 * 232
"""Heartbeats of an hour, with TCP/IP."""


def a_flow(way: str = "push", **changes: Any) -> Flow:
    """An hour of ten clients at a change per second, each of 1,000 bytes."""
    values: dict[str, Any] = {
        "source": "freshness, 10 clients", "way": way, "rooms": 10, "clients": 10, "nominal_per_s": 1.0,
        "achieved_per_s": 1.0, "poll_s": 3.0, "bytes": IDLE_BYTES + 3_600 * 1_000.0, "events": 3_600.0,
        "requests": 3_720.0, "hours": 10.0, "judgement": VALID, "of_bytes": {}, "of_events": {}, "of_requests": {},
        "of_rate": {}, "of_poll": {},
    }  # fmt: skip
    return Flow(**{**values, **changes})


# -- one of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "fetched"),
    [
        (a_flow(requests=3_720.0), 1.0),
        (a_flow(requests=1_920.0), 0.5),
        (a_flow("rev", requests=1_920.0), 0.5),
        (a_flow("delta", requests=120.0), 1.0),
        (a_flow("polling", requests=1_200.0, events=0.0), 1.0),
        (a_flow(events=0.0), 1.0),
        (a_flow(events=None), 1.0),
    ],
    ids=["all", "every second", "with rev", "deltas", "polling", "no event", "not counted"],
)
def test_fetches_per_announcement_are_the_requests_beside_120_heartbeats(flow: Flow, fetched: float) -> None:
    assert flow.fetched == pytest.approx(fetched)


def test_bytes_at_another_rate_are_heartbeats_and_as_many_changes() -> None:
    assert a_flow().at(0.5) == pytest.approx(IDLE_BYTES + 1_800 * 1_000)
    assert a_flow(achieved_per_s=2.0).at(1.0) == pytest.approx(IDLE_BYTES + 1_800 * 1_000)


@pytest.mark.parametrize("flow", [a_flow("polling"), a_flow("polling_etag"), a_flow(achieved_per_s=0.0)])
def test_bytes_of_who_polls_and_of_who_is_idle_do_not_go_with_the_rate(flow: Flow) -> None:
    assert flow.at(7.0) == flow.bytes
    assert flow.of_bytes_at(a_flow()) == flow.of_bytes


def test_edge_of_polling_is_one_poll_of_all() -> None:
    assert a_flow("polling", requests=1_200.0, hours=2.0).edge == pytest.approx(1 / 2_400)
    assert a_flow("polling", requests=1_200.0, hours=0.0).edge == 1.0


def test_edge_of_a_socket_is_one_heartbeat_of_all() -> None:
    assert a_flow(bytes=100_000.0, hours=2.0).edge == pytest.approx(232 / 200_000)


def test_edge_of_heartbeats_at_random_phases_is_two_standard_deviations_of_their_number() -> None:
    found = a_flow(bytes=100_000.0, hours=2.0, by_chance=True).edge
    assert found == pytest.approx(2 * sqrt(240) * 232 / 200_000)


def test_changes_that_follow_closely_may_have_one_event_of_each_on_its_way() -> None:
    closely = a_flow(nominal_per_s=2.0, events=7_200.0, bytes=100_000.0, hours=2.0).edge
    assert closely == pytest.approx(10 / 14_400 + 232 / 200_000)


def test_window_that_nobody_acts_at_the_edge_of_has_none() -> None:
    assert a_flow(is_exact=True).edge == 0.0
    assert a_flow(bytes=0.0).edge == 0.0


def test_idle_is_told_as_idle_and_a_rate_as_it_was_achieved() -> None:
    assert a_flow(nominal_per_s=0.0).when == "idle"
    assert a_flow(nominal_per_s=0.2, achieved_per_s=1 / 6).when == "0.167 (nominally 0.2) changes per second"


# -- all of a run --------------------------------------------------------------------------------------------------


def test_bandwidth_gives_a_client_hour_of_each_group() -> None:
    """Four clients in a minute: 2 requests and 400 bytes each are 120 and 24,000 per hour."""
    group = a_group("push", requests=2, framed=150, wire=400)
    busy = a_group("push", requests=2, framed=150, wire=400, changes_per_s=0.5)
    idle, changed = flows(a_run(an_idle_result([group, busy])))
    assert (idle.source, idle.way, idle.rooms, idle.clients) == ("bandwidth", "push", 10, 4)
    assert (idle.bytes, idle.requests, idle.events) == pytest.approx((24_000, 120, 0))
    assert idle.hours == pytest.approx(4 / 60)
    assert (idle.is_exact, idle.achieved_per_s, changed.achieved_per_s) == (True, 0.0, 0.5)


def test_shortened_window_of_bandwidth_is_held_against_nothing() -> None:
    run = a_run(an_idle_result())
    short = replace(run.profile, bandwidth=replace(run.profile.bandwidth, time_scale=12.0))
    assert flows(replace(run, profile=short)) == []


def a_fresh_run(**facts: float) -> Run:
    book = Book()
    for measure, value in (
        (CHANGES_PER_S, 0.9), (BYTES_PER_CLIENT_HOUR, 5_000.0), (EVENTS_PER_CLIENT_HOUR, 3_240.0),
        (REQUESTS_PER_CLIENT_HOUR, 3_360.0),
    ):  # fmt: skip
        if measure.name not in facts:
            book.add(measure, value, clients=20, rooms=10, changes_per_s=1.0, party="push")
    run = a_run(book.result("freshness", ()))
    return replace(run, profile=replace(run.profile, freshness=FreshnessSizes(clients=20, window_s=9.0, poll_s=2.0)))


def test_cell_has_its_rate_its_window_and_its_period() -> None:
    [flow] = flows(a_fresh_run())
    assert (flow.source, flow.way, flow.rooms, flow.clients) == ("freshness, 20 clients", "push", 10, 20)
    assert (flow.nominal_per_s, flow.achieved_per_s, flow.poll_s) == (1.0, 0.9, 2.0)
    assert (flow.bytes, flow.events, flow.requests) == (5_000.0, 3_240.0, 3_360.0)
    assert flow.hours == pytest.approx(20 * 9 / 3_600)
    assert not flow.by_chance


def test_cell_without_a_noted_rate_has_the_nominal_one() -> None:
    [flow] = flows(a_fresh_run(**{CHANGES_PER_S.name: 0}))
    assert flow.achieved_per_s == 1.0
    assert flow.of_rate == {"of": "number", "value": 1.0}


def test_cell_whose_events_were_not_counted_says_so() -> None:
    [flow] = flows(a_fresh_run(**{EVENTS_PER_CLIENT_HOUR.name: 0, REQUESTS_PER_CLIENT_HOUR.name: 0}))
    assert (flow.events, flow.requests) == (None, 0.0)


def test_kept_run_that_was_mended_had_its_heartbeats_by_chance() -> None:
    [flow] = flows(over_the_window(a_fresh_run(**{CHANGES_PER_S.name: 0})))
    assert flow.by_chance


def test_life_of_a_player_is_a_flow_of_its_way_in_bytes() -> None:
    book = Book()
    for measure, value in (
        (CHANGES_PER_S, 1.0), (KIB_PER_PLAYER_HOUR, 50.0), (EVENTS_PER_PLAYER_HOUR, 3_600.0),
        (REQUESTS_PER_PLAYER_HOUR, 120.0),
    ):  # fmt: skip
        book.add(measure, value, clients=300, changes_per_s=1.0, party="active, rooms_delta")
    run = a_run(book.result("cost", ()))
    [flow] = flows(replace(run, profile=replace(run.profile, cost=CostSizes(window_s=12.0))))
    assert (flow.way, flow.rooms, flow.poll_s, flow.clients) == ("delta", COST_ROOMS, 3.0, 300)
    assert (flow.bytes, flow.events, flow.requests, flow.hours) == (51_200.0, 3_600.0, 120.0, 1.0)
