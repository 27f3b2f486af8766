"""Writes that nobody waits for: in order, made when the database is back, and in a journal until then."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.mail.ports import MailKind, WaitingMail
from lobby_server.service.ports import StoredInvitation, StoredRoom, StoreError, StoreUnavailable
from lobby_server.service.writes import writer as writer_module
from lobby_server.service.writes.kept import (
    ROOM_WRITES,
    Ban,
    DeleteRoom,
    ForgetAnnouncement,
    ForgetSignIn,
    ForgetUsers,
    HoldMails,
    KeepInvitations,
    KeepMail,
    KeepRoom,
    KeptWrite,
    LetIn,
    Notify,
    SetHost,
    ShutOut,
    line_of,
    write_of,
)
from lobby_server.service.writes.writer import StoreWriter
from lobby_server.store import journal as journals
from lobby_server.store.journal import FileJournal
from tests.patience import PATIENCE_S

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(writer_module, "LONGEST_RETRY_S", 0.001)


@pytest.fixture
async def store() -> MemoryStore:
    """With a room r1."""
    made = MemoryStore()
    await made.add_room(room("r1"))
    return made


def room(room_id: str) -> StoredRoom:
    return StoredRoom(
        id=room_id, host_user_id=1, host_username="ann", gamemode="ctf", map_name=None, max_players=8, is_public=True,
        version=None, created_at=NOON,
    )  # fmt: skip


async def banned(store: MemoryStore) -> set[int]:
    return {user_id for each in await store.rooms() for user_id in each.banned_user_ids}


def ban(user_id: int) -> Ban:
    return Ban(room_id="r1", user_id=user_id)


def host(user_id: int) -> SetHost:
    return SetHost(room_id="r1", user_id=user_id, username=f"user{user_id}", version=None)


class Journal:
    """Attempts that take turns of the loop, or fail, and what came of them."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.running = 0

    def write(self, number: int, *, turns: int = 1, fault: Exception | None = None) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self.running += 1
            assert self.running == 1, "two writes at once"
            for _ in range(turns):
                await asyncio.sleep(0)
            self.running -= 1
            if fault is not None:
                raise fault
            self.written.append(number)

        return work


async def until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


# -- while the database is there ------------------------------------------------------------------------------------


async def test_writes_happen_one_after_the_other_in_the_order_asked_for(store: MemoryStore) -> None:
    journal, writer = Journal(), StoreWriter(store)
    writer.start()
    for number in range(20):
        writer.attempt(journal.write(number, turns=20 - number))
    await writer.stop(patience_s=PATIENCE_S)
    assert journal.written == list(range(20))


async def test_write_asked_for_before_the_start_is_not_lost(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    writer.keep(ban(7))
    writer.start()
    await writer.stop(patience_s=PATIENCE_S)
    assert await banned(store) == {7}


@pytest.mark.parametrize("fault", [StoreError("The database refused a statement."), RuntimeError("a bug")])
async def test_write_that_is_refused_is_logged_once_and_the_next_ones_happen(
    fault: Exception, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    journal, writer = Journal(), StoreWriter(store)
    writer.start()
    writer.attempt(journal.write(1))
    writer.attempt(journal.write(2, fault=fault))
    writer.attempt(journal.write(3))
    await writer.stop(patience_s=PATIENCE_S)
    assert journal.written == [1, 3]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert bool(record.exc_info) is isinstance(fault, RuntimeError)


async def test_stop_waits_for_writes_that_others_ask_for_meanwhile(store: MemoryStore) -> None:
    journal, writer = Journal(), StoreWriter(store)
    writer.start()

    async def asks_for_more() -> None:
        writer.attempt(journal.write(2))
        await journal.write(1)()

    writer.attempt(asks_for_more)
    await writer.stop(patience_s=PATIENCE_S)
    assert journal.written == [1, 2]


async def test_stop_twice_or_without_a_start_returns(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    await writer.stop(patience_s=PATIENCE_S)
    writer.start()
    await writer.stop(patience_s=PATIENCE_S)
    await writer.stop(patience_s=PATIENCE_S)


# -- while it is away -------------------------------------------------------------------------------------------------


async def test_kept_writes_wait_in_order_and_are_made_when_the_database_is_back(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    writer = StoreWriter(store)
    writer.start()
    store.is_away = True
    for write in (ban(7), host(2), ban(8), host(3), LetIn(room_id="r1", user_ids=(5,))):
        writer.keep(write)
    await until(lambda: writer.is_away)
    writer.keep(ban(9))
    store.is_away = False
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    (kept,) = await store.rooms()
    assert (kept.host_user_id, kept.banned_user_ids, kept.invited_user_ids) == (3, {7, 8, 9}, {5})
    assert (writer.outages, writer.written, writer.lost, writer.is_away) == (1, 5, 0, False)
    began, ended = [record.getMessage() for record in caplog.records]
    assert began == "the database takes no writes, they wait until it does: The database cannot be reached."
    assert ended.endswith("5 that waited were written, 0 were lost")
    await writer.stop(patience_s=PATIENCE_S)


async def test_host_changes_of_one_room_take_one_place(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    writer.start()
    store.is_away = True
    writer.keep(ban(7))
    await until(lambda: writer.is_away)
    for user_id in range(10_000):
        writer.keep(host(user_id))
    assert writer.waiting == 2
    store.is_away = False
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    assert [each.host_user_id for each in await store.rooms()] == [9_999]
    await writer.stop(patience_s=PATIENCE_S)


async def test_room_that_is_deleted_while_its_ban_waits_stays_deleted(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    writer.start()
    store.is_away = True
    for write in (ban(7), host(2), DeleteRoom(room_id="r1")):
        writer.keep(write)
    await until(lambda: writer.is_away)
    store.is_away = False
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    assert await store.rooms() == []
    await writer.stop(patience_s=PATIENCE_S)


async def test_attempts_are_refused_at_once_and_made_again_when_the_database_is_back(store: MemoryStore) -> None:
    journal, writer, refused = Journal(), StoreWriter(store), list[int]()
    writer.start()
    store.is_away = True
    writer.keep(ban(7))
    writer.attempt(journal.write(1), otherwise=lambda: refused.append(1))
    await until(lambda: writer.is_away)
    writer.attempt(journal.write(2), otherwise=lambda: refused.append(2))
    assert refused == [1, 2]
    store.is_away = False
    await until(lambda: not writer.is_away)
    writer.attempt(journal.write(3), otherwise=lambda: refused.append(3))
    await writer.stop(patience_s=PATIENCE_S)
    assert (journal.written, refused) == ([3], [1, 2])


async def test_asker_is_told_of_the_attempt_that_finds_the_database_away(store: MemoryStore) -> None:
    journal, writer, refused = Journal(), StoreWriter(store), list[int]()
    away = StoreUnavailable("The database cannot be reached.")
    writer.start()
    store.is_away = True
    writer.attempt(journal.write(1, fault=away), otherwise=lambda: refused.append(1))
    await until(lambda: writer.is_away)
    assert refused == [1]
    store.is_away = False
    await until(lambda: not writer.is_away)
    await writer.stop(patience_s=PATIENCE_S)
    assert refused == [1], "once"


async def test_attempt_that_finds_the_database_away_is_followed_by_others_once_it_answers(store: MemoryStore) -> None:
    journal, writer = Journal(), StoreWriter(store)
    writer.start()
    store.is_away = True
    writer.attempt(journal.write(1, fault=StoreUnavailable("The database cannot be reached.")))
    await until(lambda: writer.is_away)
    store.is_away = False
    await until(lambda: not writer.is_away)
    writer.attempt(journal.write(2))
    await writer.stop(patience_s=PATIENCE_S)
    assert journal.written == [2]


async def test_command_is_refused_in_an_outage_that_the_journal_has_no_room_for(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = StoreWriter(store, journal=FileJournal(tmp_path))
    await writer.recover("this life")
    writer.start()
    monkeypatch.setattr(journals, "LEAST_FREE_BYTES", 1 << 62)
    writer.check()  # the database is there
    store.is_away = True
    writer.keep(ban(7))
    await until(lambda: writer.is_away)
    with pytest.raises(Refusal) as refused:
        writer.check()
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    store.is_away = False
    await writer.stop(patience_s=5.0)


async def test_command_is_refused_where_its_write_might_be_forgotten(store: MemoryStore, tmp_path: Path) -> None:
    without, noted = StoreWriter(store, limit=3), StoreWriter(store, limit=3, journal=FileJournal(tmp_path))
    for writer in (without, noted):
        store.is_away = False
        await writer.recover("this life")
        writer.start()
        writer.check()
        store.is_away = True
        writer.keep(ban(7))
        await until(lambda writer=writer: writer.is_away)  # type: ignore[misc]
    with pytest.raises(Refusal) as refused:
        without.check()
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    noted.check()
    noted.keep(ban(8))
    noted.check()
    noted.keep(ban(9))
    assert noted.is_full
    with pytest.raises(Refusal):
        noted.check()
    store.is_away = False
    for writer in (without, noted):
        await asyncio.wait_for(writer.idle(), PATIENCE_S)
        writer.check()
        await writer.stop(patience_s=PATIENCE_S)
    assert await banned(store) == {7, 8, 9}


async def test_what_is_not_written_in_time_is_named(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    writer.start()
    store.is_away = True
    writer.keep(ban(7))
    writer.keep(host(2))
    left = await writer.stop(patience_s=0.02)
    assert left.lost == ("user 7 is banned from room r1", "user 2 is the host of room r1")
    assert (left.journalled, writer.lost) == (0, 2)


# -- the journal ------------------------------------------------------------------------------------------------------


async def ended_while_away(store: MemoryStore, folder: Path, *writes: KeptWrite) -> None:
    """A life of the server that could not finish."""
    writer = StoreWriter(store, journal=FileJournal(folder))
    await writer.recover("first")
    writer.start()
    store.is_away = True
    for write in writes:
        writer.keep(write)
    left = await writer.stop(patience_s=0.0)
    assert (left.lost, left.journalled) == ((), len(writes))
    store.is_away = False


NOTIFY = Notify(
    key="k1", user_id=5, kind="friend_request", title="t", body="b", from_user_id=1, created_at=NOON, room_id=None,
    is_one_per_sender=False,
)  # fmt: skip


MAIL = KeepMail(
    mail=WaitingMail(
        id="m1", kind=MailKind.RESET, user_id=5, to="ann@example.org", fingerprint="f", language="de", good_until=NOON,
    ),
    held_until=NOON,
)  # fmt: skip


@pytest.mark.parametrize(
    "write",
    [
        *(ban(7), host(2), LetIn(room_id="r1", user_ids=(5, 6)), NOTIFY, DeleteRoom(room_id="r"), MAIL),
        ShutOut(room_id="r1", user_id=5),
        KeepInvitations(room_id="r1", ended=((2, 7),), stand=(StoredInvitation(2, 5, lets_in=True),)),
        ForgetAnnouncement(announcement_id=5),
        *(HoldMails(leases={"m1": NOON}, until=NOON), ForgetSignIn(sign_in_id="s1"), ForgetUsers(user_ids=(5, 6))),
    ],
)
def test_write_is_the_same_after_a_way_through_the_journal(write: KeptWrite) -> None:
    line = line_of(write)
    assert b"\n" not in line
    assert write_of(line) == write


async def test_next_life_makes_what_the_last_one_could_not(store: MemoryStore, tmp_path: Path) -> None:
    await ended_while_away(store, tmp_path, ban(7), host(2), NOTIFY)
    assert await banned(store) == set()
    for life in ("second", "third"):  # the third finds nothing to do
        journal = FileJournal(tmp_path)
        await StoreWriter(store, journal=journal).recover(life)
        journal.close()
        (kept,) = await store.rooms()
        assert (kept.host_user_id, kept.banned_user_ids) == (2, {7})
        assert len(await store.notifications(5, before=None, most=10)) == 1
        assert await store.life() == life


async def test_lines_of_the_journal_that_cannot_be_made_are_told_without_what_they_say(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses stand in them."""
    await ended_while_away(store, tmp_path, MAIL, ban(7))
    caplog.clear()
    journal = FileJournal(tmp_path)
    journal.append(b'{"type": "OfAnotherVersion", "to": "ann@example.org"}')

    async def refuse(mail: WaitingMail, *, held_until: datetime) -> None:
        raise StoreError("The database refused a statement.")

    monkeypatch.setattr(store, "keep_mail", refuse)
    await StoreWriter(store, journal=journal).recover("second")
    journal.close()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.partition(": ")[0] for text in told] == [
        "a write that an earlier server left could not be made (a mail (reset) to user 5 waits)",
        "a write that an earlier server left could not be made (53 bytes that are no write)",
    ]
    assert "example.org" not in caplog.text
    assert await banned(store) == {7}
    caplog.clear()


async def test_writes_for_a_database_that_another_server_has_used_since_are_put_aside(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await ended_while_away(store, tmp_path, DeleteRoom(room_id="r1"))
    await store.begin_life("of another server")
    journal = FileJournal(tmp_path)
    await StoreWriter(store, journal=journal).recover("second")
    journal.close()
    assert len(await store.rooms()) == 1
    assert b"DeleteRoom" in (tmp_path / "waiting-writes.jsonl.left-out").read_bytes()
    assert "1 writes that an earlier server left are for another database" in caplog.text


async def test_database_that_is_away_at_the_start_keeps_the_journal(store: MemoryStore, tmp_path: Path) -> None:
    await ended_while_away(store, tmp_path, ban(7))
    store.is_away = True
    journal = FileJournal(tmp_path)
    with pytest.raises(StoreUnavailable):
        await StoreWriter(store, journal=journal).recover("second")
    journal.close()
    store.is_away = False
    journal = FileJournal(tmp_path)
    await StoreWriter(store, journal=journal).recover("third")
    journal.close()
    assert await banned(store) == {7}


async def test_journal_is_empty_when_everything_is_written(store: MemoryStore, tmp_path: Path) -> None:
    writer = StoreWriter(store, journal=FileJournal(tmp_path))
    await writer.recover("this life")
    writer.start()
    writer.keep(ban(7))
    assert (tmp_path / "waiting-writes.jsonl").read_bytes().count(b"\n") == 2
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    assert (tmp_path / "waiting-writes.jsonl").read_bytes() == b"this life\n"
    await writer.stop(patience_s=PATIENCE_S)


async def test_half_a_line_at_the_end_of_the_journal_is_left_out(store: MemoryStore, tmp_path: Path) -> None:
    await ended_while_away(store, tmp_path, ban(7))
    with (tmp_path / "waiting-writes.jsonl").open("ab") as file:
        file.write(line_of(ban(8))[:20])
    journal = FileJournal(tmp_path)
    await StoreWriter(store, journal=journal).recover("second")
    journal.close()
    assert await banned(store) == {7}


async def test_journal_that_grew_long_holds_only_what_waits(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lobby_server.store.journal.LONG_BYTES", 2000)
    writer = StoreWriter(store, journal=FileJournal(tmp_path))
    await writer.recover("this life")
    store.is_away = True
    writer.start()
    writer.keep(ban(7))
    await until(lambda: writer.is_away)
    for user_id in range(500):
        writer.keep(host(user_id))
    assert (tmp_path / "waiting-writes.jsonl").stat().st_size < 3000
    await writer.stop(patience_s=0.0)
    store.is_away = False
    journal = FileJournal(tmp_path)
    await StoreWriter(store, journal=journal).recover("second")
    journal.close()
    (kept,) = await store.rooms()
    assert (kept.host_user_id, kept.banned_user_ids) == (499, {7})


async def test_kept_write_that_the_journal_does_not_take_is_made_all_the_same(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(tmp_path)
    writer = StoreWriter(store, journal=journal)
    await writer.recover("this life")

    def full(line: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "append", full)
    writer.start()
    writer.keep(ban(7))
    writer.keep(ban(8))
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    assert await banned(store) == {7, 8}
    assert caplog.text.count("the journal takes none") == 1
    await writer.stop(patience_s=PATIENCE_S)


def test_first_of_several_processes_finds_what_each_has_left_of_the_life_before(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for writer, user_id in ((1, 11), (2, 22)):
        journal = FileJournal(folder, writer=writer)
        journal.begin("before")
        journal.append(line_of(Ban(room_id="r", user_id=user_id)))
        journal.close()
    stranger = FileJournal(folder, writer=3)
    stranger.begin("another life")
    stranger.append(line_of(Ban(room_id="r", user_id=33)))
    stranger.close()
    os.utime(stranger.path, (1, 1))
    first = FileJournal(folder, writer=2)
    life, lines = first.read_all()
    assert (life, [write_of(line) for line in lines]) == (
        "before",
        [Ban(room_id="r", user_id=11), Ban(room_id="r", user_id=22)],
    )
    first.begin("now")
    for writer in (1, 2):
        assert FileJournal(folder, writer=writer).read()[1] == []
    assert len(FileJournal(folder, writer=3).read()[1]) == 1


def test_process_alone_finds_what_several_have_left_and_puts_it_aside_when_it_is_of_another_database(
    tmp_path: Path,
) -> None:
    for writer in (1, 2):
        journal = FileJournal(tmp_path, writer=writer)
        journal.begin("before")
        journal.append(line_of(Ban(room_id="r", user_id=writer)))
        journal.close()
    alone = FileJournal(tmp_path)
    assert len(alone.read_all()[1]) == 2
    places = alone.put_aside().split(" and ")
    assert [Path(place).read_bytes().count(b"\n") for place in places] == [2, 2]
    assert alone.read_all() == ("", [])


async def test_writes_of_rooms_are_forgotten_once_another_process_makes_newer_ones(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    notice = Notify(
        key="k", user_id=2, kind="friend_request", title="t", body="b", from_user_id=1, created_at=NOON, room_id=None,
        is_one_per_sender=False,
    )  # fmt: skip
    writer.keep(SetHost(room_id="r1", user_id=9, username="old", version=None))
    writer.keep(notice)
    writer.forget(ROOM_WRITES)
    writer.keep(Ban(room_id="r1", user_id=3))
    writer.start()
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    (kept,) = await store.rooms()
    assert (kept.host_username, kept.banned_user_ids) == ("ann", {3})
    assert await store.unread_notifications(2) == 1
    await writer.stop(patience_s=PATIENCE_S)


@pytest.mark.parametrize(("only_if_missing", "host"), [(True, "ann"), (False, "old")])
async def test_room_that_is_kept_if_missing_replaces_no_newer_one(
    store: MemoryStore, only_if_missing: bool, host: str
) -> None:
    older = replace(room("r1"), host_username="old")
    await KeepRoom(room=older, only_if_missing=only_if_missing).make(store)
    assert [each.host_username for each in await store.rooms()] == [host]
    await store.delete_room("r1")
    await KeepRoom(room=older, only_if_missing=only_if_missing).make(store)
    assert [each.host_username for each in await store.rooms()] == ["old"]


async def test_write_that_is_for_nothing_by_then_is_not_made(store: MemoryStore) -> None:
    writer = StoreWriter(store)
    writer.keep(DeleteRoom(room_id="r1"), only_while=lambda: False)
    writer.start()
    await asyncio.wait_for(writer.idle(), PATIENCE_S)
    assert [each.id for each in await store.rooms()] == ["r1"]
    await writer.stop(patience_s=PATIENCE_S)
