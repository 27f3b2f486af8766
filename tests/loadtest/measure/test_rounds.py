"""What others do to the rooms, judged by what the players heard: by its revision where it has one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loadtest.measure.rounds import REMEMBER_S
from lobby_server.protocol.features import Feature
from tests.loadtest.measure.test_reach import SETTLE_S, World

TOLD, BASE = range(1, 11), range(11, 16)
"""Players who are told revisions, and base clients beside them."""


@pytest.fixture
def world() -> World:
    world = World(0)
    for player in TOLD:
        world.join(player, features=frozenset({Feature.ROOMS_DELTA}))
    world.now_s += 1.0
    return world


def hear(world: World, players: Iterable[int], revision: int | None, *, after_s: float = 0.0) -> None:
    world.now_s += after_s
    for player in players:
        world.watches[player].rooms(revision, base=None if revision is None else revision - 1)


def spread_ms(world: World) -> list[float]:
    """Count and most."""
    world.wait(3 * SETTLE_S)
    world.wait()
    others = world.fan_out["others"]
    return [others.count, round(others.max_us / 1000)]


def test_revision_that_most_hear_after_a_long_pause_is_one_round_with_the_pause_in_it(world: World) -> None:
    hear(world, TOLD[:2], 5)
    hear(world, TOLD[2:], 5, after_s=0.4)
    assert spread_ms(world) == [10, 400]
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.lost, rooms.missed) == (1, 10, 0, 0)


def test_two_revisions_that_come_at_once_are_two_rounds(world: World) -> None:
    hear(world, TOLD, 5)
    hear(world, TOLD, 6, after_s=0.01)
    assert spread_ms(world) == [20, 0]
    assert (world.reach.rooms.others, world.reach.rooms.expected) == (2, 20)


def test_revision_that_one_player_never_hears_is_a_miss_beside_a_later_one_and_a_loss_without(world: World) -> None:
    hear(world, TOLD[1:], 5)
    hear(world, TOLD, 6, after_s=0.01)
    hear(world, TOLD[1:], 7, after_s=3 * SETTLE_S)
    assert spread_ms(world)[0] == 28
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.lost, rooms.missed) == (3, 30, 1, 1)


@pytest.mark.parametrize("pause_s", [0.3, SETTLE_S - 1.0, 2 * SETTLE_S, 2 * REMEMBER_S])
@pytest.mark.parametrize("is_looked_at", [False, True])
def test_delta_that_one_player_never_gets_is_one_loss_whenever_the_next_one_shows_the_gap(
    world: World, pause_s: float, is_looked_at: bool
) -> None:
    for revision, players in ((4, TOLD), (5, TOLD[1:]), (6, TOLD), (7, TOLD)):
        hear(world, players, revision)
        for _ in range(20):
            world.now_s += pause_s / 20
            if is_looked_at:
                world.reach.settle(world.now_s)
    world.wait(3 * SETTLE_S)
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.received, rooms.lost, rooms.missed) == (4, 40, 39, 1, 0)


@pytest.mark.parametrize("shows_s", [-1.0, SETTLE_S - 3.0, 4 * SETTLE_S], ids=["before", "meanwhile", "after"])
def test_delta_that_most_get_late_and_one_player_never_is_one_loss_whenever_the_gap_shows(
    world: World, shows_s: float
) -> None:
    """`shows_s`: when, from the late ones on."""

    def look(seconds: float) -> None:
        for _ in range(10):
            world.wait(seconds / 10)

    hear(world, TOLD, 4)
    look(20.0)
    hear(world, TOLD[:4], 5)
    look(2 * SETTLE_S + 2.0)  # it is no evidence so far
    if shows_s < 0:
        hear(world, TOLD[9:], 6)
        look(-shows_s)
    hear(world, TOLD[4:9], 5)
    look(max(0.0, shows_s))
    assert (world.reach.rooms.late == 5) == (shows_s > SETTLE_S)
    hear(world, TOLD[: 9 if shows_s < 0 else 10], 6)
    look(40.0)
    rooms = world.reach.rooms
    assert (rooms.others, rooms.late, rooms.missed) == (3, 5, 0)
    assert (rooms.expected, rooms.received, rooms.lost) == (30, 24, 6)


def test_delta_that_comes_late_after_the_next_one_to_a_player_is_one_loss_and_late(world: World) -> None:
    def look(seconds: float) -> None:
        for _ in range(10):
            world.wait(seconds / 10)

    hear(world, TOLD, 4)
    look(20.0)
    hear(world, TOLD[:4], 5)
    look(2 * SETTLE_S + 2.0)  # it is no evidence so far
    hear(world, TOLD[9:], 6)
    hear(world, TOLD[9:], 5, after_s=0.1)
    hear(world, TOLD[4:9], 5, after_s=0.1)
    hear(world, TOLD[:9], 6, after_s=0.1)
    look(40.0)
    rooms = world.reach.rooms
    assert (rooms.expected, rooms.received, rooms.lost, rooms.late) == (30, 24, 6, 6)
    assert (rooms.missed, rooms.out_of_order) == (0, 1)


def test_each_delta_in_a_gap_is_a_loss_and_another_player_s_gap_is_another(world: World) -> None:
    hear(world, TOLD, 4)
    hear(world, TOLD[1:], 5, after_s=2 * SETTLE_S)
    world.wait()
    hear(world, TOLD[2:], 6, after_s=2 * SETTLE_S)
    world.wait()
    hear(world, TOLD, 7)
    world.wait(3 * SETTLE_S)
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.lost, rooms.missed) == (4, 40, 3, 0)


def test_loss_that_too_few_others_can_witness_is_told_by_the_gap_alone() -> None:
    world = World(0)
    world.join(1, features=frozenset({Feature.ROOMS_DELTA}))
    world.now_s += 1.0
    for revision in (4, 6):
        hear(world, [1], revision)
        world.wait(3 * SETTLE_S)
    assert (world.reach.rooms.expected, world.reach.rooms.lost) == (1, 1)


def test_earlier_revision_that_comes_late_stands_for_no_later_one(world: World) -> None:
    hear(world, TOLD[1:], 5)
    hear(world, TOLD[1:], 6, after_s=0.01)
    hear(world, TOLD[:1], 5, after_s=0.01)
    assert spread_ms(world) == [19, 20]
    assert (world.reach.rooms.lost, world.reach.rooms.missed) == (1, 0)


def test_base_clients_beside_them_are_judged_too_and_neither_counted_twice_nor_timed(world: World) -> None:
    for player in BASE:
        world.join(player)
    world.now_s += 1.0
    hear(world, TOLD, 5)
    hear(world, BASE[:3], None, after_s=0.03)
    assert spread_ms(world) == [10, 0]
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.lost) == (1, 15, 2)


def test_revision_that_comes_after_the_settling_time_is_lost(world: World) -> None:
    hear(world, TOLD[1:], 5)
    hear(world, TOLD[:1], 5, after_s=SETTLE_S + 0.1)
    assert spread_ms(world) == [9, 0]
    assert (world.reach.rooms.others, world.reach.rooms.lost, world.reach.rooms.late) == (1, 1, 1)


@pytest.mark.parametrize("after_s", [SETTLE_S + 0.1, 3 * SETTLE_S, REMEMBER_S - 3 * SETTLE_S])
def test_revision_that_comes_late_is_late_once_whenever_it_is_looked_at(world: World, after_s: float) -> None:
    hear(world, TOLD[1:], 5)
    for _ in range(40):
        world.wait(after_s / 40)
    hear(world, TOLD[:1], 5)
    for _ in range(40):
        world.wait(0.5)
    hear(world, TOLD, 5)  # told again: repeated, not late
    world.wait(3 * SETTLE_S)
    assert (world.reach.rooms.late, world.reach.rooms.lost, world.reach.rooms.duplicates) == (1, 1, 10)


def test_revision_that_comes_late_to_somebody_who_heard_a_later_one_in_time_is_out_of_order(world: World) -> None:
    hear(world, TOLD[1:], 5)
    hear(world, TOLD, 6, after_s=0.01)
    hear(world, TOLD[:1], 5, after_s=SETTLE_S + 0.1)
    world.wait(3 * SETTLE_S)
    rooms = world.reach.rooms
    assert (rooms.missed, rooms.late, rooms.lost, rooms.out_of_order) == (1, 0, 0, 1)


def test_revision_that_few_have_heard_in_time_or_late_is_no_evidence(world: World) -> None:
    hear(world, TOLD[:2], 5)
    hear(world, TOLD[2:5], 5, after_s=SETTLE_S + 1.0)
    world.wait(3 * SETTLE_S)
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.late) == (0, 0, 0)
    hear(world, TOLD[5:6], 5)  # with this one, most have
    world.wait(3 * SETTLE_S)
    assert (rooms.others, rooms.expected, rooms.received, rooms.late) == (1, 10, 2, 4)


def test_revision_of_an_own_change_that_comes_late_is_told_as_late_and_expected_once(world: World) -> None:
    world.change()
    hear(world, TOLD[1:], 5, after_s=0.01)
    hear(world, TOLD[:1], 5, after_s=SETTLE_S + 1.0)
    world.wait(3 * SETTLE_S)
    rooms = world.reach.rooms
    assert (rooms.expected, rooms.received, rooms.lost, rooms.late) == (10, 9, 1, 1)


def test_higher_revision_that_another_node_tells_before_the_lower_one_is_no_loss_of_it(world: World) -> None:
    hear(world, TOLD[:3], 6)
    hear(world, TOLD[3:], 5, after_s=0.001)
    hear(world, TOLD[3:], 6, after_s=0.020)
    assert spread_ms(world)[0] == 17
    rooms = world.reach.rooms
    assert (rooms.others, rooms.lost, rooms.missed) == (2, 0, 3)


@pytest.mark.parametrize("told", [1, 2])
def test_spread_is_that_of_base_clients_where_too_few_are_told_revisions(told: int) -> None:
    world = World(0)
    for player in (*TOLD, *BASE):
        world.join(player, features=frozenset({Feature.ROOMS_DELTA} if player < BASE[0] and player <= told else ()))
    world.now_s += 1.0
    hear(world, TOLD[:told], 5)
    hear(world, TOLD[told:], None)
    hear(world, BASE, None, after_s=0.04)
    assert spread_ms(world) == ([14, 40] if told == 1 else [2, 0])
    assert world.reach.rooms.others == 1


@pytest.mark.parametrize("looks", [1, 3], ids=["looked at once", "looked at between"])
def test_revision_of_which_most_hear_too_late_is_one_event_late_for_them_and_quick_for_nobody(
    world: World, looks: int
) -> None:
    hear(world, TOLD[:4], 5)
    for _ in range(looks):
        world.wait((SETTLE_S + 2.0) / looks)
    hear(world, TOLD[4:], 5)
    assert spread_ms(world)[0] == 0
    rooms = world.reach.rooms
    assert (rooms.others, rooms.expected, rooms.received, rooms.lost, rooms.late) == (1, 10, 4, 6, 6)


def test_revision_that_a_server_uses_again_after_a_while_is_another_event(world: World) -> None:
    for revision in (5, 90, 5):  # in between it is looked at again
        hear(world, TOLD, revision)
        for _ in range(10):
            world.wait(REMEMBER_S / 10)
    assert world.reach.rooms.others == 3
