"""Does memory grow with every connection that ever was? Cycles on one way in, and the server's RSS along them.

A cycle leaves nothing behind that the server should keep: connect, handshake and close; a handshake that is refused; a
room that is made, entered and deleted.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from bench.load.sockets.raw_client import OP_CLOSE, ClientGone, RawClient, Transport, client_frame, close_payload
from bench.load.sockets.tokens import Player, mint_admin, mint_receiver
from bench.processes.watch import resident_kib

_REFUSED_TOKEN = "nonsense"


class Cycle(str, Enum):
    """What is done again and again; see `bench.measures.CYCLES`."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ROOM = "room"
    ABRUPT = "abrupt"
    """Accepted, and reset."""


class Visited(Protocol):
    """The server under test."""

    @property
    def port(self) -> int: ...
    @property
    def jwt_secret(self) -> str: ...
    @property
    def pid(self) -> int: ...


@dataclass(frozen=True)
class WayIn:
    """How a client comes to its WebSocket."""

    name: str
    transport: Transport
    pieces: int = 1
    """TCP segments in which the request for the upgrade comes."""
    path: str = "/ws"

    @property
    def is_for_admins(self) -> bool:
        return self.path != "/ws"

    @property
    def most_workers(self) -> int:
        """Connections at a time: the figures of the server have few viewers."""
        return 8 if self.is_for_admins else 32

    def takes(self, cycle: Cycle) -> bool:
        """Whether that can be done on this way: there are no rooms among the server's figures."""
        return not (self.is_for_admins and cycle is Cycle.ROOM)


WAYS_IN = (
    WayIn("plain", Transport.BARE),
    WayIn("TLS", Transport.TLS),
    WayIn("permessage-deflate", Transport.DEFLATE),
    WayIn("split upgrade", Transport.BARE, pieces=3),
    WayIn("/ops/socket", Transport.BARE, path="/ops/socket"),
)


@dataclass(frozen=True)
class Churn:
    """RSS of the server along the cycles, in KiB; the first sample is before any."""

    cycle: Cycle
    way: WayIn
    done: tuple[int, ...]
    rss_kib: tuple[int, ...]

    def growth(self, warm_up: int) -> float:
        """Share by which RSS grew from `warm_up` cycles on to the end: 0.02 is 2 %. Raises `ValueError` where no
        sample lies between."""
        after = [kib for done, kib in zip(self.done, self.rss_kib, strict=True) if done >= warm_up]
        if len(after) < 2:
            raise ValueError("no samples behind the warm-up")
        return after[-1] / after[0] - 1


async def churn(
    target: Visited,
    cycle: Cycle,
    way: WayIn,
    *,
    cycles: int,
    workers: int | None = None,
    sample_every: int = 1000,
    on_sample: Callable[[int, int], None] | None = None,
) -> Churn:
    """Run `cycles` on a running server, `workers` at a time (None: as many as the way takes), and look at its RSS after
    every `sample_every`.

    At a sample no cycle is under way, so that only what was left behind is counted. `on_sample` gets cycles done and
    KiB. Raises `ClientGone` when the server does not do its part.
    """
    secret = target.jwt_secret
    run = _CYCLES[cycle]
    visits = [
        _Visit(target.port, way, mint_admin(secret) if way.is_for_admins else mint_receiver(secret, index))
        for index in range(way.most_workers if workers is None else workers)
    ]
    done, samples = [0], [resident_kib(target.pid)]
    try:
        while done[-1] < cycles:
            left = iter(range(min(sample_every, cycles - done[-1])))
            counted = await asyncio.gather(*(_work(run, visit, left) for visit in visits))
            done.append(done[-1] + sum(counted))
            samples.append(resident_kib(target.pid))
            if on_sample is not None:
                on_sample(done[-1], samples[-1])
    finally:
        for visit in visits:
            visit.end()
    return Churn(cycle, way, tuple(done), tuple(samples))


@dataclass(frozen=True)
class _Host:
    port: int
    jwt_secret: str
    pid: int


class Churners:
    """All that come and go, in the generator process (`bench.processes.remote`)."""

    def __init__(self, *, port: int, jwt_secret: str, pid: int) -> None:
        self._host = _Host(port, jwt_secret, pid)
        gc.enable()  # they would fill this process in a minute; no latency is measured here

    async def run(self, cycle: str, way: str, cycles: int, sample_every: int) -> Churn:
        """`way`: its name."""
        by_name = {each.name: each for each in WAYS_IN}
        return await churn(self._host, Cycle(cycle), by_name[way], cycles=cycles, sample_every=sample_every)


# -- private ------------------------------------------------------------------------------------------------------


class _Visit:
    """One worker: a player, and for rooms the connections that stay."""

    def __init__(self, port: int, way: WayIn, player: Player) -> None:
        self.port = port
        self.way = way
        self.player = player
        self.socket: RawClient | None = None
        self.http: RawClient | None = None

    async def open(self, token: str) -> RawClient:
        """A socket that has sent its handshake."""
        client = await RawClient.connect(self.port, self.way.transport)
        status = await client.upgrade(self.way.path, pieces=self.way.pieces)
        if status != 101:
            client.abort()
            raise ClientGone(f"the upgrade was answered with {status}")
        data = {"version": "13020", "name": "Churn", "token": token}
        client.send(client_frame(json.dumps({"type": "handshake", "data": data}).encode()))
        return client

    def end(self) -> None:
        for client in (self.socket, self.http):
            if client is not None:
                client.abort()


async def _work(run: Callable[[_Visit], Awaitable[None]], visit: _Visit, left: Iterator[int]) -> int:
    counted = 0
    for _ in left:  # shared by all workers: each takes the next
        await run(visit)
        counted += 1
    return counted


async def _say_good_bye(client: RawClient) -> None:
    client.send(client_frame(close_payload(), OP_CLOSE))
    await client.ended()
    client.abort()


async def _handshake(visit: _Visit) -> None:
    client = await visit.open(visit.player.token)
    await client.message(b"handshake_accepted")
    await _say_good_bye(client)


async def _refused(visit: _Visit) -> None:
    client = await visit.open(_REFUSED_TOKEN)
    await client.message(b"error")
    await _say_good_bye(client)


async def _abrupt(visit: _Visit) -> None:
    client = await visit.open(visit.player.token)
    await client.message(b"handshake_accepted")
    client.abort()


async def _room(visit: _Visit) -> None:
    token = visit.player.token
    if visit.socket is None:
        visit.socket = await visit.open(token)
        await visit.socket.message(b"handshake_accepted")
        visit.http = await RawClient.connect(visit.port, visit.way.transport)
    assert visit.http is not None
    status, body = await visit.http.request("POST", "/api/rooms", b'{"gamemode":"churn"}', token=token)
    if status != 201:
        raise ClientGone(f"no room: {status} {body!r}")
    visit.socket.send(client_frame(b'{"type":"create_room","data":{}}'))
    await visit.socket.message(b"room_created")
    path = f"/api/rooms/{json.loads(body)['room']['id']}"
    status, body = await visit.http.request("DELETE", path, token=token)
    if status != 200:
        raise ClientGone(f"not deleted: {status} {body!r}")


_CYCLES: dict[Cycle, Callable[[_Visit], Awaitable[None]]] = {
    Cycle.ACCEPTED: _handshake,
    Cycle.REFUSED: _refused,
    Cycle.ABRUPT: _abrupt,
    Cycle.ROOM: _room,
}
