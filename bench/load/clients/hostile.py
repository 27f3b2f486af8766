"""Broken and hostile clients, one kind at a time, against a server of our own on the loopback.

A process of its own, so that what it costs is not charged to those who measure:

    python -m bench.load.clients.hostile KIND PORT TRANSPORT SECONDS

Bounded in connections, in bytes per second and in time. It goes on whatever the server answers, connects again when it
is put out, and ends by itself. It prints a line when it begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from enum import Enum

from bench.load.sockets.raw_client import (
    OP_CONTINUATION,
    OP_PING,
    ClientGone,
    RawClient,
    Transport,
    client_frame,
    request_head,
    upgrade_head,
)

MANY = 200
"""Connections of those kinds that hold many; the others hold one."""
LOGINS = 20
"""Log-in calls under way that are abandoned."""
RECONNECTING = 4
"""Connections at a time of those that come back at once."""
WRITES_PER_S = 200
"""Of those that send without end: 64 KiB each at most."""
AGAIN_S = 0.05
"""A client that was put out is back after so long."""
MAX_SECONDS = 600.0


class Hostile(str, Enum):
    """A kind of client that no lobby wants."""

    SENDS_AFTER_CLOSE = "sends-after-close"
    SLOW_HEADS = "slow-heads"
    HALF_CLIENT_HELLOS = "half-client-hellos"
    IDLE_KEEP_ALIVES = "idle-keep-alives"
    ABANDONED_LOGINS = "abandoned-logins"
    NEVER_READS = "never-reads"
    PING_FLOOD = "ping-flood"
    FRAGMENT_FLOOD = "fragment-flood"
    HUGE_HEADERS = "huge-headers"
    BAD_REQUESTS = "bad-requests"
    RECONNECTS = "reconnects"
    OPS_FLOOD = "ops-flood"
    """Of the socket of the server's figures, without a token."""

    @property
    def connections(self) -> int:
        """How many it holds at a time."""
        if self in (Hostile.SLOW_HEADS, Hostile.HALF_CLIENT_HELLOS, Hostile.IDLE_KEEP_ALIVES):
            return MANY
        if self is Hostile.ABANDONED_LOGINS:
            return LOGINS
        return RECONNECTING if self in (Hostile.BAD_REQUESTS, Hostile.RECONNECTS, Hostile.OPS_FLOOD) else 1


async def be_hostile(kind: Hostile, port: int, transport: Transport, *, seconds: float) -> None:
    """For so long, then let go of everything. At most `MAX_SECONDS`."""
    act = _KINDS[kind]

    async def one(number: int) -> None:
        for turn in itertools.count():
            with contextlib.suppress(OSError, ClientGone):
                await act(port, transport, number + turn)
            await asyncio.sleep(AGAIN_S)

    actors = [asyncio.create_task(one(number)) for number in range(kind.connections)]
    try:
        await asyncio.sleep(min(seconds, MAX_SECONDS))
    finally:
        for actor in actors:
            actor.cancel()
        await asyncio.gather(*actors, return_exceptions=True)


# -- private ------------------------------------------------------------------------------------------------------


async def _send_for_ever(client: RawClient, data: bytes) -> None:
    while not (client.has_ended or client.wire.is_closing()):  # the latter where it does not read, too
        if client.wire.get_write_buffer_size() < 1 << 20:
            client.send(data)
        await asyncio.sleep(1 / WRITES_PER_S)


async def _upgraded(port: int, transport: Transport, path: str = "/ws") -> RawClient:
    client = await RawClient.connect(port, transport)
    try:
        if await client.upgrade(path) != 101:
            raise ClientGone("not upgraded")
    except BaseException:
        client.abort()
        raise
    return client


async def _sends_after_close(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport)
    try:
        client.send(client_frame(b"", 0x3))  # a reserved opcode: the server closes
        await _send_for_ever(client, client_frame(b'{"type":"ping","data":{}}') * 2000)
    finally:
        client.abort()


async def _slow_head(port: int, transport: Transport, _: int) -> None:
    client = await RawClient.connect(port, transport)
    try:
        for byte in upgrade_head(transport)[:-2]:
            if client.has_ended:
                return
            client.send(bytes((byte,)))
            await asyncio.sleep(0.5)
    finally:
        client.abort()


async def _half_client_hello(port: int, transport: Transport, _: int) -> None:
    """The beginning of a TLS record that never comes whole; on a bare server, bytes that are no request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(bytes.fromhex("16030102000100") + b"\x01\xfc\x03\x03" + b"\0" * 20)
        await reader.read()
    finally:
        writer.transport.abort()


async def _idle_keep_alive(port: int, transport: Transport, _: int) -> None:
    client = await RawClient.connect(port, transport)
    try:
        await client.request("GET", "/healthz")
        await client.ended()
    finally:
        client.abort()


async def _abandoned_login(port: int, transport: Transport, number: int) -> None:
    client = await RawClient.connect(port, transport)
    try:
        body = b'{"username":"nobody%d","password":"a wrong password"}' % number
        head = request_head("POST", "/api/auth/login", "Content-Type: application/json", f"Content-Length: {len(body)}")
        client.send(head + body)
        await asyncio.sleep(0.02)
    finally:
        client.abort()


async def _never_reads(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport)
    try:
        raw: socket.socket = client.wire.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.wire.pause_reading()
        await _send_for_ever(client, client_frame(b'{"type":"ping","data":{}}') * 20)
    finally:
        client.abort()


async def _ping_flood(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport)
    try:
        await _send_for_ever(client, client_frame(b"", OP_PING) * 8000)
    finally:
        client.abort()


async def _fragment_flood(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport)
    try:
        client.send(client_frame(b"", fin=False))
        await _send_for_ever(client, client_frame(b"", OP_CONTINUATION, fin=False) * 8000)
    finally:
        client.abort()


async def _huge_headers(port: int, transport: Transport, _: int) -> None:
    client = await RawClient.connect(port, transport)
    try:
        client.send(upgrade_head(transport)[:-2])
        await _send_for_ever(client, b"X-Note: " + b"n" * 60_000 + b"\r\n")
    finally:
        client.abort()


async def _bad_request(port: int, transport: Transport, number: int) -> None:
    client = await RawClient.connect(port, transport)
    try:
        client.send(upgrade_head(transport)[:-2] + _BAD_LINES[number % len(_BAD_LINES)] + b"\r\n\r\n")
        await client.ended()
    finally:
        client.abort()


async def _reconnect(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport)
    client.send(client_frame(b'{"type":"handshake","data":{"version":"1","name":"x","token":"x"}}'))
    client.abort()


async def _ops_flood(port: int, transport: Transport, _: int) -> None:
    client = await _upgraded(port, transport, "/ops/socket")
    try:
        client.wire.pause_reading()
        await _send_for_ever(client, client_frame(b'{"type":"ping","data":{}}') * 2000)
    finally:
        client.abort()


_BAD_LINES = (b"X-Note : space", b"X-Note: \x01", b"Host: again", b" folded", b"no colon")
"""What RFC 9112 section 5 refuses."""
_KINDS: dict[Hostile, Callable[[int, Transport, int], Awaitable[None]]] = {
    Hostile.SENDS_AFTER_CLOSE: _sends_after_close,
    Hostile.SLOW_HEADS: _slow_head,
    Hostile.HALF_CLIENT_HELLOS: _half_client_hello,
    Hostile.IDLE_KEEP_ALIVES: _idle_keep_alive,
    Hostile.ABANDONED_LOGINS: _abandoned_login,
    Hostile.NEVER_READS: _never_reads,
    Hostile.PING_FLOOD: _ping_flood,
    Hostile.FRAGMENT_FLOOD: _fragment_flood,
    Hostile.HUGE_HEADERS: _huge_headers,
    Hostile.BAD_REQUESTS: _bad_request,
    Hostile.RECONNECTS: _reconnect,
    Hostile.OPS_FLOOD: _ops_flood,
}


def stand_back() -> None:
    """Run on a core only while nobody else wants it: those who measure may share it, and what this client costs its
    own machine is not what it does to the server."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main(arguments: list[str]) -> None:
    kind, port, transport, seconds = arguments
    stand_back()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writes after the end, and they are meant
    print(kind, flush=True)
    asyncio.run(be_hostile(Hostile(kind), int(port), Transport(transport), seconds=float(seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
