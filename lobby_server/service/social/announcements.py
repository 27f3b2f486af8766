"""Announcements: messages from an administrator to all clients. The last ones can be read later."""

from __future__ import annotations

from datetime import timedelta

from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.protocol import social_resources
from lobby_server.protocol.social_messages import Announcement
from lobby_server.protocol.social_resources import AnnouncementList
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.social.ports import StoredAnnouncement
from lobby_server.service.writes.kept import ForgetAnnouncement
from lobby_server.service.writes.writer import StoreWriter

LISTED = 20


class Announcements:
    """All announcements."""

    def __init__(
        self, *, replica: Replica, announcer: Announcer, store: Store, writer: StoreWriter, clock: Clock
    ) -> None:
        self._replica = replica
        self._announcer = announcer
        self._store = store
        self._writer = writer
        self._clock = clock
        replica.hear(effects.Announced, self._announced)

    async def announce(
        self, author: User, *, title: str, body: str, ends_in_s: int | None = None
    ) -> social_resources.Announcement:
        """Tell everybody, on every accepted socket. Raises `StoreUnavailable`, `Refusal` (``try_again_later``); what
        will never be told is not kept, so that another try is not a second one in the list."""
        self._replica.check()
        now = self._clock.utc_now()
        stored = await self._store.add_announcement(
            title=title,
            body=body,
            author=author,
            created_at=now,
            ends_at=None if ends_in_s is None else now + timedelta(seconds=ends_in_s),
        )
        made = _resource(stored)
        command = commands.Announce(made.id, made.title, made.body, made.ts, made.until)
        forget = ForgetAnnouncement(announcement_id=made.id)
        await self._replica.run(command, undo=lambda: self._writer.keep(forget))
        return made

    async def last(self) -> AnnouncementList:
        """Those that have not ended. Raises `StoreUnavailable`."""
        now = self._clock.utc_now()
        found = await self._store.announcements(most=LISTED)
        return AnnouncementList(
            announcements=[_resource(each) for each in found if each.ends_at is None or each.ends_at > now]
        )

    def _announced(self, effect: effects.Announced, _: Session | None) -> None:
        event = Announcement(id=effect.id, title=effect.title, body=effect.body, ts=effect.ts, until=effect.until)
        self._announcer.tell_everybody(event)


def _resource(stored: StoredAnnouncement) -> social_resources.Announcement:
    return social_resources.Announcement(
        id=stored.id,
        title=stored.title,
        body=stored.body,
        ts=int(stored.created_at.timestamp() * 1000),
        until=None if stored.ends_at is None else int(stored.ends_at.timestamp() * 1000),
    )
