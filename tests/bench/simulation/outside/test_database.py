"""The simulated database: it knows what was ever committed, of what may be gone again; and a journal on its disk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.simulation.outside.store import Database, MemoryJournal
from lobby_server.core.friends import FriendRequest
from lobby_server.service.rooms.stored import stored_room
from lobby_server.service.social.ports import NewLine, StoredBlock
from lobby_server.store.errors import RowConflict
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby


@pytest.fixture
def database() -> Database:
    return Database()


ROOM = stored_room(Lobby().make_room("r1", ANN))


async def test_room_that_was_deleted_was_made(database: Database) -> None:
    await database.add_room(ROOM)
    await database.delete_room("r1")
    assert (database.kept_rooms(), database.rooms_made) == ({}, {"r1"})


async def test_room_that_was_refused_was_not_made_again(database: Database) -> None:
    await database.add_room(ROOM)
    database.rooms_made.clear()
    with pytest.raises(RowConflict):
        await database.add_room(ROOM)
    assert database.rooms_made == set()


async def test_request_that_was_answered_is_known_by_its_number(database: Database) -> None:
    made = await database.add_friend_request(ANN, BOB, AT)
    assert made is not None
    await database.add_friendship(ANN, BOB, AT)
    assert database.kept_requests() == set()
    assert database.requests_made == {made.id: (ANN.id, BOB.id)}


async def test_request_that_is_made_twice_is_one(database: Database) -> None:
    one, other = [await database.add_friend_request(ANN, BOB, AT) for _ in range(2)]
    assert one == other is not None
    assert database.kept_requests() == {one.id}


async def test_what_was_refused_was_not_made(database: Database) -> None:
    await database.add_block(ANN.id, BOB, AT)
    assert await database.add_friend_request(ANN, BOB, AT) is None
    assert await database.add_friendship(ANN, BOB, AT) is None
    assert database.requests_made == {}
    assert database.ever_friends == set()


async def test_what_cannot_stand_side_by_side_is_named(database: Database) -> None:
    """Rows that the store itself refuses."""
    one, other = FriendRequest(1, ANN, BOB, AT), FriendRequest(2, BOB, ANN, AT)
    await database.add_friend_request(CLEO, ANN, AT)
    await database.add_friendship(CLEO, ANN, AT)
    await database.add_block(ANN.id, BOB, AT)
    assert database.void_pairs() == set()
    database._requests[2] = other
    assert database.void_pairs() == set(), "who is blocked may have asked"
    database._requests[1] = one
    assert database.void_pairs() == {(1, 2), (2, 1)}
    del database._requests[2]
    assert database.void_pairs() == {(1, 2)}
    database._requests = {3: FriendRequest(3, CLEO, ANN, AT)}
    assert database.void_pairs() == {(3, 1)}
    database._requests = {}
    database._blocks[1, 3] = StoredBlock(1, CLEO, AT)
    assert database.void_pairs() == {(1, 3)}


async def test_friends_who_parted_were_friends_both_ways(database: Database) -> None:
    await database.add_friend_request(ANN, BOB, AT)
    await database.add_friendship(ANN, BOB, AT)
    assert database.kept_friends() == {(1, 2), (2, 1)}
    await database.delete_friendship(BOB.id, ANN.id)
    assert database.kept_friends() == set()
    assert database.ever_friends == {(1, 2), (2, 1)}


async def test_token_that_is_forgotten_had_ended(database: Database) -> None:
    await database.revoke_token("t1", AT)
    await database.revoke_token("t2", AT + timedelta(days=1))
    assert set(await database.revoked_tokens(AT + timedelta(hours=1))) == {"t2"}
    assert database.tokens_over == {"t1"}


async def test_block_ends_friendship_and_request_and_is_one_way(database: Database) -> None:
    await database.add_friend_request(ANN, BOB, AT)
    await database.add_friendship(ANN, BOB, AT)
    await database.add_friend_request(ANN, CLEO, AT)
    await database.add_block(ANN.id, BOB, AT)
    await database.add_block(ANN.id, CLEO, AT)
    assert database.kept_friends() == set()
    assert database.kept_requests() == set()
    await database.delete_block(ANN.id, BOB.id)
    assert database.kept_blocks() == {(1, 3)}
    assert database.ever_blocked == {(1, 2), (1, 3)}


async def test_line_and_token_are_known_once_they_are_kept(database: Database) -> None:
    [line] = await database.add_chat_lines([NewLine(channel="lobby", sender=ANN, text="hello", sent_at=AT)])
    await database.revoke_token("t1", AT)
    assert database.has_line(line.id)
    assert not database.has_line(line.id + 1)
    assert database.is_revoked("t1")
    assert not database.is_revoked("t2")


def test_what_a_check_looks_at_is_a_copy(database: Database) -> None:
    database.kept_rooms()["r9"] = ROOM
    database.kept_friends().add((8, 9))
    assert (database.kept_rooms(), database.kept_friends()) == ({}, set())


def test_journal_outlives_the_process_and_begins_anew_with_a_life() -> None:
    journal = MemoryJournal()
    journal.begin("one")
    journal.append(b"a")
    journal.append(b"b")
    assert journal.read() == journal.read_all() == ("one", [b"a", b"b"])
    journal.rewrite([b"b"])
    assert journal.read() == ("one", [b"b"])
    journal.begin("two")
    assert journal.read() == ("two", [])


def test_journal_that_is_put_aside_or_cleared_is_empty_in_the_same_life() -> None:
    for empty in (MemoryJournal.put_aside, MemoryJournal.clear):
        journal = MemoryJournal()
        journal.begin("one")
        journal.append(b"a")
        empty(journal)
        assert journal.read() == ("one", [])
