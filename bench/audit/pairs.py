"""Two parties that took turns, beside each other: which readings are of the same turn, and their ratios.

A reading says which turn it is of. Runs from before that do not: there the order tells, as long as both parties have as
many; else nothing can be paired, and the medians are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.audit.arithmetic import median
from bench.audit.plain_json import Json
from bench.audit.validity import INVALID, SUSPECT, VALID, of_pairs, of_readings


@dataclass(frozen=True)
class Ratios:
    """Of one party over another; those over nothing are left out."""

    middle: float
    least: float
    most: float
    n: int
    each: tuple[float, ...]
    """Pair by pair; empty where nothing could be paired."""
    validity: str


def ratios(own: Sequence[Json], other: Sequence[Json], what: str) -> Ratios | None:
    """``None`` where there is nothing to compare. ``what``: the kind of the measure, by which readings are judged."""
    if is_paired(own, other):
        pairs = [pair for pair in _same_turn(own, other) if pair[1]["value"]]
        each = tuple(mine["value"] / theirs["value"] for mine, theirs in pairs)
        if not each:
            return None
        return Ratios(median(list(each)), min(each), max(each), len(each), each, of_pairs(pairs, what))
    some = [reading for reading in other if reading["value"]]
    if not own or not some:
        return None
    over, under = ([reading["value"] for reading in side] for side in (own, some))
    order = (VALID, SUSPECT, INVALID)
    worse = max((of_readings(side, what) for side in (own, some)), key=order.index)
    return Ratios(
        median(over) / median(under),
        min(over) / max(under),
        max(over) / min(under),
        min(len(over), len(under)),
        (),
        worse,
    )


def is_paired(own: Sequence[Json], other: Sequence[Json]) -> bool:
    return len(own) == len(other) or all(_turn(reading) is not None for reading in (*own, *other))


def _same_turn(own: Sequence[Json], other: Sequence[Json]) -> list[tuple[Json, Json]]:
    if any(_turn(reading) is None for reading in (*own, *other)):
        return [(own[place], other[place]) for place in range(len(own))]
    found = []
    for turn in sorted({turn for reading in own if (turn := _turn(reading)) is not None}):
        mine, theirs = ([reading for reading in side if _turn(reading) == turn] for side in (own, other))
        if len(mine) == len(theirs):
            found += [(mine[place], theirs[place]) for place in range(len(mine))]
    return found


def _turn(reading: Json) -> int | None:
    number: int | None = reading.get("turn")
    return number
