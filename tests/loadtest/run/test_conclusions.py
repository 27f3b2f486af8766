"""What a whole run concludes when something known is wrong: real servers, real Locust, some seconds.

What is wrong is the server (frozen, killed), the swarm itself (frozen), or how it was started (two swarms on the same
tokens, a worker that comes late). And a server of the base protocol alone, in another language, with nothing wrong.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.processes.peer import express_command, start_peer
from bench.processes.target import Target
from loadtest.client import KeepAliveHttp, LobbyApi
from loadtest.workload.identities import MintedTokens
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, Swarm

pytestmark = pytest.mark.system

PLAYERS = 8
FROZEN_S = 1.4
SERVER_FROZEN_S = 2.0
SECRET = "a secret of thirty-two bytes or more"
NO_LIMIT = ["--auth-rate-per-min", "0"]


@dataclass
class Ended:
    code: int
    errors: str
    run: dict[str, Any]
    folder: Path

    @property
    def said(self) -> str:
        validity = self.run["validity"]
        return "; ".join([*validity["reasons"], *validity["notes"], str(validity["bottleneck"])])

    def metric(self, name: str) -> dict[str, Any]:
        return next(dict(row) for row in self.run["metrics"] if row["name"] == name)

    def failed_cases(self) -> set[str]:
        suite = ElementTree.parse(self.folder / "junit.xml").getroot()
        return {str(case.get("name")) for case in suite.iter("testcase") if case.find("failure") is not None}


class Runs:
    """Swarms that are under way, each with a folder of its own."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery = nursery
        self._folder = folder
        self._swarms: dict[str, Swarm] = {}

    def start(self, name: str, url: str, *arguments: object, run_s: int = 8) -> Swarm:
        common = ("--host", url, "-u", PLAYERS, "-r", 100, "-t", f"{run_s}s", "--seed", 4, "--settle-s", 1)
        self._swarms[name] = self._nursery.start(
            *common, "--mix", "browser=1", "--heartbeat-interval-s", 0.2, "--run-dir", self._folder / name, *arguments
        )
        return self._swarms[name]

    def end(self, name: str) -> Ended:
        done = self._swarms[name].end()
        file = self._folder / name / "run.json"
        assert file.exists(), done.errors
        assert "Traceback" not in done.errors, done.errors
        return Ended(done.code, done.errors, json.loads(file.read_text()), file.parent)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def endings(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Of all runs. Those that have a server to themselves go side by side."""
    runs = Runs(nursery, tmp_path_factory.mktemp("swarms"))
    endings: dict[str, Ended] = {}
    with ExitStack() as stack:
        frozen, killed, other = (stack.enter_context(Target(flags=NO_LIMIT)) for _ in range(3))
        started = [
            runs.start("server frozen", frozen.http_url, "--jwt-secret", frozen.jwt_secret),
            runs.start("server killed", killed.http_url, "--jwt-secret", killed.jwt_secret),
            runs.start("swarm frozen", other.http_url, "--jwt-secret", other.jwt_secret),
        ]
        for target in (frozen, killed, other):
            wait_until_online(target, PLAYERS)
        time.sleep(2.0)  # of an ordinary run, before anything happens to it
        os.kill(killed.pid, signal.SIGKILL)
        os.kill(frozen.pid, signal.SIGSTOP)
        os.kill(started[2].pid, signal.SIGSTOP)
        time.sleep(FROZEN_S)
        os.kill(started[2].pid, signal.SIGCONT)
        time.sleep(SERVER_FROZEN_S - FROZEN_S)
        os.kill(frozen.pid, signal.SIGCONT)
        for name in ("server frozen", "server killed", "swarm frozen"):
            endings[name] = runs.end(name)

        tokens = tmp_path_factory.mktemp("tokens") / "tokens.txt"
        tokens.write_text("\n".join(MintedTokens(other.jwt_secret).token_of(number) for number in range(PLAYERS)))
        runs.start("first", other.http_url, "--tokens", tokens, run_s=12)
        wait_until_online(other, PLAYERS)
        runs.start("second", other.http_url, "--tokens", tokens, run_s=4)
        port = free_port()
        master = ("--master", "--master-bind-port", port, "--expect-workers", 1)
        worker = ("--worker", "--master-port", port)
        runs.start("late worker", frozen.http_url, "--jwt-secret", frozen.jwt_secret, *master, run_s=12)
        nursery.start(*worker)
        wait_until_online(frozen, PLAYERS)
        nursery.start(*worker)
        for name in ("first", "second", "late worker"):
            endings[name] = runs.end(name)
    return endings


def wait_until_online(target: Target, players: int) -> None:
    http = KeepAliveHttp(target.http_url)
    api, token = LobbyApi(http), MintedTokens(target.jwt_secret).token_of(10_000)
    wait_for(lambda: len(api.online_users(token)) >= players, deadline_s=RUN_TIMEOUT_S, what=f"{players} players")
    http.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_frozen_server_is_said_to_have_been_frozen(endings: dict[str, Ended]):
    ended = endings["server frozen"]
    assert ended.run["validity"]["bottleneck"].startswith("The server was frozen, its process was stopped, in ")
    assert ended.run["server"]["stopped_s"] == pytest.approx(SERVER_FROZEN_S, abs=0.7)
    assert ended.run["validity"]["level"] != "VALID"
    assert "the server's process was stopped" in ended.said
    assert ended.metric("heartbeat")["max_ms"] > 1000 * (SERVER_FROZEN_S - 0.3), "and it is in the figures"


def test_a_killed_server_is_named_and_junit_agrees_with_the_exit_code(endings: dict[str, Ended]):
    ended = endings["server killed"]
    assert ended.run["validity"]["level"] != "VALID"
    assert "the server's process had ended" in ended.said
    assert ended.run["validity"]["bottleneck"].startswith("The server was away, its process had ended, in ")
    assert ended.run["counts"]["errors.count"] > 0
    assert ended.code == 1
    assert ended.failed_cases() == {"no request failed"}, "the validity was accepted on the command line"


def test_a_frozen_swarm_blames_nobody_else_and_leaves_out_what_it_delayed(endings: dict[str, Ended]):
    ended = endings["swarm frozen"]
    generator = ended.run["generators"]["the swarm"]
    assert generator["stalled_s"] > FROZEN_S - 0.2
    assert "the swarm itself stood still for" in ended.said
    assert ended.metric("heartbeat")["max_ms"] < 1000 * FROZEN_S / 2, "the server did not take so long"
    assert ended.run["validity"]["bottleneck"].startswith(("No bottleneck was seen", "The generator"))
    assert ended.run["server"]["stopped_s"] == 0.0


def test_a_second_swarm_on_the_same_tokens_is_invalid_with_the_reason(endings: dict[str, Ended]):
    first, second = endings["first"], endings["second"]
    assert second.run["validity"]["level"] == "INVALID"
    assert f"{PLAYERS} of the players' users were online before the run began" in second.said
    assert "another swarm uses the same tokens" in second.said
    assert "users were online before" not in first.said


def test_players_of_a_late_worker_are_nobody_elses_users_and_nothing_is_lost(endings: dict[str, Ended]):
    ended = endings["late worker"]
    assert len(ended.run["generators"]) == 2
    assert ended.run["validity"]["level"] != "VALID"
    assert "1 workers joined while the test ran" in ended.said
    presence = ended.run["ledger"]["presence"]
    assert presence["expected"] > 0
    assert (presence["lost"], presence["unheard"], presence["unexpected"]) == (0, 0, 0)


@pytest.mark.skipif(express_command() is None, reason="no Node.js, or no packages for it")
def test_a_server_of_the_base_protocol_alone_is_accepted_and_judged(nursery: Nursery, tmp_path: Path):
    """Express and ws: it verifies no tokens over HTTP, lists no users, and tells of a player before it accepts it."""
    command = express_command()
    assert command is not None
    with start_peer(command, cpus=None, environment={"PEER_SECRET": SECRET}) as peer:
        runs = Runs(nursery, tmp_path)
        runs.start("express", f"http://127.0.0.1:{peer.port}", "--jwt-secret", SECRET, "-r", 2, run_s=7)
        ended = runs.end("express")
    assert ended.code == 0, ended.errors
    assert ended.run["ledger"]["presence"]["reach"] == 1
    assert ended.run["ledger"]["presence"]["expected"] > PLAYERS
    assert ended.run["counts"]["errors.count"] == 0
    assert not ended.run["not_understood"]
    assert "no lobby server" not in ended.said
