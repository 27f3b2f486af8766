"""Base clients fetch over the shared reader by the same rules as any client, and an answer is decoded once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from random import Random
from types import SimpleNamespace

import gevent
import msgspec
import pytest
from locust.env import Environment

from loadtest.measure.recorder import Recorder
from loadtest.players.list_fetching import FetchedList, ListFetcher
from loadtest.players.locust_http import THROTTLED, LocustHttp, SwarmApi
from loadtest.players.request_table import RequestTable
from loadtest.players.shared_lists import SharedLists
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.outgoing.http import HttpPool
from loadtest.wire.shared import Wire
from loadtest.wire.state import State
from lobby_server.protocol.messages import RoomsChanged, RoomsChangedRev
from lobby_server.protocol.resources import Room
from tests.loadtest.fakes import FakePeer, FakeServer, rooms_body
from tests.loadtest.wire.test_http import answer_bytes
from tests.loadtest.wire.test_wire import wait_for
from tests.patience import PATIENCE_S

PATH = ("GET", "/api/rooms")


class House:
    """A server whose answers are handed in, and what players have of it."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self._answer = answer
        self._lock = threading.Lock()
        self.server = FakeServer(self._script).__enter__()
        self.environment = Environment()
        self.environment.create_local_runner()
        self.recorder = Recorder()
        self.environment.events.request.add_listener(self._on_request)
        self.table = RequestTable(self.environment, record=self.recorder.record_requests)
        self.wire = Wire(self.server.url)
        url = self.server.url.replace("ws", "http").rstrip("/")
        session = SimpleNamespace(base_url=url, request_event=self.environment.events.request)
        self.api = SwarmApi(LocustHttp(session, self.recorder), SharedLists())  # type: ignore[arg-type]
        self.pool = HttpPool(
            url, reader=self.wire.reader, timers=self.wire.timers, crew=self.wire.crew, most=8, timeout_s=PATIENCE_S
        )
        self.fetcher = ListFetcher({url: self.pool}, api=self.api, paths={}, recorder=self.recorder, table=self.table)

    def player(self) -> tuple[SwarmConnection, FetchedList, list[tuple[Room, ...]]]:
        connection = SwarmConnection(self.wire)
        connection.state = State.ACCEPTED
        shown: list[tuple[Room, ...]] = []
        found = FetchedList(self.fetcher, api=self.api, connection=connection, rng=lambda: Random(1))
        found.list_updated.connect(shown.append)
        return connection, found, shown

    def close(self) -> None:
        self.go_on.set()
        self.fetcher.close()
        self.wire.close()
        self.server.__exit__(None, None, None)

    def _on_request(self, exception: object, **_: object) -> None:
        if exception:
            self.recorder.record_request(PATH, None, str(exception))

    _on_request.__module__ = "loadtest.run.hooks"  # as the listener of the swarm's own

    def _script(self, peer: FakePeer) -> None:
        while True:
            peer.read_request()
            with self._lock:
                self.asked += 1
                number = self.asked
            self.go_on.wait(PATIENCE_S)
            peer.sock.sendall(self._answer(number))


Made = Callable[[Callable[[int], bytes]], House]


@pytest.fixture
def house() -> Iterator[Made]:
    made: list[House] = []

    def make(answer: Callable[[int], bytes]) -> House:
        made.append(House(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def rooms(*ids: str, etag: str | None = None) -> bytes:
    headers = [f"ETag: {etag}"] if etag else []
    return answer_bytes(msgspec.json.encode(rooms_body(ids)), *headers)


def test_who_is_connected_already_fetches_at_once(house: Made):
    found = house(lambda _: rooms("a"))
    _, held, shown = found.player()
    wait_for(lambda: shown)
    assert [room.id for room in held.rooms] == ["a"]
    assert held.fetch_count == found.asked == 1
    assert found.recorder.requests[PATH].count == 1
    found.table.flush()
    assert found.environment.stats.entries["/api/rooms", "GET"].num_requests == 1
    assert found.recorder.events["body bytes in of GET /api/rooms"] > 50


def test_a_change_during_a_fetch_leads_to_exactly_one_more(house: Made):
    found = house(lambda number: rooms(f"room {number}"))
    found.go_on.clear()
    connection, held, shown = found.player()
    wait_for(lambda: found.asked == 1)
    for _ in range(5):
        connection.rooms_announced.emit(RoomsChanged())
    gevent.sleep(0.02)
    assert found.asked == 1, "never two at once"
    found.go_on.set()
    wait_for(lambda: len(shown) == 2)
    gevent.sleep(0.03)
    assert held.fetch_count == found.asked == 2
    assert [room.id for room in held.rooms] == ["room 2"]


def test_a_revision_that_is_held_is_not_fetched_again(house: Made):
    found = house(lambda number: rooms("a", etag=f'"{number}"'))
    connection, held, shown = found.player()
    wait_for(lambda: shown)
    connection.rooms_announced.emit(RoomsChangedRev(rev=1, fetch_within_ms=10))
    gevent.sleep(0.04)
    assert held.fetch_count == 1
    connection.rooms_announced.emit(RoomsChangedRev(rev=2, fetch_within_ms=10))
    wait_for(lambda: len(shown) == 2)


def test_the_same_answer_is_one_list_for_all_players(house: Made):
    found = house(lambda _: rooms("a", "b"))
    players = [found.player() for _ in range(10)]
    wait_for(lambda: all(shown for _, _, shown in players))
    assert len({id(held.rooms) for _, held, _ in players}) == 1


def test_a_failure_is_in_the_table_and_tried_again(house: Made):
    found = house(lambda number: answer_bytes(b"down", status=500) if number == 1 else rooms("a"))
    _, held, shown = found.player()
    wait_for(lambda: shown)
    assert held.fetch_count == 2
    assert found.recorder.requests[PATH].failures == {"HTTP 500": 1}


def test_a_429_is_an_event_and_waits_as_long_as_it_says(house: Made):
    problem = msgspec.json.encode({"error": "Slower.", "code": "rate_limited"})
    found = house(lambda number: answer_bytes(problem, "Retry-After: 0", status=429) if number == 1 else rooms("a"))
    _, _, shown = found.player()
    wait_for(lambda: shown)
    assert found.recorder.events[THROTTLED] == 1
    assert not found.recorder.requests[PATH].failures
    assert found.recorder.requests[PATH].count == 1


@pytest.mark.parametrize("body", [b"no json", b'{"count":1,"rooms":[{}]}'])
def test_an_answer_that_is_not_understood_is_told_as_one(house: Made, body: bytes):
    found = house(lambda number: answer_bytes(body) if number == 1 else rooms("a"))
    _, _, shown = found.player()
    wait_for(lambda: shown)
    assert found.recorder.not_understood


def test_who_has_closed_its_list_is_shown_nothing_more(house: Made):
    found = house(lambda _: rooms("a"))
    found.go_on.clear()
    connection, held, shown = found.player()
    wait_for(lambda: found.asked == 1)
    connection.rooms_announced.emit(RoomsChanged())
    held.close()
    found.go_on.set()
    gevent.sleep(0.05)
    assert (shown, found.asked) == ([], 1)
