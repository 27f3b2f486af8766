"""The summary of a run for a terminal: counts, times, reach, errors, thresholds, validity."""

from __future__ import annotations

from collections.abc import Iterable

from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.judging.thresholds import ThresholdResult
from loadtest.measure.judging.validity import RunValidity
from loadtest.measure.metrics import METRICS, errors_by_name, series_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts


def table(
    recorder: Recorder,
    facts: RunFacts,
    validity: RunValidity | None = None,
    threshold_results: tuple[ThresholdResult, ...] = (),
) -> str:
    """For a terminal: times in ms."""
    lines = [f"\nLobby swarm · seed {facts.seed} · {facts.duration_s:.1f} s"]
    lines += ["", f"{'Event':<40}{'count':>14}{'per s':>12}", "-" * 66]
    for name, number in sorted(recorder.events.items()):
        if number:
            rate = number / facts.duration_s if facts.duration_s else 0.0
            lines.append(f"{name:<40}{number:>14,}{rate:>12,.1f}")
    phase = "all phases" if recorder.is_whole else "the steady state"
    lines += [
        "",
        f"Times of {phase}",
        f"{'Series (ms)':<30}{'count':>10}" + "".join(f"{name:>11}" for name in _COLUMNS),
        "-" * 95,
    ]
    for metric in METRICS.values():
        series = series_of(recorder, metric)
        if series.count:
            figures = series.percentiles_ms()
            cells = "".join(f"{figures[key]:>11,.2f}" for key in _COLUMNS.values())
            lines.append(f"{metric.title:<30}{series.count:>10,}{cells}")
    lines += ["", *reach_lines(recorder.tallies.items())]
    if recorder.not_understood:
        lines += ["", "Not understood, with an example of each", "-" * 66]
        lines += [f"{kind}: {example}" for kind, example in recorder.not_understood.items()]
    errors = errors_by_name(recorder)
    if errors:
        lines += ["", f"{'Error':<40}{'count':>14}", "-" * 54]
        lines += [f"{name:<40}{number:>14,}" for name, number in errors.most_common()]
    if threshold_results:
        lines += ["", "Thresholds", "-" * 66, *map(str, threshold_results)]
    if validity is not None:
        lines += ["", f"This run is {validity.level.value}{':' if validity.reasons else '.'}"]
        lines += [f"  {reason}" for reason in validity.reasons]
        lines += [f"  Note: {note}" for note in validity.notes]
        if validity.bottleneck is not None:
            lines.append(validity.bottleneck)
    return "\n".join(lines) + "\n"


_COLUMNS = {"p50": "p50_ms", "p90": "p90_ms", "p99": "p99_ms", "p99.9": "p99_9_ms", "max": "max_ms"}


def reach_lines(tallies: Iterable[tuple[str, ReachTally]]) -> list[str]:
    """The table of reach, with enough digits to tell one lost event from none."""
    names = ("expected", "received", "lost", "late", "duplicates", "out_of_order", "unexpected", "missed", "unjudged")
    titles = ("expected", "received", "lost", "late", "duplicate", "misordered", "unexpected", "missed", "unjudged")
    lines = [f"{'Reach':<22}{'':>12}" + "".join(f"{title:>12}" for title in titles), "-" * 142]
    for name, tally in tallies:
        figures = tally.as_dict()
        cells = "".join(f"{figures[key]:>12,}" for key in names)
        lines.append(f"{name:<22}{reach_text(tally.reach):>12}{cells}")
    return lines


def reach_text(reach: float | None) -> str:
    if reach is None:
        return "–"
    return "1" if reach == 1 else f"{min(reach, 0.999999):.6f}"
