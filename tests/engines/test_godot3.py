"""Godot 3.2.3, the engine of the specification's client, against a real server process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.engines.crowd import storm
from tests.engines.godot import running_godot
from tests.process.clients import call, connect, register, token_of, wait_until

pytestmark = pytest.mark.system


UNHURRIED = [
    "--command-rate-per-s", "0", "--empty-room-ttl-s", "3600", "--handshake-timeout-s", "600",
    "--heartbeat-timeout-s", "600",
]  # fmt: skip
"""It takes time to make hundreds of rooms, and to open 1,500 sockets that answer nothing, on a machine with other work:
the first of them are to be there when the last one is."""


def test_client_without_features_notices_the_drain_and_is_back_on_the_next_server(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path / "data")
    with target.running():
        account = register(target, "ada").body["user"]
        with running_godot(tmp_path, http_url=target.http_url, retry_s=0.2) as godot:
            godot.log_in("ada", "a password")
            godot.do("connect")
            godot.expect(signal="connection_established")
            godot.expect(signal="user_status_changed", user_id=account["id"], is_online=True)
            assert target.stop(signal.SIGTERM) == 0
            godot.expect(signal="connection_lost")
            target.start()
            godot.expect(signal="connection_established")
            other = connect(target, token_of(target, 77, "other"))
            godot.expect(signal="user_status_changed", user_id=77, is_online=True)
            other.close()
    assert "ERROR" not in target.log_path.read_text()


def test_storm_of_logins_loses_no_event_in_the_engine(tmp_path: Path) -> None:
    one_tick = ["--tick-ms", "1000"]  # without the limit the whole storm is one tick, and a third of it is lost
    target = Target(data_dir=tmp_path / "data", flags=[*UNHURRIED, *one_tick])
    with target.running(), running_godot(tmp_path, http_url=target.http_url, is_polled=True) as godot:
        godot.do("use_token", token=token_of(target, 1, "ada"))
        godot.do("connect")
        godot.expect(signal="connection_established")
        godot.expect(signal="user_status_changed", user_id=1)
        godot.do("count")
        with storm(target, 1500):
            wait_until(lambda: godot.counts().get("user_online", 0) >= 1500)


def test_lists_of_any_size_reach_the_engine_with_its_default_buffers(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path / "data", flags=UNHURRIED)
    with target.running():
        make_rooms(target, 400)
        features = ["rooms_delta", "presence_batch"]
        with running_godot(tmp_path, http_url=target.http_url, features=features) as godot:
            godot.do("use_token", token=token_of(target, 1, "ada"))
            godot.do("count")
            godot.do("connect")
            wait_until(lambda: godot.counts().get("rooms_snapshot", 0) >= 400)
            with storm(target, 1500):
                wait_until(lambda: godot.counts().get("presence_changed", 0) >= 1501)
                assert godot.counts() == {
                    "handshake_accepted": 1, "rooms_snapshot": 400, "presence_changed": 1501  # its own user among them
                }  # fmt: skip


def test_list_in_five_parts_fits_between_two_polls_once_the_engine_has_the_room(tmp_path: Path) -> None:
    """Read by hand after each poll, the engine keeps 64 KiB by default: two parts of the list, and the rest is lost."""
    target = Target(data_dir=tmp_path / "data", flags=UNHURRIED)
    with target.running():
        make_rooms(target, 600)
        features = ["rooms_delta", "presence_batch"]
        polled = running_godot(tmp_path, http_url=target.http_url, features=features, is_polled=True, buffer_kib=256)
        with polled as godot:
            godot.do("use_token", token=token_of(target, 1, "ada"))
            godot.do("count")
            godot.do("connect")
            wait_until(lambda: godot.counts().get("rooms_snapshot", 0) >= 600)


def make_rooms(target: Target, count: int) -> None:
    for number in range(count):
        wish = {"gamemode": f"game mode number {number}", "mapName": "a map with a name of some length"}
        token = token_of(target, number + 10, f"host{number}")
        assert call(target, "POST", "/api/rooms", wish, token=token).status == 201


@pytest.mark.parametrize("is_binary", [False, True], ids=["text", "binary"])
def test_game_of_the_engine_plays_comes_back_and_is_signed_out(tmp_path: Path, is_binary: bool) -> None:
    target = Target(data_dir=tmp_path / "data")
    with target.running(), running_godot(tmp_path, http_url=target.http_url, is_binary=is_binary) as godot:
        registered = godot.request("POST", "/api/auth/register", {"username": "ada", "password": "a password"})
        assert registered["status"] == 201
        godot.do("use_token", token=registered["body"]["token"])
        godot.do("connect")
        godot.expect(signal="connection_established")
        made = godot.request("POST", "/api/rooms", {"gamemode": "ffa", "maxPlayers": 4})
        assert (made["status"], made["body"]["room"]["max_players"]) == (201, 4)
        godot.do("send", type="create_room", data={})
        godot.expect_message("room_created", roomId=made["body"]["room"]["id"], peerId=1)
        bob = connect(target, token_of(target, 77, "bob"))
        wish = {"roomId": made["body"]["room"]["id"], "version": "13020", "name": "bob"}
        bob.send(json.dumps({"type": "join_room", "data": wish}))
        godot.expect_message("peer_joined", peerId=2, name="bob")
        godot.do("send", type="chat", data={"text": "welcome"})
        godot.expect_message("chat", text="welcome")
        godot.do("send", type="kick", data={"peerId": 2})
        godot.expect_message("peer_left", peerId=2)
        bob.close()
        for ending in (signal.SIGTERM, signal.SIGKILL):
            target.stop(ending)
            godot.expect(signal="connection_lost")
            target.start()
            godot.expect(signal="connection_established")
        godot.do("request", method="POST", path="/api/auth/logout", body=None)
        godot.expect(signal="connection_lost")
        godot.expect_message("error", reason="invalid_token")  # its own retry: the token is over
