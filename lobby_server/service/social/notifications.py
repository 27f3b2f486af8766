"""Notifications: what a user should know of, also when they were offline. Kept until they are read or too old.

A user online is told at once, a user offline once, after their next handshake; every later socket asks
``GET /api/notifications``. Nobody waits for a notification to be written: the matter itself is done by then. Of several
nodes the leader alone writes and reads what is to be told, so that nothing is told twice. Whoever leads in its place
tells of nothing that has ended since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.social_messages import Notification
from lobby_server.protocol.social_resources import PAGE_ITEMS, NotificationKind, NotificationList
from lobby_server.protocol.social_resources import Notification as NotificationBody
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Store
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.social.ports import StoredNotification
from lobby_server.service.writes.kept import Notify, ReadInvitation
from lobby_server.service.writes.writer import StoreWriter

INVITATIONS = (NotificationKind.PARTY_INVITE, NotificationKind.MATCH_INVITE)
_ONE_A_SENDER = frozenset(kind.value for kind in (NotificationKind.DIRECT_MESSAGE, *INVITATIONS))
"""Kinds of which there is no second one of the same sender until the first is read."""
OVER_FOR_S = 60.0
"""How long a node that does not lead remembers what is over: longer than it takes until it leads in place of one that
has died, at the default `--node-timeout-s`."""
MOST_OVER = 2000
"""Each is a write then, a fifth of what may wait for the store."""


class Notifications:
    """The notifications of all users."""

    def __init__(
        self,
        *,
        replica: Replica,
        announcer: Announcer,
        store: Store,
        writer: StoreWriter,
        new_key: Callable[[], str],
    ) -> None:
        """`new_key` is another one each time, over restarts too: of a notification that a command brings about."""
        self.new_key = new_key
        self._book = replica.books.notices
        self._presence = replica.books.presence
        self._blocks = replica.books.blocks
        self._replica = replica
        self._announcer = announcer
        self._store = store
        self._writer = writer
        self._over: deque[tuple[float, ReadInvitation]] = deque()
        """What this node has heard the end of while another one led, and when; the oldest first."""
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.NoticeDue, self.due)
        replica.hear(effects.NoticesTold, self._told)

    async def restore(self) -> None:
        self._book.waiting.clear()
        self._book.waiting.update(await self._store.users_with_undelivered_notifications())

    def close(self, user_id: int, kind: NotificationKind, sender_id: int, *, room_id: str | None = None) -> None:
        """An invitation or a friend request is over, as all nodes hear: what told of it counts as read, soon. The node
        that leads writes that, or whoever does in its place, should it be gone by now."""
        if self._replica.is_leader:
            self.close_here(user_id, kind, sender_id, room_id=room_id)
            return
        now_s, over = self._replica.time.monotonic_s(), self._over
        over.append((now_s, _closing(user_id, kind, sender_id, room_id)))
        while len(over) > MOST_OVER or over[0][0] < now_s - OVER_FOR_S:
            over.popleft()

    def close_here(self, user_id: int, kind: NotificationKind, sender_id: int, *, room_id: str | None = None) -> None:
        """As `close`, where this node alone has found out."""
        self._writer.keep(_closing(user_id, kind, sender_id, room_id))

    async def restore_invitations(self, stands: Callable[[StoredNotification], bool]) -> None:
        """Of the invitations that an earlier life of the server told of and nobody has read, those that stand are open,
        so that their senders tell of no second one. What tells of another one counts as read, in the store too before
        anybody is there: the next invitation of its sender is told. Raises `StoreUnavailable`. A statement for each
        that is over, of which there are few: they ended with that life, or its last write did not come about."""
        self._book.unread.clear()  # a node may ask the database again before it begins
        for each in await self._store.unread_of_kinds([kind.value for kind in INVITATIONS]):
            if stands(each):
                self._book.open(each.user_id, each.kind, each.from_user_id)
            else:
                await self._store.read_invitation(
                    each.user_id, kind=each.kind, from_user_id=each.from_user_id, room_id=each.room_id
                )

    async def page(self, user: User, *, before: int | None) -> NotificationList:
        """Raises `StoreUnavailable`."""
        hidden = self._blocks.hidden_from(user.id)
        found = await self._store.notifications(user.id, before=before, most=PAGE_ITEMS + 1, hidden_sender_ids=hidden)
        return NotificationList(
            unread=await self._store.unread_notifications(user.id, hidden_sender_ids=hidden),
            notifications=[
                NotificationBody(
                    id=each.id,
                    kind=each.kind,
                    title=each.title,
                    body=each.body,
                    ts=_ts(each),
                    is_read=each.is_read,
                    room_id=each.room_id,
                )
                for each in found[:PAGE_ITEMS]
            ],
            has_more=len(found) > PAGE_ITEMS,
        )

    async def read(self, user: User, notification_id: int) -> None:
        """Others hear nothing of a second time. Raises `Refusal` (``notification_not_found``), `StoreUnavailable`."""
        is_news = await self._store.read_notification(user.id, notification_id)
        if is_news is None:
            raise Refusal(RefusalCode.NOTIFICATION_NOT_FOUND)
        if is_news or user.id in self._book.unread:
            self._replica.submit(commands.ReadNotices(user.id, notification_id))

    # -- private --------------------------------------------------------------------------------------------------

    def _accepted(self, effect: effects.Accepted, _: Session | None) -> None:
        """A socket of a user takes part: tell what was kept."""
        user_id = effect.user.id
        if user_id in self._book.waiting and self._replica.is_leader:
            self._writer.attempt(lambda: self._deliver(user_id))  # or with the next login

    def due(self, effect: effects.NoticeDue, _: Session | None = None) -> None:
        """Notify a user, soon."""
        if not self._replica.is_leader:
            return
        write = Notify(
            key=effect.key,
            user_id=effect.user_id,
            kind=effect.kind,
            title=effect.title,
            body=effect.body,
            from_user_id=effect.sender.id,
            created_at=effect.at,
            room_id=effect.room_id,
            is_one_per_sender=effect.kind in _ONE_A_SENDER,
        )
        self._writer.keep(write, then=lambda: self._added(effect))

    def take_over(self) -> None:
        """This node leads in place of another one: what is over by now counts as read, what that one may not have kept
        is kept, and whoever came online since it told nobody anything hears what was kept for them."""
        over, self._over = self._over, deque()
        for _, write in over:
            if not self._stands(NotificationKind(write.kind), write.user_id, write.from_user_id, write.room_id):
                self._writer.keep(write)
        for effect in tuple(self._book.due.values()):
            kind = NotificationKind(effect.kind)
            if self._stands(kind, effect.user_id, effect.sender.id, effect.room_id):
                self.due(effect)
            else:  # whoever heard of it now would look for it in vain
                self.close_here(effect.user_id, kind, effect.sender.id, room_id=effect.room_id)
                self._replica.submit(commands.KeepNotice(effect.user_id, effect.key))
        self._writer.attempt(self._deliver_to_all_online)  # or with the next login

    async def _deliver_to_all_online(self) -> None:
        for user_id in sorted(filter(self._presence.has_socket, self._book.waiting)):
            await self._deliver(user_id)

    def _stands(self, kind: NotificationKind, user_id: int, sender_id: int, room_id: str | None) -> bool:
        """Whether what a notification tells of is not over; of what has no end it never is."""
        books = self._replica.books
        if kind is NotificationKind.MATCH_INVITE:
            invited = books.matches.of_guest(user_id)
            return any((each.sender_id, each.room_id) == (sender_id, room_id) for each in invited)
        if kind is NotificationKind.PARTY_INVITE:
            return any(each.sender.id == sender_id for _, each in books.parties.invitations_of(user_id, 0.0))
        if kind is NotificationKind.FRIEND_REQUEST:
            return books.friends.request_between(sender_id, user_id) is not None
        return True

    async def _added(self, effect: effects.NoticeDue) -> None:
        self._replica.submit(commands.KeepNotice(effect.user_id, effect.key))
        await self._deliver(effect.user_id, is_new=True)

    async def _deliver(self, user_id: int, *, is_new: bool = False) -> None:
        """Have all told that was not told, page by page. It counts as told from before it is: never twice, whatever
        happens between; also where another node has led since this one read. `is_new`: something was kept just now,
        which the books may not know yet."""
        has_more = is_new or user_id in self._book.waiting
        while has_more and self._replica.is_leader and self._presence.has_socket(user_id):
            kept = await self._store.undelivered_notifications(user_id, most=PAGE_ITEMS)
            has_more = len(kept) == PAGE_ITEMS
            new = set[int]()
            if kept:
                new = await self._store.set_delivered(user_id, up_to=kept[-1].id)
            notices = tuple(
                commands.Notice(each.id, each.kind, each.title, each.body, each.from_user_id, _ts(each))
                for each in kept
                if each.id in new
            )
            self._replica.submit(commands.DeliverNotices(user_id, notices))
            if has_more:  # for the next login, should the database or the user be gone by then
                self._replica.submit(commands.KeepNotice(user_id, ""))

    def _told(self, effect: effects.NoticesTold, _: Session | None) -> None:
        for each in effect.notices:
            event = Notification(id=each.id, kind=each.kind, title=each.title, body=each.body, ts=each.ts)
            self._announcer.tell_users([effect.user_id], event)


def _closing(user_id: int, kind: NotificationKind, sender_id: int, room_id: str | None) -> ReadInvitation:
    return ReadInvitation(user_id=user_id, kind=kind.value, from_user_id=sender_id, room_id=room_id)


def _ts(stored: StoredNotification) -> int:
    return int(stored.created_at.timestamp() * 1000)
