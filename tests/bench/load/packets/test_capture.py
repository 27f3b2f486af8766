"""The capture on a real interface: what it keeps, and that its times are the kernel's, however late it reads."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.load.packets.capture import Capture, Seen
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import Handshake, HandshakeAccepted, Ping, Pong, encode
from tests.bench.load.packets.dialogue import SWITCHING, UPGRADE, client_frame

WAIT_S = 0.2
PINGS = 20


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def capture(listener: socket.socket) -> Capture:
    try:
        return Capture(interface="lo", port=listener.getsockname()[1])
    except (PermissionError, AttributeError):
        pytest.skip("this user may not capture packets")


def talk(listener: socket.socket) -> list[float]:
    """An upgrade, a handshake, and pings; returns how long each was waited for, in this order, as the client saw
    it: the upgrade from before its connection."""
    waited_s = []
    began_s = time.perf_counter()
    with socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            for said, answer in (
                (UPGRADE, SWITCHING),
                (
                    client_frame(encode(Handshake(version="1", name="x", token="a.b.c"))),
                    server_frame(encode(HandshakeAccepted(peer_id=1, user_id=2, username="x"))),
                ),
                *[(client_frame(encode(Ping())), server_frame(encode(Pong(ts=n)))) for n in range(PINGS)],
            ):
                client.sendall(said)
                server.recv(4096)
                if b"pong" in answer:
                    time.sleep(WAIT_S / PINGS)
                server.sendall(answer)
                client.recv(4096)
                waited_s.append(time.perf_counter() - began_s)
                began_s = time.perf_counter()
    return waited_s


async def seen_of(capture: Capture, listener: socket.socket) -> tuple[Seen, list[float]]:
    await capture.begin()
    waited_s = talk(listener)
    return await capture.end(5.0), waited_s


def test_capture_times_what_client_and_server_say(capture: Capture, listener: socket.socket) -> None:
    seen, waited_s = asyncio.run(seen_of(capture, listener))
    assert (seen.dropped, seen.players, seen.figures["upgrade"].count) == (0, 1, 1)
    heartbeat = seen.figures["heartbeat"]
    assert heartbeat.count == PINGS
    assert 1000 * WAIT_S / PINGS <= heartbeat.p50_ms <= 1000 * max(waited_s[2:])


def test_capture_leaves_out_other_ports_and_bare_acknowledgements(capture: Capture, listener: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        asyncio.run(capture.begin())
        talk(other)
        talk(listener)
        seen = asyncio.run(capture.end(5.0))
    both_syns, upgrade, handshake = 2, 2, 2
    assert seen.packets == both_syns + upgrade + handshake + 2 * PINGS


def test_capture_has_the_time_of_the_packet_and_not_of_its_reading(
    capture: Capture, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, is_free = capture._read, threading.Event()

    def late() -> None:
        is_free.wait()
        read()

    monkeypatch.setattr(capture, "_thread", threading.Thread(target=late))
    asyncio.run(capture.begin())
    waited_s = talk(listener)
    time.sleep(WAIT_S)
    is_free.set()
    seen = asyncio.run(capture.end(5.0))
    assert seen.figures["heartbeat"].max_ms <= 1000 * max(waited_s[2:])
    assert seen.figures["upgrade"].max_ms <= 1000 * waited_s[0]
