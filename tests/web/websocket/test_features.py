"""What a client asked for by name, over a real socket; and that who asked for nothing notices nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.later import end_tick
from tests.web.websocket.test_socket import masked, raw_socket, wait_until


async def join(lobby: Lobby, features: Any, user_id: int = 1, **claims: Any) -> tuple[Client, Any]:
    """A client whose handshake asks for features, and the data of the reply."""
    client = await lobby.connect()
    await client.command(
        "handshake", version="1", name="P", token=lobby.token(user_id, f"user{user_id}", **claims), features=features
    )
    accepted = await client.next()
    assert accepted["type"] == "handshake_accepted", accepted
    return client, accepted["data"]


async def make_room(lobby: Lobby, user_id: int, gamemode: str = "ffa") -> str:
    answer = await lobby.call(
        "POST", "/api/rooms", {"gamemode": gamemode}, token=lobby.token(user_id, f"user{user_id}")
    )
    assert answer.status == 201
    return str(answer.body["room"]["id"])


async def test_reply_names_the_features_that_are_known_and_the_timers(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(heartbeat_timeout_s=75.0)
    _, data = await join(lobby, ["rev", "telepathy", 5, "drain"])
    assert data["features"] == ["drain", "rev"]
    assert data["heartbeat_s"] == 30.0
    assert 3590 <= data["token_ttl_s"] <= 3600


@pytest.mark.parametrize("features", [None, [], "rev", {"rev": True}, 5])
async def test_who_asks_for_nothing_gets_the_base_protocol_to_the_byte(lobby: Lobby, features: Any) -> None:
    client, data = await join(lobby, features)
    assert data == {"peer_id": 0, "user_id": 1, "username": "user1"}
    await client.fence()
    await make_room(lobby, 2)
    assert await client.next_raw() == '{"type":"rooms_changed","data":{}}'


async def test_unknown_names_only_still_answer_with_an_empty_list(lobby: Lobby) -> None:
    _, data = await join(lobby, ["telepathy"])
    assert data["features"] == []


async def test_rev_carries_the_revision_that_a_fetch_then_has(lobby: Lobby) -> None:
    client, _ = await join(lobby, ["rev"])
    await client.fence()
    await make_room(lobby, 2)
    data = await client.expect("rooms_changed")
    assert data["fetch_within_ms"] == 0  # one client needs no window
    answer = await lobby.call("GET", "/api/rooms", headers={"If-None-Match": f'"{data["rev"]}"'})
    assert answer.status == 304


async def test_delta_follows_the_list_without_a_fetch(lobby: Lobby) -> None:
    old = await make_room(lobby, 8, "old")
    client, _ = await join(lobby, ["rooms_delta", "presence_batch"])
    snapshot = (await client.next())["data"]
    assert [room["id"] for room in snapshot["rooms"]] == [old]
    new = await make_room(lobby, 9, "new")
    delta = await client.expect("rooms_delta")
    assert delta["base"] == snapshot["rev"]
    assert delta["gone"] == []
    assert [room["id"] for room in delta["set"]] == [new]
    assert delta["set"][0] == (await lobby.call("GET", f"/api/rooms/{new}")).body
    await lobby.call("DELETE", f"/api/rooms/{old}", token=lobby.token(8, "user8"))
    second = await client.expect("rooms_delta")
    assert (second["base"], second["set"], second["gone"]) == (delta["rev"], [], [old])


async def test_resync_gets_a_snapshot_and_only_for_those_who_follow(lobby: Lobby) -> None:
    follower, _ = await join(lobby, ["rooms_delta"], 1)
    await follower.fence()
    await make_room(lobby, 9)
    await follower.command("rooms_resync")
    snapshot = await follower.expect("rooms_snapshot")
    assert len(snapshot["rooms"]) == 1
    base = await lobby.connect(lobby.token(2, "bob"))
    await base.command("rooms_resync")
    assert (await base.next())["data"] == {"reason": "unknown_type"}


async def test_presence_comes_in_batches_and_a_flap_within_a_tick_is_nobody(lobby: Lobby) -> None:
    lobby.server.app.fanout._tick_s = 3600.0  # the first comes at once, and the next ones when the test ends them
    watcher, _ = await join(lobby, ["presence_batch"])
    first = await watcher.next()
    assert first == {
        "type": "presence_changed",
        "data": {"online": [{"user_id": 1, "username": "user1"}], "offline": []},
    }
    stays = await lobby.connect(lobby.token(2, "bob"))
    flaps = await lobby.connect(lobby.token(3, "cleo"))
    flaps.connection.close()
    await flaps.closed()
    await wait_until(lambda: len(lobby.server.app.sessions) == 2)
    end_tick(lobby)
    batch = (await watcher.next())["data"]
    assert batch["online"] == [{"user_id": 2, "username": "bob"}]
    assert batch["offline"] == []
    stays.connection.close()
    await wait_until(lambda: len(lobby.server.app.sessions) == 1)
    end_tick(lobby)
    assert (await watcher.next())["data"] == {"online": [], "offline": [{"user_id": 2, "username": "bob"}]}


async def test_friends_mode_hears_no_strangers_but_their_number(lobby: Lobby) -> None:
    client, _ = await join(lobby, ["presence_friends"])
    assert await client.expect("player_count") == {"online": 1}
    await lobby.connect(lobby.token(2, "bob"))
    assert await client.next() == {"type": "player_count", "data": {"online": 2}}


async def test_drain_gives_each_who_asked_a_slot_before_the_close(start_lobby: StartLobby) -> None:
    lobby = await start_lobby()
    clients = [(await join(lobby, ["drain"], number))[0] for number in range(3)]
    base = await lobby.connect(lobby.token(9, "base"))
    for client in clients:
        await client.fence()
    await base.fence()
    await lobby.server.drain()
    slots = [(await client.expect("server_draining"))["reconnect_after_ms"] for client in clients]
    assert len(set(slots)) == 3
    assert await base.closed() == 1001
    assert [await client.closed() for client in clients] == [1012] * 3


async def test_token_that_ends_is_told_of_and_refreshed_on_the_open_socket(lobby: Lobby) -> None:
    client, data = await join(lobby, ["refresh"], exp=time.time() + 50)
    assert data["token_ttl_s"] <= 50
    await client.expect("token_expiring")
    await client.command("refresh", token="nonsense")
    assert (await client.next())["data"] == {"reason": "invalid_token", "detail": "The token does not verify."}
    await client.command("refresh", token=lobby.token(2, "somebody else"))
    assert (await client.next())["data"] == {"reason": "invalid_token", "detail": "The token is of another user."}
    await client.command("refresh", token=lobby.token(1, "user1"))
    assert (await client.expect("refreshed"))["token_ttl_s"] > 3500


async def test_one_that_does_not_read_is_closed_as_slow_and_the_others_hear_on(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(command_rate_per_s=0.0, auth_rate_per_min=0.0)
    for user_id in range(100, 160):
        await make_room(lobby, user_id, "x" * 60)
    ann = await lobby.connect(lobby.token(1, "ann"))
    with raw_socket(lobby, lobby.token(2, "bob")) as peer:
        await ann.expect("user_online", user_id=2)
        session = next(session for session in lobby.server.app.sessions if session.user.id == 2)
        # Small buffers, so that little has to be said before they are full.
        session.transport._wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # type: ignore[attr-defined]
        session.features = frozenset({*session.features, *_all_features()})
        peer.setblocking(False)
        question = masked(json.dumps({"type": "rooms_resync"}).encode())
        loop = asyncio.get_running_loop()
        while lobby.server.app.metrics.closes[4002] == 0:
            await asyncio.wait_for(loop.sock_sendall(peer, question), PATIENCE_S)
            await asyncio.sleep(0)
        await ann.expect("user_offline", user_id=2)


def _all_features() -> set[Any]:
    from lobby_server.protocol.features import Feature

    return set(Feature)


async def test_metrics_count_what_the_fan_out_sent(lobby: Lobby) -> None:
    ann = await lobby.connect(lobby.token(1, "ann"))
    await lobby.connect(lobby.token(2, "bob"))
    await ann.expect("user_online", user_id=2)

    async def frames_out() -> float:
        text = (await lobby.call("GET", "/metrics")).body.decode()
        (line,) = [line for line in text.splitlines() if line.startswith("lobby_frames_out_total ")]
        return float(line.split()[1])

    before = await frames_out()
    await make_room(lobby, 3)
    await ann.expect("rooms_changed")
    await wait_until(lambda: not lobby.server.app.fanout._deliveries)
    assert await frames_out() == before + 2
