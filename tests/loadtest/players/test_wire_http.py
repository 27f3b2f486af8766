"""Calls of players who wait for them, over the shared reader: what is counted as what, and from when to when."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from locust.env import Environment

from loadtest.client import HttpAnswer, HttpCall, ServerAway
from loadtest.measure.recorder import Recorder
from loadtest.players.locust_http import THROTTLED
from loadtest.players.request_table import RequestTable
from loadtest.players.wire_http import WireHttp
from loadtest.wire.lines.line import LineSpeed
from loadtest.wire.outgoing.http import HttpPool
from loadtest.wire.places import Place
from loadtest.wire.shared import Wire
from tests.loadtest.fakes import FakePeer, FakeServer
from tests.loadtest.wire.test_arrivals import needs_stamps, stamping
from tests.loadtest.wire.test_http import answer_bytes
from tests.loadtest.wire.test_wire import wait_for
from tests.patience import PATIENCE_S

__all__ = ["stamping"]

CREATE = HttpCall(
    method="POST", path="/api/rooms", route="/api/rooms", headers={"authorization": "Bearer a"}, body=b"{}"
)
DELETE = HttpCall(method="DELETE", path="/api/rooms/7", route="/api/rooms/[id]")
KEY = ("POST", "/api/rooms")


class House:
    """A server whose answers are handed in; what it was sent; and what was recorded."""

    def __init__(self, answer: bytes) -> None:
        self.requests: list[bytes] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.answered_s: list[float] = []
        self._answer = answer
        self.server = FakeServer(self._script).__enter__()
        self.environment = Environment()
        self.environment.create_local_runner()
        self.recorder, self.failures = Recorder(reports_all_phases=True), []
        self.environment.events.request.add_listener(self._on_request)
        self.wire = Wire(self.server.url)
        self.url = self.server.url.replace("ws", "http").rstrip("/")
        pool = HttpPool(
            self.url,
            reader=self.wire.reader,
            timers=self.wire.timers,
            crew=self.wire.crew,
            most=2,
            timeout_s=PATIENCE_S,
        )
        table = RequestTable(self.environment, record=self.recorder.record_requests)
        self.http = WireHttp({self.url: pool}, self.recorder, table)

    def call(self, request: HttpCall, http: Any = None) -> HttpAnswer:
        """As a player does: in a greenlet."""
        return gevent.spawn((http or self.http).call, request).get(timeout=PATIENCE_S)  # type: ignore[no-any-return]

    def close(self) -> None:
        self.go_on.set()
        self.http.close()
        self.wire.close()
        self.server.__exit__(None, None, None)

    def _on_request(self, name: str, exception: object, response_time: float | None, **_: object) -> None:
        self.failures.append((name, str(exception), response_time))

    _on_request.__module__ = "loadtest.run.hooks"  # as the listener of the swarm's own

    def _script(self, peer: FakePeer) -> None:
        while True:
            peer.read_request()
            length = int((peer.request.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) or b"0")
            while len(peer.raw) < length:
                peer._more()
            self.requests.append(peer.request + b"\r\n\r\n" + peer.raw[:length])
            peer.raw = peer.raw[length:]
            self.go_on.wait(PATIENCE_S)
            peer.sock.sendall(self._answer)
            self.answered_s.append(time.perf_counter())


@pytest.fixture
def house() -> Iterator[Callable[[bytes], House]]:
    made: list[House] = []

    def make(answer: bytes) -> House:
        made.append(House(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_call_is_sent_whole_and_answered(house: Callable[[bytes], House]) -> None:
    found = house(answer_bytes(gzip.compress(b'{"a":1}'), "Content-Encoding: gzip", "ETag: 7", status=201))
    answer = found.call(CREATE)
    assert (answer.status, answer.body, answer.headers["etag"]) == (201, b'{"a":1}', "7")
    [request] = found.requests
    assert request.startswith(b"POST /api/rooms HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer a\r\n" in request
    assert request.endswith(b"content-length: 2\r\n\r\n{}")
    assert found.recorder.requests[KEY].count == 1
    assert found.recorder.events["body bytes out of POST /api/rooms"] == 2
    found.call(DELETE)
    assert b"content-length" not in found.requests[1]


@pytest.mark.parametrize(
    ("status", "event"), [(409, "rooms found made"), (429, THROTTLED)], ids=["of an earlier run", "throttled"]
)
def test_answer_that_is_no_outcome_is_an_event(house: Callable[[bytes], House], status: int, event: str) -> None:
    found = house(answer_bytes(b"{}", status=status))
    assert found.call(CREATE).status == status
    assert found.recorder.events[event] == 1
    assert (dict(found.recorder.requests), found.failures) == ({}, [])


def test_refusal_is_a_failure_with_its_status_and_time(house: Callable[[bytes], House]) -> None:
    found = house(answer_bytes(b"{}", status=503))
    assert found.call(CREATE).status == 503
    [(name, text, time_ms)] = found.failures
    assert (name, text) == ("/api/rooms", "HTTP 503")
    assert time_ms is not None
    assert time_ms > 0


def test_call_counts_from_when_it_was_due_without_what_this_process_was_late(house: Callable[[bytes], House]) -> None:
    found = house(answer_bytes(b"{}", status=201))
    found.go_on.clear()
    due_s = time.perf_counter() - 2.0
    http = found.http.intended(due_s)
    calling = gevent.spawn(http.call, CREATE)
    gevent.sleep(0)
    time.sleep(0.3)  # nothing else runs here: the request is late
    wait_for(lambda: bool(found.requests))
    time.sleep(0.1)
    found.go_on.set()
    assert calling.get(timeout=PATIENCE_S).status == 201
    assert http.late_s >= 0.3
    took_ms = found.recorder.requests[KEY].times.max_us / 1000
    assert 2_100 <= took_ms < 2_000 + 1000 * (time.perf_counter() - due_s - 2.0 - 0.3) + 1


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_answer_counts_to_its_arrival_however_late_this_process_reads(house: Callable[[bytes], House]) -> None:
    found = house(answer_bytes(b"{}", status=201))
    found.call(CREATE)
    found.go_on.clear()
    asked_s = time.perf_counter()
    calling = gevent.spawn(found.http.call, DELETE)
    wait_for(lambda: len(found.requests) == 2)
    found.go_on.set()
    while len(found.answered_s) < 2:
        time.sleep(0.001)  # nothing else of this process's loop runs
    time.sleep(0.4)
    calling.get(timeout=PATIENCE_S)
    took_s = found.recorder.requests["DELETE", "/api/rooms/[id]"].times.max_us / 1e6
    assert took_s < found.answered_s[1] - asked_s + 0.2


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_time_of_arrival_is_told_however_late_this_process_reads(house: Callable[[bytes], House]) -> None:
    found = house(answer_bytes(b"{}", status=201))
    found.call(CREATE)
    gevent.sleep(0.02)
    found.go_on.clear()
    calling = gevent.spawn(found.http.call, DELETE)
    wait_for(lambda: len(found.requests) == 2)
    released_s = time.perf_counter()
    found.go_on.set()
    while len(found.answered_s) < 2:
        time.sleep(0.001)  # nothing else of this process's loop runs
    time.sleep(0.4)  # the answer is there meanwhile
    calling.get(timeout=PATIENCE_S)
    assert released_s - 0.002 <= found.http.answered_s < found.answered_s[1] + 0.2


@pytest.mark.parametrize("is_intended", [False, True], ids=["from its sending", "from when it was due"])
def test_way_over_the_line_is_in_the_time_of_a_call_up_and_down(
    house: Callable[[bytes], House], *, is_intended: bool
) -> None:
    found = house(answer_bytes(b"{}", status=201))
    http, asked_s = found.http.over(LineSpeed(round_trip_s=0.3)), time.perf_counter()
    found.call(CREATE, http.intended(asked_s) if is_intended else http)
    assert 0.29 < found.recorder.requests[KEY].times.max_us / 1e6 <= time.perf_counter() - asked_s


def test_server_that_is_away_is_a_failure_and_moves_its_player_on() -> None:
    with socket.socket() as taken:  # bound, so that nobody else gets the port, and nobody listens
        taken.bind(("127.0.0.1", 0))
        nowhere, elsewhere = f"http://127.0.0.1:{taken.getsockname()[1]}", "http://127.0.0.1:9"
        wire, environment, recorder = Wire(nowhere.replace("http", "ws")), Environment(), Recorder()
        environment.create_local_runner()
        pools = {
            host: HttpPool(host, reader=wire.reader, timers=wire.timers, crew=wire.crew, most=1, timeout_s=PATIENCE_S)
            for host in (nowhere, elsewhere)
        }
        place, failures = Place((nowhere, elsewhere)), []
        environment.events.request.add_listener(lambda exception, **_: failures.append(str(exception)))
        http = WireHttp(pools, recorder, RequestTable(environment, record=recorder.record_requests)).at(place)
        assert http.url == nowhere
        with pytest.raises(ServerAway, match=nowhere):
            gevent.spawn(http.call, CREATE).get(timeout=PATIENCE_S)
        assert place.host == http.url == elsewhere
        assert failures == ["connection refused"]
        http.close()
        wire.close()


def test_player_who_is_stopped_in_a_call_hears_its_answer_and_ends_then(
    house: Callable[[bytes], House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.players.wire_http.LAST_ANSWER_S", PATIENCE_S)
    found, heard, gone_on = house(answer_bytes(b"{}", status=201)), [], []
    found.go_on.clear()

    def play() -> None:
        heard.append(found.http.call(CREATE).status)
        gevent.sleep(5)
        gone_on.append(True)

    player = gevent.spawn(play)
    wait_for(lambda: bool(found.requests), what="the request")
    player.kill(block=False)
    gevent.sleep(0.05)
    assert not player.dead, "its room is being made"
    found.go_on.set()
    player.join(timeout=PATIENCE_S)
    assert (player.dead, heard, gone_on) == (True, [201], [])


def test_player_who_is_stopped_waits_no_longer_than_for_a_while(
    house: Callable[[bytes], House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.players.wire_http.LAST_ANSWER_S", 0.05)
    found = house(answer_bytes(b"{}", status=201))
    found.go_on.clear()
    player = gevent.spawn(found.http.call, CREATE)
    wait_for(lambda: bool(found.requests), what="the request")
    player.kill(block=False)
    player.join(timeout=PATIENCE_S)
    assert isinstance(player.exception, ServerAway)
