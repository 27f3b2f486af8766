"""What has to hold of a case: the answer that its table says, and the same one on all ways."""

from __future__ import annotations

import pytest

from tests.conformance.case import Case, Way
from tests.conformance.cases import CASES
from tests.conformance.judging import judge
from tests.conformance.record import Record, differ


def ways_of(case: Case, ways: tuple[Way, ...] = tuple(Way)) -> list[Way]:
    return [way for way in ways if way in case.ways]


def pairs(names: list[str], ways: tuple[Way, ...]) -> list[object]:
    return [pytest.param(way, name, id=f"{way.value}-{name}") for name in names for way in ways_of(CASES[name], ways)]


def hold(record: Record, way: Way, name: str) -> None:
    wrong = judge(CASES[name], way, record.observed[way, name])
    assert wrong is None, f"{CASES[name].source}: {wrong}. {CASES[name].note}"


def hold_alike(record: Record, name: str, ways: tuple[Way, ...]) -> None:
    seen = [f"{way.value}: {record.observed[way, name]}" for way in ways]
    assert not differ(record, name, ways), "\n".join(seen)
