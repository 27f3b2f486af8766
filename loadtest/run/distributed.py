"""Between a master and its workers: reports during a run, ledger entries, and the last report of each worker.

A worker's report rides on Locust's own. Besides what was recorded it carries the worker's entries (who came and went,
what was changed), which the master passes on to the other workers, whose players should have heard of it. When a
test stops, the master asks all workers to stop, waits until the entries are passed on, asks for the last reports and
waits for those, each for a bounded time. What did not come is named by `Recorder.unreconciled`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import gevent
from locust import runners
from locust.env import Environment
from locust.event import EventHook
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from loadtest.measure.judging.entries import Change, Transition
from loadtest.measure.judging.expectations import Announced
from loadtest.measure.ledger import Ledger
from loadtest.measure.recorder import Recorder
from loadtest.players.pausing import RolePauses

STOP_TIMEOUT_S = 30.0
"""Beyond Locust's own --stop-timeout, for players to disconnect."""
LAST_REPORT_TIMEOUT_S = 60.0
"""A worker with thousands of players judges what is left for seconds."""
MISSING_S = 20.0
"""A worker that Locust takes for lost may only be busy: its last report is awaited for so long all the same."""

PATIENCE_S = 15
"""Without a heartbeat for so long a worker is lost. Locust's own 3 s end a run whose workers only wait for a busy core:
it stops the test when the last one seems to be missing."""

_REPORT = "lobby_swarm"
_ENTRIES, _STOP, _STOPPED, _SETTLE, _LAST = "lobby_entries", "lobby_stop", "lobby_stopped", "lobby_settle", "lobby_last"
_DISTURBED, _PAUSED = "lobby_disturbed", "lobby_paused"
_LOOK_EVERY_S = 0.02
OBEYS_WITHIN_S = 5.0
"""A worker tells with each report, every 3 s, which roles are paused there."""


class WorkerSide:
    def __init__(
        self,
        environment: Environment,
        runner: WorkerRunner,
        recorder: Callable[[], Recorder | None],
        pauses: Callable[[], RolePauses | None] = lambda: None,
    ) -> None:
        """`recorder` and `pauses` are those of the present run; None before the first."""
        self._runner = runner
        self._recorder = recorder
        self._pauses = pauses
        self._ended: Recorder | None = None
        self._shifted_s: dict[float, float] = {}
        """When disturbances began, by the master's clock, in ours."""
        _listen(environment.events.report_to_master, self._on_report_to_master)
        runner.register_message(_ENTRIES, self._on_entries)
        runner.register_message(_DISTURBED, self._on_disturbed)
        runner.register_message(_PAUSED, self._on_paused)
        runner.register_message(_STOP, self._on_stop, concurrent=True)
        runner.register_message(_SETTLE, self._on_settle, concurrent=True)

    def _on_report_to_master(self, data: dict[str, Any], **_rest: Any) -> None:
        recorder = self._recorder()
        if recorder is not None and recorder is not self._ended:
            report = None if recorder.holds_back else recorder.take_report()
            pauses = self._pauses()
            data[_REPORT] = {
                "report": report,
                "entries": recorder.take_entries(),
                "paused": list(pauses.paused) if pauses is not None else [],
            }

    def _on_entries(self, msg: Any, **_rest: Any) -> None:
        recorder = self._recorder()
        if recorder is not None:
            if msg.data["entries"] is not None:
                recorder.add_entries(msg.data["entries"])
            recorder.ledger.heard_until_s = msg.data["heard_until_s"]

    def _on_disturbed(self, msg: Any, **_rest: Any) -> None:
        recorder = self._recorder()
        if recorder is None:
            return
        ledger, told = recorder.ledger, msg.data
        shift_s = 0.0 if told["clock"] == ledger.clock_id else ledger.clock() - told["now_s"]
        from_s = self._shifted_s.setdefault(told["from_s"], told["from_s"] + shift_s)
        ledger.disturbances.tell(from_s, None if told["until_s"] is None else told["until_s"] + shift_s)

    def _on_paused(self, msg: Any, **_rest: Any) -> None:
        pauses = self._pauses()
        if pauses is not None:
            pauses.set_to(msg.data["roles"])

    def _on_stop(self, **_rest: Any) -> None:
        self._runner.stop()
        recorder = self._recorder()
        entries = None if recorder is None else recorder.take_entries()
        self._runner.send_message(_STOPPED, {"entries": entries})

    def _on_settle(self, **_rest: Any) -> None:
        recorder = self._recorder()
        report = None
        if recorder is not None:
            now_s = time.perf_counter()
            # In a thread, so that this worker's heartbeats go on: without them the master takes it for lost.
            gevent.get_hub().threadpool.apply(recorder.reach.settle, (now_s,), {"is_final": True})
            report = recorder.take_report(is_last=True)
            self._ended = recorder
        try:
            self._runner._send_stats()  # Locust's own figures since its last report
        finally:
            self._runner.send_message(_LAST, {"report": report})


class MasterSide:
    def __init__(self, environment: Environment, runner: MasterRunner, recorder: Callable[[], Recorder | None]) -> None:
        self._environment = environment
        self._runner = runner
        self._recorder = recorder
        self._clocks: dict[str, _WorkerClock] = {}
        self._stopped: set[str] = set()
        self._ended: set[str] = set()
        self._paused: tuple[str, ...] = ()
        self._paused_s = 0.0
        """When that was asked for."""
        self._paused_there: dict[str, tuple[str, ...]] = {}
        """By worker, as it told last."""
        runners.HEARTBEAT_LIVENESS = PATIENCE_S  # in heartbeats, one per second; read with each that comes
        for client in runner.clients.all:
            client.heartbeat = PATIENCE_S
        _listen(environment.events.worker_report, self._on_worker_report)
        runner.register_message(_STOPPED, self._on_stopped)
        runner.register_message(_LAST, self._on_last)

    def begin(self) -> None:
        """A run starts: no worker has reported yet."""
        self._clocks.clear()
        self._stopped.clear()
        self._ended.clear()
        self._paused, self._paused_there = (), {}

    def present_by_name(self) -> dict[str, str]:
        """The workers that are connected, by their ids; their names."""
        return {client_id: self._name(client_id) for client_id in self._present()}

    def pause(self, roles: Sequence[str]) -> None:
        """These roles are paused from now on, and no others."""
        self._paused, self._paused_s = tuple(sorted(roles)), time.monotonic()
        for client_id in self._present():
            self._runner.send_message(_PAUSED, {"roles": list(self._paused)}, client_id=client_id)

    def disobeying(self) -> tuple[str, ...]:
        """Names of the workers that are lost, or have had the time to say that the same roles are paused there and have
        not: what their players do is not known. Only those that took part in this run."""
        has_had_time = time.monotonic() - self._paused_s > OBEYS_WITHIN_S
        present, known = self._present(), self._known()
        late = (
            client_id
            for client_id, paused in self._paused_there.items()
            if client_id in known and paused != self._paused and (has_had_time or client_id not in present)
        )
        return tuple(sorted(map(self._name, late)))

    def disturb(self, from_s: float, until_s: float | None) -> None:
        """A fault may be felt between these times of the master's clock; None: it is not over."""
        recorder = self._recorder()
        if recorder is not None:
            window = {"clock": recorder.ledger.clock_id, "now_s": recorder.ledger.clock(), "from_s": from_s}
            for client_id in self._present():
                self._runner.send_message(_DISTURBED, {**window, "until_s": until_s}, client_id=client_id)

    def expect_reports(self, recorder: Recorder) -> None:
        """All workers that are connected take part: one of which nothing came yet is not in its steady state either."""
        for client_id in self._present():
            recorder.expect_reports_of(self._name(client_id))

    def finish(self) -> None:
        """Stop the workers and wait for their last reports, for a bounded time and while they are connected."""
        stopping = self._present()
        recorder = self._recorder()
        if recorder is not None:
            self.expect_reports(recorder)
        self._tell(stopping, _STOP)
        self._wait(lambda: stopping & self._present() <= self._stopped, STOP_TIMEOUT_S + self._environment.stop_timeout)
        self._tell(stopping, _SETTLE)
        told_s = time.monotonic()

        def awaited() -> set[str]:
            return stopping & (self._known() if time.monotonic() - told_s < MISSING_S else self._present())

        self._wait(lambda: awaited() <= self._ended, LAST_REPORT_TIMEOUT_S)

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_rest: Any) -> None:
        recorder = self._recorder()
        if recorder is not None and _REPORT in data and client_id not in self._ended:
            if data[_REPORT]["report"] is not None:
                recorder.add_report(data[_REPORT]["report"], worker=self._name(client_id))
            self._pass_on(client_id, data[_REPORT]["entries"], recorder.ledger)
            self._paused_there[client_id] = tuple(data[_REPORT].get("paused", self._paused))
            if self._paused_there[client_id] != self._paused:
                self._runner.send_message(_PAUSED, {"roles": list(self._paused)}, client_id=client_id)

    def _on_stopped(self, msg: Any, **_rest: Any) -> None:
        recorder = self._recorder()
        try:
            if recorder is not None and msg.data["entries"] is not None:
                self._pass_on(msg.node_id, msg.data["entries"], recorder.ledger)
        finally:  # it has stopped, whatever became of what it told
            self._stopped.add(msg.node_id)

    def _on_last(self, msg: Any, **_rest: Any) -> None:
        recorder = self._recorder()
        try:
            if recorder is not None and msg.data["report"] is not None:
                recorder.add_report(msg.data["report"], worker=self._name(msg.node_id))
        finally:
            self._ended.add(msg.node_id)

    def _pass_on(self, sender: str, entries: dict[str, Any], ledger: Ledger) -> None:
        """To all other workers, in their own clocks, with the time up to which they have heard of all others."""
        self._clocks.setdefault(sender, _WorkerClock(entries["clock"])).hear(entries, ledger)
        present = self._present()
        if present == {sender}:  # there is nobody else to hear of
            self._runner.send_message(_ENTRIES, {"entries": None, "heard_until_s": math.inf}, client_id=sender)
        for receiver in present - {sender}:
            clock = self._clocks.get(receiver)
            if clock is None:
                clock = _WorkerClock(entries["clock"])  # it has said nothing yet; most likely it is on this machine
            heard_s = [
                self._clocks[other].until_s - clock.shift_s if other in self._clocks else -math.inf
                for other in present - {receiver}
            ]
            shift_s = 0.0 if clock.clock_id == entries["clock"] else self._clocks[sender].shift_s - clock.shift_s
            shifted = _shifted(entries, shift_s) if shift_s else entries
            self._runner.send_message(
                _ENTRIES, {"entries": shifted, "heard_until_s": min(heard_s, default=math.inf)}, client_id=receiver
            )

    def _present(self) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}

    def _known(self) -> set[str]:
        """Missing or not; those that said goodbye are not among them."""
        return {client.id for client in self._runner.clients.all}

    def _name(self, client_id: str) -> str:
        return str(self._runner.get_worker_index(client_id))  # type: ignore[no-untyped-call]

    def _tell(self, workers: set[str], what: str) -> None:
        for client_id in workers:
            self._runner.send_message(what, client_id=client_id)

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        ends_s = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < ends_s:
            gevent.sleep(_LOOK_EVERY_S)


class _WorkerClock:
    """How a worker's clock relates to the master's: exactly on one machine, by the quickest report on another."""

    def __init__(self, clock_id: str) -> None:
        self.clock_id = clock_id
        self.shift_s = 0.0
        """What to add to the worker's times to get the master's."""
        self.until_s = -math.inf
        """In the master's clock: all that happened there until then is known."""

    def hear(self, entries: dict[str, Any], ledger: Ledger) -> None:
        if self.clock_id != ledger.clock_id:
            seen_s = ledger.clock() - entries["now_s"]
            self.shift_s = seen_s if self.until_s == -math.inf else min(self.shift_s, seen_s)
        self.until_s = entries["until_s"] + self.shift_s


def _shifted(entries: dict[str, Any], shift_s: float) -> dict[str, Any]:
    """Rows are those of the entries' own classes, which know what in them is a time."""

    def rows(key: str, kind: type[Transition | Change | Announced]) -> list[list[Any]]:
        return [list(astuple(kind(*row).shifted(shift_s))) for row in entries.get(key, ())]

    return {
        **entries,
        "transitions": rows("transitions", Transition),
        "changes": rows("changes", Change),
        "announced": rows("announced", Announced),
    }


def _listen(hook: EventHook, listener: Callable[..., None]) -> None:
    hook.add_listener(listener)  # type: ignore[no-untyped-call]
