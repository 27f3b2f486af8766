"""In which room somebody is: friends are told where their clients asked for it, and whoever may know can ask over HTTP.

A room that is not in the public list is nobody's business, so a user in one is in none as far as this goes. Each user
says who may know: everybody, their friends, or nobody; and who is blocked by them does not.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.protocol.features import Feature
from lobby_server.protocol.requests import DEFAULT_AUDIENCE, Audience
from lobby_server.protocol.social_messages import FriendRoom
from lobby_server.protocol.social_resources import FriendRooms, FriendsRoom
from lobby_server.service.announcer import Announcer
from lobby_server.service.replica import Replica
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.ports import FriendStore
from lobby_server.service.social.ties import Ties


class Whereabouts:
    """Hears who enters and leaves which room."""

    def __init__(
        self, *, replica: Replica, ties: Ties, announcer: Announcer, sessions: Sessions, store: FriendStore
    ) -> None:
        books = replica.books
        self._rooms, self._friends, self._blocks = books.rooms, books.friends, books.blocks
        self._audiences = books.whereabouts
        self._replica = replica
        self._ties = ties
        self._store = store
        self._announcer = announcer
        self._sessions = sessions
        replica.hear(effects.RoomCreated, lambda effect, _: self._tell([effect.room.host.id]))
        replica.hear(effects.HostPlaceTaken, lambda effect, _: self._tell([effect.entry.member.user.id]))
        replica.hear(effects.RoomJoined, lambda effect, _: self._tell([effect.entry.member.user.id]))
        replica.hear(
            effects.PartyEntered, lambda effect, _: self._tell([entry.member.user.id for entry in effect.entries])
        )
        replica.hear(effects.RoomLeft, lambda effect, _: self._tell([effect.departure.member.user.id]))
        replica.hear(effects.RoomDeleted, lambda effect, _: self._tell(effect.room.members))
        replica.hear(effects.RoomExpired, lambda effect, _: self._tell(effect.room.members))
        replica.hear(effects.RoomChanged, self._changed)
        replica.hear(effects.Befriended, lambda effect, _: self._tell([effect.asker.id, effect.user.id]))
        replica.hear(effects.WhereaboutsSet, lambda effect, _: self._tell([effect.user_id]))

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept. Raises `StoreUnavailable`."""
        self._audiences.update(await self._store.whereabouts())

    def audience_of(self, user: User) -> Audience:
        """Whom a user lets know."""
        return self._audiences.get(user.id, DEFAULT_AUDIENCE)

    async def choose(self, user: User, audience: Audience) -> None:
        """Whom a user lets know from now on; friends are told at once. Raises `Refusal` (``try_again_later``),
        `StoreUnavailable`."""
        async with self._ties.change() as held:
            self._replica.check()
            await held.commit(lambda store: store.set_whereabouts(user.id, audience))
            await self._ties.tell(commands.SetWhereabouts(user, audience))

    def seen_by(self, reader: User, user_id: int) -> str | None:
        """The public room that a user is in, if the reader may know."""
        if reader.id == user_id:
            return self._public_room_id(user_id)
        audience = self._audiences.get(user_id, DEFAULT_AUDIENCE)
        may_know = audience == "everybody" or (audience == "friends" and self._friends.are_friends(reader.id, user_id))
        if not may_know or self._blocks.blocks(user_id, reader.id):
            return None
        return self._public_room_id(user_id)

    def of_friends(self, user: User) -> FriendRooms:
        """The friends of a user who are in a public room and let it be known. O(friends)."""
        found = [(friend_id, self._told_to_friends(friend_id)) for friend_id in self._friends.friend_ids(user.id)]
        return FriendRooms(
            rooms=[FriendsRoom(user_id=friend_id, room_id=room_id) for friend_id, room_id in found if room_id]
        )

    def _changed(self, effect: effects.RoomChanged, _: object) -> None:
        if effect.is_seen:  # it may have become public, or private
            self._tell(effect.room.members)

    def _tell(self, user_ids: Iterable[int]) -> None:
        """Let the friends of some users know where those are now."""
        for user_id in user_ids:
            told = self._sessions.of_users(self._friends.friend_ids(user_id))
            wanting = [session for session in told if Feature.FRIEND_ROOMS in session.features]
            if wanting:
                self._announcer.tell_some(wanting, FriendRoom(user_id=user_id, room_id=self._told_to_friends(user_id)))

    def _told_to_friends(self, user_id: int) -> str | None:
        return None if self._audiences.get(user_id) == "nobody" else self._public_room_id(user_id)

    def _public_room_id(self, user_id: int) -> str | None:
        room: Room | None = self._rooms.room_of(user_id)
        return room.id if room is not None and room.is_public else None
