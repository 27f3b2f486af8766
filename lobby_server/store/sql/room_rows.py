"""The row of a room, where another write of it may be under way of which nobody knows what becomes: its server has not
heard the answer, and goes on.

On PostgreSQL only a commit that was asked for before that may still come about, for a transaction ends with its
connection. So what makes a room, or deletes it, is a transaction of several statements, which holds the row from before
it commits: whoever comes after it here waits for that row, and finds what has become of it. On SQLite writes are made
one after the other, and one that failed is not made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Select, Table, delete, select

from lobby_server.store.engines import in_transaction
from lobby_server.store.steps import Step, make_in_turn
from lobby_server.store.tables import rooms

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_NOBODYS = {
    "host_user_id": 0, "host_username": "", "gamemode": "", "max_players": 0, "is_public": False,
    "created_at": datetime(2000, 1, 1, tzinfo=timezone.utc),
}  # fmt: skip
"""A row that nobody ever sees."""


def locked(room_id: str) -> Select[tuple[str]]:
    """One after the other for each room: what waits finds what the one before has committed, also another server's."""
    return select(rooms.c.id).where(rooms.c.id == room_id).with_for_update(key_share=True)


def deletion(room_id: str, insert: Callable[[Table], sqlite.Insert | postgresql.Insert], *, waits: bool) -> list[Step]:
    """`waits`: for whoever may be making the room, or deleting it. A deletion alone does not see a row that is not
    committed; an insertion beside it has to wait for it."""
    gone = delete(rooms).where(rooms.c.id == room_id)  # its bans and invitations go with it
    if not waits:
        return [(gone, None)]
    new = insert(rooms).values(id=room_id, **_NOBODYS)
    held = new.on_conflict_do_update(index_elements=["id"], set_={"host_user_id": rooms.c.host_user_id})
    return [(held, None), (gone, None)]


def make_unless_there(connection: Connection, room_id: str, steps: Sequence[Step]) -> None:
    """Where the row is being deleted, once that is over."""
    with in_transaction(connection):
        if connection.execute(locked(room_id)).first() is None:
            make_in_turn(connection, steps)
