"""Where users are signed in, roles, and all that is kept of an account, on SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Row, Table, case, delete, insert, literal, or_, select, update

from lobby_server.core.presence import User
from lobby_server.protocol.requests import Audience
from lobby_server.service.ports import Account, EmailTaken, EndsSignIn, SignIn
from lobby_server.service.social.ports import ChatLine
from lobby_server.store.engines import in_transaction
from lobby_server.store.errors import RowConflict
from lobby_server.store.sql.gated import SqlGated
from lobby_server.store.tables import (
    UtcDateTime,
    blocks,
    chat_lines,
    friend_requests,
    friendships,
    key_of,
    mails,
    notifications,
    reports,
    revoked_tokens,
    room_bans,
    room_guests,
    room_invites,
    sign_ins,
    users,
    whereabouts,
)

_OF_USER: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (friend_requests, ("sender_id", "receiver_id")),
    (friendships, ("user_id", "friend_id")),
    (blocks, ("user_id", "blocked_id")),
    (chat_lines, ("sender_id",)),
    (notifications, ("user_id", "from_user_id")),
    (reports, ("sender_id",)),
    (room_bans, ("user_id",)),
    (room_guests, ("user_id",)),
    (room_invites, ("sender_id", "guest_id")),
    (sign_ins, ("user_id",)),
    (mails, ("user_id",)),
    (whereabouts, ("user_id",)),
)
"""Where a user stands in a row besides their account; the row goes with it."""


class SqlAccountData(SqlGated):
    """A part of `lobby_server.service.ports.Store`."""

    async def set_email(self, user_id: int, email: str | None, *, known: Account | None = None) -> bool:
        key = None if email is None else key_of(email)
        others = update(users).where(
            users.c.email_key == key, users.c.id != user_id, users.c.email_confirmed.is_(False)
        )
        kept = {"email": email, "email_key": key, "email_confirmed": email is not None}

        is_as_known = [users.c.id == user_id]
        if known is not None:
            is_as_known += (
                users.c.password_hash == known.password_hash,
                users.c.email.is_not_distinct_from(known.email),
            )

        def keep(connection: Connection) -> bool:
            with in_transaction(connection):
                if connection.scalar(select(users.c.id).where(*is_as_known).with_for_update()) is None:
                    return False
                if email is not None:
                    connection.execute(others.values(email=None, email_key=None))
                connection.execute(update(users).where(users.c.id == user_id).values(kept))
                return True

        try:
            return await self._run(keep)
        except RowConflict as conflict:
            of_another = (users.c.email_key == key, users.c.id != user_id, users.c.email_confirmed.is_(True))
            if await self._first(select(users.c.id).where(*of_another)) is not None:
                raise EmailTaken(f"The email {email} is taken.") from conflict
            # By an account that was made just now and has not confirmed it.
            return await self.set_email(user_id, email, known=known)

    async def set_whereabouts(self, user_id: int, audience: Audience) -> None:
        new = self._insert(whereabouts).values(user_id=user_id, audience=audience)
        await self._change_by(new.on_conflict_do_update(index_elements=["user_id"], set_={"audience": audience}))

    async def whereabouts(self) -> dict[int, Audience]:
        return {row.user_id: row.audience async for row in self._pages(whereabouts)}

    async def whereabouts_of(self, user_ids: Sequence[int]) -> dict[int, Audience]:
        query = select(whereabouts).where(whereabouts.c.user_id.in_(user_ids))
        rows = await self._run(lambda connection: connection.execute(query).all())
        return {row.user_id: row.audience for row in rows}

    async def set_role(self, user_id: int, role: str | None) -> None:
        await self._do(update(users).where(users.c.id == user_id).values(role=role))

    async def add_sign_in(self, sign_in: SignIn) -> None:
        new = insert(sign_ins).values(
            id=sign_in.id,
            user_id=sign_in.user_id,
            client=sign_in.client,
            created_at=sign_in.created_at,
            used_at=sign_in.used_at,
            expires_at=sign_in.expires_at,
        )
        ended = delete(sign_ins).where(
            sign_ins.c.user_id == sign_in.user_id, sign_ins.c.expires_at <= sign_in.created_at
        )

        # Another password ends the sign-ins that it finds: this one is there before, or whoever adds it sees it then.
        settled = select(users.c.id).where(users.c.id == sign_in.user_id).with_for_update(read=True)

        def add(connection: Connection) -> None:
            with in_transaction(connection):
                connection.execute(settled)
                connection.execute(ended)
                connection.execute(new)

        await self._run(add)

    async def sign_ins(self, user_id: int, now: datetime) -> list[SignIn]:
        query = (
            select(sign_ins)
            .where(sign_ins.c.user_id == user_id, sign_ins.c.expires_at > now)
            .order_by(sign_ins.c.used_at.desc(), sign_ins.c.id)
        )
        return [_sign_in(row) for row in await self._run(lambda connection: connection.execute(query).all())]

    async def renew_sign_in(self, sign_in_id: str, *, used_at: datetime, expires_at: datetime, key: str) -> bool:
        renewed = update(sign_ins).where(sign_ins.c.id == sign_in_id).values(used_at=used_at)
        ends = sign_ins.c.expires_at
        last = case((ends > expires_at, ends), else_=literal(expires_at, UtcDateTime()))
        await self._do(renewed.values(expires_at=last))
        return await self._first(select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == key)) is None

    async def delete_sign_in(self, sign_in_id: str) -> bool:
        ended = delete(sign_ins).where(sign_ins.c.id == sign_in_id)
        return await self._run(lambda connection: connection.execute(ended).rowcount > 0)

    async def forget_sign_ins_until(self, moment: datetime, *, most: int) -> int:
        has_ended = sign_ins.c.expires_at <= moment
        found = select(sign_ins.c.id).where(has_ended).limit(most)
        # Once more: one that is renewed as it is found is read again before it goes.
        ended = delete(sign_ins).where(sign_ins.c.id.in_(found), has_ended)
        return await self._run(lambda connection: connection.execute(ended).rowcount)

    def _end_sign_ins(self, connection: Connection, user_id: int, ends: EndsSignIn) -> None:
        """In a transaction that has changed the account."""
        for row in connection.execute(select(sign_ins).where(sign_ins.c.user_id == user_id)).all():
            if (revocation := ends(_sign_in(row))) is not None:
                connection.execute(self._revocation(*revocation))
                connection.execute(delete(sign_ins).where(sign_ins.c.id == row.id))

    async def chat_lines_by(self, user_id: int) -> list[ChatLine]:
        query = select(chat_lines).where(chat_lines.c.sender_id == user_id).order_by(chat_lines.c.id)
        return [
            ChatLine(
                id=row.id,
                channel=row.channel,
                sender=User(row.sender_id, row.sender_username),
                text=row.text,
                sent_at=row.sent_at,
                is_withheld=row.is_withheld,
            )
            for row in await self._run(lambda connection: connection.execute(query).all())
        ]

    async def delete_account(self, user_id: int, *, revokes: tuple[str, datetime] | None = None) -> bool:
        def forget(connection: Connection) -> bool:
            with in_transaction(connection):
                # First, as a second call waits for the first one here, and finds nothing then.
                was_there = connection.execute(delete(users).where(users.c.id == user_id)).rowcount > 0
                _forget(connection, [user_id])
                if revokes is not None:
                    connection.execute(self._revocation(*revokes))
            return was_there

        return await self._run(forget)

    async def forget_users(self, user_ids: Sequence[int]) -> None:
        def forget(connection: Connection) -> None:
            with in_transaction(connection):
                there = set(connection.scalars(select(users.c.id).where(users.c.id.in_(user_ids))))
                _forget(connection, [user_id for user_id in user_ids if user_id not in there])

        await self._run(forget)

    async def revoke_token(self, jti: str, expires_at: datetime) -> None:
        await self._do(self._revocation(jti, expires_at))

    def _revocation(self, jti: str, expires_at: datetime) -> Executable:
        new = self._insert(revoked_tokens).values(jti=jti, expires_at=expires_at)
        return new.on_conflict_do_update(
            index_elements=[revoked_tokens.c.jti],
            set_={"expires_at": new.excluded.expires_at},
            where=revoked_tokens.c.expires_at < new.excluded.expires_at,
        )


def _forget(connection: Connection, user_ids: Sequence[int]) -> None:
    """All rows of users, but for those of their accounts."""
    if user_ids:
        for table, columns in _OF_USER:
            connection.execute(delete(table).where(or_(*(table.c[name].in_(user_ids) for name in columns))))


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(
        id=row.id,
        user_id=row.user_id,
        client=row.client,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
    )
