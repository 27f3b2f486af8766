"""What a run of the scenario `prediction` keeps of its model, and the model as it is made of that again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median
from typing import TypeVar

import msgspec

from bench.measures import FORECAST_ERROR
from bench.prediction.model import (
    READ,
    SCHEMA,
    Clients,
    Cold,
    Coldness,
    Cost,
    Costs,
    Extent,
    Held,
    Model,
    Sizes,
    Spread,
    Waits,
)
from bench.prediction.told import tell_disturbed
from bench.record.book import Book
from bench.record.findings import Measured, Reading
from bench.record.run import Run
from bench.scenarios.prediction.calibration import extent_of

NAME = "prediction"
COLDNESS, WARM, SPREAD, DISTURBED = "coldness", "warm up to", "spread", "disturbed: "
UNITS = ("ns", "µs", "ms", "B", "KiB", "MiB")
_Group = TypeVar("_Group", bound=msgspec.Struct)


def keep(book: Book, model: Model) -> None:
    """The costs that the forecasts are made by, as facts."""
    for group in (model.costs, model.sizes, model.waits, model.clients):
        for name in group.__struct_fields__ if group is not None else ():
            cost: Cost | None = getattr(group, name)
            if cost is not None:
                _keep_cost(book, type(group).__name__.lower(), name, cost)
    for name in model.coldness.__struct_fields__ if model.coldness is not None else ():
        cold: Cold = getattr(model.coldness, name)
        book.facts[_fact(COLDNESS, name, WARM, "ms")] = cold.warm_ms
        for at_ms, cost in zip(cold.after_ms, cold.more, strict=True):
            _keep_cost(book, COLDNESS, f"{name} after {at_ms!r} ms", cost)

    for name in model.spread.__struct_fields__ if model.spread is not None else ():
        parts: list[float] = getattr(model.spread, name)
        for number, part_ms in enumerate(parts, 1):
            book.facts[_part(name, number, len(parts))] = part_ms

    for part, share in model.disturbed.items():
        book.facts[DISTURBED + part] = share
    for note in tell_disturbed(model.disturbed):
        book.note(note)


def _keep_cost(book: Book, kind: str, name: str, cost: Cost) -> None:
    for what in ("value", "low", "high", "n"):
        book.facts[_fact(kind, name, what, cost.unit)] = float(getattr(cost, what))


def model_of(run: Run) -> Model | None:
    """With what came of its forecasts; None: the run has none."""
    found, held = run.found(NAME), held_of(run)
    if found is None or held is None:
        return None
    coldness = _coldness(found.facts)
    disturbed = {
        name.removeprefix(DISTURBED): share for name, share in found.facts.items() if name.startswith(DISTURBED)
    }
    clients = _group(Clients, found.facts) if coldness is not None else None
    return Model(
        schema=READ[0] if clients is None else READ[1] if clients.come is None else SCHEMA,
        made_at=run.started_at,
        commit=run.commit,
        dirty=run.dirty,
        machine=run.machine,
        took_s=run.duration_s,
        costs=_group(Costs, found.facts),
        sizes=_group(Sizes, found.facts),
        waits=_group(Waits, found.facts),
        measured=extent_of(run.profile.prediction.calibration),
        coldness=coldness,
        clients=clients,
        spread=_spread(found.facts),
        held=held,
        notes=[note for note in found.notes if note not in set(tell_disturbed(disturbed))],
        disturbed=disturbed,
    )


def errors_in(measures: Sequence[Measured]) -> list[list[Reading]]:
    """Of each forecast that was held against anything, the readings of its error."""
    of_forecasts = {measure.name for measure in FORECAST_ERROR.values()}
    return [each.readings for each in measures if each.name in of_forecasts and each.readings]


def counted(measures: Sequence[Measured]) -> list[list[Reading]]:
    """Those of them that were measured: not where half of the repeats or more are INVALID, as with any figure."""
    return [
        readings for readings in errors_in(measures) if 2 * sum(bool(each.invalid) for each in readings) < len(readings)
    ]


def held_of(run: Run) -> Held | None:
    """What a run says of the forecasts of this machine; None: it made none."""
    found = run.found(NAME)
    if found is None:
        return None
    errors = [median(reading.value for reading in readings) / 100 for readings in counted(found.measures)]
    if not errors:
        return None
    sizes = run.profile.prediction
    return Held(
        n=len(errors),
        median_error=median(map(abs, errors)),
        worst_error=max(map(abs, errors)),
        extent=Extent(
            sessions=sizes.held_out_sessions,
            processes=max(sizes.nodes),
            changes_per_s=max(sizes.changes_per_s),
            rooms=sizes.rooms,
        ),
        started_at=run.started_at,
        commit=run.commit,
    )


def _fact(kind: str, name: str, what: str, unit: str) -> str:
    return f"{kind}, {name}, {what} ({unit})"


def _group(kind: type[_Group], facts: dict[str, float]) -> _Group:
    names = kind.__struct_fields__
    needed = names[: len(names) - len(kind.__struct_defaults__)]
    prefix = kind.__name__.lower()
    there = {name for name in names if any(fact.startswith(f"{prefix}, {name}, value ") for fact in facts)}
    return kind(**{name: _cost(prefix, name, facts) for name in names if name in needed or name in there})


def _coldness(facts: dict[str, float]) -> Coldness | None:
    """None: the run is of a time when nothing was measured cold."""
    if not any(fact.startswith(f"{COLDNESS}, ") for fact in facts):
        return None
    return Coldness(**{name: _cold(name, facts) for name in Coldness.__struct_fields__})


def _cold(name: str, facts: dict[str, float]) -> Cold:
    """Raises `KeyError`."""
    pattern = re.compile(rf"{COLDNESS}, {name} after ([^ ]+) ms, value ")
    after_ms = sorted({float(match[1]) for fact in facts if (match := pattern.match(fact))})
    return Cold(
        warm_ms=facts[_fact(COLDNESS, name, WARM, "ms")],
        after_ms=after_ms,
        more=[_cost(COLDNESS, f"{name} after {at_ms!r} ms", facts) for at_ms in after_ms],
    )


def _spread(facts: dict[str, float]) -> Spread | None:
    """None: the run is of a time when single waits were not kept."""
    if not any(fact.startswith(f"{SPREAD}, ") for fact in facts):
        return None
    return Spread(**{name: _parts(name, facts) for name in Spread.__struct_fields__})


def _parts(name: str, facts: dict[str, float]) -> list[float]:
    """Raises `KeyError`."""
    parts = sum(fact.startswith(f"{SPREAD}, {name}, ") for fact in facts)
    return [facts[_part(name, number, parts)] for number in range(1, parts + 1)]


def _part(name: str, number: int, parts: int) -> str:
    return _fact(SPREAD, name, f"part {number} of {parts}", "ms")


def _cost(kind: str, name: str, facts: dict[str, float]) -> Cost:
    """Raises `KeyError`: a run of another time has other costs."""
    unit = next(unit for unit in (*UNITS, "") if not unit or _fact(kind, name, "value", unit) in facts)
    value, low, high, n = (facts[_fact(kind, name, what, unit)] for what in ("value", "low", "high", "n"))
    return Cost(value=value, unit=unit, low=low, high=high, n=round(n), source="the scenario prediction")
