"""Requests of the shared reader into Locust's table, many at once, and into the recorder.

Locust's request event costs more per request than a thousand players' heartbeats cost otherwise. So times of good
requests are collected here and added to Locust's own entries once per second, as its master adds the entries
of workers. Failures, and everything where somebody else listens to the event, are told one by one as ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from locust.env import Environment
from locust.stats import RequestStats, StatsEntry

_OWN_LISTENERS = ("locust.runners", "loadtest.run.hooks")
"""Modules: the first fills Locust's table, the second the recorder. Both are told here."""


class SwarmFailure(Exception):
    """In Locust's table of failures; its text is what groups them."""


class RequestTable:
    """Of one run in one process."""

    def __init__(
        self, environment: Environment, *, record: Callable[[tuple[str, str], Sequence[float]], object]
    ) -> None:
        """`record` gets type and name, and the times in seconds of requests that did not fail."""
        self._environment = environment
        self._record = record
        self._waiting: dict[tuple[str, str], tuple[list[float], list[int]]] = {}
        """By name and type, as Locust has it: times in ms, and lengths."""
        self._listeners: list[Any] = []
        self._is_heard_by_others = True

    def good(self, request_type: str, name: str, duration_s: float, *, length: int = 0) -> None:
        """A request that was answered as it should have been. `length` is that of the answer's body, in bytes."""
        self._good(request_type, name, [duration_s], length)

    def good_many(self, request_type: str, name: str, durations_s: Sequence[float]) -> None:
        """Several of the same, whose answers have no body."""
        self._good(request_type, name, durations_s, 0)

    def _good(self, request_type: str, name: str, durations_s: Sequence[float], length: int) -> None:
        handlers = self._environment.events.request._handlers
        if handlers != self._listeners:
            self._listeners = list(handlers)
            self._is_heard_by_others = any(_module_of(handler) not in _OWN_LISTENERS for handler in handlers)
        if self._is_heard_by_others:
            for duration_s in durations_s:
                self._fire(request_type, name, duration_s, length, None)
            return
        self._record((request_type, name), durations_s)
        waiting = self._waiting.get((name, request_type))
        if waiting is None:
            waiting = self._waiting[name, request_type] = [], []
        for duration_s in durations_s:
            waiting[0].append(duration_s * 1000)
            waiting[1].append(length)

    def told(
        self, request_type: str, name: str, duration_s: float | None, failure: str | None, *, length: int = 0
    ) -> None:
        """One by one: what failed (`failure` groups it), or has no time."""
        self._fire(request_type, name, duration_s, length, None if failure is None else SwarmFailure(failure))

    def drop(self) -> None:
        """Locust's table was emptied: what waited for it was before that."""
        self._waiting.clear()

    def flush(self) -> None:
        """Into Locust's table. Cheap where nothing waits."""
        stats = self._environment.stats
        for (name, request_type), (times_ms, lengths) in self._waiting.items():
            if times_ms:
                entry = _entry_of(stats, name, request_type, times_ms, sum(lengths))
                stats.total.extend(entry)
                stats.entries[name, request_type].extend(entry)
                times_ms.clear()
                lengths.clear()

    def _fire(
        self, request_type: str, name: str, duration_s: float | None, length: int, failure: Exception | None
    ) -> None:
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=request_type,
            name=name,
            response_time=None if duration_s is None else duration_s * 1000,
            response_length=length,
            exception=failure,
            context={},
        )


def _entry_of(stats: RequestStats, name: str, request_type: str, times_ms: list[float], length: int) -> StatsEntry:
    """As if all of them had ended now."""
    entry = StatsEntry(stats, name, request_type)
    for time_ms in times_ms:
        entry._log_response_time(time_ms)  # type: ignore[arg-type]  # Locust itself hands in fractions
    now_s = time.time()
    entry.num_requests = len(times_ms)
    entry.num_reqs_per_sec[int(now_s)] = len(times_ms)
    entry.last_request_timestamp = now_s
    entry.total_content_length = length
    return entry


def _module_of(handler: Any) -> str:
    return str(getattr(handler, "__module__", ""))
