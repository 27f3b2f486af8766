"""Locust itself, as a user would run it: short, small, against servers of its own on 127.0.0.1.

Runs go side by side, for they wait most of the time; those that look at what a server knows have one to themselves.
"""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from loadtest.client import KeepAliveHttp, LobbyApi
from loadtest.results.exit_codes import ExitCode
from tests.loadtest.fakes import DEADLINE_S, JWT, FakeServer, wait_for
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import ROOT, RUN_TIMEOUT_S, SAVED_OFTEN, Done, Nursery, SavedRun, Swarm
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

NO_LIMIT = ("--auth-rate-per-min", "0")
TOKENS = 60
LIFE = {
    "WS upgrade", "WS handshake", "WS heartbeat", "GET /api/rooms", "GET /api/rooms (poll)", "POST /api/rooms",
    "DELETE /api/rooms/[id]",
}  # fmt: skip
"""Requests of hosts, browsers, flappers and pollers."""
COMINGS = sum(12 - number for number in range(12))
"""Of twelve players: each hears of itself and of all who come after it."""
LEFT_TO_MASTER = {"loadtest.run.orphans.INTERRUPT_AFTER_S": PATIENCE_S}
"""However long a master takes on a busy machine, its workers do not end before it."""
GONE = "loadtest: The master is gone, so this worker ends, too."


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, Target]]:
    """Servers, by who has them to itself."""
    flags = {
        "life": NO_LIMIT,
        "workers": NO_LIMIT,
        "others": (*NO_LIMIT, "--empty-room-ttl-s", "600"),
        "throttled": ("--auth-rate-per-min", "1"),
    }
    targets = {name: Target(flags=list(given)) for name, given in flags.items()}
    with ExitStack() as stack, ThreadPoolExecutor(len(targets)) as pool:
        for started in [pool.submit(target.__enter__) for target in targets.values()]:
            stack.push(started.result())
        yield targets


@pytest.fixture(scope="module")
def tokens(targets: dict[str, Target]) -> dict[str, Path]:
    """A file for each server."""
    files = {}
    for name, target in targets.items():
        files[name] = target.data_dir / "tokens.txt"
        minted = (mint_receiver(target.jwt_secret, index).token for index in range(TOKENS))
        files[name].write_text("\n".join(minted))
    return files


@pytest.fixture(scope="module")
def runs(
    nursery: Nursery, targets: dict[str, Target], tokens: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Done, Path]]:
    """How each of them ended, and its file."""
    folder = tmp_path_factory.mktemp("swarms")
    for number, few in enumerate((2, 3)):
        dealt = _tokens_in(tokens["others"])
        (folder / f"few {few}").write_text("\n".join(dealt[10 * number : 10 * number + few]))
    others = targets["others"]
    http = KeepAliveHttp(others.http_url)
    left_over = {LobbyApi(http).create_room(token, gamemode="left over").id for token in _tokens_in(folder / "few 3")}
    http.close()
    commands: dict[str, tuple[object, ...]] = {
        "life": (
            "--tokens", tokens["life"], "-u", 20, "-r", 100, "--seed", 11,
            "--mix", "host=7,flapper=4,browser=4,poller=5", "--poll-interval-s", 1, "--heartbeat-interval-s", 0.5,
            "--room-interval-s", 2, "--room-lifetime-s", 1, "--drop-interval-s", 2,
            "--threshold", "heartbeat.count > 20", *SAVED_OFTEN,
        ),
        "workers": (
            "--tokens", tokens["workers"], "-u", 12, "-r", 100, "--processes", 2, "--seed", 3,
            "--mix", "host=1", "--heartbeat-interval-s", 0.5, "--room-interval-s", 2, "--room-lifetime-s", 1,
            "--threshold", "handshake.max < 1us", *SAVED_OFTEN,
        ),
        "register": ("-u", 3, "-r", 10, "--seed", 5),
        "left over": (
            "--tokens", folder / "few 3", "-u", 3, "-r", 10,
            "--mix", "host=1", "--room-interval-s", 0.5, "--room-lifetime-s", 0.2,
        ),
        "few tokens": ("--tokens", folder / "few 2", "-u", 5, "-r", 100),
        "orphans": ("--tokens", tokens["throttled"], "-u", 4, "-r", 100, "--processes", 2),
        "throttled": ("-u", 4, "-r", 100),
    }  # fmt: skip

    def given(name: str) -> tuple[object, ...]:
        host = "throttled" if name == "orphans" else name if name in targets else "others"
        return ("--host", targets[host].http_url, "--swarm-json", folder / f"{name}.json")

    commands["login"] = commands["register"]
    life, work = (SavedRun(folder / f"{name}.json") for name in ("life", "workers"))
    is_seen: dict[str, Callable[[Swarm], bool]] = {
        "life": lambda swarm: _has_lived(targets["life"]) and life.has(has_measured_all),
        "register": lambda swarm: _online(others, tokens["others"]) == 6,
        "few tokens": lambda swarm: swarm.has_ended,
        "workers": lambda swarm: work.has(has_counted_all),
        "login": lambda swarm: _online(others, tokens["others"]) == 3,
        "left over": lambda swarm: not left_over & set(_rooms(others)),
        "throttled": lambda swarm: "limits logins" in swarm.errors and _online(*throttled) > 4,
        "orphans": lambda swarm: _online(*throttled) > 4,
    }
    throttled = targets["throttled"], tokens["throttled"]
    swarms: dict[str, Swarm] = {}
    for wave in ([name for name in commands if name != "login"], ["login"]):
        swarms |= {name: nursery.start(*commands[name], *given(name), patches=LEFT_TO_MASTER) for name in wave}
        for name in wave:  # when all of its wave have shown what they are for
            wait_for(partial(is_seen[name], swarms[name]), deadline_s=RUN_TIMEOUT_S, what=name)
        for worker in swarms["workers"].workers(2) if "workers" in wave else ():
            worker.send_signal(signal.SIGINT)  # as Ctrl-C does
        for name in wave:
            swarms[name].stop(signal.SIGKILL if name == "orphans" else signal.SIGTERM)
        for name in wave:
            swarms[name].end()
        wait_for(lambda: _online(others, tokens["others"]) == 0, deadline_s=RUN_TIMEOUT_S, what="nobody is left")
    wait_for(lambda: swarms["orphans"].errors.count(GONE) == 2, deadline_s=RUN_TIMEOUT_S, what="the workers' end")
    return {name: (swarm.end(), folder / f"{name}.json") for name, swarm in swarms.items()}


def has_measured_all(run: dict[str, Any]) -> bool:
    """Each kind of request in the steady state, and how fresh the list is both ways, by most who have it."""
    requests = {f"{row['type']} {row['name']}": row for row in run["requests"]}
    series, made = {row["name"]: row["count"] for row in run["series"]}, run["events"].get("rooms made", 0)
    are_timed = requests.keys() >= LIFE and all(row["p50_ms"] > 0 for row in run["requests"])
    are_fresh = series.get("time to fresh, by push", 0) > 2 * made and series.get("time to fresh, by polling", 0) > 0
    return are_timed and are_fresh and requests["WS heartbeat"]["count"] > 20


def has_counted_all(run: dict[str, Any]) -> bool:
    """What twelve players hear of each other as they come, heartbeats, and rooms that others have heard of."""
    series = {row["name"]: row["count"] for row in run["series"]}
    events, requests = run["events"], {f"{row['type']} {row['name']}": row for row in run["requests"]}
    return (
        events.get("connections established") == 12
        and events.get("received user_online", 0) >= COMINGS
        and requests.get("WS heartbeat", {"count": 0})["count"] > 0
        and series.get("time to fresh, by push", 0) >= events.get("rooms made", 0) > 0
    )


def figures(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The whole file; requests and series by name; events."""
    whole = json.loads(path.read_text())
    requests = {f"{row['type']} {row['name']}": row for row in whole["requests"]}
    return whole, requests, {row["name"]: row for row in whole["series"]}, whole["events"]


def test_a_run_that_is_terminated_has_measured_and_ends_well(
    runs: dict[str, tuple[Done, Path]], targets: dict[str, Target], tokens: dict[str, Path]
):
    done, out = runs["life"]
    assert done.code == 0, done.errors
    assert "Traceback" not in done.errors
    whole, requests, series, events = figures(out)
    assert whole["seed"] == 11
    assert whole["users"] == {"browser": 4, "flapper": 4, "host": 7, "poller": 5}

    assert requests["WS handshake"]["count"] >= 15
    assert 0 <= events["connection attempts"] - requests["WS upgrade"]["count"] <= 4, (
        "but for those under way at the end"
    )
    polls = requests["GET /api/rooms (poll)"]["count"] + events.get("polls skipped", 0)
    [steady_s] = [moment["at_s"] for moment in whole["moments"] if moment["text"] == "steady state"]
    with unless_held_up(whole):
        least, most = 5 * (whole["duration_s"] - steady_s), 5 * whole["duration_s"]
        assert least - 10 <= polls <= most + 10, "one a second each, at phases of their own, once all are there"
    assert requests["WS heartbeat"]["count"] > 20
    assert series["lateness of the swarm"]["count"] > requests["WS heartbeat"]["count"], "of heartbeats, too"
    assert requests["POST /api/rooms"]["count"] == events["rooms made"]
    assert requests["DELETE /api/rooms/[id]"]["count"] == events["rooms deleted"]
    for name, row in requests.items():
        assert row["failures"] == 0, (name, row["errors"])
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"] < RUN_TIMEOUT_S * 1000, name
    assert not {row["name"] for row in whole["requests"]} & {"rooms_changed", "user_online", "user_offline"}

    too_late = events["received handshake_accepted"] - events["connections established"]
    assert 0 <= too_late <= 4, "but for flappers who were leaving when they were let in"
    assert events["received user_online"] >= 15
    assert events["received rooms_changed"] > 0
    assert events["connections dropped on purpose"] == events["connections lost"] > 0
    assert "closed with none" not in events

    assert series["time to fresh, by push"]["count"] > events["rooms made"]
    assert 0 < series["time to fresh, by push"]["p50_ms"] < series["time to fresh, by polling"]["p50_ms"]
    assert "received rooms_changed" in done.errors
    wait_for(lambda: _online(targets["life"], tokens["life"]) == 0, what="every player said goodbye")
    assert len(_rooms(targets["life"])) <= 1, "they deleted their rooms, but for one that was just being made"


def test_players_make_accounts_and_a_second_run_finds_them(runs: dict[str, tuple[Done, Path]]):
    for made in ("register", "login"):
        done, out = runs[made]
        assert done.code == 0, done.errors
        _, requests, _, events = figures(out)
        assert requests[f"POST /api/auth/{made}"]["count"] == 3
        assert events["connections established"] == 3
        assert events.get("accounts found made", 0) == (3 if made == "login" else 0)


def test_two_workers_count_what_the_server_counts(runs: dict[str, tuple[Done, Path]], targets: dict[str, Target]):
    done, out = runs["workers"]
    assert done.code == 3, "its threshold cannot be met"
    assert "✗ handshake.max < 1us" in done.errors
    assert "Exit code 3: a threshold was missed." in done.errors
    whole, requests, series, events = figures(out)
    assert whole["users"] == {"host": 12}
    assert events["connections established"] == requests["WS handshake"]["count"] == 12
    assert COMINGS <= events["received user_online"] <= 144
    answered = requests["WS heartbeat"]["count"]
    assert 0 < answered <= events["received pong"] <= events["sent ping"]
    sent = sum(number for name, number in events.items() if name.startswith("sent "))
    assert sent >= 12 + events["sent ping"]
    wait_for(lambda: _heard_by(targets["workers"])["lobby_messages_in_total"] == sent, what="the server's own count")
    assert _heard_by(targets["workers"])["lobby_handshakes_accepted_total"] == 12
    assert events["rooms made"] == requests["POST /api/rooms"]["count"] > 0
    assert series["time to fresh, by push"]["count"] >= events["rooms made"]
    assert not [reason for reason in whole["validity"]["reasons"] if "arrive" in reason], "every report came"


def test_rooms_that_an_earlier_run_left_are_taken_over(runs: dict[str, tuple[Done, Path]]):
    done, out = runs["left over"]
    assert done.code == 0, done.errors
    assert figures(out)[3]["rooms found made"] == 3


def test_a_throttled_login_waits_as_told_and_says_so_once(runs: dict[str, tuple[Done, Path]]):
    done, out = runs["throttled"]
    assert done.code == 0, done.errors
    assert done.errors.count("The server limits logins (429)") == 1
    _, requests, _, events = figures(out)
    assert events["throttled (429)"] >= 1
    assert 1 <= requests["POST /api/auth/register"]["count"] < 4
    assert requests["POST /api/auth/register"]["failures"] == 0


def test_tokens_for_fewer_players_than_asked_for_are_wrong_usage(runs: dict[str, tuple[Done, Path]]):
    done, out = runs["few tokens"]
    assert done.code == ExitCode.USAGE, done.errors
    assert (
        "few 2 holds 2 tokens and 5 players need one each: mint more (lobby-server mint-tokens --count 5)"
        in done.errors
    )
    assert "Traceback" not in done.errors
    assert not out.exists(), "nothing was measured"


def test_forked_workers_end_when_their_master_was_killed(
    runs: dict[str, tuple[Done, Path]], targets: dict[str, Target], tokens: dict[str, Path]
):
    done, _ = runs["orphans"]
    assert done.code == -signal.SIGKILL
    assert done.errors.count(GONE) == 2, "each says so once"
    assert "Traceback" not in done.errors
    wait_for(lambda: _online(targets["throttled"], tokens["throttled"]) == 0, what="players said goodbye")


# -- bad input: one sentence, exit code 2 -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refusals(
    nursery: Nursery, targets: dict[str, Target], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Done]]:
    """Every kind of bad input at once: each run ends before it begins, so they do not disturb one another."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "bad").write_text(f"{JWT}\nwhat\n")
    (folder / "empty").write_text("")
    (folder / "foreign").write_text(JWT)
    known = ("--host", targets["others"].http_url)
    with FakeServer(lambda peer: peer.answer_http(404)) as stranger:
        arguments: dict[str, tuple[object, ...]] = {
            "no host": (),
            "nobody": ("--host", "http://127.0.0.1:1"),
            "nobody for workers": ("--host", "http://127.0.0.1:1", "--processes", 2),
            "stranger": ("--host", f"http://127.0.0.1:{stranger.port}"),
            "bad": (*known, "--tokens", folder / "bad"),
            "empty": (*known, "--tokens", folder / "empty"),
            "missing": (*known, "--tokens", folder / "missing"),
            "foreign": (*known, "--tokens", folder / "foreign"),
            "share": (*known, "--drop-share", 2),
            "feature": (*known, "--features", "drain,telepathy"),
            "threshold": (*known, "--threshold", "fanout < 250ms"),
        }
        running = {name: nursery.start("-u", 2, "-t", "2s", *given) for name, given in arguments.items()}
        yield {name: swarm.end() for name, swarm in running.items()}


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("no host", r"Name the server to load: --host http://localhost:30820\."),
        (
            "nobody",
            r"No server answers at http://127\.0\.0\.1:1 \(connection refused\): start one with lobby-server, .*",
        ),
        ("nobody for workers", r"No server answers at http://127\.0\.0\.1:1 \(connection refused\): .*"),
        ("stranger", r"What answers at http://127\.0\.0\.1:\d+ is no lobby server .*"),
        ("bad", r"--tokens: line 2 of .* is no JWT: .*"),
        ("empty", r"--tokens: .* holds no token: make some with lobby-server mint-tokens .*"),
        ("missing", r"--tokens: .* cannot be read: No such file or directory\."),
        ("foreign", r"The server at .* does not take the first token of .*: mint them with its secret .*"),
        ("share", r"--drop-share must be a share from 0 to 1\."),
        ("feature", r"--features: telepathy is no feature: choose from rev, .*\."),
        ("threshold", r"Threshold 'fanout < 250ms': say which figure of fanout, as in fanout\.p99 or \.max\."),
    ],
)
def test_bad_input_ends_with_one_sentence_and_exit_code_2(refusals: dict[str, Done], case: str, sentence: str):
    code, errors = refusals[case].code, refusals[case].errors
    assert code == 2, errors
    assert "Traceback" not in errors
    said = [line.removeprefix("loadtest: ") for line in errors.splitlines() if line.startswith("loadtest: ")]
    assert len(said) == 1, errors
    assert re.fullmatch(sentence, said[0]), said[0]


def test_the_command_itself_ends_with_a_usage_error():
    """As it is typed; all the others are forks that have imported Locust already."""
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--poller-share", "many"],
        capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "invalid float value: 'many'" in done.stderr


def _has_lived(target: Target) -> bool:
    """Some players lost their connection and are back, and there were heartbeats, rooms and polls."""
    figures = _heard_by(target)
    least = {
        "lobby_handshakes_accepted_total": 18,
        "lobby_messages_in_total": 80,
        'lobby_events_published_total{type="rooms_changed"}': 6,
    }
    return all(figures.get(name, 0) >= number for name, number in least.items())


def _heard_by(target: Target) -> dict[str, float]:
    """Its metrics."""
    with urllib.request.urlopen(f"{target.http_url}/metrics", timeout=DEADLINE_S) as answer:
        lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(number) for name, number in lines}


def _online(target: Target, tokens: Path) -> int:
    http = KeepAliveHttp(target.http_url, timeout_s=DEADLINE_S)
    try:
        return len(LobbyApi(http).online_users(tokens.read_text().split()[-1]))
    finally:
        http.close()


def _rooms(target: Target) -> list[str]:
    http = KeepAliveHttp(target.http_url, timeout_s=DEADLINE_S)
    try:
        return [room.id for room in LobbyApi(http).rooms().rooms or ()]
    finally:
        http.close()


def _tokens_in(path: Path) -> list[str]:
    return path.read_text().split()
