"""What was appended goes into the stream, one batch at a time; after an outage all that was not seen goes again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.outbox import Outbox
from lobby_server.backplane.place.standing import Standing

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream


class Writer:
    """Of one node."""

    def __init__(self, stream: Stream, *, standing: Standing, health: Health, outbox: Outbox) -> None:
        self._stream = stream
        self._standing = standing
        self._health = health
        self._outbox = outbox
        self._wake = asyncio.Event()
        self._resend = False

    def wake(self) -> None:
        """There is something in the outbox."""
        self._wake.set()

    def send_again(self) -> None:
        """Valkey is back: what is on its way may have been lost."""
        self._resend = True
        self._wake.set()

    async def run(self) -> None:
        """For as long as the node takes part."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._health.is_away:
                continue  # whoever finds Valkey again has all of it sent again
            try:
                if self._resend:
                    self._resend = False
                    for data in self._outbox.unapplied():
                        await self._stream.append(self._standing.epoch, data)
                while (batch := self._outbox.next_batch()) is not None:
                    await self._stream.append(self._standing.epoch, batch)
                    await asyncio.sleep(0)
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._health.lost_sight(fault)
