"""Locust itself, as a user would run it: short, small, against a server of its own on 127.0.0.1."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.target import Target
from loadtest.client import KeepAliveHttp, LobbyApi
from tests.loadtest.fakes import DEADLINE_S, JWT, FakeServer, wait_for

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 40.0
TOKENS = 60


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        yield target


@pytest.fixture(scope="module")
def tokens(target: Target) -> Path:
    path = target.data_dir / "tokens.txt"
    minted = subprocess.run(
        [
            sys.executable, "-m", "lobby_server", "--data-dir", str(target.data_dir),
            "mint-tokens", "--count", str(TOKENS),
        ],
        env={**os.environ, **target.environment}, capture_output=True, text=True, check=True, cwd=ROOT, timeout=30,
    )  # fmt: skip
    path.write_text(minted.stdout)
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("--headless", "--only-summary", "--accept-invalid", *arguments),  # a busy machine is no failure here
        capture_output=True, text=True, cwd=ROOT, timeout=RUN_TIMEOUT_S,
    )  # fmt: skip


def two_workers() -> tuple[object, ...]:
    """With a port of their own: another swarm on this machine has a master, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return ("--processes", 2, "--master-bind-port", port, "--master-port", port)


def figures(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The whole file; requests and series by name; events."""
    whole = json.loads(path.read_text())
    requests = {f"{row['type']} {row['name']}": row for row in whole["requests"]}
    return whole, requests, {row["name"]: row for row in whole["series"]}, whole["events"]


def test_a_short_run_measures_and_ends_well(target: Target, tokens: Path, tmp_path: Path):
    out = tmp_path / "swarm.json"
    done = run(
        "--host", target.http_url, "--tokens", tokens, "-u", 20, "-r", 100, "-t", "3s", "--seed", 11,
        "--mix", "host=7,flapper=4,browser=4,poller=5", "--poll-interval-s", 1, "--heartbeat-interval-s", 0.5,
        "--room-interval-s", 2, "--room-lifetime-s", 1, "--drop-interval-s", 2, "--swarm-json", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    whole, requests, series, events = figures(out)
    assert whole["seed"] == 11
    assert whole["users"] == {"browser": 4, "flapper": 4, "host": 7, "poller": 5}
    assert whole["duration_s"] == pytest.approx(3, abs=2)

    assert requests["WS handshake"]["count"] >= 15
    assert requests["WS upgrade"]["count"] == events["connection attempts"]
    assert requests["GET /api/rooms (poll)"]["count"] == pytest.approx(5 * 3, abs=8)
    assert requests["WS heartbeat"]["count"] > 50
    assert requests["POST /api/rooms"]["count"] == events["rooms made"]
    assert requests["DELETE /api/rooms/[id]"]["count"] == events["rooms deleted"]
    for name, row in requests.items():
        assert row["failures"] == 0, (name, row["errors"])
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"] < 5000, name
    assert not {row["name"] for row in whole["requests"]} & {"rooms_changed", "user_online", "user_offline"}

    assert events["received handshake_accepted"] == events["connections established"]
    assert events["received user_online"] >= 15
    assert events["received rooms_changed"] > 0
    assert events["connections dropped on purpose"] == events["connections lost"] > 0
    assert "closed with none" not in events

    assert series["time to fresh, by push"]["count"] > events["rooms made"]
    assert 0 < series["time to fresh, by push"]["p50_ms"] < series["time to fresh, by polling"]["p50_ms"]
    assert series["time to fresh, by push"]["p50_ms"] < 1000
    assert "received rooms_changed" in done.stderr
    wait_for(lambda: _online(target, tokens) == 0, what="every player said goodbye")
    assert _rooms(target) <= 1, "they deleted their rooms, but for one that was just being made"


def test_players_make_accounts_and_a_second_run_finds_them(target: Target, tmp_path: Path):
    for number, made in enumerate(("register", "login")):
        out = tmp_path / f"{number}.json"
        done = run("--host", target.http_url, "-u", 3, "-r", 10, "-t", "2s", "--seed", 5, "--swarm-json", out)
        assert done.returncode == 0, done.stderr
        _, requests, _, events = figures(out)
        assert requests[f"POST /api/auth/{made}"]["count"] == 3
        assert events["connections established"] == 3
        assert events.get("accounts found made", 0) == (3 if made == "login" else 0)


def test_two_workers_count_what_the_server_counts(target: Target, tokens: Path, tmp_path: Path):
    out = tmp_path / "swarm.json"
    done = run(
        "--host", target.http_url, "--tokens", tokens, "-u", 12, "-r", 100, "-t", "2s", *two_workers(), "--seed", 3,
        "--mix", "host=1", "--heartbeat-interval-s", 0.5, "--room-interval-s", 2, "--room-lifetime-s", 1,
        "--swarm-json", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole, requests, series, events = figures(out)
    assert whole["users"] == {"host": 12}
    assert events["connections established"] == requests["WS handshake"]["count"] == 12
    assert sum(12 - number for number in range(12)) <= events["received user_online"] <= 144
    answered = requests["WS heartbeat"]["count"]
    assert events["sent ping"] - 12 <= answered <= events["received pong"], "but for those under way at the end"
    assert events["rooms made"] == requests["POST /api/rooms"]["count"] > 0
    assert series["time to fresh, by push"]["count"] >= events["rooms made"]


def test_rooms_that_an_earlier_run_left_are_taken_over(target: Target, tokens: Path, tmp_path: Path):
    http = KeepAliveHttp(target.http_url)
    few, out = tmp_path / "few", tmp_path / "swarm.json"
    few.write_text("\n".join(tokens.read_text().split()[-3:]))
    for token in few.read_text().split():
        LobbyApi(http).create_room(token, gamemode="left over")
    http.close()
    done = run(
        "--host", target.http_url, "--tokens", few, "-u", 3, "-r", 10, "-t", "2s",
        "--mix", "host=1", "--room-interval-s", 0.5, "--room-lifetime-s", 0.2, "--swarm-json", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert figures(out)[3]["rooms found made"] == 3


def test_a_throttled_login_waits_as_told_and_says_so_once(tmp_path: Path):
    out = tmp_path / "swarm.json"
    with Target(flags=["--auth-rate-per-min", "2"]) as target:
        done = run("--host", target.http_url, "-u", 4, "-r", 100, "-t", "1s", "--swarm-json", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The server limits logins (429)") == 1
    _, requests, _, events = figures(out)
    assert events["throttled (429)"] >= 1
    assert 1 <= requests["POST /api/auth/register"]["count"] < 4
    assert requests["POST /api/auth/register"]["failures"] == 0


def test_too_few_tokens_is_said_once_and_the_others_play(target: Target, tokens: Path, tmp_path: Path):
    few, out = tmp_path / "few", tmp_path / "swarm.json"
    few.write_text("\n".join(tokens.read_text().split()[:2]))
    done = run("--host", target.http_url, "--tokens", few, "-u", 5, "-r", 100, "-t", "1s", "--swarm-json", out)
    assert done.stderr.count("All 2 tokens are in use") == 1
    assert "Traceback" not in done.stderr
    _, _, _, events = figures(out)
    assert events["connections established"] == 2


def test_a_termination_in_the_middle_ends_it_well(target: Target, tokens: Path, tmp_path: Path):
    out = tmp_path / "swarm.json"
    arguments = ("--host", target.http_url, "--tokens", tokens, "-u", 10, "-r", 100, "--swarm-json", out)
    process = subprocess.Popen(
        command("--headless", "--only-summary", *arguments),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        wait_for(lambda: _online(target, tokens) == 10, deadline_s=15)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=RUN_TIMEOUT_S)
    assert process.returncode == 0, errors
    assert figures(out)[3]["connections established"] == 10
    wait_for(lambda: _online(target, tokens) == 0)


# -- bad input: one sentence, exit code 2 -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refusals(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every kind of bad input at once: each run ends before it begins, so they do not disturb one another."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "bad").write_text(f"{JWT}\nwhat\n")
    (folder / "empty").write_text("")
    (folder / "foreign").write_text(JWT)
    with FakeServer(lambda peer: peer.answer_http(404)) as stranger:
        arguments: dict[str, tuple[object, ...]] = {
            "no host": (),
            "nobody": ("--host", "http://127.0.0.1:1"),
            "nobody for workers": ("--host", "http://127.0.0.1:1", *two_workers()),
            "stranger": ("--host", f"http://127.0.0.1:{stranger.port}"),
            "bad": ("--host", target.http_url, "--tokens", folder / "bad"),
            "empty": ("--host", target.http_url, "--tokens", folder / "empty"),
            "missing": ("--host", target.http_url, "--tokens", folder / "missing"),
            "foreign": ("--host", target.http_url, "--tokens", folder / "foreign"),
            "share": ("--host", target.http_url, "--drop-share", 2),
            "feature": ("--host", target.http_url, "--features", "drain,telepathy"),
        }
        running = {
            name: subprocess.Popen(
                command("--headless", "--only-summary", "-u", 2, "-t", "2s", *given),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            )
            for name, given in arguments.items()
        }  # fmt: skip
        said = {name: process.communicate(timeout=RUN_TIMEOUT_S)[1] for name, process in running.items()}
        yield {name: (running[name].returncode, said[name]) for name in arguments}


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("no host", r"Say which server to load: --host http://localhost:30820\."),
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
    ],
)
def test_bad_input_ends_with_one_sentence_and_exit_code_2(refusals: dict[str, Any], case: str, sentence: str):
    code, errors = refusals[case]
    assert code == 2, errors
    assert "Traceback" not in errors
    said = [line.removeprefix("loadtest: ") for line in errors.splitlines() if line.startswith("loadtest: ")]
    assert len(said) == 1, errors
    assert re.fullmatch(sentence, said[0]), said[0]


def test_a_number_that_is_none_is_a_usage_error():
    done = run("--host", "http://127.0.0.1:1", "--poller-share", "many")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "invalid float value: 'many'" in done.stderr


def _online(target: Target, tokens: Path) -> int:
    http = KeepAliveHttp(target.http_url, timeout_s=DEADLINE_S)
    try:
        return len(LobbyApi(http).online_users(tokens.read_text().split()[-1]))
    finally:
        http.close()


def _rooms(target: Target) -> int:
    http = KeepAliveHttp(target.http_url, timeout_s=DEADLINE_S)
    try:
        return len(LobbyApi(http).rooms().rooms or ())
    finally:
        http.close()
