"""The HTTP API of administrators, and the reports that players send them."""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import requests, resources
from lobby_server.protocol.authority import admin_resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler

OPEN = "open is 0 or 1."


class AdminHandler(BaseHandler):
    """One whose calls are for administrators."""

    def administrator(self) -> User:
        """Who calls. Raises as `claims`, and `Refusal` (``admin_required``)."""
        claims = self.claims()
        if not claims.is_admin:
            raise Refusal(RefusalCode.ADMIN_REQUIRED)
        return claims.user


class OverviewHandler(AdminHandler):
    @operation(
        "Version, uptime, and the settings in force",
        answers={200: admin_resources.ServerOverview},
        caller=Caller.ADMIN,
    )
    async def get(self) -> None:
        self.administrator()
        self.answer(self.app.administration.overview())


class KicksHandler(AdminHandler):
    @operation(
        "Sign a user out everywhere; they may log in again",
        answers={200: resources.Done},
        body=requests.UserKick,
        caller=Caller.ADMIN,
        refusals=(ApiCode.USER_NOT_FOUND, ApiCode.INVALID_TARGET),
    )
    async def post(self) -> None:
        by, wanted = self.administrator(), bodies.read(self.body_object(), requests.UserKick)
        await self.app.administration.kick(by, wanted.username, reason=wanted.reason)
        self.answer(resources.Done())


class UserBansHandler(AdminHandler):
    @operation("Users who are banned from the lobby", answers={200: admin_resources.UserBanList}, caller=Caller.ADMIN)
    async def get(self) -> None:
        self.administrator()
        self.answer(await self.app.administration.bans())

    @operation(
        "Ban a user from the lobby, with a reason, and perhaps with an end",
        answers={201: admin_resources.UserBan},
        body=requests.NewUserBan,
        caller=Caller.ADMIN,
        refusals=(ApiCode.USER_NOT_FOUND, ApiCode.INVALID_TARGET),
    )
    async def post(self) -> None:
        by, wanted = self.administrator(), bodies.read(self.body_object(), requests.NewUserBan)
        ban = await self.app.administration.ban(by, wanted.username, reason=wanted.reason, ends_in_s=wanted.ends_in_s)
        self.answer(ban, 201)


class UserBanHandler(AdminHandler):
    @operation(
        "Lift a ban from the lobby",
        answers={200: resources.Done},
        caller=Caller.ADMIN,
        refusals=(ApiCode.NOT_BANNED,),
    )
    async def delete(self, user_id: str) -> None:
        await self.app.administration.unban(self.administrator(), int(user_id))
        self.answer(resources.Done())


class RoomsHandler(AdminHandler):
    @operation(
        "All rooms, private ones too, newest first", answers={200: admin_resources.AnyRoomList}, caller=Caller.ADMIN
    )
    async def get(self) -> None:
        self.administrator()
        self.answer(await self.app.administration.rooms())


class RoomCloseHandler(AdminHandler):
    @operation(
        "Close a room, whoever hosts it",
        answers={200: resources.Done},
        body=requests.Reason,
        caller=Caller.ADMIN,
        refusals=(ApiCode.ROOM_NOT_FOUND,),
    )
    async def post(self, room_id: str) -> None:
        by, wanted = self.administrator(), bodies.read(self.body_object(), requests.Reason)
        await self.app.administration.close_room(by, room_id, reason=wanted.reason)
        self.answer(resources.Done())


class ReportsHandler(BaseHandler):
    @operation(
        "Tell the administrators of another player",
        answers={201: resources.Done},
        body=requests.NewReport,
        refusals=(ApiCode.USER_NOT_FOUND, ApiCode.INVALID_TARGET, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        sender, wanted = await self.caller(), bodies.read(self.body_object(), requests.NewReport)
        await self.app.administration.report(sender, wanted.username, text=wanted.text, room_id=wanted.room_id)
        self.answer(resources.Done(), 201)


class ReportListHandler(AdminHandler):
    @operation(
        "Reports of players, newest first",
        answers={200: admin_resources.ReportList},
        caller=Caller.ADMIN,
        query={"before": "An id; the page begins below it.", "open": "1: only those that nobody has dealt with."},
    )
    async def get(self) -> None:
        self.administrator()
        is_open = self.get_query_argument("open", "0")
        if is_open not in ("0", "1"):
            raise ApiFault(400, ApiCode.INVALID_REQUEST, OPEN, fields={"open": OPEN})
        self.answer(await self.app.administration.reports(before=self.before(), is_open=is_open == "1"))


class ReportCloseHandler(AdminHandler):
    @operation(
        "A report is dealt with",
        answers={200: resources.Done},
        caller=Caller.ADMIN,
        refusals=(ApiCode.REPORT_NOT_FOUND,),
    )
    async def post(self, report_id: str) -> None:
        await self.app.administration.close_report(self.administrator(), int(report_id))
        self.answer(resources.Done())


class AuditHandler(AdminHandler):
    @operation(
        "What administrators have done, newest first",
        answers={200: admin_resources.AuditList},
        caller=Caller.ADMIN,
        query={"before": "An id; the page begins below it."},
    )
    async def get(self) -> None:
        self.administrator()
        self.answer(await self.app.administration.audit(before=self.before()))
