"""PostgreSQL restarts, stops, freezes and ends sessions under a running server: what was answered is never missing."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import websocket

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import Answer, call, connect, register, token_of, wait_until
from tests.stopwatch import Stopwatch
from tests.store.pgbouncer import PgBouncer, running_pgbouncer
from tests.store.stoppable import StoppablePostgres, stoppable_postgres

pytestmark = pytest.mark.system

FLAGS = [
    "--auth-rate-per-min",
    "0",
    "--command-rate-per-s",
    "0",
    "--social-rate-per-min",
    "0",
    "--empty-room-ttl-s",
    "600",
    "--heartbeat-timeout-s",
    "600",
    "--takeover-wait-s",
    "60",
]
"""Players answer pings only while they listen; and PostgreSQL lets go of the lock of a killed server once it has
noticed that nobody is there any more."""
LONGEST_ANSWER_S = 30.0
"""To a call that finds a frozen database: a connection's turn, its trial, a new one."""


@pytest.fixture(scope="module")
def server() -> Iterator[StoppablePostgres]:
    with stoppable_postgres() as started:
        yield started


@pytest.fixture
def database(server: StoppablePostgres) -> Iterator[str]:
    """The URL of an empty database."""
    server.start()
    yield server.url(asyncio.run(server.empty_database()))
    server.thaw()


@pytest.fixture(autouse=True)
def _closed_sockets() -> Iterator[None]:
    yield
    while Player.open:
        Player.open.pop().shutdown()


class Player:
    """A socket of somebody, and what came over it."""

    open: ClassVar[list[websocket.WebSocket]] = []

    def __init__(self, target: Target, user_id: int, name: str) -> None:
        self.token = token_of(target, user_id, name)
        self.socket: websocket.WebSocket = connect(target, self.token)
        self.open.append(self.socket)

    def say(self, type_: str, **data: Any) -> None:
        self.socket.send(json.dumps({"type": type_, "data": data}))

    def join(self, room_id: str) -> Any:
        """The answer."""
        self.say("join_room", roomId=room_id, version="13020", name="ignored")
        return self.hear("room_joined", "error")["data"]

    def hear(self, *types: str) -> Any:
        """The next message of one of the types."""
        while (message := json.loads(self.socket.recv()))["type"] not in types:
            pass
        return message


def room_with_guest(target: Target) -> tuple[Player, Player, str]:
    """A host, a guest and their room."""
    host, guest = Player(target, 1, "ann"), Player(target, 2, "bob")
    room_id = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=host.token).body["room"]["id"]
    host.say("create_room")
    host.hear("room_created")
    guest.join(room_id)
    host.hear("peer_joined")
    return host, guest, room_id


def peer_of(host: Player, guest: Player, room_id: str) -> int:
    return next(int(each["peerId"]) for each in guest.join(room_id)["members"] if each["name"] == "bob")


def readiness(target: Target) -> int:
    return call(target, "GET", "/readyz").status


def metric(target: Target, name: str) -> float:
    with urllib.request.urlopen(target.http_url + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def test_kick_and_deleted_room_are_written_when_the_database_is_back(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    target = Target(data_dir=tmp_path, flags=["--database-url", database, "--empty-room-ttl-s", "0.5"])
    with target.running():
        host, guest, room_id = room_with_guest(target)
        peer = peer_of(host, guest, room_id)
        leaver = Player(target, 3, "cyd")
        left = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=leaver.token).body["room"]["id"]
        leaver.say("create_room")
        leaver.hear("room_created")
        server.stop()
        host.say("kick", peerId=peer)
        guest.hear("kicked")
        leaver.say("leave_room")
        wait_until(lambda: left not in [room["id"] for room in call(target, "GET", "/api/rooms").body["rooms"]])
        assert readiness(target) == 503
        wait_until(lambda: metric(target, "lobby_store_writes_waiting") >= 2)
        refused = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=leaver.token)
        assert (refused.status, refused.body["code"]) == (503, "try_again_later")
        leaver.say("chat_message", channel="lobby", text="hello")
        assert leaver.hear("error", "chat_message")["data"] == {"reason": "try_again_later"}
        server.start()
        wait_until(lambda: metric(target, "lobby_store_writes_waiting") == 0, PATIENCE_S)
        wait_until(lambda: readiness(target) == 200, PATIENCE_S)
        target.kill()
    assert asyncio.run(server.run("SELECT user_id FROM room_bans WHERE room_id = $1", room_id, database="empty")) == 2
    assert not asyncio.run(server.run("SELECT count(*) FROM rooms WHERE id = $1", left, database="empty"))
    log = target.log_path.read_text()
    assert log.count("the database takes no writes") == log.count("the database takes writes again") == 1
    assert "0 were lost" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_kick_of_an_outage_outlives_the_process(
    server: StoppablePostgres, database: str, tmp_path: Path, end: str
) -> None:
    flags = [*FLAGS, "--database-url", database, "--drain-s", "0.5"]
    target = Target(data_dir=tmp_path, flags=flags)
    with target.running():
        host, guest, room_id = room_with_guest(target)
        peer = peer_of(host, guest, room_id)
        server.stop(how=signal.SIGQUIT)
        host.say("kick", peerId=peer)
        guest.hear("kicked")
        target.kill() if end == "kill" else target.stop()
    server.start()
    with target.running():
        guest = Player(target, 2, "bob")
        assert guest.join(room_id) == {"reason": "banned"}
    log = target.log_path.read_text()
    assert "1 writes that an earlier server left were made" in log
    assert ("1 writes wait in" in log) is (end == "stop")


def test_host_of_an_outage_is_the_host_of_the_next_life(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    target = Target(data_dir=tmp_path, flags=[*FLAGS, "--database-url", database])
    with target.running():
        host, guest, room_id = room_with_guest(target)
        server.stop(how=signal.SIGQUIT)
        host.say("leave_room")
        assert guest.hear("host_changed")["data"]["newHostName"] == "bob"
        target.kill()
    server.start()
    with target.running():
        assert call(target, "GET", f"/api/rooms/{room_id}").body["host_username"] == "bob"
        guest = Player(target, 2, "bob")
        guest.say("create_room")
        assert guest.hear("room_created", "error")["data"]["roomId"] == room_id


def test_without_a_data_folder_no_kick_is_confirmed_that_might_be_forgotten(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("")
    flags = [*FLAGS, "--database-url", database, "--data-dir", str(tmp_path / "a file" / "data")]
    target = Target(data_dir=tmp_path, flags=flags)
    with target.running():
        assert "kept in memory only" in target.log_path.read_text()
        host, guest, room_id = room_with_guest(target)
        peer = peer_of(host, guest, room_id)
        server.stop()
        assert readiness(target) == 503
        host.say("leave_room")  # a write that nobody can be refused: the next host
        assert guest.hear("host_changed")["data"]["newHostName"] == "bob"
        wait_until(lambda: metric(target, "lobby_store_away") == 1)
        peer = host.join(room_id)["peerId"]
        guest.say("kick", peerId=peer)
        assert guest.hear("error", "peer_left")["data"] == {"reason": "try_again_later"}
        server.start()
        wait_until(lambda: metric(target, "lobby_store_away") == 0, PATIENCE_S)
        guest.say("kick", peerId=peer)
        host.hear("kicked")


def test_frozen_database_is_answered_503_within_a_bound_and_the_loop_goes_on(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    with Target(data_dir=tmp_path, flags=[*FLAGS, "--database-url", f"{database}&socket_timeout=1"]) as target:
        player = Player(target, 1, "ann")
        assert readiness(target) == 200
        server.freeze()
        answers: list[tuple[float, Answer]] = []
        pongs = 0

        def make_rooms() -> None:
            """One, and more until enough pongs have come meanwhile."""
            while not answers or pongs <= 10:
                began_s = time.monotonic()
                answer = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=player.token)
                answers.append((time.monotonic() - began_s, answer))

        thread = threading.Thread(target=make_rooms)
        thread.start()
        while thread.is_alive():
            with Stopwatch(target.pid, in_turn=True) as watch:
                player.say("ping")
                player.hear("pong")
            assert watch.took_s < 2.0
            pongs += 1
            time.sleep(0.02)
        thread.join()
        assert pongs > 10
        assert {answer.status for _, answer in answers} == {503}
        assert max(took_s for took_s, _ in answers) < LONGEST_ANSWER_S
        server.thaw()
        wait_until(lambda: readiness(target) == 200, PATIENCE_S)
        assert call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=player.token).status in (201, 409)


# -- nothing answered 2xx is ever missing -----------------------------------------------------------------------------


class Load:
    """Threads that make accounts, rooms and friends without a pause, and what was confirmed."""

    def __init__(self, target: Target) -> None:
        self.accounts: dict[str, int] = {}
        self.rooms: list[str] = []
        self.friends: list[tuple[int, int]] = []
        self.refused = 0
        self.strange: list[Answer] = []
        self._target = target
        self._is_over = threading.Event()
        works = (self._make_account, self._make_room, self._make_room, self._make_friend)
        self._threads = [threading.Thread(target=self._keep, args=work) for work in enumerate(works, 1)]

    def run(self, disturb: Callable[[], None]) -> None:
        for thread in self._threads:
            thread.start()
        try:
            disturb()
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join(PATIENCE_S)

    @property
    def confirmed(self) -> int:
        return len(self.accounts) + len(self.rooms) + len(self.friends)

    def _keep(self, lane: int, work: Callable[[int], None]) -> None:
        number = lane * 1_000_000
        while not self._is_over.is_set():
            number += 1
            work(number)

    def _is_done(self, answer: Answer) -> bool:
        if answer.status in (200, 201):
            return True
        self.refused += 1
        if answer.status != 503:
            self.strange.append(answer)
        return False

    def _make_account(self, number: int) -> None:
        answer = register(self._target, f"user{number}", patience_s=LONGEST_ANSWER_S)
        if self._is_done(answer):
            self.accounts[f"user{number}"] = answer.body["user"]["id"]

    def _make_room(self, number: int) -> None:
        answer = self._post("/api/rooms", {"gamemode": "ctf"}, token_of(self._target, number, f"host{number}"))
        if self._is_done(answer):
            self.rooms.append(answer.body["room"]["id"])

    def _make_friend(self, number: int) -> None:
        other = next(reversed(tuple(self.accounts.values())), None)  # a copy: other threads add to it
        if other is None:
            return
        token = token_of(self._target, number, f"one{number}")
        if self._is_done(self._post("/api/friends/requests", {"to_user_id": other}, token)):
            self.friends.append((number, other))

    def _post(self, path: str, body: Any, token: str) -> Answer:
        return call(self._target, "POST", path, body, token=token, patience_s=LONGEST_ANSWER_S)


def lose_nothing(
    server: StoppablePostgres, database: str, folder: Path, *, rounds: int, pooler: PgBouncer | None = None
) -> None:
    """`pooler`: that of the URL, which is restarted as well."""
    target = Target(data_dir=folder, flags=[*FLAGS, "--database-url", database])
    with target.running():
        load = Load(target)

        def go_on() -> None:
            confirmed = load.confirmed
            wait_until(lambda: load.confirmed >= confirmed + 12, PATIENCE_S)

        def be_refused() -> None:
            refused = load.refused
            wait_until(lambda: load.refused >= refused + 3, PATIENCE_S)

        def disturb() -> None:
            for _ in range(rounds):
                go_on()
                server.stop()
                server.start()
                go_on()
                server.stop(how=signal.SIGQUIT)
                be_refused()
                server.start()
                go_on()
                asyncio.run(server.cut_connections("empty"))
                if pooler is not None:
                    go_on()
                    pooler.stop()
                    be_refused()
                    pooler.start()
            go_on()

        load.run(disturb)
        assert load.strange == []
        target.kill()
    with target.running():
        listed = {room["id"] for room in call(target, "GET", "/api/rooms").body["rooms"]}
        assert set(load.rooms) <= listed
        for username in load.accounts:
            login = call(target, "POST", "/api/auth/login", {"username": username, "password": "a password"})
            assert login.status == 200, username
        asked: set[tuple[int, int]] = set()
        for username, user_id in load.accounts.items():
            body = call(target, "GET", "/api/friends", token=token_of(target, user_id, username)).body
            asked |= {(each["from_user_id"], user_id) for each in body["incoming"]}
        assert set(load.friends) <= asked
    log = target.log_path.read_text()
    assert "Traceback" not in log
    assert "never retrieved" not in log


def test_nothing_answered_is_missing_after_a_restart_and_a_crash_of_the_database(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    lose_nothing(server, database, tmp_path, rounds=1)


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_nothing_answered_is_missing_after_restarts_and_crashes_behind_a_pooler_and_of_it(
    server: StoppablePostgres, database: str, tmp_path: Path, pool_mode: str
) -> None:
    sooner = "server_login_retry = 1\nquery_wait_timeout = 3\n"  # than after 15 s and 120 s
    with running_pgbouncer(server, pool_mode=pool_mode, more=sooner) as pooler:
        lose_nothing(server, pooler.url("empty"), tmp_path, rounds=1, pooler=pooler)


@pytest.mark.slow
def test_nothing_answered_is_missing_after_many_restarts_and_crashes_of_the_database(
    server: StoppablePostgres, database: str, tmp_path: Path
) -> None:
    lose_nothing(server, database, tmp_path, rounds=6)
