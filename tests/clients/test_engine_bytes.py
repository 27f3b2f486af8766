"""Engines that this machine does not have, in the bytes that they send: what they write is known, and played here.

* Godot 4 (``core/io/json.cpp``, ``modules/websocket``): JSON has floats only, so 8 is written ``8.0`` with
  ``JSON.stringify``; ``WebSocketPeer.send`` writes binary unless told otherwise, ``send_text`` text.
* Unity with NativeWebSocket or ``ClientWebSocket``: serializers write ``null`` for fields that are not set; the close
  frame has a code and an empty reason.
* Lua (LÖVE, Defold): ``cjson`` writes 8 as ``8`` and large numbers as ``1e+15``.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bench.processes.target import Target
from tests.engines.crowd import UPGRADE, masked
from tests.patience import PATIENCE_S
from tests.process.clients import call, token_of

TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(flags=["--command-rate-per-s", "0"]) as running:
        yield running


class Wire:
    """A plain socket after its upgrade."""

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port), PATIENCE_S)
        self.socket.sendall(UPGRADE)
        self._received = b""
        while b"\r\n\r\n" not in self._received:
            self._received += self.socket.recv(4096)
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        assert b" 101 " in head

    def say(self, text: str, opcode: int = TEXT) -> None:
        self.socket.sendall(masked(text.encode(), opcode))

    def frame(self) -> tuple[int, bytes]:
        head = self._take(2)
        length = head[1]
        if length == 126:
            length = int.from_bytes(self._take(2), "big")
        return head[0] & 0xF, self._take(length)

    def expect(self, type_: str) -> dict[str, Any]:
        """The data of the next message of a type."""
        while True:
            _, payload = self.frame()
            message = json.loads(payload)
            if message["type"] == type_:
                data: dict[str, Any] = message["data"]
                return data

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            chunk = self.socket.recv(65536)
            assert chunk, "the server closed the connection"
            self._received += chunk
        taken, self._received = self._received[:count], self._received[count:]
        return taken


@pytest.fixture
def wire(target: Target) -> Iterator[Wire]:
    wire = Wire(target)
    yield wire
    wire.socket.close()


def handshake(target: Target, user_id: int, more: str = "") -> str:
    token = token_of(target, user_id, f"engine{user_id}")
    return f'{{"type":"handshake","data":{{"version":"13020","name":"P","token":"{token}"{more}}}}}'


def test_numbers_with_a_fraction_are_whole_in_every_message(target: Target, wire: Wire) -> None:
    wire.say(handshake(target, 1, ',"features":["ack"]'))
    wire.expect("handshake_accepted")
    for number in range(60):  # fifty malformed ones would close the socket
        wire.say(f'{{"type":"ack","data":{{"id":{number}.0}}}}')
    wish = {"gamemode": "ffa", "maxPlayers": 4.0}
    made = call(target, "POST", "/api/rooms", wish, token=token_of(target, 1, "engine1"))
    assert (made.status, made.body["room"]["max_players"]) == (201, 4)
    wire.say('{"type":"kick","data":{"peerId":7.0}}')
    assert wire.expect("error")["reason"] == "invalid_target"  # it was read: there is no such peer
    wire.say('{"type":"kick","data":{"peerId":1e+0}}')
    assert wire.expect("error")["reason"] == "invalid_target"
    wire.say('{"type":"ping","data":{"at":1.5e+15}}')
    wire.expect("pong")


def test_null_for_whatever_is_not_set_is_the_same_as_leaving_it_out(target: Target, wire: Wire) -> None:
    wire.say(handshake(target, 2, ',"features":null,"clan":null'))
    assert set(wire.expect("handshake_accepted")) == {"peer_id", "user_id", "username"}
    wire.say('{"type":"ping","data":null}')
    wire.expect("pong")
    wire.say('{"type":"join_room","data":{"roomId":"nowhere","version":"1","name":"P","ifIn":null}}')
    assert wire.expect("error")["reason"] == "room_not_found"


def test_binary_frames_with_json_are_taken_like_text(target: Target, wire: Wire) -> None:
    wire.say(handshake(target, 3), BINARY)
    wire.expect("handshake_accepted")
    wire.say('{"type":"ping","data":{}}', BINARY)
    wire.expect("pong")


@pytest.mark.parametrize("payload", [b"", (1000).to_bytes(2, "big"), (1000).to_bytes(2, "big") + b"Closing"])
def test_close_of_an_engine_is_answered_with_its_code(target: Target, wire: Wire, payload: bytes) -> None:
    wire.say(handshake(target, 4))
    wire.expect("handshake_accepted")
    wire.socket.sendall(masked(payload, CLOSE))
    while (frame := wire.frame())[0] != CLOSE:
        pass
    assert frame[1][:2] == (payload[:2] or (1000).to_bytes(2, "big"))
