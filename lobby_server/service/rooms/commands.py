"""Rooms: commands become entries of the log, and what became of them events to the users whom they concern, and
writes.

Order of every change: the store commits where an answer depends on it, the rules agree and change, the event goes out.
Everything but the waiting for a commit happens in the order of the log, so no event can overtake another.

A membership is a user's, not a socket's: the other sockets of a user who enters hear ``room_created`` or
``room_joined`` too, and those of a user who leaves hear ``peer_left`` of themselves, if they asked for any feature; so
does a socket that is new hear of the room that its user is in, or was put out of while it was away. A base client gets
what the server of the specification sends, to the byte. Errors go to the asking socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.rooms import check_may_delete
from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import Entry, Member, Room
from lobby_server.protocol import messages, resources
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock, Store, StoreUnavailable
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.list import room_resource
from lobby_server.service.rooms.revision_mark import RevisionMark
from lobby_server.service.rooms.stored import room_of, stored_room
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import ROOM_WRITES, Ban, DeleteRoom, KeepRoom, KeptWrite, LetIn, SetHost
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby")

RECONCILE_AGAIN_S = 5.0
NOT_APPLIED_YET_S = 60.0
"""How long a room may be in the store only, at most: calls give up much sooner."""


class RoomCommands:
    """Rooms are created, entered, left and deleted here."""

    def __init__(
        self,
        *,
        replica: Replica,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_room_id: Callable[[], str],
    ) -> None:
        self.book = replica.books.rooms
        self._replica = replica
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self._new_room_id = new_room_id
        self._revision_mark = RevisionMark(self.book, store=store, writer=writer)
        self._creating: dict[int, Room] = {}
        self._deleting: dict[str, asyncio.Event] = {}
        self._newest_at: datetime | None = None
        self._alarm = Alarm(replica.time, lambda: replica.submit(commands.ExpireRooms()))
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.RoomCreated, self._created)
        replica.hear(effects.HostPlaceTaken, self._host_place_taken)
        replica.hear(effects.RoomJoined, self._joined)
        replica.hear(effects.PartyEntered, self._party_entered)
        replica.hear(effects.RoomLeft, self._left)
        replica.hear(effects.OwnRoomLeft, self._own_room_left)
        replica.hear(effects.SaidInRoom, self._said)
        replica.hear(effects.Kicked, self._kicked)
        replica.hear(effects.RoomDeleted, self._deleted)
        replica.hear(effects.RoomExpired, self._expired)
        replica.hear(effects.HostReplaced, self._host_replaced)
        replica.hear(effects.RoomDeadline, lambda effect, _: self.arm())

    def commands(self) -> dict[type[messages.ClientMessage], Act]:
        """What answers which message. They raise `Refusal`."""
        return {
            messages.CreateRoom: self._take_host_place,
            messages.JoinRoom: self._join,
            messages.LeaveRoom: self._leave,
            messages.SendChat: self._say,
            messages.Kick: self._kick,
        }

    async def restore(self) -> None:
        """Take up the rooms of an earlier life of the server; their members are gone and their time runs."""
        await self._revision_mark.restore()
        for stored in await self._store.rooms():
            self.book.restore(room_of(stored), now_s=self._replica.time.monotonic_s())
            self._newest_at = stored.created_at
        if len(self.book):
            log.info(
                "%d rooms were left from before; the empty ones go in %g s",
                len(self.book),
                self.book.empty_ttl_s,
            )
        self.arm()

    def arm(self) -> None:
        """See to the next deadline."""
        self._alarm.set(self._replica.due_s(self.book.next_deadline_s()))

    def list_changed(self) -> None:
        """Readers of the public list see a difference."""
        self._announcer.rooms_changed()
        if self._replica.is_leader:
            self._revision_mark.follow()

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

    def _reconcile_later(self) -> None:
        self._clock.call_later(RECONCILE_AGAIN_S, self.reconcile)

    async def _reconcile(self) -> None:
        stored = {room.id: room for room in await self._store.rooms()}
        for room in self.book.all():
            is_now = stored_room(room)
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

    # -- rooms over HTTP ------------------------------------------------------------------------------------------

    async def create_room(self, user: User, wish: RoomWish) -> resources.Room:
        """A new room, committed before it is announced. Raises `AlreadyHosting`, `StoreUnavailable`, and `Refusal`
        (``try_again_later``)."""
        await self._replica.caught_up()
        self.book.check_can_host(user.id)
        if user.id in self._creating:
            raise AlreadyHosting(self._creating[user.id].id)
        self._replica.check()
        room = Room(
            id=self._id_with_a_code_of_its_own(),
            host=user,
            gamemode=wish.gamemode,
            map_name=wish.mapName,
            max_players=wish.maxPlayers,
            is_public=wish.isPublic,
            version=self._replica.books.presence.version_of(user.id),
            created_at=self._created_now(),
            name=(wish.name or "").strip() or None,
            # Whoever was in a private room may come back, also once another leads it, and after a restart.
            invited_user_ids=set() if wish.isPublic else {user.id},
        )
        self._creating[user.id] = room
        is_off = is_late = False

        def undo() -> None:
            """A host's place fell to the user while the database worked, or the log does not take the room."""
            nonlocal is_off
            is_off = True
            if is_late:
                self._writer.keep(DeleteRoom(room_id=room.id))

        try:
            await self._store.add_room(stored_room(room))
            return await self._replica.run(commands.CreateRoom(room), lambda: self.room(room.id), undo=undo)
        except StoreUnavailable:  # the database may have it all the same: the answer was lost, not the commit
            self._writer.keep(DeleteRoom(room_id=room.id))
            raise
        except Refusal:
            is_late = True
            if is_off:
                await self._store.delete_room(room.id)
            raise
        finally:
            del self._creating[user.id]

    async def delete_room(self, user: User, room_id: str) -> None:
        """Raises `Refusal` (``room_not_found``, ``not_host``, ``try_again_later``), `StoreUnavailable`. Of several
        calls at once one deletes the room, and the others find none."""
        await self._replica.caught_up()
        while (under_way := self._deleting.get(room_id)) is not None:
            await under_way.wait()
        check_may_delete(self._replica.books, user, room_id)
        self._replica.check()
        done = self._deleting[room_id] = asyncio.Event()
        try:
            try:
                await self._store.delete_room(room_id)
            except StoreUnavailable:  # and yet it may be gone there, while it goes on here
                self._keep_after_all(room_id)
                raise
            await self._replica.run(commands.DeleteRoom(user, room_id), undo=lambda: self._keep_after_all(room_id))
        finally:
            del self._deleting[room_id]
            done.set()

    def mine(self, user: User) -> resources.MyRoom:
        """The room that a user is in. Raises `Refusal` (``in_no_room``)."""
        room = self.book.room_of(user.id)
        if room is None:
            raise Refusal(RefusalCode.IN_NO_ROOM)
        shown = msgspec.structs.asdict(room_resource(room))
        return resources.MyRoom(**shown, peerId=room.members[user.id].peer_id, members=_peers(room))

    def room(self, room_id: str) -> resources.Room:
        """Raises `Refusal` (``room_not_found``)."""
        room = self.book.get(room_id)
        if room is None:
            raise Refusal(RefusalCode.ROOM_NOT_FOUND)
        return room_resource(room)

    async def enter_together(self, leader: User, room_id: str) -> tuple[resources.Room, list[int]]:
        """All of the leader's party enter a room, or nobody does. Each hears so on all their sockets, and the members
        before hear of each who came. The room, and who entered it, the leader first.

        Raises `Refusal` as `RoomBook.join_together`, ``not_in_party``, ``not_leader``, ``member_offline``, and
        ``try_again_later``.
        """
        self._writer.check()

        def answer() -> tuple[resources.Room, list[int]]:
            party = self._replica.books.parties.party_of(leader.id)
            others = [] if party is None else [member_id for member_id in party.members if member_id != leader.id]
            return self.room(room_id), [leader.id, *others]

        return await self._replica.run(commands.EnterRoomWithParty(leader, room_id), answer)

    # -- rooms over the socket ------------------------------------------------------------------------------------

    def _take_host_place(self, session: Session, _: messages.CreateRoom) -> None:
        self._replica.submit(commands.TakeHostPlace(session.user, session.version), session)

    def _join(self, session: Session, asked: messages.JoinRoom) -> None:
        command = commands.JoinRoom(session.user, asked.roomId, asked.version, only_from_none=asked.ifIn == "none")
        self._replica.submit(command, session)

    def _leave(self, session: Session, _: messages.LeaveRoom) -> None:
        self._replica.submit(commands.LeaveRoom(session.user), session)

    def _say(self, session: Session, asked: messages.SendChat) -> None:
        text = asked.text[: messages.MAX_CHAT_CHARACTERS]
        self._replica.submit(commands.SayInRoom(session.user, text), session)

    def _kick(self, session: Session, asked: messages.Kick) -> None:
        self._writer.check()
        self._replica.submit(commands.KickFromRoom(session.user, asked.peerId), session)

    # -- what became of them --------------------------------------------------------------------------------------

    def _accepted(self, effect: effects.Accepted, session: Session | None) -> None:
        """A client with features is told where its user is."""
        if session is None or not session.features or not session.is_accepted:
            return
        user_id = effect.user.id
        room = self.book.room_of(user_id)
        message: messages.ServerMessage | None
        if room is None:
            partings = self._replica.books.partings
            if user_id not in partings.latest:
                return
            deleted = partings.of(user_id, now_s=self._replica.time.monotonic_s())
            message = None if deleted is None else _parting(deleted)
        else:
            message = _room_joined(room, room.members[user_id])
        if message is not None:
            session.reply(message)

    def _created(self, effect: effects.RoomCreated, _: Session | None) -> None:
        if self._newest_at is None or effect.room.created_at > self._newest_at:
            self._newest_at = effect.room.created_at
        self._rooms_changed(effect.room)

    def _host_place_taken(self, effect: effects.HostPlaceTaken, session: Session | None) -> None:
        entry, room = effect.entry, effect.entry.room
        if not effect.had_version:
            self._store_host(room)
        created = messages.RoomCreated(
            roomId=room.id, peerId=entry.member.peer_id, gamemode=room.gamemode, mapName=room.map_name
        )
        if session is not None:
            session.reply(created)
        self._tell_own(entry.member.user, created, besides=session)
        if not entry.already_in:
            self._tell_others(entry)
            self._rooms_changed(room)
        self.arm()

    def _joined(self, effect: effects.RoomJoined, session: Session | None) -> None:
        entry, room, user = effect.entry, effect.entry.room, effect.entry.member.user
        self._note_host(entry)
        joined = _room_joined(room, entry.member)
        if session is not None:
            session.reply(joined)
        if not entry.already_in:
            self._tell_own(user, joined, besides=session)
            self._tell_others(entry)
            self._rooms_changed(room)

    def _party_entered(self, effect: effects.PartyEntered, _: Session | None) -> None:
        room, entries = effect.room, effect.entries
        came = [entry.member for entry in entries if not entry.already_in]
        for entry in entries:
            self._note_host(entry)
        if not room.is_public and came:
            self._keep(LetIn(room_id=room.id, user_ids=tuple(member.user.id for member in came)))
        there = [user_id for user_id in room.members if user_id not in {member.user.id for member in came}]
        for member in came:
            self._announcer.tell_users(there, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        for entry in entries:
            if entry.came_back:
                self._announcer.tell_users(there, _host_changed(entry.member))
            self._announcer.tell_users([entry.member.user.id], _room_joined(room, entry.member))
        if came:
            self._rooms_changed(room)

    def _left(self, effect: effects.RoomLeft, _: Session | None) -> None:
        departure = effect.departure
        room, new_host = departure.room, departure.new_host
        stayed = list(room.members)
        self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))
        if new_host is not None:
            self._store_host(room)
            self._announcer.tell_users(stayed, _host_changed(new_host))
        self._rooms_changed(room)

    def _own_room_left(self, effect: effects.OwnRoomLeft, session: Session | None) -> None:
        self._tell_own(effect.user, messages.PeerLeft(peerId=effect.peer_id), besides=session)
        if not self._replica.books.presence.is_online(effect.user.id):
            # The other nodes have given this one up, with all its sockets. Clients of the base protocol have no message
            # for that; they ask where they are when they come back.
            for each in self._sessions.of_user(effect.user.id):
                if not each.features:
                    each.close(CloseCode.GOING_AWAY, "the lobby went on without this node; come back", abrupt=True)

    def _said(self, effect: effects.SaidInRoom, _: Session | None) -> None:
        member = effect.member
        line = messages.Chat(from_peer=member.peer_id, from_name=member.user.username, text=effect.text)
        self._announcer.tell_users(effect.heard_by, line)

    def _kicked(self, effect: effects.Kicked, session: Session | None) -> None:
        room_id, user_id = effect.departure.room.id, effect.departure.member.user.id
        self._keep(Ban(room_id=room_id, user_id=user_id))
        if session is not None:
            log.info(
                "user %d was kicked from room %s by its host %d",
                user_id,
                room_id,
                effect.by.id,
                extra={
                    "event": LogEvent.KICKED.value, "session": session.id, "user": effect.by.id, "target": user_id,
                },
            )  # fmt: skip
        self._announcer.tell_users([user_id], messages.Kicked())

    def _deleted(self, effect: effects.RoomDeleted, _: Session | None) -> None:
        """To base clients that is a kick: the protocol has that one message for it; the host knows it from the answer
        to their call."""
        room, by = effect.room, effect.by
        self._keep(DeleteRoom(room_id=room.id))  # once more: another node may have kept it after all meanwhile
        sessions = self._sessions.of_users(room.members)
        self._announcer.tell_some(
            [each for each in sessions if not each.features and each.user.id != by.id], messages.Kicked()
        )
        self._announcer.tell_some([each for each in sessions if each.features], messages.RoomClosed(roomId=room.id))
        self._rooms_changed(room)

    def _expired(self, effect: effects.RoomExpired, _: Session | None) -> None:
        log.info("room %s had nobody in it for %g s and is deleted", effect.room.id, self.book.empty_ttl_s)
        self._keep(DeleteRoom(room_id=effect.room.id))
        self._rooms_changed(effect.room)

    def _host_replaced(self, effect: effects.HostReplaced, _: Session | None) -> None:
        self._store_host(effect.room)
        self._announcer.tell_users(list(effect.room.members), _host_changed(effect.host))
        self._rooms_changed(effect.room)

    # -- private --------------------------------------------------------------------------------------------------

    def _tell_others(self, entry: Entry) -> None:
        """Let the members who were there before know who has come, and whether it is the host who was away."""
        member = entry.member
        others = [user_id for user_id in entry.room.members if user_id != member.user.id]
        self._announcer.tell_users(others, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        if entry.came_back:
            self._announcer.tell_users(others, _host_changed(member))

    def _note_host(self, entry: Entry) -> None:
        if entry.became_host:
            self._store_host(entry.room)

    def _tell_own(self, user: User, message: messages.ServerMessage, *, besides: Session | None = None) -> None:
        """Let the sockets of a user know what became of their membership, base clients left out."""
        own = self._sessions.of_user(user.id)
        self._announcer.tell_some([each for each in own if each is not besides and each.features], message)

    def _created_now(self) -> datetime:
        """When a room is made: after every room before it, though the wall clock may have been set back. The list is
        sorted by it."""
        now = self._clock.utc_now()
        if self._newest_at is not None:
            now = max(now, self._newest_at + timedelta(microseconds=1))
        self._newest_at = now
        return now

    def _keep_after_all(self, room_id: str) -> None:
        """A room was deleted in the store, or perhaps was, and goes on: another member became its host meanwhile, or
        the outcome is not known. It is kept again."""
        room = self.book.get(room_id)
        if room is not None:
            write = KeepRoom(room=stored_room(room), only_if_missing=True)
            self._writer.keep(write, only_while=lambda: self.book.get(room_id) is not None)

    def _id_with_a_code_of_its_own(self) -> str:
        while self.book.by_code(code_of(room_id := self._new_room_id())) is not None:
            pass
        return room_id

    def _rooms_changed(self, room: Room) -> None:
        if room.is_public:
            self.list_changed()
        self.arm()

    def _keep(self, write: KeptWrite) -> None:
        """One node writes what became of rooms, in the order in which it became so."""
        if self._replica.is_leader:
            self._writer.keep(write)

    def _store_host(self, room: Room) -> None:
        host = room.host
        self._keep(SetHost(room_id=room.id, user_id=host.id, username=host.username, version=room.version))


def _parting(deleted_room_id: str) -> messages.ServerMessage:
    return messages.RoomClosed(roomId=deleted_room_id) if deleted_room_id else messages.Kicked()


def _host_changed(host: Member) -> messages.HostChanged:
    return messages.HostChanged(newHostPeerId=host.peer_id, newHostName=host.user.username)


def _room_joined(room: Room, member: Member) -> messages.RoomJoined:
    return messages.RoomJoined(
        roomId=room.id,
        peerId=member.peer_id,
        members=_peers(room),
        gamemode=room.gamemode,
        mapName=room.map_name,
    )


def _peers(room: Room) -> list[resources.PeerInfo]:
    return [
        resources.PeerInfo(peerId=member.peer_id, name=member.user.username, isHost=member.user.id == room.host.id)
        for member in room.members.values()
    ]
