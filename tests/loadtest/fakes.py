"""What the tests of the client talk to when no real server is wanted: scripted, on a thread, byte by byte."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from loadtest.client import HttpAnswer, HttpCall
from lobby_server.protocol.framing.frames import OP_CLOSE, OP_PING, OP_PONG, server_frame
from lobby_server.protocol.messages import HandshakeAccepted, Message, ServerMessage, encode, encode_frame
from tests.patience import PATIENCE_S

DEADLINE_S = PATIENCE_S
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOjF9.c2lnbmF0dXJl"


def wait_for(
    condition: Callable[[], object], *, deadline_s: float = DEADLINE_S, what: str = "", every_s: float = 0.005
) -> None:
    """Poll until the condition holds; fail with `what` when it does not in time. `every_s`: longer where a look is
    work for what is waited for, as that into a page of a browser is."""
    ends_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends_s, f"not within {deadline_s} s: {what or condition}"
        time.sleep(every_s)


class PeerGone(Exception):
    """The client went away; ends a script quietly."""


class FakePeer:
    """The server's end of one connection, driven by a script."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.raw = b""
        self.request = b""

    def upgrade(self, *, and_send: bytes = b"") -> None:
        """Answer the upgrade, with more bytes in the same segment if wanted."""
        self.read_request()
        key = next(
            line.split(b":", 1)[1].strip()
            for line in self.request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + and_send
        )

    def read_request(self) -> None:
        while b"\r\n\r\n" not in self.raw:
            self._more()
        self.request, self.raw = self.raw.split(b"\r\n\r\n", 1)

    def answer_http(self, status: int, *headers: str) -> None:
        self.read_request()
        lines = [f"HTTP/1.1 {status} Whatever", "Content-Length: 0", "Connection: close", *headers]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def accept(self, *, user_id: int = 1, and_send: bytes = b"", features: list[str] | None = None) -> dict[str, Any]:
        """Upgrade, read the handshake, accept it, perhaps with more frames in the same segment."""
        self.upgrade()
        handshake = self.read_message("handshake")
        accepted = encode_frame(HandshakeAccepted(peer_id=0, user_id=user_id, username="somebody", features=features))
        self.sock.sendall(accepted + and_send)
        return handshake

    def send(self, *messages: ServerMessage) -> None:
        """All in one segment."""
        self.sock.sendall(b"".join(encode_frame(message) for message in messages))

    def close_with(self, code: int, reason: str = "") -> None:
        self.sock.sendall(server_frame(struct.pack("!H", code) + reason.encode(), OP_CLOSE))

    def ping(self, payload: bytes = b"are you there") -> None:
        self.sock.sendall(server_frame(payload, OP_PING))

    def read_message(self, name: str | None = None) -> dict[str, Any]:
        """The next text frame as JSON; of that type, if one is named."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == 0x1:
                message: dict[str, Any] = msgspec.json.decode(payload)
                if name is None or message["type"] == name:
                    return message

    def read_pong(self) -> bytes:
        while True:
            opcode, payload = self.read_frame()
            if opcode == OP_PONG:
                return payload

    def read_until_gone(self) -> list[tuple[int, bytes]]:
        """Everything until the client leaves or closes."""
        frames = []
        with suppress(PeerGone):
            while True:
                frames.append(self.read_frame())
                if frames[-1][0] == OP_CLOSE:
                    self.sock.sendall(server_frame(frames[-1][1], OP_CLOSE))
                    break
        return frames

    def wait_until_gone(self) -> None:
        """Take what comes, answer nothing, until the client leaves."""
        with suppress(PeerGone):
            while True:
                self._more()

    def read_frame(self) -> tuple[int, bytes]:
        self._need(2)
        opcode, length, at = self.raw[0] & 0xF, self.raw[1] & 0x7F, 2
        assert self.raw[1] & 0x80, "a client masks its frames"
        if length == 126:
            self._need(4)
            length, at = struct.unpack_from("!H", self.raw, 2)[0], 4
        self._need(at + 4 + length)
        mask, masked = self.raw[at : at + 4], self.raw[at + 4 : at + 4 + length]
        self.raw = self.raw[at + 4 + length :]
        return opcode, bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))

    def _need(self, size: int) -> None:
        while len(self.raw) < size:
            self._more()

    def _more(self) -> None:
        try:
            chunk = self.sock.recv(65_536)
        except OSError:
            raise PeerGone from None
        if not chunk:
            raise PeerGone
        self.raw += chunk


Script = Callable[[FakePeer], None]


class FakeServer:
    """Plays one script a connection, in order; the last one again for every further connection. A script that
    returns ends its connection without a close frame. `faults` holds what a script raised: check it at the end."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = scripts
        self.accepted_at_s: list[float] = []
        self.faults: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._is_over = False
        self.port = self._listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/"

    def __enter__(self) -> FakeServer:
        self._start(self._accept_for_ever)
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
        if error[0] is None:
            assert not self.faults, self.faults

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept_for_ever(self) -> None:
        while not self._is_over:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(len(self.accepted_at_s), len(self.scripts) - 1)]
            self.accepted_at_s.append(time.monotonic())
            self._open.append(sock)
            self._start(self._play, script, sock)

    def _play(self, script: Script, sock: socket.socket) -> None:
        try:
            script(FakePeer(sock))
        except PeerGone:
            pass
        except BaseException as fault:
            if not self._is_over:
                self.faults.append(fault)
        finally:
            sock.close()


def hold(peer: FakePeer) -> None:
    """Accept and stay until the client leaves; pings get no answer."""
    peer.accept()
    peer.read_until_gone()


class FakeHttp:
    """An `HttpCaller` whose answers are handed in; what was asked is in `calls`."""

    url = "http://fake"

    def __init__(self, answer: Callable[[HttpCall], HttpAnswer] | None = None) -> None:
        self.calls: list[HttpCall] = []
        self.is_closed = False
        self._answer = answer or (lambda call: json_answer({"count": 0, "rooms": []}))

    def call(self, request: HttpCall) -> HttpAnswer:
        self.calls.append(request)
        return self._answer(request)

    def close(self) -> None:
        self.is_closed = True


def json_answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers or {}, body=msgspec.json.encode(body))


def problem(status: int, code: str, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return json_answer({"error": f"A sentence about {code}.", "code": code}, status=status, headers=named)


def room(room_id: str, map_name: str | None = None) -> dict[str, object]:
    return {
        "id": room_id, "host_username": "ada", "gamemode": "duel", "map_name": map_name, "current_players": 1,
        "max_players": 8, "created_at": "2026-01-01T00:00:00.000Z", "is_full": False,
    }  # fmt: skip


def rooms_body(ids: Sequence[str]) -> dict[str, object]:
    return {"count": len(ids), "rooms": [room(room_id) for room_id in ids]}


def text_frame(message: Message) -> bytes:
    return server_frame(encode(message))
