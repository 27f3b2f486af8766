"""From a schedule that fails to the smallest one."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.simulation.checks.observer import Violation
from bench.simulation.run import Outcome
from bench.simulation.schedule import Schedule, read_schedule, schedule_of
from bench.simulation.shrink import shrink
from tests.bench.simulation.planted.mutants import MUTANTS


def fails_with_both(schedule: Schedule) -> Outcome:
    """A lobby that fails when its 7th and its 130th event come."""
    needed = {schedule_of(3).events[7], schedule_of(3).events[130]}
    violation = Violation(0.0, "both", "are there") if needed <= set(schedule.events) else None
    return Outcome(schedule, violation)


def test_only_what_is_needed_is_left() -> None:
    smallest = shrink(fails_with_both(schedule_of(3)), run=fails_with_both)
    assert set(smallest.schedule.events) == {schedule_of(3).events[7], schedule_of(3).events[130]}


def test_failure_of_another_kind_does_not_count() -> None:
    def run(schedule: Schedule) -> Outcome:
        name = "all" if len(schedule.events) == len(schedule_of(3).events) else "some"
        return Outcome(schedule, Violation(0.0, name, "…"))

    assert shrink(run(schedule_of(3)), run=run).schedule == schedule_of(3)


def test_it_ends_after_so_many_runs() -> None:
    runs = 0

    def run(schedule: Schedule) -> Outcome:
        nonlocal runs
        runs += 1
        return fails_with_both(schedule)

    shrink(fails_with_both(schedule_of(3)), run=run, most_runs=5)
    assert runs == 5


def test_user_who_interrupts_gets_the_smallest_so_far() -> None:
    runs = 0

    def run(schedule: Schedule) -> Outcome:
        nonlocal runs
        runs += 1
        if runs > 5:
            raise KeyboardInterrupt
        return fails_with_both(schedule)

    smallest = shrink(fails_with_both(schedule_of(3)), run=run)
    assert smallest.violation is not None
    assert len(smallest.schedule.events) < len(schedule_of(3).events)


def test_command_says_that_everything_held() -> None:
    result = CliRunner().invoke(main, ["simulate", "--seeds", "1"])
    assert result.exit_code == 0
    assert "1 seeds" in result.output
    assert "everything held" in result.output


def test_command_refuses_what_is_no_schedule() -> None:
    result = CliRunner().invoke(main, ["simulate", "--schedule", "hello"])
    assert result.exit_code == 2
    assert "The schedule cannot be read" in result.output


def test_command_shrinks_a_failure_and_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (mutant,) = [each for each in MUTANTS if each.name == "a room is told of before it is committed"]
    mutant.put_in(monkeypatch)
    result = CliRunner().invoke(main, ["simulate", "--seeds", "20", "--trace"])
    assert result.exit_code == 1
    assert "An invariant was violated." in result.output
    shrunk = result.output.partition("shrunk to ")[2]
    assert shrunk.startswith("1 deed,")
    assert "create_room" in shrunk
    assert "VIOLATED" in shrunk
    line = result.output.partition("one line of SCHEDULES:\n")[2].partition('"')[2].partition('"')[0]
    assert read_schedule(line).deeds == 1
