"""Notifications: what a user should know of, also when they were offline. Kept until they are read or too old.

A user online is told at once, a user offline once, after their next handshake; every later socket asks
``GET /api/notifications``. Nobody waits for a notification to be written: the matter itself is done by then. Of several
nodes the leader alone writes and reads what is to be told, so that nothing is told twice.
"""

from __future__ import annotations

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
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.NoticeDue, self.due)
        replica.hear(effects.NoticesTold, self._told)

    async def restore(self) -> None:
        self._book.waiting.clear()
        self._book.waiting.update(await self._store.users_with_undelivered_notifications())

    def close(self, user_id: int, kind: NotificationKind, sender_id: int, *, room_id: str | None = None) -> None:
        """An invitation or a friend request is over, as all nodes hear: what told of it counts as read, soon."""
        if self._replica.is_leader:
            self.close_here(user_id, kind, sender_id, room_id=room_id)

    def close_here(self, user_id: int, kind: NotificationKind, sender_id: int, *, room_id: str | None = None) -> None:
        """As `close`, where this node alone has found out."""
        self._writer.keep(ReadInvitation(user_id=user_id, kind=kind.value, from_user_id=sender_id, room_id=room_id))

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
        """This node leads in place of another one: keep what that one may not have kept."""
        for effect in tuple(self._book.due.values()):
            self.due(effect)

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


def _ts(stored: StoredNotification) -> int:
    return int(stored.created_at.timestamp() * 1000)
