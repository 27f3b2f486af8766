"""Administrators' calls: each is committed where it should outlive a restart, becomes an entry of the log, and is noted
with who did it.

What is committed takes effect, also if not all nodes know of it yet. So all that belongs to it is done and noted, and
only then its caller hears ``try_again_later``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable
from datetime import datetime, timedelta

from lobby_server import __version__
from lobby_server.core.bans import end_of_ban
from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources
from lobby_server.protocol.authority import admin_resources
from lobby_server.protocol.codes import MAX_CLOSE_REASON_BYTES, CloseCode
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_resources import PAGE_ITEMS
from lobby_server.service.accounts.forgetting import Forgetting
from lobby_server.service.accounts.revocations import Revocations
from lobby_server.service.accounts.sign_ins import SignIns
from lobby_server.service.administration.ports import AdminStore, NewAuditEntry, NewReport, StoredUserBan
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.rooms.list import any_room_resource
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.people import People
from lobby_server.settings import Settings

_SECRETS = frozenset({"jwt_secret"})
_PASSWORD_OF_URL = re.compile(r"(?<=://)[^/]*@")
"""What stands before the host ends at the last @: a password may have one of its own."""
_PASSWORD_OF_QUERY = re.compile(r"(?<=password=)[^&]*")


class Administration:
    """What administrators may do, and what they see."""

    def __init__(
        self,
        *,
        replica: Replica,
        sessions: Sessions,
        people: People,
        sign_ins: SignIns,
        rooms: RoomCommands,
        revocations: Revocations,
        forgetting: Forgetting,
        store: AdminStore,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._books = replica.books
        self._replica = replica
        self._sessions = sessions
        self._people = people
        self._sign_ins = sign_ins
        self._rooms = rooms
        self._revocations = revocations
        self._forgetting = forgetting
        self._store = store
        self._clock = clock
        self._settings = settings
        self._started_at = clock.utc_now()
        self._started_s = clock.monotonic_s()
        replica.hear(effects.UserPutOut, self._put_out)

    # -- users ----------------------------------------------------------------------------------------------------

    async def kick(self, by: User, username: str, *, reason: str) -> None:
        """Close a user's sockets and end their sign-ins; they may log in again. Raises `Refusal` (``user_not_found``,
        ``invalid_target``, ``try_again_later``), `StoreUnavailable`."""
        user = await self._other(by, username)
        await self._replica.run(commands.KickUser(user, reason))
        late = await _late(self._sign_ins.end_all(user))
        await self.note(by, "kick", user.username, reason)
        _raise_first(late)

    async def ban(self, by: User, username: str, *, reason: str, ends_in_s: int | None) -> admin_resources.UserBan:
        """Keep a user out of the lobby. Raises as `kick`."""
        user = await self._other(by, username)
        now = self._clock.utc_now()
        until = None if ends_in_s is None else now + timedelta(seconds=ends_in_s)
        ban = StoredUserBan(user=user, reason=reason, until=until, created_at=now, by=by)
        async with self._revocations.gated_bans.hold() as held:
            self._replica.check()
            await held.commit(lambda store: store.keep_user_ban(ban))
            until_s = None if until is None else until.timestamp()
            late = await _late(self._revocations.tell(commands.BanUser(user, reason, until_s)))
        ended_late = await _late(self._sign_ins.end_all(user))
        ends = "without an end" if until is None else f"until {resources.iso_utc(until)}"
        await self.note(by, "ban", user.username, f"{ends}: {reason}")
        _raise_first(late, ended_late)
        return _ban(ban)

    async def unban(self, by: User, user_id: int) -> None:
        """Raises `Refusal` (``not_banned``, ``try_again_later``), `StoreUnavailable`."""
        async with self._revocations.gated_bans.hold() as held:
            banned = await self._banned(user_id)
            self._replica.check()
            await held.commit(lambda store: store.delete_user_ban(user_id))
            late = await _late(self._revocations.tell(commands.UnbanUser(user_id)))
            if late is not None and late.code is RefusalCode.NOT_BANNED:
                late = None  # the log had it not; a ban that was on its way stands before this
        await self.note(by, "unban", banned.username, "")
        _raise_first(late)

    async def _banned(self, user_id: int) -> User:
        """Of whom there is a ban: in the books, or so far in the store only, where a list of bans has it from."""
        known = self._books.user_bans.get(user_id)
        if known is not None:
            return known.user
        kept = next((ban.user for ban in await self._store.user_bans() if ban.user.id == user_id), None)
        if kept is None:
            raise Refusal(RefusalCode.NOT_BANNED)
        return kept

    async def bans(self) -> admin_resources.UserBanList:
        """Those that hold. Raises `StoreUnavailable`."""
        now = self._clock.utc_now()
        found = [_ban(ban) for ban in await self._store.user_bans() if ban.until is None or ban.until > now]
        return admin_resources.UserBanList(count=len(found), bans=found)

    # -- rooms ----------------------------------------------------------------------------------------------------

    async def rooms(self) -> admin_resources.AnyRoomList:
        """All that there are, private ones too, newest first. O(rooms)."""
        await self._replica.caught_up_in_call()
        found = [any_room_resource(room) for room in reversed(self._books.rooms.all())]
        return admin_resources.AnyRoomList(count=len(found), rooms=found)

    async def close_room(self, by: User, room_id: str, *, reason: str) -> None:
        """Delete a room, whoever hosts it; its members are told as if its host had. Raises `Refusal`
        (``room_not_found``, ``try_again_later``), `StoreUnavailable`."""
        room = await self._rooms.close_room(by, room_id)
        await self.note(by, "close room", f"{room.gamemode} of {room.host.username} ({room_id})", reason)

    # -- reports --------------------------------------------------------------------------------------------------

    async def report(self, sender: User, username: str, *, text: str, room_id: str | None) -> None:
        """A player tells of another one. Raises `Refusal` (``user_not_found``, ``invalid_target``), `TokenRefused` when
        they are deleted meanwhile, `StoreUnavailable`."""
        about = await self._other(sender, username)
        new = NewReport(sender=sender, about=about, text=text, room_id=room_id, created_at=self._clock.utc_now())
        await self._store.add_report(new)
        await self._forgetting.look_again(sender)

    async def reports(self, *, before: int | None, is_open: bool = False) -> admin_resources.ReportList:
        """`is_open`: only those that wait. Raises `StoreUnavailable`."""
        found = await self._store.reports(before=before, most=PAGE_ITEMS + 1, is_open=is_open)
        return admin_resources.ReportList(
            open=await self._store.open_reports(),
            reports=[
                admin_resources.Report(
                    id=each.id,
                    from_user_id=each.sender.id,
                    from_username=each.sender.username,
                    about_user_id=each.about.id,
                    about_username=each.about.username,
                    text=each.text,
                    room_id=each.room_id,
                    created_at=resources.iso_utc(each.created_at),
                    is_closed=each.is_closed,
                )
                for each in found[:PAGE_ITEMS]
            ],
            has_more=len(found) > PAGE_ITEMS,
        )

    async def close_report(self, by: User, report_id: int) -> None:
        """Raises `Refusal` (``report_not_found``), `StoreUnavailable`."""
        if not await self._store.close_report(report_id):
            raise Refusal(RefusalCode.REPORT_NOT_FOUND)
        await self.note(by, "close report", str(report_id), "")

    # -- what was done, and the server ----------------------------------------------------------------------------

    async def note(self, by: User, deed: str, target: str, detail: str) -> None:
        """An administrator has done something. Raises `StoreUnavailable`."""
        entry = NewAuditEntry(at=self._clock.utc_now(), by=by, deed=deed, target=target, detail=detail)
        await self._store.add_audit_entry(entry)

    async def audit(self, *, before: int | None) -> admin_resources.AuditList:
        """Raises `StoreUnavailable`."""
        found = await self._store.audit_entries(before=before, most=PAGE_ITEMS + 1)
        return admin_resources.AuditList(
            entries=[
                admin_resources.AuditEntry(
                    id=each.id,
                    at=resources.iso_utc(each.at),
                    by_user_id=each.by.id,
                    by_username=each.by.username,
                    deed=each.deed,
                    target=each.target,
                    detail=each.detail,
                )
                for each in found[:PAGE_ITEMS]
            ],
            has_more=len(found) > PAGE_ITEMS,
        )

    def overview(self) -> admin_resources.ServerOverview:
        return admin_resources.ServerOverview(
            version=__version__,
            started_at=resources.iso_utc(self._started_at),
            uptime_s=int(self._clock.monotonic_s() - self._started_s),
            online=len(self._books.presence),
            sessions=len(self._sessions.accepted_ones()),
            rooms=len(self._books.rooms),
            settings=shown_settings(self._settings),
        )

    # -- private --------------------------------------------------------------------------------------------------

    async def _other(self, by: User, username: str) -> User:
        user = await self._people.find(Whom(to_username=username))
        if user.id == by.id:
            raise Refusal(RefusalCode.INVALID_TARGET)
        return user

    def _put_out(self, effect: effects.UserPutOut, _: Session | None) -> None:
        code = CloseCode.BANNED if effect.is_banned else CloseCode.SIGNED_OUT
        what = f"banned{end_of_ban(effect.until_s)}" if effect.is_banned else "kicked"
        reason = f"{what}: {effect.reason}".encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
        for session in self._sessions.of_user(effect.user.id):
            session.close(code, reason)


def shown_settings(settings: Settings) -> dict[str, str]:
    """The settings in force, for administrators: without secrets, and without what stands before the host of a URL."""
    shown = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in _SECRETS:
            shown[field.name] = "given" if value else "not given"
        else:
            shown[field.name] = _PASSWORD_OF_QUERY.sub("…", _PASSWORD_OF_URL.sub("…@", str(value)))
    return shown


async def _late(telling: Awaitable[object]) -> Refusal | None:
    """What is stored is told to all nodes: what its caller has to hear if that takes longer."""
    try:
        await telling
    except Refusal as refusal:
        return refusal
    return None


def _raise_first(*late: Refusal | None) -> None:
    for refusal in late:
        if refusal is not None:
            raise refusal


def _ban(ban: StoredUserBan) -> admin_resources.UserBan:
    return admin_resources.UserBan(
        user_id=ban.user.id,
        username=ban.user.username,
        reason=ban.reason,
        until=_iso(ban.until),
        created_at=resources.iso_utc(ban.created_at),
        by_username=ban.by.username,
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else resources.iso_utc(moment)
