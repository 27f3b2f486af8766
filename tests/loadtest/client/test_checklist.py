"""The testing checklist of the specification, row by row: two clients and a real server process."""

import logging
import re
import socket
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import websocket

import loadtest.client
from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from loadtest.client import (
    AuthenticationManager,
    ConnectionManager,
    FixedReconnect,
    KeepAliveHttp,
    LobbyApi,
    PollingServerList,
    ServerList,
    Timing,
    TokenFileState,
)
from lobby_server.protocol import messages
from tests.loadtest.fakes import DEADLINE_S, wait_for
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system

PASSWORD = "correct horse"


@dataclass
class Game:
    """A game as the seed has it: accounts, a connection, the list of rooms."""

    api: LobbyApi
    connection: ConnectionManager
    accounts: AuthenticationManager
    server_list: ServerList
    statuses: list[tuple[int, bool]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    heard: list[messages.ServerMessage] = field(default_factory=list)

    @property
    def user_id(self) -> int:
        assert self.connection.user_id is not None
        return self.connection.user_id

    @property
    def token(self) -> str:
        assert self.accounts.token is not None
        return self.accounts.token

    def log_in(self, name: str) -> None:
        self.accounts.register(username=name, password=PASSWORD)
        assert self.connection.wait_until_connected(DEADLINE_S)

    def holds(self, room_id: str) -> bool:
        return any(room.id == room_id for room in self.server_list.rooms)


FLAGS = ["--auth-rate-per-min", "0", "--log-level", "debug"]
TRIES = 3
"""Of what a busy machine may hold up, and a client or a server that is wrong would each time."""


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(flags=FLAGS) as target:
        yield target


@pytest.fixture
def open_game(tmp_path: Path) -> Iterator[Callable[..., Game]]:
    games: list[Game] = []

    def make(target: Target, timing: Timing | None = None, stored_as: str | None = None) -> Game:
        api = LobbyApi(KeepAliveHttp(target.http_url))
        connection = ConnectionManager(
            url=target.ws_url, timing=timing or Timing(heartbeat_s=0.3), reconnect=FixedReconnect(interval_s=0.1)
        )
        token_file = tmp_path / stored_as if stored_as else None
        accounts = AuthenticationManager(api=api, connection=connection, token_file=token_file)
        game = Game(api, connection, accounts, ServerList(api=api, connection=connection))
        connection.user_status_changed.connect(lambda user_id, online: game.statuses.append((user_id, online)))
        connection.connection_refused.connect(lambda reason: game.refusals.append(reason))
        connection.message_received.connect(lambda message: game.heard.append(message))
        games.append(game)
        return game

    yield make
    for game in games:
        game.server_list.close()
        game.connection.disconnect_from_server()
    wait_for(lambda: not [thread for thread in _threads() if thread.startswith("lobby-")])
    for game in games:
        game.api.http.close()


def _threads() -> list[str]:

    return [thread.name for thread in threading.enumerate()]


def server_log_says(target: Target, pattern: str) -> bool:
    return re.search(pattern, target.log_path.read_text(encoding="utf-8")) is not None


def test_login_connects_the_websocket(target: Target, open_game, caplog: pytest.LogCaptureFixture):
    game = open_game(target)
    with caplog.at_level(logging.INFO, "loadtest.client"):
        game.log_in("connects")
    assert game.connection.is_connected
    assert game.connection.username == "connects"
    wait_for(lambda: (game.user_id, True) in game.statuses, what="the own user_online comes after the acceptance")
    assert "✅ Connected!" in caplog.text
    wait_for(lambda: server_log_says(target, r"authenticated user.*connects"))


def test_a_stored_token_connects_at_the_next_start(target: Target, open_game):
    first = open_game(target, stored_as="token")
    first.log_in("stored")
    first.connection.disconnect_from_server()
    second = open_game(target, stored_as="token")
    assert second.accounts.load_stored_token() is TokenFileState.LOADED
    assert second.connection.wait_until_connected(DEADLINE_S)
    assert second.connection.username == "stored"


def test_room_made_by_one_is_seen_by_the_other_within_a_second(target: Target, open_game):
    viewer, host = open_game(target), open_game(target)
    viewer.log_in("viewer")
    host.log_in("maker")
    for _ in range(TRIES):  # what is not a wait for a core may hold up one of them, not all
        with Stopwatch(target.pid) as making:
            room = host.api.create_room(host.token, gamemode="duel", map_name="canyon")
            wait_for(lambda room=room: viewer.holds(room.id), what="the viewer holds the room, without asking for it")
        with Stopwatch(target.pid) as deleting:
            host.api.delete_room(host.token, room.id)
            wait_for(lambda room=room: not viewer.holds(room.id), what="the room is gone from the viewer's list")
        if max(making.took_s, deleting.took_s) < 1.0:
            break
    assert making.took_s < 1.0
    assert deleting.took_s < 1.0


def test_polling_sees_the_room_too_only_later(target: Target, open_game):
    host = open_game(target)
    host.log_in("polled")
    room = host.api.create_room(host.token, gamemode="duel")
    polling = PollingServerList(api=LobbyApi(KeepAliveHttp(target.http_url)), interval_s=0.2, is_conditional=True)
    polling.start()
    wait_for(lambda: any(listed.id == room.id for listed in polling.rooms))
    polling.close()
    assert polling._thread is not None
    polling._thread.join(DEADLINE_S)  # it may be polling just now
    host.api.delete_room(host.token, room.id)
    polling._api.http.close()


def test_users_come_online_and_go_offline(target: Target, open_game):
    watcher, friend = open_game(target), open_game(target)
    watcher.log_in("watcher")
    friend.log_in("friend")
    wait_for(lambda: (friend.user_id, True) in watcher.statuses)
    wait_for(lambda: server_log_says(target, r"Broadcasting user_online.*friend"))
    friend.connection.disconnect_from_server()
    wait_for(lambda: watcher.statuses[-1] == (friend.user_id, False))
    wait_for(lambda: server_log_says(target, r"Broadcasting user_offline.*friend"))


def test_logout_is_seen_by_others_and_ends_the_token(target: Target, open_game):
    watcher, leaver = open_game(target), open_game(target)
    watcher.log_in("watches_out")
    leaver.log_in("logs_out")
    token, user_id = leaver.token, leaver.user_id
    assert leaver.accounts.logout()
    wait_for(lambda: (user_id, False) in watcher.statuses)
    assert leaver.refusals == []
    leaver.connection.connect_to_server(token)
    wait_for(lambda: leaver.refusals == ["invalid_token"])


def test_a_token_revoked_elsewhere_refuses_the_connection(target: Target, open_game):
    game = open_game(target)
    game.log_in("revoked")
    game.api.logout(game.token)
    wait_for(lambda: game.refusals == ["signed_out"])
    assert game.connection.counters.close_codes["4502"] == 1


def test_a_dropped_connection_comes_back(target: Target, open_game):
    watcher, dropper = open_game(target), open_game(target)
    watcher.log_in("sees_drop")
    dropper.log_in("drops")
    dropper.connection.drop_connection()
    wait_for(lambda: (dropper.user_id, False) in watcher.statuses)
    wait_for(lambda: watcher.statuses[-1] == (dropper.user_id, True))
    wait_for(lambda: dropper.connection.counters.reconnects == 1)  # the watcher may hear of it first


def test_two_players_meet_in_a_room(target: Target, open_game):
    host, guest = open_game(target), open_game(target)
    host.log_in("host_of_two")
    guest.log_in("guest_of_two")
    room = host.api.create_room(host.token, gamemode="duel", map_name="canyon")
    host.connection.create_room()
    wait_for(lambda: any(isinstance(message, messages.RoomCreated) for message in host.heard))
    guest.connection.join_room(room.id)
    wait_for(lambda: any(isinstance(message, messages.RoomJoined) for message in guest.heard))
    guest.connection.chat("hello")
    wait_for(lambda: any(isinstance(message, messages.Chat) for message in host.heard))
    host.connection.kick(2)
    wait_for(lambda: messages.Kicked() in guest.heard)
    host.connection.leave_room()


def test_a_restarted_server_gets_its_clients_back(open_game):
    with Target(port=free_port(), flags=["--drain-s", "0"]) as target:
        games = [open_game(target), open_game(target)]
        for number, game in enumerate(games):
            game.log_in(f"survivor_{number}")
        room = games[0].api.create_room(games[0].token, gamemode="duel")
        wait_for(lambda: all(game.holds(room.id) for game in games))
        target.stop()
        wait_for(lambda: not any(game.connection.is_connected for game in games))
        attempts = [game.connection.counters.attempts for game in games]
        wait_for(
            lambda: all(g.connection.counters.attempts > a for g, a in zip(games, attempts, strict=True)),
            what="both try to reconnect while there is no server",
        )
        fetched = [game.server_list.fetch_count for game in games]
        target.start()
        for game in games:
            assert game.connection.wait_until_connected(DEADLINE_S)
            assert game.refusals == []
        wait_for(
            lambda: all(g.server_list.fetch_count > count for g, count in zip(games, fetched, strict=True)),
            what="both fetch the list of the new server",
        )
        wait_for(lambda: all((g.user_id, True) in games[0].statuses for g in games))
        for game in games:
            game.connection.disconnect_from_server()


def test_heartbeats_keep_an_idle_connection_beyond_the_servers_timeout(open_game):
    with Target(flags=[*FLAGS, "--heartbeat-timeout-s", "2"]) as target:
        game = open_game(target, timing=Timing(heartbeat_s=0.3))
        game.log_in("idles")
        counters = game.connection.counters
        for _ in range(TRIES):  # this process may be kept from its heartbeats, now and then
            losses, pongs = counters.losses, counters.messages_in["pong"]
            silent = silent_socket(target, game.token)
            began_s = time.monotonic()
            code = closing_code(silent, deadline_s=DEADLINE_S)
            assert code == 4004, "a socket that says nothing and answers no ping is closed by the server"
            wait_for(lambda began_s=began_s: time.monotonic() - began_s > 3.0, what="well beyond the server's 2 s")
            wait_for(lambda pongs=pongs: counters.messages_in["pong"] >= pongs + 6)
            if counters.losses == losses:
                break
        assert counters.losses == losses, "in none of them, where they do not help"
        assert game.connection.is_connected
        wait_for(lambda: server_log_says(target, "ping/pong"))
        game.connection.disconnect_from_server()


def test_the_example_of_the_package_works(target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert loadtest.client.__doc__ is not None
    example = "\n".join(line for line in loadtest.client.__doc__.splitlines() if line.startswith("    ") or not line)
    code = (
        textwrap.dedent(example)
        .replace("localhost:30820", f"127.0.0.1:{target.port}")
        .replace('Path("~/.lobby-token").expanduser()', f"Path({str(tmp_path / 'token')!r})")
    )
    names: dict[str, Any] = {}
    exec(compile(code, "example", "exec"), names)
    said: list[str] = []

    def tells_of_rooms() -> bool:
        said.append(capsys.readouterr().out)
        return " rooms" in "".join(said)

    wait_for(tells_of_rooms, what="the list, which is fetched beside the rest")
    names["api"].http.close()
    assert not (tmp_path / "token").exists()


@pytest.mark.slow
def test_a_connection_idle_for_over_two_minutes_stays_alive_on_the_default_settings(open_game):
    with Target(flags=["--log-level", "debug"]) as target:
        game = open_game(target, timing=Timing())
        game.log_in("idles_long")
        silent = silent_socket(target, game.token)
        began_s = time.monotonic()
        code = closing_code(silent, deadline_s=110.0)
        assert code == 4004
        assert time.monotonic() - began_s >= 70
        wait_for(lambda: time.monotonic() - began_s > 150.0, deadline_s=150.0)
        assert game.connection.is_connected
        assert game.connection.counters.losses == 0
        assert game.connection.counters.messages_in["pong"] >= 4
        game.connection.disconnect_from_server()


# -- a client without heartbeats ----------------------------------------------------------------------------------


def silent_socket(target: Target, token: str) -> websocket.WebSocket:
    """Accepted, and from then on as dead as a peer that vanished: reading, but saying and answering nothing."""
    sock = websocket.create_connection(target.ws_url, timeout=DEADLINE_S, suppress_origin=True)
    sock.send(messages.encode(messages.Handshake(version="1", name="silent", token=token)), opcode=0x1)
    while b"handshake_accepted" not in sock.recv_frame().data:
        pass
    return sock


def closing_code(sock: websocket.WebSocket, *, deadline_s: float) -> int:
    ends_s = time.monotonic() + deadline_s
    sock.settimeout(0.5)
    try:
        while time.monotonic() < ends_s:
            try:
                frame = sock.recv_frame()
            except websocket.WebSocketTimeoutException:
                continue
            if frame.opcode == 0x8:
                return int.from_bytes(frame.data[:2], "big")
    finally:
        assert isinstance(sock.sock, socket.socket)
        sock.sock.close()
    raise AssertionError(f"the server did not close it within {deadline_s} s")
