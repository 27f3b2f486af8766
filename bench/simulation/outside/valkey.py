"""A Valkey server, as far as the log uses one: the keys of one cluster, and what its scripts do with them at once.

It can be restarted, with its data, without, or with those of a moment ago (an append-only file that is synchronised
once per second). An epoch ends with the process in which it was opened, whatever data the next one has. While it hangs,
it takes what is sent and does it when it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from bench.simulation.outside.loop import World
from lobby_server.backplane.errors import EpochGone
from lobby_server.backplane.wire import Entry, Renewal

UNIX_S = 1_767_225_600.0
"""Of the beginning of a run."""
STANDS_FOR_S = 1.0
BLOCK_S = 1.0
MOST_ENTRIES = 500
"""As in `lobby_server.backplane.valkey.stream`, which cannot be loaded without the client library of Valkey."""
StreamId = tuple[int, int]


class Reader(Protocol):
    """Who waits for entries."""

    def answer(self, found: Any) -> None:
        """Entries, none after a while, or `EpochGone`."""

    def lose(self) -> None:
        """This server has gone down before."""


class _Waiting:
    """A read for which there was nothing yet."""

    __slots__ = ("after", "epoch", "give_up_s", "reader")

    def __init__(self, epoch: str, after: StreamId, reader: Reader, give_up_s: float) -> None:
        self.epoch = epoch
        self.after = after
        self.reader = reader
        self.give_up_s = give_up_s


@dataclass
class Data:
    """What a restart keeps, or not."""

    epoch: str | None = None
    opened_in: int = 0
    """The life of the server in which the epoch was opened."""
    number: int = 0
    log: list[tuple[StreamId, str, Entry]] = field(default_factory=list)
    last_id: StreamId = (0, 0)
    snapshot: bytes | None = None
    alive: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    candidates: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The number at which each stands, and when it last said so."""
    seeding: tuple[str, float] | None = None
    gate: tuple[str, float] | None = None
    paces: dict[str, float] = field(default_factory=dict)
    """Of what nodes count together, in microseconds."""

    def copy(self) -> Data:
        return Data(
            self.epoch, self.opened_in, self.number, list(self.log), self.last_id, self.snapshot, dict(self.alive),
            dict(self.candidates), self.seeding, self.gate, dict(self.paces),
        )  # fmt: skip


class Valkey:
    """One server. What is done to it is done at once; the way there and back is `outside.stream`'s."""

    def __init__(self, world: World) -> None:
        self.data = Data()
        self.is_up = True
        self.is_hanging = False
        self.is_standing = False
        """With its machine: it hangs until that goes on, and nobody can start it anew."""
        self.ahead_s = 0.0
        """How far its wall clock is ahead of the truth."""
        self.appended = 0
        self._world = world
        self._readers: list[_Waiting] = []
        """The one that has waited for longest first, which is the first to give up."""
        self._has_timer = False
        self._waiting: list[Callable[[], None]] = []
        self.renewed_s: dict[str, float] = {}
        """When each node was heard of, the last time, in true time."""
        self.life = 0
        """Goes up when it dies: connections to the life before are reset."""
        self._saved = Data()
        self.hear_lost: Callable[[], None] = lambda: None
        """Hears that data are gone."""
        self.hear_opened: Callable[[str, int, bytes], None] = lambda epoch, number, snapshot: None
        """Hears of every stream that is opened: its epoch, and the number and the state that it goes on from."""

    # -- what becomes of it ---------------------------------------------------------------------------------------

    def do(self, act: Callable[[], None]) -> None:
        """Do something now, or once it hangs no more. Down: never."""
        if self.is_hanging:
            self._waiting.append(act)
        elif self.is_up:
            act()

    def hang(self) -> None:
        self.is_hanging = True

    def go_on(self) -> None:
        self.is_hanging = False
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()

    def go_down(self) -> None:
        self.is_up = False
        self.life += 1
        self._waiting.clear()
        readers, self._readers = self._readers, []
        for waiting in readers:
            waiting.reader.lose()

    def come_up(self, *, keeps: str) -> None:
        """`keeps`: all, nothing, or what was saved last."""
        self.is_up, self.is_hanging = True, False
        if keeps != "all":
            self.hear_lost()
        if keeps == "nothing":
            self.data = Data()
        elif keeps == "saved":
            self.data = self._saved.copy()

    def save(self) -> None:
        """What a restart from the append-only file finds."""
        if self.is_up:
            self._saved = self.data.copy()

    # -- the log --------------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self._world.now_s + self.ahead_s

    def time_s(self) -> float:
        return UNIX_S + self.now_s

    @property
    def epoch(self) -> str | None:
        """None: none was opened in this life."""
        return self.data.epoch if self.data.opened_in == self.life else None

    def append(self, epoch: str, batch: bytes) -> int:
        data = self.data
        self._check_epoch(epoch)
        data.number += 1
        at_ms = int(self.time_s() * 1000)
        last_ms, last_sequence = data.last_id
        data.last_id = (at_ms, 0) if at_ms > last_ms else (last_ms, last_sequence + 1)
        data.log.append((data.last_id, epoch, Entry(data.number, data.last_id[0], batch)))
        self.appended += 1
        if self._readers:
            self._wake_readers()
        return data.number

    def read(self, epoch: str, after: StreamId, reader: Reader) -> None:
        """Answer a reader as soon as there is anything behind a place, or after `BLOCK_S`."""
        found = self._after(epoch, after, MOST_ENTRIES)
        if found:
            reader.answer(found)
            return
        self._readers.append(_Waiting(epoch, after, reader, self._world.now_s + BLOCK_S))
        if not self._has_timer:
            self._has_timer = True
            self._world.call_at(self._readers[0].give_up_s, self._give_up)

    def _give_up(self) -> None:
        """Most reads are answered before: one timer for all of them, at the moment of the first."""
        self._has_timer = False
        while self._readers and self._readers[0].give_up_s <= self._world.now_s:
            self._readers.pop(0).reader.answer([])
        if self._readers:
            self._has_timer = True
            self._world.call_at(self._readers[0].give_up_s, self._give_up)

    def _after(self, epoch: str, after: StreamId, most: int) -> Any:
        found: list[tuple[str, Entry]] = []
        log = self.data.log
        first = len(log)
        while first and log[first - 1][0] > after:
            first -= 1
        for (at_ms, sequence), of_epoch, entry in log[first : first + most]:
            if of_epoch != epoch:
                return EpochGone()
            found.append((f"{at_ms}-{sequence}", entry))
        return found

    def _wake_readers(self) -> None:
        readers, self._readers = self._readers, []
        for waiting in readers:
            waiting.reader.answer(self._after(waiting.epoch, waiting.after, MOST_ENTRIES))

    def first_after(self, epoch: str, after: StreamId) -> int | None:
        found = self._after(epoch, after, 1)
        if isinstance(found, EpochGone):
            raise found
        return found[0][1].number if found else None

    # -- beside the log -------------------------------------------------------------------------------------------

    def put_snapshot(self, epoch: str, snapshot: bytes, keep_from: StreamId) -> None:
        self._check_epoch(epoch)
        self.data.snapshot = snapshot
        self.data.log = [each for each in self.data.log if each[0] >= keep_from]

    def renew(self, epoch: str, node: str, ttl_s: float, report: bytes, others: Sequence[str]) -> Renewal:
        self._check_epoch(epoch)
        was_heard_of = node in self.reports((node,))
        self.data.alive[node] = (self.now_s + ttl_s, report)
        self.renewed_s[node] = self._world.now_s
        return Renewal(self.data.number, was_heard_of=was_heard_of, reports=self.reports(others))

    def forget(self, node: str) -> None:
        self.data.alive.pop(node, None)

    def reports(self, nodes: Iterable[str]) -> dict[str, bytes]:
        alive = self.data.alive
        return {node: alive[node][1] for node in nodes if node in alive and alive[node][0] > self.now_s}

    def stand(self, node: str, number: int) -> None:
        candidates = self.data.candidates
        candidates[node] = (number, self.now_s)
        for gone in [name for name, (_, at_s) in candidates.items() if at_s <= self.now_s - STANDS_FOR_S]:
            del candidates[gone]

    def best_candidate(self) -> str | None:
        """By number, and then by name, as ZREVRANGE has it."""
        found = max(((number, name) for name, (number, _) in self.data.candidates.items()), default=None)
        return None if found is None else found[1]

    def withdraw(self, node: str) -> None:
        self.data.candidates.pop(node, None)

    def may_seed(self, node: str, for_s: float) -> bool:
        seeding = self.data.seeding
        if seeding is not None and seeding[1] > self.now_s and seeding[0] != node:
            return False
        self.data.seeding = (node, self.now_s + for_s)
        return True

    def seed(self, node: str, epoch: str, number: int, snapshot: bytes) -> bool:
        data = self.data
        seeding = data.seeding
        if seeding is None or seeding[0] != node or seeding[1] <= self.now_s or self.epoch is not None:
            return False
        data.log, data.last_id, data.candidates = [], (0, 0), {}
        data.number, data.snapshot, data.seeding = number, snapshot, None
        data.epoch, data.opened_in = epoch, self.life
        self.hear_opened(epoch, number, snapshot)
        return True

    def take_gate(self, token: str, for_s: float) -> bool:
        gate = self.data.gate
        if gate is not None and gate[1] > self.now_s:
            return False
        self.data.gate = (token, self.now_s + for_s)
        return True

    def release_gate(self, token: str) -> None:
        if self.data.gate is not None and self.data.gate[0] == token:
            self.data.gate = None

    def take(self, key: str, interval_us: int, tolerance_us: int) -> float:
        now_us, state_us = self.time_s() * 1e6, self.data.paces.get(key, 0.0)
        wait_us = state_us - tolerance_us - now_us
        if wait_us > 0:
            return wait_us / 1e6
        self.data.paces[key] = max(state_us, now_us) + interval_us
        return 0.0

    def _check_epoch(self, epoch: str) -> None:
        if self.data.epoch != epoch or self.data.opened_in != self.life:
            raise EpochGone


@lru_cache(maxsize=64)
def stream_id(text: str) -> StreamId:
    """All nodes read on from the same places."""
    at_ms, _, sequence = text.partition("-")
    return int(at_ms), int(sequence or 0)
