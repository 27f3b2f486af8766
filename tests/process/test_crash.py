"""kill -9 in the middle of work, and a start on the same data folder: nothing is lost that was answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import Answer, call, connect, register, shake_hands, token_of, wait_until

pytestmark = pytest.mark.system

PASSWORD = "a password"


class Work:
    """Threads that make one thing after the other until the server is gone, and what was answered 201."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Answer]] = []
        self._threads: list[threading.Thread] = []

    def keep(self, make: Callable[[int], tuple[str, Answer]], first: int) -> None:
        def run() -> None:
            number = first
            while True:
                try:
                    name, answer = make(number)
                except (OSError, ValueError):  # an answer that was cut off counts as none
                    return
                assert answer.status == 201, answer
                self.done.append((name, answer))
                number += 1

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)


def test_what_was_answered_201_is_there_after_a_kill(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--auth-rate-per-min", "0", "--empty-room-ttl-s", "600"])

    def make_room(number: int) -> tuple[str, Answer]:
        body = {"gamemode": "ctf", "mapName": f"map {number}"}
        token = token_of(target, number, f"host{number}")
        return f"host{number}", call(target, "POST", "/api/rooms", body, token=token)

    def make_account(number: int) -> tuple[str, Answer]:
        return f"user{number}", register(target, f"user{number}", PASSWORD)

    room_work, account_work = Work(), Work()
    with target.running():
        out = token_of(target, 1, "ann", jti="signed out")
        assert call(target, "POST", "/api/auth/logout", token=out).status == 204
        for first in range(10_000, 60_000, 10_000):
            room_work.keep(make_room, first)
        account_work.keep(make_account, 0)
        wait_until(lambda: len(room_work.done) >= 40 and len(account_work.done) >= 3)
        target.kill()
        room_work.join()
        account_work.join()

    with target.running():
        listed = {room["id"]: room for room in call(target, "GET", "/api/rooms").body["rooms"]}
        for host, answer in room_work.done:
            room = answer.body["room"]
            assert listed[room["id"]] == {**room, "current_players": 0}
            assert room["host_username"] == host
        for username, answer in account_work.done:
            body = {"username": username, "password": PASSWORD}
            login = call(target, "POST", "/api/auth/login", body)
            assert (login.status, login.body["user"]) == (200, answer.body["user"])
            verified = call(target, "GET", "/api/auth/verify", token=answer.body["token"])
            assert verified.status == 200
        refused = call(target, "GET", "/api/auth/verify", token=out)
        assert (refused.status, refused.body["code"]) == (403, "invalid_token")
        client = connect(target)
        assert shake_hands(client, out)["data"] == {"reason": "invalid_token"}
        client.close()
        assert register(target, account_work.done[0][0]).status == 409, "a name that was taken stays taken"
    target.flags = ["--empty-room-ttl-s", "0.5"]
    with target.running():  # rooms whose hosts do not come back go after their time
        wait_until(lambda: call(target, "GET", "/api/rooms").body["count"] == 0)
