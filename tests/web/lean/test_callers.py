"""Connections that ask for the room list: kept, bounded, and given to whoever has to do with what else comes."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter

import pytest

from lobby_server.core.presence import User
from lobby_server.protocol.requests import RoomWish
from lobby_server.server import IDLE_CONNECTION_S
from lobby_server.web.api.rooms import RoomsHandler
from lobby_server.web.lean import room_list
from lobby_server.web.lean.callers import Caller, Callers
from lobby_server.web.lean.room_list import MAX_KNOWN_HEADS, MAX_READY
from lobby_server.web.websocket import handover
from tests.web.conftest import Lobby, StartLobby
from tests.web.later import pass_for
from tests.web.websocket.ways import Peer, start_way, upgrade

GET = b"GET /api/rooms HTTP/1.1\r\nHost: lobby.test\r\n\r\n"
STATS = GET.replace(b"rooms", b"stats")


def callers_of(lobby: Lobby) -> Callers:
    assert lobby.server._callers is not None
    return lobby.server._callers


async def caller(lobby: Lobby) -> Peer:
    """A connection that has its first list."""
    peer = await Peer.connect(lobby)
    await peer.send(GET)
    assert (await peer.response())[0] == 200
    return peer


async def make_rooms(lobby: Lobby, count: int, *, first: int = 0) -> None:
    assert lobby.server.app is not None
    for number in range(first, first + count):
        await lobby.server.app.rooms.create_room(User(number, f"user{number}"), RoomWish(gamemode="ffa"))


async def test_requests_that_come_together_are_answered_in_their_order(lobby: Lobby) -> None:
    await make_rooms(lobby, 2)
    peer = await caller(lobby)
    etag = lobby.server.app.room_list.etag() if lobby.server.app is not None else ""
    unchanged = GET.replace(b"\r\n\r\n", f"\r\nIf-None-Match: {etag}\r\n\r\n".encode())
    await peer.send((GET + unchanged) * 20 + STATS + GET)
    assert [(await peer.response())[0] for _ in range(42)] == [200, 304] * 20 + [200, 200]


async def test_request_in_pieces_is_answered_and_the_connection_goes_on(lobby: Lobby) -> None:
    peer = await caller(lobby)
    for cut in (1, 20, len(GET) - 1):
        await peer.send(GET[:cut])
        await asyncio.sleep(0.01)
        await peer.send(GET[cut:] + GET)
        assert [(await peer.response())[0] for _ in range(2)] == [200, 200]
    assert len(callers_of(lobby)) == 1


async def test_list_that_changed_within_the_second_is_the_new_one(lobby: Lobby) -> None:
    peer = await caller(lobby)
    seen = []
    for number in range(5):
        await make_rooms(lobby, 1, first=number)
        await peer.send(GET)
        _, fields, body = await peer.response()
        seen.append((body["count"], fields["etag"]))
    assert [count for count, _ in seen] == [1, 2, 3, 4, 5]
    assert len({etag for _, etag in seen}) == 5


@pytest.mark.parametrize("way", ["bare", "tls"])
async def test_who_does_not_read_is_not_answered_further_and_gets_everything_once_they_do(
    start_lobby: StartLobby, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = await start_way(start_lobby, way)
    await make_rooms(lobby, 60)
    served = Counter[str]()
    serve = Caller.serve

    def counted(self: Caller, request: room_list.ListRequest, rest: bytes) -> None:
        served["lists"] += 1
        serve(self, request, rest)

    monkeypatch.setattr(Caller, "serve", counted)
    peer = await caller(lobby)
    asked = 3000
    peer.writer.write(GET * asked)
    before = -1
    while before != served["lists"]:
        before = served["lists"]
        await asyncio.sleep(0.05)
    assert served["lists"] < asked
    for _ in range(asked):
        status, _, body = await peer.response()
        assert (status, body["count"]) == (200, 60)


async def test_a_turn_answers_a_bounded_number_and_everybody_has_their_turn(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = [await caller(lobby) for _ in range(24)]
    entrance = callers_of(lobby).entrance
    monkeypatch.setattr(entrance, "_per_turn", 4)
    monkeypatch.setattr(entrance, "_left", 4)
    turn, in_turn = 0, Counter[int]()
    serve = Caller.serve

    def counted(self: Caller, request: room_list.ListRequest, rest: bytes) -> None:
        in_turn[turn] += 1
        serve(self, request, rest)

    async def turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    monkeypatch.setattr(Caller, "serve", counted)
    ticking = asyncio.create_task(turns())
    try:
        for peer in peers:
            peer.writer.write(GET * 3)
        peers[0].writer.transport.abort()
        statuses = [(await peer.response())[0] for peer in peers[1:] for _ in range(3)]
    finally:
        ticking.cancel()
    assert statuses == [200] * 69
    assert max(in_turn.values()) <= 4


async def test_socket_may_come_behind_a_list(lobby: Lobby) -> None:
    peer = await caller(lobby)
    await peer.send(GET + upgrade())
    assert (await peer.response())[0] == 200
    assert (await peer.response_head())[0] == 101
    await peer.say("ping")
    await peer.expect("pong")
    assert len(callers_of(lobby)) == 0


async def test_request_that_is_not_well_formed_is_refused_behind_a_list_too(lobby: Lobby) -> None:
    peer = await caller(lobby)
    await peer.send(GET.replace(b"Host:", b"Host :"))
    status, fields, body = await peer.response()
    assert (status, body["code"], fields["connection"]) == (400, "invalid_request", "close")
    await peer.ended()


async def test_connection_of_tornados_comes_back_once_it_asks_for_the_list_again(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[str] = []
    original = RoomsHandler.get

    @functools.wraps(original)
    async def counted(self: RoomsHandler) -> None:
        handled.append(self.request.uri or "")
        await original(self)

    monkeypatch.setattr(RoomsHandler, "get", counted)
    peer = await Peer.connect(lobby)
    answers = []
    for request in (STATS, GET, GET, GET, STATS, GET, STATS, GET, GET):
        await peer.send(request)
        answers.append((await peer.response())[2])
    assert len(handled) == 3
    assert all(answers[number] == answers[1] for number in (1, 2, 3, 5, 7, 8))
    assert len(callers_of(lobby)) == 1


async def test_idle_connection_ends_and_one_that_asks_does_not(lobby: Lobby) -> None:
    idle, asking = [await caller(lobby) for _ in range(2)]
    for _ in range(3):
        await asking.send(GET)
        assert (await asking.response())[0] == 200
        pass_for(callers_of(lobby).idle, 0.6 * IDLE_CONNECTION_S)
    await idle.ended()
    await asking.send(GET)
    assert (await asking.response())[0] == 200


async def test_idle_connections_give_way_to_sockets(start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "IDLE_S", 0.05)
    lobby = await start_lobby(max_connections=2)
    idle = [await caller(lobby) for _ in range(2)]
    await asyncio.sleep(0.1)
    clients = [await lobby.connect() for _ in range(2)]
    for peer in idle:
        await peer.ended()
    assert [await client.fence() for client in clients] == [[], []]
    assert len(callers_of(lobby)) == 0


async def test_caller_of_a_server_that_drains_is_told_that_the_connection_ends(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(drain_s=60.0)
    assert lobby.server.app is not None
    asking, idle = [await caller(lobby) for _ in range(2)]
    deaf = await Peer.open(lobby)  # answers no close frame, so that the drain takes its time
    draining = asyncio.create_task(lobby.server.drain())
    while not lobby.server.app.drain.is_begun:
        await asyncio.sleep(0.005)
    await asking.send(GET)
    status, fields, _ = await asking.response()
    assert (status, fields["connection"]) == (200, "close")
    assert not draining.done()
    deaf.writer.transport.abort()
    await draining
    for peer in (asking, idle):
        await peer.ended()


async def test_however_many_heads_and_filters_there_are_a_bounded_number_is_kept(lobby: Lobby) -> None:
    await make_rooms(lobby, 1)
    lists = callers_of(lobby).lists
    peer = await caller(lobby)
    requests = [
        f"GET /api/rooms?gamemode=mode{number} HTTP/1.1\r\nHost: lobby.test\r\nX-Number: {number}\r\n\r\n".encode()
        for number in range(MAX_KNOWN_HEADS + 100)
    ]
    most_known = most_ready = 0
    for request in requests:
        await peer.send(request)
        assert (await peer.response())[2]["count"] == 0
        most_known, most_ready = max(most_known, len(lists._known)), max(most_ready, len(lists._ready))
    assert most_known == MAX_KNOWN_HEADS
    assert most_ready <= MAX_READY
    await peer.send(GET.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"x" * room_list.MAX_KNOWN_HEAD_BYTES + b"\r\n\r\n"))
    assert (await peer.response())[2]["count"] == 1
    assert max(map(len, lists._known)) <= room_list.MAX_KNOWN_HEAD_BYTES
