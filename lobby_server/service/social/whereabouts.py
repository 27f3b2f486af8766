"""In which room somebody's friends are: told to clients that asked for it, and asked for over HTTP.

A room that is not in the public list is nobody's business, so a friend in one is in none as far as this goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.machine import effects
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.protocol.features import Feature
from lobby_server.protocol.social_messages import FriendRoom
from lobby_server.protocol.social_resources import FriendRooms, FriendsRoom
from lobby_server.service.announcer import Announcer
from lobby_server.service.replica import Replica
from lobby_server.service.sessions import Sessions


class Whereabouts:
    """Hears who enters and leaves which room."""

    def __init__(self, *, replica: Replica, announcer: Announcer, sessions: Sessions) -> None:
        self._rooms, self._friends = replica.books.rooms, replica.books.friends
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

    def of_friends(self, user: User) -> FriendRooms:
        """The friends of a user who are in a public room. O(friends)."""
        found = [(friend_id, self._room_id(friend_id)) for friend_id in self._friends.friend_ids(user.id)]
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
                self._announcer.tell_some(wanting, FriendRoom(user_id=user_id, room_id=self._room_id(user_id)))

    def _room_id(self, user_id: int) -> str | None:
        room: Room | None = self._rooms.room_of(user_id)
        return room.id if room is not None and room.is_public else None
