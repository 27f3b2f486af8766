"""Clients of all ways on one or several servers: what they hold and when, and every byte of theirs.

Runs in the generator process. Within the window each client acts at a random phase of its interval. With `edge`, phases
are kept off the window's edges so that no exchange is cut in two; a client then polls exactly window / interval times.
The phases of a group are spread evenly over the interval, in random order: in any stretch of time the group acts as
often as its intervals say, to one time more or less, and no figure hangs on how the phases fell.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from bench.load.changes.ledger import Log, Receipts
from bench.load.clients.ways import POLLING, PollClient, PushClient
from bench.load.sockets.counted import Counted
from bench.load.sockets.receivers import politely
from bench.load.sockets.tokens import mint_receiver
from bench.processes.namespaces import LinkCount, read_links
from bench.record.traffic import ClientBytes, Connect, MessageSize
from bench.record.wire import ByteCount

EDGE = 0.05
"""Part of an interval at both ends in which no client acts."""

LOOK_AGAIN_S = 0.02
"""A message over the loopback is through in less."""

TRIES = 50


class Group(NamedTuple):
    """Clients of one way on one server."""

    way: str
    host: str
    port: int
    secret: str
    clients: int
    first_user: int = 0
    clients_per_user: int = 1


@dataclass(frozen=True)
class Between:
    """What the clients of a group counted from one moment to another, in which they went on as before and after."""

    start_s: float
    end_s: float
    """When the counts were read, which may be later than asked for."""
    count: ByteCount
    """Of all clients together."""


@dataclass(frozen=True)
class Window:
    """What the clients of a group counted."""

    clients: list[ClientBytes]
    losses: int


class Population:
    """Coroutines are called from the parent process, one at a time; clients act in between."""

    def __init__(self, *, groups: Sequence[Group], poll_s: float, heartbeat_s: float, seed: int) -> None:
        self._groups, self._poll_s, self._heartbeat_s = groups, poll_s, heartbeat_s
        self._random = random.Random(seed)
        self._texts: Counter[tuple[str, int]] = Counter()
        self._logs = [Log() for _ in groups]
        self._clients: list[list[PollClient | PushClient]] = [[] for _ in groups]
        self._acting: list[asyncio.Task[None]] = []
        self._links: dict[str, LinkCount] = {}
        self._reading: asyncio.Task[list[Between]] | None = None

    async def connect(self) -> None:
        """All clients of all groups, each with the list in its hands."""
        for group, log, clients in zip(self._groups, self._logs, self._clients, strict=True):
            clients += [self._client(group, index, log) for index in range(group.clients)]
            await politely(clients, lambda client: client.open())

    async def connects(self) -> list[Connect]:
        """What getting in took, of the push clients. To be asked when nothing is on its way, before the window."""
        return [found for client in self._push() if (found := client.connect()) is not None]

    async def begin(self, window_s: float, edge: float, at_rest: bool = False) -> float:
        """Count from now on, and have everybody act for so long; when that is over.

        `at_rest`: nobody has a connection open on which nothing will come; its end would be counted.
        """
        if at_rest:
            for client in self._push():
                client.rest()
        await _settled(self._everybody(), act=Counted.reset, is_settled=Counted.is_untouched)
        self._links = read_links()
        start_s = perf_counter()
        self._acting = [
            asyncio.create_task(self._act(client, start_s, window_s, phase))
            for clients in self._clients
            for client, phase in zip(clients, self._phases(len(clients), edge), strict=True)
        ]
        return start_s + window_s

    async def read_at(self, start_s: float, end_s: float) -> None:
        """Have the counts read at these two moments, both to come and within the window that was begun."""
        self._reading = asyncio.create_task(self._read_at(start_s, end_s))

    async def between(self) -> list[Between]:
        """What each group counted between the two moments of `read_at`; waits for the second."""
        assert self._reading is not None
        return await self._reading

    async def _read_at(self, start_s: float, end_s: float) -> list[Between]:
        readings = []
        for at_s in (start_s, end_s):
            await _until(at_s)
            readings.append((perf_counter(), [_sum_up(clients) for clients in self._clients]))
        (first_s, before), (last_s, after) = readings
        return [Between(first_s, last_s, now.since(then)) for then, now in zip(before, after, strict=True)]

    async def end(self) -> list[Window]:
        """Wait until the window is over and everything is through; what each group counted."""
        await asyncio.gather(*self._acting)
        await _settled(self._everybody(), act=Counted.look, is_settled=Counted.agrees)
        before = self._links  # one that has come since is nobody's of this window
        self._links = {name: count.since(before[name]) for name, count in read_links().items() if name in before}
        return [
            Window([client.taken() for client in group], sum(client.lost for client in group))
            for group in self._clients
        ]

    async def links(self) -> dict[str, LinkCount]:
        """What each interface carried in the window."""
        return self._links

    async def held(self) -> list[Receipts]:
        """Which list each client of a group held when, by the newest marked room in it."""
        return [log.receipts() for log in self._logs]

    async def sample_requests(self) -> dict[str, str]:
        """A poll as it is on the wire, by way."""
        found: dict[str, str] = {}
        for group in self._clients:
            for client in group[:1]:
                if isinstance(client, PollClient):
                    found.setdefault(client.way, client.request.decode())
        return found

    async def part(self) -> None:
        """One push client of each group leaves, which the others hear of."""
        for group in self._clients:
            if group and isinstance(group[-1], PushClient):
                group[-1].close()

    async def sizes(self) -> list[MessageSize]:
        """Every kind of message that the specification's kind of client had, by size."""
        return [
            MessageSize(name=name, n=n, message_bytes=message_bytes)
            for (name, message_bytes), n in sorted(self._texts.items())
        ]

    def _client(self, group: Group, index: int, log: Log) -> PollClient | PushClient:
        if group.way in POLLING:
            return PollClient(index, group.way, group.host, group.port, log)
        user = group.first_user + index // group.clients_per_user
        return PushClient(
            index, group.way, group.host, group.port, log, player=mint_receiver(group.secret, user),
            texts=self._texts if group.way == "push" else Counter(),
            chance=self._random,
        )  # fmt: skip

    def _everybody(self) -> list[PollClient | PushClient]:
        return [client for group in self._clients for client in group]

    def _push(self) -> list[PushClient]:
        return [client for client in self._everybody() if isinstance(client, PushClient)]

    def _phases(self, number: int, edge: float) -> list[float]:
        """As parts of an interval: one in each of so many equal parts of it, in random order."""
        order = self._random.sample(range(number), number)
        return [edge + (1 - 2 * edge) * (part + self._random.random()) / number for part in order]

    async def _act(self, client: PollClient | PushClient, start_s: float, window_s: float, phase: float) -> None:
        period_s = self._heartbeat_s if isinstance(client, PushClient) else self._poll_s
        at_s = start_s + phase * period_s
        while at_s < start_s + window_s:
            await _until(at_s)
            client.act()
            at_s += period_s
        await _until(start_s + window_s)


def _sum_up(clients: Sequence[Counted]) -> ByteCount:
    whole = ByteCount()
    for client in clients:
        whole.add(client.count)
    return whole


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
