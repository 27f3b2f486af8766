"""A lobby that serves below a path: the address says so, and everything of a run is asked for below it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from loadtest.client import KeepAliveHttp, LobbyApi, socket_url
from loadtest.results.exit_codes import ExitCode
from tests.loadtest.swarms import Nursery

PATH = "/lobby"


def test_address_of_the_socket_is_below_that_of_the_server() -> None:
    assert socket_url("http://play.example:8443/lobby/", "/ws") == "ws://play.example:8443/lobby/ws"
    assert socket_url("https://play.example/lobby") == "wss://play.example/lobby/"
    assert socket_url("https://play.example") == "wss://play.example/"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(flags=["--auth-rate-per-min", "0", "--path-prefix", PATH]) as target:
        yield target


@pytest.mark.system
def test_client_asks_below_the_path_of_its_address(target: Target) -> None:
    http = KeepAliveHttp(target.http_url + PATH)
    assert LobbyApi(http).rooms().rooms == ()
    http.close()


@pytest.mark.system
def test_swarm_plays_below_the_path_of_its_address_and_refuses_another_one(target: Target, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("\n".join(mint_receiver(target.jwt_secret, index).token for index in range(4)))
    players = ("--tokens", tokens, "-u", 4, "-r", 100, "--mix", "host=1,poller=1", "--poll-interval-s", 0.2,
               "--room-interval-s", 1, "--room-lifetime-s", 0.3)  # fmt: skip
    with Nursery(tmp_path) as nursery:
        elsewhere = nursery.run("--host", target.http_url + "/elsewhere", "-t", 1, *players)
        assert elsewhere.code == ExitCode.USAGE
        assert "has no list of rooms" in elsewhere.errors
        folder = tmp_path / "run"
        done = nursery.run_until(_has_played, folder, "--host", target.http_url + PATH, *players)
    assert done.code == ExitCode.GOOD, done.errors
    failures = {row["name"]: row["errors"] for row in _requests(folder) if row["failures"]}
    assert failures == {}


def _has_played(run: dict[str, Any]) -> bool:
    return {"handshake", "/api/rooms", "/api/rooms (poll)", "/api/rooms/[id]"} <= {
        row["name"] for row in run["requests"]
    }


def _requests(folder: Path) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = json.loads((folder / "run.json").read_text())["requests"]
    return requests
