"""What is kept for a time only: chat and notifications older than that are deleted, once per hour, and mails that
nobody waits for any more, and bans that are over.
"""

from __future__ import annotations

from datetime import timedelta

from lobby_server.service.ports import Clock, Store
from lobby_server.service.writes.writer import StoreWriter

SWEEP_EVERY_S = 3600.0
PAST_BANS_S = 24 * 3600.0
"""A ban is kept for so long after its end, lest a clock that is wrong for a moment lets in who is kept out yet."""


class Retention:
    """The sweeps of one server."""

    def __init__(
        self, *, store: Store, writer: StoreWriter, clock: Clock, chat_s: float, notifications_s: float
    ) -> None:
        """How long each is kept; 0: for ever."""
        self._store = store
        self._writer = writer
        self._clock = clock
        self._chat_s = chat_s
        self._notifications_s = notifications_s

    def start(self) -> None:
        """Sweep now, and once per hour from now on."""
        self._writer.attempt(self._sweep)  # what is missed is swept an hour later
        self._clock.call_later(SWEEP_EVERY_S, self.start)

    async def _sweep(self) -> None:
        now = self._clock.utc_now()
        await self._store.forget_mails_until(now)
        await self._store.forget_user_bans_until(now - timedelta(seconds=PAST_BANS_S))
        if self._chat_s:
            await self._store.delete_chat_before(now - timedelta(seconds=self._chat_s))
        if self._notifications_s:
            await self._store.delete_notifications_before(now - timedelta(seconds=self._notifications_s))
