"""Packets by hand: a client and a server that talk, at times of the test's choosing."""

from __future__ import annotations

import struct

from bench.load.packets.conversations import Conversations
from bench.load.packets.segments import STAMP, SYN, read_segment
from bench.load.sockets.tokens import mint_receiver
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import Handshake, HandshakeAccepted, Ping, Pong, encode

PORT = 4711
SECRET = "s" * 40
SERVER, CLIENT = b"\x0a\x40\x00\x01", b"\x0a\x40\x00\x02"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
CONNECTING_S = 0.0005
FIRST_UP, FIRST_DOWN = 0xFFFFFF00, 17
"""Initial sequence numbers; the client's run over soon."""


def packet(
    source: bytes, source_port: int, to: bytes, to_port: int, sequence: int, payload: bytes, flags: int
) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source_port, to_port, sequence % (1 << 32), 0, 8 << 4, flags, 1000, 0, 0) + bytes(
        12
    )
    size = 20 + len(tcp) + len(payload)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, source, to) + tcp + payload


def stamp(at_s: float) -> bytes:
    return STAMP.pack(int(at_s), round((at_s - int(at_s)) * 1e9))


def client_frame(payload: bytes, opcode: int = 1, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    return head + mask + masked


class Wire:
    """What is captured, in order."""

    def __init__(self) -> None:
        self.packets: list[tuple[bytes, bytes]] = []

    def conversations(self) -> Conversations:
        found = Conversations()
        for at, raw in self.packets:
            segment = read_segment(at, raw, PORT)
            if segment is not None:
                found.take(segment)
        return found


class Dialogue:
    """One connection of a client."""

    def __init__(self, wire: Wire, *, port: int, began_s: float) -> None:
        self._wire, self._port = wire, port
        self._up, self._down = FIRST_UP, FIRST_DOWN
        self.up(began_s, b"", flags=SYN)
        self.down(began_s + CONNECTING_S, b"", flags=SYN)
        self._up, self._down = self._up + 1, self._down + 1

    def up(self, at_s: float, payload: bytes, *, flags: int = 0x18) -> None:
        raw = packet(CLIENT, self._port, SERVER, PORT, self._up, payload, flags)
        self._wire.packets.append((stamp(at_s), raw))
        self._up += len(payload)

    def down(self, at_s: float, payload: bytes, *, flags: int = 0x18) -> None:
        raw = packet(SERVER, PORT, CLIENT, self._port, self._down, payload, flags)
        self._wire.packets.append((stamp(at_s), raw))
        self._down += len(payload)

    def says(self, at_s: float, payload: bytes, opcode: int = 1) -> None:
        self.up(at_s, client_frame(payload, opcode))

    def hears(self, at_s: float, *payloads: bytes) -> None:
        """In one packet."""
        self.down(at_s, b"".join(server_frame(payload) for payload in payloads))

    def upgrade(self, asked_s: float, answered_s: float) -> None:
        self.up(asked_s, UPGRADE)
        self.down(answered_s, SWITCHING)

    def shake(self, shook_s: float, accepted_s: float, *, index: int) -> int:
        """Returns the id of the user."""
        player = mint_receiver(SECRET, index)
        self.says(shook_s, encode(Handshake(version="13020", name="x", token=player.token)))
        accepted = HandshakeAccepted(peer_id=1, user_id=player.user_id, username=player.username)
        self.hears(accepted_s, encode(accepted))
        return player.user_id

    def beat(self, pinged_s: float, answered_s: float) -> None:
        self.says(pinged_s, encode(Ping()))
        self.hears(answered_s, encode(Pong(ts=int(answered_s * 1000))))

    def asks(
        self, asked_s: float, answered_s: float, *, method: str, target: str, body: bytes = b"", status: int
    ) -> None:
        head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.up(asked_s, head + body)
        self.down(answered_s, f"HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\n{{}}".encode())


def player(wire: Wire, *, port: int, index: int, at_s: float) -> tuple[Dialogue, int]:
    """One that is accepted 30 ms after its SYN; and its user's id."""
    dialogue = Dialogue(wire, port=port, began_s=at_s)
    dialogue.upgrade(at_s + 0.001, at_s + 0.010)
    return dialogue, dialogue.shake(at_s + 0.020, at_s + 0.030, index=index)
