"""Invitations into a room. A private room lets in invited users only; invitations are kept as long as the room."""

from __future__ import annotations

from lobby_server.core.blocks import BlockBook
from lobby_server.core.presence import User
from lobby_server.core.rooms import RoomBook
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import MatchInvited
from lobby_server.protocol.social_resources import NotificationKind
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Store
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People


class Invitations:
    """Match invitations of all users."""

    def __init__(
        self,
        *,
        rooms: RoomBook,
        blocks: BlockBook,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        store: Store,
    ) -> None:
        self._rooms = rooms
        self._announcer = announcer
        self._blocks = blocks
        self._people = people
        self._notifications = notifications
        self._store = store

    async def invite(self, user: User, room_id: str, whom: Whom) -> None:
        """A member of a room invites a user.

        Raises `Refusal` as `RoomBook.check_may_invite`, and ``user_not_found``, ``blocked_by_you``;
        `StoreUnavailable`.
        """
        guest = await self._people.find(whom)
        room = self._rooms.check_may_invite(room_id, user.id, guest.id)
        self._blocks.check_may_address(user.id, guest.id)
        if not room.is_public:
            await self._store.invite_to_room(room_id, [guest.id])
            room.invited_user_ids.add(guest.id)
        if self._blocks.blocks(guest.id, user.id):
            return
        event = MatchInvited(room_id=room.id, from_user_id=user.id, from_username=user.username, gamemode=room.gamemode)
        self._announcer.tell_users([guest.id], event)
        self._notifications.add(
            guest.id,
            NotificationKind.MATCH_INVITE,
            title="Match invitation",
            # The event of a notification names no room; a client that knows nothing but it finds the room in the text.
            body=f"{user.username} invites you to play {room.gamemode} in room {room.id}.",
            sender=user,
            room_id=room.id,
        )
