"""A point is measured again for what disturbed it and never for its value; kept is the first calm attempt."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bench.measures import LAST_ACCEPTED, Measure
from bench.processes.again import MOST_AGAIN, calmly
from bench.record.book import Book
from bench.record.disturbance import OTHER_WORK
from bench.record.findings import Findings, Stretch

CALM = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1)
CROWDED = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1, server_wait_s=0.5)


class Attempts:
    """Each with its value and its stretch; the last over and over."""

    def __init__(self, *attempts: tuple[float, Stretch], faults: tuple[str, ...] = ()) -> None:
        self.attempts, self.faults, self.made = list(attempts), faults, 0

    def __call__(self, book: Book) -> None:
        value, stretch = self.attempts[min(self.made, len(self.attempts) - 1)]
        self.made += 1
        book.add(LAST_ACCEPTED, value, clients=10, stretch=stretch)
        book.faults.extend(self.faults)


def measured(attempts: Callable[[Book], None], *, times: int = 9, **more: Any) -> Findings:
    """`times`: how often there is time to measure again."""
    left = [times]

    def has_time_for(took_s: float) -> bool:
        left[0] -= 1
        return left[0] >= 0

    lab: Any = SimpleNamespace(has_time_for=has_time_for)
    book = Book()
    calmly(lab, book, attempts, **more)
    return book.result("storm", ())


def values(found: Findings, measure: Measure = LAST_ACCEPTED) -> list[float]:
    return [each.value for each in found.find(measure)]


def test_calm_point_is_measured_once() -> None:
    found = measured(attempts := Attempts((1.0, CALM)))
    assert (values(found), attempts.made, found.notes) == ([1.0], 1, [])


def test_every_attempt_is_of_the_turn_that_was_said() -> None:
    found = measured(Attempts((1.0, CROWDED), (7.0, CALM)), turn=3)
    assert [each.turn for each in found.find(LAST_ACCEPTED)] == [3]


def test_disturbed_point_is_measured_again_and_the_first_calm_attempt_is_kept() -> None:
    """Though it is the slower one."""
    found = measured(Attempts((1.0, CROWDED), (7.0, CALM), (2.0, CALM)))
    assert values(found) == [7.0]
    assert found.notes == [f"1 point measured again, because {OTHER_WORK}"]


def test_point_that_stays_disturbed_is_kept_as_it_was_last_and_said_to_be_suspect() -> None:
    found = measured(attempts := Attempts((1.0, CROWDED), (2.0, CROWDED), (3.0, CROWDED), (4.0, CALM)))
    assert (values(found), attempts.made) == ([3.0], MOST_AGAIN + 1)
    assert found.notes == [f"1 point measured again, because {OTHER_WORK}; 1 of them still suspect"]


def test_without_time_the_disturbed_point_is_kept() -> None:
    found = measured(attempts := Attempts((1.0, CROWDED), (2.0, CALM)), times=0)
    assert (values(found), attempts.made, found.notes) == ([1.0], 1, [])


def test_attempt_with_a_fault_is_kept_however_busy_the_machine_was() -> None:
    found = measured(attempts := Attempts((1.0, CROWDED), (2.0, CALM), faults=("somebody heard it twice",)))
    assert (values(found), found.faults, attempts.made) == ([1.0], ["somebody heard it twice"], 1)


def test_scenario_may_judge_for_itself_what_disturbed_it() -> None:
    found = measured(attempts := Attempts((1.0, CROWDED)), disturbed_by=lambda book: set())
    assert (values(found), attempts.made) == ([1.0], 1)


@pytest.mark.parametrize("fault", [OSError("no server"), KeyboardInterrupt()], ids=repr)
def test_what_was_written_before_a_failure_is_not_lost(fault: BaseException) -> None:
    def fails(book: Book) -> None:
        book.add(LAST_ACCEPTED, 1.0, clients=10)
        raise fault

    book = Book()
    lab: Any = SimpleNamespace(has_time_for=lambda took_s: True)
    with pytest.raises(type(fault)):
        calmly(lab, book, fails)
    assert values(book.result("storm", ())) == [1.0]
