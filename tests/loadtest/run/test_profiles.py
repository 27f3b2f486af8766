"""Servers of other protocols, the real things: players come, go, make rooms, and what others hear of it is judged.

Each server has a swarm of its own; they go side by side, for they wait most of the time.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
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
DROPS = ("--drop-interval-s", "fixed:2")
AT_ONCE = 3
"""Swarms side by side, each with its server."""


def python_server(name: str) -> list[str]:
    return [sys.executable, str(SERVERS / f"{name}.py")]


def node_server(name: str) -> Callable[[], list[str] | None]:
    return lambda: installed_node(SERVERS / name)


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


def has_presence_rooms_and_lines(run: dict[str, Any]) -> bool:
    lines = run["events"].get("received message", 0)
    return has_presence(run) and has_rooms(run) and count(run, "fresh") > 0 and lines > 0


def has_rooms_of_colyseus(run: dict[str, Any]) -> bool:
    made, told = run["counts"]["rooms_made"], run["events"].get("received +", 0)
    return has_rooms(run) and made > 3 and count(run, "fanout_rooms") > 10 and told > 0


def has_lost(run: dict[str, Any]) -> bool:
    return bool(run["ledger"]["rooms"]["lost"] and run["ledger"]["presence"]["unheard"] >= 3)


def is_strange(run: dict[str, Any]) -> bool:
    return bool(run["not_understood"])


def without_user_joined() -> str:
    text = (ROOT / "loadtest/profiles/socketio.toml").read_text()
    assert '"user joined"' in text
    return text.replace('"user joined"', '"user came"')


def with_framing_json() -> str:
    text = (ROOT / "loadtest/profiles/socketio.toml").read_text()
    text = "\n".join(line for line in text.split("\n") if not line.startswith("auth ="))  # which is of Socket.IO alone
    return text.replace('"socketio"', '"json"')


def without_an_answer() -> str:
    return '[socket]\nframing = "socketio"\n[handshake]\ntype = "hello"\n'


@dataclass(frozen=True)
class Case:
    """Eight players, of whom some leave and come back, until enough came about."""

    server: Callable[[], list[str] | None]
    arguments: tuple[object, ...]
    until: Enough
    profile: Callable[[], str] | None = None
    """The text of one of its own."""
    environment: Mapping[str, str] = field(default_factory=dict)


COLYSEUS = ("--protocol", "colyseus", "--mix", "host=1,browser=2,flapper=1", *DROPS, *ROOMS)
CASES = {
    "never answers": Case(
        lambda: python_server("broadcast"), ("--mix", "browser=1"), lambda run: count(run, "upgrade") > 0,
        profile=without_an_answer,
    ),
    "socketio": Case(
        node_server("socketio_rooms"),
        ("--protocol", "socketio", "--mix", "host=2,joiner=1,flapper=1", *DROPS, *ROOMS,
         "--visit-interval-s", "fixed:0.5", "--visit-s", "fixed:1", "--chat-interval-s", "fixed:0.3"),
        has_presence_rooms_and_lines,
    ),
    "colyseus_lobby": Case(node_server("colyseus_lobby"), COLYSEUS, has_rooms_of_colyseus),
    "colyseus_0_18": Case(node_server("colyseus_0_18"), COLYSEUS, has_rooms_of_colyseus),
    "broadcast": Case(
        lambda: python_server("broadcast"),
        ("--protocol", "broadcast", "--mix", "browser=1,flapper=1", *DROPS), has_presence,
    ),
    "specification": Case(
        express_command, ("--mix", "browser=1,flapper=1", *DROPS, "--jwt-secret", SECRET), has_presence,
        environment={"PEER_SECRET": SECRET},
    ),
    "mute": Case(
        node_server("socketio_rooms"), ("--protocol", "socketio", "--mix", "host=1,flapper=1", *DROPS, *ROOMS),
        has_lost, environment={"MUTE": "1"},
    ),
    "not described": Case(
        node_server("socketio_rooms"), ("--mix", "browser=1,flapper=1", *DROPS), is_strange,
        profile=without_user_joined,
    ),
    "no framing": Case(node_server("socketio_rooms"), ("--mix", "browser=1"), is_strange, profile=with_framing_json),
}  # fmt: skip


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


Answer = tuple[int, dict[str, Any]]
"""Exit code and run.json."""


@pytest.fixture(scope="module")
def answers(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[Answer]"]]:
    """Of all cases. What one of them raises is raised by its answer alone."""
    folder = tmp_path_factory.mktemp("swarms")
    commands = {name: case.server() for name, case in CASES.items()}  # one after the other: each may be installed first
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:

        def play(name: str) -> Answer:
            peer = served(stack, commands[name], **CASES[name].environment)
            return played(nursery, peer, folder / name, CASES[name])

        yield {name: pool.submit(play, name) for name in CASES}


def served(stack: ExitStack, command: list[str] | None, **environment: str) -> Peer:
    if command is None:
        missing("Node.js, npm or its registry is not there")
    return stack.enter_context(start_peer(command, cpus=None, environment=environment))


def played(nursery: Nursery, peer: Peer, folder: Path, case: Case) -> Answer:
    own: tuple[object, ...] = ()
    folder.mkdir()
    if case.profile is not None:
        (folder / "mine.toml").write_text(case.profile())
        own = ("--protocol", folder / "mine.toml")
    done = nursery.run_until(
        case.until, folder / "run", "--host", f"http://127.0.0.1:{peer.port}", "-u", PLAYERS, "-r", 20,
        "--settle-s", 2, "--phase", "all", "--seed", 4, "--heartbeat-interval-s", 1, *own, *case.arguments,
    )  # fmt: skip
    assert (folder / "run/run.json").exists(), done.errors[-3000:]
    assert "Traceback" not in done.errors, done.errors[-3000:]
    return done.code, json.loads((folder / "run/run.json").read_text())


Answers = Mapping[str, "Future[Answer]"]


def test_socketio_rooms_are_made_joined_and_heard_of(answers: Answers):
    code, run = answers["socketio"].result()
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
def test_colyseus_players_enter_over_http_and_hear_of_rooms(answers: Answers, version: str):
    """Of 0.16, and of 0.18, whose seats are told in another shape."""
    code, run = answers[version].result()
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


def test_a_wrong_way_in_is_told_before_the_run_with_the_answer(nursery: Nursery, tmp_path: Path):
    text = (ROOT / "loadtest/profiles/colyseus.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('"sessionId"', '"session.id"'))
    with ExitStack() as stack:
        peer = served(stack, installed_node(SERVERS / "colyseus_0_18"))
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


def test_a_broadcast_server_is_judged_by_what_it_tells(answers: Answers):
    code, run = answers["broadcast"].result()
    assert code == ExitCode.GOOD, run["errors"]
    presence = run["ledger"]["presence"]
    with unless_held_up(run):
        assert (presence["expected"] > 10, presence["lost"]) == (True, 0), presence
    assert presence["excused"] > 0, "that somebody left is not told"
    assert run["ledger"]["rooms"]["expected"] == 0
    assert metric(run, "heartbeat")["count"] > 8
    assert run["not_understood"] == {}


def test_the_server_of_the_specification_needs_no_profile(answers: Answers):
    code, run = answers["specification"].result()
    assert code == ExitCode.GOOD, run["errors"]
    with unless_held_up(run):
        assert (run["ledger"]["presence"]["expected"] > 10, run["ledger"]["presence"]["lost"]) == (True, 0)
    assert metric(run, "heartbeat")["count"] > 8


def test_a_message_that_is_not_described_is_shown_with_what_to_add(answers: Answers):
    _, run = answers["not described"].result()
    assert run["validity"]["level"] == "INVALID"
    [(kind, example)] = run["not_understood"].items()
    assert "user joined is not described: say what it means with [hears.…] types, or add it to ignores" in kind
    assert example.startswith('42["user joined",{"user":"player ')
    assert any("a profile has to describe it (--protocol)" in reason for reason in run["validity"]["reasons"])


def test_what_no_framing_fits_is_shown_as_it_came(answers: Answers):
    _, run = answers["no framing"].result()
    assert run["validity"]["level"] == "INVALID"
    assert any("no player was ever connected" in reason for reason in run["validity"]["reasons"])
    [(kind, example)] = run["not_understood"].items()
    assert "it is no JSON: choose another [socket] framing" in kind
    assert example.startswith('0{"sid":')


def test_a_server_that_never_answers_the_handshake_is_never_valid(answers: Answers):
    """The run is over before a handshake has timed out."""
    _, run = answers["never answers"].result()
    assert run["validity"]["level"] == "INVALID"
    assert "no player was ever connected: nothing was judged" in run["validity"]["reasons"]


def test_a_server_that_tells_nobody_of_anything_is_never_valid(answers: Answers):
    _, run = answers["mute"].result()
    assert run["validity"]["level"] != "VALID"
    assert run["ledger"]["presence"]["received"] == 0
    assert run["ledger"]["rooms"]["lost"] > 0
