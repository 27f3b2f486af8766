"""`GET /api/rooms` with 50 rooms over kept-alive connections, saturating one core: the lobby's list, its 304,
compressed and of one game mode; the same body through a plain RequestHandler and through Node's own http; in turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from time import perf_counter

from bench.load.changes.publisher import GAMEMODE, Publisher
from bench.load.sockets.http_client import HttpConnection, Response, get_request, open_http
from bench.measures import CPU_PER_REQUEST
from bench.processes.lab import HOST, Lab
from bench.processes.peer import node_http_command, python_peer, start_peer
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import EngineSizes
from bench.record.vocabulary import (
    LOBBY,
    LOBBY_FILTERED,
    LOBBY_GZIP,
    LOBBY_UNCHANGED,
    NODE_HTTP,
    PLAIN_HANDLER,
)

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)
ROOMS = 50
CONNECTIONS = 32
WARM_S = 0.3
"""Of answers that do not count, before those that do: a compiler that works while the program runs has met the code."""
NOBODY_ANSWERED = "nobody was answered in this time"
ANSWER_TIMEOUT_S = 30.0
"""For the first answer of a stretch of time, which goes on until it comes."""
LOOK_EVERY_S = 0.01
TURNS_A_REPEAT = 4
"""Short turns and many: what the machine does otherwise changes from second to second."""


PATH = "/api/rooms"
Party = tuple[str, int, int, str, tuple[str, ...], int]
"""Name, port, process; path and header lines of its requests; the status that answers them."""


class Askers:
    """Connections that ask again as soon as they are answered. Runs in the generator process."""

    def __init__(self) -> None:
        self._answered = 0
        self._statuses: set[int] = set()
        self._connections: list[HttpConnection] = []

    async def get(self, port: int) -> Response:
        """One answer."""
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        connection = await open_http(HOST, port, answer.set_result)
        connection.send(get_request(PATH, host=HOST, port=port))
        response = await answer
        connection.close()
        return response

    async def begin(self, port: int, headers: tuple[str, ...], path: str = PATH) -> None:
        self._answered, self._statuses = 0, set()
        request = get_request(path, host=HOST, port=port, headers=headers)
        for _ in range(CONNECTIONS):
            self._connections.append(await self._open(port, request))
        await asyncio.sleep(WARM_S)

    async def ask_for(self, duration_s: float) -> int:
        """How many answers came in that time; where there was none, until the first one comes, for at most
        `ANSWER_TIMEOUT_S`."""
        before, end_s = self._answered, perf_counter() + duration_s
        while (left_s := end_s - perf_counter()) > 0:
            await asyncio.sleep(left_s)
        while self._answered == before and perf_counter() < end_s + ANSWER_TIMEOUT_S:
            await asyncio.sleep(LOOK_EVERY_S)
        return self._answered - before

    async def end(self) -> set[int]:
        """The statuses that came."""
        for connection in self._connections:
            connection.close()
        self._connections = []
        return self._statuses

    async def _open(self, port: int, request: bytes) -> HttpConnection:
        def on_response(response: Response) -> None:
            self._answered += 1
            self._statuses.add(response.status)
            if not connection.lost:
                connection.send(request)

        connection = await open_http(HOST, port, on_response)
        connection.send(request)
        return connection


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """The figure to compare is CPU per request: the rate says the same where one core is the limit."""
    book = lab.book("rooms-get", FLAGS)
    turns = TURNS_A_REPEAT * sizes.repeats
    node = node_http_command()
    if node is None:
        book.note("without Node.js: its own http was not measured")
    with (
        lab.reporter.stage("rooms-get", (5 + (node is not None)) * turns) as stage,
        tempfile.TemporaryDirectory(prefix="lobby-rooms-") as folder,
        lab.server(FLAGS) as server,
        lab.generator(Askers) as askers,
    ):
        with Publisher(server.port, server.jwt_secret) as publisher:
            publisher.fill(ROOMS)
        response = askers.call(Askers.get, server.port)
        etag = (response.header(b"etag") or b"").decode()
        body = Path(folder) / "rooms.json"
        body.write_bytes(response.body)
        book.note(f"a list of {ROOMS} rooms is {len(response.body):,} bytes")
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(start_peer(python_peer("plain_rooms", str(body)), cpus=lab.cpus.server))
            own = (server.port, server.pid)
            parties: list[Party] = [
                (LOBBY, *own, PATH, (), 200),
                (PLAIN_HANDLER, plain.port, plain.pid, PATH, (), 200),
                (LOBBY_UNCHANGED, *own, PATH, (f"If-None-Match: {etag}",), 304),
                (LOBBY_GZIP, *own, PATH, ("Accept-Encoding: gzip",), 200),
                (LOBBY_FILTERED, *own, f"{PATH}?gamemode={GAMEMODE}", (), 200),
            ]
            if node is not None:
                bare = stack.enter_context(start_peer([*node, str(body)], cpus=lab.cpus.server))
                parties.append((NODE_HTTP, bare.port, bare.pid, PATH, (), 200))
            for repeat in range(turns):
                book.turn = repeat
                first = repeat % len(parties)
                for party, port, pid, path, headers, status in parties[first:] + parties[:first]:
                    stage.say(f"{party}, turn {repeat + 1} of {turns}")
                    write_answers(book, askers, party, port, pid, headers, status, sizes.get_s, path)
                    stage.advance()
    return book.result("rooms-get", FLAGS)


def write_answers(
    book: Book,
    askers: Remote[Askers],
    party: str,
    port: int,
    pid: int,
    headers: tuple[str, ...],
    status: int,
    duration_s: float,
    path: str = PATH,
) -> None:
    askers.call(Askers.begin, port, headers, path)
    watch = Watch(pid, askers.pid)
    answers = askers.call(Askers.ask_for, duration_s)
    stretch = watch.stretch()
    if wrong := askers.call(Askers.end) - {status}:
        book.faults.append(f"{party} was answered {sorted(wrong)} instead of {status}")
    nobody = "" if answers else NOBODY_ANSWERED
    cpu_us = stretch.server_cpu_s / max(answers, 1) * 1e6
    book.add(CPU_PER_REQUEST, cpu_us, clients=CONNECTIONS, party=party, stretch=stretch, invalid=nobody)
