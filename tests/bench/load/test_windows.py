"""Rates are of the window: a fake lobby whose bytes of an event and of a fetch are known by hand."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import pytest

from bench.analysis.break_even import surfaces_of
from bench.analysis.crossings import Crossing, measured_crossing
from bench.load.changes.changes import evenly, whole_intervals_s
from bench.load.clients.population import Population
from bench.load.sockets.http_client import get_request
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    EVENTS_PER_CLIENT_HOUR,
    KIB_PER_PLAYER_HOUR,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
    Measure,
)
from bench.processes.cpu import CpuPlan
from bench.processes.lab import HOST, Lab
from bench.processes.namespaces import LinkCount
from bench.processes.progress import PlainReporter
from bench.record.findings import Findings, Where
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import BandwidthSizes, BreakEvenSizes, CostSizes, FreshnessSizes
from bench.record.profiles.standard import SMOKE
from bench.record.traffic import TrafficGroup
from bench.record.wire import exchange_wire_bytes, one_way_wire_bytes
from bench.scenarios import bandwidth, break_even, cost, freshness
from tests.bench.fake_lobby import fake_lobby
from tests.bench.load.disturbed import calm, unless_disturbed
from tests.bench.runs import a_run

pytestmark = pytest.mark.system

CLIENTS, ROOMS, POLL_S = 6, 2, 0.5
BODY_BYTES = 3_000
"""The fake lobby fills each list up to it."""

HEAD_BYTES = len(
    "HTTP/1.1 200 OK\r\nServer: TornadoServer/6.5\r\nContent-Type: application/json; charset=UTF-8\r\n"
    'Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nEtag: "12"\r\nContent-Length: 3000\r\n\r\n'
)
"""To a few bytes, which the version of Tornado and the revision make."""

TOLD = len('{"type":"rooms_changed","data":{}}') + 2
FETCH_BYTES = exchange_wire_bytes(len(get_request("/api/rooms", host=HOST, port=30_000)), HEAD_BYTES + BODY_BYTES)
CHANGE_BYTES = one_way_wire_bytes(TOLD) + FETCH_BYTES
HEARTBEAT_BYTES = 232
"""31 bytes up, 45 down, three headers of 52."""

NEAR = 0.01
"""Bytes of the heads, and one heartbeat more or less."""


def lab(**changes: object) -> Lab:
    profile: Profile = msgspec.structs.replace(SMOKE, **changes)
    return Lab(
        profile=profile, seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(),
        server_factory=partial(fake_lobby, list_bytes=BODY_BYTES),
    )  # fmt: skip


def value(found: Findings, name: Measure, party: str, where: Where) -> float:
    [reading] = found.find(name, party, where)
    return reading.value


def changes_an_hour(found: Findings, party: str, where: Where) -> float:
    """That there were: a busy machine reads its counts a little late, and a window is as long as it was."""
    achieved = value(found, CHANGES_PER_S, party, where)
    with unless_disturbed(found):
        assert achieved == pytest.approx(where.changes_per_s, rel=0.2)
    return 3600 * achieved


def is_whole(found: Findings) -> bool:
    """What is on its way at one edge of a window is so at the other, where nobody waits long for a core."""
    changes = value(found, CHANGES_PER_S, "push", FRESH)
    events, fetches = (value(found, name, "push", FRESH) for name in (EVENTS_PER_CLIENT_HOUR, REQUESTS_PER_CLIENT_HOUR))
    polls = value(found, REQUESTS_PER_CLIENT_HOUR, "polling", FRESH)
    return (
        changes == pytest.approx(FRESH.changes_per_s, rel=0.2)
        and events == pytest.approx(3600 * changes, rel=NEAR)
        and fetches == pytest.approx(3600 * changes, rel=0.05)
        and polls == pytest.approx(3600 / POLL_S, rel=0.09)
    )


# -- what the scenarios find ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh() -> Findings:
    sizes = FreshnessSizes(
        ways=["push", "polling"], clients=CLIENTS, rooms=ROOMS, window_s=1.0, changes_per_s=4.0, poll_s=POLL_S
    )
    return calm(lambda: freshness.run(lab(freshness=sizes)), is_whole)


FRESH = Where(CLIENTS, ROOMS, 4.0)


def test_events_are_as_many_as_the_changes_of_the_window(fresh: Findings) -> None:
    events = value(fresh, EVENTS_PER_CLIENT_HOUR, "push", FRESH)
    with unless_disturbed(fresh):
        assert events == pytest.approx(changes_an_hour(fresh, "push", FRESH), rel=NEAR)


def test_requests_are_one_fetch_a_change_or_one_a_period(fresh: Findings) -> None:
    fetches = value(fresh, REQUESTS_PER_CLIENT_HOUR, "push", FRESH)
    with unless_disturbed(fresh):
        assert fetches == pytest.approx(changes_an_hour(fresh, "push", FRESH), rel=0.05)
        assert value(fresh, REQUESTS_PER_CLIENT_HOUR, "polling", FRESH) == pytest.approx(3600 / POLL_S, rel=0.09)


def test_bytes_of_push_are_those_of_its_events_and_fetches(fresh: Findings) -> None:
    found = value(fresh, BYTES_PER_CLIENT_HOUR, "push", FRESH)
    with unless_disturbed(fresh):
        assert found == pytest.approx(changes_an_hour(fresh, "push", FRESH) * CHANGE_BYTES, rel=NEAR)


def test_bytes_of_polling_are_those_of_its_fetches(fresh: Findings) -> None:
    found = value(fresh, BYTES_PER_CLIENT_HOUR, "polling", FRESH)
    with unless_disturbed(fresh):
        assert found == pytest.approx(3600 / POLL_S * FETCH_BYTES, rel=0.09)  # one fetch of twelve more or less


def test_player_costs_the_bytes_of_its_events_and_fetches() -> None:
    life = "active, push with fetch"
    sizes = CostSizes(lives=[life], clients=[CLIENTS], window_s=1.0, changes_per_s=4.0)

    def is_near(found: Findings, where: Where) -> bool:
        changes = 3600 * value(found, CHANGES_PER_S, life, where)
        return value(found, KIB_PER_PLAYER_HOUR, life, where) * 1024 == pytest.approx(changes * CHANGE_BYTES, rel=NEAR)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "measure_memory", lambda *_: None)
        where = Where(CLIENTS, 0, 4.0)
        found = calm(lambda: cost.run(lab(cost=sizes)), lambda found: is_near(found, where))
    kib = value(found, KIB_PER_PLAYER_HOUR, life, where)
    changes = changes_an_hour(found, life, where)
    with unless_disturbed(found):
        assert kib * 1024 == pytest.approx(changes * CHANGE_BYTES, rel=NEAR)
        assert value(found, REQUESTS_PER_PLAYER_HOUR, life, where) == pytest.approx(changes, rel=0.05)


def test_break_even_is_where_fetches_and_announcements_cost_a_poll_a_period() -> None:
    """One poll every 0.5 s against one announcement and one fetch a change: 2 · F / (F + A) changes per second."""
    sizes = BreakEvenSizes(
        ways=["polling", "push"], clients=[CLIENTS], changes_per_s=[1.0, 3.0], rooms=ROOMS, window_s=1.0, poll_s=POLL_S
    )
    profile = lab(break_even=sizes).profile

    def crossing_of(found: Findings) -> Crossing | None:
        run = msgspec.structs.replace(a_run(found), profile=profile)
        fitted = {each.way: each for each in surfaces_of(run, BYTES_PER_CLIENT_HOUR)}
        return measured_crossing(fitted["push"], fitted["polling"], CLIENTS)

    def is_there(found: Findings) -> bool:
        crossing = crossing_of(found)
        return crossing is not None and crossing.per_s == by_hand

    by_hand = pytest.approx(FETCH_BYTES / POLL_S / CHANGE_BYTES, rel=0.09)
    found = calm(lambda: break_even.run(lab(break_even=sizes)), is_there)
    crossing = crossing_of(found)
    with unless_disturbed(found):
        assert crossing is not None
        assert crossing.per_s == by_hand
        assert (crossing.low_per_s, crossing.high_per_s) == pytest.approx((1.0, 3.0), rel=0.2)


def test_bandwidth_makes_as_many_changes_in_its_window_as_the_rate_says() -> None:
    sizes = BandwidthSizes(
        rooms=[ROOMS], clients=2, window_s=2.0, poll_s=0.5, heartbeat_s=1.0, time_scale=1.0, changes_per_s=[2.0]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "can_have", lambda: False)
        found = calm(lambda: bandwidth.run(lab(bandwidth=sizes)), has_told_all)
    push = pushed(found)
    assert push.changes == 4
    with unless_disturbed(found):
        assert [client.events for client in push.clients] == [4, 4]
        wanted = 4 * CHANGE_BYTES + 2 * HEARTBEAT_BYTES
        assert [client.wire_bytes for client in push.clients] == pytest.approx([wanted, wanted], rel=NEAR)


def pushed(found: Findings) -> TrafficGroup:
    assert found.traffic is not None
    [group] = [group for group in found.traffic.groups if group.kind == "push"]
    return group


def has_told_all(found: Findings) -> bool:
    return [client.events for client in pushed(found).clients] == [4, 4]


# -- the window ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "about_s", "window_s"), [(0.2, 6.0, 5.0), (0.01, 6.0, 100.0), (1.0, 6.2, 6.0), (10.0, 3.0, 3.0), (0, 4, 4)]
)
def test_window_is_a_whole_number_of_changes_long(rate: float, about_s: float, window_s: float) -> None:
    assert whole_intervals_s(rate, about_s) == pytest.approx(window_s)


def test_changes_before_the_window_come_at_the_same_intervals_and_not_earlier_than_asked() -> None:
    times = evenly(2.0, start_s=10.0, window_s=2.0, jitters=[0.0], lead_s=1.2)
    assert times == pytest.approx([9.0, 9.5, 10.0, 10.5, 11.0, 11.5])


def test_interface_that_comes_while_bytes_are_counted_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program made a link; that must not end the window."""
    own, other = LinkCount(10, 1_000, 20, 2_000), LinkCount(1, 1, 1, 1)
    seen = iter([{"lo": own}, {"lo": own, "veth1": other}])
    monkeypatch.setattr("bench.load.clients.population.read_links", lambda: next(seen))

    async def counted() -> dict[str, LinkCount]:
        population = Population(groups=[], poll_s=1.0, heartbeat_s=1.0, seed=3)
        await population.begin(0.0, 0.0)
        await population.end()
        return await population.links()

    assert set(asyncio.run(counted())) == {"lo"}


@pytest.mark.parametrize("edge", [0.0, 0.05])
def test_phases_are_one_in_each_equal_part_of_the_interval(edge: float) -> None:
    population = Population(groups=[], poll_s=1.0, heartbeat_s=1.0, seed=3)
    phases = population._phases(40, edge)
    parts = [int((phase - edge) / (1 - 2 * edge) * 40) for phase in phases]
    assert sorted(parts) == list(range(40))
    assert parts != sorted(parts)
