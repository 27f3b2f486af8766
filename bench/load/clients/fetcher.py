"""One client that fetches the room list whenever it changed, and what it finds in the list."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bench.load.changes.publisher import MARKER
from bench.load.sockets.http_client import HttpConnection, Response, open_http
from bench.processes.lab import HOST

_MARKER = MARKER.encode()


class FetchOwner(Protocol):
    """Whom a fetched list is told to."""

    list_request: bytes

    def on_list(self, index: int, response: Response) -> None: ...


class Fetcher:
    """The specification's rule for one client: fetch on a change; a change during a fetch leads to exactly one more."""

    __slots__ = ("_again", "_busy", "_connection", "_index", "_opening", "_owner", "_port")

    def __init__(self, owner: FetchOwner, index: int, port: int) -> None:
        self._owner, self._index, self._port = owner, index, port
        self._busy = self._again = False
        self._connection: HttpConnection | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.lost

    async def open(self) -> None:
        self._connection = await open_http(HOST, self._port, self._on_response)

    def changed(self, request: bytes) -> None:
        if self._busy:
            self._again = True
        elif self._connection is None or self._connection.lost:
            self._busy = True
            self._opening = asyncio.create_task(self._open_and_fetch(request))
        else:
            self._busy = True
            self._connection.send(request)

    async def _open_and_fetch(self, request: bytes) -> None:
        """A client whose connection was closed as idle opens another, which its fetch has to wait for."""
        try:
            await self.open()
        except OSError:
            self._busy = False  # it stays without the list, and the ledger says so
            return
        if self._connection is not None:
            self._connection.send(request)

    def _on_response(self, response: Response) -> None:
        self._busy = False
        self._owner.on_list(self._index, response)
        if self._again:
            self._again = False
            self.changed(self._owner.list_request)


def newest_number(body: bytes) -> int:
    """The number of the newest marked room in a room list, which has the newest first; −1 without one."""
    at = body.find(_MARKER)
    return int(body[at + len(_MARKER) : at + len(_MARKER) + 6]) if at >= 0 else -1
