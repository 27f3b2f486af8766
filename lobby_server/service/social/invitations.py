"""Invitations into a room. A private room lets in only who was invited; that is kept as long as the room is."""

from __future__ import annotations

from lobby_server.core.blocks import BlockBook
from lobby_server.core.presence import User
from lobby_server.protocol.social_messages import MatchInvited
from lobby_server.protocol.social_resources import NotificationKind
from lobby_server.service.lobby import Lobby
from lobby_server.service.ports import Store
from lobby_server.service.social.notifications import Notices
from lobby_server.service.social.people import People, Whom


class Invitations:
    """Match invitations of all users."""

    def __init__(self, *, lobby: Lobby, blocks: BlockBook, people: People, notices: Notices, store: Store) -> None:
        self._lobby = lobby
        self._blocks = blocks
        self._people = people
        self._notices = notices
        self._store = store

    async def invite(self, user: User, room_id: str, whom: Whom) -> None:
        """A member of a room invites somebody.

        Raises `NotAllowed` as `RoomBook.check_may_invite`, and ``user_not_found``, ``blocked_by_you``;
        `StoreUnavailable`.
        """
        rooms = self._lobby.rooms
        guest = await self._people.find(whom)
        room = rooms.check_may_invite(room_id, user.id, guest.id)
        self._blocks.check_may_address(user.id, guest.id)
        if not room.is_public:
            await self._store.invite_to_room(room_id, [guest.id])
            room.invited_user_ids.add(guest.id)
        if self._blocks.blocks(guest.id, user.id):
            return
        event = MatchInvited(room_id=room.id, from_user_id=user.id, from_username=user.username, gamemode=room.gamemode)
        self._lobby.hub.tell_users([guest.id], event)
        self._notices.add(
            guest.id,
            NotificationKind.MATCH_INVITE,
            title="Match invitation",
            # The event of a notification names no room; a client that knows nothing but it finds the room in the text.
            body=f"{user.username} invites you to play {room.gamemode} in room {room.id}.",
            sender=user,
            room_id=room.id,
        )
