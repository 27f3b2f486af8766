"""A server that lets a user who was lost come back unnoticed: of whom nobody is told, nobody should hear."""

from __future__ import annotations

import pytest

from loadtest.client import ServerTimers
from loadtest.measure.reach import ReachTally
from tests.loadtest.measure.test_reach import SETTLE_S, World

GRACE_S = 30.0
PLAYERS = 10
GONE = 50
LITTLE_S = 0.02


@pytest.fixture
def world() -> World:
    """Players, and one more of whom they were told."""
    world = World(PLAYERS, timers=ServerTimers(presence_grace_s=GRACE_S))
    world.join(GONE)
    world.tell(GONE, True)
    pass_time(world, 20.0)
    assert (world.reach.presence.expected, world.reach.presence.lost) == (PLAYERS, 0)
    world.reach.presence = ReachTally()
    return world


def pass_time(world: World, seconds: float) -> None:
    """As a run does, which judges every now and then."""
    until_s = world.now_s + seconds
    while world.now_s < until_s - 0.5:
        world.wait(0.5)
    world.now_s = until_s
    world.reach.settle(world.now_s)


def lose(world: World, user_id: int = GONE, *, is_chosen: bool = True) -> None:
    """Without a close frame; where it is not chosen, the server or the network did it."""
    if is_chosen:
        world.leave(user_id, is_abrupt=True)
    else:
        world.watches[user_id].lost()


def come_back(world: World) -> None:
    world.join(GONE)


def found(world: World, *, told: int = 0, lost: int = 0, excused: int = 0) -> None:
    """After all is judged."""
    pass_time(world, GRACE_S + 4 * SETTLE_S)
    presence = world.reach.presence
    assert (presence.expected, presence.received, presence.lost) == (told + lost, told, lost)
    assert presence.excused == excused


def strange(world: World) -> tuple[int, ...]:
    presence = world.reach.presence
    return presence.duplicates, presence.unexpected, presence.out_of_order, presence.strangers, presence.unheard


@pytest.mark.parametrize("away_s", [0.5, 3.0, GRACE_S - 0.1])
def test_user_who_is_back_in_time_is_expected_to_be_told_to_nobody(world: World, away_s: float) -> None:
    lose(world)
    pass_time(world, away_s)
    come_back(world)
    found(world)
    assert strange(world) == (0, 0, 0, 0, 0)


def test_server_that_tells_of_it_all_the_same_is_found(world: World) -> None:
    lose(world)
    world.tell(GONE, False)
    pass_time(world, 3.0)
    come_back(world)
    world.tell(GONE, True)
    found(world)
    duplicates, unexpected, *_ = strange(world)
    assert (duplicates, unexpected) == (PLAYERS, PLAYERS)


def test_user_who_stays_away_is_told_when_the_time_is_over_and_timed_from_then(world: World) -> None:
    lose(world)
    pass_time(world, GRACE_S + LITTLE_S)
    world.tell(GONE, False)
    times = world.fan_out["presence"].count
    found(world, told=PLAYERS)
    assert strange(world) == (0, 0, 0, 0, 0)
    assert world.fan_out["presence"].count == times + PLAYERS
    assert world.fan_out["presence"].max_us == pytest.approx(LITTLE_S * 1e6, rel=0.01)


def test_user_who_stays_away_and_is_never_told_to_be_is_lost_to_all(world: World) -> None:
    lose(world)
    found(world, lost=PLAYERS)


def test_user_who_comes_back_long_after_is_told_twice(world: World) -> None:
    lose(world)
    pass_time(world, GRACE_S + LITTLE_S)
    world.tell(GONE, False)
    pass_time(world, SETTLE_S + 1.0)
    come_back(world)
    world.tell(GONE, True)
    found(world, told=2 * PLAYERS)
    assert strange(world) == (0, 0, 0, 0, 0)


def test_close_frame_ends_presence_at_once(world: World) -> None:
    world.leave(GONE)
    world.now_s += LITTLE_S
    world.tell(GONE, False)
    found(world, told=PLAYERS)
    assert strange(world) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("is_told", [True, False])
def test_return_at_about_the_end_of_the_time_is_told_twice_or_not_at_all(world: World, is_told: bool) -> None:
    lose(world)
    pass_time(world, GRACE_S + 0.01)
    if is_told:
        world.tell(GONE, False)
    pass_time(world, 1.0)
    come_back(world)
    if is_told:
        world.tell(GONE, True)
    found(world, excused=2)
    assert strange(world) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("is_told", [True, False])
def test_whether_a_loss_was_without_a_close_frame_only_the_server_knows_where_it_ended_it(
    world: World, is_told: bool
) -> None:
    lose(world, is_chosen=False)
    if is_told:
        world.tell(GONE, False)
    pass_time(world, 3.0)
    come_back(world)
    if is_told:
        world.tell(GONE, True)
    found(world, excused=2)
    assert strange(world) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("after_s", [LITTLE_S, GRACE_S + LITTLE_S])
def test_who_was_lost_by_the_server_and_stays_away_is_told_by_the_end_of_the_time(world: World, after_s: float) -> None:
    lose(world, is_chosen=False)
    pass_time(world, after_s)
    world.tell(GONE, False)
    found(world, told=PLAYERS)
    assert strange(world) == (0, 0, 0, 0, 0)


def test_next_leave_of_somebody_who_came_back_is_judged_like_any(world: World) -> None:
    lose(world)
    pass_time(world, 3.0)
    come_back(world)
    pass_time(world, 3.0)
    world.leave(GONE)
    found(world, lost=PLAYERS)


@pytest.mark.parametrize("is_told", [True, False])
def test_of_two_connections_that_end_at_once_either_may_be_the_last(world: World, is_told: bool) -> None:
    """One is cut, the other closed: in which order the server sees it is open."""
    other = world.ledger.watch()
    other.accepted(GONE, handshake_s=0.002)
    pass_time(world, 10.0)
    lose(world)
    world.now_s += 0.001
    other.leaving()
    other.lost()
    if is_told:
        world.tell(GONE, False)
    pass_time(world, 3.0)
    come_back(world)
    if is_told:
        world.tell(GONE, True)
    found(world, excused=2)
    assert strange(world) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("away_s", "lost"), [(1.0, 0), (GRACE_S + 1.0, 0), (GRACE_S + SETTLE_S + 1.0, PLAYERS)])
def test_handshake_without_an_answer_may_have_been_a_return_unless_it_was_sent_too_late(
    world: World, away_s: float, lost: int
) -> None:
    lose(world)
    pass_time(world, away_s)
    watch = world.watches[GONE]
    watch.shaking(world.now_s)
    world.now_s += 0.5
    watch.lost()
    pass_time(world, 3.0)
    come_back(world)
    pass_time(world, 4 * SETTLE_S)
    assert (world.reach.presence.lost, world.reach.presence.unheard) == (lost, 0)


def test_slow_handshake_of_the_return_is_awaited(world: World) -> None:
    """Sent in time, answered long after: the server may have seen it at any time between."""
    lose(world)
    pass_time(world, GRACE_S - 1.0)
    world.watches[GONE].shaking(world.now_s)
    pass_time(world, 20.0)
    world.join(GONE, handshake_s=20.0)
    found(world, excused=2)
    assert strange(world) == (0, 0, 0, 0, 0)


def test_another_process_hears_of_a_loss_when_it_is_told_and_judges_nothing_after_it_before(world: World) -> None:
    world.ledger.share()
    lose(world)
    over_s = world.now_s + GRACE_S
    world.now_s = over_s - 1.0
    first = world.ledger.take_entries()
    assert (first["transitions"], first["until_s"]) == ([], over_s - SETTLE_S)
    world.now_s = over_s + SETTLE_S
    second = world.ledger.take_entries()
    assert [entry[:4] for entry in second["transitions"]] == [[GONE, False, over_s, over_s]]
    assert second["until_s"] == world.now_s


@pytest.mark.parametrize("stayed_s", [1.0, GRACE_S - 1.0, GRACE_S + 1.0])
def test_end_of_a_run_leaves_nothing_unexplained(world: World, stayed_s: float) -> None:
    lose(world)
    lose(world, 1, is_chosen=False)
    world.watches.pop(1)
    world.tell(1, False)
    pass_time(world, stayed_s)
    if stayed_s > GRACE_S:
        world.tell(GONE, False)
    world.ledger.stop()
    for user_id in list(world.watches):
        world.leave(user_id)
    world.reach.settle(world.now_s, is_final=True)
    assert strange(world) == (0, 0, 0, 0, 0)
    assert world.reach.presence.expected == world.reach.presence.received == 0


def test_silent_loss_is_in_doubt_for_the_grace_period_too() -> None:
    with_it, without = World(timers=ServerTimers(presence_grace_s=GRACE_S)), World()
    assert with_it.ledger.ghost_s == without.ledger.ghost_s + GRACE_S


@pytest.mark.parametrize("is_right", [True, False])
def test_what_players_hold_of_somebody_who_was_cut_off_and_is_back_is_judged_after_a_fault(
    world: World, is_right: bool
) -> None:
    begin_s = world.now_s + 10.0
    world.ledger.disturbances.tell(begin_s, begin_s + 20.0)
    pass_time(world, 12.0)
    lose(world, is_chosen=False)
    world.tell(GONE, False)
    pass_time(world, 2.0)
    come_back(world)
    if is_right:
        world.tell(GONE, True)
    pass_time(world, 60.0)
    presence = world.reach.presence
    assert (presence.expected, presence.lost) == (PLAYERS, 0 if is_right else PLAYERS)
