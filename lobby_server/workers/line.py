"""A worker's line to its supervisor: it says there what a server of one process says to the service manager.

One JSON object per line. When the supervisor is gone, so is its end of the line: the worker ends at once, because
nobody would start it anew, and the port has to be free for the next supervisor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Literal

import msgspec

from lobby_server.service.ports import Clock, Timer
from lobby_server.service.watch.events import LogEvent
from lobby_server.workers.leash import ORPHANED

log = logging.getLogger("lobby.workers")


class Word(msgspec.Struct, frozen=True):
    """Something that a worker says."""

    what: Literal["ready", "reloading", "stopping", "alive"]
    status: str = ""
    """For people."""


def encode_word(word: Word) -> bytes:
    return msgspec.json.encode(word) + b"\n"


def decode_word(line: bytes) -> Word:
    """Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(line, type=Word)


class Line:
    """The worker's end. It has the manners of `lobby_server.process.service_manager.ServiceManager`."""

    def __init__(self, descriptor: int, *, beat_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._beat_s = beat_s
        self._timer: Timer | None = None
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._heard)

    def ready(self, status: str) -> None:
        self._say(Word("ready", status))

    def reloading(self) -> None:
        self._say(Word("reloading"))

    def stopping(self, status: str) -> None:
        self._say(Word("stopping", status))

    def start_watchdog(self, clock: Clock) -> None:
        """Say again and again that the loop still turns; nothing where the supervisor does not want to know."""
        if self._beat_s:
            self._say(Word("alive"))
            self._timer = clock.call_later(self._beat_s, self.start_watchdog, clock)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _say(self, word: Word) -> None:
        try:
            self._socket.sendall(encode_word(word))
        except OSError:
            pass  # the supervisor is gone, or reads nothing for minutes: `_heard` knows more

    def _heard(self) -> None:
        try:
            is_over = not self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            log.error("the supervisor is gone: this worker ends", extra={"event": LogEvent.SUPERVISOR_GONE.value})
            os._exit(ORPHANED)
