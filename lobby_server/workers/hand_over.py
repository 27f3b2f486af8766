"""What a supervisor hands to each of its workers: descriptors and places, by one variable of the environment."""

from __future__ import annotations

import math
import socket
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path

import msgspec

from lobby_server.settings import Settings

VARIABLE = "LOBBY_WORKER_HAND_OVER"


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """The place of one worker."""

    number: int
    """From 1."""
    count: int
    """Of workers."""
    supervisor: int
    """Its process id."""
    listeners: list[int]
    """Descriptors of the sockets to listen on, which all workers share."""
    line: int
    """Descriptor of the line to the supervisor."""
    folder: str
    """What the workers have in common and nobody else sees; gone when the supervisor ends."""
    backplane_url: str
    """Of the supervisor's own Valkey; empty: that of the settings."""
    is_new: bool
    """Whether that Valkey was started just now, and nobody has written to it."""
    beat_s: float
    """How often the supervisor wants to hear that the loop turns; 0: not at all."""

    @property
    def board(self) -> Path:
        """The file of `lobby_server.workers.board`."""
        return Path(self.folder) / "board"

    def sockets(self) -> list[socket.socket]:
        """The sockets to listen on, which are this process's own from now on."""
        sockets = [socket.socket(fileno=descriptor) for descriptor in self.listeners]
        for each in sockets:
            each.setblocking(False)
        return sockets

    def share_of(self, settings: Settings) -> Settings:
        """The settings with what one worker has of limits that hold for the whole server."""
        return replace(settings, max_connections=math.ceil(settings.max_connections / self.count))


def write_hand_over(hand_over: HandOver, environment: MutableMapping[str, str]) -> None:
    environment[VARIABLE] = msgspec.json.encode(hand_over).decode()


def take_hand_over(environment: MutableMapping[str, str]) -> HandOver | None:
    """What this process was handed, which goes out of the environment; None: no supervisor started it."""
    text = environment.pop(VARIABLE, "")
    return msgspec.json.decode(text, type=HandOver) if text else None
