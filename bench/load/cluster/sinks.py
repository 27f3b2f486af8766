"""Sinks of all nodes of a lobby at once, in one process: `bench.load.sockets.sinks`, one crowd for each node.

Runs in the generator process (`bench.processes.remote`).
"""

from __future__ import annotations

import asyncio

import msgspec

from bench.load.sockets.sinks import Heard, Sinks, hello_frame, masked_text

SAID_AT_ONCE = 20
"""Lines that a talker sends before the next one has its turn."""


class _NodeSinks(Sinks):
    """Of one node; its users are numbered from `first` on."""

    def __init__(
        self, *, first: int, port: int, pattern: bytes, secret: str, users: int, features: tuple[str, ...]
    ) -> None:
        super().__init__(port=port, pattern=pattern, secret=secret, users=users, features=features)
        self._first = first

    def _hello(self, number: int) -> bytes:
        return hello_frame(self._secret, number % self._users if self._users else self._first + number, self._features)

    async def say(self, lines: int) -> None:
        """Every sink says so many lines in its room."""
        for sent in range(0, lines, SAID_AT_ONCE):
            frames = b"".join(_line(number) for number in range(sent, min(lines, sent + SAID_AT_ONCE)))
            for sink in self._sinks:
                await asyncio.get_running_loop().sock_sendall(sink.socket, frames)


class ClusterSinks:
    """Coroutines are called from the parent process, one at a time. Sinks are dealt out over the nodes evenly, those of
    the first node first."""

    def __init__(
        self, *, ports: list[int], pattern: bytes, secret: str, counts: list[int], users: int = 0,
        features: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """`counts`: sinks of each node. `users`: as for `Sinks`; 0: each socket has one of its own, over all nodes."""
        self._counts = counts
        self._nodes = [
            _NodeSinks(
                first=sum(counts[:number]), port=port, pattern=pattern, secret=secret, users=users, features=features
            )
            for number, port in enumerate(ports)
        ]  # fmt: skip

    async def open(self) -> None:
        """Upgraded, not accepted."""
        for node, count in zip(self._nodes, self._counts, strict=True):
            await node.open(count)

    async def say_hello(self) -> float:
        """The handshakes of all, without waiting; when it began."""
        return min(await asyncio.gather(*(node.say_hello() for node in self._nodes)))

    async def accepted(self) -> int:
        """Wait until all are; how many are."""
        pairs = zip(self._nodes, self._counts, strict=True)
        return sum(await asyncio.gather(*(node.accepted(count) for node, count in pairs)))

    async def hear(self, per_sink: int, timeout_s: float) -> int:
        """Wait until each has heard so many events in all; how many all have."""
        pairs = zip(self._nodes, self._counts, strict=True)
        return sum(await asyncio.gather(*(node.hear(per_sink * count, timeout_s) for node, count in pairs)))

    async def hear_in_all(self, events: int, timeout_s: float, *, quiet_s: float = 0.0) -> int:
        """Wait until all together have heard so many, and no more of them for `quiet_s`; how many they have."""
        loop = asyncio.get_running_loop()
        give_up_s, before, since_s = loop.time() + timeout_s, -1, loop.time()
        while True:
            heard = sum([await node.hear(0, 0.0) for node in self._nodes])
            if heard != before:
                before, since_s = heard, loop.time()
            if (heard >= events and loop.time() - since_s >= quiet_s) or loop.time() > give_up_s:
                return heard
            await asyncio.sleep(0.02)

    async def keep_stamps(self) -> None:
        for node in self._nodes:
            await node.keep_stamps()

    async def stamps(self) -> list[list[float]]:
        """Of each node, when its sinks heard something since `keep_stamps`."""
        return [[stamp_s for _, stamp_s in (await node.heard()).stamps] for node in self._nodes]

    async def say(self, node: int, lines: int) -> None:
        """Every sink of that node says so many lines in its room."""
        await self._nodes[node].say(lines)

    async def heard(self) -> list[Heard]:
        """Of each node."""
        return [await node.heard() for node in self._nodes]

    async def close(self) -> None:
        for node in self._nodes:
            await node.close()


def _line(number: int) -> bytes:
    return masked_text(msgspec.json.encode({"type": "chat", "data": {"text": f"line {number}"}}))
