"""The README is short, and the repository holds what it is meant to hold. Its links and commands: tests/docs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.installed import program
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_page_is_short() -> None:
    assert README.count("\n") <= 150


TOP_LEVEL = {
    "README.md", "setup.cfg", "tox.ini", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in",
    "lobby_server", "loadtest", "bench", "deploy", "docs", "findings", "reports", "tests",
}  # fmt: skip


def test_top_level_holds_what_it_is_meant_to_hold() -> None:
    built = {"build", "dist", "lobby-data", "venv", "lobby_server.egg-info", "__pycache__"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - built == TOP_LEVEL


def test_nothing_else_is_kept_in_the_repository() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    git = [program("git", package="git"), "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except subprocess.CalledProcessError:
        pytest.skip("this is no clone of its own")
    assert {path.partition("/")[0] for path in listed.stdout.splitlines()} == TOP_LEVEL | {".ci", ".gitignore"}


def test_what_the_first_commands_make_is_not_in_their_way() -> None:
    made = re.findall(r"python3 -m venv (\S+)", README)
    assert made
    assert [path for path in made if (ROOT / path).is_file()] == []
