"""Lines of chat on SQL. Many are written in one statement: who talks does not wait for the line before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from sqlalchemy import Connection, delete, insert, or_, select

from lobby_server.core.presence import User
from lobby_server.service.social.ports import ChatLine, NewLine
from lobby_server.store.calls import SqlCalls
from lobby_server.store.engines import in_transaction
from lobby_server.store.tables import chat_lines


class SqlChat(SqlCalls):
    """`lobby_server.service.social.ports.ChatStore`."""

    async def add_chat_lines(self, lines: Sequence[NewLine]) -> list[ChatLine]:
        rows = [
            {
                "channel": line.channel,
                "sender_id": line.sender.id,
                "sender_username": line.sender.username,
                "text": line.text,
                "sent_at": line.sent_at,
                "is_withheld": line.is_withheld,
            }
            for line in lines
        ]
        if not rows:
            return []
        numbered = insert(chat_lines).returning(chat_lines.c.id, sort_by_parameter_order=True)

        def add(connection: Connection) -> list[int]:
            with in_transaction(connection):
                return [int(row.id) for row in connection.execute(numbered, rows)]

        line_ids = await self._run(add)
        return [_numbered(line, line_id) for line, line_id in zip(lines, line_ids, strict=True)]

    async def chat_lines(
        self, channel: str, *, reader_id: int, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[ChatLine]:
        columns = chat_lines.c
        query = (
            select(chat_lines)
            .where(columns.channel == channel, or_(columns.is_withheld.is_(False), columns.sender_id == reader_id))
            .order_by(columns.id.desc())
            .limit(most)
        )
        if before is not None:
            query = query.where(columns.id < before)
        if hidden_sender_ids:
            query = query.where(columns.sender_id.not_in(hidden_sender_ids))
        rows = await self._run(lambda connection: connection.execute(query).all())
        return [
            ChatLine(
                id=row.id,
                channel=row.channel,
                sender=User(row.sender_id, row.sender_username),
                text=row.text,
                sent_at=row.sent_at,
                is_withheld=row.is_withheld,
            )
            for row in reversed(rows)
        ]

    async def delete_chat_before(self, moment: datetime) -> None:
        await self._do(delete(chat_lines).where(chat_lines.c.sent_at < moment))


def _numbered(line: NewLine, line_id: int) -> ChatLine:
    return ChatLine(
        id=line_id,
        channel=line.channel,
        sender=line.sender,
        text=line.text,
        sent_at=line.sent_at.astimezone(timezone.utc),
        is_withheld=line.is_withheld,
    )
