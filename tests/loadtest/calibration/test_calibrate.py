"""The calibration itself, quick and at true length of its phases: it runs, and its figures are above the floors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_quick_calibration_is_above_the_floors():
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.calibrate", "--quick"], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    figures = {
        title: float(number.replace(",", ""))
        for title, number in re.findall(r"^(memory|events, one by one|events, in bursts) +([\d,.]+)", done.stdout, re.M)
    }
    assert figures["memory"] <= 60, "KiB per player, a thousand players bearing what the first ones bring in"
    assert figures["events, one by one"] >= 30_000
    assert figures["events, in bursts"] >= 80_000


def test_a_host_without_its_secret_is_a_usage_error():
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.calibrate", "--host", "http://localhost:1"],
        capture_output=True, text=True, cwd=ROOT, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--host needs --jwt-secret" in done.stderr
    assert "Traceback" not in done.stderr
