"""A copy of all that is kept of a user, for that user. Where something is kept of users is said by the tables of the
store, of which a test knows each such column.
"""

from __future__ import annotations

from lobby_server.protocol import resources, social_resources
from lobby_server.protocol.authority import account_resources
from lobby_server.service.accounts.commands import user_resource
from lobby_server.service.accounts.sign_ins import SignIns
from lobby_server.service.accounts.upkeep import AccountUpkeep
from lobby_server.service.auth import Claims
from lobby_server.service.ports import Store
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.list import any_room_resource
from lobby_server.service.social.assembly import Social

_EVERYTHING = 1_000_000


class Exports:
    """For accounts of the local table."""

    def __init__(
        self,
        *,
        store: Store,
        upkeep: AccountUpkeep,
        sign_ins: SignIns,
        social: Social,
        replica: Replica,
    ) -> None:
        self._rooms = replica.books.rooms
        self._store = store
        self._upkeep = upkeep
        self._sign_ins = sign_ins
        self._social = social
        self._replica = replica

    async def export(self, claims: Claims) -> account_resources.AccountExport:
        """O(rooms and bans). Raises `Refusal` (``account_not_here``), `StoreUnavailable`."""
        account = await self._upkeep.account(claims)
        await self._replica.caught_up_in_call()
        lines = await self._store.chat_lines_by(account.id)
        notices = await self._store.notifications(account.id, before=None, most=_EVERYTHING)
        reports = await self._store.reports_by(account.id)
        mails = await self._store.mails_of(account.id)
        bans = [ban for ban in await self._store.user_bans() if ban.user.id == account.id]
        invites_sent = await self._social.invitations.sent(account.user)
        invites_received = (await self._social.invitations.mine(account.user)).invites
        sign_ins = (await self._sign_ins.overview(claims)).sign_ins
        rooms = list(self._rooms.all())
        return account_resources.AccountExport(
            user=user_resource(account),
            role=account.role,
            email_confirmed=account.email_confirmed,
            whereabouts=self._social.whereabouts.audience_of(account.user),
            rooms_hosted=account.rooms_hosted,
            rooms=[
                any_room_resource(room) for room in rooms if account.id == room.host.id or account.id in room.members
            ],
            banned_from=[room.id for room in rooms if account.id in room.banned_user_ids],
            admitted_to=[room.id for room in rooms if account.id in room.invited_user_ids],
            started_with=[room.id for room in rooms if room.players is not None and account.id in room.players],
            invites_sent=invites_sent,
            invites_received=invites_received,
            party=self._social.parties.mine(account.user),
            bans=[
                account_resources.PastBan(
                    reason=ban.reason,
                    created_at=resources.iso_utc(ban.created_at),
                    until=None if ban.until is None else resources.iso_utc(ban.until),
                )
                for ban in bans
            ],
            sign_ins=sign_ins,
            friends=self._social.friends.overview(account.user),
            blocks=self._social.blocks.overview(account.user).blocks,
            chat=[
                social_resources.ChatLine(
                    id=line.id,
                    channel=line.channel,
                    from_user_id=line.sender.id,
                    from_username=line.sender.username,
                    text=line.text,
                    ts=int(line.sent_at.timestamp() * 1000),
                )
                for line in lines
            ],
            notifications=[
                social_resources.Notification(
                    id=each.id,
                    kind=each.kind,
                    title=each.title,
                    body=each.body,
                    ts=int(each.created_at.timestamp() * 1000),
                    is_read=each.is_read,
                    room_id=each.room_id,
                )
                for each in notices
            ],
            reports=[
                account_resources.SentReport(
                    about_username=each.about.username,
                    text=each.text,
                    room_id=each.room_id,
                    created_at=resources.iso_utc(each.created_at),
                    is_closed=each.is_closed,
                )
                for each in reports
            ],
            mails=[
                account_resources.MailInWait(
                    kind=mail.kind.value, address=mail.to, until=resources.iso_utc(mail.good_until)
                )
                for mail in mails
            ],
        )
