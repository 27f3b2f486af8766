"""A saved run is drawn where no load generator is installed, or wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
STORED = ROOT / "tests" / "bench" / "data" / "smoke-run.json.gz"
GENERATORS = ("picows", "uvloop", "locust", "gevent", "bench.load", "bench.processes", "bench.scenarios")


def test_report_of_a_saved_run_is_drawn_without_any_load_generator(tmp_path: Path) -> None:
    code = f"""
import sys
from bench.cli import main
main(["report", "--from", {str(STORED)!r}, "--output", {str(tmp_path / "report")!r}], standalone_mode=False)
loaded = [name for name in {GENERATORS!r} if name in sys.modules]
print("loaded:", loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
