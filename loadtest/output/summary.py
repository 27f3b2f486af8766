"""The summary of a run for a terminal: counts, times, reach, errors, thresholds, validity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.judging.thresholds import ThresholdResult
from loadtest.measure.judging.validity import RunValidity
from loadtest.measure.metrics import METRICS, errors_by_name, series_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.felt_faults import felt_faults
from loadtest.results.run_json import Fault


def table(
    recorder: Recorder,
    facts: RunFacts,
    validity: RunValidity | None = None,
    threshold_results: tuple[ThresholdResult, ...] = (),
) -> str:
    """For a terminal: times in ms."""
    lines = [f"\nLobby swarm · seed {facts.seed} · {facts.duration_s:.1f} s"]
    events = [(name, number) for name, number in sorted(recorder.events.items()) if number]
    wide = _width((name for name, _ in events), 40)
    lines += ["", f"{'Event':<{wide}}{'count':>14}{'per s':>12}", "-" * (wide + 26)]
    for name, number in events:
        rate = number / facts.duration_s if facts.duration_s else 0.0
        lines.append(f"{name:<{wide}}{number:>14,}{rate:>12,.1f}")
    phase = "all phases" if recorder.is_whole else "the steady state"
    timed = [(metric.title, series) for metric in METRICS.values() if (series := series_of(recorder, metric)).count]
    wide = _width((title for title, _ in timed), 30)
    lines += [
        "",
        f"Times of {phase}",
        f"{'Series (ms)':<{wide}}{'count':>10}" + "".join(f"{name:>11}" for name in _COLUMNS),
        "-" * (wide + 65),
    ]
    for title, series in timed:
        figures = series.percentiles_ms()
        cells = "".join(f"{figures[key]:>11,.2f}" for key in _COLUMNS.values())
        lines.append(f"{title:<{wide}}{series.count:>10,}{cells}")
    lines += ["", *reach_lines(recorder.tallies.items())]
    if recorder.not_understood:
        lines += ["", "Not understood, with an example of each", "-" * 66]
        lines += [f"{kind}: {example}" for kind, example in recorder.not_understood.items()]
    if facts.faults:
        lines += ["", *fault_lines(felt_faults(facts))]
    errors = errors_by_name(recorder)
    if errors:
        wide = _width(errors, 40)
        lines += ["", f"{'Error':<{wide}}{'count':>14}", "-" * (wide + 14)]
        lines += [f"{name:<{wide}}{number:>14,}" for name, number in errors.most_common()]
    if threshold_results:
        lines += ["", "Thresholds", "-" * 66, *map(str, threshold_results)]
    if validity is not None:
        lines += ["", f"This run is {validity.level.value}{':' if validity.reasons else '.'}"]
        lines += [f"  {reason}" for reason in validity.reasons]
        lines += [f"  Note: {note}" for note in validity.notes]
        if validity.bottleneck is not None:
            lines.append(validity.bottleneck)
    return "\n".join(lines) + "\n"


def _width(names: Iterable[str], least: int) -> int:
    """Of the first column, which no name may leave: the figures beside it stand below each other."""
    return max(least, *(len(name) for name in names), 0)


_COLUMNS = {"p50": "p50_ms", "p90": "p90_ms", "p99": "p99_ms", "p99.9": "p99_9_ms", "max": "max_ms"}


def reach_lines(tallies: Iterable[tuple[str, ReachTally]]) -> list[str]:
    """The table of reach, with enough digits to tell one lost event from none."""
    names = ("expected", "received", "lost", "late", "duplicates", "out_of_order", "unexpected", "missed", "unjudged")
    titles = ("expected", "received", "lost", "late", "duplicate", "misordered", "unexpected", "missed", "unjudged")
    rows = list(tallies)
    wide = _width((name for name, _ in rows), 22)
    lines = [f"{'Reach':<{wide}}{'':>12}" + "".join(f"{title:>12}" for title in titles), "-" * (wide + 120)]
    for name, tally in rows:
        figures = tally.as_dict()
        cells = "".join(f"{figures[key]:>12,}" for key in names)
        lines.append(f"{name:<{wide}}{reach_text(tally.reach):>12}{cells}")
    return lines


def fault_lines(faults: Sequence[Fault]) -> list[str]:
    """The table of faults: seconds of the run, and from the beginning of each until its players were back."""
    names = [f"{fault.name} ({fault.kind})" for fault in faults]
    wide = _width(names, 22)
    lines = [
        f"{'Fault':<{wide}}"
        + "".join(f"{title:>12}" for title in ("from", "until", "connected", "lost", "back after")),
        "-" * (wide + 60),
    ]
    for name, fault in zip(names, faults, strict=True):
        before = fault.connected_before
        cells = (
            _seconds(fault.began_s), _seconds(fault.ended_s), "–" if before is None else f"{before:,}",
            f"{fault.lost:,}", "not back" if before and fault.back_after_s is None else _seconds(fault.back_after_s),
        )  # fmt: skip
        lines.append(f"{name:<{wide}}" + "".join(f"{cell:>12}" for cell in cells))
        if fault.failure:
            lines.append(f"  It did not come about: {fault.failure}")
    return lines


def _seconds(moment_s: float | None) -> str:
    return "–" if moment_s is None else f"{moment_s:.1f} s"


def reach_text(reach: float | None) -> str:
    if reach is None:
        return "–"
    return "1" if reach == 1 else f"{min(reach, 0.999999):.6f}"
