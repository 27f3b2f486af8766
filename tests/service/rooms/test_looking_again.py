"""What happens while a command waits for the store, and what a clock that was set back does to the list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.machine import commands
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.protocol.requests import RoomWish, Whom
from lobby_server.service.ports import StoredRoom, StoreUnavailable
from lobby_server.service.rooms import commands as room_commands
from lobby_server.service.rooms.revision_mark import RESERVED
from tests.patience import PATIENCE_S
from tests.service.house import ANN, BOB, CLEO, House


def meanwhile(house: House, call: str, act: Callable[[], Any]) -> None:
    """Do something while the store works on its next call of that name."""
    original: Callable[..., Awaitable[Any]] = getattr(house.store, call)

    async def slow(*args: Any, **named: Any) -> Any:
        setattr(house.store, call, original)
        await asyncio.sleep(0)
        result = await original(*args, **named)
        act()
        return result

    setattr(house.store, call, slow)


async def delete_as_host(house: House, room_id: str) -> None:
    await house.app.rooms.delete_room(ANN, room_id)


async def close_as_administrator(house: House, room_id: str) -> None:
    await house.app.administration.close_room(CLEO, room_id, reason="spam")


either_way = pytest.mark.parametrize("delete", [delete_as_host, close_as_administrator])
Delete = Callable[[House, str], Awaitable[None]]


@either_way
async def test_one_of_many_deletions_at_once_deletes_and_the_others_find_no_room(house: House, delete: Delete) -> None:
    room_id = await house.room(ANN)
    meanwhile(house, "delete_room", lambda: None)
    calls = [delete(house, room_id) for _ in range(20)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [each.code for each in results if isinstance(each, Refusal)]
    assert (results.count(None), refused) == (1, [RefusalCode.ROOM_NOT_FOUND] * 19)


async def test_deletion_that_failed_lets_the_next_one_try(house: House) -> None:
    room_id = await house.room(ANN)
    house.store.is_away = True
    first = asyncio.ensure_future(house.app.rooms.delete_room(ANN, room_id))
    second = asyncio.ensure_future(house.app.rooms.delete_room(ANN, room_id))
    await asyncio.wait([first, second])
    assert first.exception() is not None
    assert second.exception() is not None
    house.store.is_away = False
    await house.app.rooms.delete_room(ANN, room_id)
    assert len(house.app.rooms.book) == 0


async def test_deletions_do_not_wait_for_each_other_s_time_outs_and_are_not_made_after_they_were_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_commands, "BEGIN_S", 0.05)
    room_id = await house.room(ANN)
    asked, answers = list[str](), asyncio.Event()

    async def hang(room_id: str) -> None:
        asked.append(room_id)
        await answers.wait()
        raise StoreUnavailable("The database has not answered.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "delete_room", hang)
        first, *others = (asyncio.ensure_future(house.app.rooms.delete_room(ANN, room_id)) for _ in range(30))
        await asyncio.wait(others, timeout=PATIENCE_S)
        codes = {each.exception().code for each in others if isinstance(each.exception(), Refusal)}
        assert (codes, first.done()) == ({RefusalCode.TRY_AGAIN_LATER}, False)
        answers.set()
        with pytest.raises(StoreUnavailable):
            await first
    await house.settle()
    assert asked == [room_id]
    assert [room.id for room in await house.store.rooms()] == [room_id]


async def test_room_that_an_administrator_could_not_close_is_in_the_database_again(house: House) -> None:
    room_id = await house.room(ANN)

    def lose_answer() -> None:
        raise StoreUnavailable("The database closed the connection before it answered.")

    meanwhile(house, "delete_room", lose_answer)
    with pytest.raises(StoreUnavailable):
        await house.app.administration.close_room(BOB, room_id, reason="noise")
    await house.settle()
    assert [room.id for room in house.app.rooms.book.all()] == [room_id]
    assert [room.id for room in await house.store.rooms()] == [room_id]


async def test_host_who_left_while_the_store_worked_does_not_put_out_the_next_host(house: House) -> None:
    room_id = await house.room(ANN)
    ann, bob = house.connect(ANN), house.connect(BOB, "rev")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.types()
    meanwhile(house, "delete_room", lambda: ann.say("leave_room"))
    with pytest.raises(Refusal) as refused:
        await house.app.rooms.delete_room(ANN, room_id)
    assert refused.value.code is RefusalCode.NOT_HOST
    assert bob.types() == ["peer_left", "host_changed"]
    await house.settle()
    (stored,) = await house.store.rooms()
    assert (stored.id, stored.host_user_id) == (room_id, BOB.id)


async def test_room_that_is_refused_as_the_database_goes_away_is_taken_back_when_it_is_there_again(
    house: House,
) -> None:
    room_id = await house.room(BOB)
    ann, bob = house.connect(ANN), house.connect(BOB)
    bob.say("create_room")
    ann.say("join_room", roomId=room_id, version="1", name="P")
    ann.types()

    def leave() -> None:
        house.store.is_away = True
        bob.say("leave_room")  # Ann hosts this room now, and may make no other

    meanwhile(house, "add_room", leave)
    with pytest.raises(Refusal):
        await house.app.rooms.create_room(ANN, RoomWish(gamemode="ffa"))
    house.store.is_away = False
    await house.settle()
    assert [room.id for room in await house.store.rooms()] == [room_id]


async def test_rooms_are_listed_newest_first_over_a_clock_that_was_set_back(house: House) -> None:
    first = await house.room(ANN)
    house.clock._start -= timedelta(days=1)
    second = await house.room(BOB)
    assert [room.id for room in house.app.rooms.book.public()] == [second, first]
    assert [room.id for room in await house.store.rooms()] == [first, second]


async def test_revision_goes_on_above_what_an_earlier_life_handed_out(house: House) -> None:
    room_id = await house.room(ANN)
    await house.app.rooms.delete_room(ANN, room_id)
    seen = house.app.rooms.book.revision
    house.clock._start -= timedelta(days=1)
    reborn = await House(store=house.store, clock=house.clock).start()
    assert reborn.app.rooms.book.revision > seen
    assert reborn.app.room_list.etag() == f'"{reborn.app.rooms.book.revision}"'
    await reborn.stop()


async def test_mark_is_moved_before_the_revision_reaches_it(house: House) -> None:
    book = house.app.rooms.book
    book.continue_from(book.revision + RESERVED * 9 // 10)
    await house.room(CLEO)
    await house.settle()
    assert await house.store.mark("rooms_revision") > book.revision + RESERVED // 2


async def test_mark_is_moved_when_a_node_has_shown_more_in_another_lobby(house: House) -> None:
    book = house.app.rooms.book
    house.app.replica.submit(commands.RaiseRevision(book.revision + RESERVED // 2))
    await house.settle()
    assert await house.store.mark("rooms_revision") > book.revision + RESERVED // 2


class LosesAnswers(MemoryStore):
    """Does what it is asked for, and says that it could not."""

    async def add_room(self, room: StoredRoom) -> None:
        await super().add_room(room)
        raise StoreUnavailable("The database closed the connection before it answered.")


async def test_room_whose_commit_was_answered_by_nobody_does_not_stay_in_the_store() -> None:
    house = await House(store=LosesAnswers()).start()
    with pytest.raises(StoreUnavailable):
        await house.room(ANN)
    await house.settle()
    assert await house.store.rooms() == []
    await house.stop()


@either_way
async def test_room_whose_deletion_was_answered_by_nobody_is_kept_as_it_goes_on(house: House, delete: Delete) -> None:
    room_id = await house.room(ANN)

    async def delete_and_lose(room_id: str, original: Any = house.store.delete_room) -> None:
        house.store.delete_room = original  # type: ignore[method-assign]
        await original(room_id)
        raise StoreUnavailable("The database closed the connection before it answered.")

    house.store.delete_room = delete_and_lose  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await delete(house, room_id)
    await house.settle()
    assert [room.id for room in await house.store.rooms()] == [room_id]
    assert house.app.rooms.room(room_id).id == room_id


@pytest.mark.parametrize("is_public", [True, False])
async def test_guest_of_a_room_that_is_shown_or_hidden_meanwhile_is_kept_as_the_state_has_them(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_public: bool
) -> None:
    room_id = await house.room(ANN, isPublic=is_public)
    replica = house.app.replica
    run = replica.run

    async def late(command: Any, *how: Any, **named: Any) -> Any:
        """Another node's command comes first."""
        replica.submit(commands.ChangeRoom(ANN, room_id, RoomSettings(is_public=not is_public)))
        return await run(command, *how, **named)

    monkeypatch.setattr(replica, "run", late)
    await house.app.social.invitations.invite(ANN, room_id, Whom(BOB.id))
    await house.settle()
    room, (stored,) = house.app.rooms.book.get(room_id), await house.store.rooms()
    assert room is not None
    assert (BOB.id in room.invited_user_ids) is is_public, "the room was hidden, and the guest is let in"
    assert stored.invited_user_ids == room.invited_user_ids


async def kept_by_a_node_that_is_behind(house: House) -> str:
    """A room that another node, which leads, has deleted. This one has not heard of it yet: it could not delete the
    room for its host, and has had it written once more."""
    room_id = await house.room(ANN)
    house.app.replica.submit(commands.NodeUp("the one that leads"))
    await house.store.delete_room(room_id)

    async def fail(room_id: str, original: Any = house.store.delete_room) -> None:
        house.store.delete_room = original  # type: ignore[method-assign]
        raise StoreUnavailable("The database closed the connection.")

    house.store.delete_room = fail  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await house.app.rooms.delete_room(ANN, room_id)
    await house.settle()
    assert [room.id for room in await house.store.rooms()] == [room_id]
    return room_id


async def test_room_that_a_node_behind_has_kept_goes_as_it_hears_of_its_end(house: House) -> None:
    room_id = await kept_by_a_node_that_is_behind(house)
    house.app.replica.submit(commands.DeleteRoom(ANN, room_id))
    await house.settle()
    assert await house.store.rooms() == []


async def test_room_that_a_node_behind_has_kept_is_written_as_it_hears_what_became_of_it(house: House) -> None:
    room_id = await kept_by_a_node_that_is_behind(house)
    submit = house.app.replica.submit
    for user in (BOB, CLEO):
        house.connect(user, "rev")
        submit(commands.JoinRoom(user, room_id, "1"))
    peer_id = house.app.rooms.book.get(room_id).members[CLEO.id].peer_id  # type: ignore[union-attr]
    submit(commands.KickFromRoom(ANN, peer_id))
    submit(commands.ChangeRoom(ANN, room_id, RoomSettings(max_players=3)))
    submit(commands.LeaveRoom(ANN))
    await house.settle()
    (stored,) = await house.store.rooms()
    assert (stored.host_user_id, stored.banned_user_ids, stored.max_players) == (BOB.id, {CLEO.id}, 3)


async def test_room_that_a_node_behind_has_kept_is_written_as_it_is_in_a_state_that_it_takes(house: House) -> None:
    room_id = await kept_by_a_node_that_is_behind(house)
    house.app.rooms.book.get(room_id).max_players = 3  # type: ignore[union-attr]
    house.app.rooms.upkeep.took_another_state()
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.max_players == 3


async def test_room_that_another_node_keeps_is_written_by_that_one(house: House) -> None:
    room_id = await house.room(ANN)
    house.app.replica.submit(commands.NodeUp("the one that leads"))
    house.app.replica.submit(commands.ChangeRoom(ANN, room_id, RoomSettings(max_players=3)))
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.max_players != 3


async def test_room_that_a_node_behind_has_kept_goes_as_it_takes_a_state_without_it(house: House) -> None:
    room_id = await kept_by_a_node_that_is_behind(house)
    house.app.rooms.upkeep.took_another_state()
    await house.settle()
    assert [room.id for room in await house.store.rooms()] == [room_id], "it goes on in that state"
    house.app.rooms.book.remove(room_id)
    house.app.rooms.upkeep.took_another_state()
    await house.settle()
    assert await house.store.rooms() == []


async def test_who_made_a_private_room_may_come_back_after_a_restart_though_another_leads_it(house: House) -> None:
    await house.room(ANN, isPublic=False)
    (stored,) = await house.store.rooms()
    assert stored.invited_user_ids == {ANN.id}
