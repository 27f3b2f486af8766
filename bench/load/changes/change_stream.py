"""Changes of the room list at a fixed rate, whatever the server makes of it: an open workload.

`bench.load.changes.publisher` has one connection and waits for each answer, which is right for lone changes;
under load its own queue would be measured. Here a change goes out at its time, on a connection that is free, as from
many players.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import msgspec

from bench.load.changes.publisher import MARKER, PublishFailed
from bench.load.sockets.http_client import HttpConnection, Response, open_http
from bench.load.sockets.tokens import Player, mint_host
from bench.processes.lab import HOST
from lobby_server.protocol.resources import RoomMade

HOSTS_FROM = 50_000
"""First index of the hosts, apart from those of a publisher on the same server."""

LIVING_ROOMS = 10
"""A change is the making of a room, or the end of the one made so many before."""

ANSWER_TIMEOUT_S = 30.0


@dataclass
class Change:
    """One change. Moments by ``time.perf_counter``."""

    intended_s: float
    number: int
    """In the order of the stream, makings and ends alike, from 0 on."""
    room: int | None
    """Of the room that it makes; ``None``: it ends one."""
    sent_s: float = 0.0
    answered_s: float = 0.0


class ChangeStream:
    """A host for each room; connections as many as it takes."""

    def __init__(self, port: int, secret: str, *, living: int = LIVING_ROOMS, first_room: int = 0) -> None:
        """From the `living` + 1st room on, every second change ends one. Rooms are numbered from `first_room` on."""
        self._port, self._secret, self._most = port, secret, living
        self._next_host = HOSTS_FROM
        self._free: list[_Line] = []
        self._living: deque[tuple[asyncio.Task[str], Player]] = deque()
        self._next_number = 0
        self._next_room = first_room

    async def run(self, times_s: Sequence[float]) -> list[Change]:
        """Make all changes, each at its time, and return when all are answered. Raises `PublishFailed`."""
        hosts = [mint_host(self._secret, self._next_host + index) for index in range(len(times_s))]
        self._next_host += len(hosts)
        changes: list[Change] = []
        tasks: list[asyncio.Task[str]] = []
        for at_s, host in zip(times_s, hosts, strict=True):
            await asyncio.sleep(max(0.0, at_s - perf_counter()))
            if len(self._living) > self._most:
                changes.append(Change(at_s, self._next_number, None))
                tasks.append(asyncio.create_task(self._end_room(changes[-1], *self._living.popleft())))
            else:
                changes.append(Change(at_s, self._next_number, self._next_room))
                tasks.append(asyncio.create_task(self._make_room(changes[-1], host)))
                self._living.append((tasks[-1], host))
                self._next_room += 1
            self._next_number += 1
        await asyncio.wait_for(asyncio.gather(*tasks), ANSWER_TIMEOUT_S)
        for line in self._free:
            line.close()
        return changes

    async def _make_room(self, change: Change, host: Player) -> str:
        body = msgspec.json.encode({"gamemode": "deathmatch", "mapName": f"{MARKER}{change.room:06d}"})
        answer = await self._ask(change, "POST", "/api/rooms", host, body, expected=201)
        return msgspec.json.decode(answer, type=RoomMade).room.id

    async def _end_room(self, change: Change, made: asyncio.Task[str], host: Player) -> str:
        room_id = await made
        await self._ask(change, "DELETE", f"/api/rooms/{room_id}", host, b"", expected=200)
        return room_id

    async def _ask(self, change: Change, method: str, path: str, host: Player, body: bytes, *, expected: int) -> bytes:
        line = self._free.pop() if self._free else _Line()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nAuthorization: Bearer {host.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        change.sent_s = perf_counter()
        response = await line.ask(self._port, head.encode() + body)
        change.answered_s = response.stamp_s
        self._free.append(line)
        if response.status != expected:
            raise PublishFailed(f"{method} {path} was answered {response.status}: {response.body[:200]!r}")
        return response.body


class _Line:
    """A kept-alive connection that has one question at a time."""

    def __init__(self) -> None:
        self._connection: HttpConnection | None = None
        self._answer: asyncio.Future[Response] | None = None

    async def ask(self, port: int, request: bytes) -> Response:
        if self._connection is None or self._connection.lost:
            self._connection = await open_http(HOST, port, self._on_response)
        self._answer = asyncio.get_running_loop().create_future()
        self._connection.send(request)
        return await self._answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _on_response(self, response: Response) -> None:
        if self._answer is not None:
            self._answer.set_result(response)
