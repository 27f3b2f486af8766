"""A forecast held against its measurement: the readings of each figure, their errors, and which of them are in doubt.

What spoils a reading spoils its error. Where readings of one figure are further apart than a forecast may miss any of
them, none of them has a forecast held against it that could be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from bench.measures import AS_PREDICTED, FORECAST_ERROR, MEDIAN_ERROR, WORST_ERROR, Kind
from bench.prediction.model import Model
from bench.record.book import Book
from bench.record.disturbance import causes_of
from bench.record.findings import Reading, Stretch
from bench.scenarios.prediction.kept import NAME, counted, errors_in
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE

UNSTEADY = "its readings are more than 20 % apart"
MOST_APART = 0.2
"""The goal for the worst error: what does not repeat itself by less has no forecast held against it."""
Figures = dict[str, float]
"""By the names in `bench.measures.FORECAST`."""


class Came(NamedTuple):
    """What a measurement came to."""

    figures: Figures
    stretch: Stretch | None = None
    """Of all of it."""
    faults: Sequence[str] = ()
    """What its own ledger found: then it is no measurement of what was predicted."""
    unlike: str = ""
    """Why it is none, though nobody was wrong."""
    parts: Sequence[tuple[Figures, Stretch]] = ()
    """What was read of its parts, of those figures that were."""


@dataclass(frozen=True)
class Case:
    """One forecast, and the measurement that it is of."""

    name: str
    clients: int
    predict: Callable[[Model], Figures]
    measure: Callable[[], Came]


def readings_before(book: Book, case: Case) -> dict[str, list[float]]:
    """What it came to in earlier rounds, without what was spoiled then."""
    found = book.result(NAME, ())
    return {
        name: [
            each.value
            for each in found.find(measure, case.name)
            if not each.invalid and not causes_of([(each, measure.kind)])
        ]
        for name, measure in AS_PREDICTED.items()
    }


def hold_against(
    case: Case, predicted: Figures, book: Book, *, before: Mapping[str, Sequence[float]] = MappingProxyType({})
) -> None:
    """Measure it, once. What spoils a measurement spoils the error. `before`: what it came to in earlier rounds."""
    came = case.measure()
    book.faults += [f"{case.name}: {fault}" for fault in came.faults]
    invalid = "; ".join(came.faults) or came.unlike
    for name in dict.fromkeys([*came.figures, *chain(*(figures for figures, _ in came.parts))]):
        readings = _readings(came, name)
        unsteady = UNSTEADY if _are_apart([*before.get(name, ()), *(value for value, _ in readings)]) else ""
        for value, stretch in readings:
            at: dict[str, Any] = {"clients": case.clients, "party": case.name, "stretch": stretch}
            book.add(AS_PREDICTED[name], value, **at, invalid=invalid, suspect=unsteady)
            if value <= 0 or name not in predicted:
                book.faults.append(f"{case.name}: {name} was not {'measured' if value <= 0 else 'predicted'}")
                continue
            doubt = {"invalid": invalid} if invalid else _doubt(value, AS_PREDICTED[name].kind, stretch, unsteady)
            book.add(FORECAST_ERROR[name], (predicted[name] / value - 1) * 100, **at, **doubt)


def _readings(came: Came, name: str) -> Sequence[tuple[float, Stretch | None]]:
    """Of the parts of it that other work left alone, of all where it left none, or the one of the whole."""
    parts = [(figures[name], stretch) for figures, stretch in came.parts if name in figures]
    if not parts:
        return [(came.figures[name], came.stretch)]
    kind = AS_PREDICTED[name].kind
    return [each for each in parts if not causes_of([(Reading(*each), kind)])] or parts


def _are_apart(values: Sequence[float]) -> bool:
    """By more than a forecast may miss any of them."""
    return max(values) > (1 + MOST_APART) * min(values)


def _doubt(value: float, kind: Kind, stretch: Stretch | None, unsteady: str) -> dict[str, Any]:
    """`invalid` or `suspect`, and why."""
    if kind is Kind.TIME and stretch is not None and stretch.generator_share > BUSY_SHARE:
        return {"invalid": "the generator was the limit"}
    causes = causes_of([(Reading(value, stretch), kind)]) | ({unsteady} if unsteady else set())
    if kind is Kind.TIME and stretch is not None and stretch.generator_share > NEAR_SHARE:
        causes.add("the generator was near its limit")
    return {"suspect": " and ".join(sorted(causes))} if causes else {}


def write_errors(book: Book) -> None:
    """Of all quantities of all cases that were measured, by their repeats' medians and without sign."""
    everything = book.result(NAME, ()).measures
    measured = counted(everything)
    if not measured:
        book.faults.append("no forecast was held against a measurement")
        return
    measured.sort(key=_size)
    sizes = [_size(each) for each in measured]
    book.add(MEDIAN_ERROR, median(sizes), clients=0, suspect=_in_doubt(list(chain(*measured))))
    book.add(WORST_ERROR, sizes[-1], clients=0, suspect=_in_doubt(measured[-1]))
    book.note(
        f"{len(sizes)} quantities were predicted before they were measured; error is predicted over measured, less one"
    )
    if more := len(errors_in(everything)) - len(sizes):
        book.note(f"{more} more could not be measured, and count for no error")


def _size(readings: Sequence[Reading]) -> float:
    return abs(median(reading.value for reading in readings))


def _in_doubt(readings: Sequence[Reading]) -> str:
    """Why, where at least half of them are."""
    reasons = [reading.invalid or reading.suspect for reading in readings if reading.invalid or reading.suspect]
    return " and ".join(dict.fromkeys(reasons)) if 2 * len(reasons) >= len(readings) else ""
