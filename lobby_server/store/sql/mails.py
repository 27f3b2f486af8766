"""Mails that wait to be sent, on SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from lobby_server.service.mail.ports import MailKind, WaitingMail
from lobby_server.store.calls import SqlCalls
from lobby_server.store.engines import in_transaction
from lobby_server.store.tables import mails


class SqlMails(SqlCalls):
    """`lobby_server.service.mail.ports.MailStore`."""

    async def keep_mail(self, mail: WaitingMail, *, held_until: datetime) -> None:
        new = self._insert(mails).values(
            id=mail.id,
            kind=mail.kind.value,
            user_id=mail.user_id,
            address=mail.to,
            fingerprint=mail.fingerprint,
            language=mail.language,
            good_until=mail.good_until,
            held_until=held_until,
        )
        await self._do(new.on_conflict_do_nothing())

    async def hold_mails(self, leases: Mapping[str, datetime], *, until: datetime) -> set[str]:
        held: dict[datetime, list[str]] = {}
        for mail_id, held_until in leases.items():
            held.setdefault(held_until, []).append(mail_id)
        if not held:
            return set()
        are_held = (and_(mails.c.held_until == moment, mails.c.id.in_(mail_ids)) for moment, mail_ids in held.items())
        hold = update(mails).where(or_(*are_held)).values(held_until=until).returning(mails.c.id)
        return set(await self._run(lambda connection: connection.scalars(hold).all()))

    async def claim_mails(
        self, *, now: datetime, until: datetime, most: int, is_alone: bool = False
    ) -> list[WaitingMail]:
        query = select(mails).where(mails.c.good_until > now).order_by(mails.c.good_until, mails.c.id).limit(most)
        if not is_alone:
            query = query.where(mails.c.held_until <= now)

        def claim(connection: Connection) -> Sequence[Row[Any]]:
            with in_transaction(connection):
                found = connection.execute(query.with_for_update(skip_locked=True)).all()
                ids = [row.id for row in found]
                connection.execute(update(mails).where(mails.c.id.in_(ids)).values(held_until=until))
            return found

        return [_mail(row) for row in await self._run(claim)]

    async def mails_of(self, user_id: int) -> list[WaitingMail]:
        query = select(mails).where(mails.c.user_id == user_id).order_by(mails.c.good_until, mails.c.id)
        return [_mail(row) for row in await self._run(lambda connection: connection.execute(query).all())]

    async def forget_mail(self, mail_id: str) -> None:
        await self._do(delete(mails).where(mails.c.id == mail_id))

    async def forget_mails_until(self, now: datetime) -> None:
        await self._do(delete(mails).where(mails.c.good_until <= now))


def _mail(row: Row[Any]) -> WaitingMail:
    return WaitingMail(
        id=row.id,
        kind=MailKind(row.kind),
        user_id=row.user_id,
        to=row.address,
        fingerprint=row.fingerprint,
        language=row.language,
        good_until=row.good_until,
    )
