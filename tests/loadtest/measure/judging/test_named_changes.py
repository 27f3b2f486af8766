"""From a change of the rooms to the hearing of it: of that change, not of what another player did a moment before."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loadtest.client import Feature
from loadtest.measure.judging.entries import NO_REVISION as NO_REVISION_KNOWN
from loadtest.measure.judging.entries import Change
from loadtest.measure.judging.named import NamedChanges
from lobby_server.protocol.messages import RoomsDelta
from lobby_server.protocol.resources import Room
from tests.loadtest.measure.test_reach import World

PLAYERS = 8
NO_REVISION = None
DELTAS = frozenset({Feature.ROOMS_DELTA})


def a_room(room_id: str) -> Room:
    return Room(room_id, "host", "swarm", "map", 1, 8, "2026-01-01T00:00:00.000Z", False)


def delta(revision: int, *rooms: str, gone: Iterable[str] = ()) -> RoomsDelta:
    return RoomsDelta(base=revision - 1, rev=revision, set=[a_room(room) for room in rooms], gone=list(gone))


def tell(world: World, told: RoomsDelta, *, after_s: float) -> None:
    """To all players, so long after now."""
    world.now_s += after_s
    for watch in world.watches.values():
        watch.rooms(told.rev, base=told.base)
        world.ledger.named.take(told, world.now_s)


def own_change(world: World, room: str, *, is_gone: bool = False) -> None:
    world.ledger.change(
        room, intended_s=world.now_s, sent_s=world.now_s, answered_s=world.now_s + 0.002, is_gone=is_gone
    )


def asked(room: str, at_s: float, *, is_gone: bool = False) -> Change:
    return Change(at_s, at_s, at_s + 0.002, room, is_gone)


def enter(world: World, player: int, room: str) -> None:
    """And it is answered."""
    sent_s, world.now_s = world.now_s, world.now_s + 0.002
    world.watches[player].entered(room, intended_s=sent_s, sent_s=sent_s, answered_s=world.now_s)


def heard_ms(world: World) -> list[float]:
    """Count, least and most."""
    world.wait()
    rooms = world.fan_out["rooms"]
    return [rooms.count, rooms.percentile_us(0) / 1000, rooms.max_us / 1000]


@pytest.mark.parametrize("is_gone", [False, True])
def test_change_is_timed_by_the_delta_that_names_it_though_another_came_before(is_gone: bool):
    world = World(PLAYERS)
    own_change(world, "mine", is_gone=is_gone)
    tell(world, delta(5, "another's"), after_s=0.001)
    tell(world, delta(6, gone=["mine"]) if is_gone else delta(6, "mine"), after_s=0.049)
    assert heard_ms(world) == [PLAYERS, pytest.approx(50.0, rel=1e-2), pytest.approx(50.0, rel=1e-2)]
    assert world.reach.rooms.reach == 1.0


@pytest.mark.parametrize("pause_s", [0.3, 30.0])
@pytest.mark.parametrize("is_looked_at", [False, True])
def test_lost_delta_of_an_own_change_is_one_loss_whenever_the_gap_shows(pause_s: float, is_looked_at: bool) -> None:
    world = World(PLAYERS, features=DELTAS)
    for revision, room in ((4, "first"), (5, "second"), (6, "third")):
        own_change(world, room)
        watches = list(world.watches.values())
        world.now_s += 0.01
        for watch in watches[revision == 5 :]:
            watch.rooms(revision, base=revision - 1)
            world.ledger.named.take(delta(revision, room), world.now_s)
        for _ in range(20):
            world.now_s += pause_s / 20
            if is_looked_at:
                world.reach.settle(world.now_s)
    world.wait(60.0)
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.events, rooms.lost, rooms.missed) == (3, 1, 0)


@pytest.mark.parametrize("pause_s", [0.3, 30.0])
@pytest.mark.parametrize("is_looked_at", [False, True])
def test_two_own_changes_in_one_lost_delta_are_one_loss_whenever_the_gap_shows(
    pause_s: float, is_looked_at: bool
) -> None:
    world = World(PLAYERS, features=DELTAS)
    for revision, rooms in ((4, ["first"]), (5, ["second", "third"]), (6, ["fourth"])):
        for room in rooms:
            own_change(world, room)
        world.now_s += 0.01
        for watch in list(world.watches.values())[revision == 5 :]:
            watch.rooms(revision, base=revision - 1)
            world.ledger.named.take(delta(revision, *rooms), world.now_s)
        for _ in range(20):
            world.now_s += pause_s / 20
            if is_looked_at:
                world.reach.settle(world.now_s)
    world.wait(60.0)
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.events, rooms.lost, rooms.missed) == (4, 1, 0)


def test_two_changes_at_once_are_timed_by_their_own_deltas():
    world = World(PLAYERS)
    own_change(world, "first")
    own_change(world, "second")
    tell(world, delta(5, "first"), after_s=0.010)
    tell(world, delta(6, "second"), after_s=0.030)
    assert heard_ms(world) == [2 * PLAYERS, pytest.approx(10.0, rel=1e-2), pytest.approx(40.0, rel=1e-2)]


def test_whole_list_of_a_later_revision_has_the_change_in_it():
    world = World(PLAYERS)
    own_change(world, "mine")
    tell(world, delta(5, "another's"), after_s=0.001)
    world.now_s += 0.019
    world.ledger.named.take(delta(6, "mine"), world.now_s)  # heard by another player of the process
    for watch in world.watches.values():
        watch.rooms(7, is_whole=True)
    assert heard_ms(world) == [PLAYERS, pytest.approx(20.0, rel=1e-2), pytest.approx(20.0, rel=1e-2)]


def test_change_that_no_delta_names_has_no_time_where_players_are_told_in_deltas():
    """Made and deleted between two deltas, for instance."""
    world = World(PLAYERS)
    own_change(world, "mine")
    tell(world, delta(5, "another's"), after_s=0.001)
    world.wait()
    assert world.fan_out["rooms"].count == 0
    assert world.reach.rooms.lost == 0, "an announcement came: of what is conflated the ledger does not ask"


def test_announcements_without_a_revision_count_as_before_also_beside_deltas():
    world = World(PLAYERS)
    own_change(world, "mine")
    world.ledger.named.take(delta(5, "another's"), world.now_s)
    world.now_s += 0.001
    for watch in world.watches.values():
        watch.rooms(NO_REVISION)
    assert heard_ms(world) == [PLAYERS, pytest.approx(1.0, rel=1e-2), pytest.approx(1.0, rel=1e-2)]


def test_revisions_without_deltas_in_the_process_are_timed_by_the_first():
    world = World(PLAYERS)
    own_change(world, "mine")
    world.now_s += 0.001
    for watch in world.watches.values():
        watch.rooms(5)
    assert heard_ms(world) == [PLAYERS, pytest.approx(1.0, rel=1e-2), pytest.approx(1.0, rel=1e-2)]


def test_change_that_another_process_tells_of_is_timed_by_its_delta_too():
    here, there = World(PLAYERS), World(1, first_user=100)
    here.ledger.share()
    there.ledger.share()
    there.now_s = here.now_s
    own_change(there, "mine")
    tell(here, delta(5, "another's"), after_s=0.001)
    tell(here, delta(6, "mine"), after_s=0.049)
    here.ledger.add_entries(there.ledger.take_entries())
    here.ledger.heard_until_s = here.now_s + 60.0
    assert heard_ms(here) == [PLAYERS, pytest.approx(50.0, rel=1e-2), pytest.approx(50.0, rel=1e-2)]


def test_room_that_was_entered_is_timed_by_the_delta_that_names_it():
    world = World(PLAYERS, features=DELTAS)
    enter(world, 1, "busy")
    tell(world, delta(5, "busy"), after_s=0.048)
    tell(world, delta(6, "busy"), after_s=2.0)
    assert heard_ms(world) == [PLAYERS, pytest.approx(50.0, rel=1e-2), pytest.approx(50.0, rel=1e-2)]
    assert world.reach.rooms.reach == 1.0


def test_room_that_was_entered_and_left_between_two_deltas_is_not_timed_by_what_others_do_there_later():
    """The list is as it was: the next delta says so, and names nothing."""
    world = World(PLAYERS, features=DELTAS)
    enter(world, 1, "busy")
    tell(world, delta(5), after_s=0.048)
    tell(world, delta(6, "busy"), after_s=2.452)
    world.wait()
    assert world.fan_out["rooms"].count == 0
    assert world.reach.rooms.reach == 1.0, "it was announced"


def test_delta_that_its_player_heard_before_the_answer_is_of_before():
    world = World(PLAYERS, features=DELTAS)
    sent_s = world.now_s
    tell(world, delta(5, "busy"), after_s=0.001)
    world.watches[1].entered("busy", intended_s=sent_s, sent_s=sent_s, answered_s=world.now_s)
    tell(world, delta(6), after_s=0.2)
    tell(world, delta(7, "busy"), after_s=2.0)
    world.wait()
    assert world.fan_out["rooms"].max_us <= 1_000, "of another's a moment before, as it may be; of none later"


@pytest.mark.parametrize("is_lost", [True, False])
def test_room_that_was_entered_by_somebody_who_hears_no_delta_after_it_has_no_time_where_others_do(is_lost: bool):
    world = World(PLAYERS, features=DELTAS)
    enter(world, 1, "busy")
    watch = world.watches.pop(1)
    if is_lost:
        watch.leaving()
        watch.lost()
    tell(world, delta(5), after_s=0.048)
    tell(world, delta(6, "busy"), after_s=2.0)
    for _ in range(15):
        world.wait(1.0)
    assert world.fan_out["rooms"].count == 0
    assert world.reach.rooms.received == PLAYERS - 1


def test_room_that_was_entered_by_somebody_who_is_told_no_revisions_is_in_the_books_at_once():
    world = World(1)
    world.join(2, features=DELTAS)
    enter(world, 1, "busy")
    assert [change.last_revision for change in world.ledger.changes] == [NO_REVISION_KNOWN]
    enter(world, 2, "busy")
    assert len(world.ledger.changes) == 1, "of this one the next delta tells"


def test_room_that_was_entered_is_told_to_other_processes_with_the_revision_it_is_in():
    here, there = World(PLAYERS, features=DELTAS), World(1, first_user=100, features=DELTAS)
    here.ledger.share()
    there.ledger.share()
    there.now_s = here.now_s
    enter(there, 100, "busy")
    here.now_s += 0.002
    assert there.ledger.take_entries()["changes"] == [], "the delta is yet to come"
    for world in (here, there):
        tell(world, delta(5), after_s=0.048)
        tell(world, delta(6, "busy"), after_s=2.0)
    here.ledger.add_entries(there.ledger.take_entries())
    here.ledger.heard_until_s = here.now_s + 60.0
    here.wait()
    assert (here.reach.rooms.events, here.fan_out["rooms"].count) == (1, 0)


def test_room_that_changed_before_is_found_in_the_delta_after_the_asking():
    named = NamedChanges()
    named.take(delta(5, "busy"), 10.0)
    named.take(delta(6, "busy"), 20.0)
    assert named.revision_of(asked("busy", 15.0)) == 6
    assert named.revision_of(asked("busy", 15.0, is_gone=True)) is None
    assert named.revision_of(asked("busy", 25.0)) is None


def test_deltas_are_forgotten_when_all_of_their_time_is_judged():
    world = World(PLAYERS)
    for revision in range(5, 105):
        tell(world, delta(revision, f"room {revision}", gone=[f"room {revision - 1}"]), after_s=0.1)
    world.wait(30.0)
    world.wait(30.0)
    named = world.ledger.named
    assert named.revision_of(asked("room 104", 0.0)) is None
    assert named.tells


def test_change_that_two_nodes_tell_in_deltas_of_their_own_is_timed_by_what_each_player_heard():
    """Each node conflates by itself: one tells revisions 12 to 15 at once, another 11 to 14."""
    world = World(PLAYERS)
    watches = list(world.watches.values())
    own_change(world, "mine")
    world.now_s += 0.020
    for watch in watches[:4]:
        watch.rooms(15, base=11)
    world.ledger.named.take(RoomsDelta(base=11, rev=15, set=[a_room("mine")], gone=[]), world.now_s)
    world.now_s += 0.001
    for watch in watches[4:]:
        watch.rooms(14, base=10)
    world.ledger.named.take(RoomsDelta(base=10, rev=14, set=[a_room("mine")], gone=[]), world.now_s)
    world.now_s += 0.250
    for watch in watches:
        watch.rooms(20, base=15)
    assert heard_ms(world) == [PLAYERS, pytest.approx(20.0, rel=1e-2), pytest.approx(21.0, rel=1e-2)]
