"""The calibration itself, by its command: it runs to its end, and at 1,000 players its figures are above the floors."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import table
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]


def calibrate(*arguments: str, timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtest.calibrate", *arguments],
        capture_output=True, text=True, cwd=ROOT, timeout=timeout_s,
    )  # fmt: skip


def figures_of(words: str) -> dict[str, float]:
    """The first number of each row of the table that it prints; NaN where it says that a part was not measured."""
    rows = re.findall(r"^(\S.*?) {2,}(not measured|[\d,.]+)", words, re.M)
    return {title: float(text.replace(",", "")) if text[0].isdigit() else math.nan for title, text in rows}


@pytest.mark.timeout(150)
def test_a_small_calibration_runs_to_its_end_with_the_rows_of_the_page():
    done = calibrate("--quick", "--players", "300")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert " · 300 players · " in done.stdout
    figures = figures_of(done.stdout)
    heard = ("connecting", "idle", "events, one by one", "events, in bursts")
    assert all(figures[title] > 0 for title in heard), done.stdout
    assert list(figures) == [
        row[0].split(", heartbeats")[0] for row in table("swarm.md", "How much one process carries")
    ]


@pytest.mark.slow
def test_a_quick_calibration_is_above_the_floors():
    done = calibrate("--quick")
    assert done.returncode == 0, done.stderr
    figures = figures_of(done.stdout)
    assert figures["memory"] <= 60, "KiB per player, a thousand players bearing what the first ones bring in"
    assert figures["events, one by one"] >= 30_000
    assert figures["events, in bursts"] >= 80_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "http://localhost:1"], "--host needs --jwt-secret"),
        (["--players", "1"], "1 is no number of players from 2 on"),
        (["--players", "many"], "many is no number of players from 2 on"),
    ],
)
def test_what_it_cannot_do_is_a_usage_error(arguments: list[str], sentence: str):
    done = calibrate(*arguments, timeout_s=PATIENCE_S)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
