"""``lobby-bench simulate``: what it says of seeds that hold and of one that fails, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.commands.simulating import simulate as command
from bench.simulation import command as simulation
from bench.simulation.checks.observer import Violation
from bench.simulation.run import Outcome
from bench.simulation.schedule import Event, Schedule

SHORT = Schedule(5, (Event(4.0, "kill", 1), Event(5.0, "join", 3, 7, 8)))
LONG = SHORT.with_events((*SHORT.events, Event(6.0, "away", 1)))
BROKEN = Violation(9.5, "nothing is lost", "ann did not hear it")


def outcome(schedule: Schedule, violation: Violation | None = None, *, story: bool = False) -> Outcome:
    told = [(4.0, "a", "is killed")] if story else []
    return Outcome(schedule, violation, told, entries=100, virtual_s=40.0)


class World:
    """In place of whole lobbies: seeds from `fails_at` on violate something, and shrink to `SHORT`."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, fails_at: int | None = None, interrupted_at: int | None = None
    ) -> None:
        self.fails_at = fails_at
        self.interrupted_at = interrupted_at
        self.tried: list[int] = []
        self.simulated: list[tuple[Schedule, bool]] = []
        monkeypatch.setattr(simulation, "search", self.search)
        monkeypatch.setattr(simulation, "simulate", self.simulate)
        monkeypatch.setattr(simulation, "shrink", self.shrink)

    def search(self, seeds: Sequence[int], *, progress: Callable[[Outcome], None], **_: Any) -> Outcome | None:
        for seed in seeds:
            if seed == self.interrupted_at:
                raise KeyboardInterrupt
            self.tried.append(seed)
            fails = self.fails_at is not None and seed >= self.fails_at
            found = outcome(Schedule(seed, LONG.events), BROKEN if fails else None)
            progress(found)
            if fails:
                return found
        return None

    def simulate(self, schedule: Schedule, *, tells: bool = False) -> Outcome:
        self.simulated.append((schedule, tells))
        return outcome(schedule, BROKEN if self.fails_at is not None else None, story=tells)

    def shrink(self, failed: Outcome, *, progress: Any) -> Outcome:
        progress(25, 2)
        return outcome(SHORT, BROKEN)


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_seeds_that_hold_are_counted_with_their_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    result = simulate("--seeds", 4, "--first", 10)
    assert result.exit_code == 0
    assert world.tried == [10, 11, 12, 13]
    assert result.stdout.startswith("4 seeds, 8 deeds, 4 faults, 400 entries, everything held:")


def test_seed_that_fails_ends_the_search_and_is_told_with_the_smallest_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, fails_at=12)
    result = simulate("--seeds", 100, "--first", 10)
    assert result.exit_code == 1
    assert world.tried == [10, 11, 12]
    assert "seed 12 fails after 3 of 100: nothing is lost: ann did not hear it" in result.stdout
    assert "shrunk to 1 deed, 1 fault:" in result.stdout
    assert f'as a regression test, one line of SCHEDULES:\n    "{SHORT}",' in result.stdout
    assert "An invariant was violated." in result.stderr


@pytest.mark.parametrize(("arguments", "is_told"), [((), False), (("--trace",), True)])
def test_story_of_the_smallest_schedule_is_told_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], *, is_told: bool
) -> None:
    World(monkeypatch, fails_at=0)
    assert ("is killed" in simulate("--seeds", 1, *arguments).stdout) is is_told


@pytest.mark.parametrize(("arguments", "lines"), [((), 1), (("--trace",), 3)], ids=["verdict", "story"])
def test_one_seed_is_run_alone(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], lines: int) -> None:
    world = World(monkeypatch)
    result = simulate("--seed", 7, *arguments)
    assert result.exit_code == 0
    assert [schedule.seed for schedule, _ in world.simulated] == [7]
    assert world.tried == []
    assert len(result.stdout.splitlines()) == lines
    assert result.stdout.splitlines()[-1] == "everything held, to 40 s of virtual time and 100 entries"


def test_schedule_is_run_as_a_failure_printed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, fails_at=0)
    result = simulate("--schedule", str(LONG))
    assert result.exit_code == 1
    assert world.simulated[0] == (LONG, False)
    assert world.simulated[-1] == (SHORT, True)
    assert "is killed" in result.stdout, "one that fails is told with its story"


@pytest.mark.parametrize(
    ("text", "says"), [("nothing", "a schedule is written"), ("5: 4 dance 1 0 0", "nothing is known of dance"),
                       ("x: ", "cannot be read"), ("5: 4 kill", "cannot be read")],
)  # fmt: skip
def test_schedule_that_is_none_is_misuse(monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    world = World(monkeypatch)
    result = simulate("--schedule", text)
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    assert world.simulated == []


@pytest.mark.parametrize("is_told", [False, True])
def test_how_to_see_what_happened_is_said_where_it_was_not_told(
    monkeypatch: pytest.MonkeyPatch, *, is_told: bool
) -> None:
    World(monkeypatch, fails_at=0)
    result = simulate("--seeds", 1, *(["--trace"] if is_told else []))
    assert ("what happened in it" in result.stdout) is not is_told


def test_user_who_interrupts_hears_how_many_seeds_held(monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch, interrupted_at=12)
    result = simulate("--seeds", 100, "--first", 10)
    assert result.exit_code == 130
    assert "Interrupted after 2 of 100 seeds, which all held." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--seeds", 0), "0 is not in the range x>=1"),
        (("--schedule", str(SHORT), "--seed", 3), "goes without --seed"),
        (("--schedule", str(SHORT), "--mix", "host=1"), "flags of the swarm"),
        (("--seed", 3, "--first", 2), "give one of the two"),
    ],
)
def test_what_does_not_go_together_is_misuse(
    monkeypatch: pytest.MonkeyPatch, arguments: Sequence[object], says: str
) -> None:
    world = World(monkeypatch)
    result = simulate(*arguments)
    assert (result.exit_code, says in " ".join(result.stderr.split())) == (2, True), result.stderr
    assert (world.tried, world.simulated) == ([], [])
