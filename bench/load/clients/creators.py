"""Users who make rooms at the same time, each over a kept-alive connection: a creator whose room is answered is the
next user, and makes another one. Runs in the generator process (`bench.processes.remote`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

import msgspec

from bench.load.changes.publisher import GAMEMODE
from bench.load.sockets.http_client import HttpConnection, Response, get_request, open_http
from bench.load.sockets.receivers import politely
from bench.load.sockets.tokens import mint_host
from bench.processes.lab import HOST
from lobby_server.protocol.resources import RoomList, RoomMade

BODY = msgspec.json.encode({"gamemode": GAMEMODE, "mapName": "harbour", "maxPlayers": 8})
CREATED = 201
ANSWER_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Made:
    """What came of a stretch of time."""

    rooms: int
    """Answered with 201 within it."""
    wall_s: float
    """As long as was asked for, and longer where a creator had not been answered once by then."""
    refused: dict[int, int]
    """Other answers, by status; whenever they came."""


class Creators:
    """Coroutines are called from the parent process, one at a time."""

    def __init__(self, *, port: int, secret: str, creators: int) -> None:
        self._port, self._secret, self._count = port, secret, creators
        self._creators: list[HttpConnection] = []
        self._under_way = 0
        self._until_s = 0.0
        self._unanswered: set[HttpConnection] = set()
        self._answered = 0
        self._refused: dict[int, int] = {}
        self._next_user = 0
        self._room_ids: list[str] = []
        self._all_answered = asyncio.Event()

    async def open(self) -> None:
        """A connection for each, also for those whose last one the server has closed as idle."""
        self._creators = [creator for creator in self._creators if not creator.lost]
        await politely(range(self._count - len(self._creators)), self._open)

    async def make_rooms(self, duration_s: float) -> Made:
        """All of them make rooms for so long, and until each has been answered once: a commit on a busy disk may take
        longer than a short stretch. Returns when each has had its last answer. Raises `TimeoutError` when one has none
        for `ANSWER_TIMEOUT_S`."""
        await self.open()
        self._answered, self._refused = 0, {}
        start_s = perf_counter()
        self._until_s = start_s + duration_s
        self._under_way, self._unanswered = len(self._creators), set(self._creators)
        self._all_answered.clear()
        for creator in self._creators:
            creator.send(self._request())
        await asyncio.wait_for(self._all_answered.wait(), duration_s + ANSWER_TIMEOUT_S)
        return Made(self._answered, self._until_s - start_s, self._refused)

    async def missing(self) -> int:
        """How many of the rooms that were answered with 201 are not in the list now."""
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        connection = await open_http(HOST, self._port, answer.set_result)
        connection.send(get_request("/api/rooms", host=HOST, port=self._port))
        listed = msgspec.json.decode((await answer).body, type=RoomList)
        connection.close()
        return len(set(self._room_ids).difference(room.id for room in listed.rooms))

    async def close(self) -> None:
        for creator in self._creators:
            creator.close()

    # -- private --------------------------------------------------------------------------------------------------

    async def _open(self, _: int) -> None:
        def on_response(response: Response) -> None:
            self._on_response(connection, response)

        connection = await open_http(HOST, self._port, on_response)
        self._creators.append(connection)

    def _on_response(self, connection: HttpConnection, response: Response) -> None:
        if self._unanswered:
            self._unanswered.discard(connection)
            self._until_s = max(self._until_s, response.stamp_s)
        if response.status == CREATED:
            self._answered += response.stamp_s <= self._until_s
            self._room_ids.append(msgspec.json.decode(response.body, type=RoomMade).room.id)
        else:
            self._refused[response.status] = self._refused.get(response.status, 0) + 1
        if response.stamp_s < self._until_s:
            connection.send(self._request())
            return
        self._under_way -= 1
        if not self._under_way:
            self._all_answered.set()

    def _request(self) -> bytes:
        """Of the next user: each hosts one room."""
        token = mint_host(self._secret, self._next_user).token
        self._next_user += 1
        head = (
            f"POST /api/rooms HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nUser-Agent: lobby-bench\r\nAccept: */*\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        return head.encode() + BODY
