"""What can spoil a reading from outside: at each limit, and of which kinds of measure."""

from __future__ import annotations

import pytest

from bench.measures import Kind
from bench.record.disturbance import LATE, OTHER_WORK, causes_of, disturbances
from bench.record.findings import Reading, Stretch

TIMED, COUNTED = (Kind.TIME, Kind.RATE), (Kind.BYTES, Kind.MEMORY, Kind.HARM, Kind.SHARE, Kind.COUNT)


def reading(*, waited_s: float = 0.0, generator_waited_s: float = 0.0, late_ms: float = 0.0) -> Reading:
    """Server and generator work for a second each."""
    stretch = Stretch(
        wall_s=5.0, server_cpu_s=1.0, generator_cpu_s=1.0, server_wait_s=waited_s, generator_wait_s=generator_waited_s
    )
    return Reading(1.0, stretch, late_ms)


def causes(found: Reading, kind: Kind) -> list[str]:
    return [what for what, _ in disturbances(found, kind)]


@pytest.mark.parametrize("kind", TIMED)
def test_time_or_rate_is_spoiled_where_a_fifth_of_the_work_waited(kind: Kind) -> None:
    assert causes(reading(waited_s=0.25), kind) == []
    assert causes(reading(waited_s=0.26), kind) == [OTHER_WORK]
    assert causes(reading(generator_waited_s=0.26), kind) == [OTHER_WORK]


def test_cost_is_spoiled_where_a_tenth_of_the_work_waited() -> None:
    assert causes(reading(waited_s=0.11), Kind.CPU) == []
    assert causes(reading(waited_s=0.12), Kind.CPU) == [OTHER_WORK]


@pytest.mark.parametrize("kind", COUNTED)
def test_what_is_counted_is_spoiled_by_nothing(kind: Kind) -> None:
    assert causes(reading(waited_s=9.0, late_ms=900.0), kind) == []


@pytest.mark.parametrize(("late_ms", "found"), [(10.0, []), (10.1, [LATE])])
def test_lateness_spoils_a_time_alone(late_ms: float, found: list[str]) -> None:
    assert causes(reading(late_ms=late_ms), Kind.TIME) == found
    assert causes(reading(late_ms=late_ms), Kind.RATE) == causes(reading(late_ms=late_ms), Kind.CPU) == []


def test_reading_without_a_stretch_can_only_be_late() -> None:
    assert causes(Reading(1.0), Kind.CPU) == []
    assert causes(Reading(1.0, late_ms=50.0), Kind.TIME) == [LATE]


def test_how_much_of_it_is_told() -> None:
    assert disturbances(reading(waited_s=1.0, late_ms=12.4), Kind.TIME) == [
        (OTHER_WORK, "50% of the time"), (LATE, "up to 12 ms"),
    ]  # fmt: skip


def test_causes_of_several_are_each_told_once() -> None:
    several = [(reading(waited_s=1.0), Kind.CPU), (reading(waited_s=1.0, late_ms=12.0), Kind.TIME)]
    assert causes_of(several) == {OTHER_WORK, LATE}
    assert causes_of([]) == set()
