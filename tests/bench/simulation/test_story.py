"""A run as a story, and what is left of a schedule: line by line."""

from __future__ import annotations

from bench.simulation import story
from bench.simulation.checks.observer import Violation
from bench.simulation.run import Outcome
from bench.simulation.schedule import Event, Part, Schedule

SCHEDULE = Schedule(5, (Event(4.0, "kill", 1, 2, 3), Event(5.25, "join", 3, 7, 8), Event(6.0, "away", 1)))
BROKEN = Violation(9.5, "nothing is lost", "ann did not hear it")


def test_story_says_who_did_what_when_and_how_it_ended() -> None:
    told = [(4.0, "b", "is killed"), (5.25, "ann-2", "joins room r1"), (9.5, "", "VIOLATED")]
    assert list(story.tell(Outcome(SCHEDULE, BROKEN, told))) == [
        "seed 5: 2 deeds, 1 fault",
        "    4.000  b      is killed",
        "    5.250  ann-2  joins room r1",
        "    9.500         VIOLATED",
        "violated after 9.500 s · nothing is lost: ann did not hear it",
    ]


def test_run_that_held_says_for_how_long() -> None:
    held = Outcome(SCHEDULE, None, entries=1234, virtual_s=47.6)
    assert story.verdict(held) == "everything held, to 48 s of virtual time and 1234 entries"


def test_events_are_told_as_deeds_and_faults_with_who_they_are_of() -> None:
    assert list(story.events(SCHEDULE)) == [
        "    4.000  fault  b      kill 2 3", "    5.250  deed   dan    join 7 8", "    6.000  deed   bob    away 0 0",
    ]  # fmt: skip


def test_players_of_a_plan_have_the_names_of_their_roles() -> None:
    cast = (Part("host", frozenset()), Part("browser", frozenset()))
    schedule = Schedule(5, (Event(4.0, "come", 1), Event(5.0, "reset", 0, 1, 2)), cast)
    assert [line.split()[2:4] for line in story.events(schedule)] == [["browser-2", "come"], ["host-1", "reset"]]
