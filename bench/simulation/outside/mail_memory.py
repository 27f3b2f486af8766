"""Mails that wait to be sent, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

from lobby_server.service.mail.ports import WaitingMail


class MailMemory:
    """A part of `bench.simulation.outside.memory_store.MemoryStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._mails: dict[str, tuple[WaitingMail, datetime]] = {}
        """With the moment until which each is held."""

    def _check(self, *texts: str | None) -> None:
        raise NotImplementedError

    async def keep_mail(self, mail: WaitingMail, *, held_until: datetime) -> None:
        self._check(mail.id, mail.to, mail.fingerprint)
        kept = replace(mail, good_until=mail.good_until.astimezone(timezone.utc))
        self._mails.setdefault(mail.id, (kept, held_until))

    async def hold_mails(self, leases: Mapping[str, datetime], *, until: datetime) -> set[str]:
        self._check(*leases)
        held = {(mail_id, held_until) for mail_id, (_, held_until) in self._mails.items()} & set(leases.items())
        self._mails.update({mail_id: (self._mails[mail_id][0], until) for mail_id, _ in held})
        return {mail_id for mail_id, _ in held}

    async def claim_mails(
        self, *, now: datetime, until: datetime, most: int, is_alone: bool = False
    ) -> list[WaitingMail]:
        self._check()
        free = [
            mail
            for mail, held_until in self._mails.values()
            if mail.good_until > now and (is_alone or held_until <= now)
        ]
        claimed = sorted(free, key=_end_of)[:most]
        self._mails.update({mail.id: (mail, until) for mail in claimed})
        return claimed

    async def mails_of(self, user_id: int) -> list[WaitingMail]:
        self._check()
        return sorted((mail for mail, _ in self._mails.values() if mail.user_id == user_id), key=_end_of)

    async def forget_mail(self, mail_id: str) -> None:
        self._check(mail_id)
        self._mails.pop(mail_id, None)

    async def forget_mails_until(self, now: datetime) -> None:
        self._check()
        self._mails = {key: each for key, each in self._mails.items() if each[0].good_until > now}


def _end_of(mail: WaitingMail) -> tuple[datetime, str]:
    return mail.good_until, mail.id
