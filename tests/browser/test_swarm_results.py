"""The page of a swarm's run, `run.html`, in a real browser: on a desk and on a phone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
SMALLEST_LETTERS_PX = 10.0
"""The height of a chart's title, on a phone: what is beside its axes is a little smaller."""
WRITE = """
import sys
from pathlib import Path
from gevent import monkey
monkey.patch_all()
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.conclusion import conclude, write_files
from loadtest.output.recording_options import read_run_options
recorder, long = Recorder(), "a-long-name-" * 8
recorder.count(f"body bytes in of POST /api/{long}", 4095)
recorder.record_request(("POST", f"/api/{long}"), None, long)
for number in range(30):
    recorder.record("fan-out of rooms", 0.001 * (1 + number))
facts = RunFacts(host="http://x", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=30.0)
found = conclude(recorder, facts, read_run_options({"threshold": ["reach == 1", "errors.rate < 5%"]}))
write_files(found, json_file=None, folder=Path(sys.argv[1]))
"""
"""In a process of its own: whoever imports the swarm has gevent's sockets from then on."""
BESIDE_THE_PAGE = """() => [...document.querySelectorAll("body *")]
    .filter((each) => each.parentElement.closest(".scroll, .charts > div") === null)
    .filter((each) => each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 80))"""
LETTERS = "() => [...document.querySelectorAll('svg .title')].map((each) => each.getBoundingClientRect().height)"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    subprocess.run([sys.executable, "-c", WRITE, str(folder)], check=True, cwd=ROOT, timeout=PATIENCE_S)
    return folder / "run.html"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_page_is_as_wide_as_the_window_and_its_charts_can_be_read(
    chromium: Any, size: dict[str, int], results: Path
) -> None:
    context = chromium.new_context(viewport=size)
    page = context.new_page()
    page.goto(results.as_uri())
    assert page.evaluate(BESIDE_THE_PAGE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    letters = page.evaluate(LETTERS)
    assert letters
    assert min(letters) > SMALLEST_LETTERS_PX
    context.close()
