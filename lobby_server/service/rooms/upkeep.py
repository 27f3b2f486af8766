"""What has to be done for rooms besides what users ask for: their deadlines, the revision of the list, and that the
store has them as they are, over restarts and over nodes that fail.

One node writes what became of rooms, in the order in which it became so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands
from lobby_server.core.rooms import Room
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock, Store, StoredRoom, StoreError
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.revision_mark import RevisionMark
from lobby_server.service.rooms.stored import invitations_of, room_of, stored_invitations, stored_room
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import ROOM_WRITES, DeleteRoom, KeepInvitations, KeepRoom, KeptWrite, SetHost
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby")

RECONCILE_AGAIN_S = 5.0
NOT_APPLIED_YET_S = 60.0
"""How long a room may be in the store only, at most: calls give up much sooner."""
FLOOR_S = 1.0
"""How long a new stream of the log waits for the store, at most."""
_MOMENT = timedelta(milliseconds=1)
"""What clients can tell apart in `created_at`."""


class RoomUpkeep:
    """One per server."""

    def __init__(
        self, *, replica: Replica, announcer: Announcer, store: Store, writer: StoreWriter, clock: Clock
    ) -> None:
        self._book = replica.books.rooms
        self._matches = replica.books.matches
        self._replica = replica
        self._announcer = announcer
        self._store = store
        self._writer = writer
        self._clock = clock
        self._revision_mark = RevisionMark(self._book, store=store, writer=writer)
        self._newest_at: datetime | None = None
        self._kept_after_all: set[str] = set()
        """Rooms that this node has had written once more, and that were still there when it last heard of them."""
        self._alarm = Alarm(replica.time, lambda: replica.submit(commands.ExpireRooms()))

    async def restore(self) -> None:
        """Take up the rooms of an earlier life of the server; their members are gone and their time runs."""
        await self._revision_mark.restore()
        kept = await self._store.rooms()
        self._matches.load(invitation for stored in kept for invitation in invitations_of(stored))
        for stored in kept:
            self._book.restore(room_of(stored), now_s=self._replica.time.monotonic_s())
            self._newest_at = stored.created_at
        if len(self._book):
            log.info(
                "%s left from before; the empty ones go in %g s",
                "1 room was" if len(self._book) == 1 else f"{len(self._book)} rooms were",
                self._book.empty_ttl_s,
                extra={"event": LogEvent.ROOMS_RESTORED.value},
            )
        self.arm()

    def arm(self) -> None:
        """See to the next deadline."""
        self._alarm.set(self._replica.due_s(self._book.next_deadline_s()))

    def list_changed(self) -> None:
        """Readers of the public list see a difference."""
        self._announcer.rooms_changed()
        self.revision_raised()

    def revision_raised(self) -> None:
        """The store is to know of it."""
        if self._replica.is_leader:
            self._revision_mark.follow()

    async def floor(self) -> int:
        """As of `SharedLog.follow`: above all that a lobby may have shown which began later than this one. 0: none did,
        or the store does not say soon; then the node that leads asks again (`_reconcile`)."""
        try:
            return await asyncio.wait_for(self._revision_mark.floor(), FLOOR_S)
        except (StoreError, TimeoutError, asyncio.TimeoutError):
            return 0

    def stop(self) -> None:
        """No deadline strikes any more."""
        self._alarm.set(None)

    def reconcile(self) -> None:
        """Another node has written until now, perhaps not all: let the store have the rooms as they are."""
        if self._replica.is_leader:
            self._writer.attempt(self._reconcile, otherwise=self._reconcile_later)

    def no_longer_leads(self) -> None:
        """The other nodes went on without this one: what it had still to write of rooms is older than what they
        wrote."""
        self._writer.forget(ROOM_WRITES)

    def took_another_state(self) -> None:
        """What became of rooms between this state and the one before nobody tells: what this node had kept after all,
        and is gone, goes from the store too; what is there is kept as it is."""
        for room_id in sorted(self._kept_after_all):
            room = self._book.get(room_id)
            if room is None:
                self.delete(room_id)
            else:
                self._writer.keep(KeepRoom(room=self._stored(room)))

    def _reconcile_later(self) -> None:
        self._clock.call_later(RECONCILE_AGAIN_S, self.reconcile)

    async def _reconcile(self) -> None:
        if shown := await self._revision_mark.floor():
            self._replica.submit(commands.RaiseRevision(shown))
        stored = {room.id: room for room in await self._store.rooms()}
        for room in self._book.all():
            is_now = self._stored(room)
            was = stored.pop(room.id, None)
            if was is None or replace(was, created_at=is_now.created_at) != is_now:
                self._writer.keep(KeepRoom(room=is_now))
        newest_at = self._clock.utc_now() - timedelta(seconds=NOT_APPLIED_YET_S)
        has_newer = False
        for left in stored.values():
            if left.created_at < newest_at:
                self._writer.keep(DeleteRoom(room_id=left.id))
            else:  # it may stand in the log, and is not applied yet
                has_newer = True
        if has_newer:
            self._clock.call_later(NOT_APPLIED_YET_S, self.reconcile)

    # -- what becomes of rooms ------------------------------------------------------------------------------------

    def changed(self, room: Room) -> None:
        """A room is another one than before, or gone."""
        if room.is_public:
            self.list_changed()
        self.arm()

    def keep(self, room_id: str, write: KeptWrite) -> None:
        """Have it written what became of a room, by the node that leads. Besides that, by one that has kept the room
        after all, as it hears of it: it may have been behind, and what it kept was the room as it once was."""
        if self._replica.is_leader or room_id in self._kept_after_all:
            self._writer.keep(write)

    def keep_host(self, room: Room) -> None:
        host = room.host
        self.keep(room.id, SetHost(room_id=room.id, user_id=host.id, username=host.username, version=room.version))

    def keep_invitations(
        self, room_id: str, *, ended: Iterable[MatchInvitation] = (), stand: Iterable[MatchInvitation]
    ) -> None:
        """Some invitations into a room stand no more, others are new or let their guest in now. With a room that is
        gone they go by themselves."""
        if self._book.get(room_id) is not None:
            gone = tuple((each.sender_id, each.guest_id) for each in ended)
            self.keep(room_id, KeepInvitations(room_id=room_id, ended=gone, stand=stored_invitations(stand)))

    def delete(self, room_id: str) -> None:
        """A room is gone."""
        self.keep(room_id, DeleteRoom(room_id=room_id))
        self._kept_after_all.discard(room_id)

    def keep_after_all(self, room_id: str) -> None:
        """A room was deleted in the store, or perhaps was, and goes on: another member became its host meanwhile, or
        the outcome is not known. It is kept again, unless it is gone by then; if it goes later, see `delete`."""
        room = self._book.get(room_id)
        if room is not None:
            self._kept_after_all.add(room_id)
            write = KeepRoom(room=self._stored(room), only_if_missing=True)
            self._writer.keep(write, only_while=lambda: self._book.get(room_id) is not None)

    def _stored(self, room: Room) -> StoredRoom:
        return stored_room(room, self._matches.of_room(room.id))

    def created_now(self) -> datetime:
        """When a room is made: after every room before it, though the wall clock may have been set back. The list is
        sorted by it, and so are the lists of clients, who read milliseconds."""
        now = _whole_ms(self._clock.utc_now())
        if self._newest_at is not None:
            now = max(now, _whole_ms(self._newest_at) + _MOMENT)
        self._newest_at = now
        return now

    def seen(self, created_at: datetime) -> None:
        """A room of that moment is there, whichever node made it."""
        if self._newest_at is None or created_at > self._newest_at:
            self._newest_at = created_at


def _whole_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
