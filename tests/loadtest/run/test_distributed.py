"""Between a master and its workers: times of other machines, shifted by the report that took the least time, and last
reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import gevent
import pytest

from loadtest.measure.ledger import Ledger
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


def test_shifted_entries_keep_their_intervals_and_what_is_no_time():
    found = _shifted(
        {
            "clock": "a",
            "transitions": [[7, True, 1.0, 2.0, 1.5, False], [7, False, 1.0, 2.0, math.nan, True]],
            "changes": [[1.0, 2.0, 3.0, "a room", True]],
        },
        10.0,
    )
    assert found["transitions"][0] == [7, True, 11.0, 12.0, 11.5, False]
    assert math.isnan(found["transitions"][1][4]), "when it was is not known, elsewhere neither"
    assert found["changes"] == [[11.0, 12.0, 13.0, "a room", True]]
    assert math.isfinite(found["changes"][0][0])


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
