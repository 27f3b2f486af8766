"""A whole run in two processes against a real server, in which rooms have a life and socializers quarrel: every deed
happens, and of everything that the contract promises to tell, everybody was told."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import own_port, run_command_until

pytestmark = pytest.mark.system

DEEDS = (
    "rooms made", "room settings changed", "members kicked", "room bans lifted", "rooms handed over",
    "rooms given back", "rooms started", "times ready", "room codes used", "rooms deleted", "users reported",
    "users blocked", "user blocks lifted", "whereabouts chosen",
)  # fmt: skip
EXPECTATIONS = ("room_started", "room_handed_over", "room_kick", "room_ban_lifted", "own_change_told")
SERIES = ("room_settings_told", "hand_over_round_trip", "ready_told", "code_to_joined")
PLAYERS = 40


def test_all_deeds_happen_and_all_who_should_hear_of_them_do(tmp_path: Path):
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        tokens = (mint_receiver(target.jwt_secret, number).token for number in range(PLAYERS))
        (tmp_path / "tokens.txt").write_text("\n".join(tokens))
        command = [
            "--host", target.http_url, "--tokens", "tokens.txt", "--headless", "--only-summary", "-u", PLAYERS,
            "-r", PLAYERS, "--processes", "2", "--accept-invalid", "--phase", "all", "--seed", "4",
            "--mix", "host=2,joiner=5,socializer=3", "--mode", "room_state+own_changes+rooms_delta",
            "--room-life", "1", "--quarrel-share", "0.4", "--whereabouts-share", "0.5",
            "--room-interval-s", "fixed:8.5", "--room-lifetime-s", "fixed:8", "--visit-interval-s", "fixed:0.5",
            "--visit-s", "uniform:3-6", "--chat-interval-s", "fixed:1",
        ]  # fmt: skip
        done = run_command_until(is_enough, tmp_path, *command, *own_port(), environment={"PATH": "/usr/bin:/bin"})
    run = json.loads((tmp_path / "run/run.json").read_text())
    assert done.code == 0, done.errors[-3000:]
    assert not [event for event in run["events"] if event.startswith("faults of the role")], run["events"]
    assert {name for name in DEEDS if not run["events"].get(name)} == set()
    assert {row["name"] for row in run["metrics"]} >= {*SERIES, *EXPECTATIONS}
    failures = {(row["type"], row["name"]): row["failures"] for row in run["requests"] if row["failures"]}
    assert failures == {}
    with unless_held_up(run):
        for name in EXPECTATIONS:
            tally = run["ledger"]["own"][name]
            assert tally["received"] == tally["expected"] > 0, (name, tally)
            assert (tally["duplicates"], tally["unexpected"]) == (0, 0), (name, tally)
            assert run["counts"][f"reach_{name}"] == 1
        assert run["counts"]["reach"] == 1, run["ledger"]


def is_enough(run: dict[str, Any]) -> bool:
    """Each deed came about several times, and what was expected of each kind is judged."""
    own = run["ledger"]["own"]
    are_judged = all(own.get(name, {"expected": 0})["expected"] >= 3 for name in EXPECTATIONS)
    series = {row["name"] for row in run["metrics"]}
    return are_judged and series >= set(SERIES) and all(run["events"].get(name, 0) >= 3 for name in DEEDS)
