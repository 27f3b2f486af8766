"""What is kept for a time only: chat and notifications older than that are deleted, once per hour, and mails that
nobody waits for any more, and bans and sign-ins that are over.

On several nodes, the one that leads does it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lobby_server.core.bans import PAST_BANS_S
from lobby_server.service.ports import Clock, Store
from lobby_server.service.writes.writer import StoreWriter

SWEEP_EVERY_S = 3600.0
PAST_SIGN_INS_S = 24 * 3600.0
"""A sign-in is kept for so long after the end of a token that was refreshed at its own end: while the database was away
it may have been, and the row knows nothing of it; and to a node whose clock is behind, a token may hold yet. A token
whose sign-in nobody knows is not ended with the others of its user."""
SIGN_INS_PER_PASS = 1000
"""So many are deleted at once: what players wait for is written between the passes."""
NEXT_PASS_S = 1.0


class Retention:
    """The sweeps of one server."""

    def __init__(
        self,
        *,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        chat_s: float,
        notifications_s: float,
        token_ttl_s: float,
        leads: Callable[[], bool],
        forget_past_bans: Callable[[], None],
    ) -> None:
        """How long each is kept; 0: for ever. `token_ttl_s`: how long a token holds. `leads`: whether it is up to this
        node. `forget_past_bans`: has all nodes forget the bans that went from the store."""
        self._store = store
        self._writer = writer
        self._clock = clock
        self._chat_s = chat_s
        self._notifications_s = notifications_s
        self._sign_ins_s = token_ttl_s + PAST_SIGN_INS_S
        self._leads = leads
        self._forget_past_bans = forget_past_bans

    def start(self) -> None:
        """Sweep now, and once per hour from now on."""
        if self._leads():
            self._writer.attempt(self._sweep)  # what is missed is swept an hour later
            self._writer.attempt(self._sweep_sign_ins)
            self._forget_past_bans()
        self._clock.call_later(SWEEP_EVERY_S, self.start)

    async def _sweep(self) -> None:
        now = self._clock.utc_now()
        await self._store.forget_mails_until(now)
        await self._store.forget_user_bans_until(now - timedelta(seconds=PAST_BANS_S))
        if self._chat_s:
            await self._store.delete_chat_before(now - timedelta(seconds=self._chat_s))
        if self._notifications_s:
            await self._store.delete_notifications_before(now - timedelta(seconds=self._notifications_s))

    async def _sweep_sign_ins(self) -> None:
        """A pass reads all sign-ins that there are."""
        until = self._clock.utc_now() - timedelta(seconds=self._sign_ins_s)
        if await self._store.forget_sign_ins_until(until, most=SIGN_INS_PER_PASS) == SIGN_INS_PER_PASS:
            self._clock.call_later(NEXT_PASS_S, self._writer.attempt, self._sweep_sign_ins)
