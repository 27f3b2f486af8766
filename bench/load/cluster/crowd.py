"""Players of several nodes who come back to another one when theirs is gone, and the ledger of what they were told.

All are online before a fault and after it. Some of those who lose their node come back by the jitter policy, the others
wait until somebody was told that they are offline: so there is somebody to be told of.

Runs in the generator process (`bench.processes.remote`).
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from time import perf_counter
from typing import Any

import msgspec
from picows import WSMsgType

from bench.load.sockets.receivers import Receiver, ReceiverFailed, join, politely
from bench.load.sockets.tokens import CLIENT_VERSION, Player, mint_receiver
from bench.processes.lab import HOST
from lobby_server.protocol.feature_messages import PresenceChanged, RoomsSnapshot
from lobby_server.protocol.messages import JoinRoom, encode

FEATURES = ("rooms_delta", "presence_batch")
RETRY_FIRST_S, RETRY_S = 5.0, 0.5
"""Bounds of the random wait before the first and before every further try."""
WAITS_EVERY = 2
"""Every second player who was lost waits to be told offline first."""
QUIET_S = 1.5
"""After the last one is back: the others are told of it."""
_CHANGED = b'{"type":"%b"' % PresenceChanged.TYPE.encode()
_SNAPSHOT = b'{"type":"%b"' % RoomsSnapshot.TYPE.encode()


News = tuple[tuple[int, bool], ...]
"""Of whom, and whether online."""


@dataclass(frozen=True)
class Seen:
    """What a fault was to the crowd. Moments by ``time.perf_counter``."""

    lost: int
    """Players who lost their connection."""
    told_offline: int
    """Of them, those whom anybody was told to be offline."""
    batches: int
    """The most messages with somebody offline that a player got who had stayed connected."""
    offline_s: list[float]
    """When each of those who stayed was first told of somebody offline."""
    back_s: list[float]
    """How long each who was lost took to be back and fresh, from its loss or, if it waited for that, from being told
    offline."""
    fresh_at_s: list[float]
    wrong: int
    """Pairs of a player who stayed and one whom it holds for offline in the end."""
    doubled: int
    """News that a player who stayed was told twice in a row."""
    missing: int
    """Players who are not back."""


@lru_cache(maxsize=64)
def _read(payload: bytes) -> tuple[News, tuple[int, ...], bool]:
    """What it says, who is offline by it, and whether it is the first part. All get the same bytes, so
    all share what is made of them."""
    data: Any = msgspec.json.decode(payload)["data"]
    online, offline = (tuple(user["user_id"] for user in data[key]) for key in ("online", "offline"))
    news = (*((user_id, True) for user_id in online), *((user_id, False) for user_id in offline))
    return news, offline, data.get("part", 1) == 1


class _Socket(Receiver):
    def __init__(self, crowd: Crowd, traveller: _Traveller) -> None:
        super().__init__(traveller.index, traveller.player, FEATURES)
        self._crowd, self._traveller = crowd, traveller
        self.fresh_s: float | None = None

    def on_text(self, payload: bytes, stamp_s: float) -> None:
        if payload.startswith(_CHANGED):
            self._crowd.told(self._traveller, payload, stamp_s)
        elif self.fresh_s is None and payload.startswith(_SNAPSHOT):
            self.fresh_s = stamp_s
            self._crowd.is_fresh(self._traveller, stamp_s)

    def on_lost(self) -> None:
        if self._traveller.socket is self:
            self._crowd.lost(self._traveller)


@dataclass(eq=False)
class _Traveller:
    index: int
    player: Player
    node: int
    socket: _Socket | None = None
    is_fresh: bool = False
    lost_s: float | None = None
    """When it lost its connection since the watch began."""
    sets_out_s: float = 0.0
    fresh_s: float | None = None
    told: list[News] = field(default_factory=list)
    """Since the watch began."""
    batches: int = 0
    first_offline_s: float | None = None


class Crowd:
    """Coroutines are called from the parent process, one at a time."""

    def __init__(self, *, ports: list[int], secret: str, seed: int) -> None:
        self._ports = ports
        self._secret = secret
        self._chance = random.Random(seed)
        self._travellers: list[_Traveller] = []
        self._offline: set[int] = set()
        """Users of whom somebody was told that they are offline, since the watch began."""
        self._waiting: dict[int, asyncio.Event] = {}
        self._returns: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def open(self, count: int) -> None:
        """Players dealt out over the nodes in turn."""
        self._is_open = True
        self._travellers = [
            _Traveller(index, mint_receiver(self._secret, index), index % len(self._ports)) for index in range(count)
        ]
        await politely(self._travellers, self._join)
        await asyncio.sleep(QUIET_S)

    async def enter(self, rooms: dict[int, str]) -> None:
        """Players, by number, ask for their way into rooms."""
        for index, room_id in rooms.items():
            socket = self._travellers[index].socket
            assert socket is not None
            assert socket.transport is not None
            request = JoinRoom(roomId=room_id, version=CLIENT_VERSION, name=f"player {index}")
            socket.transport.send(WSMsgType.TEXT, encode(request))

    async def watch(self) -> None:
        """From now on what everybody is told is kept; what was kept before is forgotten."""
        self._offline.clear()
        for each in self._travellers:
            each.lost_s = each.first_offline_s = each.fresh_s = None
            each.told, each.batches = [], 0

    async def settle(self, *, least_lost: int, timeout_s: float) -> Seen:
        """Wait until so many were lost and all are back, for a bounded time; what it was like."""
        give_up_s = perf_counter() + timeout_s
        while perf_counter() < give_up_s:
            lost = sum(each.lost_s is not None for each in self._travellers)
            if lost >= least_lost and all(each.is_fresh for each in self._travellers):
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(QUIET_S)
        return self._seen()

    async def close(self) -> None:
        self._is_open = False
        for task in self._returns:
            task.cancel()
        for each in self._travellers:
            if each.socket is not None:
                each.socket.close()

    # -- what sockets say -----------------------------------------------------------------------------------------

    def told(self, traveller: _Traveller, payload: bytes, stamp_s: float) -> None:
        news, offline, is_first = _read(payload)
        traveller.told.append(news)
        if not offline:
            return
        traveller.batches += is_first
        if traveller.first_offline_s is None:
            traveller.first_offline_s = stamp_s
        for user_id in offline:
            self._offline.add(user_id)
            waiting = self._waiting.pop(user_id, None)
            if waiting is not None:
                waiting.set()

    def is_fresh(self, traveller: _Traveller, stamp_s: float) -> None:
        traveller.is_fresh = True
        if traveller.lost_s is not None:
            traveller.fresh_s = stamp_s

    def lost(self, traveller: _Traveller) -> None:
        traveller.is_fresh = False
        if traveller.lost_s is None:
            traveller.lost_s = traveller.sets_out_s = perf_counter()
        if self._is_open:
            task = asyncio.get_running_loop().create_task(self._come_back(traveller))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)

    async def _come_back(self, traveller: _Traveller) -> None:
        user_id = traveller.player.user_id
        if traveller.index // len(self._ports) % WAITS_EVERY and user_id not in self._offline:
            told = self._waiting.setdefault(user_id, asyncio.Event())
            await told.wait()
            traveller.sets_out_s = perf_counter()
        wait_s = self._chance.uniform(0.0, RETRY_FIRST_S)
        while self._is_open:
            await asyncio.sleep(wait_s)
            others = [node for node in range(len(self._ports)) if node != traveller.node]
            traveller.node = self._chance.choice(others or [traveller.node])
            try:
                await self._join(traveller)
            except (OSError, ReceiverFailed, TimeoutError, asyncio.TimeoutError):
                wait_s = self._chance.uniform(0.0, RETRY_S)
            else:
                return

    async def _join(self, traveller: _Traveller) -> None:
        socket = _Socket(self, traveller)
        await join(socket, f"ws://{HOST}:{self._ports[traveller.node]}/ws")
        traveller.socket = socket

    def _seen(self) -> Seen:
        lost = [each for each in self._travellers if each.lost_s is not None]
        stayed = [each for each in self._travellers if each.lost_s is None]
        wrong = doubled = 0
        for each in stayed:
            views: dict[int, bool] = {}
            for user_id, is_online in chain.from_iterable(each.told):
                doubled += views.get(user_id, True) == is_online
                views[user_id] = is_online
            wrong += sum(not is_online for is_online in views.values())
        return Seen(
            lost=len(lost),
            told_offline=len(self._offline & {each.player.user_id for each in lost}),
            batches=max((each.batches for each in stayed), default=0),
            offline_s=[each.first_offline_s for each in stayed if each.first_offline_s is not None],
            back_s=[each.fresh_s - each.sets_out_s for each in lost if each.fresh_s is not None and each.is_fresh],
            fresh_at_s=[each.fresh_s for each in lost if each.fresh_s is not None and each.is_fresh],
            wrong=wrong,
            doubled=doubled,
            missing=sum(not each.is_fresh for each in self._travellers),
        )
