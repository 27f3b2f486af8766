"""The HTTP API of notifications. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.protocol import resources
from lobby_server.web.base import BaseHandler


class NotificationsHandler(BaseHandler):
    async def get(self) -> None:
        self.answer(await self.context.social.notices.page(self.claims().user, before=self.before()))


class NotificationReadHandler(BaseHandler):
    async def post(self, notification_id: str) -> None:
        await self.context.social.notices.read(self.claims().user, int(notification_id))
        self.answer(resources.Done())
