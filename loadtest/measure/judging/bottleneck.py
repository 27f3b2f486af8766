"""What held the run up: a server that was busy, one that waited, the generator, or the network. With the figures seen.

CPU alone does not tell: a server that is frozen, or waits for a database in every answer, uses none. So the answers are
looked at, too: where they were slow while neither side was busy, the server waited, unless the network took the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.measure.judging.thresholds import in_time_units
from loadtest.measure.metrics import RETRANSMITTED, SEGMENTS, TCP_ROUND_TRIP
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import ASKED_AGAIN, LOOP_LAG, OF_CONNECTING, Recorder
from loadtest.measure.run_facts import ServerState
from loadtest.measure.series import Series, merged, rank_at
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE

SLOW_S = 0.25
"""An answer that takes longer is felt."""
SLOW_SHARE = 0.01
"""Of the answers: from here on p99 is a slow one."""
LEAST_ANSWERS = 20
QUICK_LOOP_S = 0.05
"""Lag of the generator's loop at p99: a fifth of what is slow."""
LEAST_SECONDS = 3
"""A share of fewer seconds says nothing."""
STOOD_STILL_S = 0.4
"""Of the server: more than one glance."""
THROTTLED_SHARE = 0.05
RETRANSMITTED_SHARE = 0.02
NETWORK_PART = 0.5
"""Of the time of an answer: from here on the network is most of it."""
_HASHED = frozenset(OF_CONNECTING[:2])
"""Log-ins: their hashing takes long on purpose."""


@dataclass(frozen=True)
class Seen:
    """Figures of one run, as far as they are known."""

    server_share: float | None
    """Of a core, at its busiest; None where it is not known."""
    generator_share: float
    stalled_s: float
    """Of the generator, all stalls together."""
    answers: Series
    asked_again: int
    """Connections that the server did not take at once."""
    connects: int
    tcp_s: float | None
    """Median round trip of the network."""
    retransmitted: float
    """Share of the segments that a sample of connections sent."""
    state: ServerState

    @property
    def slow_share(self) -> float:
        return 1.0 - self.answers.share_within(SLOW_S) if self.answers.count else 0.0

    @property
    def turned_away(self) -> int:
        """New connections, by a full backlog; without one, packets were lost."""
        is_felt = self.asked_again >= max(1.0, SLOW_SHARE * self.connects)
        return self.asked_again if self.state.overflows and is_felt else 0


def seen_in(
    recorder: Recorder,
    healths: Sequence[Health],
    *,
    server_cpu_shares: Sequence[float],
    state: ServerState | None,
) -> Seen:
    tcp, events = recorder.reported(TCP_ROUND_TRIP), recorder.events
    segments = events[SEGMENTS]
    return Seen(
        server_share=busy_figure(server_cpu_shares) if len(server_cpu_shares) >= LEAST_SECONDS else None,
        generator_share=max((busy_figure(health.cpu_shares) for health in healths), default=0.0),
        stalled_s=sum(health.stalled_s for health in healths),
        answers=_answers(recorder),
        asked_again=events[ASKED_AGAIN],
        connects=events["connection attempts"],
        tcp_s=tcp.percentile_us(50) / 1e6 if tcp.count else None,
        retransmitted=events[RETRANSMITTED] / segments if segments else 0.0,
        state=state or ServerState(),
    )


def _answers(recorder: Recorder) -> Series:
    """Those whose arrival the kernel stamped. HTTP answers are timed by this process, so they are taken in only where
    its loop was quick enough to tell; or where there are no others."""
    lag = recorder.reported(LOOP_LAG)
    is_quick = lag.percentile_us(99) / 1e6 <= QUICK_LOOP_S
    stamped = [figures.times for (kind, _), figures in recorder.requests.items() if kind == "WS"]
    others = [figures.times for key, figures in recorder.requests.items() if key[0] != "WS" and key not in _HASHED]
    has_enough = sum(series.count for series in stamped) >= LEAST_ANSWERS
    return merged(*stamped, *(others if is_quick or not has_enough else ()))


def bottleneck(seen: Seen) -> str | None:
    """One sentence; None where too little is known to say anything."""
    stood = _stood_still(seen.state)
    figures = _figures(seen)
    if stood is not None:
        return f"{stood}: {figures}."
    is_known, server = seen.server_share is not None, seen.server_share or 0.0
    is_slow = seen.answers.count >= LEAST_ANSWERS and seen.slow_share >= SLOW_SHARE
    if not is_known and seen.answers.count < LEAST_ANSWERS:
        return None
    if is_known and server >= NEAR_SHARE and seen.generator_share >= BUSY_SHARE:
        return (
            f"Server and generator were both near their limit; which of them held the other up is not known: {figures}."
        )
    if server >= BUSY_SHARE:
        return f"The server was busy, and the bottleneck: {figures}."
    if seen.generator_share >= BUSY_SHARE:
        return f"The generator was the bottleneck: {figures}."
    if seen.turned_away:
        return f"The server took new connections too late, and its backlog was full: {figures}."
    if is_slow and _is_network(seen):
        return f"The network was the bottleneck: {figures}."
    if is_slow:
        whom = "The server was waiting" if is_known else "The server, or what it waits for, was slow"
        return f"{whom}: {_slow(seen)}, while {figures}."
    return f"No bottleneck was seen: {figures}."


def busy_figure(shares: Sequence[float]) -> float:
    """The 90th percentile of the seconds (nearest rank): at its busiest, without an outlier."""
    return sorted(shares)[rank_at(90, len(shares)) - 1] if shares else 0.0


def _stood_still(state: ServerState) -> str | None:
    of = f"of {state.watched_s:.1f} s"
    if state.gone_s > STOOD_STILL_S and not state.restarts:
        return f"The server was away, its process had ended, in {state.gone_s:.1f} s {of}"
    if state.stopped_s > STOOD_STILL_S:
        return f"The server was frozen, its process was stopped, in {state.stopped_s:.1f} s {of}"
    if state.throttled_s > THROTTLED_SHARE * state.watched_s and state.watched_s >= LEAST_SECONDS:
        return f"The server was throttled, its control group had used up its CPU, in {state.throttled_s:.1f} s {of}"
    return None


def _is_network(seen: Seen) -> bool:
    slow_s = seen.answers.percentile_us(100 * (1 - seen.slow_share / 2)) / 1e6
    is_far = seen.tcp_s is not None and seen.tcp_s >= NETWORK_PART * slow_s
    return is_far or seen.retransmitted >= RETRANSMITTED_SHARE


def _slow(seen: Seen) -> str:
    slow = f"{seen.slow_share:.1%} of {seen.answers.count:,} answers took more than {in_time_units(SLOW_S)}"
    if seen.state.on_disk_s > STOOD_STILL_S:
        slow += f" (its process waited for a disk in {seen.state.on_disk_s:.1f} s)"
    return slow


def _figures(seen: Seen) -> str:
    server = "the server's CPU is not known"
    if seen.server_share is not None:
        server = f"the server used {seen.server_share:.0%} of a core at its busiest"
    parts = [server, f"the busiest generator {seen.generator_share:.0%}"]
    if seen.answers.count:
        p50_s, p99_s = (seen.answers.percentile_us(percent) / 1e6 for percent in (50, 99))
        parts.append(f"answers took {in_time_units(p50_s)} at p50 and {in_time_units(p99_s)} at p99")
    if seen.turned_away:
        parts.append(f"{seen.turned_away:,} of {seen.connects:,} new connections had to ask again a second later")
    if seen.tcp_s is not None:
        parts.append(f"the network {in_time_units(seen.tcp_s)}")
    if seen.retransmitted:
        parts.append(f"{seen.retransmitted:.2%} of the segments were sent again")
    return ", ".join(parts)
