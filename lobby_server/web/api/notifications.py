"""The HTTP API of notifications and announcements. Source: the protocol contract, section 8."""

from __future__ import annotations

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.social_resources import Announcement, AnnouncementList, NotificationList
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import BaseHandler


class NotificationsHandler(BaseHandler):
    @operation(
        "Notifications, newest first",
        answers={200: NotificationList},
        query={"before": "An id; the page begins below it."},
    )
    async def get(self) -> None:
        self.answer(await self.app.social.notifications.page(self.claims().user, before=self.before()))


class NotificationReadHandler(BaseHandler):
    @operation("Mark a notification as read", answers={200: resources.Done}, refusals=(ApiCode.NOTIFICATION_NOT_FOUND,))
    async def post(self, notification_id: str) -> None:
        await self.app.social.notifications.read(self.claims().user, int(notification_id))
        self.answer(resources.Done())


class AnnouncementsHandler(BaseHandler):
    @operation("The last announcements, newest first", answers={200: AnnouncementList})
    async def get(self) -> None:
        self.claims()
        self.answer(await self.app.social.announcements.last())

    @operation("Tell everybody", answers={201: Announcement}, body=requests.NewAnnouncement, caller=Caller.ADMIN)
    async def post(self) -> None:
        claims = self.claims()
        if not claims.is_admin:
            raise Refusal(RefusalCode.ADMIN_REQUIRED)
        wanted = bodies.read(self.body_object(), requests.NewAnnouncement)
        made = await self.app.social.announcements.announce(
            claims.user, title=wanted.title, body=wanted.body, ends_in_s=wanted.ends_in_s
        )
        await self.app.administration.note(claims.user, "announce", wanted.title, wanted.body)
        self.answer(made, 201)
