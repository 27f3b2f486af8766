"""One at a time over all nodes: a lock in Valkey, and an entry by which its holder has seen all that the holders before
have done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused
from lobby_server.core.machine.commands import Command, Nothing
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import SharedClock
from lobby_server.service.replica import Request
from lobby_server.service.session import Session
from lobby_server.service.writes.turns import BEGIN_S, LEAST_S, Turns

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

HELD_S = 10.0
"""After that it counts as let go: its holder may be gone."""
SURE = 0.75
"""Of `HELD_S`: for so long its holder can be sure, and what they append until then stands in the log before the end."""
RETRY_S, LONGEST_RETRY_S = 0.005, 0.02
"""Between two tries, twice as long each time: a holder takes some milliseconds, unless it hangs."""


class Gate:
    """Of one node."""

    def __init__(
        self,
        stream: Stream,
        *,
        append: Callable[[Command, Request], None],
        new_token: Callable[[], str],
        clock: SharedClock,
    ) -> None:
        """`append`: to the log. `new_token` is another one each time, on every node."""
        self._stream = stream
        self._append = append
        self._new_token = new_token
        self._elapsed_s = clock.elapsed_s  # Valkey's lock runs out while this machine is suspended, too
        self._turns = Turns(clock)

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[Callable[[], bool]]:
        """Gives what says whether nobody else can hold it yet. Raises `Refusal` (``try_again_later``) when Valkey is
        away, or those before, on this node and on others, take too long."""
        give_up_s, retry_s = self._elapsed_s() + BEGIN_S, RETRY_S
        async with self._turns.take():
            token = self._new_token()
            try:
                asked_s = self._elapsed_s()
                while not await self._stream.take_gate(token, for_s=HELD_S):
                    if self._elapsed_s() >= give_up_s:
                        raise Refusal(RefusalCode.TRY_AGAIN_LATER)
                    await asyncio.sleep(retry_s)
                    retry_s = min(2 * retry_s, LONGEST_RETRY_S)
                    asked_s = self._elapsed_s()
            except (BackplaneAway, BackplaneRefused):
                raise Refusal(RefusalCode.TRY_AGAIN_LATER) from None
            try:
                await self._barrier(max(LEAST_S, give_up_s - self._elapsed_s()))
                sure_until_s = asked_s + SURE * HELD_S
                yield lambda: self._elapsed_s() < sure_until_s
            finally:
                with contextlib.suppress(BackplaneAway, BackplaneRefused):
                    await self._stream.release_gate(token)

    async def _barrier(self, within_s: float) -> None:
        """Return when everything that stands in the log now is applied here. Raises `Refusal` (``try_again_later``)."""
        waiter = _Waiter()
        self._append(Nothing(), waiter)
        timer = asyncio.get_running_loop().call_later(within_s, waiter.given_up)
        try:
            await waiter.future
        finally:
            timer.cancel()


class _Waiter:
    """Waits for a command that changes nothing."""

    is_patient = False

    def __init__(self) -> None:
        self.session: Session | None = None
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def applied(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def refused(self, refusal: Refusal) -> None:
        if not self.future.done():
            self.future.set_exception(refusal)

    def given_up(self) -> None:
        self.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))

    def lost(self, refusal: Refusal) -> None:
        self.refused(refusal)
