"""Workers of one supervisor ask each other for their figures, so that any of them answers for all.

Each listens on a Unix socket in the folder that they have in common; whoever connects is told, and that is all. It does
not go through Valkey: figures are wanted most when that is away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

ANSWER_TIMEOUT_S = 1.0
"""One that takes longer hangs, or is gone."""
_BACKLOG = 64


class Siblings:
    """`start` it, `ask`, `close` it."""

    def __init__(self, folder: Path, *, number: int, count: int, name_of: Callable[[int], str]) -> None:
        """`number`: of this worker, from 1, of `count`. `name_of`: what the node of a worker is called."""
        self.name_of = name_of
        self.name = name_of(number)
        self._folder = folder
        self._number = number
        self._others = [other for other in range(1, count + 1) if other != number]
        self._server: asyncio.AbstractServer | None = None

    async def start(self, answer: Callable[[], bytes]) -> None:
        """Tell from now on what `answer` says at the moment. O(what it costs) per question."""

        async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                writer.write(answer())
                await writer.drain()
                writer.close()
                await writer.wait_closed()

        path = self._path(self._number)
        path.unlink(missing_ok=True)  # of the one that had this place before
        self._server = await asyncio.start_unix_server(tell, path, backlog=_BACKLOG)

    async def ask(self) -> dict[int, bytes | None]:
        """What each of the others says, by its number; None: nothing. Takes `ANSWER_TIMEOUT_S` at most."""
        answers = await asyncio.gather(*(self._ask(other) for other in self._others))
        return dict(zip(self._others, answers, strict=True))

    def close(self) -> None:
        """A second time does nothing."""
        if self._server is not None:
            self._server.close()
            self._server = None

    # -- private --------------------------------------------------------------------------------------------------

    def _path(self, number: int) -> Path:
        return self._folder / f"worker-{number}.sock"

    async def _ask(self, number: int) -> bytes | None:
        try:
            return await asyncio.wait_for(self._hear(number), ANSWER_TIMEOUT_S)
        except (OSError, TimeoutError, asyncio.TimeoutError):
            return None

    async def _hear(self, number: int) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path(number))
        try:
            return await reader.read()
        finally:
            writer.close()
