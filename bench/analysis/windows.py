"""At which rate a figure was measured, and runs that were counted over more than their window, made right.

`bench.load.cells` reads counts at both edges of a window now. Runs that were kept before it did have their bytes,
requests and events divided by the window and the quiet behind it, under the rate of the window alone; they are known by
their lack of `CHANGES_PER_S`. What they counted can be had back from their readings and their profile:

* for who holds a socket: all that changes cause fell into the window, heartbeats came at the same pace all the while;
* for who polls whatever changes: the pace was the same all the while, and nothing has to be mended;
* for who polls with ETag: how many answers of the quiet had a list cannot be told, so those figures are marked.

The stored readings stay what they are; this is a view of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from bench.analysis.estimates import estimate
from bench.load.clients.ways import HEARTBEAT_S
from bench.load.sockets.receivers import PING_MESSAGE
from bench.record.findings import Findings, Measure, Reading, Where
from bench.record.profiles import LIVES
from bench.record.results import Run
from bench.record.wire import ByteCount
from bench.scenarios.cost import BYTES_A_PLAYER_HOUR, CPU_A_PLAYER_HOUR, REQUESTS_A_PLAYER_HOUR
from bench.scenarios.freshness import (
    BYTES_A_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_A_CLIENT_HOUR,
    EVENTS_A_CLIENT_HOUR,
    REQUESTS_A_CLIENT_HOUR,
)
from bench.words import rate_words

HEARTBEATS_AN_HOUR = 3600 / HEARTBEAT_S
PONG_BYTES = len('{"type":"pong","data":{"ts":1234567890123}}')

COST_POLL_S = 3.0
OLD_LEAD_S, OLD_AFTER_S = 0.2, 1.0
"""What those runs counted before the window, and behind it for who does not poll; for who polls it was a period."""

TOO_LONG = "counted over the window and the quiet behind it"
MENDED = (
    "this run was counted over the window and the quiet behind it; what changes caused is given over the window alone, "
    "heartbeats and polls over all of it"
)
FROM_CELLS = ("freshness", "break-even", "cost")


def achieved_per_s(found: Findings, party: str, where: Where) -> float | None:
    """Changes per second that there were, in the median of the repeats; ``None`` where that was not noted."""
    for measure in found.measures:
        if (measure.name, measure.party, measure.where) == (CHANGES_PER_S, party, where):
            made = estimate(measure)
            return made.value if made is not None else None
    return None


def rates_of(found: Findings, nominal_per_s: float) -> str:
    """The rate in words, with what was achieved over all cells of that rate beside it where it differs."""
    rates = [
        rate
        for each in found.measures
        if each.name == CHANGES_PER_S and each.changes_per_s == nominal_per_s
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
    if all(not _is_old(found) for found in run.findings):
        return run
    return replace(run, findings=[_mended(run, found) if _is_old(found) else found for found in run.findings])


def _is_old(found: Findings) -> bool:
    return found.name in FROM_CELLS and bool(found.measures) and not any(
        each.name == CHANGES_PER_S for each in found.measures
    )  # fmt: skip


def _mended(run: Run, found: Findings) -> Findings:
    window_s, poll_s = _sizes(run, found.name)
    measures: list[Measure] = []
    noted: set[tuple[str, Where]] = set()
    for measure in found.measures:
        mended = _mended_measure(measure, found.measures, window_s, poll_s)
        measures.append(mended)
        if (measure.party, measure.where) not in noted and measure.name in _COUNTED:
            noted.add((measure.party, measure.where))
            rate = int(measure.changes_per_s * window_s + 1e-9) / window_s
            readings = [Reading(rate) for _ in measure.readings]
            measures.append(replace(measure, name=CHANGES_PER_S, unit="", readings=readings))
    return replace(found, measures=measures, notes=[*found.notes, MENDED])


def _sizes(run: Run, name: str) -> tuple[float, float]:
    """Window and period of polling of a scenario."""
    profile = run.profile
    if name == "cost":
        return profile.cost.window_s, COST_POLL_S
    sizes = profile.freshness if name == "freshness" else profile.break_even
    return sizes.window_s, sizes.poll_s


def _mended_measure(measure: Measure, beside: Sequence[Measure], window_s: float, poll_s: float) -> Measure:
    way = LIVES[measure.party][0] if measure.party in LIVES else measure.party
    if not measure.changes_per_s or measure.name not in (*_COUNTED, *_CPU):
        return measure
    if way.startswith("polling"):
        is_steady = way == "polling" or measure.name in (*_CPU, REQUESTS_A_CLIENT_HOUR, EVENTS_A_CLIENT_HOUR)
        return measure if is_steady else _with(measure, lambda each: replace(each, suspect=TOO_LONG))
    counted_s = window_s + OLD_AFTER_S + OLD_LEAD_S
    idle = _COUNTED.get(measure.name, 0.0)
    if measure.name in _CPU:
        idle = _idle_cpu(measure, beside)

    def over_the_window_alone(each: Reading) -> Reading:
        long_s = each.stretch.wall_s if measure.name in _CPU and each.stretch is not None else counted_s
        return replace(each, value=idle + max(0.0, each.value - idle) * long_s / window_s)

    is_heartbeats = way == "delta" and measure.name in (REQUESTS_A_CLIENT_HOUR, REQUESTS_A_PLAYER_HOUR)
    return measure if is_heartbeats else _with(measure, over_the_window_alone)


def _idle_cpu(measure: Measure, beside: Sequence[Measure]) -> float:
    """Of one who holds a socket while nothing changes, at that size if it was measured; else nothing is known of it."""
    for each in beside:
        is_idle = not each.changes_per_s and not each.party.startswith("polling")
        if is_idle and (each.name, each.clients) == (measure.name, measure.clients):
            made = estimate(each)
            return made.value if made is not None else 0.0
    return 0.0


def _with(measure: Measure, change: Callable[[Reading], Reading]) -> Measure:
    return replace(measure, readings=[change(each) for each in measure.readings])


_COUNTED = {
    BYTES_A_CLIENT_HOUR: HEARTBEATS_AN_HOUR * heartbeat_bytes(),
    BYTES_A_PLAYER_HOUR: HEARTBEATS_AN_HOUR * heartbeat_bytes() / 1024,
    REQUESTS_A_CLIENT_HOUR: HEARTBEATS_AN_HOUR,
    REQUESTS_A_PLAYER_HOUR: HEARTBEATS_AN_HOUR,
    EVENTS_A_CLIENT_HOUR: 0.0,
}
"""Figures that were divided by more than the window, and what of each is heartbeats."""

_CPU = (CPU_A_CLIENT_HOUR, CPU_A_PLAYER_HOUR)
"""Over a stretch that began with the quiet before the first change."""
