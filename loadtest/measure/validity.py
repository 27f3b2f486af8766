"""Can the figures of a run be trusted? And was the server the bottleneck, or the swarm itself?

Judged from what was recorded; no clock is read. `loadtest.results.validity` has the levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.measure.health import Health
from loadtest.measure.metrics import (
    ARRIVALS,
    FAILURES,
    LATENESS,
    METRICS,
    POLLS_SKIPPED,
    RESTARTS_FAILED,
    WITHOUT_A_SEAT,
    series_of,
)
from loadtest.measure.recorder import Recorder
from loadtest.measure.thresholds import in_time_units
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE, Validity

BUSY_SECONDS_INVALID = 0.10
"""Share of the seconds: more of them distort every percentile from p90 on."""
LATE_TICKS_INVALID = 0.10
LATE_TICKS_SUSPECT = 0.01
"""Share of the ticks that were `LATE_TICK_S` late; every p99 is then the generator's own."""
LATENESS_SUSPECT_S = 1.0
"""At p99. Players do one thing after another, so a slow server makes them late, too; latencies contain it."""
LEAST_SECONDS = 3
"""A share of fewer seconds says nothing."""


@dataclass(frozen=True)
class RunValidity:
    level: Validity
    reasons: tuple[str, ...]
    bottleneck: str | None
    """A sentence, where the figures allow one."""

    def __str__(self) -> str:
        return f"{self.level.value}: {'; '.join(self.reasons)}" if self.reasons else self.level.value


def validity_of(recorder: Recorder, *, server_cpu_shares: Sequence[float] = (), is_over: bool = True) -> RunValidity:
    """`server_cpu_shares` are of a core, second by second, of the server's busiest process; none where unknown.
    While a run is not over, counts cannot be reconciled yet."""
    processes = healths(recorder)
    invalid: list[str] = []
    suspect: list[str] = []
    for name, health in processes.items():
        _look_at_process(name, health, invalid, suspect)
    invalid += recorder.unreconciled if is_over else []
    lateness = recorder.series.get(LATENESS)
    if lateness is not None and lateness.percentile_us(99) / 1e6 > LATENESS_SUSPECT_S:
        suspect.append(f"players acted late: p99 {in_time_units(lateness.percentile_us(99) / 1e6)}")
    if recorder.events[FAILURES]:
        suspect.append(f"{recorder.events[FAILURES]:,} players gave up")
    if recorder.events[WITHOUT_A_SEAT]:
        turned_away = f"{recorder.events[WITHOUT_A_SEAT]:,} of {recorder.events[ARRIVALS]:,} arrivals"
        suspect.append(f"{turned_away} found no free seat and did not start a session: raise -u")
    if recorder.events[POLLS_SKIPPED]:
        skipped = f"{recorder.events[POLLS_SKIPPED]:,} polls were not sent"
        suspect.append(f"{skipped}: the poll before had no answer yet, or the server had asked the client to wait")
    if recorder.events[RESTARTS_FAILED]:
        suspect.append("the server was not restarted and reachable again, as --shape restart asks")
    clipped = {metric.title: series_of(recorder, metric).clipped for metric in METRICS}
    suspect += [f"{number:,} values of {title} were out of range" for title, number in clipped.items() if number]
    level = Validity.INVALID if invalid else Validity.SUSPECT if suspect else Validity.VALID
    return RunValidity(level, (*invalid, *suspect), bottleneck(processes, server_cpu_shares))


def healths(recorder: Recorder) -> dict[str, Health]:
    """Health by process. A master has no players, so its own health does not count."""
    if recorder.workers:
        return {f"worker {name}": worker.health for name, worker in sorted(recorder.workers.items())}
    return {"the swarm": recorder.health}


def bottleneck(processes: Mapping[str, Health], server_cpu_shares: Sequence[float]) -> str | None:
    busiest = max((_busy_figure(health.cpu_shares) for health in processes.values()), default=0.0)
    if len(server_cpu_shares) < LEAST_SECONDS:
        return None
    server = _busy_figure(server_cpu_shares)
    of = f"the server used {server:.0%} of a core at its busiest, the busiest generator {busiest:.0%}"
    if server >= BUSY_SHARE and busiest < NEAR_SHARE:
        return f"The server was the bottleneck: {of}."
    if server < BUSY_SHARE <= busiest:
        return f"The generator was the bottleneck, the server was not: {of}."
    if server < NEAR_SHARE:
        return f"The server was not the bottleneck: {of}."
    return f"Server and generator were both near their limit; which of them was the bottleneck is not known: {of}."


def _busy_figure(shares: Sequence[float]) -> float:
    """The 90th percentile of the seconds: at its busiest, without an outlier."""
    return sorted(shares)[int(len(shares) * 0.9)] if shares else 0.0


def _look_at_process(name: str, health: Health, invalid: list[str], suspect: list[str]) -> None:
    seconds = len(health.cpu_shares)
    busy = sum(share > BUSY_SHARE for share in health.cpu_shares)
    if seconds >= LEAST_SECONDS:
        how = f"{name} used more than {BUSY_SHARE:.0%} of its core in {busy} of {seconds} s"
        if busy > BUSY_SECONDS_INVALID * seconds:
            invalid.append(how)
        elif busy:
            suspect.append(how)
        elif _busy_figure(health.cpu_shares) > NEAR_SHARE:
            suspect.append(f"{name} was near its limit: {_busy_figure(health.cpu_shares):.0%} of a core")
    if health.ticks:
        part = health.late_ticks / health.ticks
        how = f"{name} was delayed: {part:.1%} of its ticks were more than 0.1 s late"
        busiest = _busy_figure(health.cpu_shares)
        if seconds >= LEAST_SECONDS and busiest < NEAR_SHARE:
            how += f", with {busiest:.0%} of a core at its busiest: check what else runs on this machine"
        if part > LATE_TICKS_INVALID:
            invalid.append(how)
        elif part > LATE_TICKS_SUSPECT:
            suspect.append(how)
