"""Every measure once: what is said of it decides how readings are judged and runs compared."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bench import measures
from bench.measures import MEASURES, Direction, Kind, Measure, measure_of

BENCH = Path(measures.__file__).parent


def test_every_measure_of_the_module_is_in_the_list_under_its_name_and_unit() -> None:
    named = [each for each in vars(measures).values() if isinstance(each, Measure)]
    families = [one for each in vars(measures).values() if isinstance(each, dict) for one in each.values()]
    assert set(MEASURES.values()) == {*named, *(each for each in families if isinstance(each, Measure))}
    assert all(key == (each.name, each.unit) for key, each in MEASURES.items())


def test_no_two_measures_have_the_same_name_and_unit() -> None:
    names = [
        (each.name, each.unit)
        for found in vars(measures).values()
        for each in ([found] if isinstance(found, Measure) else list(found.values()) if isinstance(found, dict) else [])
        if isinstance(each, Measure)
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("measure", "unit", "kind", "direction"),
    [
        (measures.CPU_PER_RECIPIENT, "µs", Kind.CPU, Direction.LESS),
        (measures.SERVER_SHARE, "", Kind.CPU, Direction.LESS),
        (measures.LAST_ACCEPTED, "s", Kind.TIME, Direction.LESS),
        (measures.PEAK_RATE, "1/s", Kind.RATE, Direction.MORE),
        (measures.RSS_PER_CONNECTION, "KiB", Kind.MEMORY, Direction.LESS),
        (measures.KIB_PER_PLAYER_HOUR, "KiB", Kind.BYTES, Direction.LESS),
        (measures.BYTES_PER_CLIENT_HOUR, "B", Kind.BYTES, Direction.LESS),
        (measures.LIST_BYTES, "B", Kind.BYTES, Direction.NEITHER),
        (measures.CLOSED_BY_SERVER, "", Kind.HARM, Direction.LESS),
        (measures.WRONG_LISTS, "", Kind.HARM, Direction.LESS),
        (measures.FALSE_OFFLINE, "", Kind.HARM, Direction.LESS),
        (measures.REACH, "%", Kind.SHARE, Direction.MORE),
        (measures.FETCHES, "×", Kind.SHARE, Direction.LESS),
        (measures.FRAMED_OVER_KERNEL, "×", Kind.SHARE, Direction.NEITHER),
        (measures.CAPACITY, "", Kind.COUNT, Direction.MORE),
        (measures.REQUESTS_PER_CLIENT_HOUR, "", Kind.COUNT, Direction.NEITHER),
    ],
    ids=lambda value: value.name if isinstance(value, Measure) else "",
)
def test_measure_has_its_unit_kind_and_direction(measure: Measure, unit: str, kind: Kind, direction: Direction) -> None:
    assert (measure.unit, measure.kind, measure.direction) == (unit, kind, direction)


@pytest.mark.parametrize("kind", [Kind.TIME, Kind.CPU, Kind.MEMORY, Kind.HARM])
def test_less_is_better_for_what_costs_or_harms(kind: Kind) -> None:
    assert {each.direction for each in MEASURES.values() if each.kind is kind} == {Direction.LESS}


def test_known_name_with_its_unit_is_the_measure_itself() -> None:
    assert measure_of("reach", "%") is measures.REACH
    assert measure_of("reach", "") is measures.SWARM_REACH


@pytest.mark.parametrize(
    ("unit", "kind", "direction"),
    [
        ("ms", Kind.TIME, Direction.LESS),
        ("MB", Kind.BYTES, Direction.LESS),
        ("MiB", Kind.MEMORY, Direction.LESS),
        ("1/s", Kind.RATE, Direction.MORE),
        ("apples", Kind.COUNT, Direction.NEITHER),
    ],
)
def test_unknown_name_is_judged_by_its_unit(unit: str, kind: Kind, direction: Direction) -> None:
    found = measure_of("of a swarm.p99", unit)
    assert (found.name, found.unit, found.kind, found.direction) == ("of a swarm.p99", unit, kind, direction)


def test_families_are_by_what_makes_them_differ() -> None:
    assert set(measures.LAST_FRESH) == {"SIGTERM", "kill -9"}
    assert measures.LAST_FRESH["kill -9"].name == "last client back and fresh after the start, kill -9"
    assert measures.BACK_WITHIN[100].name == "100 % back and fresh"
    assert measures.FRESHER_THAN[0.5].name == "time that a client is fresher than 0.5 s"
    assert measures.ACCEPTED_AFTER[99, "SIGTERM"].name == "99 % accepted, SIGTERM"


def strings_of(path: Path) -> list[str]:
    """String literals of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.value)
        for parent in ast.walk(tree)
        if isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for node in parent.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def test_no_other_module_spells_the_name_of_a_measure() -> None:
    names = {name for name, _ in MEASURES if len(name) > 10}  # shorter ones are words
    spelled = {
        (str(path.relative_to(BENCH)), text)
        for path in BENCH.rglob("*.py")
        if path.name not in ("measures.py", "lift.py") and "audit" not in path.parts  # which shares nothing
        for text in strings_of(path)
        if text in names
    }
    assert spelled == set()
