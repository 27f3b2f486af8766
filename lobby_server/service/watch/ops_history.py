"""The last quarter of an hour in figures, for the operations page: a sample every two seconds in a ring.

A sample is made from counters that are kept anyway, whether a page is open or not, so that a viewer who opens
one sees what was before. One takes 23 µs on the machine of ``reports/``, the quarter of an hour 40 KB as JSON.
It decides nothing and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from lobby_server.core.presence import Presence
from lobby_server.core.rooms import RoomBook
from lobby_server.service.fanout.acks import BOUNDS_S
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.ports import Clock, Timer
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.loop_lag import LoopLag
from lobby_server.service.watch.metrics import Metrics

SAMPLE_EVERY_S = 2.0
KEPT_S = 15 * 60.0
SEEN_OVER_SAMPLES = 30
"""Clients answer a share of the events only: what they see is told over the last minute."""
LAG_OVER_SAMPLES = 8
"""How far back `OpsHistory.worst_lag_s` looks: past the usual interval of a scrape, 15 s."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The counters at one moment: what stands, and totals since the start of the process."""

    sockets: int
    sessions: int
    users_online: int
    rooms: int
    sessions_behind: int
    log_bytes: int
    handshakes_accepted: int
    messages_in: int
    events_published: int
    events_conflated: int
    frames_out: int
    bytes_out: int
    ticks: int
    tick_writes: int
    seen_latencies: tuple[int, ...]
    """Answers of clients by the bounds of `acks.BOUNDS_S`; empty: nobody is ever asked."""
    cpu_s: float
    resident_bytes: int | None


def read_counters(
    *,
    metrics: Metrics,
    sessions: Sessions,
    fanout: Fanout,
    presence: Presence,
    rooms: RoomBook,
    cpu_s: float,
    resident_bytes: int | None,
) -> Reading:
    """The counters now. Costs O(types of events + profiles)."""
    totals = fanout.stats
    return Reading(
        sockets=len(sessions),
        sessions=len(fanout),
        users_online=len(presence),
        rooms=len(rooms),
        sessions_behind=fanout.behind,
        log_bytes=fanout.logged_bytes,
        handshakes_accepted=metrics.handshakes_accepted,
        messages_in=metrics.messages_in,
        events_published=metrics.events_published.total(),
        events_conflated=metrics.events_conflated.total(),
        frames_out=metrics.frames_out + totals.frames_out,
        bytes_out=metrics.bytes_out + totals.bytes_out,
        ticks=totals.ticks,
        tick_writes=totals.writes,
        seen_latencies=() if fanout.acks is None else tuple(fanout.acks.latencies.counts),
        cpu_s=cpu_s,
        resident_bytes=resident_bytes,
    )


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One point of every curve. Rates are means over the time since the sample before; None: there was nothing to
    divide by, or the system does not tell. Travels as an array in the order of its fields, see `FIELDS`."""

    ts: int
    """Unix time in milliseconds."""
    sockets: int
    sessions: int
    users_online: int
    rooms: int
    logins_per_s: float
    """Accepted handshakes."""
    messages_in_per_s: float
    events_per_s: float
    """Published, each counted once however many hear it."""
    frames_out_per_s: float
    bytes_out_per_s: float
    sends_per_tick: float | None
    conflation_ratio: float | None
    """Of all events, the share that a later one stood for."""
    seen_p50_ms: float | None
    seen_p99_ms: float | None
    """From an event to a client's acknowledgement, over the last minute, interpolated in the histogram's steps."""
    sessions_behind: int
    log_bytes: int
    loop_lag_ms: float
    """The worst since the sample before."""
    cpu_ratio: float
    """Of one core."""
    resident_bytes: int | None


_COUNTED_PER_NODE = (
    "sockets", "sessions", "sessions_behind", "log_bytes", "handshakes_accepted", "messages_in", "events_published",
    "events_conflated", "frames_out", "bytes_out", "ticks", "tick_writes", "cpu_s",
)  # fmt: skip

FIELDS = Sample.__struct_fields__

Listener = Callable[[Sample], None]
"""Hears every new sample."""


class OpsHistory:
    """`start` it, `stop` it; `samples` are the last quarter of an hour, oldest first."""

    def __init__(
        self,
        *,
        clock: Clock,
        lag: LoopLag,
        read: Callable[[], Reading],
        others: Callable[[], Mapping[str, Reading]] = dict,
    ) -> None:
        """`others`: the last readings of other nodes, which are added to this one's."""
        self.samples: deque[Sample] = deque(maxlen=int(KEPT_S / SAMPLE_EVERY_S))
        self._clock = clock
        self._lag = lag
        self._read = read
        self._others = others
        self._others_before: Mapping[str, Reading] = {}
        self._listeners: list[Listener] = []
        self._timer: Timer | None = None
        self._before: Reading | None = None
        self._seen: deque[tuple[int, ...]] = deque(maxlen=SEEN_OVER_SAMPLES + 1)
        self._before_s = 0.0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def worst_lag_s(self) -> float:
        """The greatest lateness of the loop in the last samples."""
        recent = list(self.samples)[-LAG_OVER_SAMPLES:]
        return max((sample.loop_lag_ms for sample in recent), default=0.0) / 1000

    def start(self) -> None:
        self._lag.start()
        self._before, self._before_s = self._read(), self._clock.monotonic_s()
        self._others_before = self._others()
        self._seen.append(self._before.seen_latencies)
        self._timer = self._clock.call_later(SAMPLE_EVERY_S, self._sample)

    def stop(self) -> None:
        """No more samples. A second time does nothing."""
        self._lag.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._listeners.clear()

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """A second time does nothing."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    # -- private --------------------------------------------------------------------------------------------------

    def _sample(self) -> None:
        self._timer = self._clock.call_later(SAMPLE_EVERY_S, self._sample)
        now, now_s, others = self._read(), self._clock.monotonic_s(), self._others()
        before, elapsed_s, others_before = self._before, now_s - self._before_s, self._others_before
        self._before, self._before_s, self._others_before = now, now_s, others
        if before is None or elapsed_s <= 0:
            return
        for node, reading in others.items():
            now = _sum(now, reading)
            before = _sum(before, others_before.get(node, reading))  # a node that is new has done nothing so far
        sample = self._compare(before, now, elapsed_s)
        self.samples.append(sample)
        for listener in tuple(self._listeners):
            listener(sample)

    def _compare(self, before: Reading, now: Reading, elapsed_s: float) -> Sample:
        published = now.events_published - before.events_published
        conflated = now.events_conflated - before.events_conflated
        more = _added(now.seen_latencies, before.seen_latencies, sign=-1)
        self._seen.append(_added(self._seen[-1], more))
        seen = [last - first for first, last in zip(self._seen[0], self._seen[-1], strict=True)]
        return Sample(
            ts=int(self._clock.utc_now().timestamp() * 1000),
            sockets=now.sockets,
            sessions=now.sessions,
            users_online=now.users_online,
            rooms=now.rooms,
            logins_per_s=_rounded((now.handshakes_accepted - before.handshakes_accepted) / elapsed_s),
            messages_in_per_s=_rounded((now.messages_in - before.messages_in) / elapsed_s),
            events_per_s=_rounded(published / elapsed_s),
            frames_out_per_s=_rounded((now.frames_out - before.frames_out) / elapsed_s),
            bytes_out_per_s=_rounded((now.bytes_out - before.bytes_out) / elapsed_s),
            sends_per_tick=_ratio(now.tick_writes - before.tick_writes, now.ticks - before.ticks),
            conflation_ratio=_ratio(conflated, published + conflated),
            seen_p50_ms=quantile_ms(seen, 0.5),
            seen_p99_ms=quantile_ms(seen, 0.99),
            sessions_behind=now.sessions_behind,
            log_bytes=now.log_bytes,
            loop_lag_ms=_rounded(self._lag.take_worst_s() * 1000),
            cpu_ratio=_rounded((now.cpu_s - before.cpu_s) / elapsed_s),
            resident_bytes=now.resident_bytes,
        )


def _sum(one: Reading, other: Reading) -> Reading:
    """Of two nodes together. What is the same on all nodes is that of the first."""
    added = {name: getattr(one, name) + getattr(other, name) for name in _COUNTED_PER_NODE}
    seen = one.seen_latencies
    if len(seen) == len(other.seen_latencies):  # else one of the two asks nobody
        seen = _added(seen, other.seen_latencies)
    memory = None if one.resident_bytes is None else one.resident_bytes + (other.resident_bytes or 0)
    return replace(one, **added, seen_latencies=seen, resident_bytes=memory)


def _added(counts: Sequence[int], others: Sequence[int], *, sign: int = 1) -> tuple[int, ...]:
    return tuple(one + sign * other for one, other in zip(counts, others, strict=True))


def quantile_ms(counts: Sequence[int], share: float) -> float | None:
    """The latency that a share of the answers kept to, straight within a step of the histogram; None: no answers.
    What is beyond the last bound counts as that bound."""
    rank = share * sum(counts)
    if not rank:
        return None
    low_s, below = 0.0, 0
    for count, high_s in zip(counts, BOUNDS_S, strict=False):
        if count and below + count >= rank:
            return _rounded((low_s + (high_s - low_s) * (rank - below) / count) * 1000)
        low_s, below = high_s, below + count
    return _rounded(low_s * 1000)


def _ratio(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(value: float) -> float:
    """Three places are more than a curve shows, and keep the message short."""
    return round(value, 3)
