"""What stands in the stream is applied: every entry once, in its order, on this node as on every other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, DatabaseRefused, EpochGone, FormatRefused
from lobby_server.backplane.node.catching_up import CatchingUp
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.outbox import Outbox
from lobby_server.backplane.place.epochs import RETRY_S, Epochs
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Entry, decode_batch
from lobby_server.core.machine.commands import NodeDown, NodeLost, NodeUp
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.replica import Apply
from lobby_server.service.watch.events import LogEvent

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

log = logging.getLogger("lobby.backplane")

TURN_S = 0.02
"""How long entries are applied before the loop has its turn."""


class Reader:
    """Of one node."""

    def __init__(
        self,
        stream: Stream,
        *,
        standing: Standing,
        health: Health,
        outbox: Outbox,
        epochs: Epochs,
        catching_up: CatchingUp,
        state: LobbyState,
        apply: Apply,
        take: Callable[[Entry], None],
        is_back: Callable[[], None],
        is_up: Callable[[], None],
        given_up: Callable[[], None],
        fatal: Callable[[str], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        """`take`: what an entry is given to, which ends at `Reader.take`. `is_back`: Valkey was away, and is not any
        more. `is_up`: the log says that this node takes part. `given_up`: that it is gone. `fatal`: it must not go on,
        and why."""
        self._stream = stream
        self._standing = standing
        self._health = health
        self._outbox = outbox
        self._epochs = epochs
        self._catching_up = catching_up
        self._state = state
        self._apply = apply
        self._take = take
        self._is_back = is_back
        self._is_up = is_up
        self._given_up = given_up
        self._fatal = fatal
        self._monotonic_s = monotonic_s
        self._task: asyncio.Task[None] | None = None
        """That of `run`."""
        self._is_waiting = self._is_called_off = False
        health.went_away = self._call_off
        self.apply_s = 0.0
        """Time spent applying entries."""
        self.lag_s = 0.0
        """Age of the last entry when it was applied, by Valkey's clock as far as it is known here."""

    async def run(self) -> None:
        """For as long as the node takes part."""
        self._task = asyncio.current_task()
        while True:
            try:
                if self._health.is_away:
                    await self._come_back()
                await self._read()
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._health.lost_sight(fault)
            except (FormatRefused, DatabaseRefused) as fault:
                self._fatal(str(fault))
                return
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("an entry of the log could not be applied", extra={"event": LogEvent.ENTRY_FAILED.value})
                self._fatal("An entry of the log could not be applied: this node does not know any more what is true.")
                return

    def take(self, entry: Entry) -> None:
        """Apply one entry."""
        began_s = self._monotonic_s()
        standing, state, apply, own = self._standing, self._state, self._apply, self._outbox.node
        standing.take(entry)
        at_s = max(entry.at_ms / 1000, state.now_s)
        self.lag_s = standing.set_time(at_s)
        node, sequence, commands = decode_batch(entry.batch)
        pending = iter(self._outbox.applied(sequence)) if node == own else None
        is_given_up = False
        for position, command in enumerate(commands):
            if position == 0 and not state.is_new(node, sequence, command):
                break
            waits = next(pending, None) if pending is not None else None
            apply(command, at_s, node, None if waits is None else waits.request)
            if isinstance(command, NodeUp) and command.node == own:
                self._is_up()
            elif isinstance(command, (NodeDown, NodeLost)) and command.node == own:
                is_given_up = True
        else:
            self._outbox.seen(node, sequence)
        for left in pending or ():  # of a batch that was not to be applied
            if left.request is not None:
                left.request.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))
        if is_given_up:
            self._given_up()
        if self._catching_up.waiting:
            self._catching_up.applied()
        self.apply_s += self._monotonic_s() - began_s

    # -- private --------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Apply the entries that come next."""
        standing = self._standing
        come = await self._wait_for_entries()
        turn_began_s = self._monotonic_s()
        for stream_id, entry in come:
            if entry.number <= standing.number:
                standing.stream_id = stream_id
                continue  # a snapshot stood after it
            if entry.number != standing.number + 1:
                raise EpochGone  # entries were trimmed away
            self._take(entry)
            standing.stream_id = stream_id
            if self._monotonic_s() - turn_began_s > TURN_S:
                await asyncio.sleep(0)
                turn_began_s = self._monotonic_s()

    async def _wait_for_entries(self) -> list[tuple[str, Entry]]:
        standing = self._standing
        self._is_waiting, self._is_called_off = True, False
        try:
            return await self._stream.read(standing.epoch, standing.stream_id)
        except asyncio.CancelledError:
            if not self._is_called_off:
                raise
            raise BackplaneAway("another call was not answered") from None
        finally:
            self._is_waiting = False

    def _call_off(self) -> None:
        """Another call has found that Valkey is away, or another one: a read that waits for entries may not notice for
        as long as it may wait, and by then others have perhaps opened an epoch without this node."""
        if self._is_waiting and self._task is not None:
            self._is_called_off = True
            self._task.cancel()

    async def _come_back(self) -> None:
        """Return when Valkey is there, and this node stands in its stream. Raises `FormatRefused` and
        `DatabaseRefused`."""
        while True:
            try:
                await self._epochs.come_back()
                break
            except (BackplaneAway, BackplaneRefused, EpochGone):
                await asyncio.sleep(RETRY_S)
        self._health.is_back()
        self._is_back()
