"""One implementation: the same limits, answers and ends on every way in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable

import pytest

from lobby_server.protocol.framing.frames import server_frame
from lobby_server.web.websocket import connection as connection_module
from lobby_server.web.websocket.connection import FRAMES_PER_TURN, MAX_BYTES_AFTER_CLOSE, READ_BYTES, Connection
from lobby_server.web.websocket.reader import FrameReader
from tests.web.conftest import Lobby, StartLobby
from tests.web.later import pass_in_silence
from tests.web.websocket.test_socket import wait_until
from tests.web.websocket.ways import BINARY, CLOSE, PING, PONG, WAYS, Peer, masked, start_way, upgrade

pytestmark = pytest.mark.system  # servers with TLS, compression and split requests

every_way = pytest.mark.parametrize("way", WAYS)


@every_way
async def test_binary_message_with_json_is_taken_like_a_text(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    await peer.send(masked(b'{"type":"ping"}', BINARY))
    assert "ts" in await peer.expect("pong")
    await peer.send(masked(b'{"type":', 0x02) + masked(b'"ping"}', 0x80))
    assert "ts" in await peer.expect("pong")
    for payload in (b"\xff\xfe", b"not json", b'{"type":"ping","data":{"x":"\xff"}}'):
        await peer.send(masked(payload, BINARY))
        assert await peer.expect("error") == {"reason": "bad_json"}


@every_way
async def test_message_with_a_part_over_the_limit_is_an_error_and_nothing_of_it_is_taken(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=2.0)
    peer = await Peer.open(lobby, way, token=lobby.token(1, "ann"))
    await peer.expect("user_online")
    (session,) = lobby.server.app.sessions
    text = json.dumps({"type": "chat_message", "data": {"channel": "lobby", "text": "one two three four five"}})
    *parts, last = [text[at : at + 12].encode() for at in range(0, len(text), 12)]
    firsts = [0x01, *[0x00] * (len(parts) - 1)]
    await peer.send(b"".join(masked(part, first) for part, first in zip(parts, firsts, strict=True)))
    await wait_until(lambda: session._over_limit_s > 0.0)
    session._commands_s = 0.0  # the last part comes when one more is allowed again
    await peer.send(masked(last, 0x80))
    assert await peer.expect("error") == {"reason": "rate_limited"}
    session._commands_s = 0.0
    await peer.say("chat_message", channel="lobby", text="a whole one")
    assert (await peer.expect("chat_message"))["text"] == "a whole one"


@every_way
async def test_ping_is_answered_between_the_parts_of_a_message(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    await peer.send(masked(b'{"type":', 0x01) + masked(b"now", PING) + masked(b'"ping"}', 0x80))
    assert await peer.frame() == (PONG, b"now")
    assert "ts" in await peer.expect("pong")


@every_way
async def test_text_that_is_not_utf8_is_closed_with_1007_before_the_frame_is_whole(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    await peer.send(masked(b"ok \xff and a lot that never comes")[:20])
    assert await peer.closed() == 1007
    await peer.ended()


@every_way
async def test_fault_is_told_before_the_end_even_to_a_client_that_is_still_sending(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    await peer.send(masked(b"x" * 5000))
    await peer.send(b"x" * 100_000)
    assert await peer.closed() == 1009
    await peer.ended()


@every_way
async def test_close_is_answered_and_the_socket_is_gone(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    await peer.send(masked(b"\x0f\xa0bye", CLOSE) + masked(b'{"type":"ping"}'))
    assert await peer.frame() == (CLOSE, b"\x0f\xa0")
    await peer.ended()
    assert lobby.server.app is not None
    await wait_until(lambda: not lobby.server.app.sessions)


@every_way
async def test_client_that_goes_on_sending_after_our_close_is_read_once_per_turn_and_then_cut(
    start_lobby: StartLobby, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=0.0)
    peer = await Peer.open(lobby, way)
    for _ in range(3):
        await peer.say("handshake", version="1", name="P", token="nonsense")
    assert await peer.closed() == 4501
    reads = list[int]()
    recv = Connection._recv

    def counted(self: Connection) -> bytes:
        data = recv(self)
        reads.append(len(data))
        return data

    monkeypatch.setattr(Connection, "_recv", counted)
    flood = masked(b"x" * 100) * 500
    with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
        while lobby.server.app.sessions:
            await peer.send(flood)
    await wait_until(lambda: not lobby.server.app.sessions)
    assert sum(reads) <= MAX_BYTES_AFTER_CLOSE + 2 * READ_BYTES
    assert reads.count(0) <= len(reads) / 2 + 1  # a read that finds nothing follows one that found something


@every_way
async def test_many_frames_in_one_segment_are_taken_over_several_turns_and_all_of_them(
    start_lobby: StartLobby, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=0)
    peer = await Peer.open(lobby, way)
    turn, in_turn, sent = 0, Counter[int](), 1_500
    take = Connection._event

    def counted(self: Connection, reader: FrameReader, opcode: int, payload: bytes) -> None:
        in_turn[turn] += 1
        take(self, reader, opcode, payload)

    async def turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    monkeypatch.setattr(Connection, "_event", counted)
    ticking = asyncio.create_task(turns())
    try:
        await peer.send(b"".join(masked(b"%04d" % number, PING) for number in range(sent)) + masked(b"", CLOSE))
        heard = [await peer.frame() for _ in range(sent)]
    finally:
        ticking.cancel()
    assert heard == [(PONG, b"%04d" % number) for number in range(sent)]
    assert max(in_turn.values()) <= FRAMES_PER_TURN
    assert sum(in_turn.values()) in (sent, sent + 1)
    assert await peer.closed() is not None


@every_way
async def test_client_that_ignores_our_close_at_a_drain_is_counted_as_cut(
    start_lobby: StartLobby, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_PATIENCE_S", 0.05)
    lobby = await start_way(start_lobby, way, drain_s=5.0)
    peers = [await Peer.open(lobby, way) for _ in range(2)]
    with caplog.at_level(logging.INFO, "lobby.server"):
        await lobby.server.drain()
    assert "drained: 2 sockets had to be cut" in caplog.messages
    assert [await peer.closed() for peer in peers] == [1001, 1001]


@every_way
async def test_client_that_does_not_read_gets_everything_in_order_once_it_does(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=0.0)
    peer = await Peer.open(lobby, way, token=lobby.token(1, "ann"))
    await peer.expect("user_online")
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    assert lobby.server.app is not None
    (session,) = lobby.server.app.sessions
    said = []
    source = random.Random(1)
    while session.private_bytes < 100_000:
        said.append(b"%05d " % len(said) + source.randbytes(1000).hex().encode())  # which does not compress
        lobby.server.app.fanout.tell(session, server_frame(said[-1]))
        if len(said) % 20 == 0:
            await asyncio.sleep(0)
    peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert [(await peer.frame())[1] for _ in said] == said
    assert (peer.compressed > 0) is ("deflate" in way)


@pytest.mark.parametrize("way", ["bare", "tls"])
async def test_what_comes_before_acceptance_has_one_deadline(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way, handshake_timeout_s=2.0)
    for _ in range(10):
        silent = await Peer.connect(lobby, tls=False)
        half = await Peer.connect(lobby, tls=False)
        await half.send(b"\x16\x03\x01\x02\x00\x01" if way == "tls" else b"GET /ws HTTP/1.1\r\nHost: x\r\n")
        late = await Peer.connect(lobby)
        await asyncio.sleep(1.0)
        ending = [asyncio.ensure_future(moment_of(peer.ended())) for peer in (silent, half)]
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await late.send(upgrade())
            assert (await late.response_head())[0] == 101
            assert await late.closed() == 4001
            closed_s = asyncio.get_running_loop().time()
            ended_s = max(await asyncio.gather(*ending))
            assert closed_s - ended_s < 0.9, "the upgrade began no deadline of its own"
            return
        await asyncio.gather(*ending)  # this loop stood still until the deadline was over: once more
    pytest.fail("every request for an upgrade came too late")


async def moment_of(event: Awaitable[None]) -> float:
    """When it came about."""
    await event
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("way", ["bare", "tls"])
async def test_head_that_comes_byte_by_byte_gets_no_more_time_than_a_whole_one(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way, handshake_timeout_s=0.5)
    peer = await Peer.connect(lobby)
    ending = asyncio.ensure_future(peer.ended())
    peer.writer.write(b"GET /")
    for _ in range(200):  # twenty times as long as there is time for
        if ending.done():
            break
        peer.writer.write(b"x")
        await asyncio.sleep(0.05)
    assert ending.done()
    await ending


@pytest.mark.parametrize("way", ["deflate", "tls and deflate"])
async def test_broadcast_is_compressed_once_for_all_who_agreed(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way, chat_rate_per_min=0.0)
    packed = [await Peer.open(lobby, way, token=lobby.token(number, f"u{number}")) for number in (1, 2)]
    plain = await Peer.open(lobby, "bare", token=lobby.token(3, "u3"))
    for peer in (*packed, plain):
        await peer.expect("handshake_accepted")
        await peer.say("chat_message", channel="lobby", text="I am here")
        await peer.expect("chat_message")
    await plain.say("chat_message", channel="lobby", text="again and " * 40)
    for peer in (*packed, plain):
        while (await peer.expect("chat_message"))["text"][:5] != "again":
            pass
    assert [peer.compressed for peer in (*packed, plain)] == [1, 1, 0]


async def test_request_behind_others_on_one_connection_is_upgraded(lobby: Lobby) -> None:
    peer = await Peer.connect(lobby)
    for _ in range(2):
        await peer.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.response())[0] == 200
    await peer.send(upgrade() + masked(b'{"type":"ping"}'))
    assert (await peer.response_head())[0] == 101
    assert "ts" in await peer.expect("pong")
    await peer.send(masked(b"", CLOSE))
    assert await peer.closed() == 1000


@every_way
async def test_stall_longer_than_the_heartbeats_timeout_closes_nobody_who_pinged(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way, heartbeat_timeout_s=600.0)
    peer, silent = await Peer.open(lobby, way), await Peer.open(lobby, way)
    await peer.say("ping")
    await peer.expect("pong")
    peer.writer.write(masked(b'{"type":"ping"}'))
    pass_in_silence(lobby, 1200.0)  # and what came meanwhile is still in the sockets
    assert "ts" in await peer.expect("pong")
    assert await silent.closed() == 4004


@every_way
async def test_viewer_of_the_figures_is_held_to_the_same_limits(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=5.0)
    flood = await Peer.open(lobby, way, path="/ops/socket")
    await flood.send(masked(b'{"type":"ping"}') * 100)
    assert await flood.closed() == 4003
    big = await Peer.open(lobby, way, path="/ops/socket")
    await big.send(masked(b"x" * 5000))
    assert await big.closed() == 1009
