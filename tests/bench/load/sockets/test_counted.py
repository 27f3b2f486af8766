"""A client's own count beside the kernel's: over all of its sockets, those that it has let go among them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.load.sockets import counted
from bench.load.sockets.counted import Counted, HttpSide
from bench.load.sockets.http_client import Response
from bench.load.sockets.tcp_info import TcpCounters

Kernel = dict[str, TcpCounters | None]


class Client(Counted):
    """With sockets that have names in place of descriptors."""

    def __init__(self, *sockets: str) -> None:
        super().__init__()
        self.sockets = list(sockets)
        self.gone = TcpCounters(0, 0, 0, 0)

    def tcp_sockets(self) -> list[Any]:
        return self.sockets

    def retired(self) -> TcpCounters:
        return self.gone


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    found: Kernel = {"ws": TcpCounters(1_000, 2_000, 10, 20), "http": TcpCounters(100, 200, 1, 2)}
    monkeypatch.setattr(counted, "read_tcp_counters", lambda socket: found[socket])
    return found


# -- beside the kernel ---------------------------------------------------------------------------------------------


def test_what_was_carried_before_the_window_is_not_in_it(kernel: Kernel) -> None:
    client = Client("ws", "http")
    client.reset()
    kernel["ws"], kernel["http"] = TcpCounters(1_031, 2_045, 11, 22), TcpCounters(103, 204, 2, 3)
    client.look()
    taken = client.taken()
    assert (taken.kernel_sent_bytes, taken.kernel_received_bytes, taken.kernel_segments) == (34, 49, 5)


def test_socket_that_was_let_go_stays_in_the_count(kernel: Kernel) -> None:
    client = Client("ws", "http")
    client.reset()
    kernel["http"] = TcpCounters(150, 290, 2, 4)
    client.gone = TcpCounters(150, 290, 2, 4)
    client.sockets = ["ws"]
    client.look()
    assert (client.taken().kernel_sent_bytes, client.taken().kernel_received_bytes) == (50, 90)


def test_count_agrees_only_when_all_that_was_received_was_read(kernel: Kernel) -> None:
    client = Client("ws")
    client.reset()
    kernel["ws"] = TcpCounters(1_031, 2_045, 11, 21)
    client.look()
    assert not client.agrees()
    client.count.heartbeat(ping_bytes=25, pong_bytes=43)
    assert client.agrees()
    kernel["ws"] = TcpCounters(1_031, 2_046, 11, 21)
    client.look()
    assert not client.agrees(), "a byte more is on its way"


def test_figures_are_those_of_the_last_look(kernel: Kernel) -> None:
    client = Client("ws")
    client.reset()
    client.look()
    kernel["ws"] = TcpCounters(9_999, 9_999, 99, 99)
    assert client.taken().kernel_sent_bytes == 0


def test_client_is_untouched_until_something_was_carried_or_counted(kernel: Kernel) -> None:
    client = Client("ws")
    client.reset()
    assert client.is_untouched()
    kernel["ws"] = TcpCounters(1_000, 2_001, 10, 21)
    assert not client.is_untouched()
    client.reset()
    client.count.notification(message_bytes=34)
    assert not client.is_untouched()


def test_lost_client_is_not_held_against_the_kernel(kernel: Kernel) -> None:
    client = Client("ws")
    client.reset()
    client.lost = 1
    client.look()
    assert client.taken().kernel_sent_bytes is None
    client.reset()
    assert client.agrees()


def test_system_whose_kernel_does_not_count_is_not_checked(kernel: Kernel) -> None:
    kernel["http"] = None
    client = Client("ws", "http")
    client.reset()
    client.look()
    assert client.taken().kernel_segments is None
    assert client.is_untouched()


def test_message_bytes_are_of_both_directions(kernel: Kernel) -> None:
    client = Client("ws")
    client.reset()
    client.count.heartbeat(ping_bytes=25, pong_bytes=43)
    client.count.notification(message_bytes=34)
    taken = client.taken()
    assert (taken.requests, taken.events, taken.message_bytes) == (1, 1, 102)
    assert (taken.framed_up_bytes, taken.framed_down_bytes) == (31, 81)


# -- the connection over which lists come --------------------------------------------------------------------------


class Line:
    """In place of an `HttpConnection`."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.lost = self.closed = False
        self.transport = self

    def get_extra_info(self, name: str) -> str:
        return "http"

    def send(self, request: bytes) -> None:
        self.sent.append(request)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def side(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> HttpSide:
    monkeypatch.setattr(counted, "IDLE_S", 0.0)
    found = HttpSide(Client(), "127.0.0.1", 4711, with_etag=True)
    found._connection = Line()  # type: ignore[assignment]
    return found


def answer(head: bytes, body: bytes) -> Response:
    return Response(200, head, body, 0.0)


async def test_exchange_is_counted_with_its_heads(side: HttpSide) -> None:
    asked = side.ask()
    sent = len(side.request)
    side._on_response(answer(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 50))
    assert (await asked).body == b"x" * 50
    count = side._owner.count
    assert (count.framed_up_bytes, count.framed_down_bytes, count.message_down_bytes) == (sent, 19 + 50, 50)


async def test_next_request_asks_whether_it_has_changed(side: HttpSide) -> None:
    assert b"If-None-Match" not in side.request
    side._on_response(answer(b'HTTP/1.1 200 OK\r\nETag: "7"\r\n\r\n', b""))
    assert b'\r\nIf-None-Match: "7"\r\n' in side.request


async def test_client_without_etag_asks_as_before(kernel: Kernel) -> None:
    side = HttpSide(Client(), "127.0.0.1", 4711, with_etag=False)
    before = side.request
    side._on_response(answer(b'HTTP/1.1 200 OK\r\nETag: "7"\r\n\r\n', b""))
    assert side.request == before


async def test_idle_connection_is_closed_and_what_it_carried_is_kept(side: HttpSide) -> None:
    line = side._connection
    side.let_go_when_idle()
    await asyncio.sleep(0.01)
    assert line.closed  # type: ignore[union-attr]
    assert side.retired == TcpCounters(100, 200, 1, 2)
    assert side.is_lost


async def test_connection_on_which_an_answer_is_due_is_not_let_go(side: HttpSide) -> None:
    side.ask()
    side.let_go()
    assert not side.is_lost
    assert side.retired == TcpCounters(0, 0, 0, 0)


async def test_connection_that_is_let_go_twice_counts_once(side: HttpSide) -> None:
    side.let_go()
    side.let_go()
    assert side.retired == TcpCounters(100, 200, 1, 2)


async def test_connection_that_the_server_closed_is_cut_and_its_count_is_gone(side: HttpSide) -> None:
    seen = [side.is_cut]
    side._connection.lost = True  # type: ignore[union-attr]
    assert [*seen, side.is_cut] == [False, True]
    side.let_go()
    assert side.retired == TcpCounters(0, 0, 0, 0)
