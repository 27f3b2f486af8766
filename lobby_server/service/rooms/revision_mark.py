"""The room list's revision never falls below what clients have seen, over a restart with a clock that was set back too.

The revision starts at the wall clock's milliseconds, and goes up with every change. The store keeps a mark above all
that was handed out: it is moved by a thousand million at a time, so that a change of the list costs no write, nor does
a new stream of the log, which goes on with revisions of days later (`lobby_server.core.machine.rooms.begin_epoch`).

Of several nodes one may outlive a lobby that began without it: that one began at the mark and moved it, so that it is
further ahead than this lobby's ever is. The list goes on above it then (`RevisionMark.floor`).
"""

from __future__ import annotations

from lobby_server.core.rooms import RoomBook
from lobby_server.service.ports import Store
from lobby_server.service.writes.kept import RaiseMark
from lobby_server.service.writes.writer import StoreWriter

NAME = "rooms_revision"
RESERVED = 1_000_000_000
"""Revisions that the mark is ahead by, once it has been moved."""


class RevisionMark:
    """Keeps the mark of a `RoomBook`."""

    def __init__(self, book: RoomBook, *, store: Store, writer: StoreWriter) -> None:
        self._book = book
        self._store = store
        self._writer = writer
        self._mark = 0

    async def restore(self) -> None:
        """Let the revision go on where an earlier life of the server may have ended. Raises `StoreUnavailable`."""
        self._book.continue_from(await self._store.mark(NAME))
        self._mark = self._book.revision + RESERVED
        await self._store.raise_mark(NAME, self._mark)

    async def floor(self) -> int:
        """Where the list is to go on because a lobby has begun since the one that this node is of, and may have shown
        any revision below; the mark is moved. 0: none has. Raises `StoreUnavailable`."""
        mark = await self._store.mark(NAME)
        if mark <= self._book.revision + RESERVED:
            return 0
        self._mark = mark + RESERVED
        await self._store.raise_mark(NAME, self._mark)
        return mark

    def follow(self) -> None:
        """The revision has gone up: move the mark in time. O(1)."""
        if self._book.revision + RESERVED // 2 > self._mark:
            mark = self._mark = self._book.revision + RESERVED
            self._writer.keep(RaiseMark(name=NAME, value=mark))
