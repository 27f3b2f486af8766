"""The base protocol over a real socket: handshake, presence, heartbeat, errors, close codes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import socket
import time
from typing import Any

import jwt
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from tests.patience import PATIENCE_S
from tests.web.conftest import SECRET, Lobby, StartLobby
from tests.web.later import pass_in_silence


@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_handshake_is_accepted_and_its_own_user_online_follows(lobby: Lobby, path: str) -> None:
    client = await lobby.connect(path=path)
    await client.command("handshake", version="13020", name="another name", token=lobby.token(123, "PlayerName"))
    assert (
        await client.next_raw()
        == '{"type":"handshake_accepted","data":{"peer_id":0,"user_id":123,"username":"PlayerName"}}'
    )
    assert await client.next_raw() == '{"type":"user_online","data":{"user_id":123,"username":"PlayerName"}}'


async def test_presence_is_told_to_those_accepted_and_to_nobody_else(lobby: Lobby) -> None:
    stranger = await lobby.connect()
    ann = await lobby.connect(lobby.token(1, "ann"))
    bob = await lobby.connect(lobby.token(2, "bob"))
    assert (await ann.next())["data"] == {"user_id": 2, "username": "bob"}
    bob.connection.close()
    assert await ann.next_raw() == '{"type":"user_offline","data":{"user_id":2,"username":"bob"}}'
    assert await stranger.fence() == []


async def test_second_tab_changes_nothing_for_others(lobby: Lobby) -> None:
    ann = await lobby.connect(lobby.token(1, "ann"))
    token = lobby.token(2, "bob")
    first, second = await lobby.connect(token), await lobby.connect(token)
    first.connection.close()
    await first.closed()
    assert [message["type"] for message in await ann.fence()] == ["user_online"]
    second.connection.close()
    assert (await ann.next())["type"] == "user_offline"


async def test_abrupt_loss_within_the_grace_period_passes_unseen(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(presence_grace_s=30.0)
    ann = await lobby.connect(lobby.token(1, "ann"))
    bob = await lobby.connect(lobby.token(2, "bob"))
    assert (await ann.next())["type"] == "user_online"
    bob.connection.protocol._abort()  # as a network that goes away: no close frame
    await wait_until(lambda: len(lobby.server.app.sessions) == 1)
    await lobby.connect(lobby.token(2, "bob"))
    assert await ann.fence() == []
    assert lobby.server.app.presence.flaps_suppressed == 1


async def test_ping_is_answered_with_the_time_before_and_after_acceptance(lobby: Lobby) -> None:
    client = await lobby.connect()
    await client.command("ping")
    pong = await client.next()
    assert pong["type"] == "pong"
    assert abs(pong["data"]["ts"] - time.time() * 1000) < 60_000
    assert isinstance(pong["data"]["ts"], int)


def forged(algorithm: str, key: str, **claims: Any) -> str:
    return jwt.encode({"userId": 1, "username": "ann", "exp": time.time() + 60, **claims}, key, algorithm)


def unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'userId': 1, 'username': 'ann', 'exp': 9999999999})}."


BAD_TOKENS = {
    "wrong signature": forged("HS256", "another secret that is long enough for HS256"),
    "expired": forged("HS256", SECRET, exp=time.time() - 1),
    "alg none": unsigned(),
    "other algorithm": forged("HS384", SECRET + SECRET),
    "no expiry": forged("HS256", SECRET, exp=None),
    "no user": forged("HS256", SECRET, userId=None),
    "user is text": forged("HS256", SECRET, userId="1"),
    "user is a truth": forged("HS256", SECRET, userId=True),
    "no name": forged("HS256", SECRET, username=""),
    "not a token": "abc",
    "a number": 5,
    "an object": {"a": 1},
    "very long": "a." * 500,
    "not ASCII": "é.é.é",
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_token_that_does_not_verify_is_refused_and_the_next_try_may_hold(lobby: Lobby, token: Any) -> None:
    client = await lobby.connect()
    assert await client.handshake(token) == {"type": "error", "data": {"reason": "invalid_token"}}
    assert (await client.handshake(lobby.token()))["type"] == "handshake_accepted"


@pytest.mark.parametrize("data", [{}, {"token": None}, {"token": ""}])
async def test_missing_token_is_authentication_required(lobby: Lobby, data: dict[str, Any]) -> None:
    client = await lobby.connect()
    await client.send({"type": "handshake", "data": {"version": "1", "name": "P", **data}})
    assert (await client.next())["data"] == {"reason": "authentication_required"}


async def test_third_refused_handshake_is_the_last(lobby: Lobby) -> None:
    client = await lobby.connect()
    for _ in range(3):
        assert (await client.handshake("nonsense"))["data"] == {"reason": "invalid_token"}
    assert await client.closed() == 4501


async def test_nothing_accepted_in_time_is_closed(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(handshake_timeout_s=0.1)
    client = await lobby.connect()
    assert await client.closed() == 4001


async def test_guest_sees_replies_only_where_guests_are_allowed(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(allow_guests=True)
    guest = await lobby.connect()
    await guest.command("handshake", version="1", name="Visitor")
    assert (await guest.next())["data"] == {"peer_id": 0, "user_id": None, "username": "Visitor"}
    await lobby.connect(lobby.token(2, "bob"))
    await guest.command("create_room")
    assert [message["data"] for message in await guest.fence()] == [{"reason": "authentication_required"}]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("{", "bad_json"),
        ("[1]", "bad_json"),
        ('{"type":5}', "bad_json"),
        ('{"type":"ping","data":[]}', "bad_json"),
        (b"\x00\x01", "bad_json"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":"join_room","data":{"roomId":1}}', "invalid_join_room"),
        ('{"type":"kick","data":{"peerId":"x"}}', "invalid_target"),
        ('{"type":"join_room","data":{"roomId":"no","version":"1","name":"P"}}', "room_not_found"),
        ('{"type":"create_room","data":{}}', "no_room_found"),
        ('{"type":"leave_room","data":{}}', "not_in_room"),
        ('{"type":"chat","data":{"text":"hi"}}', "not_in_room"),
        ('{"type":"kick","data":{"peerId":1}}', "not_in_room"),
        ('{"type":"handshake","data":{"version":"1","name":"P","token":"x"}}', "invalid_handshake"),
    ],
)
async def test_bad_message_has_its_error_and_the_socket_stays_open(lobby: Lobby, raw: str | bytes, reason: str) -> None:
    client = await lobby.connect(lobby.token())
    await client.send(raw, binary=isinstance(raw, bytes))
    assert await client.fence() == [{"type": "error", "data": {"reason": reason}}]


@pytest.mark.parametrize("type_", ["create_room", "join_room", "leave_room", "chat", "kick"])
async def test_command_before_acceptance_needs_authentication(lobby: Lobby, type_: str) -> None:
    client = await lobby.connect()
    await client.command(type_, roomId="x", version="1", name="P", text="hi", peerId=1)
    assert (await client.next())["data"] == {"reason": "authentication_required"}


async def test_message_over_the_limit_closes_1009_and_one_at_the_limit_does_not(lobby: Lobby) -> None:
    client = await lobby.connect(lobby.token())
    shell = json.dumps({"type": "ping", "data": {"x": ""}})
    await client.send(shell[:-3] + "y" * (4096 - len(shell)) + shell[-3:])
    assert (await client.next())["type"] == "pong"
    await client.send(shell[:-3] + "y" * (4097 - len(shell)) + shell[-3:])
    assert await client.closed() == 1009


async def test_huge_message_ends_its_own_connection_only(lobby: Lobby) -> None:
    ann = await lobby.connect(lobby.token(1, "ann"))
    bob = await lobby.connect(lobby.token(2, "bob"))
    with contextlib.suppress(WebSocketClosedError):  # the server does not read all of it
        await bob.send("x" * 5_000_000)
    await bob.closed()
    await ann.expect("user_offline", user_id=2)


async def test_too_many_messages_are_limited_then_closed(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(command_rate_per_s=5.0)
    client = await lobby.connect(lobby.token())
    while not lobby.server.app.metrics.closes[4003]:
        await asyncio.gather(*(client.command("ping") for _ in range(60)))
    reasons = []
    while (message := await client.next()) is not None:
        reasons.append(message["data"].get("reason", "pong"))
    assert "rate_limited" in reasons
    assert client.close_code == 4003


async def test_too_many_malformed_messages_close_4501(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(command_rate_per_s=0.0)
    client = await lobby.connect(lobby.token())
    for _ in range(60):
        await client.send("{")
    assert await client.closed() == 4501


async def test_silent_peer_is_closed_and_announced(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(heartbeat_timeout_s=600.0)
    ann = await lobby.connect(lobby.token(1, "ann"))  # answers protocol pings by itself
    (here,) = lobby.server.app.sessions
    with raw_socket(lobby, lobby.token(2, "bob")):  # answers nothing
        await ann.expect("user_online", user_id=2)
        pass_in_silence(lobby, 400.0)  # after which both are asked
        asked_s = here.last_heard_s
        await wait_until(lambda: here.last_heard_s > asked_s)
        pass_in_silence(lobby, 250.0)
        await ann.expect("user_offline", user_id=2)
    assert lobby.server.app.metrics.closes[4004] == 1
    assert await ann.fence() == []


async def test_several_messages_in_one_segment_are_all_answered(lobby: Lobby) -> None:
    with raw_socket(lobby, lobby.token()) as peer:
        peer.sendall(masked(b'{"type":"ping"}') * 3)
        loop = asyncio.get_running_loop()
        received = b""
        while received.count(b'"pong"') < 3:
            peer.setblocking(False)
            received += await asyncio.wait_for(loop.sock_recv(peer, 65_536), PATIENCE_S)


async def test_fragmented_message_is_put_together(lobby: Lobby) -> None:
    with raw_socket(lobby, lobby.token()) as peer:
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(peer, masked(b'{"type":', first=0x01) + masked(b'"ping"}', first=0x80))
        received = b""
        while b'"pong"' not in received:
            received += await asyncio.wait_for(loop.sock_recv(peer, 65_536), PATIENCE_S)


async def test_over_the_connection_limit_is_503_with_retry_after(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(max_connections=1)
    await lobby.connect()
    with pytest.raises(HTTPClientError) as refused:
        await lobby.connect()
    assert refused.value.code == 503
    assert refused.value.response is not None
    assert int(refused.value.response.headers["Retry-After"]) > 0


async def test_page_of_another_host_is_refused_unless_allowed(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(allowed_origins="https://game.example")
    url = f"ws://127.0.0.1:{lobby.server.port}/ws"
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(url, headers={"Origin": "https://evil.example"}))
    assert refused.value.code == 403
    allowed = await websocket_connect(HTTPRequest(url, headers={"Origin": "https://game.example"}))
    allowed.close()


async def test_compression_is_off_and_can_be_switched_on(start_lobby: StartLobby) -> None:
    plain = await start_lobby()
    offered = await plain.connect(plain.token(), compression_options={})
    assert "Sec-WebSocket-Extensions" not in offered.connection.headers
    packed = await start_lobby(compression=True)
    client = await packed.connect(packed.token(2, "bob"), compression_options={})
    assert "permessage-deflate" in client.connection.headers["Sec-WebSocket-Extensions"]
    assert await client.fence() == []


async def test_logout_closes_the_sockets_of_that_token_and_of_no_other(lobby: Lobby) -> None:
    ann = await lobby.connect(lobby.token(1, "ann"))
    token, other = lobby.token(2, "bob"), lobby.token(2, "bob")
    signed_out, stays = await lobby.connect(token), await lobby.connect(other)
    assert (await lobby.call("POST", "/api/auth/logout", token=token)).status == 204
    assert await signed_out.closed() == 4502
    assert await stays.fence() == []
    assert [message["type"] for message in await ann.fence()] == ["user_online"]
    assert (await lobby.call("POST", "/api/auth/logout", token=other)).status == 204
    assert (await ann.next())["type"] == "user_offline"
    client = await lobby.connect()
    assert (await client.handshake(token))["data"] == {"reason": "invalid_token"}


@pytest.mark.parametrize("settings", [{}, {"compression": True}])
async def test_drain_closes_clients_without_features_with_1001_and_announces_nobody_offline(
    start_lobby: StartLobby, settings: dict[str, bool]
) -> None:
    lobby = await start_lobby(**settings)
    clients = [await lobby.connect(lobby.token(number, f"user{number}")) for number in range(3)]
    for client in clients:
        await client.fence()
    clients.append(await lobby.connect())  # not accepted yet
    await lobby.server.drain()
    for client in clients:
        assert await client.next() is None
        assert client.close_code == 1001


@pytest.mark.parametrize("settings", [{}, {"compression": True}])
async def test_drain_closes_clients_with_a_feature_with_1012(
    start_lobby: StartLobby, settings: dict[str, bool]
) -> None:
    lobby = await start_lobby(**settings)
    client = await lobby.connect()
    await client.command("handshake", version="1", name="P", token=lobby.token(), features=["rev"])
    await client.expect("handshake_accepted")
    await lobby.server.drain()
    assert await client.closed() == 1012


# -- help ---------------------------------------------------------------------------------------------------------


async def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


def masked(payload: bytes, *, first: int = 0x81) -> bytes:
    """A client frame; the mask is zero, which leaves the payload as it is."""
    assert len(payload) < 126 or len(payload) < 65_536
    if len(payload) < 126:
        return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload
    return bytes((first, 0x80 | 126)) + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload


def raw_socket(lobby: Lobby, token: str) -> socket.socket:
    """A socket upgraded by hand whose handshake is sent: it answers nothing by itself."""
    peer = socket.create_connection(("127.0.0.1", lobby.server.port))
    key = base64.b64encode(hashlib.md5(b"key").digest()).decode()
    handshake = json.dumps({"type": "handshake", "data": {"version": "1", "name": "P", "token": token}}).encode()
    peer.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{lobby.server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        + masked(handshake)
    )
    return peer


async def test_flood_of_control_frames_counts_against_the_limit(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(command_rate_per_s=10.0)
    with raw_socket(lobby, lobby.token()) as peer:
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            for first in [0x01] + [0x00] * 49:  # pongs between the parts of one message
                await loop.sock_sendall(peer, masked(b"", first=0x8A) * 5 + masked(b"x", first=first))
                await asyncio.sleep(0)
        received = b""
        while re.search(rb"\x88.\x0f\xa3", received) is None:  # a close frame with 4003
            part = await asyncio.wait_for(loop.sock_recv(peer, 65_536), PATIENCE_S)
            assert part, received
            received += part


@pytest.mark.parametrize(
    ("payload", "answer"), [(b"", 1000), (b"\x03\xe8bye", 1000), (b"\x03", 1002), (b"\x03\xee", 1002)]
)
async def test_close_is_answered_with_its_code_if_that_may_be_sent(lobby: Lobby, payload: bytes, answer: int) -> None:
    with raw_socket(lobby, lobby.token()) as peer:
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(peer, masked(payload, first=0x88))
        received = b""
        while part := await asyncio.wait_for(loop.sock_recv(peer, 65_536), PATIENCE_S):
            received += part
    assert received.endswith(b"\x88\x02" + answer.to_bytes(2, "big"))
