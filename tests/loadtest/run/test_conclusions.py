"""What a whole run concludes when something known is wrong: real servers, real Locust, some seconds.

What is wrong is the server (frozen, killed), the swarm itself (frozen), or how it was started (two swarms on the same
tokens, a worker that comes late). And a server of the base protocol alone, in another language, with nothing wrong.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.cpu import read_cpu
from bench.processes.peer import express_command, start_peer
from bench.processes.target import Target
from loadtest.client import KeepAliveHttp, LobbyApi
from loadtest.measure.judging.bottleneck import SLOW_S
from loadtest.workload.identities import MintedTokens
from tests.installed import missing
from tests.loadtest.fakes import wait_for
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import RUN_TIMEOUT_S, SAVED_OFTEN, Enough, Nursery, SavedRun, Swarm
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
"""All runs are part of the first test's time."""

PLAYERS = 8
FROZEN_S = 2.0
FELT_S = FROZEN_S / 2
"""Of that, by those who look on now and then."""
ORDINARY = 40
"""Heartbeats before anything happens: a second of them."""
SECRET = "a secret of thirty-two bytes or more"
NO_LIMIT = ["--auth-rate-per-min", "0"]
PATIENT = ("--settle-s", 3)
"""What a busy machine holds up for so long is not lost."""
COMES_ONCE = {"locust.runners.CONNECT_TIMEOUT": PATIENCE_S}
"""A worker whose master does not answer within Locust's five seconds comes again, and would be counted twice."""


@dataclass
class Ended:
    code: int
    errors: str
    run: dict[str, Any]
    folder: Path
    server_waited_s: float = 0.0
    """For a core, while this run lasted; of one that has its server to itself."""
    frozen_s: float = 0.0
    """Its server, as the test has it."""

    @property
    def said(self) -> str:
        validity = self.run["validity"]
        return "; ".join([*validity["reasons"], *validity["notes"], str(validity["bottleneck"])])

    def failed_cases(self) -> set[str]:
        suite = ElementTree.parse(self.folder / "junit.xml").getroot()
        return {str(case.get("name")) for case in suite.iter("testcase") if case.find("failure") is not None}


class Runs:
    """Swarms that are under way, each with a folder of its own."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery = nursery
        self._folder = folder
        self._swarms: dict[str, Swarm] = {}

    def start(self, name: str, url: str, *arguments: object) -> Swarm:
        common = ("--host", url, "-u", PLAYERS, "-r", 100, "--seed", 4, "--settle-s", 1, *SAVED_OFTEN)
        self._swarms[name] = self._nursery.start(
            *common, "--mix", "browser=1", "--heartbeat-interval-s", 0.2, "--run-dir", self._folder / name, *arguments
        )
        return self._swarms[name]

    def until(self, name: str, enough: Enough) -> None:
        """Its run.json has so much."""
        saved = SavedRun(self._folder / name / "run.json")
        wait_for(lambda: saved.has(enough), deadline_s=RUN_TIMEOUT_S, what=name)

    def now(self, name: str) -> dict[str, Any]:
        """What it writes next."""
        found: list[dict[str, Any]] = []
        first = SavedRun(self._folder / name / "run.json")
        assert first.has(lambda run: True)
        self.until(name, lambda run: run["duration_s"] > first.last["duration_s"] and not found.append(run))
        return found[0]

    def end(self, name: str, enough: Enough) -> Ended:
        """When it has found what it is for."""
        self.until(name, enough)
        self._swarms[name].stop(signal.SIGTERM)
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
        waited_s = read_cpu(other.pid).waited_s
        runs.start("server frozen", frozen.http_url, "--jwt-secret", frozen.jwt_secret)
        runs.start("server killed", killed.http_url, "--jwt-secret", killed.jwt_secret)
        swarm = runs.start("swarm frozen", other.http_url, "--jwt-secret", other.jwt_secret)
        for name in ("server frozen", "server killed", "swarm frozen"):
            runs.until(name, lambda run: heartbeats(run) >= ORDINARY and run["server"]["pid"] is not None)
        os.kill(killed.pid, signal.SIGKILL)
        began_s = time.monotonic()
        with stopped(frozen.pid), stopped(swarm.pid):
            time.sleep(FROZEN_S)
        frozen_s = time.monotonic() - began_s
        endings["server frozen"] = runs.end("server frozen", has_felt_its_server_frozen)
        endings["server frozen"].frozen_s = frozen_s
        endings["server killed"] = runs.end("server killed", has_lost_its_server)
        endings["swarm frozen"] = runs.end("swarm frozen", lambda run: stalled_s(run) > FROZEN_S - 0.2)
        endings["swarm frozen"].server_waited_s = read_cpu(other.pid).waited_s - waited_s

        tokens = tmp_path_factory.mktemp("tokens") / "tokens.txt"
        tokens.write_text("\n".join(MintedTokens(other.jwt_secret).token_of(number) for number in range(PLAYERS)))
        for target in (other, frozen):
            wait_until_online(target, 0)  # the same users played there before
        runs.start("first", other.http_url, "--tokens", tokens)
        port = free_port()
        master = ("--master", "--master-bind-port", port, "--expect-workers", 1)
        worker = ("--worker", "--master-port", port)
        runs.start("late worker", frozen.http_url, "--jwt-secret", frozen.jwt_secret, *master, *PATIENT)
        nursery.start(*worker, patches=COMES_ONCE)
        wait_until_online(other, PLAYERS)
        runs.start("second", other.http_url, "--tokens", tokens)
        wait_until_online(frozen, PLAYERS)
        nursery.start(*worker, patches=COMES_ONCE)
        endings["second"] = runs.end("second", lambda run: "online before" in str(run["validity"]["reasons"]))
        endings["first"] = runs.end("first", lambda run: heartbeats(run) > 0)
        endings["late worker"] = runs.end("late worker", has_two_workers)
    return endings


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def heartbeats(run: dict[str, Any]) -> int:
    """Of the steady state, so far."""
    return next((int(row["count"]) for row in run["metrics"] if row["name"] == "heartbeat"), 0)


def longest_ms(run: dict[str, Any]) -> float:
    """Of the heartbeats."""
    return next((float(row["max_ms"]) for row in run["metrics"] if row["name"] == "heartbeat"), 0.0)


def has_felt_its_server_frozen(run: dict[str, Any]) -> bool:
    """In its figures; or it stood still itself for so long that it may have seen nothing of it."""
    is_felt = longest_ms(run) > 1000 * FELT_S and run["server"]["stopped_s"] > FELT_S
    return is_felt or stalled_s(run) > FELT_S


def stalled_s(run: dict[str, Any]) -> float:
    return sum(float(generator["stalled_s"]) for generator in run["generators"].values())


def has_lost_its_server(run: dict[str, Any]) -> bool:
    return bool(run["server"]["gone_s"] > 1.0 and run["counts"]["errors.count"])


def has_two_workers(run: dict[str, Any]) -> bool:
    is_said = "joined while the test ran" in str(run["validity"]["reasons"])
    return is_said and len(run["generators"]) == 2 and run["ledger"]["presence"]["expected"] > 0


def wait_until_online(target: Target, players: int) -> None:
    http = KeepAliveHttp(target.http_url)
    api, token = LobbyApi(http), MintedTokens(target.jwt_secret).token_of(10_000)
    wait_for(lambda: len(api.online_users(token)) == players, deadline_s=RUN_TIMEOUT_S, what=f"{players} players")
    http.close()


def test_a_frozen_server_is_said_to_have_been_frozen(endings: dict[str, Ended]):
    ended = endings["server frozen"]
    assert ended.run["server"]["stopped_s"] == pytest.approx(ended.frozen_s, abs=0.7 + stalled_s(ended.run))
    assert ended.run["validity"]["level"] != "VALID"
    with unless_held_up(ended.run):
        assert ended.run["validity"]["bottleneck"].startswith("The server was frozen, its process was stopped, in ")
        assert "the server's process was stopped" in ended.said
        assert longest_ms(ended.run) > 1000 * FELT_S, "and it is in the figures"


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
    allowed_s = FROZEN_S / 2 + min(ended.server_waited_s, FROZEN_S / 4)  # less than the freeze
    assert longest_ms(ended.run) < 1000 * allowed_s, "the server did not take so long"
    if ended.server_waited_s < SLOW_S:  # else it was slow indeed, by what else ran here
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
    with unless_held_up(ended.run):
        assert (presence["lost"], presence["unheard"], presence["unexpected"]) == (0, 0, 0)


def test_a_server_of_the_base_protocol_alone_is_accepted_and_judged(nursery: Nursery, tmp_path: Path):
    """Express and ws: it verifies no tokens over HTTP, lists no users, and tells of a player before it accepts it."""
    command = express_command()
    if command is None:
        missing("Node.js, npm or its registry is not there")
    with start_peer(command, cpus=None, environment={"PEER_SECRET": SECRET}) as peer:
        runs = Runs(nursery, tmp_path)
        runs.start("express", f"http://127.0.0.1:{peer.port}", "--jwt-secret", SECRET, "-r", 2, *PATIENT)
        ended = runs.end("express", lambda run: run["ledger"]["presence"]["expected"] > PLAYERS)
    assert ended.code == 0, ended.errors
    with unless_held_up(ended.run):
        assert ended.run["ledger"]["presence"]["reach"] == 1
    assert ended.run["ledger"]["presence"]["expected"] > PLAYERS
    assert ended.run["counts"]["errors.count"] == 0
    assert not ended.run["not_understood"]
    assert "no lobby server" not in ended.said
