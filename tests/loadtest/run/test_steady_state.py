"""When the steady state begins: on players that the test brings and takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from loadtest.measure.recorder import Recorder
from loadtest.run.steady_state import PATIENCE_S, SteadyState, is_starting


def under(shape: str = "none", *, resets: bool = False, **more: Any) -> tuple[SteadyState, Any]:
    swarm = SimpleNamespace(
        recorder=Recorder(), arriving={"a player"}, options=SimpleNamespace(load=SimpleNamespace(shape=shape))
    )
    swarm.recorder.count("rooms made")
    return SteadyState(swarm, resets=resets, **more), swarm


def test_it_begins_when_all_players_are_started_and_connected():
    state, swarm = under()
    swarm.arriving.clear()
    state.look(1.0)
    assert not swarm.recorder.has_steady_state, "Locust has not started all of them"
    swarm.arriving.add("another")
    state.all_are_started(2.0)
    state.look(2.0)
    assert not swarm.recorder.has_steady_state, "one is still on its way"
    swarm.arriving.clear()
    state.look(3.0)
    assert swarm.recorder.has_steady_state


def test_a_player_whom_the_server_does_not_take_holds_it_up_for_a_bounded_time():
    state, swarm = under()
    state.all_are_started(1.0)
    state.look(PATIENCE_S)
    assert not swarm.recorder.has_steady_state
    state.look(PATIENCE_S + 1.1)
    assert swarm.recorder.has_steady_state


@pytest.mark.parametrize(("resets", "left"), [(False, 1), (True, 0)])
def test_what_came_before_is_dropped_then_and_not_earlier_if_that_was_asked_for(resets: bool, left: int):
    state, swarm = under(resets=resets)
    state.all_are_started(1.0)
    state.look(1.0)
    assert swarm.recorder.events["rooms made"] == 1, "players are still connecting"
    swarm.arriving.clear()
    state.look(2.0)
    assert swarm.recorder.events["rooms made"] == left


@pytest.mark.parametrize(
    ("shape", "has_one"), [("soak", True), ("restart", True), ("ramp", False), ("steps", False), ("spike", False)]
)
def test_a_load_that_changes_all_the_time_has_none(shape: str, has_one: bool):
    state, swarm = under(shape)
    swarm.arriving.clear()
    state.all_are_started(1.0)
    state.look(2.0)
    assert swarm.recorder.has_steady_state is has_one


def test_a_worker_reports_nothing_of_what_is_to_be_dropped_and_all_of_what_is_not():
    state, swarm = under(resets=True)
    assert swarm.recorder.holds_back
    swarm.arriving.clear()
    state.all_are_started(1.0)
    state.look(2.0)
    assert not swarm.recorder.holds_back
    assert not under("ramp", resets=True)[1].recorder.holds_back, "it has no steady state to wait for"


def test_a_worker_that_dropped_its_ramp_is_reconciled():
    state, swarm = under(resets=True)
    worker, master = swarm.recorder, Recorder()
    worker.record("reconnect", 1.0)
    worker.record_request(("WS", "heartbeat"), 0.1, None)
    swarm.arriving.clear()
    state.all_are_started(1.0)
    state.look(2.0)
    worker.record("reconnect", 0.0)
    master.add_report(worker.take_report(is_last=True), worker="0")
    assert not master.unreconciled
    assert master.series["reconnect"].count == 1
    assert not master.requests


def test_it_does_not_begin_in_a_worker_that_has_players_to_start():
    """It was busy: it hears of new players and that all have been started at once."""
    runner = SimpleNamespace(spawning_greenlet=None)
    state, swarm = under(is_starting=lambda: is_starting(runner))
    swarm.arriving.clear()
    runner.spawning_greenlet = gevent.spawn(swarm.arriving.add, "a player")
    state.all_are_started(1.0)
    state.look(1.0)
    assert not swarm.recorder.has_steady_state, "nobody has been started yet"
    runner.spawning_greenlet.join()
    state.look(2.0)
    assert not swarm.recorder.has_steady_state, "one is on its way"
    swarm.arriving.clear()
    state.look(3.0)
    assert swarm.recorder.has_steady_state
