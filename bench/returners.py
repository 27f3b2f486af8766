"""Clients that come back by the seed's fixed policy: so many seconds after a loss, and after every failed attempt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

from bench.receivers import Receiver, ReceiverFailed, join, politely
from bench.tokens import Player, mint_receiver


@dataclass
class Way:
    """One client's way back; moments by ``time.perf_counter``."""

    lost_s: float | None = None
    back_s: float | None = None
    attempts: int = 0
    close_code: int | None = None


class Returners:
    """Runs in the generator process."""

    def __init__(self, *, ws_url: str, secret: str, clients: int, retry_s: float) -> None:
        self._ws_url, self._retry_s = ws_url, retry_s
        self._players = [mint_receiver(secret, index) for index in range(clients)]
        self._ways = [Way() for _ in self._players]
        self._returns: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        receivers = [_Returner(index, player, self) for index, player in enumerate(self._players)]
        await politely(receivers, lambda receiver: join(receiver, self._ws_url))

    async def ways(self, timeout_s: float) -> list[Way]:
        """How everybody came back; returns when all have, or after `timeout_s` with what is known."""
        deadline_s = perf_counter() + timeout_s
        while any(way.back_s is None for way in self._ways) and perf_counter() < deadline_s:
            await asyncio.sleep(0.05)
        for task in self._returns:
            task.cancel()
        return self._ways

    def lost(self, receiver: Receiver) -> None:
        """Only the first loss of each begins a way back; attempts that fail are not losses."""
        way = self._ways[receiver.index]
        if way.lost_s is None:
            way.lost_s, way.close_code = receiver.lost_at_s, receiver.close_code
            self._returns.append(asyncio.create_task(self._come_back(receiver.index, way)))

    async def _come_back(self, index: int, way: Way) -> None:
        while way.back_s is None:
            await asyncio.sleep(self._retry_s)
            way.attempts += 1
            try:
                way.back_s = await join(Receiver(index, self._players[index]), self._ws_url)
            except (OSError, ReceiverFailed, asyncio.TimeoutError):
                continue  # the next attempt after the fixed delay


class _Returner(Receiver):
    def __init__(self, index: int, player: Player, crowd: Returners) -> None:
        super().__init__(index, player)
        self._crowd = crowd

    def on_lost(self) -> None:
        self._crowd.lost(self)
