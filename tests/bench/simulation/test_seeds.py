"""Whole lobbies with faults in virtual time: everything holds that must."""

from __future__ import annotations

import pytest

from bench.simulation.many import quiet, search
from bench.simulation.run import simulate
from bench.simulation.schedule import FEWEST_DEEDS, FEWEST_FAULTS, PLAYERS, read_schedule, schedule_of
from tests.bench.simulation.schedules import SCHEDULES

DEFAULT_SEEDS, SEEDS, AT_A_TIME = 100, 300, 10
"""The default suite has two minutes and a half for everything; the system suite tries the rest of the 300."""
SLOW_SEEDS, SLOW_AT_A_TIME = 10_000, 500


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[] if first < DEFAULT_SEEDS else pytest.mark.system)
        for first in range(0, SEEDS, AT_A_TIME)
    ],
)
def test_everything_holds(first: int) -> None:
    failed = search(range(first, first + AT_A_TIME))
    assert failed is None, f"lobby-bench simulate --seed {failed.schedule.seed} --trace: {failed.violation}"


@pytest.mark.parametrize("seed", range(5))
def test_everything_holds_and_newcomers_hear_of_themselves_first_where_nothing_breaks(seed: int) -> None:
    schedule = schedule_of(seed)
    with quiet():
        calm = schedule.with_events(tuple(event for event in schedule.events if not event.is_fault))
        assert calm.faults == 0
        assert simulate(calm).violation is None


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SLOW_SEEDS, SLOW_AT_A_TIME))
def test_everything_holds_for_thousands(first: int) -> None:
    failed = search(range(first, first + SLOW_AT_A_TIME))
    assert failed is None, f"lobby-bench simulate --seed {failed.schedule.seed} --trace: {failed.violation}"


@pytest.mark.parametrize("text", SCHEDULES, ids=range(len(SCHEDULES)))
def test_what_once_failed_holds(text: str) -> None:
    with quiet():
        assert simulate(read_schedule(text)).violation is None


def test_schedule_has_players_deeds_and_faults_enough() -> None:
    assert PLAYERS >= 20
    for seed in range(100):
        schedule = schedule_of(seed)
        assert schedule.deeds >= FEWEST_DEEDS >= 200
        assert schedule.faults >= FEWEST_FAULTS >= 5


def test_schedule_is_read_as_it_is_written() -> None:
    for seed in range(20):
        assert read_schedule(str(schedule_of(seed))) == schedule_of(seed)


@pytest.mark.parametrize("text", ["", "7", "x: 1 kill 0 0 0", "7: 1 kill 0", "7: 1 dance 0 0 0"])
def test_text_that_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_schedule(text)
