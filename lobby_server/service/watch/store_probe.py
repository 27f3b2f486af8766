"""Whether the store answers, asked by probes: once for all that ask at the same time, and for no longer than a probe
waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lobby_server.service.ports import StoreUnavailable

ANSWERS_WITHIN_S = 3.0
"""A database that is frozen answers nobody, and to give up a connection and try another takes its clients some ten
seconds. Load balancers wait less, and learn nothing then."""


class StoreProbe:
    """One per server."""

    def __init__(self, ping: Callable[[], Awaitable[None]], *, within_s: float = ANSWERS_WITHIN_S) -> None:
        self._ping = ping
        self._within_s = within_s
        self._asking: asyncio.Future[None] | None = None

    async def ask(self) -> None:
        """Raises `StoreUnavailable`: what the store said; or it has said nothing in time, and is asked on."""
        asking = self._asking
        if asking is None:
            asking = self._asking = asyncio.ensure_future(self._ping())
            asking.add_done_callback(self._answered)
        done, _ = await asyncio.wait({asking}, timeout=self._within_s)
        if not done:
            raise StoreUnavailable(f"The database has not answered within {self._within_s:g} s.")
        asking.result()

    def _answered(self, asking: asyncio.Future[None]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # whoever waits for it is told; if nobody does any more, it is no news
