"""Commands about friends, and the presence that friends see of each other.

Every change is committed first, then it holds, then both are told. One change at a time (`gate`): two who ask each
other at the same moment become friends, whichever came first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from lobby_server.core.blocks import BlockBook
from lobby_server.core.friends import Friend, FriendBook, FriendRequest
from lobby_server.core.presence import Presence, User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources, social_resources
from lobby_server.protocol.messages import UserOffline, UserOnline
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import FriendAccepted, FriendRemoved, FriendRequestClosed, FriendRequested
from lobby_server.protocol.social_resources import FriendAsked, FriendList, NotificationKind
from lobby_server.service.announcer import Announcer
from lobby_server.service.fanout.profile import PresenceMode
from lobby_server.service.ports import Clock, Store
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People


class Friends:
    """Friendships and requests of all users."""

    def __init__(
        self,
        *,
        book: FriendBook,
        blocks: BlockBook,
        presence: Presence,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        clock: Clock,
        gate: asyncio.Lock,
    ) -> None:
        """`gate` is shared with whatever else changes the two books."""
        self._book = book
        self._blocks = blocks
        self._presence = presence
        self._people = people
        self._notifications = notifications
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._clock = clock
        self._gate = gate

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept."""
        for direction in await self._store.friendships():
            self._book.restore(direction.user_id, direction.friend)
        for request in await self._store.friend_requests():
            self._book.add_request(request)

    def overview(self, user: User) -> FriendList:
        friends = [self._friend(friend) for friend in self._book.friends_of(user.id)]
        return FriendList(
            count=len(friends),
            friends=friends,
            incoming=[
                _request(request)
                for request in self._book.received_by(user.id)
                if not self._blocks.blocks(user.id, request.sender.id)
            ],
            outgoing=[_request(request) for request in self._book.sent_by(user.id)],
        )

    # -- commands -------------------------------------------------------------------------------------------------

    async def ask(self, user: User, whom: Whom) -> tuple[FriendAsked, bool]:
        """Send a friend request, or accept where the other user has asked already; and whether anything is new.

        Raises `Refusal`: ``user_not_found``, ``invalid_target``, ``already_friends``, ``blocked_by_you``,
        ``limit_reached``; `StoreUnavailable`.
        """
        other = await self._people.find(whom)
        async with self._gate:
            asked = self._book.request_between(user.id, other.id)
            if asked is not None:
                return FriendAsked(status="sent", request=_request(asked), friend=None), False
            self._book.check_may_ask(user.id, other.id)
            self._blocks.check_may_address(user.id, other.id)
            theirs = self._book.request_between(other.id, user.id)
            if theirs is not None:
                friend = await self._befriend(theirs)
                return FriendAsked(status="accepted", request=None, friend=friend), False
            request = await self._store.add_friend_request(user, other, self._clock.utc_now())
            self._book.add_request(request)
        if not self._blocks.blocks(other.id, user.id):
            event = FriendRequested(
                request_id=request.id, from_user_id=user.id, to_user_id=other.id, from_username=user.username
            )
            self._announcer.tell_users([other.id], event)
            self._notifications.add(
                other.id,
                NotificationKind.FRIEND_REQUEST,
                title="Friend request",
                body=f"{user.username} would like to be your friend.",
                sender=user,
            )
        return FriendAsked(status="sent", request=_request(request), friend=None), True

    async def accept(self, user: User, request_id: int) -> social_resources.Friend:
        """Raises `Refusal`: ``request_not_found``, ``limit_reached``; `StoreUnavailable`."""
        async with self._gate:
            request = self._book.request(request_id)
            if request is None or request.receiver.id != user.id or self._blocks.blocks(user.id, request.sender.id):
                raise Refusal(RefusalCode.REQUEST_NOT_FOUND)
            return await self._befriend(request)

    async def decline(self, user: User, request_id: int) -> None:
        """Say no, or take one's own request back. Raises `Refusal` (``request_not_found``), `StoreUnavailable`."""
        async with self._gate:
            request = self._book.request(request_id)
            if request is None or user.id not in (request.sender.id, request.receiver.id):
                raise Refusal(RefusalCode.REQUEST_NOT_FOUND)
            await self._store.delete_friend_request(request.id)
            self._book.remove_request(request)
        told = [user.id]
        if user.id == request.sender.id and not self._blocks.blocks(request.receiver.id, user.id):
            told.append(request.receiver.id)
        self._announcer.tell_users(told, FriendRequestClosed(request_id=request.id))

    async def remove(self, user: User, friend_id: int) -> None:
        """Raises `Refusal` (``not_friends``), `StoreUnavailable`."""
        async with self._gate:
            if not self._book.are_friends(user.id, friend_id):
                raise Refusal(RefusalCode.NOT_FRIENDS)
            await self._store.delete_friendship(user.id, friend_id)
            self.part(user.id, friend_id)

    def part(self, one_id: int, other_id: int) -> None:
        """They are friends no more, which is committed; both are told if they were."""
        if self._book.part(one_id, other_id):
            self._announcer.tell_users([one_id], FriendRemoved(user_id=other_id))
            self._announcer.tell_users([other_id], FriendRemoved(user_id=one_id))

    # -- presence of friends --------------------------------------------------------------------------------------

    def came_online(self, user: User) -> None:
        self._tell_presence(user, self._book.friend_ids(user.id), is_online=True)

    def went_offline(self, user: User) -> None:
        self._tell_presence(user, self._book.friend_ids(user.id), is_online=False)

    # -- private --------------------------------------------------------------------------------------------------

    def _tell_presence(self, user: User, friend_ids: Iterable[int], *, is_online: bool) -> None:
        """Tell those sessions that hear of friends only; the others hear of everybody anyway."""
        kind = UserOnline if is_online else UserOffline
        told = (
            session
            for friend_id in friend_ids
            for session in self._sessions.of_user(friend_id)
            if session.profile.presence is PresenceMode.FRIENDS
        )
        self._announcer.tell_some(told, kind(user_id=user.id, username=user.username))

    async def _befriend(self, request: FriendRequest) -> social_resources.Friend:
        """A request is answered with yes."""
        asker, user = request.sender, request.receiver
        self._book.check_may_befriend(asker.id, user.id)
        since = self._clock.utc_now()
        await self._store.add_friendship(asker, user, since)
        self._book.befriend(asker, user, since)
        for one, other in ((asker, user), (user, asker)):
            self._announcer.tell_users([one.id], FriendAccepted(user_id=other.id, username=other.username))
            if self._presence.is_online(other.id):
                self._tell_presence(other, [one.id], is_online=True)
        self._notifications.add(
            asker.id,
            NotificationKind.FRIEND_ACCEPTED,
            title="New friend",
            body=f"{user.username} is your friend now.",
            sender=user,
        )
        return self._friend(Friend(asker, since))

    def _friend(self, friend: Friend) -> social_resources.Friend:
        return social_resources.Friend(
            user_id=friend.user.id,
            username=friend.user.username,
            is_online=self._presence.is_online(friend.user.id),
            since=resources.iso_utc(friend.since),
        )


def _request(request: FriendRequest) -> social_resources.FriendRequest:
    return social_resources.FriendRequest(
        request_id=request.id,
        from_user_id=request.sender.id,
        from_username=request.sender.username,
        to_user_id=request.receiver.id,
        to_username=request.receiver.username,
        created_at=resources.iso_utc(request.created_at),
    )
