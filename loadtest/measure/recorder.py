"""What a run measured, in this process; and how the parts of a distributed run become one.

Three kinds of things, kept apart because they mean different things:

* **requests** are answered: name, response time, failure. They come from Locust's own request event.
* **series** are durations that are no response times: time to fresh, reconnects, lateness.
* **events** are counts: pushes by type, bytes, losses, close codes. A push has no response time, so it is here and
  nowhere else. Who should have received it is in the **ledger**.

A worker ships what it recorded since its last report and starts from zero; the master adds it up. Nothing is averaged.
The invariant: what all workers say they sent is what has arrived, or `unreconciled` names who and what.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.client import Counters
from loadtest.measure.columns import FloatArray
from loadtest.measure.health import Health
from loadtest.measure.ledger import Ledger
from loadtest.measure.reach import SETTLE_S, Account, Reach
from loadtest.measure.series import Series

RequestKey = tuple[str, str]
"""Type and name, as in Locust's table."""

KINDS = ("events", "durations", "requests")
"""What is counted on both ends of the way from a worker to the master."""


@dataclass
class RequestFigures:
    """Response times of the successful and the failed alike, as in Locust's table; some failures have none."""

    count: int = 0
    times: Series = field(default_factory=Series)
    failures: Counter[str] = field(default_factory=Counter)
    """By what went wrong."""

    @property
    def failure_count(self) -> int:
        return sum(self.failures.values())


@dataclass
class Worker:
    """What the master knows of another process: its own figures, and what arrived of the rest."""

    presence: Account = field(default_factory=Account)
    rooms: Account = field(default_factory=Account)
    health: Health = field(default_factory=Health)
    arrived: Counter[str] = field(default_factory=Counter)
    sent: dict[str, int] | None = None
    """By its own count, of its last report; None while that has not come."""


class Recorder:
    def __init__(self, *, settle_s: float = SETTLE_S, is_shared: bool = False) -> None:
        """`is_shared`: other processes have players, too, and the ledger waits for what they tell."""
        self.ledger = Ledger(record=self.record)
        if is_shared:
            self.ledger.share()
        self.reach = Reach(self.ledger, settle_s=settle_s, on_fan_out=self._record_fan_out)
        self.health = Health()
        """Of this process."""
        self.workers: dict[str, Worker] = {}
        self.requests: dict[RequestKey, RequestFigures] = {}
        self.series: dict[str, Series] = {}
        self.connections = Counters()
        """Shared by all connections of this process: what they count is what this run counts."""
        self._events: Counter[str] = Counter()
        self._shipped: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._base: Counter[str] = Counter()
        """Of the connections' counters when they last were reset."""

    def record_request(self, key: RequestKey, duration_s: float | None, failure: str | None) -> None:
        figures = self.requests.setdefault(key, RequestFigures())
        figures.count += 1
        if duration_s is not None:
            figures.times.record(duration_s)
        if failure is not None:
            figures.failures[failure] += 1

    def record(self, series: str, duration_s: float) -> None:
        self._series(series).record(duration_s)

    def count(self, event: str, number: int = 1) -> None:
        self._events[event] += number

    @property
    def presence(self) -> Account:
        """The account of all processes; a copy."""
        return _sum([self.reach.presence, *(worker.presence for worker in self.workers.values())])

    @property
    def rooms(self) -> Account:
        return _sum([self.reach.rooms, *(worker.rooms for worker in self.workers.values())])

    @property
    def unreconciled(self) -> list[str]:
        """Per worker whose last report did not come or does not add up, what is wrong: for a person."""
        wrong = []
        for name, worker in sorted(self.workers.items()):
            if worker.sent is None:
                wrong.append(f"the last report of worker {name} did not arrive")
                continue
            for kind, number in worker.sent.items():
                if worker.arrived[kind] != number:
                    wrong.append(f"worker {name} sent {number:,} {kind}, {worker.arrived[kind]:,} arrived")
        return wrong

    @property
    def events(self) -> Counter[str]:
        """All counts under one set of names: our own and those of the connections."""
        return self._events + _flat(self.connections) - self._base

    def take_report(self, *, is_last: bool = False) -> dict[str, Any]:
        """What was recorded since the last report, made of what msgpack can carry."""
        events = self.events
        since = Counter({name: number - self._shipped[name] for name, number in events.items()})
        self._shipped = events
        report: dict[str, Any] = {
            "events": {name: number for name, number in since.items() if number},
            "series": {name: [series.encode(), series.clipped] for name, series in self.series.items() if series.count},
            "requests": [
                [*key, figures.count, figures.times.encode() if figures.times.count else "", dict(figures.failures)]
                for key, figures in self.requests.items()
                if figures.count
            ],
        }
        self._sent["events"] += sum(since.values())
        self._sent["durations"] += sum(series.count for series in self.series.values())
        self._sent["requests"] += sum(figures.count for figures in self.requests.values())
        for series in self.series.values():
            series.clear()
        self.requests.clear()
        presence, rooms = self.reach.take_accounts()
        report["presence"], report["rooms"] = asdict(presence), asdict(rooms)
        report["health"] = self.health.as_dict()
        self.health = Health()
        report["sent"] = {kind: self._sent[kind] for kind in KINDS} if is_last else None
        return report

    def add_report(self, report: dict[str, Any], *, worker: str = "worker") -> None:
        """Add what another process took."""
        known = self.workers.setdefault(worker, Worker())
        self._events.update(report["events"])
        known.arrived["events"] += sum(report["events"].values())
        for name, (encoded, clipped) in report["series"].items():
            series = self._series(name)
            had = series.count
            series.add_encoded(encoded, clipped=clipped)
            known.arrived["durations"] += series.count - had
        for request_type, name, count, encoded, failures in report["requests"]:
            figures = self.requests.setdefault((request_type, name), RequestFigures())
            figures.count += count
            figures.failures.update(failures)
            if encoded:
                figures.times.add_encoded(encoded)
            known.arrived["requests"] += count
        known.presence.add(Account(**report["presence"]))
        known.rooms.add(Account(**report["rooms"]))
        known.health.add(report["health"])
        known.sent = report["sent"] or known.sent

    def reset(self) -> None:
        """Start from zero: what was recorded so far was a warm-up. What workers sent stays reconciled."""
        self.take_report()
        self._events.clear()
        self._base = _flat(self.connections)
        self._shipped = Counter()
        for worker in self.workers.values():
            worker.presence, worker.rooms, worker.health = Account(), Account(), Health()

    def _record_fan_out(self, kind: str, latencies_s: FloatArray) -> None:
        self._series(f"fan-out of {kind}").record_many(latencies_s)

    def _series(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series()
        return series


def _sum(accounts: list[Account]) -> Account:
    whole = Account()
    for account in accounts:
        whole.add(account)
    return whole


def _flat(connections: Counters) -> Counter[str]:
    flat = Counter(
        {
            "bytes in": connections.bytes_in,
            "bytes out": connections.bytes_out,
            "connection attempts": connections.attempts,
            "connections established": connections.established,
            "connections lost": connections.losses,
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
    ):
        for name, number in counter.items():
            flat[f"{prefix} {name}"] = number
    return flat
