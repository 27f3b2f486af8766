"""What the README says of flags and files is so."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from lobby_server.settings import ENVIRONMENT_ONLY, Settings, flag_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_has_its_row_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(--[a-z-]+)` \| (.*?) \|", README, re.MULTILINE))
    expected = {}
    for option in fields(Settings):
        if option.metadata[ENVIRONMENT_ONLY]:
            continue
        default, unit = option.default, option.metadata["unit"]
        text = "off" if default is False else f"{default:g}" if isinstance(default, float) else str(default)
        if unit and default is not False:
            text += f" {unit}"
        expected[flag_of(option.name)] = text or "–"
    assert rows == expected


def test_every_local_link_leads_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


TOP_LEVEL = {
    "README.md", "setup.cfg", "tox.ini", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md",
    "lobby_server", "loadtest", "bench", "docs", "reports", "tests",
}  # fmt: skip


def test_top_level_holds_what_it_is_meant_to_hold() -> None:
    built = {"build", "dist", "lobby-data", "venv", "lobby_server.egg-info", "__pycache__"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - built == TOP_LEVEL


def test_nothing_else_is_kept_in_the_repository() -> None:
    git = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no clone, or there is no git")
    assert {path.partition("/")[0] for path in listed.stdout.splitlines()} == TOP_LEVEL | {".ci", ".gitignore"}


def test_what_the_first_commands_make_is_not_in_their_way() -> None:
    made = re.findall(r"python3 -m venv (\S+)", README)
    assert made
    assert [path for path in made if (ROOT / path).is_file()] == []
