"""Connections are opened without a greenlet for any of them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest

from loadtest.client import Timing
from loadtest.client.sockets.link import OpenFailed
from loadtest.wire.messages.heads import BadAnswer, UpgradeRequests, check_upgrade, host_header, read_head
from loadtest.wire.network import NetworkSample
from loadtest.wire.opening import Opened
from loadtest.wire.outgoing import opener as opener_module
from loadtest.wire.outgoing.opener import Opening
from loadtest.wire.shared import Wire
from tests.loadtest.fakes import DEADLINE_S, FakePeer, FakeServer, Script
from tests.loadtest.wire.test_wire import wait_for
from tests.nobody import refusing_port


class Wanting:
    def __init__(self, *, is_wanted: bool = True) -> None:
        self.is_wanted = is_wanted
        self.opened: Opened | None = None
        self.failed: OpenFailed | None = None
        self.ends: list[str] = []

    def begins(self) -> bool:
        return self.is_wanted

    def is_open(self, opened: Opened, opening: Opening | None) -> None:
        assert opening is not None
        self.opened = opened
        opening.discard()

    def has_failed(self, failed: OpenFailed) -> None:
        self.failed = failed

    def on_end(self, why: str) -> None:
        self.ends.append(why)

    @property
    def is_over(self) -> bool:
        return self.opened is not None or self.failed is not None


def opened_by(url: str, *, timeout_s: float = DEADLINE_S) -> Wanting:
    wire, wanting = Wire(url), Wanting()
    wire.opener.open(wanting, Timing(connect_timeout_s=timeout_s))
    assert not wanting.is_over, "never from within the call"
    wait_for(lambda: wanting.is_over)
    assert not list(wire.reader.connections())
    wire.close()
    return wanting


def test_what_came_with_the_answer_is_handed_on_and_its_time_is_the_servers():
    takes_s = 0.05

    def script(peer: FakePeer) -> None:
        peer.read_request()
        time.sleep(takes_s)
        peer.raw = peer.request + b"\r\n\r\n" + peer.raw
        peer.upgrade(and_send=b"\x81\x02{}")
        peer.wait_until_gone()

    with FakeServer(script) as server:
        began_s = time.monotonic()
        opened = opened_by(server.url + "ws?a=b").opened
        took_s = time.monotonic() - began_s
    assert opened is not None
    assert opened.unread == b"\x81\x02{}"
    assert takes_s - 0.002 <= opened.upgrade_s <= took_s, "by two clocks that are compared"


class Keeping(Wanting):
    """Its connection stays."""

    def is_open(self, opened: Opened, opening: Opening | None) -> None:
        self.opened = opened


def test_one_that_a_full_backlog_turned_away_asks_again_which_is_told_and_is_no_loss_of_the_network():
    """Linux drops its first packet, and the client sends that again after a second."""
    server, retransmitted = FakeServer(lambda peer: (peer.upgrade(), peer.wait_until_gone())), 0
    server._listener.listen(0)
    wire, wanting = Wire(server.url), Keeping()
    sample = NetworkSample(wire.reader)
    with ExitStack() as stack:
        for _ in range(3):  # one or two have room
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", server.port))
        wire.opener.open(wanting, Timing(connect_timeout_s=DEADLINE_S))
        wait_for(lambda: list(wire.reader.connections()))
        retransmitted += sample.take().retransmitted
        with server:
            wait_for(lambda: wanting.is_over)
            retransmitted += sum(sample.take().retransmitted for _ in range(2))
            wire.close()
    assert wanting.opened is not None, wanting.failed
    assert wanting.opened.was_asked_again
    assert wanting.opened.upgrade_s > 0.5, "and its time is what a player waits"
    assert retransmitted == 0


def in_pieces(peer: FakePeer) -> None:
    sendall = peer.sock.sendall
    peer.read_request()
    peer.raw = peer.request + b"\r\n\r\n" + peer.raw

    class Pieces:
        def sendall(self, data: bytes) -> None:
            for at, until in pairwise([*range(0, len(data), 20), len(data)]):
                sendall(data[at:until])
                time.sleep(0.002)

        recv = peer.sock.recv

    sock, peer.sock = peer.sock, Pieces()  # type: ignore[assignment]
    peer.upgrade()
    peer.sock = sock
    peer.wait_until_gone()


def test_an_answer_in_pieces_is_put_together():
    with FakeServer(in_pieces) as server:
        assert opened_by(server.url).opened is not None


def other_key(peer: FakePeer) -> None:
    peer.read_request()
    peer.sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    peer.wait_until_gone()


def no_http(peer: FakePeer) -> None:
    peer.read_request()
    peer.sock.sendall(b"SSH-2.0-lobby\r\n\r\n")
    peer.wait_until_gone()


@pytest.mark.parametrize(
    ("script", "why", "refused", "retry_after_s"),
    [
        (lambda peer: peer.answer_http(404), "answered the upgrade with 404", "http_404", None),
        (lambda peer: peer.answer_http(503, "Retry-After: 7"), "answered the upgrade with 503", None, 7.0),
        (other_key, "another key", None, None),
        (no_http, "what came is no HTTP", None, None),
        (lambda peer: peer.read_request(), "without a close frame", None, None),
        (lambda peer: peer.wait_until_gone(), "answering the upgrade took longer than 0.2 s", None, None),
    ],
    ids=["404", "503", "key", "no http", "end", "silence"],
)
def test_an_upgrade_that_fails_says_why(script: Script, why: str, refused: str | None, retry_after_s: float | None):
    with FakeServer(script) as server:
        failed = opened_by(server.url, timeout_s=0.2 if "0.2" in why else DEADLINE_S).failed
    assert failed is not None
    assert why in failed.why
    assert (failed.refused, failed.retry_after_s) == (refused, retry_after_s)


def test_no_server_at_all_is_a_failure_that_may_pass():
    with refusing_port() as port:
        failed = opened_by(f"ws://127.0.0.1:{port}/").failed
    assert failed is not None
    assert "refused" in failed.why.lower()
    assert failed.refused is None


def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch):
    with FakeServer(lambda peer: (peer.upgrade(), peer.wait_until_gone())) as server, refusing_port() as dead:
        found = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port)) for port in (dead, server.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
        assert opened_by("ws://lobby.test/").opened is not None


def test_a_source_without_a_free_port_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch):
    tried: list[str | None] = []
    start = opener_module.start_connecting

    def full(sock: socket.socket, address: object, *, source: str | None) -> None:
        tried.append(source)
        if len(tried) == 1:
            raise OSError(99, "full")
        start(sock, address, source=source)

    monkeypatch.setattr(opener_module, "start_connecting", full)
    with FakeServer(lambda peer: (peer.upgrade(), peer.wait_until_gone())) as server:
        assert opened_by(server.url).opened is not None
    assert tried == ["127.0.0.1", "127.0.0.2"]


def test_no_more_are_under_way_than_allowed_and_the_unwanted_have_no_turn():
    def script(peer: FakePeer) -> None:
        peer.read_request()
        here.append(1)
        most.append(len(here))
        time.sleep(0.03)
        here.pop()
        peer.raw = peer.request + b"\r\n\r\n" + peer.raw
        peer.upgrade()
        peer.wait_until_gone()

    here: list[int] = []
    most: list[int] = []
    with FakeServer(script) as server:
        wire = Wire(server.url)
        wire.opener.most = 2
        wanting = [Wanting(is_wanted=number != 3) for number in range(7)]
        for each in wanting:
            wire.opener.open(each, Timing(connect_timeout_s=DEADLINE_S))
        wait_for(lambda: sum(each.is_over for each in wanting) == 6)
        assert max(most) <= 2
        assert not wanting[3].is_over
        wire.close()


KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD = "HTTP/1.1 101 Ok\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nsec-websocket-accept: {}"


def test_the_example_of_the_rfc_is_accepted():
    check_upgrade(read_head(GOOD.format("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").encode()), KEY)


@pytest.mark.parametrize(
    "head",
    [
        GOOD.format("wrong"),
        GOOD.format("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").replace("WebSocket\r\n", "h2c\r\n"),
        GOOD.format("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") + "\r\nSec-WebSocket-Extensions: permessage-deflate",
    ],
)
def test_an_answer_that_is_no_upgrade_is_refused(head: str):
    with pytest.raises(BadAnswer):
        check_upgrade(read_head(head.encode()), KEY)


@pytest.mark.parametrize("head", ["HTTP/2 200", "HTTP/1.1 2", "HTTP/1.1 abc Ok", "", "HTTP/1.1 200 Ok\r\nno colon"])
def test_a_head_that_is_none_is_refused(head: str):
    with pytest.raises(BadAnswer):
        read_head(head.encode())


def test_a_request_names_the_host_as_browsers_do():
    assert host_header("ws://lobby.test/") == host_header("ws://lobby.test:80/x") == "lobby.test"
    assert host_header("ws://lobby.test:30820/") == "lobby.test:30820"
    assert host_header("wss://[::1]:443/") == "[::1]"
    request, key = UpgradeRequests("ws://lobby.test/ws?a=b").new()
    assert request.startswith(b"GET /ws?a=b HTTP/1.1\r\nHost: lobby.test\r\n")
    assert request.endswith(b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
    assert len(key) == 24
