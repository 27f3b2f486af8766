"""What a failed test leaves open is its own affair."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
OPEN = """
import gc, socket
import pytest

def has_open(what):
    opened = socket.socket()
    raise AssertionError(what)
"""
FAILS = """
def test_that_fails():
    has_open("here")
"""
FAILS_FOR_A_REASON = """
def test_that_fails():
    try:
        has_open("first")
    except AssertionError as error:
        raise ValueError("then") from error
"""
FIXTURE_FAILS = """
@pytest.fixture
def opened():
    has_open("in the fixture")

def test_that_fails(opened):
    pass
"""
EXPECTED_BY_A_MARK = """
@pytest.mark.xfail
def test_that_fails():
    has_open("as expected")
"""
EXPECTED_BY_ITS_ERROR = """
@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_that_fails():
    has_open("as expected")
"""
EXPECTED_BY_A_CALL = """
def test_that_fails():
    opened = socket.socket()
    pytest.xfail("as expected")
"""
EXPECTED_OTHERWISE = """
@pytest.mark.xfail(raises=OSError)
def test_that_fails():
    has_open("not as expected")
"""
PASSES_AND_LEAVES_IT = """
def test_that_passes():
    opened = socket.socket()
    opened.itself = [opened]  # not gone before the collector comes
"""
ANOTHER = """
def test_after_it():
    gc.collect()
"""


def outcomes(folder: Path, *tests: str, plugins: tuple[str, ...]) -> str:
    """The last line of a run of these tests."""
    (folder / "test_it.py").write_text(OPEN + "".join(tests))
    named = [word for plugin in (*plugins, "no:cacheprovider") for word in ("-p", plugin)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *named, "test_it.py"],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("failing", "kind"),
    [
        (FAILS, "1 failed"),
        (FAILS_FOR_A_REASON, "1 failed"),
        (FIXTURE_FAILS, "1 error"),
        (EXPECTED_OTHERWISE, "1 failed"),
    ],
    ids=["test", "with a cause", "fixture", "expected otherwise"],
)
def test_what_a_failed_test_left_open_fails_no_other(failing: str, kind: str, tmp_path: Path) -> None:
    said = outcomes(tmp_path, failing, ANOTHER, plugins=("tests.running.leftovers",))
    assert "1 passed" in said
    assert kind in said
    assert "2 failed" in outcomes(tmp_path, FAILS, ANOTHER, plugins=()), "or there is no need for it"


def test_test_that_passes_and_leaves_something_open_is_still_found(tmp_path: Path) -> None:
    said = outcomes(tmp_path, PASSES_AND_LEAVES_IT, ANOTHER, plugins=("tests.running.leftovers",))
    assert "failed" in said


@pytest.mark.parametrize(
    "expected",
    [EXPECTED_BY_A_MARK, EXPECTED_BY_ITS_ERROR, EXPECTED_BY_A_CALL],
    ids=["by a mark", "by its error", "by a call"],
)
def test_what_a_test_leaves_open_that_is_expected_to_fail_is_still_found(expected: str, tmp_path: Path) -> None:
    said = outcomes(tmp_path, expected, ANOTHER, plugins=("tests.running.leftovers",))
    assert "failed" in said
    assert said.split(" in ")[0] == outcomes(tmp_path, expected, ANOTHER, plugins=()).split(" in ")[0]
