"""The list over HTTP: those who fetch after an announcement, those who poll, and what an answer costs.

The body is the server's own (`RoomListView`), and so is what it makes of the price of a fetch (`FetchMeter`).
"""

from __future__ import annotations

from random import Random

from bench.prediction.cold import Chill
from bench.prediction.model import Model
from bench.prediction.virtual.core import Process
from bench.prediction.virtual.crowd import Crowd, dealt
from bench.prediction.virtual.measures import Times, Traffic
from bench.prediction.virtual.setup import Setup, seconds
from lobby_server.core.rooms import RoomBook
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import RoomListView

PIECE_S = 0.001
"""Work for many clients is done in pieces of about so long, between which others have their turn."""
LEAST_S = 1e-7
"""Of a fetch, where a model has it for nothing."""


class Told:
    """What all processes of a lobby share: when each change was due, and when clients came to it."""

    def __init__(self, *, network_s: float) -> None:
        self.network_s = network_s
        self.due_s: dict[int, float] = {}
        """By revision, of the changes whose times count."""
        self.fresh = Times()
        """From a change until a client holds a list with it."""
        self.answers = Times()
        """From a poll or a fetch until it is answered."""

    def holds(self, has: int, revision: int, sessions: float, first_s: float, last_s: float) -> None:
        """Sessions that had one revision have a newer one, one after the other."""
        for number in range(has + 1, revision + 1) if revision - has <= len(self.due_s) else self.due_s:
            due_s = self.due_s.get(number)
            if due_s is not None and has < number <= revision:
                later_s = self.network_s - due_s
                self.fresh.spread(first_s + later_s, last_s + later_s, sessions)


class CountingMeter(FetchMeter):
    """The prices of fetches, for crowds that stand for so many sessions each."""

    def __init__(self, process: Process, *, sessions_per_crowd: float) -> None:
        super().__init__(clock=process, cpu_s=lambda: process.used_s)
        self._sessions_per_crowd = sessions_per_crowd

    def window_ms(self, clients: int) -> int:
        return super().window_ms(round(clients * self._sessions_per_crowd))


class ListDesk:
    """Of one process."""

    def __init__(
        self, setup: Setup, model: Model, process: Process, *, book: RoomBook, view: RoomListView, meter: FetchMeter,
        told: Told, traffic: Traffic, chance: Random, turn: Chill, ears: Process | None, read_s: tuple[float, float],
    ) -> None:  # fmt: skip
        """`ears`: the core of all clients, where they share one, and `read_s` what an answer takes them there, and each
        byte of its body."""
        self._process = process
        self._book, self._view, self._meter = book, view, meter
        self._told, self._traffic, self._chance = told, traffic, chance
        self._turn, self._ears, self._read_s = turn, ears, read_s
        self._way, self._poll_s, self._network_s = setup.way, setup.poll_s, setup.network_s
        self._built_revision = -1
        self._body_bytes = 0
        """Of each of the answers that were given last."""
        costs, sizes = model.costs, model.sizes
        self._fetch_s, self._poll_cost_s = seconds(costs.fetch), seconds(costs.poll)
        self._fetched_byte_s = seconds(costs.fetched_byte)
        self._packed_s, self._unchanged_s = seconds(costs.fetch_packed), seconds(costs.unchanged)
        if model.coldness is not None:  # polls are measured one by one, where their turns leave little to tell them by
            self._poll_cost_s = max(self._poll_cost_s, self._fetch_s)
            self._unchanged_s = max(self._unchanged_s, self._fetch_s)
        self._connection_s, self._built_room_s = seconds(costs.connection), seconds(costs.built_room)
        self._head_bytes, self._request_bytes = round(sizes.answer_head_bytes.value), round(sizes.request_bytes.value)

    def pieces(self, sessions: int) -> list[int]:
        """So many fetches or polls, in pieces that each take about `PIECE_S`."""
        longest_s = max(self._fetch_s, self._poll_cost_s, LEAST_S)
        return dealt(sessions, crowds=1, most=max(1, int(PIECE_S / longest_s)))

    def serve(self, number: int, *, has: int | None = None, connects: bool = False, alone: bool = False) -> None:
        """In the process's own time: `number` answers to ``GET /api/rooms``. `has`: the revision that the clients ask
        about, of those that do. `connects`: each on a connection of its own. `alone`: not in a herd."""
        spend = self._process.spend
        if connects:
            spend(number * self._connection_s)
        if has is not None and has == self._book.revision:
            spend(number * self._unchanged_s)
            self._body_bytes = 0
            self._traffic.exchange(self._request_bytes, self._head_bytes, number)
        else:
            if self._built_revision != self._book.revision:
                self._built_revision = self._book.revision
                spend(self._built_room_s * len(self._book))
            snapshot = self._view.snapshot()
            is_packed = self._way == "polling_gzip"
            body = snapshot.gzipped if is_packed else snapshot.plain
            self._body_bytes = len(body)
            each_s = self._packed_s if is_packed else self._poll_cost_s if alone else self._fetch_s
            spend(number * (each_s + (0.0 if is_packed else self._fetched_byte_s * len(body))))
            self._traffic.exchange(self._request_bytes, self._head_bytes + len(body), number)
        for _ in range(number):
            self._meter.count()

    # -- after an announcement ------------------------------------------------------------------------------------

    def fetch(self, crowd: Crowd, heard_s: float, window_s: float, *, first_s: float | None = None) -> None:
        """Each session of a crowd fetches within a time after it has heard, never two at once. `first_s`: they heard
        one after the other, from then until `heard_s`."""
        if crowd.is_fetching:
            crowd.wants_again = True
            return
        crowd.is_fetching = True
        pieces = self.pieces(crowd.sessions)
        shares = sorted(self._chance.random() for _ in pieces) if window_s else [0.0] * len(pieces)
        took_s = heard_s - first_s if first_s is not None else 0.0
        for place, (sessions, share) in enumerate(zip(pieces, shares, strict=True)):
            asked_s = heard_s - took_s * (1 - (place + 1) / len(pieces)) + share * window_s
            is_last = place == len(pieces) - 1
            self._process.call_at(asked_s + self._network_s, self._fetched, crowd, sessions, asked_s, is_last)

    def _fetched(self, crowd: Crowd, sessions: int, asked_s: float, is_last: bool) -> None:
        revision, ended_s = self._answer(crowd, sessions, asked_s, has=None, alone=False)
        if not is_last:
            return
        crowd.has, crowd.is_fetching = revision, False
        if crowd.wants_again:
            crowd.wants_again = False
            self.fetch(crowd, ended_s + self._network_s, 0.0)

    # -- at intervals ---------------------------------------------------------------------------------------------

    def poll(self, group: Crowd, due_s: float) -> None:
        """A group asks, and asks again when its time has come, unless it still waits for an answer."""
        has = group.has if self._way != "polling" else None
        group.has, ended_s = self._answer(group, group.sessions, due_s, has=has, alone=True)
        next_s = due_s + self._poll_s
        while next_s + self._network_s < ended_s:
            next_s += self._poll_s  # a client has one question at a time
        self._process.call_at(next_s + self._network_s, self.poll, group, next_s)

    def _answer(
        self, crowd: Crowd, sessions: int, asked_s: float, *, has: int | None, alone: bool
    ) -> tuple[int, float]:
        """The revision that they get, and when the last of them has it."""
        revision, began_s = self._book.revision, self._process.monotonic_s()
        self._process.spend_turns(self._turn, sessions)
        self.serve(sessions, has=has, alone=alone)
        ended_s = self._process.monotonic_s()
        if self._ears is None:
            self._told.holds(crowd.has, revision, sessions, began_s, ended_s)
        else:
            self._ears.call_at(
                began_s, self._read, self._ears, crowd.has, revision, sessions, ended_s, self._body_bytes
            )
        later_s = self._network_s - asked_s
        self._told.answers.spread(began_s + later_s, ended_s + later_s, sessions)
        return revision, ended_s

    def _read(
        self, ears: Process, has: int, revision: int, sessions: int, answered_s: float, body_bytes: int
    ) -> None:  # fmt: skip
        """In the clients' time: one answer after the other, and none before it is there. A client has the list when its
        bytes are read; what it does about it waits until all are read that are there by then."""
        began_s = ears.monotonic_s()
        ears.spend(sessions * self._read_s[1] * body_bytes)
        self._told.holds(has, revision, sessions, began_s, max(answered_s, ears.monotonic_s()))
        ears.call_later(0.0, ears.spend, sessions * self._read_s[0])
