"""The seed's own client, rebuilt from its page in a few lines: it must work against the server as it is.

Twice: on a WebSocket library, with the signals and rules of `GlobalWebSocketManager`, and in raw bytes over a plain
socket, where every byte that the base protocol promises is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import call, token_of
from tests.stopwatch import Stopwatch


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """One server for all of them: each test has users of its own."""
    with Target(flags=["--rooms-notify-interval-ms", "0"]) as running:
        yield running


# -- on a library: GlobalWebSocketManager.gd in Python ------------------------------------------------------------


class SeedClient:
    """What the seed's page says its client does, and nothing else: no features, no paths, no headers."""

    def __init__(self, server_url: str, name: str, token: str) -> None:
        self.signals: list[tuple[Any, ...]] = []
        self.token, self.name = token, name
        self.socket = websocket.create_connection(server_url, timeout=PATIENCE_S)
        self.send("handshake", {"version": "13020", "name": name, "token": token})

    def send(self, type_: str, data: dict[str, Any]) -> None:
        self.socket.send(json.dumps({"type": type_, "data": data}))

    def poll(self) -> str:
        """Take one message, as `_process` does; its type."""
        message = json.loads(self.socket.recv())
        match message["type"]:
            case "handshake_accepted":
                self.signals.append(("connection_established",))
            case "user_online":
                self.signals.append(("user_status_changed", message["data"]["user_id"], True))
            case "user_offline":
                self.signals.append(("user_status_changed", message["data"]["user_id"], False))
            case "rooms_changed":
                self.signals.append(("rooms_list_changed",))
            case "pong":
                assert isinstance(message["data"]["ts"], int)
            case "error":
                self.signals.append(("error", message["data"]["reason"]))
        return str(message["type"])

    def wait_for(self, *signal: Any) -> None:
        while signal not in self.signals:
            self.poll()

    def disconnect_from_server(self) -> None:
        self.socket.close()


def test_two_games_see_each_other_and_each_others_rooms(target: Target) -> None:
    bare_url = f"ws://127.0.0.1:{target.port}"  # as in its configuration: no path
    game_a = SeedClient(bare_url, "A", token_of(target, 11, "PlayerA"))
    game_a.wait_for("connection_established")
    game_b = SeedClient(bare_url, "B", token_of(target, 12, "PlayerB"))
    game_b.wait_for("connection_established")
    game_a.wait_for("user_status_changed", 12, True)

    with Stopwatch(target.pid, in_turn=True) as watch:
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=game_b.token).body["room"]
        game_a.wait_for("rooms_list_changed")
        assert room in call(target, "GET", "/api/rooms").body["rooms"]
    assert watch.took_s < 1.0

    game_a.send("ping", {})
    while game_a.poll() != "pong":
        pass
    game_b.disconnect_from_server()
    game_a.wait_for("user_status_changed", 12, False)
    game_a.disconnect_from_server()


def test_client_without_a_good_token_is_told_so(target: Target) -> None:
    client = SeedClient(f"ws://127.0.0.1:{target.port}", "C", "not a token")
    client.wait_for("error", "invalid_token")
    client.disconnect_from_server()


# -- in raw bytes -------------------------------------------------------------------------------------------------


class RawClient:
    """RFC 6455 by hand."""

    KEY = base64.b64encode(b"sixteen bytes ..").decode()

    def __init__(self, target: Target, path: str = "/") -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port), timeout=PATIENCE_S)
        self.received = b""
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{target.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = self.read_until(b"\r\n\r\n").decode().split("\r\n")
        assert head[0] == "HTTP/1.1 101 Switching Protocols"
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        accept = base64.b64encode(hashlib.sha1(f"{self.KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        assert headers["sec-websocket-accept"] == accept.decode().lower()
        assert headers["upgrade"] == "websocket"
        assert "sec-websocket-extensions" not in headers

    def send(self, text: bytes) -> None:
        mask = b"\x01\x02\x03\x04"
        length = bytes((0x80 | len(text),)) if len(text) < 126 else struct.pack("!BH", 0x80 | 126, len(text))
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text)))

    def read_until(self, end: bytes) -> bytes:
        while end not in self.received:
            data = self.socket.recv(65_536)
            assert data, "the server went away"
            self.received += data
        head, _, self.received = self.received.partition(end)
        return head + end

    def take(self, count: int) -> bytes:
        """Exactly that many bytes, neither more frames nor fewer."""
        while len(self.received) < count:
            data = self.socket.recv(65_536)
            assert data, "the server went away"
            self.received += data
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def expect(self, text: bytes) -> None:
        """The next frame is that text, to the byte: final, unmasked, uncompressed, with the shortest header."""
        frame = b"\x81" + (bytes((len(text),)) if len(text) < 126 else struct.pack("!BH", 126, len(text))) + text
        assert self.take(len(frame)) == frame

    def handshake(self, token: str) -> None:
        self.send(b'{"type":"handshake","data":{"version":"13020","name":"P","token":"%s"}}' % token.encode())


def test_base_protocol_is_the_seeds_to_the_byte(target: Target) -> None:
    first = RawClient(target)
    first.handshake(token_of(target, 123, "PlayerName"))
    first.expect(b'{"type":"handshake_accepted","data":{"peer_id":0,"user_id":123,"username":"PlayerName"}}')
    first.expect(b'{"type":"user_online","data":{"user_id":123,"username":"PlayerName"}}')

    second = RawClient(target, "/ws")
    second.handshake(token_of(target, 456, 'Friend"N\u00e4me\u2603'))
    second.expect(
        b'{"type":"handshake_accepted","data":{"peer_id":0,"user_id":456,"username":"Friend\\"N\xc3\xa4me\xe2\x98\x83"}}'
    )
    online = b'{"type":"user_online","data":{"user_id":456,"username":"Friend\\"N\xc3\xa4me\xe2\x98\x83"}}'
    first.expect(online)
    second.expect(online)

    token = token_of(target, 456, "Friend")
    room_id = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token).body["room"]["id"]
    for client in (first, second):
        client.expect(b'{"type":"rooms_changed","data":{}}')
    call(target, "DELETE", f"/api/rooms/{room_id}", token=token)
    for client in (first, second):
        client.expect(b'{"type":"rooms_changed","data":{}}')

    first.send(b'{"type":"ping","data":{}}')
    size = len(b'{"type":"pong","data":{"ts":1234567890123}}')
    pong = first.take(2 + size)
    assert re.fullmatch(rb'\x81\x2b\{"type":"pong","data":\{"ts":\d{13}\}\}', pong)

    second.socket.sendall(b"\x88\x82\0\0\0\0" + struct.pack("!H", 1000))
    assert second.take(4) == b"\x88\x02" + struct.pack("!H", 1000)
    second.socket.close()
    first.expect(b'{"type":"user_offline","data":{"user_id":456,"username":"Friend\\"N\xc3\xa4me\xe2\x98\x83"}}')
    assert first.received == b""
    first.socket.close()


def test_refusals_are_the_seeds_to_the_byte(target: Target) -> None:
    client = RawClient(target)
    client.handshake("nonsense")
    client.expect(b'{"type":"error","data":{"reason":"invalid_token"}}')
    client.send(b'{"type":"handshake","data":{"version":"13020","name":"P"}}')
    client.expect(b'{"type":"error","data":{"reason":"authentication_required"}}')
    client.handshake(token_of(target, 77, "late"))
    client.expect(b'{"type":"handshake_accepted","data":{"peer_id":0,"user_id":77,"username":"late"}}')
    client.socket.close()


def test_messages_sent_with_the_request_for_the_upgrade_are_not_lost(target: Target) -> None:
    """All in one segment: the request, and a frame behind it."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=PATIENCE_S) as peer:
        peer.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: %b\r\nSec-WebSocket-Version: 13\r\n\r\n"
            % RawClient.KEY.encode()
            + b'\x81\x8f\0\0\0\0{"type":"ping"}'
        )
        received = b""
        while b'"pong"' not in received:
            data = peer.recv(65_536)
            assert data
            received += data
