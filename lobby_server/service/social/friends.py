"""Commands about friends, and the presence that friends see of each other.

Every change is committed first, then it holds, then both are told. One change at a time, over all nodes
(`Ties.change`): two who ask each other at the same moment become friends, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources, social_resources
from lobby_server.protocol.messages import UserOffline, UserOnline
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import FriendAccepted, FriendRemoved, FriendRequestClosed, FriendRequested
from lobby_server.protocol.social_resources import FriendAsked, FriendList, NotificationKind
from lobby_server.service.announcer import Announcer
from lobby_server.service.fanout.profile import PresenceMode
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.looking.suspects import USERS_PER_TURN, in_turns
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import FriendStore, TieStore, pages_of_friendships
from lobby_server.service.social.ties import Ties
from lobby_server.service.writes.gated import Held


class Friends:
    """Friendships and requests of all users."""

    def __init__(
        self,
        *,
        replica: Replica,
        ties: Ties,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        sessions: Sessions,
        store: FriendStore,
        clock: Clock,
    ) -> None:
        books = replica.books
        self._book, self._blocks, self._presence = books.friends, books.blocks, books.presence
        self._replica = replica
        self._ties = ties
        self._people = people
        self._notifications = notifications
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._clock = clock
        replica.hear(effects.CameOnline, self._came_online)
        replica.hear(effects.WentOffline, self._went_offline)
        replica.hear(effects.FriendAsked, self._asked)
        replica.hear(effects.Befriended, self._befriended)
        replica.hear(effects.FriendRequestClosed, self._request_closed)
        replica.hear(effects.Parted, self._parted)

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept."""
        async for rows in pages_of_friendships(self._store):
            self._book.restore(rows)
        async for _ in in_turns(self._book.in_order(), per_turn=USERS_PER_TURN):
            pass
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
        await self._replica.caught_up_in_call()
        other = await self._people.find(whom)
        async with self._ties.change() as held:
            asked = self._book.request_between(user.id, other.id)
            if asked is None:
                self._book.check_may_ask(user.id, other.id)
                self._blocks.check_may_address(user.id, other.id)
            theirs = self._book.request_between(other.id, user.id)
            if asked is None and theirs is not None:
                friend = await self._befriend(theirs, held)
                if friend is None:
                    raise self._ties.behind()
                return FriendAsked(status="accepted", request=None, friend=friend), False
            now = self._clock.utc_now()
            request = await held.commit(lambda store: store.add_friend_request(user, other, now))
            if request is None or (asked is not None and asked.id != request.id):
                raise self._ties.behind()
            if asked is None:
                await self._ties.tell(commands.AskFriend(request, self._notifications.new_key()))
        return FriendAsked(status="sent", request=_request(request), friend=None), asked is None

    async def accept(self, user: User, request_id: int) -> social_resources.Friend:
        """Raises `Refusal`: ``request_not_found``, ``limit_reached``; `StoreUnavailable`."""
        async with self._ties.change() as held:
            request = self._book.request(request_id)
            if request is None or request.receiver.id != user.id or self._blocks.blocks(user.id, request.sender.id):
                raise Refusal(RefusalCode.REQUEST_NOT_FOUND)
            friend = await self._befriend(request, held)
            if friend is None and self._book.request(request_id) is None:  # its sender was deleted meanwhile
                raise Refusal(RefusalCode.REQUEST_NOT_FOUND)
            if friend is None:
                raise self._ties.behind()
            return friend

    async def decline(self, user: User, request_id: int) -> None:
        """Say no, or take one's own request back. Raises `Refusal` (``request_not_found``), `StoreUnavailable`."""
        async with self._ties.change() as held:
            request = self._book.request(request_id)
            if request is None or user.id not in (request.sender.id, request.receiver.id):
                raise Refusal(RefusalCode.REQUEST_NOT_FOUND)
            await held.commit(lambda store: store.delete_friend_request(request_id))
            await self._ties.tell(commands.CloseFriendRequest(request.id, user.id))

    async def remove(self, user: User, friend_id: int) -> None:
        """Raises `Refusal` (``not_friends``), `StoreUnavailable`."""
        async with self._ties.change() as held:
            if not self._book.are_friends(user.id, friend_id):
                raise Refusal(RefusalCode.NOT_FRIENDS)
            await held.commit(lambda store: store.delete_friendship(user.id, friend_id))
            await self._ties.tell(commands.PartFriends(user.id, friend_id))

    # -- what became of them, and presence of friends -------------------------------------------------------------

    def _came_online(self, effect: effects.CameOnline, _: Session | None) -> None:
        self._tell_presence(effect.user, self._book.friend_ids(effect.user.id), is_online=True)

    def _went_offline(self, effect: effects.WentOffline, _: Session | None) -> None:
        self._tell_presence(effect.user, self._book.friend_ids(effect.user.id), is_online=False)

    def _asked(self, effect: effects.FriendAsked, _: Session | None) -> None:
        request = effect.request
        event = FriendRequested(
            request_id=request.id,
            from_user_id=request.sender.id,
            to_user_id=request.receiver.id,
            from_username=request.sender.username,
        )
        self._announcer.tell_users([request.receiver.id], event)

    def _befriended(self, effect: effects.Befriended, _: Session | None) -> None:
        asker, user = effect.asker, effect.user
        self._notifications.close(user.id, NotificationKind.FRIEND_REQUEST, asker.id)
        for one, other in ((asker, user), (user, asker)):
            self._announcer.tell_users([one.id], FriendAccepted(user_id=other.id, username=other.username))
            if self._presence.is_online(other.id):
                self._tell_presence(other, [one.id], is_online=True)

    def _request_closed(self, effect: effects.FriendRequestClosed, _: Session | None) -> None:
        self._notifications.close(effect.receiver_id, NotificationKind.FRIEND_REQUEST, effect.sender_id)
        self._announcer.tell_users(effect.told_ids, FriendRequestClosed(request_id=effect.request_id))

    def _parted(self, effect: effects.Parted, _: Session | None) -> None:
        one_id, other_id = effect.one_id, effect.other_id
        self._announcer.tell_users([one_id], FriendRemoved(user_id=other_id))
        self._announcer.tell_users([other_id], FriendRemoved(user_id=one_id))

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

    async def _befriend(self, request: FriendRequest, held: Held[TieStore]) -> social_resources.Friend | None:
        """A request is answered with yes. None: the store has it no more, or a block that stands against it."""
        asker, user = request.sender, request.receiver
        self._book.check_may_befriend(asker.id, user.id)
        since = self._clock.utc_now()
        known_since = await held.commit(lambda store: store.add_friendship(asker, user, since))
        if known_since is None:
            return None
        await self._ties.tell(commands.Befriend(request, known_since, self._notifications.new_key()))
        return self._friend(Friend(asker, known_since))

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
