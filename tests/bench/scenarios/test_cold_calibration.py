"""A simulated server whose warm and cold costs are known: the calibration's rows and fit find them, and forecasts by
what they found are those by what was planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as replace_counters
from typing import cast

import pytest
from msgspec.structs import replace

from bench.prediction.fitting import fit
from bench.prediction.model import Model
from bench.prediction.virtual.lobby import Lobby
from bench.prediction.virtual.node import Node
from bench.prediction.virtual.setup import Setup
from bench.processes.lab import Lab
from bench.record.profiles.sizes import CalibrationSizes
from bench.scenarios.prediction import arrivals, broadcasts, held_out, turns
from bench.scenarios.prediction.broadcasts import WARM_MS, row_of_told
from bench.scenarios.prediction.turns import asking_s, row_of_fetches, row_of_pings, turn_curve
from bench.scenarios.prediction.watching import SOONEST_S, Counters, Measuring, Stretch
from tests.bench.prediction.models import a_cost, a_model

WARM = {
    "change": 1_600.0, "send_base": 4.0, "send_features": 6.0, "sent_byte": 2.0, "heartbeat": 60.0, "idle": 100.0,
    "fetch": 10.0,
}  # fmt: skip
CLIENTS = {"hear": 20.0, "ask": 400.0}
COLD = {
    "change": {10.0: 800.0, 100.0: 2_500.0, 1_000.0: 7_000.0},
    "send": {100.0: 6.0, 1_000.0: 16.0},
    "turn": {0.005: 40.0, 2.0: 50.0, 20.0: 150.0},
}
EVERY_S = (0.002, 0.02)
"""Pings, as the curve of turns has its points."""
IN_A_ROW_S = 0.002
TOLD_S = 0.02
"""In which the one before a row is told."""
TELLING_S = 100e-6
"""Per client, of lone changes, in which each is told before the next."""


def planted() -> Model:
    model = a_model(cold=COLD, **WARM, **CLIENTS)
    assert model.coldness is not None
    coldness = replace(
        model.coldness,
        change=replace(model.coldness.change, warm_ms=WARM_MS["change"]),
        send=replace(model.coldness.send, warm_ms=WARM_MS["send"]),
        turn=replace(model.coldness.turn, warm_ms=turn_curve(EVERY_S)[0]),
    )
    return replace(model, coldness=coldness)


class Simulated:
    """One process, and what is read of it as a calibration reads it of a real one."""

    def __init__(self, sessions: int, *, rooms: int, way: str = "delta", clients: str | None = None) -> None:
        setup = Setup(
            sessions=sessions, way=way, presence="all", rooms=rooms, changes_per_s=0.0, rooms_interval_s=0.0,
            clients=clients,
        )  # fmt: skip
        self.lobby = Lobby(setup, planted())
        [self.node] = self.lobby.nodes
        self.told_s = 0.0
        """From the first change that is read until the last client begins to be told of the last."""
        self.lobby.world.run(2.0)

    def changes(self, number: int, every_s: float, first_s: float) -> Stretch:
        """After one that finds everything cold; the next begins `first_s` later."""
        times_s = [0.0, *(first_s + every_s * place for place in range(number))]
        return self._at(times_s, lambda node: node.change(None), not_read=1)

    def pings(self, number: int, every_s: float) -> Stretch:
        return self._at([every_s * place for place in range(number)], lambda node: node.heartbeats(1))

    def fetches(self) -> tuple[Stretch, float]:
        """After each of some changes; how long its clients worked. Where they share a core, each fetch finds the loop
        asleep; else all come together."""
        ears, every_s = self.lobby.ears, turns.FETCHED_EVERY_S
        used_s = ears.used_s if ears is not None else 0.0
        stretch = self.changes(turns.CHANGES, every_s, every_s)
        stretch.turns = turns.CHANGES * self.lobby.setup.sessions if ears is not None else 0
        lists = float(turns.CHANGES * self.lobby.setup.sessions)
        stretch.counted = replace_counters(stretch.counted, sent_bytes=0.0, lists=lists)  # answers are no frames
        worked_s = ears.used_s - used_s if ears is not None else 0.0
        return stretch, worked_s * turns.CHANGES / (turns.CHANGES + 1)

    def idles(self) -> Stretch:
        return self._at([1.0], lambda node: None)

    def _at(self, times_s: Sequence[float], act: Callable[[Node], None], *, not_read: int = 0) -> Stretch:
        world, node = self.lobby.world, self.node
        began_s = world.now_s
        for at_s in times_s:
            node.process.call_at(began_s + at_s, act, node)
        if not_read:
            world.run(began_s + times_s[not_read] - 1e-6)
        start_s, used_s = world.now_s, node.process.used_s
        writes, sent_bytes = node.traffic.writes, node.traffic.framed_bytes
        world.run(began_s + times_s[-1] + 1.0)
        self.told_s = max((crowd.written_s for crowd in node.crowds), default=start_s) - start_s
        return Stretch(
            used_s=node.process.used_s - used_s,
            wall_s=world.now_s - start_s,
            counted=Counters(node.traffic.writes - writes, node.traffic.framed_bytes - sent_bytes, 0.0),
        )


def calibrated() -> Measuring:
    """With the rows of the parts that measure cold work, made of what the simulated server did. What a byte costs is
    given: storms tell it, whose frames are long; and a write to base clients that do not fetch."""
    measuring = Measuring(cast(Lab, None), CalibrationSizes(), lambda what: None)
    measuring.curves["turn"] = turn_curve(EVERY_S)
    alone = Simulated(0, rooms=10)
    idle = alone.idles()
    measuring.row("idle", 0, idle.used_s, idle.wall_s)
    row_of_pings(measuring, 0, alone.pings(400, 0.0), 400, every_s=0.0)
    for every_s in EVERY_S:
        row_of_pings(measuring, 0, alone.pings(100, every_s), 100, every_s=every_s)
    measuring.curves |= broadcasts.curves(list(COLD["change"]))
    unheard = alone.changes(40, IN_A_ROW_S, TOLD_S)
    first = measuring.cold("change", TOLD_S, 1.0)
    measuring.row("changes", 0, unheard.used_s, unheard.wall_s, change=40.0, **first)
    for rooms in (10, 200):
        for clients in (broadcasts.FEW, 300, 1_500):
            server = Simulated(clients, rooms=rooms)
            for each_s in (after_ms / 1e3 + TELLING_S * clients for after_ms in COLD["change"]):
                stretch = server.changes(2, each_s, each_s)
                row_of_told(
                    measuring, "lone changes", 0, stretch, send="send_features", number=2, clients=clients, rooms=rooms,
                    took_s=2 * each_s,
                )  # fmt: skip
            if clients == broadcasts.FEW:
                stretch = server.changes(12, IN_A_ROW_S, TOLD_S)
                row_of_told(
                    measuring, "changes in a row", 0, stretch, send="send_features", number=12, clients=clients,
                    rooms=rooms, took_s=server.told_s, first_s=TOLD_S,
                )  # fmt: skip
    for clients in (None, "hear"):
        stretch, worked_s = Simulated(300, rooms=10, way="push", clients=clients).fetches()
        within_s = asking_s(worked_s, turns.CHANGES * 300, hear_us=CLIENTS["hear"]) if clients is not None else 0.0
        row_of_fetches(measuring, 0, stretch, rooms=10, list_bytes=0, within_s=within_s)
    given = {"sent_byte": WARM["sent_byte"] / 1e9, "send_base": WARM["send_base"] / 1e6, "built_room": 0.0}
    measuring.take(fit(measuring.rows, given=given), {})
    return measuring


@pytest.fixture(scope="module")
def found() -> Measuring:
    return calibrated()


def test_warm_costs_are_found(found: Measuring) -> None:
    for name in ("change", "send_features", "heartbeat", "idle", "fetch"):
        assert found.known[name] * 1e6 == pytest.approx(WARM[name], rel=0.05), name


@pytest.mark.parametrize("kind", list(COLD))
def test_cold_costs_are_found_after_every_time(kind: str, found: Measuring) -> None:
    curve = found.cold_cost(kind)
    assert curve.after_ms == list(COLD[kind])
    expected = [
        pytest.approx(value, rel=0.15 if at_ms == SOONEST_S * 1e3 else 0.05) for at_ms, value in COLD[kind].items()
    ]  # how long the loop slept before a fetch is only known on average
    assert [each.value for each in curve.more] == expected
    assert all(each.low <= each.value <= each.high for each in curve.more)


def by_what_was_found(found: Measuring) -> Model:
    model = planted()
    assert model.coldness is not None
    names = ("change", "send_features", "heartbeat", "idle", "fetch")
    costs = {name: a_cost(found.known[name] * 1e6, "µs") for name in names}
    coldness = {kind: found.cold_cost(kind) for kind in COLD}
    return replace(model, costs=replace(model.costs, **costs), coldness=replace(model.coldness, **coldness))


@pytest.mark.parametrize("rate_per_s", [0.8, 3.0])
def test_forecasts_by_what_was_found_are_those_by_what_was_planted(rate_per_s: float, found: Measuring) -> None:
    """At a size and at rates that none of the rows has; a model without what is cold comes to a third of it."""
    setup = Setup(sessions=2_500, presence="all", changes_per_s=rate_per_s)
    truth = held_out._of_cell(setup, 5.0, planted())
    assert held_out._of_cell(setup, 5.0, by_what_was_found(found)) == {
        name: pytest.approx(value, rel=0.05) for name, value in truth.items()
    }
    warm = held_out._of_cell(setup, 5.0, replace(planted(), coldness=replace(a_model().coldness)))
    assert warm["server CPU per change"] < 0.6 * truth["server CPU per change"]
    assert warm["time to fresh p50"] < 0.5 * truth["time to fresh p50"]


def test_forecast_of_a_cold_lobby_is_the_sum_of_its_work() -> None:
    """0.8 changes per second, cold after 1.25 s on average: one of 8.6 ms and 2,500 writes of 22 µs and their bytes;
    0.1 ms of each second, and 83 pings of 60 µs and a turn each."""
    found = held_out._of_cell(Setup(sessions=2_500, presence="all", changes_per_s=0.8), 5.0, planted())
    written_ms = 8.6 + 2_500 * (0.022 + 2e-6 * 200)
    beside_ms = (0.1 + 2_500 / 30 * (0.06 + 0.12)) / 0.8
    assert found["server CPU per change"] == pytest.approx(written_ms + beside_ms, rel=0.05)
    assert found["time to fresh p50"] == pytest.approx(8.6 + written_ms / 2 - 4.3, rel=0.15)


def test_fetches_that_come_soon_after_one_another_have_a_turn_each_in_the_forecast(found: Measuring) -> None:
    """600 clients that all fetch after a change, twice as many as in the calibration. Without the turns that are so
    soon, as they were before they were measured, a quarter is missing."""
    setup = Setup(sessions=600, way="push", presence="all", changes_per_s=0.8, clients="hear")
    truth = held_out._of_cell(setup, 5.0, planted())
    assert held_out._of_cell(setup, 5.0, by_what_was_found(found)) == {
        name: pytest.approx(value, rel=0.05) for name, value in truth.items()
    }
    model = by_what_was_found(found)
    assert model.coldness is not None
    curve = model.coldness.turn
    later = replace(curve, warm_ms=0.02, after_ms=curve.after_ms[1:], more=curve.more[1:])
    blind = held_out._of_cell(setup, 5.0, replace(model, coldness=replace(model.coldness, turn=later)))
    assert blind["server CPU per change"] < 0.8 * truth["server CPU per change"]


def test_upgrades_that_come_one_by_one_are_fitted_without_the_turns_that_they_wake_the_loop_for(
    found: Measuring,
) -> None:
    """100 that come every 2 ms, which is twice a turn each for 50 µs. Without them an upgrade would come out at 100 µs
    more than its 40, and a herd, whose clients come while the loop works, would have less than nothing left for its
    connections."""
    measuring = Measuring(found.lab, found.sizes, found.say, curves=dict(found.curves))
    turns_s = 2 * COLD["turn"][2.0] / 1e6
    used_s = 100 * (40e-6 + turns_s)
    stretch = Stretch(used_s=used_s, wall_s=1.0, turns=203)
    arrivals.row_of_upgrades(measuring, 0, stretch, 100, 200 * 0.002 + used_s)
    given = {name: cost for name, cost in found.known.items() if name.startswith("turn after")} | {"idle": 0.0}
    assert fit(measuring.rows, given=given)["upgrade"].value_s == pytest.approx(40e-6, rel=0.1)
