"""Latencies, bytes and returns, derived from raw results with figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.analysis.derived.latency import by_clients, by_rate, latency_of
from bench.analysis.derived.overview import derive, traffic_of, way_costs_of
from bench.analysis.derived.returns import expected_returns, returns_after_up_s
from bench.analysis.derived.traffic import IdleCost, WayCost, idle_costs, select, way_costs
from bench.record.book import Book, Told
from bench.record.findings import Ledger, Series, Stretch, Where
from bench.record.samples import Samples
from bench.record.traffic import Traffic, TrafficGroup, Wire
from bench.record.vocabulary import ANNOUNCEMENT, BACK_AND_FRESH
from loadtest.results.validity import Validity
from tests.bench.runs import (
    CALM,
    OVERLOADED,
    a_group,
    a_reconnect_result,
    a_run,
    a_whole_run,
    an_idle_result,
    told,
)


def a_broadcast(*latencies_ms: float, expected: int = 4, lost: dict[str, int] | None = None) -> Told:
    samples = Samples.of_seconds([each / 1e3 for each in latencies_ms])
    return Told(samples, Ledger(expected=expected, received=len(latencies_ms), lost=lost or {}), 0.2)


HERE = Where(4)


def a_series(*repeats: list[Told], where: Where = HERE, stretch: Stretch = CALM, interval_s: float = 1.0) -> Series:
    book = Book()
    for each in repeats:
        book.add_broadcasts(ANNOUNCEMENT, each, where, stretch=stretch, interval_s=interval_s)
    [found] = book.result("broadcast", ()).series
    return found


# -- latencies -----------------------------------------------------------------------------------------------------


def test_first_and_last_are_of_the_median_broadcast_and_the_worst_of_the_slowest() -> None:
    found = latency_of(a_series([a_broadcast(1, 5), a_broadcast(2, 8), a_broadcast(3, 50)]))
    assert (found.first_ms, found.last_ms, found.worst_last_ms) == pytest.approx((2.0, 8.0, 50.0))
    assert found.lasts_ms == pytest.approx([5.0, 8.0, 50.0])


def test_median_of_two_kinds_of_broadcasts_half_each_is_that_of_neither() -> None:
    found = latency_of(a_series(*[[a_broadcast(1, 100), a_broadcast(2, 60)]] * 5))
    assert (found.first_ms, found.last_ms) == pytest.approx((1.5, 80.0))


@pytest.mark.parametrize(
    ("repeats", "is_told"),
    [
        ([(100, 60), (110, 70), (90, 50)], True),
        ([(100, 60), (110, 70)], False),
        ([(100, 60), (110, 70), (50, 90)], False),
        ([(66, 60), (66, 60), (66, 60)], False),
        ([(100,), (110,), (90,)], False),
    ],
    ids=["slower in each", "too few", "not in each", "hardly slower", "one each"],
)
def test_first_broadcast_of_a_fresh_server_is_told_apart_where_it_was_slower_in_each(
    repeats: list[tuple[float, ...]], is_told: bool
) -> None:
    herds = latency_of(a_series(*[[a_broadcast(1, last) for last in lasts] for lasts in repeats])).herds
    assert (herds is not None) is is_told
    if herds is not None:
        assert (herds.repeats, herds.first_ms, herds.later_ms) == pytest.approx((3, 100.0, 60.0))


def test_broadcast_that_nobody_heard_tells_no_herds_apart() -> None:
    assert latency_of(a_series(*[[a_broadcast(1, 100), a_broadcast()]] * 3)).herds is None


def test_repeats_are_merged_for_percentiles_and_added_for_cpu() -> None:
    found = latency_of(a_series([a_broadcast(1, 2)], [a_broadcast(3, 4)]))
    assert found.summary is not None
    assert (found.summary.n, found.summary.p50, found.summary.maximum) == (4, pytest.approx(2.0), pytest.approx(4.0))
    assert found.broadcasts == 2
    assert found.server_ms_per_broadcast == pytest.approx(1_000.0), "2 s of CPU for two broadcasts"


def test_share_of_the_server_is_over_as_many_intervals_as_there_were_broadcasts() -> None:
    found = latency_of(a_series([a_broadcast(1, 2)] * 4, interval_s=0.5))
    assert found.server_share == pytest.approx(0.5), "1 s of CPU in four intervals of 0.5 s"


def test_who_did_not_receive_it_is_counted_with_the_cause() -> None:
    found = latency_of(a_series([a_broadcast(1, 2, lost={"closed": 1, "never": 1}), a_broadcast(1, 2, 3, 4)]))
    assert (found.reach, found.lost, found.lost_by) == (0.75, 2, {"closed": 1, "never": 1})


def test_broadcast_that_nobody_heard_has_no_percentiles_and_is_not_valid() -> None:
    found = latency_of(a_series([a_broadcast()]))
    assert found.summary is None
    assert math.isnan(found.last_ms)
    assert math.isnan(found.worst_last_ms)
    assert (found.reach, found.lost) == (0.0, 4)
    assert not found.valid


def test_generator_share_is_that_of_the_worst_repeat() -> None:
    book = Book()
    for stretch in (CALM, OVERLOADED, CALM):
        book.add_broadcasts(ANNOUNCEMENT, [told(3.0, clients=4)], Where(4), stretch=stretch, interval_s=1.0)
    [series] = book.result("broadcast", ()).series
    found = latency_of(series)
    assert found.generator_share == pytest.approx(0.95)
    assert found.judgement.validity is Validity.VALID, "one repeat of three"


def test_half_of_the_repeats_overloaded_make_a_point_invalid() -> None:
    book = Book()
    for stretch in (CALM, OVERLOADED):
        book.add_broadcasts(ANNOUNCEMENT, [told(3.0, clients=4)], Where(4), stretch=stretch, interval_s=1.0)
    [series] = book.result("broadcast", ()).series
    assert not latency_of(series).valid


def test_repeats_have_percentiles_of_their_own_receipts() -> None:
    found = latency_of(a_series([a_broadcast(1, 2), a_broadcast(5, 6)], [a_broadcast(3, 4)]))
    assert found.p50s_ms == pytest.approx([2.0, 3.0])
    assert found.p99s_ms == pytest.approx([6.0, 4.0])


@given(st.lists(st.lists(st.floats(min_value=0.1, max_value=1e3), min_size=1, max_size=6), min_size=1, max_size=6))
def test_no_percentile_is_later_than_when_all_had_it(broadcasts: list[list[float]]) -> None:
    """Within a broadcast against the last of the median one; of all receipts against the last of the slowest."""
    found = latency_of(a_series([a_broadcast(*receipts) for receipts in broadcasts]))
    assert found.summary is not None
    assert found.typical_p99_ms <= found.last_ms
    assert found.summary.p99 <= found.worst_last_ms


def test_sizes_are_in_order_and_streams_apart_from_them() -> None:
    sizes = [a_series([told(1.0, clients=n)], where=Where(n)) for n in (500, 100)]
    streams = [a_series([told(1.0, clients=9)], where=Where(9, 0, rate)) for rate in (20.0, 0.5)]
    assert [each.clients for each in by_clients([*sizes, *streams])] == [100, 500]
    assert [rate for rate, _ in by_rate([*sizes, *streams])] == [0.5, 20.0]


# -- bytes ---------------------------------------------------------------------------------------------------------


def traffic(*groups: TrafficGroup) -> Traffic:
    return Traffic(groups=list(groups), sizes=[], connects=[], polling_request="", etag_request="")


def one_cost(group: TrafficGroup, window_s: float = 60.0) -> WayCost:
    [found] = way_costs(traffic(group), window_s=window_s)
    return found


def with_parts(group: TrafficGroup, *, headers: int, payload: int, events: int = 0) -> TrafficGroup:
    client = replace(group.clients[0], header_bytes=headers, payload_bytes=payload, events=events)
    return replace(group, clients=[client] * len(group.clients))


def test_client_hour_is_what_a_client_counted_over_the_window() -> None:
    found = one_cost(with_parts(a_group("push", requests=2, framed=152, wire=464), headers=20, payload=100, events=3))
    assert found.framed == pytest.approx(60 * 152)
    assert (found.headers, found.payload, found.heartbeat) == pytest.approx((1_200, 6_000, 60 * 32))
    assert (found.requests, found.events) == pytest.approx((120, 180))
    assert found.model == pytest.approx(60 * 464)


def test_whole_is_measured_where_a_link_counted_and_modelled_elsewhere() -> None:
    group = a_group("push", requests=2, framed=152, wire=464)
    assert one_cost(group).whole == pytest.approx(60 * 464)
    on_a_link = one_cost(replace(group, wire=Wire(packets=24, ip_bytes=4 * 470)))
    assert on_a_link.whole == on_a_link.measured == pytest.approx(60 * 470)
    assert on_a_link.tcp_ip == pytest.approx(60 * (470 - 152))
    assert on_a_link.packets == pytest.approx(60 * 6)


def test_rate_is_that_of_the_changes_that_were_made() -> None:
    found = one_cost(replace(a_group("push", requests=2, framed=152, wire=464, changes_per_s=0.2), changes=9))
    assert (found.changes_per_s, found.achieved_per_s) == (0.2, pytest.approx(0.15))


def test_idle_minute_of_a_shortened_window_stands_for_as_much_time_as_its_scale_says() -> None:
    groups = traffic(a_group("push", requests=2, framed=152, wire=464))
    [at_length] = idle_costs(groups, window_s=60.0, time_scale=1.0)
    [shortened] = idle_costs(groups, window_s=5.0, time_scale=12.0)
    assert at_length.framed.mean == shortened.framed.mean == pytest.approx(152)
    [half] = idle_costs(groups, window_s=120.0, time_scale=1.0)
    assert half.framed.mean == pytest.approx(76)


def test_spread_has_the_mean_and_the_ends_of_the_clients() -> None:
    group = a_group("push", requests=2, framed=152, wire=464)
    clients = [replace(group.clients[0], wire_bytes=number) for number in (400, 500, 900)]
    [found] = idle_costs(traffic(replace(group, clients=clients)), window_s=60.0, time_scale=1.0)
    assert (found.wire.mean, found.wire.minimum, found.wire.maximum) == pytest.approx((600, 400, 900))
    assert found.layer("wire") is found.wire


def test_group_with_changes_is_not_idle() -> None:
    busy = a_group("push", requests=2, framed=152, wire=464, changes_per_s=1.0)
    assert idle_costs(traffic(busy), window_s=60.0, time_scale=1.0) == []


def test_kind_is_selected_by_length_of_the_list() -> None:
    costs: list[IdleCost] = idle_costs(
        traffic(
            a_group("push", requests=2, framed=152, wire=464, rooms=50),
            a_group("polling", requests=20, framed=9_000, wire=9_900),
            a_group("push", requests=2, framed=152, wire=464, rooms=10),
        ),
        window_s=60.0,
        time_scale=1.0,
    )
    assert [(each.kind, each.rooms) for each in select(costs, "push")] == [("push", 10), ("push", 50)]


def test_lost_connection_makes_a_cost_invalid() -> None:
    [found] = idle_costs(
        traffic(a_group("push", requests=2, framed=152, wire=464, losses=1)), window_s=60.0, time_scale=1.0
    )
    assert not found.valid


# -- returns -------------------------------------------------------------------------------------------------------


def test_wait_counts_from_when_the_server_accepted_again() -> None:
    run = a_run(a_reconnect_result((5.0, 6.5), up_again_s=1.5))
    assert returns_after_up_s(run) == pytest.approx([3.5, 5.0])
    assert expected_returns(run) == 2


def test_client_that_was_lost_later_has_not_waited_less_than_nothing() -> None:
    assert returns_after_up_s(a_run(a_reconnect_result((1.0,), up_again_s=2.0))) == [0.0]


def test_clients_that_never_came_are_expected_all_the_same() -> None:
    run = a_run(a_reconnect_result((5.0,), lost=3))
    assert len(returns_after_up_s(run) or ()) == 1
    assert expected_returns(run) == 4


def test_other_policies_are_not_those_of_the_claim() -> None:
    book = Book()
    book.add_series(BACK_AND_FRESH, [1.0, 2.0], Where(2), party="jitter, SIGTERM")
    run = a_run(book.result("reconnect", ()))
    assert returns_after_up_s(run) == []
    assert expected_returns(run) == 0


def test_run_without_restarts_has_no_returns() -> None:
    assert returns_after_up_s(a_run()) is None
    assert expected_returns(a_run()) == 0


# -- all of a run --------------------------------------------------------------------------------------------------


def test_overview_of_a_whole_run_has_every_part() -> None:
    found = derive(a_whole_run())
    assert [each.clients for each in found.announcements] == [100, 500, 1_000]
    assert [each.last_ms for each in found.fresh] == pytest.approx([20.0, 90.0, 1_400.0])
    assert [each.last_ms for each in found.status] == pytest.approx([4.0, 9.0, 25.0])
    assert found.rates == []
    assert len(found.polled_ms) == 3 * 301
    assert {each.kind for each in found.idle} == {"polling", "polling_etag", "push"}
    assert len(found.traffic) == 3


def test_overview_of_an_empty_run_is_empty() -> None:
    found = derive(a_run())
    assert (found.announcements, found.fresh, found.status, found.idle, found.traffic) == ([], [], [], [], [])
    assert len(found.polled_ms) == 0
    assert traffic_of(a_run()) is None
    assert way_costs_of(a_run()) == []


def test_costs_of_a_run_are_over_its_own_window() -> None:
    run = a_run(an_idle_result([a_group("push", requests=2, framed=152, wire=464)]))
    [found] = way_costs_of(run)
    assert found.framed == pytest.approx(60 * 152), "the profile's window is a minute"
