"""What a run measured, in this process; and how the parts of a distributed run become one.

Three kinds of things, kept apart because they mean different things:

* **requests** are answered: name, response time, failure. They come from Locust's own request event.
* **series** are durations that are no response times: time to fresh, reconnects, lateness.
* **events** are counts: pushes by type, bytes, losses, close codes. A push has no response time, so it is here and
  nowhere else.

A worker ships what it recorded since its last report and starts from zero; the master adds it up. Nothing is averaged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from loadtest.client import Counters
from loadtest.series import Series

RequestKey = tuple[str, str]
"""Type and name, as in Locust's table."""


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


class Recorder:
    def __init__(self) -> None:
        self.requests: dict[RequestKey, RequestFigures] = {}
        self.series: dict[str, Series] = {}
        self.connections = Counters()
        """Shared by all connections of this process: what they count is what this run counts."""
        self._events: Counter[str] = Counter()
        self._shipped: Counter[str] = Counter()

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
    def events(self) -> Counter[str]:
        """All counts under one set of names: our own and those of the connections."""
        return self._events + _flat(self.connections)

    def take_report(self) -> dict[str, Any]:
        """What was recorded since the last report, made of what msgpack can carry."""
        events = self.events
        since = Counter({name: number - self._shipped[name] for name, number in events.items()})
        self._shipped = events
        report = {
            "events": {name: number for name, number in since.items() if number},
            "series": {name: series.encode() for name, series in self.series.items() if series.count},
            "requests": [
                [*key, figures.count, figures.times.encode() if figures.times.count else "", dict(figures.failures)]
                for key, figures in self.requests.items()
                if figures.count
            ],
        }
        for series in self.series.values():
            series.clear()
        self.requests.clear()
        return report

    def add_report(self, report: dict[str, Any]) -> None:
        """Add what another process took."""
        self._events.update(report["events"])
        for name, encoded in report["series"].items():
            self._series(name).add_encoded(encoded)
        for request_type, name, count, encoded, failures in report["requests"]:
            figures = self.requests.setdefault((request_type, name), RequestFigures())
            figures.count += count
            figures.failures.update(failures)
            if encoded:
                figures.times.add_encoded(encoded)

    def _series(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series()
        return series


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
        ("closed with", connections.close_codes),
        ("refused", connections.refusals),
    ):
        for name, number in counter.items():
            flat[f"{prefix} {name}"] = number
    return flat
