"""What the members of a room hear of it: who came, who left, who is the host now, and that it is gone.

A membership is a user's, not a socket's. Base clients hear what the server of the specification sends, to the byte;
sockets of clients with features hear of their own user's membership, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.presence import User
from lobby_server.core.rooms import Departure, Member, Room
from lobby_server.protocol import messages, resources
from lobby_server.service.announcer import Announcer
from lobby_server.service.rooms.partings import Partings
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions


class Tidings:
    """Sends at once, in the order of the calls. `partings` keeps what a user has to hear after coming back."""

    def __init__(self, *, announcer: Announcer, sessions: Sessions, partings: Partings) -> None:
        self._announcer = announcer
        self._sessions = sessions
        self._partings = partings

    def tell_own(self, user: User, message: messages.ServerMessage, *, besides: Session | None = None) -> None:
        """Let the sockets of a user know what became of their membership, base clients left out."""
        own = self._sessions.of_user(user.id)
        self._announcer.tell_some([each for each in own if each is not besides and each.features], message)

    def tell_came(self, user_ids: Iterable[int], member: Member) -> None:
        """Those who were there before."""
        self._announcer.tell_users(user_ids, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))

    def tell_left(self, departure: Departure) -> None:
        """Those who stay; of the new host, too, where the one who left was it."""
        stayed, new_host = list(departure.room.members), departure.new_host
        self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))
        if new_host is not None:
            changed = messages.HostChanged(newHostPeerId=new_host.peer_id, newHostName=new_host.user.username)
            self._announcer.tell_users(stayed, changed)

    def tell_closed(self, room: Room, *, by: User) -> None:
        """A room was deleted. To base clients that is a kick: the protocol has that one message for it; the host knows
        it from the answer to their call."""
        closed = messages.RoomClosed(roomId=room.id)
        sessions = self._sessions.of_users(room.members)
        self._announcer.tell_some(
            [each for each in sessions if not each.features and each.user.id != by.id], messages.Kicked()
        )
        self._announcer.tell_some([each for each in sessions if each.features], closed)
        self._partings.note(room.members, closed)


def room_joined(room: Room, member: Member) -> messages.RoomJoined:
    """What a user hears of the room that they are in."""
    return messages.RoomJoined(
        roomId=room.id,
        peerId=member.peer_id,
        members=peers_of(room),
        gamemode=room.gamemode,
        mapName=room.map_name,
    )


def peers_of(room: Room) -> list[resources.PeerInfo]:
    """Members as the other members see them."""
    return [
        resources.PeerInfo(peerId=member.peer_id, name=member.user.username, isHost=member.user.id == room.host.id)
        for member in room.members.values()
    ]
