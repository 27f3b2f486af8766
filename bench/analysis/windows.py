"""At which rate a figure was measured, and runs that were counted over more than their window, made right.

`bench.load.cells` reads counts at both edges of a window now. Runs that were kept before it did have their bytes,
requests and events divided by the window and the quiet behind it, under the rate of the window alone; they are known by
their lack of `CHANGES_PER_S`. What they counted can be had back from their readings and their profile:

* a client that holds a socket: all that changes cause fell into the window, heartbeats came at an even pace;
* a client that polls whatever changes: the pace was the same all the while, and nothing has to be mended;
* a client that polls with ETag: how many answers of the quiet had a list cannot be told, so those are marked.

Runs that do not say that all changes were timed took their staleness from the makings of rooms alone, which were every
second change: a client that had missed an end counted as current. That cannot be had back, so it is marked.

The stored readings stay what they are; this is a view of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from bench.analysis.estimates import at, estimate
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    EVENTS_PER_PLAYER_HOUR,
    FRESHER_THAN,
    KIB_PER_PLAYER_HOUR,
    MEAN_STALENESS,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
)
from bench.record.findings import Findings, Measured, Reading, Where
from bench.record.profiles.sizes import LIVES
from bench.record.run import Run
from bench.record.vocabulary import ALL_CHANGES_TIMED
from bench.record.wire import HEARTBEAT_S, PING_MESSAGE, PONG_BYTES, ByteCount
from bench.words import rate_words

HEARTBEATS_AN_HOUR = 3600 / HEARTBEAT_S

COST_POLL_S = 3.0
OLD_LEAD_S, OLD_AFTER_S = 0.2, 1.0
"""What those runs counted before the window, and behind it for clients that do not poll; a period for those that do."""

TOO_LONG = "counted over the window and the quiet behind it"
MENDED = (
    "this run was counted over the window and the quiet behind it; what changes caused is given over the window alone, "
    "heartbeats and polls over all of it"
)
HALF_TIMED = "taken without the ends of rooms"
OF_STALENESS = (MEAN_STALENESS, *FRESHER_THAN.values())
FROM_CELLS = ("freshness", "break-even", "cost")


def achieved_per_s(found: Findings, party: str, where: Where) -> float | None:
    """Changes per second that there were, in the median of the repeats; ``None`` where that was not noted."""
    made = at(found, CHANGES_PER_S, party, where)
    return made.value if made is not None else None


def rates_of(found: Findings, nominal_per_s: float) -> str:
    """The rate in words, with what was achieved over all cells of that rate beside it where it differs."""
    rates = [
        rate
        for each in found.measures
        if each.measure == CHANGES_PER_S and each.changes_per_s == nominal_per_s
        and (rate := achieved_per_s(found, each.party, each.where)) is not None
    ]  # fmt: skip
    apart = max(rates, key=lambda rate: abs(rate - nominal_per_s), default=None)
    return rate_words(nominal_per_s, apart)


def heartbeat_bytes() -> int:
    """With TCP/IP, by the model: a ping, its pong, and what acknowledges them."""
    count = ByteCount()
    count.heartbeat(ping_bytes=len(PING_MESSAGE), pong_bytes=PONG_BYTES)
    return count.wire_bytes


def over_the_window(run: Run) -> Run:
    """The run with the rates of its windows; as it is where it has them already."""
    if all(not _is_old(found) and not _is_half_timed(found) for found in run.findings):
        return run
    timed = [_marked(found) if _is_half_timed(found) else found for found in run.findings]
    return replace(run, findings=[_mended(run, found) if _is_old(found) else found for found in timed])


def _is_half_timed(found: Findings) -> bool:
    return ALL_CHANGES_TIMED not in found.facts and any(
        each.measure in OF_STALENESS and any(reading.suspect != HALF_TIMED for reading in each.readings)
        for each in found.measures
    )


def _marked(found: Findings) -> Findings:
    measures = [
        _with(each, lambda reading: replace(reading, suspect=HALF_TIMED)) if each.measure in OF_STALENESS else each
        for each in found.measures
    ]
    return replace(found, measures=measures)


def _is_old(found: Findings) -> bool:
    return found.name in FROM_CELLS and bool(found.measures) and not any(
        each.measure == CHANGES_PER_S for each in found.measures
    )  # fmt: skip


def _mended(run: Run, found: Findings) -> Findings:
    window_s, poll_s = _sizes(run, found.name)
    measures: list[Measured] = []
    noted: set[tuple[str, Where]] = set()
    for each in found.measures:
        measures.append(_mended_measure(each, found.measures, window_s, poll_s))
        if (each.party, each.where) not in noted and each.measure in _COUNTED:
            noted.add((each.party, each.where))
            rate = int(each.changes_per_s * window_s + 1e-9) / window_s
            readings = [Reading(rate) for _ in each.readings]
            measures.append(replace(each, name=CHANGES_PER_S.name, unit=CHANGES_PER_S.unit, readings=readings))
    return replace(found, measures=measures, notes=[*found.notes, MENDED])


def _sizes(run: Run, name: str) -> tuple[float, float]:
    """Window and period of polling of a scenario."""
    profile = run.profile
    if name == "cost":
        return profile.cost.window_s, COST_POLL_S
    sizes = profile.freshness if name == "freshness" else profile.break_even
    return sizes.window_s, sizes.poll_s


def _mended_measure(measured: Measured, beside: Sequence[Measured], window_s: float, poll_s: float) -> Measured:
    measure = measured.measure
    way = LIVES[measured.party][0] if measured.party in LIVES else measured.party
    if not measured.changes_per_s or measure not in (*_COUNTED, *_CPU):
        return measured
    if way.startswith("polling"):
        is_steady = way == "polling" or measure in (*_CPU, REQUESTS_PER_CLIENT_HOUR, EVENTS_PER_CLIENT_HOUR)
        return measured if is_steady else _with(measured, lambda each: replace(each, suspect=TOO_LONG))
    counted_s = window_s + OLD_AFTER_S + OLD_LEAD_S
    idle = _idle_cpu(measured, beside) if measure in _CPU else _COUNTED[measure]

    def over_the_window_alone(each: Reading) -> Reading:
        long_s = each.stretch.wall_s if measure in _CPU and each.stretch is not None else counted_s
        return replace(each, value=idle + max(0.0, each.value - idle) * long_s / window_s)

    is_heartbeats = way == "delta" and measure in (REQUESTS_PER_CLIENT_HOUR, REQUESTS_PER_PLAYER_HOUR)
    return measured if is_heartbeats else _with(measured, over_the_window_alone)


def _idle_cpu(measured: Measured, beside: Sequence[Measured]) -> float:
    """Of one who holds a socket while nothing changes, at that size if it was measured; else nothing is known of it."""
    for each in beside:
        is_idle = not each.changes_per_s and not each.party.startswith("polling")
        if is_idle and (each.measure, each.clients) == (measured.measure, measured.clients):
            made = estimate(each)
            return made.value if made is not None else 0.0
    return 0.0


def _with(measured: Measured, change: Callable[[Reading], Reading]) -> Measured:
    return replace(measured, readings=[change(each) for each in measured.readings])


_COUNTED = {
    BYTES_PER_CLIENT_HOUR: HEARTBEATS_AN_HOUR * heartbeat_bytes(),
    KIB_PER_PLAYER_HOUR: HEARTBEATS_AN_HOUR * heartbeat_bytes() / 1024,
    REQUESTS_PER_CLIENT_HOUR: HEARTBEATS_AN_HOUR,
    REQUESTS_PER_PLAYER_HOUR: HEARTBEATS_AN_HOUR,
    EVENTS_PER_CLIENT_HOUR: 0.0,
    EVENTS_PER_PLAYER_HOUR: 0.0,
}
"""Overview that were divided by more than the window, and what of each is heartbeats."""

_CPU = (CPU_PER_CLIENT_HOUR, CPU_PER_PLAYER_HOUR)
"""Over a stretch that began with the quiet before the first change."""
