"""Servers of other protocols, the real things: players come, go, make rooms, and what others hear of it is judged."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.processes.peer import Peer, express_command, installed_node, start_peer
from loadtest.results.exit_codes import ExitCode
from tests.installed import missing
from tests.loadtest.held_up import doubts, unless_held_up
from tests.loadtest.swarms import ROOT, Enough, Nursery

pytestmark = pytest.mark.system

SERVERS = Path(__file__).parents[1] / "servers"
SECRET = "a secret that is long enough for HS256"
PLAYERS = 8
ROOMS = ("--room-interval-s", "fixed:1", "--room-lifetime-s", "fixed:0.5")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture
def serve() -> Iterator[Any]:
    with ExitStack() as stack:

        def begin(command: list[str] | None, **environment: str) -> Peer:
            if command is None:
                missing("Node.js, npm or its registry is not there")
            return stack.enter_context(start_peer(command, cpus=None, environment=environment))

        yield begin


def python_server(name: str) -> list[str]:
    return [sys.executable, str(SERVERS / f"{name}.py")]


def play(
    nursery: Nursery, peer: Peer, tmp_path: Path, *arguments: object, until: Enough
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    """Eight players, of whom some leave and come back, until enough came about; exit code and run.json."""
    done = nursery.run_until(
        until, tmp_path / "run", "--host", f"http://127.0.0.1:{peer.port}", "-u", PLAYERS, "-r", 20,
        "--settle-s", 1, "--phase", "all", "--seed", 4, "--heartbeat-interval-s", 1, *arguments,
    )  # fmt: skip
    assert (tmp_path / "run/run.json").exists(), done.errors[-3000:]
    assert "Traceback" not in done.errors, done.errors[-3000:]
    return done.code, json.loads((tmp_path / "run/run.json").read_text())


def metric(run: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in run["metrics"] if row["name"] == name)


def count(run: dict[str, Any], name: str) -> int:
    """Of a series, so far."""
    return next((int(row["count"]) for row in run["metrics"] if row["name"] == name), 0)


def has_presence(run: dict[str, Any]) -> bool:
    """Some have come and gone, others heard of it, and hearts beat."""
    presence = run["ledger"]["presence"]
    comings_and_goings = presence["events"] + presence["excused"]
    return comings_and_goings > PLAYERS and presence["expected"] > 10 and count(run, "heartbeat") > 8


def has_rooms(run: dict[str, Any]) -> bool:
    return bool(run["ledger"]["rooms"]["expected"] > 10 and count(run, "heartbeat") > 8)


def test_socketio_rooms_are_made_joined_and_heard_of(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(installed_node(SERVERS / "socketio_rooms"))
    mix = ("--mix", "host=2,joiner=1,flapper=1", "--drop-interval-s", "fixed:2", *ROOMS)
    visits = ("--visit-interval-s", "fixed:0.5", "--visit-s", "fixed:1", "--chat-interval-s", "fixed:0.3")

    def is_enough(run: dict[str, Any]) -> bool:
        lines = run["events"].get("received message", 0)
        return has_presence(run) and has_rooms(run) and count(run, "fresh") > 0 and lines > 0

    code, run = play(nursery, peer, tmp_path, "--protocol", "socketio", *mix, *visits, until=is_enough)
    assert code == ExitCode.GOOD, run["errors"]
    presence, rooms = run["ledger"]["presence"], run["ledger"]["rooms"]
    with unless_held_up(run):
        assert (presence["expected"] > 10, presence["lost"], presence["unexpected"]) == (True, 0, 0)
        assert (rooms["expected"] > 10, rooms["lost"]) == (True, 0)
        assert doubts(run) == []
    assert metric(run, "fresh")["count"] > 0, "marks come back in the list"
    assert metric(run, "heartbeat")["count"] > 8
    assert run["events"]["received message"] > 0, "lines of chat"
    assert run["not_understood"] == {}


@pytest.mark.parametrize("version", ["colyseus_lobby", "colyseus_0_18"])
def test_colyseus_players_enter_over_http_and_hear_of_rooms(nursery: Nursery, serve: Any, tmp_path: Path, version: str):
    """Of 0.16, and of 0.18, whose seats are told in another shape."""
    peer = serve(installed_node(SERVERS / version))
    mix = ("--mix", "host=1,browser=2,flapper=1", "--drop-interval-s", "fixed:2", *ROOMS)

    def is_enough(run: dict[str, Any]) -> bool:
        made, told = run["counts"]["rooms_made"], run["events"].get("received +", 0)
        return has_rooms(run) and made > 3 and count(run, "fanout_rooms") > 10 and told > 0

    code, run = play(nursery, peer, tmp_path, "--protocol", "colyseus", *mix, until=is_enough)
    assert code == ExitCode.GOOD, run["errors"]
    rooms = run["ledger"]["rooms"]
    with unless_held_up(run):
        assert (rooms["expected"] > 10, rooms["lost"]) == (True, 0), rooms
    assert run["ledger"]["presence"]["expected"] == 0, "its lobby tells of no people"
    assert run["events"]["received +"] > 0
    assert run["counts"]["rooms_made"] > 3
    assert metric(run, "fanout_rooms")["count"] > 10
    assert metric(run, "heartbeat")["count"] > 8, "pings of the WebSocket"
    assert run["not_understood"] == {}


def test_a_wrong_way_in_is_told_before_the_run_with_the_answer(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(installed_node(SERVERS / "colyseus_0_18"))
    text = (ROOT / "loadtest/profiles/colyseus.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('"sessionId"', '"session.id"'))
    where = ("--host", f"http://127.0.0.1:{peer.port}", "--protocol", tmp_path / "mine.toml")
    done = nursery.run(*where, "--mix", "browser=1", "-u", 2, "-t", "5s")
    assert done.code == ExitCode.USAGE
    assert "POST /matchmake/joinOrCreate/lobby does not let a player in (there is no session.id): the answer is" in (
        done.errors
    )
    assert "with [http.enter] in the profile mine" in done.errors


def test_a_server_that_is_not_there_is_told_before_a_profile_run(nursery: Nursery):
    done = nursery.run("--host", "http://127.0.0.1:9", "--protocol", "colyseus", "--mix", "browser=1", "-u", 2)
    assert done.code == ExitCode.USAGE
    assert "No server answers at http://127.0.0.1:9" in done.errors


def test_a_broadcast_server_is_judged_by_what_it_tells(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(python_server("broadcast"))
    mix = ("--mix", "browser=1,flapper=1", "--drop-interval-s", "fixed:2")
    code, run = play(nursery, peer, tmp_path, "--protocol", "broadcast", *mix, until=has_presence)
    assert code == ExitCode.GOOD, run["errors"]
    presence = run["ledger"]["presence"]
    with unless_held_up(run):
        assert (presence["expected"] > 10, presence["lost"]) == (True, 0), presence
    assert presence["excused"] > 0, "that somebody left is not told"
    assert run["ledger"]["rooms"]["expected"] == 0
    assert metric(run, "heartbeat")["count"] > 8
    assert run["not_understood"] == {}


def test_the_server_of_the_specification_needs_no_profile(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(express_command(), PEER_SECRET=SECRET)
    mix = ("--mix", "browser=1,flapper=1", "--drop-interval-s", "fixed:2", "--jwt-secret", SECRET)
    code, run = play(nursery, peer, tmp_path, *mix, until=has_presence)
    assert code == ExitCode.GOOD, run["errors"]
    with unless_held_up(run):
        assert (run["ledger"]["presence"]["expected"] > 10, run["ledger"]["presence"]["lost"]) == (True, 0)
    assert metric(run, "heartbeat")["count"] > 8


def is_strange(run: dict[str, Any]) -> bool:
    return bool(run["not_understood"])


def test_a_message_that_is_not_described_is_shown_with_what_to_add(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(installed_node(SERVERS / "socketio_rooms"))
    text = (ROOT / "loadtest/profiles/socketio.toml").read_text()
    assert '"user joined"' in text
    (tmp_path / "mine.toml").write_text(text.replace('"user joined"', '"user came"'))
    mix = ("--mix", "browser=1,flapper=1", "--drop-interval-s", "fixed:2")
    _, run = play(nursery, peer, tmp_path, "--protocol", tmp_path / "mine.toml", *mix, until=is_strange)
    assert run["validity"]["level"] == "INVALID"
    [(kind, example)] = run["not_understood"].items()
    assert "user joined is not described: say what it means with [hears.…] types, or add it to ignores" in kind
    assert example.startswith('42["user joined",{"user":"player ')
    assert any("a profile has to describe it (--protocol)" in reason for reason in run["validity"]["reasons"])


def test_what_no_framing_fits_is_shown_as_it_came(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(installed_node(SERVERS / "socketio_rooms"))
    text = (ROOT / "loadtest/profiles/socketio.toml").read_text()
    text = "\n".join(line for line in text.split("\n") if not line.startswith("auth ="))  # which is of Socket.IO alone
    (tmp_path / "mine.toml").write_text(text.replace('"socketio"', '"json"'))
    mine = ("--protocol", tmp_path / "mine.toml", "--mix", "browser=1")
    _, run = play(nursery, peer, tmp_path, *mine, until=is_strange)
    assert run["validity"]["level"] == "INVALID"
    assert any("no player was ever connected" in reason for reason in run["validity"]["reasons"])
    [(kind, example)] = run["not_understood"].items()
    assert "it is no JSON: choose another [socket] framing" in kind
    assert example.startswith('0{"sid":')


def test_a_server_that_never_answers_the_handshake_is_never_valid(nursery: Nursery, serve: Any, tmp_path: Path):
    """The run is over before a handshake has timed out."""
    peer = serve(python_server("broadcast"))
    (tmp_path / "mine.toml").write_text('[socket]\nframing = "socketio"\n[handshake]\ntype = "hello"\n')
    mine = ("--protocol", tmp_path / "mine.toml", "--mix", "browser=1")
    _, run = play(nursery, peer, tmp_path, *mine, until=lambda run: count(run, "upgrade") > 0)
    assert run["validity"]["level"] == "INVALID"
    assert "no player was ever connected: nothing was judged" in run["validity"]["reasons"]


def test_a_server_that_tells_nobody_of_anything_is_never_valid(nursery: Nursery, serve: Any, tmp_path: Path):
    peer = serve(installed_node(SERVERS / "socketio_rooms"), MUTE="1")

    def has_lost(run: dict[str, Any]) -> bool:
        return bool(run["ledger"]["rooms"]["lost"] and run["ledger"]["presence"]["unheard"] >= 3)

    mix = ("--mix", "host=1,flapper=1", "--drop-interval-s", "fixed:2", *ROOMS)
    _, run = play(nursery, peer, tmp_path, "--protocol", "socketio", *mix, until=has_lost)
    assert run["validity"]["level"] != "VALID"
    assert run["ledger"]["presence"]["received"] == 0
    assert run["ledger"]["rooms"]["lost"] > 0
