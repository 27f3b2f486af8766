"""Announcements: messages from an administrator to all clients. The last ones can be read later."""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.protocol import social_resources
from lobby_server.protocol.social_messages import Announcement
from lobby_server.protocol.social_resources import AnnouncementList
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.social.ports import StoredAnnouncement

LISTED = 20


class Announcements:
    """All announcements."""

    def __init__(self, *, announcer: Announcer, store: Store, clock: Clock) -> None:
        self._announcer = announcer
        self._store = store
        self._clock = clock

    async def announce(self, author: User, *, title: str, body: str) -> social_resources.Announcement:
        """Tell everybody, on every accepted socket. Raises `StoreUnavailable`."""
        stored = await self._store.add_announcement(
            title=title, body=body, author=author, created_at=self._clock.utc_now()
        )
        made = _resource(stored)
        self._announcer.tell_everybody(Announcement(id=made.id, title=made.title, body=made.body, ts=made.ts))
        return made

    async def last(self) -> AnnouncementList:
        """Raises `StoreUnavailable`."""
        return AnnouncementList(
            announcements=[_resource(each) for each in await self._store.announcements(most=LISTED)]
        )


def _resource(stored: StoredAnnouncement) -> social_resources.Announcement:
    ts = int(stored.created_at.timestamp() * 1000)
    return social_resources.Announcement(id=stored.id, title=stored.title, body=stored.body, ts=ts)
