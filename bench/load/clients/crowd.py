"""The clients of a broadcast: sockets that listen, HTTP connections that fetch, pollers that ask every T seconds.

Runs in the generator process (`bench.processes.remote`). While something is recorded, the handlers below append to
plain lists and do nothing else; what it means is worked out afterwards, elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bench.load.changes.ledger import Log, Receipts
from bench.load.clients.fetcher import Fetcher, newest_number
from bench.load.sockets.http_client import Response, get_request, open_http
from bench.load.sockets.receivers import (
    ROOMS_CHANGED_HEAD,
    USER_ONLINE_HEAD,
    Receiver,
    join,
    politely,
    upgrade,
)
from bench.load.sockets.tokens import NEWCOMER, Player, mint_newcomer, mint_receiver
from bench.processes.lab import HOST

MARK_EVERY = 8
"""Events between two looks at the process's CPU clock, which costs about 0.3 µs."""

TIMER_EARLY_S = 0.002
"""uvloop's timers count whole milliseconds and may fire early; the rest is waited for actively."""

READ_FIRST_S = 0.001
"""Before it is judged whether nothing came: a loop that was held up reads what lies in its sockets meanwhile."""

BURST_GAP_S = 0.02
"""An event after such a silence begins a burst, and gets a mark whatever its number."""

_NEWCOMER = NEWCOMER.encode()
_REVISION = re.compile(rb'"rev":(\d+)')


@dataclass(frozen=True)
class Recording:
    """What came while recording, in order, and the generator's own CPU at moments of it."""

    notified: Receipts
    fresh: Receipts
    logins: Receipts
    closed: frozenset[int]
    """Clients whose socket is gone."""
    mark_stamps_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    mark_cpu_s: np.ndarray[tuple[int], np.dtype[np.float64]]


class Crowd:
    """All clients of one server. Coroutines are called from the parent process, one at a time."""

    def __init__(
        self, *, ws_url: str, port: int, secret: str, clients_per_user: int, seed: int,
        features: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """With the feature ``rev`` each announcement is recorded with the revision that it carries."""
        self._features = features
        self.closed: set[int] = set()
        self._ws_url, self._port, self._secret = ws_url, port, secret
        self._clients_per_user = clients_per_user
        self._random = random.Random(seed)
        self._receivers: list[_CrowdReceiver] = []
        self._newcomers: list[Receiver] = []
        self._fetchers: list[Fetcher] = []
        self._pollers: list[asyncio.Task[None]] = []
        self._polled = Log()
        self.list_request = get_request("/api/rooms", host=HOST, port=port)
        self.last_text_s = perf_counter()
        self.losses: Counter[str] = Counter()
        self.fetching = False
        self._reset()

    def _reset(self) -> None:
        self._notified, self._fresh, self._logins = Log(), Log(), Log()
        self._marks: list[tuple[float, float]] = []
        self._events = 0
        self._last_event_s = 0.0

    # -- called from the parent ---------------------------------------------------------------------------------

    async def grow(self, to: int) -> None:
        """Connect receivers until there are `to`."""
        new = [
            _CrowdReceiver(self, index, mint_receiver(self._secret, index // self._clients_per_user), self._features)
            for index in range(len(self._receivers), to)
        ]
        await politely(new, lambda receiver: join(receiver, self._ws_url))
        self._receivers += new

    async def open_fetchers(self) -> None:
        """An HTTP connection for every receiver whose last one a server may have closed as idle, or that has none."""
        self._fetchers += [
            Fetcher(self, index, self._port) for index in range(len(self._fetchers), len(self._receivers))
        ]
        await politely([fetcher for fetcher in self._fetchers if not fetcher.is_open], Fetcher.open)

    async def start_pollers(self, count: int, period_s: float) -> None:
        """Clients that fetch the list every `period_s`, at random phases, until the process ends."""
        for index in range(count):
            phase_s = self._random.uniform(0, period_s)
            self._pollers.append(asyncio.create_task(self._poll(index, period_s, phase_s)))

    async def settle(self, quiet_s: float, timeout_s: float) -> None:
        """Return once nothing has been received for `quiet_s`. Raises `TimeoutError` when that does not come."""
        self.last_text_s = perf_counter()
        deadline_s = self.last_text_s + timeout_s
        while perf_counter() - self.last_text_s < quiet_s:
            if perf_counter() > deadline_s:
                raise TimeoutError(f"messages still came after {timeout_s:.0f} s")
            await asyncio.sleep(quiet_s / 4)
            await asyncio.sleep(READ_FIRST_S)

    async def begin(self, fetching: bool) -> None:
        """Record from now on. With `fetching`, each `rooms_changed` is answered by a fetch, never two at once."""
        self._reset()
        self.fetching = fetching

    async def end(self) -> Recording:
        """Stop fetching, and hand over what was recorded since `begin`."""
        self.fetching = False
        marks = np.asarray(self._marks or [(0.0, 0.0)], dtype=np.float64)
        return Recording(
            notified=self._notified.receipts(),
            fresh=self._fresh.receipts(),
            logins=self._logins.receipts(),
            closed=frozenset(self.closed),
            mark_stamps_s=marks[:, 0],
            mark_cpu_s=marks[:, 1],
        )

    async def polled(self) -> Receipts:
        """Which newest room each poller saw, and when it first did; since the last call."""
        taken, self._polled = self._polled, Log()
        return taken.receipts()

    async def prepare_newcomers(self, first: int, count: int) -> None:
        """Open the sockets of users that will say hello later."""
        self._newcomers = [Receiver(index, mint_newcomer(self._secret, index)) for index in range(first, first + count)]
        for newcomer in self._newcomers:
            await upgrade(newcomer, self._ws_url)

    async def log_in(self, intended_s: Sequence[float]) -> list[float]:
        """Each prepared newcomer says hello at its time; returns when they did."""
        sent_s = []
        for newcomer, at_s in zip(self._newcomers, intended_s, strict=True):
            await asyncio.sleep(max(0.0, at_s - perf_counter() - TIMER_EARLY_S))
            while perf_counter() < at_s:
                await asyncio.sleep(0)
            sent_s.append(perf_counter())
            newcomer.say_hello()
        return sent_s

    async def dismiss_newcomers(self) -> None:
        for newcomer in self._newcomers:
            newcomer.close()
        self._newcomers = []

    async def unexpected_losses(self) -> dict[str, int]:
        """Receivers that were closed or cut, by close code."""
        return dict(self.losses)

    # -- called by the clients -------------------------------------------------------------------------------------

    def on_rooms_changed(self, index: int, stamp_s: float, payload: bytes) -> None:
        if self._features:
            self._notified.what.append(int(_REVISION.findall(payload)[0]))
        self._notified.client.append(index)
        self._notified.stamp_s.append(stamp_s)
        self._mark(stamp_s)
        if self.fetching:
            self._fetchers[index].changed(self.list_request)

    def on_user_online(self, index: int, stamp_s: float, payload: bytes) -> None:
        if not self._newcomers:
            return
        at = payload.find(_NEWCOMER)
        if at >= 0:
            self._logins.client.append(index)
            self._logins.stamp_s.append(stamp_s)
            self._logins.what.append(int(payload[at + len(_NEWCOMER) : at + len(_NEWCOMER) + 4]))
            self._mark(stamp_s)

    def on_list(self, index: int, response: Response) -> None:
        self._fresh.client.append(index)
        self._fresh.stamp_s.append(response.stamp_s)
        self._fresh.what.append(newest_number(response.body))
        self._mark(response.stamp_s)

    def _mark(self, stamp_s: float) -> None:
        self._events += 1
        if stamp_s - self._last_event_s > BURST_GAP_S or not self._events % MARK_EVERY:
            self._marks.append((stamp_s, time.process_time()))
        self._last_event_s = stamp_s

    async def _poll(self, index: int, period_s: float, phase_s: float) -> None:
        """One poller: its times are fixed from the start, so that a slow answer does not delay the next question."""
        answer: asyncio.Queue[Response] = asyncio.Queue()
        connection = await open_http(HOST, self._port, answer.put_nowait)
        newest = -1
        at_s = perf_counter() + phase_s
        while True:
            await asyncio.sleep(max(0.0, at_s - perf_counter()))
            if connection.lost:
                try:
                    connection = await open_http(HOST, self._port, answer.put_nowait)
                except OSError:
                    return  # the server is gone, and with it the run
            connection.send(self.list_request)
            response = await answer.get()
            seen = newest_number(response.body)
            if seen > newest:
                newest = seen
                self._polled.client.append(index)
                self._polled.stamp_s.append(response.stamp_s)
                self._polled.what.append(seen)
            at_s += period_s


class _CrowdReceiver(Receiver):
    def __init__(self, crowd: Crowd, index: int, player: Player, features: tuple[str, ...]) -> None:
        super().__init__(index, player, features)
        self._crowd = crowd

    def on_text(self, payload: bytes, stamp_s: float) -> None:
        self._crowd.last_text_s = stamp_s
        if payload.startswith(ROOMS_CHANGED_HEAD):
            self._crowd.on_rooms_changed(self.index, stamp_s, payload)
        elif payload.startswith(USER_ONLINE_HEAD):
            self._crowd.on_user_online(self.index, stamp_s, payload)

    def on_lost(self) -> None:
        self._crowd.losses[str(self.close_code)] += 1
        self._crowd.closed.add(self.index)
