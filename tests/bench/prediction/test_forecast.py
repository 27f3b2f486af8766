"""Nodes, cores, memory, bytes and money of a forecast, worked out by hand from round costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.prediction.comparison import compare, wall
from bench.prediction.forecast import NoNumber, beyond, forecast, smallest
from bench.prediction.model import Extent, Held, Model
from bench.prediction.plan import Level, Limits, Plan
from bench.prediction.prices import Prices, bill
from bench.prediction.steady import Steady, gib_per_node, hopeless, least_shares, steady
from bench.record.wire import exchange_wire_bytes
from tests.bench.prediction.models import a_model

pytestmark = pytest.mark.system  # whole lobbies in virtual time

QUIET = Plan(players=30_000, changes_per_s=0.0, visit_s=1e12, presence="friends")
"""Heartbeats and nothing else: 1,000 per second."""
PING_WIRE_BYTES = exchange_wire_bytes(33, 45)


def test_nodes_are_as_many_as_keep_each_core_below_the_ceiling() -> None:
    """1,000 heartbeats per second at 1 ms each are one core: two nodes are used for half each, one for all."""
    model = a_model(heartbeat=1_000.0)
    assert smallest(QUIET, model) == 2
    assert smallest(replace(QUIET, level=Level(ceiling=0.26)), model) == 4
    assert smallest(replace(QUIET, cores_per_node=2), model) == 1


def test_forecast_of_heartbeats_is_what_they_come_to_by_hand() -> None:
    model = a_model(heartbeat=1_000.0, session_kib=2.0, user_kib=0.5, room_kib=1.0)
    found = forecast(QUIET, model, nodes=None, prices=Prices(currency="EUR", core_hour=0.5, gib_hour=0.0, gb_out=0.0))
    assert (found.nodes, found.cores, found.processes, found.sessions_per_process) == (2, 2, 2, 15_000)
    assert found.breaks == ""
    assert found.core_share == pytest.approx(0.5, rel=0.03)
    assert found.wire_bytes == pytest.approx(1_000 * PING_WIRE_BYTES, rel=0.05)
    assert found.wire_bytes_per_node == pytest.approx(found.wire_bytes / 2)
    assert found.log_entries == found.changes == 0.0
    assert found.gib_per_node == pytest.approx((15_000 * 2.0 + 15_000 * 0.5 + 50) / 2**20)
    assert found.bill is not None
    assert found.bill.whole == 1.0


def test_memory_of_a_node_is_that_of_its_processes_who_all_know_everybody() -> None:
    """Two processes of 100 MiB: each with 25 sessions of 4 KiB, 75 users of 1 KiB, 10 rooms of 2 KiB."""
    plan = Plan(players=100, rooms=10, cores_per_node=2)
    model = a_model(process_mib=100.0, session_kib=4.0, user_kib=1.0, room_kib=2.0)
    assert gib_per_node(plan, model, 2) == pytest.approx(2 * (100 / 1024 + (100 + 75 + 20) / 2**20))
    assert gib_per_node(replace(plan, way="polling"), model, 2) == pytest.approx(2 * (100 / 1024 + 20 / 2**20))


@pytest.mark.parametrize(
    ("limits", "costs", "breaks"),
    [
        (Limits(), {"heartbeat": 2_000.0}, "core"),
        (Limits(node_gbit=0.001), {}, "bandwidth"),
        (Limits(balancer_gbit=0.001), {}, "balancer"),
        (Limits(node_gib=0.1), {"session_kib": 10.0}, "memory"),
        (Limits(), {"engine_entry": 900_000.0}, "log"),
        (Limits(database_cores=0.001), {"database_write": 2_000.0}, "database"),
        (Limits(), {"change_wait": 700.0, "shared_change_wait": 700.0}, "latency"),
        (Limits(), {}, ""),
    ],
)
def test_what_breaks_is_named(limits: Limits, costs: dict[str, float], breaks: str) -> None:
    plan = replace(QUIET, changes_per_s=1.0, limits=limits)
    assert steady(plan, a_model(**costs), 2).breaks == breaks


def test_changes_that_nobody_came_to_in_time_are_a_latency_and_those_that_were_not_made_are_none() -> None:
    """Each change waits for 30 s; at one change in an hour there is none in the time that is looked at."""
    late, seldom = (replace(QUIET, changes_per_s=rate) for rate in (1.0, 1 / 3600))
    model = a_model(change_wait=30_000.0)
    assert steady(late, model, 1).breaks == "latency"
    assert steady(seldom, model, 1).holds


def test_polls_are_judged_by_their_answer_and_not_by_the_age_of_the_list() -> None:
    plan = Plan(players=300, way="polling", visit_s=1e12)
    assert steady(plan, a_model(poll=100.0), 1).holds
    assert steady(plan, a_model(poll=100.0), 1).delay_ms == pytest.approx(1.0, abs=1.0)


@pytest.mark.parametrize(
    ("plan", "costs", "why"),
    [
        (replace(QUIET, changes_per_s=2_000.0), {"engine_command": 1_000.0, "change": 1_000.0}, "2 nodes the log"),
        (replace(QUIET, limits=Limits(balancer_gbit=0.001)), {}, "1 node the balancer"),
    ],
)
def test_what_a_lobby_has_once_is_no_matter_of_nodes(plan: Plan, costs: dict[str, float], why: str) -> None:
    with pytest.raises(NoNumber, match=f"on {why} is used above 60%, and more nodes do not change that.") as caught:
        smallest(plan, a_model(**costs))
    assert why.endswith(caught.value.why)


def test_latency_that_is_not_of_the_cores_is_no_matter_of_nodes() -> None:
    with pytest.raises(NoNumber, match=r"p99 is (699|700|701) ms, and more nodes do not"):
        smallest(replace(QUIET, changes_per_s=1.0), a_model(change_wait=700.0, shared_change_wait=700.0))


def holds_longer(monkeypatch: pytest.MonkeyPatch, *, nodes: int) -> list[int]:
    """In a short time every number of nodes holds, and in a long one so many and more; which numbers were looked at
    for long."""
    looked_at: list[int] = []

    def looked(plan: Plan, model: Model, number: int, *, window_s: float | None = None) -> Steady:
        found = steady(plan, model, number, window_s=window_s)
        if window_s is not None:
            return replace(found, breaks="")
        looked_at.append(number)
        return found if number >= nodes else replace(found, breaks="latency", delay_ms=600.0 - number)

    monkeypatch.setattr("bench.prediction.forecast.steady", looked)
    return looked_at


def test_number_of_nodes_that_is_found_holds_as_long_as_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hold for the time that numbers are tried, three longer."""
    looked_at = holds_longer(monkeypatch, nodes=3)
    found = forecast(QUIET, a_model(heartbeat=1_000.0), nodes=None, storms=False)
    assert (found.nodes, found.breaks, looked_at) == (3, "", [2, 3])


def test_number_of_nodes_that_was_asked_for_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = holds_longer(monkeypatch, nodes=3)
    found = forecast(QUIET, a_model(heartbeat=1_000.0), nodes=2, storms=False)
    assert (found.nodes, found.breaks, looked_at) == (2, "latency", [2])


def test_search_ends_where_no_number_holds_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = holds_longer(monkeypatch, nodes=100)
    with pytest.raises(NoNumber, match="on 5 nodes p99 is 595 ms, and more nodes do not change that") as caught:
        forecast(QUIET, a_model(heartbeat=1_000.0), nodes=None, storms=False)
    assert (caught.value.nodes, caught.value.why, looked_at) == (5, "latency", [2, 3, 4, 5])


def test_what_is_hopeless_need_not_be_run_and_what_is_not_is_run() -> None:
    model = a_model(heartbeat=1_000.0)
    assert hopeless(QUIET, model, 1) == "core"
    assert hopeless(QUIET, model, 2) == ""
    assert hopeless(replace(QUIET, limits=Limits(node_gib=0.01)), a_model(process_mib=100.0), 2) == "memory"


def test_what_is_hopeless_for_several_reasons_is_named_by_the_worst() -> None:
    """Of the core 1.0 is used, of the memory 0.1 GiB of 0.16."""
    plan = replace(QUIET, limits=Limits(node_gib=0.16))
    model = a_model(heartbeat=1_000.0, process_mib=102.4)
    assert least_shares(plan, model, 1) == {"core": 1.0, "memory": pytest.approx(0.625, rel=0.01), "log": 0.0}
    assert hopeless(plan, model, 1) == "core"
    assert hopeless(plan, a_model(heartbeat=610.0, process_mib=140.0), 1) == "memory"


def test_comparison_ends_in_time_and_tells_how_far_it_came() -> None:
    """Each look at the clock is a second later: of the three seconds each way has half a second."""
    seconds = iter(range(1_000))
    walls = compare(
        Plan(players=1, changes_per_s=0.1), a_model(heartbeat=20.0, poll=100.0, unchanged=100.0), nodes=1, for_s=3.0,
        clock=lambda: float(next(seconds)),
    )  # fmt: skip
    assert [each.is_cut for each in walls] == [True] * 6
    assert all(each.holds >= 1_000 for each in walls)
    assert next(seconds) < 30


def test_wall_keeps_what_was_used_when_it_broke() -> None:
    found = wall(replace(QUIET, changes_per_s=0.0), a_model(heartbeat=1_000.0), nodes=1, name="deltas")
    assert (found.breaks, found.is_cut) == ("core", False)
    assert found.shares_then["core"] > 0.6
    assert found.fails is not None
    assert found.fails <= found.holds * 1.1 + 1_000


def test_bill_is_cores_memory_and_traffic_to_clients() -> None:
    found = bill(
        Prices(currency="EUR", core_hour=0.04, gib_hour=0.01, gb_out=0.1), cores=10, gib=20, out_bytes_per_s=1e6
    )
    assert (found.cores, found.memory) == pytest.approx((0.4, 0.2))
    assert found.traffic == pytest.approx(0.36)
    assert found.month == pytest.approx(0.96 * 730)


def test_extrapolation_is_told_with_its_factor_the_furthest_first() -> None:
    extent = Extent(sessions=10_000, processes=4, changes_per_s=10.0, rooms=200)
    assert beyond(extent, Plan(players=10_000), 4) == []
    [sentence] = beyond(extent, Plan(players=40_000), 4)
    assert sentence.endswith("40,000 players, measured 10,000"), "nobody measured four processes of 10,000 each"
    told = beyond(extent, Plan(players=1_000_000), 20)
    assert [sentence.partition(":")[0] for sentence in told] == [
        "extrapolated, ×100 beyond the largest measured",
        "extrapolated, ×5 beyond the largest measured",
        "extrapolated, ×5 beyond the largest measured",
    ]
    assert told[0].endswith("1,000,000 players, measured 10,000")


def test_what_was_held_out_widens_what_is_measured() -> None:
    model = a_model(measured=Extent(sessions=1_000, processes=4, changes_per_s=10.0, rooms=50))
    held = Held(
        n=9, median_error=0.05, worst_error=0.1, started_at="", commit="",
        extent=Extent(sessions=10_000, processes=3, changes_per_s=20.0, rooms=50),
    )  # fmt: skip
    assert beyond(model.extent, Plan(players=10_000), 1) != []
    import msgspec

    wider = msgspec.structs.replace(model, held=held)
    assert wider.extent == Extent(sessions=10_000, processes=4, changes_per_s=20.0, rooms=50)
    assert beyond(wider.extent, Plan(players=10_000), 1) == []


def test_wall_of_polling_is_where_its_fetches_fill_the_cores() -> None:
    """Two nodes at 0.6 of a core, 1 ms per fetch, every 3 s: 3,600 clients."""
    plan = Plan(players=1, way="polling", visit_s=1e12)
    found = wall(plan, a_model(poll=1_000.0), nodes=2, name="polling")
    assert found.holds <= 3_650
    assert found.fails is not None
    assert found.fails >= 3_550
    assert found.fails <= found.holds * 1.11
    assert found.breaks == "core"


def test_comparison_has_every_way_and_deltas_go_further_than_polling() -> None:
    model = a_model(
        fetch=100.0, poll=500.0, unchanged=100.0, send_base=10.0, send_features=10.0, heartbeat=20.0, event=50.0
    )
    walls = {each.name: each for each in compare(Plan(players=1, changes_per_s=0.1), model, nodes=1)}
    assert len(walls) == 6
    assert walls["polling"].holds < walls["polling, ETag"].holds < walls["deltas, presence of friends"].holds
