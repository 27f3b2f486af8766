"""A request for a WebSocket that differs from an earlier one in its key alone is answered as the first was, or refused
as it would have been.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools

import pytest

from lobby_server.service.watch.events import LogEvent
from lobby_server.web.lean.known_upgrades import MAX_KNOWN, MAX_KNOWN_BYTES, KnownUpgrades
from lobby_server.web.websocket import head, newcomer
from lobby_server.web.websocket.newcomer import Newcomers
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.ways import KEY, Peer, start_way, upgrade

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def key_of(number: int) -> str:
    return base64.b64encode(number.to_bytes(16, "big")).decode()


def known_of(lobby: Lobby) -> KnownUpgrades:
    assert lobby.server._listener is not None
    return lobby.server._listener._newcomers.gate.known


@pytest.fixture
def heads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Those that are read, and not remembered."""
    read: list[bytes] = []
    original = newcomer.parse_head

    def counted(raw: bytes) -> object:
        read.append(raw)
        return original(raw)

    monkeypatch.setattr(newcomer, "parse_head", counted)
    return read


@pytest.mark.parametrize("way", ["bare", "tls", "deflate"])
async def test_head_is_read_once_and_every_key_gets_its_own_answer(
    start_lobby: StartLobby, heads: list[bytes], way: str
) -> None:
    lobby = await start_way(start_lobby, way)
    offer = ["Sec-WebSocket-Extensions: permessage-deflate"] * (way == "deflate")
    answers = []
    for number in range(3):
        peer = await Peer.connect(lobby)
        await peer.send(upgrade(*offer).replace(KEY.encode(), key_of(number).encode()))
        status, fields = await peer.response_head()
        accept = base64.b64encode(hashlib.sha1(key_of(number).encode() + GUID).digest()).decode()
        assert fields.pop("sec-websocket-accept") == accept
        answers.append((status, fields))
        await peer.say("handshake", version="1", name="P", token=lobby.token(number))
        await peer.expect("handshake_accepted")
    assert answers == [answers[0]] * 3
    assert answers[0][0] == 101
    assert ("sec-websocket-extensions" in answers[0][1]) is (way == "deflate")
    assert len(heads) == 1


@pytest.mark.parametrize("comes", ["with its connection", "after it", "in pieces"])
async def test_known_request_is_answered_however_it_comes(lobby: Lobby, heads: list[bytes], comes: str) -> None:
    for _ in range(2):
        peer = await Peer.connect(lobby)
        if comes != "with its connection":
            await asyncio.sleep(0.02)
        cuts = (0, 30, 400) if comes == "in pieces" else (0, 400)
        for start, end in itertools.pairwise(cuts):
            await peer.send(upgrade()[start:end])
            await asyncio.sleep(0.02)
        assert (await peer.response_head())[0] == 101
    assert len(heads) == (2 if comes == "in pieces" else 1)


@pytest.mark.parametrize("key", ["=" * 24, "A" * 24, "é" * 12, KEY[:-2] + "  "])
async def test_key_that_is_none_is_refused_behind_a_good_one(lobby: Lobby, key: str) -> None:
    statuses = []
    for each in (KEY, key, KEY):
        peer = await Peer.connect(lobby)
        await peer.send(upgrade().replace(KEY.encode(), each.encode()))
        statuses.append((await peer.response_head())[0])
    assert statuses == [101, 400, 101]


async def test_refused_origin_is_refused_and_logged_each_time(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        peer = await Peer.connect(lobby)
        await peer.send(upgrade("Origin: https://elsewhere.example"))
        assert (await peer.response())[0] == 403
    refused = [record for record in caplog.records if getattr(record, "event", "") == LogEvent.UPGRADE_REFUSED.value]
    assert len(refused) == 3
    assert len(known_of(lobby)) == 0


async def test_known_request_is_refused_when_the_lobby_is_full_and_taken_when_there_is_a_place(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture
) -> None:
    lobby = await start_lobby(max_connections=1)
    first = await Peer.open(lobby)
    full = await Peer.connect(lobby)
    await full.send(upgrade())
    status, fields, body = await full.response()
    assert (status, body["code"]) == (503, "try_again_later")
    assert int(fields["retry-after"]) > 0
    await full.ended()
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == LogEvent.UPGRADE_REFUSED.value]
    assert record.__dict__["address"] == "127.0.0.1"
    first.writer.close()
    while lobby.server.app is not None and len(lobby.server.app.sessions):
        await asyncio.sleep(0.005)
    await Peer.open(lobby)


async def test_session_has_the_address_that_its_own_head_names(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1")
    addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.1"]
    for address in addresses:
        peer = await Peer.connect(lobby)
        await peer.send(upgrade(f"X-Forwarded-For: {address}"))
        assert (await peer.response_head())[0] == 101
    assert lobby.server.app is not None
    sessions = sorted(lobby.server.app.sessions, key=lambda session: session.id)
    assert [session.address for session in sessions] == addresses


async def test_however_many_heads_there_are_a_bounded_number_is_kept(lobby: Lobby) -> None:
    known, most = known_of(lobby), 0
    for number in range(MAX_KNOWN + 20):
        peer = await Peer.connect(lobby)
        await peer.send(upgrade(f"X-Number: {number}"))
        assert (await peer.response_head())[0] == 101
        peer.writer.transport.abort()
        most = max(most, len(known))
    assert most == MAX_KNOWN
    before = len(known)
    for line in (f"X-Long: {'x' * MAX_KNOWN_BYTES}", "sec-websocket-key-of-mine: 1"):
        peer = await Peer.connect(lobby)
        await peer.send(upgrade(line).replace(b"Sec-WebSocket-Key", b"sec-websocket-key"))
        assert (await peer.response_head())[0] == 101
    assert len(known) == before


async def test_requests_that_come_with_their_connections_share_the_reads_of_a_turn(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, in_turn = 0, dict[int, int]()
    served = Newcomers.serve_known

    def counted(self: Newcomers, *arguments: object, **options: object) -> bool:
        in_turn[turn] = in_turn.get(turn, 0) + 1
        return served(self, *arguments, **options)  # type: ignore[arg-type]

    async def turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    await Peer.open(lobby)
    monkeypatch.setattr(Newcomers, "serve_known", counted)
    ticking = asyncio.create_task(turns())
    try:
        peers = await asyncio.gather(*(Peer.open(lobby) for _ in range(8 * newcomer.READS_PER_TURN)))
    finally:
        ticking.cancel()
    assert len(peers) == sum(in_turn.values())
    assert max(in_turn.values()) <= newcomer.READS_PER_TURN


def test_names_of_header_lines_that_are_remembered_are_few_and_short() -> None:
    head._known_name.cache_clear()
    lines = [f"X-Made-Up-{number}: 1" for number in range(400)] + [f"X-{'x' * head.MAX_KNOWN_NAME_BYTES}: 1"]
    for line in lines:
        head.parse_head(f"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n".encode())
    memory = head._known_name.cache_info()
    assert memory.currsize == memory.maxsize == 256
    before = memory.misses
    head.parse_head(f"GET / HTTP/1.1\r\nHost: a\r\n{lines[-1]}\r\n\r\n".encode())
    assert head._known_name.cache_info().misses <= before + 1  # that of Host
