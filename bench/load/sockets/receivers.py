"""Thousands of cheap receiving clients in one process: picows on uvloop, about 5 µs per message.

A receiver does what the specification's client does on its socket (upgrade, handshake, then listen) and stamps each
message with ``time.perf_counter`` before anything else is done with it. The clock is CLOCK_MONOTONIC, which all
processes of a host share, so a stamp taken here can be held against one taken by the publisher.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, TypeVar

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.load.sockets.tokens import CLIENT_VERSION, Player
from lobby_server.protocol.messages import Handshake, HandshakeAccepted, RoomsChanged, UserOnline, encode

CONNECT_TIMEOUT_S = 30.0
CONNECTS_AT_ONCE = 32
"""A polite ramp: as many handshakes are in flight at once, so the server sets the pace."""


def _head(message_type: str) -> bytes:
    """What every message of a type starts with; compact JSON, keys in the contract's order."""
    return b'{"type":"%b"' % message_type.encode()


ACCEPTED_HEAD = _head(HandshakeAccepted.TYPE)
ROOMS_CHANGED_HEAD = _head(RoomsChanged.TYPE)
USER_ONLINE_HEAD = _head(UserOnline.TYPE)


class ReceiverFailed(RuntimeError):
    """A receiver was not let in."""


class Receiver(WSListener):
    """One socket. Subclasses say what a message means by `on_text`; their time there is on the clock of all others."""

    def __init__(self, index: int, player: Player, features: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.index = index
        self.player = player
        self.transport: WSTransport | None = None
        self.handshake_message = encode(
            Handshake(version=CLIENT_VERSION, name=player.username, token=player.token, features=list(features) or None)
        )
        self.accepted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.close_code: int | None = None
        self.lost_at_s: float | None = None

    def say_hello(self) -> None:
        """Send the handshake. Apart from the upgrade, so that its moment can be chosen."""
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, self.handshake_message)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        stamp_s = perf_counter()
        kind = frame.msg_type
        if kind is WSMsgType.TEXT:
            payload = frame.get_payload_as_bytes()
            if payload.startswith(ACCEPTED_HEAD) and not self.accepted.done():
                self.accepted.set_result(stamp_s)
            self.on_text(payload, stamp_s)
        elif kind is WSMsgType.PING:
            payload = frame.get_payload_as_bytes()
            transport.send_pong(payload)
            self.on_control_ping(len(payload))
        elif kind is WSMsgType.CLOSE:
            self.close_code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big") or None
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.lost_at_s = perf_counter()
        if not self.accepted.done():
            self.accepted.set_exception(ReceiverFailed(f"closed before acceptance (code {self.close_code})"))
            self.accepted.exception()  # retrieved here: whoever waits gets it as well
        self.on_lost()

    def on_text(self, payload: bytes, stamp_s: float) -> None:
        """A message, `handshake_accepted` included."""

    def on_control_ping(self, payload_bytes: int) -> None:
        """A protocol-level ping; the pong is sent already."""

    def on_lost(self) -> None:
        """The socket is gone."""

    def socket(self) -> socket.socket:
        """The underlying socket, for `TCP_INFO`."""
        assert self.transport is not None
        found: socket.socket = self.transport.underlying_transport.get_extra_info("socket")
        return found

    def close(self) -> None:
        if self.transport is not None:
            self.transport.disconnect()


async def upgrade(receiver: Receiver, url: str) -> None:
    """Open the socket of a receiver, without the handshake.

    Raises `ReceiverFailed` when the server refuses the upgrade, `OSError` when nobody listens.
    """
    try:
        await ws_connect(
            lambda: receiver,
            url,
            enable_auto_pong=False,
            websocket_handshake_timeout=CONNECT_TIMEOUT_S,
            read_buffer_init_size=2048,
        )
    except OSError:
        raise
    except Exception as error:  # picows has a class for every way an upgrade can fail
        raise ReceiverFailed(f"the upgrade failed: {error}") from error


async def join(receiver: Receiver, url: str) -> float:
    """Upgrade, handshake, acceptance; returns the moment of acceptance. Raises as `upgrade` does."""
    await upgrade(receiver, url)
    receiver.say_hello()
    return await asyncio.wait_for(asyncio.shield(receiver.accepted), CONNECT_TIMEOUT_S)


_Item = TypeVar("_Item")


async def politely(
    items: Iterable[_Item], act: Callable[[_Item], Awaitable[Any]], at_once: int = CONNECTS_AT_ONCE
) -> None:
    """Do something with every item, at most `at_once` of them in flight. The first error ends it."""
    remaining = iter(items)

    async def work() -> None:
        for item in remaining:
            await act(item)

    workers = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
