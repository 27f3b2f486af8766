"""What the host of a room decides and its members have to say in that: HTTP calls become entries of the log, and what
became of them ``room_state`` to the members whose clients asked for it, and writes.

``room_state`` carries everything, so that a client that missed one is right with the next. It follows the message of
the base protocol that tells of the same change.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lobby_server.core import room_hosting
from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.room_codes import code_of, normalized_code
from lobby_server.core.rooms import Entry, Room
from lobby_server.protocol import requests, resources
from lobby_server.protocol.feature_messages import RoomStarted, RoomStateTold, RoomUnbanned
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.service.announcer import Announcer
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.rooms.list import room_resource
from lobby_server.service.rooms.stored import stored_room
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.people import People
from lobby_server.service.writes.kept import ChangeRoom, KeptWrite, LetIn, ShutOut, Unban
from lobby_server.service.writes.writer import StoreWriter


class RoomHosting:
    """Made after `RoomCommands`, whose messages come first."""

    def __init__(
        self,
        *,
        replica: Replica,
        rooms: RoomCommands,
        announcer: Announcer,
        sessions: Sessions,
        people: People,
        writer: StoreWriter,
    ) -> None:
        self._book = replica.books.rooms
        self._replica = replica
        self._rooms = rooms
        self._announcer = announcer
        self._sessions = sessions
        self._people = people
        self._writer = writer
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.HostPlaceTaken, lambda effect, _: self._entered(effect.entry.room, effect.entry))
        replica.hear(effects.RoomJoined, lambda effect, _: self._entered(effect.entry.room, effect.entry))
        replica.hear(effects.PartyEntered, lambda effect, _: self._entered(effect.room, *effect.entries))
        replica.hear(effects.RoomLeft, lambda effect, _: self._tell(effect.departure.room))
        replica.hear(effects.HostReplaced, lambda effect, _: self._tell(effect.room))
        replica.hear(effects.ReadinessChanged, lambda effect, _: self._tell(effect.room))
        replica.hear(effects.RoomChanged, self._changed)
        replica.hear(effects.RoomStarted, self._started)
        replica.hear(effects.RoomReopened, self._reopened)
        replica.hear(effects.Unbanned, self._unbanned)
        replica.hear(effects.LetIn, self._let_in)
        replica.hear(effects.ShutOut, self._shut_out)
        replica.hear(effects.MatchInvitesStand, self._invites_stand)
        replica.hear(effects.MatchInvitesClosed, self._invites_closed)

    # -- over HTTP: each raises `Refusal` as its namesake in `core.room_hosting`, and ``try_again_later`` --------------

    def state(self, user: User, room_id: str) -> resources.RoomState:
        """Raises `Refusal` (``room_not_found``, ``not_in_room``)."""
        return room_state(room_hosting.check_member_of(self._book, user.id, room_id))

    async def change(self, user: User, room_id: str, wish: requests.RoomSettings) -> resources.RoomState:
        settings = room_hosting.RoomSettings(
            name=None if wish.name is None else wish.name.strip(),
            gamemode=wish.gamemode,
            map_name=wish.mapName,
            max_players=wish.maxPlayers,
            is_public=wish.isPublic,
        )
        return await self._run(commands.ChangeRoom(user, room_id, settings), room_id)

    async def hand_over(self, user: User, room_id: str, peer_id: int) -> resources.RoomState:
        return await self._run(commands.HandOverRoom(user, room_id, peer_id), room_id)

    async def set_ready(self, user: User, room_id: str, *, is_ready: bool) -> resources.RoomState:
        return await self._run(commands.SetReady(user, room_id, is_ready), room_id)

    async def start(self, user: User, room_id: str, *, is_forced: bool) -> resources.RoomState:
        return await self._run(commands.StartRoom(user, room_id, is_forced), room_id)

    async def reopen(self, user: User, room_id: str) -> resources.RoomState:
        return await self._run(commands.ReopenRoom(user, room_id), room_id)

    async def unban(self, user: User, room_id: str, banned_id: int) -> None:
        self._writer.check()
        await self._replica.run(commands.UnbanFromRoom(user, room_id, banned_id))

    async def bans(self, user: User, room_id: str) -> resources.BanList:
        """Whom the host has kicked. Raises also `StoreUnavailable`."""
        await self._replica.caught_up_in_call()
        room = room_hosting.check_host_of(self._book, user.id, room_id)
        bans = []
        for banned_id in sorted(room.banned_user_ids):
            banned = await self._people.by_id(banned_id)
            bans.append(resources.BannedUser(user_id=banned_id, username=None if banned is None else banned.username))
        return resources.BanList(count=len(bans), bans=bans)

    async def use_code(self, user: User, code: str) -> resources.Room:
        """The room that a code leads to, which lets the user in from now on."""
        self._writer.check()
        wanted = normalized_code(code)

        def answer() -> resources.Room:
            room = self._book.by_code(wanted)
            assert room is not None  # asked for in the turn in which it was found
            return room_resource(room)

        return await self._replica.run(commands.UseRoomCode(user, wanted), answer)

    # -- what became of them --------------------------------------------------------------------------------------

    def _accepted(self, effect: effects.Accepted, session: Session | None) -> None:
        room = self._book.room_of(effect.user.id)
        if room is not None and session is not None and session.is_accepted and Feature.ROOM_STATE in session.features:
            session.reply(_told(room))

    def _entered(self, room: Room, *entries: Entry) -> None:
        """Those who came hear of the room; the others, if the host is back."""
        if any(entry.came_back for entry in entries):
            self._tell(room)
        else:
            self._tell(room, [entry.member.user.id for entry in entries])

    def _changed(self, effect: effects.RoomChanged, _: Session | None) -> None:
        room = effect.room
        self._keep(room, ChangeRoom(room=stored_room(room)))
        if not room.is_public and room.members:
            self._keep(room, LetIn(room_id=room.id, user_ids=tuple(room.members)))
        self._tell(room)
        if effect.is_seen:
            self._rooms.upkeep.list_changed()

    def _started(self, effect: effects.RoomStarted, _: Session | None) -> None:
        room = effect.room
        self._keep(room, ChangeRoom(room=stored_room(room)))
        self._tell(room, message=RoomStarted(roomId=room.id))
        self._tell(room)
        if room.is_public:
            self._rooms.upkeep.list_changed()

    def _reopened(self, effect: effects.RoomReopened, _: Session | None) -> None:
        self._keep(effect.room, ChangeRoom(room=stored_room(effect.room)))
        self._tell(effect.room)
        if effect.room.is_public:
            self._rooms.upkeep.list_changed()

    def _unbanned(self, effect: effects.Unbanned, _: Session | None) -> None:
        self._keep(effect.room, Unban(room_id=effect.room.id, user_id=effect.user_id))
        self._tell(effect.room, [effect.user_id], message=RoomUnbanned(roomId=effect.room.id))

    def _let_in(self, effect: effects.LetIn, _: Session | None) -> None:
        self._keep(effect.room, LetIn(room_id=effect.room.id, user_ids=effect.user_ids))

    def _shut_out(self, effect: effects.ShutOut, _: Session | None) -> None:
        self._keep(effect.room, ShutOut(room_id=effect.room.id, user_id=effect.user_id))

    def _invites_stand(self, effect: effects.MatchInvitesStand, _: Session | None) -> None:
        self._rooms.upkeep.keep_invitations(effect.invitations[0].room_id, stand=effect.invitations)

    def _invites_closed(self, effect: effects.MatchInvitesClosed, _: Session | None) -> None:
        room_id = effect.invitations[0].room_id
        self._rooms.upkeep.keep_invitations(room_id, ended=effect.invitations, stand=effect.heirs)

    # -- private --------------------------------------------------------------------------------------------------

    async def _run(self, command: commands.Command, room_id: str) -> resources.RoomState:
        self._writer.check()

        def answer() -> resources.RoomState:
            room = self._book.get(room_id)
            assert room is not None  # asked for in the turn in which something was done with it
            return room_state(room)

        return await self._replica.run(command, answer)

    def _tell(self, room: Room, user_ids: Iterable[int] | None = None, *, message: ServerMessage | None = None) -> None:
        """All members, or some of them; ``room_state`` unless another message is given."""
        told = self._sessions.of_users(room.members if user_ids is None else user_ids)
        wanting = [session for session in told if Feature.ROOM_STATE in session.features]
        if wanting:
            self._announcer.tell_some(wanting, message or _told(room))

    def _keep(self, room: Room, write: KeptWrite) -> None:
        self._rooms.upkeep.keep(room.id, write)


def room_state(room: Room) -> resources.RoomState:
    """A room as its members see it."""
    host = room.members.get(room.host.id)
    return resources.RoomState(
        roomId=room.id,
        code=code_of(room.id),
        name=room.name,
        gamemode=room.gamemode,
        mapName=room.map_name,
        maxPlayers=room.max_players,
        isPublic=room.is_public,
        isStarted=room.players is not None,
        hostPeerId=None if host is None else host.peer_id,
        ready=[member.peer_id for user_id, member in room.members.items() if user_id in room.ready_user_ids],
    )


def _told(room: Room) -> RoomStateTold:
    return RoomStateTold(**msgspec.structs.asdict(room_state(room)))
