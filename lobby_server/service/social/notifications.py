"""Notifications: what a user should know of, also when they were offline. Kept until they are read or too old.

A user online is told at once, a user offline once, after their next handshake; every later socket asks
``GET /api/notifications``. Nobody waits for a notification to be written: the matter itself is done by then.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.core.blocks import BlockBook
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.social_messages import Notification
from lobby_server.protocol.social_resources import PAGE_ITEMS, NotificationKind, NotificationList
from lobby_server.protocol.social_resources import Notification as NotificationBody
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.ports import StoredNotification
from lobby_server.service.writes.kept import Notify, ReadInvitation
from lobby_server.service.writes.writer import StoreWriter

INVITATIONS = (NotificationKind.PARTY_INVITE, NotificationKind.MATCH_INVITE)
_ONE_A_SENDER = frozenset({NotificationKind.DIRECT_MESSAGE, *INVITATIONS})
"""Kinds of which there is no second one of the same sender until the first is read."""


class Notifications:
    """The notifications of all users."""

    def __init__(
        self,
        *,
        blocks: BlockBook,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_key: Callable[[], str],
    ) -> None:
        """`new_key` is another one each time, over restarts too."""
        self._blocks = blocks
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self._new_key = new_key
        self._waiting: set[int] = set()
        """Users for whom something was kept that no socket was told: a login of any other user costs no query."""
        self._open: dict[int, set[tuple[NotificationKind, int]]] = {}
        """By user, invitations that they have not read as far as this process knows: kind and sender."""

    async def restore(self) -> None:
        self._waiting = await self._store.users_with_undelivered_notifications()

    def add(
        self, user_id: int, kind: NotificationKind, *, title: str, body: str, sender: User, room_id: str | None = None
    ) -> None:
        """Notify a user, soon. `room_id`: where it invites to."""
        if kind in INVITATIONS:
            self._open.setdefault(user_id, set()).add((kind, sender.id))
        write = Notify(
            key=self._new_key(),
            user_id=user_id,
            kind=kind.value,
            title=title,
            body=body,
            from_user_id=sender.id,
            created_at=self._clock.utc_now(),
            room_id=room_id,
            is_one_per_sender=kind in _ONE_A_SENDER,
        )
        self._writer.keep(write, then=lambda: self._added(user_id))

    def is_open(self, user_id: int, kind: NotificationKind, sender_id: int) -> bool:
        """Whether a user has been told of an invitation of that sender and has read nothing since."""
        return (kind, sender_id) in self._open.get(user_id, ())

    def close(self, user_id: int, kind: NotificationKind, sender_id: int, *, room_id: str | None = None) -> None:
        """An invitation is over: what told of it counts as read, soon."""
        self._open.get(user_id, set()).discard((kind, sender_id))
        self._writer.keep(ReadInvitation(user_id=user_id, kind=kind.value, from_user_id=sender_id, room_id=room_id))

    async def open_invitations(self) -> list[StoredNotification]:
        """What an earlier life of the server told of and nobody has read. Raises `StoreUnavailable`."""
        found = await self._store.unread_of_kinds([kind.value for kind in INVITATIONS])
        for each in found:
            self._open.setdefault(each.user_id, set()).add((NotificationKind(each.kind), each.from_user_id))
        return found

    def login(self, user_id: int) -> None:
        """A socket of a user was accepted: tell what was kept."""
        if user_id in self._waiting:
            self._writer.attempt(lambda: self._deliver(user_id))  # or with the next login

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
        """Raises `Refusal` (``notification_not_found``), `StoreUnavailable`."""
        if not await self._store.read_notification(user.id, notification_id):
            raise Refusal(RefusalCode.NOTIFICATION_NOT_FOUND)
        self._open.pop(user.id, None)

    # -- private --------------------------------------------------------------------------------------------------

    async def _added(self, user_id: int) -> None:
        self._waiting.add(user_id)
        await self._deliver(user_id)

    async def _deliver(self, user_id: int) -> None:
        """Tell all that was not told. It counts as told from before it is: never twice, whatever happens between."""
        if user_id not in self._waiting or not self._sessions.has_any(user_id):
            return
        kept = await self._store.undelivered_notifications(user_id, most=PAGE_ITEMS)
        if kept:
            await self._store.set_delivered(user_id, up_to=kept[-1].id)
        self._waiting.discard(user_id)
        for each in kept:
            if self._blocks.blocks(user_id, each.from_user_id):
                continue
            event = Notification(id=each.id, kind=each.kind, title=each.title, body=each.body, ts=_ts(each))
            self._announcer.tell_users([user_id], event)


def _ts(stored: StoredNotification) -> int:
    return int(stored.created_at.timestamp() * 1000)
