"""Between a master and its workers: times of other machines, shifted by the report that took the least time, and last
reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import gevent
import msgspec
import pytest
from locust.event import EventHook

from loadtest.measure.judging.entries import Change, Transition
from loadtest.measure.judging.expectations import Announced
from loadtest.measure.ledger import FOREIGN_SLACK_S, Ledger
from loadtest.measure.recorder import Recorder
from loadtest.run.distributed import MasterSide, _shifted, _WorkerClock

pytestmark = pytest.mark.system


class Clock:
    now_s = 500.0

    def __call__(self) -> float:
        return self.now_s


def entries(ledger: Ledger, *, clock: str, now_s: float, until_s: float) -> dict[str, object]:
    return {**ledger.take_entries(), "clock": clock, "now_s": now_s, "until_s": until_s}


def test_a_worker_on_this_machine_has_the_masters_clock():
    ledger = Ledger(clock=Clock())
    worker = _WorkerClock(ledger.clock_id)
    worker.hear(entries(ledger, clock=ledger.clock_id, now_s=499.0, until_s=498.0), ledger)
    assert (worker.shift_s, worker.until_s) == (0.0, 498.0)


def test_the_quickest_report_of_another_machine_sets_the_shift():
    clock = Clock()
    ledger = Ledger(clock=clock)
    worker = _WorkerClock("elsewhere")
    shifts = []
    for on_the_way_s in (0.3, 0.1, 0.2):
        sent_s = clock.now_s - 400.0  # the worker's clock is 400 s behind
        clock.now_s += on_the_way_s
        worker.hear(entries(ledger, clock="elsewhere", now_s=sent_s, until_s=sent_s), ledger)
        shifts.append(round(worker.shift_s - 400.0, 6))
    assert shifts == [0.3, 0.1, 0.1]


def a_recorder(*, now_s: float, clock_id: str) -> Recorder:
    """Of a process on a machine of that name and time."""
    recorder = Recorder(clock=lambda: now_s, is_shared=True)
    recorder.ledger.clock_id = clock_id
    return recorder


def recorder_that_saw_all_kinds() -> Recorder:
    """One coming and one change, an announcement of a role, and a user of whom it is not certain when it was there."""
    recorder = a_recorder(now_s=100.0, clock_id="there")
    recorder.ledger.watch().accepted(7, handshake_s=0.5)
    recorder.ledger.pass_through(8, begin_s=98.0, left_s=99.0)
    recorder.ledger.change("a room", intended_s=91.0, sent_s=92.0, answered_s=93.0, is_gone=True)
    recorder.reach.expectations.announce(Announced("cast", "match 1", "a key", at_s=94.0, within_s=2.0, speaker=3))
    return recorder


def sent(recorder: Recorder) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(recorder.take_entries()))
    return found


def test_entries_shifted_into_another_clock_are_the_same_but_for_their_times():
    there = recorder_that_saw_all_kinds()
    transitions, changes = there.ledger.transitions.copy(), there.ledger.changes.copy()
    here = a_recorder(now_s=0.0, clock_id="there")  # whose times are exact
    here.add_entries(_shifted(sent(there), 10.0))
    assert len(here.ledger.transitions) == 3
    for moved, kept in zip(here.ledger.transitions, transitions, strict=True):
        assert (moved.begin_s, moved.end_s) == (kept.begin_s + 10.0, kept.end_s + 10.0)
        assert moved.origin_s == kept.origin_s + 10.0 or (math.isnan(moved.origin_s) and math.isnan(kept.origin_s))
        times = {"begin_s": 0.0, "end_s": 0.0, "origin_s": 0.0}
        assert replace(moved, **times) == replace(kept, **times)
    assert here.ledger.changes == [replace(changes[0], intended_s=101.0, sent_s=102.0, answered_s=103.0)]
    (announced,) = _shifted(sent(recorder_that_saw_all_kinds()), 10.0)["announced"]
    assert Announced(*announced) == Announced("cast", "match 1", "a key", at_s=104.0, within_s=2.0, speaker=3)


@pytest.mark.parametrize("kind", [Transition, Change, Announced])
def test_every_time_of_an_entry_is_shifted_and_nothing_else(kind: type[Any]):
    """A field that is new among them is one of either."""
    values = {each.name: index if "float" in str(each.type) else each.name for index, each in enumerate(fields(kind))}
    moved = kind(**values).shifted(10.0)
    durations = {"within_s", "slack_s"}
    times = {each.name for each in fields(kind) if "float" in str(each.type)} - durations
    assert {name for name in values if getattr(moved, name) != values[name]} == times
    assert all(getattr(moved, name) == values[name] + 10.0 for name in times)


class FakeMaster:
    """As much of a master's runner as its side of the swarm uses, with one worker that Locust takes for lost."""

    def __init__(self) -> None:
        self.clients = SimpleNamespace(all=[SimpleNamespace(id="busy", state="ready")])
        self.listeners: dict[str, Callable[..., None]] = {}
        self.sent: list[str] = []

    def register_message(self, name: str, listener: Callable[..., None]) -> None:
        self.listeners[name] = listener

    def send_message(self, name: str, data: object = None, client_id: str | None = None) -> None:
        self.sent.append(name)
        if name == "lobby_stop":
            self.hear("lobby_stopped", {"entries": None})
        elif name == "lobby_settle":
            self.clients.all[0].state = "missing"  # it has much to judge, and no time for heartbeats
            worker = Recorder()
            worker.record("reconnect", 1.0)
            report = worker.take_report(is_last=True)
            gevent.spawn_later(0.1, self.hear, "lobby_last", {"report": report})

    def hear(self, name: str, data: object) -> None:
        self.listeners[name](msg=SimpleNamespace(data=data, node_id="busy"))

    def get_worker_index(self, client_id: str) -> int:
        return 0


def test_the_last_report_of_a_worker_that_is_too_busy_for_heartbeats_is_awaited():
    master, recorder = FakeMaster(), Recorder()
    environment = SimpleNamespace(events=SimpleNamespace(worker_report=SimpleNamespace(add_listener=lambda _: None)),
                                  stop_timeout=0.0)  # fmt: skip
    side = MasterSide(environment, master, lambda: recorder)
    side.begin()
    side.finish()
    assert recorder.series["reconnect"].count == 1
    assert not recorder.unreconciled


def test_a_worker_of_which_nothing_ever_came_is_missed():
    recorder = Recorder()
    recorder.expect_reports_of("1")
    assert recorder.unreconciled == ["the last report of worker 1 did not arrive"]


def test_steady_state_is_that_of_all_workers_also_of_one_that_has_told_nothing_yet():
    """With --reset-stats a worker reports nothing before its steady state."""
    master, recorder = TwoWorkers(), Recorder()
    side = MasterSide(SimpleNamespace(events=SimpleNamespace(worker_report=EventHook())), master, lambda: recorder)
    side.begin()
    side.expect_reports(recorder)
    for name in ("left", "right"):
        assert not recorder.has_steady_state
        worker = Recorder()
        worker.begin_steady_state()
        recorder.add_report(worker.take_report(), worker=master.get_worker_index(name))
    assert recorder.has_steady_state


class TwoWorkers:
    """As much of a master's runner as passing on uses, with workers on two machines."""

    def __init__(self) -> None:
        self.clients = SimpleNamespace(all=[SimpleNamespace(id=name, state="ready") for name in ("left", "right")])
        self.listeners: dict[str, Callable[..., None]] = {}
        self.sent: list[tuple[str | None, Any]] = []

    def register_message(self, name: str, listener: Callable[..., None]) -> None:
        self.listeners[name] = listener

    def send_message(self, _name: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((client_id, data))

    def get_worker_index(self, client_id: str) -> str:
        return client_id

    def hear_stopped(self, worker: str, recorder: Recorder) -> None:
        self.listeners["lobby_stopped"](msg=SimpleNamespace(data={"entries": sent(recorder)}, node_id=worker))


def test_workers_on_two_machines_hear_of_each_other():
    master, recorder = TwoWorkers(), a_recorder(now_s=1000.0, clock_id="master")
    environment = SimpleNamespace(events=SimpleNamespace(worker_report=SimpleNamespace(add_listener=lambda _: None)),
                                  stop_timeout=0.0)  # fmt: skip
    MasterSide(environment, master, lambda: recorder)
    right = a_recorder(now_s=500.0, clock_id="elsewhere")
    master.hear_stopped("right", right)
    master.hear_stopped("left", recorder_that_saw_all_kinds())
    client_id, data = master.sent[-1]
    assert client_id == "right"
    right.add_entries(data["entries"])
    coming = right.ledger.transitions[0]
    assert (coming.user_id, coming.begin_s, coming.end_s) == (7, 499.5 - FOREIGN_SLACK_S, 500.0 + FOREIGN_SLACK_S)
    assert [change.room_id for change in right.ledger.changes] == ["a room"]
