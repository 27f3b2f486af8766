"""One hostile client among many good ones: how much later do the others get their pongs?

Good clients are connected and accepted, and ping at times fixed beforehand, spread evenly. Rounds with the hostile
client and rounds without are taken in turns, in one run, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from bench.load.clients.hostile import Hostile
from bench.load.sockets.raw_client import OP_PING, OP_PONG, OP_TEXT, ClientGone, RawClient, Transport, client_frame
from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from bench.stats import percentile

PINGS_PER_S = 400.0
"""Of all good clients together: little enough that they do not disturb each other."""
OPENING = 64
"""Good clients that connect at the same time."""
SETTLE_S = 0.5
"""Between two rounds, and after the hostile client began."""
PONG_TIMEOUT_S = 30.0
"""From the last ping of a round on. A pong that comes late counts with its time; one that has not come by then is
lost."""
_PING = client_frame(b'{"type":"ping","data":{}}')
_PONG = b'"type":"pong"'


@dataclass(frozen=True)
class Among:
    """Time from the intended time of a ping to its pong, in ms, of all rounds of a kind."""

    kind: Hostile
    transport: Transport
    good: int
    undisturbed_ms: tuple[float, ...]
    disturbed_ms: tuple[float, ...]
    lost: int
    """Pings that had no pong within `PONG_TIMEOUT_S`: each one counts as a failure of the server."""
    cut: int
    """Good clients whose connection was ended."""

    @property
    def p99_ms(self) -> tuple[float, float]:
        """Undisturbed, disturbed."""
        return percentile(self.undisturbed_ms, 99), percentile(self.disturbed_ms, 99)

    @property
    def ratio(self) -> float:
        undisturbed, disturbed = self.p99_ms
        return disturbed / undisturbed


class Neighbours:
    """Good clients of one server, and rounds with and without a hostile one. Runs in the generator process
    (`bench.processes.remote`)."""

    def __init__(self, *, port: int, jwt_secret: str, transport: str) -> None:
        self._port, self._transport = port, Transport(transport)
        self._crowd = _Crowd(port, jwt_secret, self._transport)

    async def open(self, good: int) -> None:
        """Raises `ClientGone` for one that is not let in."""
        await self._crowd.open(good)

    async def round(self, kind: str | None, seconds: float) -> list[float]:
        """Times from the intended time of a ping to its pong, in ms, beside a hostile client of that kind or none."""
        hostile = None if kind is None else await _start_hostile(kind, self._port, self._transport, seconds)
        try:
            await asyncio.sleep(SETTLE_S)
            return await self._crowd.ping_for(seconds)
        finally:
            if hostile is not None:
                await _stop(hostile)

    async def harm(self) -> tuple[int, int]:
        """Pings without a pong, and good clients whose connection was ended, so far."""
        return self._crowd.lost, sum(member.client.has_ended for member in self._crowd.members)

    async def end(self) -> None:
        self._crowd.end()


async def among(
    target: Target,
    kind: Hostile,
    transport: Transport,
    *,
    good: int = 2000,
    rounds: int = 3,
    round_s: float = 3.0,
) -> Among:
    """`rounds` of each kind, of `round_s` each, in turns. The server runs and takes `good` connections and more."""
    neighbours = Neighbours(port=target.port, jwt_secret=target.jwt_secret, transport=transport.value)
    try:
        await neighbours.open(good)
        series: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * rounds):
            is_disturbed = number % 2 == 1
            series[is_disturbed] += await neighbours.round(kind.value if is_disturbed else None, round_s)
        lost, cut = await neighbours.harm()
        return Among(kind, transport, good, tuple(series[False]), tuple(series[True]), lost, cut)
    finally:
        await neighbours.end()


# -- private ------------------------------------------------------------------------------------------------------


class _Member:
    """A good client."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.asked_s: list[float] = []
        self.waits_ms: list[float] = []
        client.on_frame = self._frame
        client.data_received(b"")  # what came with the acceptance

    def ping(self, intended_s: float) -> None:
        self.asked_s.append(intended_s)
        self.client.send(_PING)

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == OP_PING:
            self.client.send(client_frame(payload, OP_PONG))
        elif opcode == OP_TEXT and _PONG in payload and self.asked_s:
            self.waits_ms.append((time.perf_counter() - self.asked_s.pop(0)) * 1000)


class _Crowd:
    def __init__(self, port: int, jwt_secret: str, transport: Transport) -> None:
        self._port, self._jwt_secret = port, jwt_secret
        self._transport = transport
        self.members: list[_Member] = []
        self.lost = 0
        self._pinged = 0

    async def open(self, size: int) -> None:
        places = asyncio.Semaphore(OPENING)

        async def one(index: int) -> None:
            async with places:
                self.members.append(await self._accepted(index))

        await asyncio.gather(*map(one, range(size)))

    async def ping_for(self, seconds: float) -> list[float]:
        """Waiting times of one round, in ms."""
        start_s = time.perf_counter()
        for number in range(round(seconds * PINGS_PER_S)):
            intended_s = start_s + number / PINGS_PER_S
            if (early_s := intended_s - time.perf_counter()) > 0:
                await asyncio.sleep(early_s)
            self.members[self._pinged % len(self.members)].ping(intended_s)
            self._pinged += 1
        deadline_s = time.perf_counter() + PONG_TIMEOUT_S
        while any(member.asked_s for member in self.members) and time.perf_counter() < deadline_s:
            await asyncio.sleep(0.01)
        waits_ms = []
        for member in self.members:
            self.lost += len(member.asked_s)
            waits_ms += member.waits_ms
            member.asked_s, member.waits_ms = [], []
        return waits_ms

    def end(self) -> None:
        for member in self.members:
            member.client.abort()

    async def _accepted(self, index: int) -> _Member:
        client = await RawClient.connect(self._port, self._transport)
        if await client.upgrade() != 101:
            raise ClientGone("a good client was not let in")
        token = mint_receiver(self._jwt_secret, index).token
        data = {"version": "13020", "name": "Good", "token": token}
        client.send(client_frame(json.dumps({"type": "handshake", "data": data}).encode()))
        await client.message(b"handshake_accepted")
        return _Member(client)


async def _start_hostile(kind: str, port: int, transport: Transport, round_s: float) -> asyncio.subprocess.Process:
    """Returns when it begins: the start of its process is not what is measured."""
    seconds = str(4 * round_s + 30)  # ended sooner by us; by itself when we are gone
    command = [sys.executable, "-m", "bench.load.clients.hostile", kind, str(port), transport.value, seconds]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
