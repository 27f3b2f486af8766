"""What one process measured, and how the processes of a distributed run become one.

Three kinds of data:

* **requests** have an answer: name, response time, failure. They come from Locust's own request event.
* **series** are durations that are not response times: time to fresh, reconnects, lateness.

Durations of both are kept apart by phase and by whether the generator delayed them (`loadtest.measure.points`); counts
and failures are of the whole run.

* **events** are counts: pushes by type, bytes, losses, close codes. A push has no response time, so it is only here.
  Which players should have received it is in the **ledger**.

A worker sends what it recorded since its last report and starts from zero; the master adds it up. Nothing is averaged.
The invariant: what the workers say they sent has arrived, or `unreconciled` names the worker and the number.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.client import Counters, ServerTimers
from loadtest.measure.attendance import Attendance, add_attendance
from loadtest.measure.columns import FloatArray
from loadtest.measure.judging.tally import ReachTally, add_tallies, sum_of
from loadtest.measure.ledger import Ledger
from loadtest.measure.points import PLACES, RAMP, RAMP_DOWN, REPORTED, Points, PointsOf
from loadtest.measure.presence.comings import Comings
from loadtest.measure.processes.health import Health
from loadtest.measure.processes.worker import KINDS, Worker
from loadtest.measure.reach import SETTLE_S, Reach
from loadtest.measure.series import Series, merged

RequestKey = tuple[str, str]
"""Type and name, as in Locust's table."""

LATENESS = "lateness of the swarm"
"""Of what players do, of the beginnings of their sessions, of tries to connect and of heartbeats: how much later the
generator acted than it could have. Timers wake to the millisecond: half of one is ordinary."""
LOOP_LAG = "loop lag of the generator"
ASKED_AGAIN = "connections whose first packet was sent again"
OWN_LOSSES = "connections lost on purpose"
"""Part of the connections lost."""
OF_CONNECTING: tuple[RequestKey, ...] = (
    ("POST", "/api/auth/register"), ("POST", "/api/auth/login"), ("WS", "upgrade"), ("WS", "handshake"),
)  # fmt: skip
"""Most of them belong to the ramp, which is what they are asked about."""


@dataclass
class RequestStats:
    """Response times of the successful and the failed alike, as in Locust's table; some failures have none."""

    points: PointsOf
    is_whole: Callable[[], bool]
    """Whether all phases are reported."""
    count: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """By what went wrong."""

    @property
    def times(self) -> Series:
        """Those that are reported."""
        return _reported(self.points, is_whole=self.is_whole())

    @property
    def failure_count(self) -> int:
        return sum(self.failures.values())


class Recorder:
    def __init__(
        self,
        *,
        settle_s: float = SETTLE_S,
        is_shared: bool = False,
        timers: ServerTimers | None = None,
        reports_all_phases: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`is_shared`: other processes have players, too, and the ledger waits for what they tell.
        `reports_all_phases`: ramp and ramp-down are not kept apart from the steady state."""
        self.reports_all_phases = reports_all_phases
        self.points = Points(own=(LATENESS, LOOP_LAG), of_all_phases=OF_CONNECTING, clock=clock)
        self._clock = clock
        self.ledger = Ledger(clock=clock, record=self.record, record_many=self.record_many, timers=timers)
        self.reach = Reach(self.ledger, settle_s=settle_s, on_fan_out=self._record_fan_out, on_heard=self._record_heard)
        if is_shared:
            self.ledger.share()
            self.reach.expectations.is_shared = self.reach.comings.is_shared = True
        self.health = Health()
        """Of this process."""
        self.calls_are_stamped = False
        """Those over HTTP have the kernel's time, too."""
        self.workers: dict[str, Worker] = {}
        self._comings = Comings()
        self._requests: dict[RequestKey, RequestStats] = {}
        self.holds_back = False
        """Of a worker: nothing is reported yet, because it may be dropped."""
        self.not_understood: dict[str, str] = {}
        """An example of each kind of what could not be understood, in the words of `loadtest.measure.examples`."""
        self.count_attendance: Callable[[], Attendance] = dict
        """Counts it in this process, whenever it is asked for: that is O(players)."""
        self.connections = Counters()
        """Shared by all connections of this process: what they count is what this run counts."""
        self._events: Counter[str] = Counter()
        self._shipped: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._base: Counter[str] = Counter()
        """Of the connections' counters when they last were reset."""

    def record_request(self, key: RequestKey, duration_s: float | None, failure: str | None) -> None:
        self.record_requests(key, () if duration_s is None else (duration_s,))
        if duration_s is None:
            self._stats_of(key).count += 1
        if failure is not None:
            self._stats_of(key).failures[failure] += 1

    def record_requests(self, key: RequestKey, durations_s: Sequence[float]) -> None:
        figures = self._stats_of(key)
        figures.count += len(durations_s)
        figures.points.add_each(durations_s, self._clock())

    def record(self, series: str, duration_s: float) -> None:
        """Of something that has just ended."""
        self.points.of(series).add(duration_s, self._clock())

    def record_many(self, series: str, durations_s: Sequence[float]) -> None:
        self.points.of(series).add_each(durations_s, self._clock())

    @property
    def series(self) -> Mapping[str, Series]:
        """What is reported, by name: of the steady state, or of all phases."""
        self.points.settle()
        is_whole = self.is_whole
        return {
            name: _reported(points, is_whole=is_whole)
            for name, points in self.points.by_name.items()
            if isinstance(name, str)
        }

    def reported(self, name: str | RequestKey) -> Series:
        """The same for one series or request; empty where there is none of that name."""
        self.points.settle()
        points = self.points.by_name.get(name)
        return Series() if points is None else _reported(points, is_whole=self.is_whole)

    @property
    def requests(self) -> Mapping[RequestKey, RequestStats]:
        self.points.settle()
        return self._requests

    @property
    def counts_of_requests(self) -> tuple[int, int]:
        """All that were made, and those that failed. Unlike `requests`, it settles no times."""
        counted = self._requests.values()
        return sum(figures.count for figures in counted), sum(figures.failure_count for figures in counted)

    @property
    def is_whole(self) -> bool:
        """Whether all phases are reported: when that was asked for, and while there is no steady state."""
        return self.reports_all_phases or not self.has_steady_state

    @property
    def has_steady_state(self) -> bool:
        if self.workers:
            return all(worker.is_steady for worker in self.workers.values())
        return self.points.steady_from_s < self._clock()

    def begin_steady_state(self) -> None:
        """All players of this process are connected."""
        self.points.steady_from_s = min(self.points.steady_from_s, self._clock())

    def end_steady_state(self) -> None:
        """Players begin to leave, because the run ends."""
        self.points.steady_until_s = min(self.points.steady_until_s, self._clock())

    def counts_by_place(self, name: str | RequestKey) -> dict[str, int]:
        """How many durations of that series or request are where."""
        self.points.settle()
        points = self.points.by_name.get(name)
        return {place: points.count_at(place) if points is not None else 0 for place in PLACES}

    def filled(self, name: str | RequestKey, places: Sequence[str]) -> list[Series]:
        """Of these places, those that have something, as far as it is settled."""
        points = self.points.by_name.get(name)
        return [] if points is None else [points.series[place] for place in places if points.count_at(place)]

    def series_at(self, name: str | RequestKey, place: str) -> Series:
        self.points.settle()
        points = self.points.by_name.get(name)
        found = points.series.get(place) if points is not None else None
        return Series() if found is None else found

    def example(self, kind: str, text: str) -> None:
        """Keep the first of a kind of what could not be understood."""
        self.not_understood.setdefault(kind, text)

    def count(self, event: str, number: int = 1) -> None:
        self._events[event] += number

    @property
    def presence(self) -> ReachTally:
        """The tally of all processes; a copy. A coming that one of them heard of is not unheard."""
        whole = sum_of([self.reach.presence, *(worker.presence for worker in self.workers.values())])
        if self.workers:
            whole.unheard, whole.unheard_by = self._comings.unheard, self._comings.unheard_by
        return whole

    @property
    def rooms(self) -> ReachTally:
        return sum_of([self.reach.rooms, *(worker.rooms for worker in self.workers.values())])

    @property
    def own(self) -> dict[str, ReachTally]:
        """The tallies of the roles' own expectations, by name, in the same way."""
        found: dict[str, ReachTally] = {}
        for tallies in (self.reach.expectations.tallies, *(worker.own for worker in self.workers.values())):
            add_tallies(found, tallies)
        return dict(sorted(found.items()))

    @property
    def tallies(self) -> dict[str, ReachTally]:
        """All of them: ``presence``, ``rooms``, and those of the roles."""
        return {"presence": self.presence, "rooms": self.rooms, **self.own}

    @property
    def attendance(self) -> Attendance:
        """Of all processes."""
        whole: Attendance = {}
        for part in (self.count_attendance(), *(worker.attendance for worker in self.workers.values())):
            add_attendance(whole, part)
        return whole

    def take_entries(self) -> dict[str, Any]:
        """What happened here since the last time, for the other processes, made of what msgpack can carry."""
        return {**self.ledger.take_entries(), "announced": self.reach.expectations.take_entries()}

    def add_entries(self, entries: Mapping[str, Any]) -> None:
        """What happened in another process, in this one's clock."""
        self.ledger.add_entries(entries)
        is_foreign = entries["clock"] != self.ledger.clock_id
        self.reach.expectations.add_entries(entries.get("announced", []), is_foreign=is_foreign)

    @property
    def unreconciled(self) -> list[str]:
        """One sentence for each worker whose last report is missing or does not add up."""
        return [fault for name, worker in sorted(self.workers.items()) for fault in worker.unreconciled(name)]

    @property
    def events(self) -> Counter[str]:
        """All counts under one set of names: our own and those of the connections."""
        return self._events + _flat(self.connections) - self._base

    def take_report(self, *, is_last: bool = False) -> dict[str, Any]:
        """What was recorded since the last report, made of what msgpack can carry."""
        self.points.settle()
        events = self.events
        since = Counter({name: number - self._shipped[name] for name, number in events.items()})
        self._shipped = events
        report: dict[str, Any] = {
            "events": {name: number for name, number in since.items() if number},
            "series": {
                name: _encoded(points)
                for name, points in self.points.by_name.items()
                if isinstance(name, str) and points.count
            },
            "requests": [
                [*key, figures.count, _encoded(figures.points), dict(figures.failures)]
                for key, figures in self._requests.items()
                if figures.count
            ],
            "not_understood": self.not_understood,
            "is_steady": self.points.steady_from_s < self._clock(),
            "attendance": self.count_attendance(),
        }
        self._sent["events"] += sum(since.values())
        self._sent["durations"] += sum(
            points.count for name, points in self.points.by_name.items() if isinstance(name, str)
        )
        self._sent["requests"] += sum(figures.count for figures in self._requests.values())
        for points in self.points.by_name.values():
            points.clear()
        self._requests.clear()
        presence, rooms = self.reach.take_tallies()
        report["presence"], report["rooms"] = asdict(presence), asdict(rooms)
        report["comings"] = self.reach.comings.take_report()
        own = self.reach.expectations.take_tallies()
        report["own"] = {name: asdict(tally) for name, tally in own.items()}
        report["health"] = self.health.as_dict()
        self.health = Health()
        report["sent"] = {kind: self._sent[kind] for kind in KINDS} if is_last else None
        return report

    def expect_reports_of(self, worker: str) -> None:
        """It takes part in the run; if nothing comes of it, `unreconciled` says so."""
        self.workers.setdefault(worker, Worker())

    def add_report(self, report: dict[str, Any], *, worker: str = "worker") -> None:
        """Add what another process took."""
        known = self.workers.setdefault(worker, Worker())
        self._events.update(report["events"])
        known.arrived["events"] += sum(report["events"].values())
        for name, places in report["series"].items():
            known.arrived["durations"] += _add_encoded(self.points.of(name), places)
        for request_type, name, count, places, failures in report["requests"]:
            figures = self._stats_of((request_type, name))
            figures.count += count
            figures.failures.update(failures)
            _add_encoded(figures.points, places)
            known.arrived["requests"] += count
        for kind, text in report["not_understood"].items():
            self.example(kind, text)
        known.is_steady = known.is_steady or report["is_steady"]
        known.attendance = report["attendance"]
        known.presence.add(ReachTally(**report["presence"]))
        known.rooms.add(ReachTally(**report["rooms"]))
        self._comings.add_report(report["comings"])
        add_tallies(known.own, {name: ReachTally(**tally) for name, tally in report["own"].items()})
        known.health.add(report["health"])
        known.sent = report["sent"] or known.sent

    def reset(self) -> None:
        """Start from zero: what was recorded so far was a warm-up. What workers sent stays reconciled."""
        sent = self._sent.copy()
        self.take_report()
        self._sent = sent  # that one was not
        self._events.clear()
        self._comings = Comings()
        self._base = _flat(self.connections)
        self._shipped = Counter()
        for worker in self.workers.values():
            worker.presence, worker.rooms, worker.own, worker.health = ReachTally(), ReachTally(), {}, Health()

    def _record_fan_out(self, kind: str, latencies_s: FloatArray, heard_s: FloatArray) -> None:
        self.points.of(f"fan-out of {kind}").add_many(latencies_s, heard_s)

    def _record_heard(self, name: str, duration_s: float, heard_s: float) -> None:
        self.points.of(name).add(duration_s, heard_s)

    def _stats_of(self, key: RequestKey) -> RequestStats:
        figures = self._requests.get(key)
        if figures is None:
            figures = self._requests[key] = RequestStats(self.points.of(key), lambda: self.is_whole)
        return figures


def _reported(points: PointsOf, *, is_whole: bool) -> Series:
    places = (REPORTED, RAMP, RAMP_DOWN) if is_whole else (REPORTED,)
    filled = [points.series[place] for place in places if points.count_at(place)]
    return filled[0] if len(filled) == 1 else merged(*filled)


def _encoded(points: PointsOf) -> dict[str, list[Any]]:
    return {place: [series.encode(), series.clipped] for place, series in points.series.items() if series.count}


def _add_encoded(points: PointsOf, places: Mapping[str, Any]) -> int:
    """Returns how many durations that were."""
    had = points.count
    for place, (encoded, clipped) in places.items():
        points.at(place).add_encoded(encoded, clipped=clipped)
    return points.count - had


def _flat(connections: Counters) -> Counter[str]:
    flat = Counter(
        {
            "bytes in": connections.bytes_in,
            "bytes out": connections.bytes_out,
            "connection attempts": connections.attempts,
            "connections established": connections.established,
            ASKED_AGAIN: connections.asked_again,
            "connections lost": connections.losses,
            OWN_LOSSES: connections.own_losses,
            "reconnects": connections.reconnects,
        }
    )
    for prefix, counter in (
        ("received", connections.messages_in),
        ("sent", connections.messages_out),
        ("payload bytes in of", connections.payload_in),
        ("payload bytes out of", connections.payload_out),
        ("closed with", connections.close_codes),
        ("refused", connections.refusals),
        ("error from the server:", connections.errors_told),
    ):
        for name, number in counter.items():
            flat[f"{prefix} {name}"] = number
    return flat
