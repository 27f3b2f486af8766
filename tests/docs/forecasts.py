"""The tables of docs/prediction.md that say what came of a run's forecasts: ``python -m tests.docs.forecasts RUN``.

Errors are as the run has them, by the forecasts that were made in it. What does not count is in the second table only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.analysis.forecasts import Forecast, forecasts
from bench.commands.runs import read
from bench.measures import AS_PREDICTED
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.sections.page import mark_of
from bench.scenarios.prediction.kept import NAME
from bench.words import in_digits

KINDS = ("bytes", "age of a polled list", "other times: broadcasts, restarts, several processes", "CPU")


def kind_of(made: Forecast) -> str:
    if made.unit == "B":
        return KINDS[0]
    if "CPU" in made.name:
        return KINDS[3]
    return KINDS[1] if made.case.startswith("polling") else KINDS[2]


def counts(made: Forecast) -> bool:
    """It was measured."""
    return mark_of(made.error.judgement) != "invalid"


def kinds(made: Sequence[Forecast]) -> Iterator[str]:
    yield "| Kind | Quantities | Median error | Worst |"
    yield "| --- | --- | --- | --- |"
    for kind in KINDS:
        errors = [abs(each.error.value) for each in made if kind_of(each) == kind and counts(each)]
        if errors:
            yield f"| {kind} | {len(errors)} | {in_digits(median(errors))} % | {in_digits(max(errors))} % |"


def quantities(found: Findings, made: Sequence[Forecast]) -> Iterator[str]:
    yield "| Quantity | Predicted | Measured, least to most | Error | Validity |"
    yield "| --- | --- | --- | --- | --- |"
    for each in made:
        values = [reading.value for reading in found.find(AS_PREDICTED[each.name], each.case)]
        span = f"{in_digits(min(values))}–{in_digits(max(values))}" if len(values) > 1 else in_digits(values[0])
        error = f"{each.error.value:+.0f}".replace("-", "−") if round(each.error.value) else "0"
        validity = each.error.judgement.without_amounts
        yield (
            f"| {each.name}, {each.case}, {each.clients:,} clients | {in_digits(each.predicted)} {each.unit} | "
            f"{span} {each.unit} | {error} % | {validity} |"
        )


def tables(run: Run) -> Iterator[str]:
    """Raises `ValueError` for a run without forecasts."""
    found = run.found(NAME)
    if found is None:
        raise ValueError("the run has no scenario prediction")
    made = forecasts(found)
    yield from kinds(made)
    yield ""
    yield from quantities(found, made)


if __name__ == "__main__":
    print("\n".join(tables(read(Path(sys.argv[1])))))
