"""Logs that go on from each other: what was applied first, what is lost, and which places one log has."""

from __future__ import annotations

from math import inf

import pytest

from bench.simulation.checks.branches import Branches, lies_on


@pytest.fixture
def branches() -> Branches:
    """Ten entries in one epoch; a second one goes on from the seventh, and a third one from the second's ninth."""
    found = Branches()
    found.open("e1", "", 0)
    for number in range(1, 11):
        found.apply(("e1", number))
    found.open("e2", "e1", 7)
    return found


def test_entry_is_first_once_in_each_epoch(branches: Branches) -> None:
    assert not branches.apply(("e1", 10))
    assert branches.apply(("e2", 8))
    assert not branches.apply(("e2", 8))
    assert branches.apply(("e1", 11))


@pytest.mark.parametrize(("number", "has_forked"), [(9, True), (10, False), (12, False)])
def test_log_that_goes_on_before_the_last_entry_has_forked(number: int, *, has_forked: bool) -> None:
    branches = Branches()
    branches.open("e1", "", 0)
    for each in range(1, 11):
        branches.apply(("e1", each))
    branches.open("e2", "e1", number)
    assert branches.has_forked is has_forked


def test_epoch_that_nothing_went_on_from_is_a_fork_where_anything_was_applied_in_it(branches: Branches) -> None:
    other = Branches()
    other.open("e1", "", 0)
    other.apply(("e1", 1))
    other.open("e2", "e1", 1)
    other.open("e3", "e1", 1)
    assert not other.has_forked
    other.apply(("e2", 2))
    assert other.has_forked


def test_new_lobby_is_no_fork(branches: Branches) -> None:
    fresh = Branches()
    fresh.open("e1", "", 0)
    fresh.apply(("e1", 1))
    fresh.open("e2", "", 0)
    assert not fresh.has_forked


def test_path_has_what_the_log_went_on_from_and_no_more(branches: Branches) -> None:
    branches.open("e3", "e2", 9)
    assert branches.path("e3") == {"e3": inf, "e2": 9, "e1": 7}
    assert branches.path("e1") == {"e1": inf}
    for place, is_there in ((("e1", 7), True), (("e1", 8), False), (("e2", 9), True), (("e4", 1), False)):
        assert lies_on(branches.path("e3"), place) is is_there


def test_epoch_that_goes_on_from_an_early_place_of_another_cuts_off_all_before(branches: Branches) -> None:
    branches.open("e3", "e2", 5)
    assert branches.path("e3") == {"e3": inf, "e2": 5, "e1": 5}


def test_new_lobby_keeps_what_the_database_had(branches: Branches) -> None:
    branches.open("e3", "", 0)
    assert branches.path("e3") == {"e3": inf}
    assert branches.kept("e3") == {"e3": inf, "e2": inf, "e1": 7}
    branches.open("e4", "e3", 2)
    assert branches.kept("e4") == {"e4": inf, "e3": 2, "e2": inf, "e1": 7}


def test_logs_through_a_place_are_all_that_have_it(branches: Branches) -> None:
    assert branches.paths_through(("e1", 7)) == [{"e1": inf}, {"e2": inf, "e1": 7}]
    assert branches.paths_through(("e1", 8)) == [{"e1": inf}]
    assert branches.paths_through(("e2", 8)) == [{"e2": inf, "e1": 7}]
