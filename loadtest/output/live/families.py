"""What a run has to say at one moment, as families of samples: neither Prometheus' nor OpenTelemetry's, which are both
made of these.

Everything counts from the start of the run. A histogram is one series at one place (`loadtest.measure.points`): the
steady state is apart from the ramp, and what the generator itself delayed from both, so that no place ever gets less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from loadtest.measure.judging.validity import healths
from loadtest.measure.metrics import METRICS, error_name, series_at
from loadtest.measure.points import PLACES
from loadtest.measure.series import Series
from loadtest.output.conclusion import Conclusion
from loadtest.results.validity import Validity

BOUNDS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""Of the buckets of a histogram. The run's own files have three digits of everything."""
OUTCOMES = (
    "expected", "received", "lost", "late", "duplicates", "out_of_order", "unexpected", "missed", "unjudged",
)  # fmt: skip
"""Of an event and a player that should have heard of it, as run.json calls them."""

Labels: TypeAlias = Mapping[str, str]


class Kind(Enum):
    COUNTER = "counter"
    """Never less than before, within a run."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Distribution:
    """Of durations, in seconds."""

    within: tuple[int, ...]
    """How many are at or below each of `BOUNDS_S`."""
    count: int
    sum_s: float
    least_s: float
    most_s: float


@dataclass(frozen=True)
class Family:
    """A name, and a sample for each set of labels."""

    name: str
    """With the unit, and without what Prometheus puts behind a counter."""
    kind: Kind
    text: str
    samples: tuple[tuple[Labels, float | Distribution], ...]


def families_of(found: Conclusion | None) -> list[Family]:
    """As of now; None: no run has been started. Those without a sample are left out, but for `lobby_swarm_running`."""
    running = found is not None and not found.facts.is_over
    families = [_gauge("lobby_swarm_running", "1 while a run goes on", [({}, float(running))])]
    if found is not None:
        families += [family for family in _of_run(found) if family.samples]
    return families


def _of_run(found: Conclusion) -> Iterator[Family]:
    recorder, facts = found.recorder, found.facts
    about = {"started_at": facts.started_at, "seed": str(facts.seed), "host": facts.host}
    yield _gauge("lobby_swarm_run_info", "The run; always 1", [(about, 1.0)])
    yield _gauge("lobby_swarm_run_seconds", "How long the run has lasted", [({}, facts.duration_s)])
    yield _gauge(
        "lobby_swarm_steady", "1 once all players have been connected", [({}, float(recorder.has_steady_state))]
    )
    yield _gauge(
        "lobby_swarm_players",
        "Players by role and by what they do: active, connecting, paused or away",
        []
        if facts.is_over
        else [
            ({"role": role, "state": state}, float(number))
            for role, states in sorted(recorder.attendance.items())
            for state, number in sorted(states.items())
        ],
    )
    events = recorder.events
    yield _gauge(
        "lobby_swarm_connections",
        "Open connections",
        [({}, float(events["connections established"] - events["connections lost"]))],
    )
    yield Family(
        "lobby_swarm_series_seconds",
        Kind.HISTOGRAM,
        "Times, by the name of the series in thresholds and by phase; delayed: left out of the results",
        tuple(
            ({"series": metric.name, "phase": place}, _distribution(series))
            for metric in METRICS.values()
            for place in PLACES
            if (series := series_at(recorder, metric, place)).count
        ),
    )
    yield _counter(
        "lobby_swarm_events",
        "What happened, by the name in the table of events",
        (({"event": name}, number) for name, number in sorted(events.items()) if number),
    )
    requests = recorder.requests
    yield _counter(
        "lobby_swarm_requests",
        "Requests of the players, failed ones too",
        (({"method": kind, "name": name}, figures.count) for (kind, name), figures in sorted(requests.items())),
    )
    yield _counter("lobby_swarm_request_failures", "Failed requests, by what went wrong", _failures(found))
    yield _counter(
        "lobby_swarm_ledger",
        "Events that players should have heard of, by what came of them",
        (
            ({"ledger": name, "outcome": outcome}, tally.as_dict()[outcome])
            for name, tally in recorder.tallies.items()
            for outcome in OUTCOMES
        ),
    )
    yield _gauge(
        "lobby_swarm_reach_ratio",
        "Events received over events expected",
        [({"ledger": name}, tally.reach) for name, tally in recorder.tallies.items() if tally.reach is not None],
    )
    yield _gauge(
        "lobby_swarm_validity",
        "1 for the level that the run has",
        [({"level": level.value}, float(level is found.validity.level)) for level in Validity],
    )
    yield _gauge(
        "lobby_swarm_threshold_met",
        "1 while the threshold is met; those that have no figure yet are left out",
        [
            ({"threshold": result.threshold.text}, float(result.is_met))
            for result in found.threshold_results
            if result.found is not None
        ],
    )
    health = healths(recorder)
    yield _gauge(
        "lobby_swarm_generator_cpu_ratio",
        "CPU of a process of the swarm in the last second, of a core",
        [({"process": name}, each.cpu_shares[-1]) for name, each in health.items() if each.cpu_shares],
    )
    yield _gauge(
        "lobby_swarm_generator_resident_bytes",
        "Most memory of a process of the swarm",
        [({"process": name}, float(each.rss_bytes)) for name, each in health.items() if each.rss_bytes],
    )
    yield _counter(
        "lobby_swarm_generator_stalled_seconds",
        "Time in which a process of the swarm stood still",
        (({"process": name}, each.stalled_s) for name, each in health.items()),
    )
    yield _gauge(
        "lobby_swarm_server_cpu_ratio",
        "CPU of the server's busiest process in the last second, of a core",
        [({}, facts.server_cpu_shares[-1])] if facts.server_cpu_shares else [],
    )
    yield _counter(
        "lobby_swarm_faults",
        "Faults that the run brought about",
        (({"kind": kind}, number) for kind, number in sorted(Counter(fault.kind for fault in facts.faults).items())),
    )


def _failures(found: Conclusion) -> Iterator[tuple[Labels, float]]:
    for (kind, name), figures in sorted(found.recorder.requests.items()):
        by_error: Counter[str] = Counter()
        for text, number in figures.failures.items():
            by_error[error_name(text)] += number
        for error, number in sorted(by_error.items()):
            yield {"method": kind, "name": name, "error": error}, number


def _distribution(series: Series) -> Distribution:
    return Distribution(
        tuple(series.counts_within(BOUNDS_S)), series.count, series.sum_s, series.min_us / 1e6, series.max_us / 1e6
    )


def _gauge(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Family:
    return Family(name, Kind.GAUGE, text, tuple(samples))


def _counter(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Family:
    return Family(name, Kind.COUNTER, text, tuple((labels, float(number)) for labels, number in samples))


FamiliesNow: TypeAlias = Callable[[], list[Family]]
"""Gives them as of the moment of the call."""
