"""Sign-ins, roles and all that is kept of an account, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

from bench.simulation.outside.admin_memory import AdminMemory
from bench.simulation.outside.mail_memory import MailMemory
from bench.simulation.outside.social_memory import SocialMemory
from lobby_server.protocol.requests import Audience
from lobby_server.service.ports import Account, EmailTaken, SignIn, StoredRoom
from lobby_server.service.social.ports import ChatLine
from lobby_server.store.tables import key_of


class AccountMemory(AdminMemory, MailMemory, SocialMemory):
    """A part of `bench.simulation.outside.memory_store.MemoryStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._accounts: dict[int, Account] = {}
        self._rooms: dict[str, StoredRoom] = {}
        self._sign_ins: dict[str, SignIn] = {}
        self._revoked: dict[str, datetime] = {}
        self._whereabouts: dict[int, Audience] = {}

    async def set_role(self, user_id: int, role: str | None) -> None:
        self._check(role)
        if user_id in self._accounts:
            self._accounts[user_id] = replace(self._accounts[user_id], role=role)

    async def set_email(self, user_id: int, email: str | None, *, known: Account | None = None) -> bool:
        self._check(email)
        now = self._accounts.get(user_id)
        if now is None or (known is not None and (now.password_hash, now.email) != (known.password_hash, known.email)):
            return False
        if email is not None:
            for other in list(self._accounts.values()):
                if other.id == user_id or other.email is None or key_of(other.email) != key_of(email):
                    continue
                if other.email_confirmed:
                    raise EmailTaken(f"The email {email} is taken.")
                self._accounts[other.id] = replace(other, email=None)
        self._accounts[user_id] = replace(now, email=email, email_confirmed=email is not None)
        return True

    async def set_whereabouts(self, user_id: int, audience: Audience) -> None:
        self._check(audience)
        self._whereabouts[user_id] = audience

    async def whereabouts(self) -> dict[int, Audience]:
        self._check()
        return dict(self._whereabouts)

    async def whereabouts_of(self, user_ids: Sequence[int]) -> dict[int, Audience]:
        self._check()
        return {user_id: self._whereabouts[user_id] for user_id in user_ids if user_id in self._whereabouts}

    async def add_sign_in(self, sign_in: SignIn) -> None:
        self._check(sign_in.id, sign_in.client)
        for known in list(self._sign_ins.values()):
            if known.user_id == sign_in.user_id and known.expires_at <= sign_in.created_at:
                del self._sign_ins[known.id]
        moments = (sign_in.created_at, sign_in.used_at, sign_in.expires_at)
        created_at, used_at, expires_at = (moment.astimezone(timezone.utc) for moment in moments)
        self._sign_ins[sign_in.id] = replace(sign_in, created_at=created_at, used_at=used_at, expires_at=expires_at)

    async def sign_ins(self, user_id: int, now: datetime) -> list[SignIn]:
        self._check()
        own = [each for each in self._sign_ins.values() if each.user_id == user_id and each.expires_at > now]
        return sorted(own, key=lambda each: (-each.used_at.timestamp(), each.id))

    async def renew_sign_in(self, sign_in_id: str, *, used_at: datetime, expires_at: datetime, key: str) -> bool:
        self._check(sign_in_id)
        if (known := self._sign_ins.get(sign_in_id)) is not None:
            last = max(known.expires_at, expires_at.astimezone(timezone.utc))
            self._sign_ins[sign_in_id] = replace(known, used_at=used_at.astimezone(timezone.utc), expires_at=last)
        return key not in self._revoked

    async def delete_sign_in(self, sign_in_id: str) -> bool:
        self._check(sign_in_id)
        return self._sign_ins.pop(sign_in_id, None) is not None

    async def forget_sign_ins_until(self, moment: datetime, *, most: int) -> int:
        self._check()
        ended = [each.id for each in self._sign_ins.values() if each.expires_at <= moment][:most]
        for sign_in_id in ended:
            del self._sign_ins[sign_in_id]
        return len(ended)

    async def chat_lines_by(self, user_id: int) -> list[ChatLine]:
        self._check()
        return [line for line in self._lines.values() if line.sender.id == user_id]

    async def delete_account(self, user_id: int, *, revokes: tuple[str, datetime] | None = None) -> bool:
        self._check()
        if revokes is not None:
            self._revoke(*revokes)
        self._forget(user_id)
        return self._accounts.pop(user_id, None) is not None

    async def forget_users(self, user_ids: Sequence[int]) -> None:
        self._check()
        for user_id in user_ids:
            if user_id not in self._accounts:
                self._forget(user_id)

    def _forget(self, user_id: int) -> None:
        self._requests = {
            key: each for key, each in self._requests.items() if user_id not in (each.sender.id, each.receiver.id)
        }
        self._friendships = {key: each for key, each in self._friendships.items() if user_id not in key}
        self._blocks = {key: each for key, each in self._blocks.items() if user_id not in key}
        self._lines = {key: line for key, line in self._lines.items() if line.sender.id != user_id}
        self._notifications = {
            key: each for key, each in self._notifications.items() if user_id not in (each.user_id, each.from_user_id)
        }
        self._reports = {key: each for key, each in self._reports.items() if each.sender.id != user_id}
        self._sign_ins = {key: each for key, each in self._sign_ins.items() if each.user_id != user_id}
        self._mails = {key: each for key, each in self._mails.items() if each[0].user_id != user_id}
        self._whereabouts.pop(user_id, None)
        for room in self._rooms.values():
            self._rooms[room.id] = replace(
                room,
                banned_user_ids=room.banned_user_ids - {user_id},
                invited_user_ids=room.invited_user_ids - {user_id},
                invitations=tuple(each for each in room.invitations if user_id not in (each.sender_id, each.guest_id)),
            )

    async def revoke_token(self, jti: str, expires_at: datetime) -> None:
        self._check(jti)
        self._revoke(jti, expires_at)

    def _revoke(self, jti: str, expires_at: datetime) -> None:
        ends = expires_at.astimezone(timezone.utc)
        self._revoked[jti] = max(ends, self._revoked.get(jti, ends))
