"""The role that docs/swarm.md shows, run as the page says, in two processes, from the text of the page."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from tests.docs.markdown import DOCS, section
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import own_port, run_command_until

pytestmark = pytest.mark.system

PAGE = section((DOCS / "swarm.md").read_text(encoding="utf-8"), "Roles of your own")
WITHIN_S = 5.0
"""A machine that holds a process up for a second loses no cheer; the page's second is for a server that is measured."""


def test_the_example_is_short():
    assert len(example().splitlines()) < 40


def test_the_example_of_the_page_measures_what_it_promises(tmp_path: Path):
    assert example().count("within_s=1.0") == 1
    (tmp_path / "spectator.py").write_text(example().replace("within_s=1.0", f"within_s={WITHIN_S}"))
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        tokens = (mint_receiver(target.jwt_secret, number).token for number in range(60))
        (tmp_path / "tokens.txt").write_text("\n".join(tokens))
        command = [*command_of_the_page(), "--processes", "2", "-r", "60", "--accept-invalid", "--phase", "all"]
        command[command.index("--host") + 1] = target.http_url
        command[command.index("--room-interval-s") + 1] = "12"
        command[command.index("--room-lifetime-s") + 1] = "12"
        done = run_command_until(has_cheered, tmp_path, *command, *own_port(), environment={"PATH": "/usr/bin:/bin"})
    assert done.code in (0, 3), done.errors[-3000:]  # a busy machine may miss the threshold of 250 ms
    run = json.loads((tmp_path / "run/run.json").read_text())
    assert run["users"] == {"host": 12, "spectator": 48}
    assert run["counts"]["cheers_given"] == run["events"]["cheers given"] > 0
    with unless_held_up(run):
        assert run["counts"]["reach_cheer_heard"] == 1, run["ledger"]["own"]
    tally = run["ledger"]["own"]["cheer_heard"]
    assert tally["expected"] > tally["events"] > 10, f"several hear each: {tally}"
    assert (tally["duplicates"], tally["unexpected"]) == (0, 0)
    metrics = {row["name"]: row for row in run["metrics"]}
    assert metrics["asked_to_seated"]["count"] > 0
    assert 0 < metrics["cheer_heard"]["count"] <= tally["received"] + tally["late"], "without what a stall delayed"
    assert run["arguments"]["cheer_interval_s"] == "exp:2"
    page = (tmp_path / "run/run.html").read_text()
    assert "Asked to seated" in page
    assert "Cheer_heard" in page
    cases = {case.get("name") for case in ElementTree.parse(tmp_path / "run/junit.xml").iter("testcase")}
    assert "reach_cheer_heard == 1" in cases
    assert "Asked to seated" in done.errors
    assert "cheer_heard" in done.errors


def has_cheered(run: dict[str, Any]) -> bool:
    """All players are there, rooms were joined and deleted, and what several were to hear of most cheers has come."""
    tally = run["ledger"]["own"].get("cheer_heard", {"events": 0, "expected": 0})
    series = {row["name"] for row in run["metrics"]}
    is_whole = sum(run["users"].values()) == 60 and {"asked_to_seated", "cheer_heard"} <= series
    return is_whole and run["events"].get("rooms deleted", 0) > 0 and tally["expected"] > tally["events"] > 30


def example() -> str:
    return re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]


def command_of_the_page() -> list[str]:
    """Without the name of the program."""
    text = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
    words = shlex.split(text.replace("\\\n", " "))
    assert words[0] == "lobby-swarm"
    return words[1:]
