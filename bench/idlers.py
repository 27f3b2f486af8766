"""Clients that do nothing but stay: push with heartbeats, polling, polling with ETag. Every byte of theirs is counted.

Runs in the generator process. Within the window each client acts at a random phase of its interval, kept off the edges
so that no exchange is cut in two by the beginning or the end; so a client polls exactly window / interval times.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from bench.idle_clients import Counted, PollIdler, PushIdler
from bench.profiles import IdleSizes
from bench.receivers import join, politely
from bench.results import ClientBytes, Connect, MessageSize
from bench.tokens import mint_receiver

EDGE = 0.05
"""Part of an interval at both ends in which no client acts."""

LOOK_AGAIN_S = 0.02
"""A message over the loopback is through in less."""

TRIES = 20


class Address(NamedTuple):
    """A server of the scenario."""

    ws_url: str
    port: int
    secret: str


@dataclass(frozen=True)
class Window:
    """What the clients of one kind on one server counted."""

    kind: str
    server: int
    clients: list[ClientBytes]
    losses: int


class Idlers:
    """The idle clients of several servers. Coroutines are called from the parent process, one at a time."""

    def __init__(self, *, servers: Sequence[Address], sizes: IdleSizes, seed: int) -> None:
        self._servers, self._sizes = servers, sizes
        self._random = random.Random(seed)
        self._push: list[list[PushIdler]] = []
        self._pollers: list[list[PollIdler]] = []
        self._etag_pollers: list[list[PollIdler]] = []
        self._texts: Counter[tuple[str, int]] = Counter()

    async def connect(self) -> None:
        """All clients of all servers; pollers fetch once, so that those with ETag have one."""
        for server in self._servers:
            push = [
                PushIdler(index, mint_receiver(server.secret, index), self._texts)
                for index in range(self._sizes.clients)
            ]
            await politely(push, lambda client, url=server.ws_url: join(client, url))  # type: ignore[misc]
            self._push.append(push)
            for pollers, with_etag in ((self._pollers, False), (self._etag_pollers, True)):
                group = [PollIdler(server.port, with_etag=with_etag) for _ in range(self._sizes.clients)]
                await politely(group, PollIdler.open)
                pollers.append(group)

    async def connects(self) -> list[Connect]:
        """What getting in took. To be asked when nothing is on its way, before the window."""
        return [found for group in self._push for client in group if (found := client.connect()) is not None]

    async def run(self) -> list[Window]:
        """One window: everybody idles, and is counted from its beginning to its end."""
        everybody: list[PushIdler | PollIdler] = []
        for push in self._push:
            everybody += push
        for pollers in (*self._pollers, *self._etag_pollers):
            everybody += pollers
        await _settled(everybody, act=Counted.reset, is_settled=Counted.is_untouched)
        start_s = perf_counter()
        acts = [asyncio.create_task(self._idle(client, start_s)) for client in everybody]
        await asyncio.gather(*acts)
        await _until(start_s + self._sizes.window_s)
        await _settled(everybody, act=Counted.look, is_settled=Counted.agrees)
        return (
            _windows("polling", self._pollers)
            + _windows("polling_etag", self._etag_pollers)
            + _windows("push", self._push)
        )

    async def sample_requests(self) -> tuple[str, str]:
        """A poll as it is on the wire, without and with ETag."""
        plain, with_etag = self._pollers[0][0], self._etag_pollers[0][0]
        return plain.request.decode(), with_etag.request.decode()

    async def part(self) -> None:
        """One push client of each server leaves, which the others hear of."""
        for group in self._push:
            group[-1].close()

    async def sizes(self) -> list[MessageSize]:
        """Every kind of message that occurred, by size."""
        return [
            MessageSize(name=name, n=n, message_bytes=message_bytes)
            for (name, message_bytes), n in sorted(self._texts.items())
        ]

    async def _idle(self, client: PushIdler | PollIdler, start_s: float) -> None:
        period_s = self._sizes.heartbeat_s if isinstance(client, PushIdler) else self._sizes.poll_s
        at_s = start_s + self._random.uniform(EDGE, 1 - EDGE) * period_s
        while at_s < start_s + self._sizes.window_s:
            await _until(at_s)
            client.act()
            at_s += period_s


def _windows(kind: str, groups: Sequence[Sequence[PushIdler | PollIdler]]) -> list[Window]:
    return [
        Window(kind, server, [client.taken() for client in group], sum(client.lost for client in group))
        for server, group in enumerate(groups)
    ]


async def _settled(
    clients: Sequence[Counted], *, act: Callable[[Counted], None], is_settled: Callable[[Counted], bool]
) -> None:
    """Look at all clients in one moment in which no message, a ping of the server for instance, is on its way.

    Looks again when one was; gives up after `TRIES`, and what does not agree then is for the validity to say.
    """
    for _ in range(TRIES):
        for client in clients:
            act(client)
        await asyncio.sleep(LOOK_AGAIN_S)
        if all(is_settled(client) for client in clients):
            return


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - perf_counter()))
