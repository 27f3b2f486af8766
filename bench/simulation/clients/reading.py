"""What twenty players are told is read once: messages and lists that are the same to the byte are one object."""

from __future__ import annotations

from dataclasses import dataclass, field

from lobby_server.protocol.messages import ServerMessage
from lobby_server.protocol.resources import Room


@dataclass(frozen=True)
class Read:
    """In one run, by all players. Nobody changes what they read."""

    chunks: dict[bytes, list[tuple[int, bytes]]] = field(default_factory=dict)
    """Opcodes and payloads of the frames in it, of what came in one piece."""
    messages: dict[bytes, ServerMessage] = field(default_factory=dict)
    lists: dict[bytes, tuple[Room, ...]] = field(default_factory=dict)
