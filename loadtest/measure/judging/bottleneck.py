"""What held the run up: a server that was busy, one that waited, the generator, or the network. With the figures seen.

CPU alone does not tell: a server that is frozen, or waits for a database in every answer, uses none. So the answers are
looked at, too: where they were slow while neither side was busy, the server waited, unless the network took the time.

Over emulated lines the answers have the lines' times in them, and slow ones say nothing of the server.

They are also looked at by what was asked for. A server with a slow disk answers heartbeats and lists at once, which are
most of the answers, and lets those wait who make rooms: that is told of its writes, however few they are.

A proxy answers at once while the server behind it is away, and so does a server that is full, or whose database is
away: so requests count that were answered 502, 503 or 504.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from loadtest.measure.judging.thresholds import in_time_units
from loadtest.measure.metrics import RETRANSMITTED, SEGMENTS, TCP_ROUND_TRIP
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import ASKED_AGAIN, LOOP_LAG, OF_CONNECTING, Recorder, RequestKey
from loadtest.measure.run_facts import ServerState
from loadtest.measure.series import Series, merged, rank_at
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE

SLOW_S = 0.25
"""An answer that takes longer is felt."""
SLOW_SHARE = 0.01
"""Of the answers: from here on p99 is a slow one."""
LEAST_ANSWERS = 20
LEAST_SLOW = 5
"""Of one kind of answers: fewer may be chance, where all others were quick."""
QUICK_LOOP_S = 0.05
"""Lag of the generator's loop at p99: a fifth of what is slow."""
LEAST_SECONDS = 3
"""A share of fewer seconds says nothing."""
STOOD_STILL_S = 0.4
"""Of the server: more than one glance."""
THROTTLED_SHARE = 0.05
RETRANSMITTED_SHARE = 0.02
SEGMENTS_OF_AN_ANSWER = 10
"""At most, from the first packet of its connection on; one that is lost makes it slow. The kernel of either side sends
the first one again after a second (RFC 6298), what an idle connection says after some 200 ms, which is not felt: so
where packets are lost, answers that need a new connection are slow, and others are not."""
NETWORK_PART = 0.5
"""Of the time of an answer: from here on the network is most of it."""
_UNAVAILABLE = re.compile(r"\b(?:HTTP|the upgrade with) 50[234]\b")
"""In what a failure says (`loadtest.client.sockets.link.open_failed_by_status`)."""
_HASHED = frozenset(OF_CONNECTING[:2])
"""Log-ins: their hashing takes long on purpose."""
_READS = frozenset({"WS", "GET", "HEAD", "OPTIONS"})
"""Types of requests that change nothing; a heartbeat, an upgrade and a handshake are ``WS``."""


@dataclass(frozen=True)
class Seen:
    """Figures of one run, as far as they are known."""

    server_share: float | None
    """Of a core, at its busiest; None where it is not known."""
    generator_share: float
    stalled_s: float
    """Of the generator, all stalls together."""
    by_request: Mapping[RequestKey, Series]
    """Times of the answers."""
    asked_again: int
    """Connections that the server did not take at once."""
    connects: int
    tcp_s: float | None
    """Median round trip of the network."""
    retransmitted: float
    """Share of the segments that a sample of connections sent."""
    state: ServerState
    has_lines: bool = False
    """Whether times of the players' emulated lines are in those of the answers."""
    requests: int = 0
    unavailable: int = 0
    """Of these, answered by a server that was full or ending, or by a proxy whose server was away (502 to 504)."""

    @property
    def is_away(self) -> bool:
        """So many requests were answered so."""
        return self.unavailable >= max(LEAST_SLOW, SLOW_SHARE * self.requests)

    @cached_property
    def answers(self) -> Series:
        """All of them."""
        return merged(*self.by_request.values())

    @property
    def turned_away(self) -> int:
        """New connections, by a full backlog; without one, packets were lost."""
        is_felt = self.asked_again >= max(1.0, SLOW_SHARE * self.connects)
        return self.asked_again if self.state.overflows and is_felt else 0

    @cached_property
    def is_slow(self) -> bool:
        return _is_slow(self.answers)

    @cached_property
    def slow_part(self) -> tuple[str, Series, Series] | None:
        """What of the answers was slow while those to everything else were quick: what it is called, its times, and
        those of the rest. None: all or nothing was, or too few were asked for to tell."""
        slow = [key for key, times in self.by_request.items() if _is_slow(times, least=LEAST_SLOW)]
        writes = [key for key in self.by_request if key[0] not in _READS]
        are_all = all(key in slow for key in writes if self.by_request[key].count >= LEAST_ANSWERS)
        are_all = are_all and all(key in writes for key in slow)
        for name, part in (("its writes", writes if are_all else ()), (_named(slow), slow)):
            times = merged(*(self.by_request[key] for key in part))
            rest = merged(*(self.by_request[key] for key in self.by_request if key not in part))
            if _is_slow(times, least=LEAST_SLOW) and rest.count >= LEAST_ANSWERS and not _is_slow(rest):
                return name, times, rest
        return None


def seen_in(
    recorder: Recorder,
    healths: Sequence[Health],
    *,
    server_cpu_shares: Sequence[float],
    state: ServerState | None,
    has_lines: bool = False,
) -> Seen:
    tcp, events = recorder.reported(TCP_ROUND_TRIP), recorder.events
    segments = events[SEGMENTS]
    return Seen(
        server_share=busy_figure(server_cpu_shares) if len(server_cpu_shares) >= LEAST_SECONDS else None,
        generator_share=max((busy_figure(health.cpu_shares) for health in healths), default=0.0),
        stalled_s=sum(health.stalled_s for health in healths),
        by_request=_answers(recorder),
        asked_again=events[ASKED_AGAIN],
        connects=events["connection attempts"],
        tcp_s=tcp.percentile_us(50) / 1e6 if tcp.count else None,
        retransmitted=events[RETRANSMITTED] / segments if segments else 0.0,
        state=state or ServerState(),
        has_lines=has_lines,
        requests=sum(figures.count for figures in recorder.requests.values()),
        unavailable=sum(
            number
            for figures in recorder.requests.values()
            for text, number in figures.failures.items()
            if _UNAVAILABLE.search(text)
        ),
    )


def _answers(recorder: Recorder) -> dict[RequestKey, Series]:
    """Those whose arrival the kernel stamped. HTTP answers that this process timed (over TLS, for one) are taken in
    only where its loop was quick enough to tell; or where there are no others."""
    lag = recorder.reported(LOOP_LAG)
    is_quick = lag.percentile_us(99) / 1e6 <= QUICK_LOOP_S
    requests = {key: figures.times for key, figures in recorder.requests.items() if key not in _HASHED}
    stamped = {key: times for key, times in requests.items() if key[0] == "WS"}
    has_enough = sum(times.count for times in stamped.values()) >= LEAST_ANSWERS
    return requests if recorder.calls_are_stamped or is_quick or not has_enough else stamped


def _is_slow(times: Series, *, least: int = 1) -> bool:
    """So many of them that p99 is a slow one, and so many as that."""
    share = _slow_share(times)
    return times.count >= LEAST_ANSWERS and share >= SLOW_SHARE and round(share * times.count) >= least


def _slow_share(times: Series) -> float:
    return 1.0 - times.share_within(SLOW_S) if times.count else 0.0


def _named(requests: Sequence[RequestKey]) -> str:
    return " and ".join(f"{kind} {name}" for kind, name in requests)


def bottleneck(seen: Seen) -> str | None:
    """One sentence; None where too little is known to say anything."""
    stood = _stood_still(seen.state)
    figures = _figures(seen)
    if stood is not None:
        return f"{stood}: {figures}."
    is_known, server = seen.server_share is not None, seen.server_share or 0.0
    if not is_known and seen.answers.count < LEAST_ANSWERS and not seen.is_away:
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
    if seen.is_away and (seen.has_lines or seen.slow_part is None):
        return (
            f"The server was away, or could not answer: {seen.unavailable:,} of {seen.requests:,} requests were "
            f"answered 502, 503 or 504, while {figures}."
        )
    if (seen.is_slow or seen.slow_part is not None) and (_is_lossy(seen) or _is_far(seen)):
        return f"The network was the bottleneck: {figures}."
    if (seen.is_slow or seen.slow_part is not None) and seen.has_lines:
        return (
            "No bottleneck was seen; the answers have the times of the players' lines (--network) in them, so whether "
            f"the server waited is not known: {figures}."
        )
    whom = "The server was waiting" if is_known else "The server, or what it waits for, was slow"
    if seen.slow_part is not None:
        name, times, rest = seen.slow_part
        quick = f"the other {rest.count:,} took {_p50_and_p99(rest)}"
        return f"{whom} in {name}: {_slow(times, seen.state)}, {_p50_and_p99(times)}, while {quick}, and {figures}."
    if seen.is_slow:
        return f"{whom}: {_slow(seen.answers, seen.state)}, while {figures}."
    return f"No bottleneck was seen: {figures}."


def busy_figure(shares: Sequence[float]) -> float:
    """The 90th percentile of the seconds (nearest rank): at its busiest, without an outlier."""
    return sorted(shares)[rank_at(90, len(shares)) - 1] if shares else 0.0


def _stood_still(state: ServerState) -> str | None:
    of = f"of {state.watched_s:.1f} s"
    if state.gone_s > STOOD_STILL_S and (state.is_away or not state.restarts):
        return f"The server was away, its process had ended, in {state.gone_s:.1f} s {of}"
    if state.stopped_s > STOOD_STILL_S:
        return f"The server was frozen, its process was stopped, in {state.stopped_s:.1f} s {of}"
    if state.throttled_s > THROTTLED_SHARE * state.watched_s and state.watched_s >= LEAST_SECONDS:
        return f"The server was throttled, its control group had used up its CPU, in {state.throttled_s:.1f} s {of}"
    return None


def _is_lossy(seen: Seen) -> bool:
    """Whether so much was lost on the way that it explains what was slow. Where that is but a part of the answers, no
    more of it can be slow than had a lost segment: a server that lets all of them wait does so for reasons of its own.
    """
    slow_share = 0.0 if seen.slow_part is None else _slow_share(seen.slow_part[1])
    is_explained = slow_share <= SEGMENTS_OF_AN_ANSWER * seen.retransmitted
    return is_explained and seen.retransmitted >= RETRANSMITTED_SHARE


def _is_far(seen: Seen) -> bool:
    """Whether the trips of the network are much of what was slow."""
    times = seen.answers if seen.slow_part is None else seen.slow_part[1]
    share = _slow_share(times)
    slow_s = times.percentile_us(100 * (1 - share / 2)) / 1e6
    return seen.tcp_s is not None and seen.tcp_s >= NETWORK_PART * slow_s


def _slow(times: Series, state: ServerState) -> str:
    slow = f"{_slow_share(times):.1%} of {times.count:,} answers took more than {in_time_units(SLOW_S)}"
    if state.on_disk_s > STOOD_STILL_S:
        slow += f" (its process waited for a disk in {state.on_disk_s:.1f} s)"
    return slow


def _p50_and_p99(times: Series) -> str:
    p50, p99 = (in_time_units(times.percentile_us(percent) / 1e6) for percent in (50, 99))
    return f"{p50} at p50 and {p99} at p99"


def _figures(seen: Seen) -> str:
    server = "the server's CPU is not known"
    if seen.server_share is not None:
        server = f"the server used {seen.server_share:.0%} of a core at its busiest"
    parts = [server, f"the busiest generator {seen.generator_share:.0%}"]
    if seen.answers.count:
        parts.append(f"answers took {_p50_and_p99(seen.answers)}")
    if seen.turned_away:
        parts.append(f"{seen.turned_away:,} of {seen.connects:,} new connections had to ask again a second later")
    if seen.tcp_s is not None:
        parts.append(f"the network {in_time_units(seen.tcp_s)}")
    if seen.retransmitted:
        parts.append(f"{seen.retransmitted:.2%} of the segments were sent again")
    return ", ".join(parts)
