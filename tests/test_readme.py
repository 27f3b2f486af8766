"""What the README says of flags and files is so."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

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


def test_top_level_holds_what_it_is_meant_to_hold() -> None:
    allowed = {
        "README.md", "setup.cfg", "tox.ini", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md",
        "lobby_server", "loadtest", "bench", "reports", "tests",
    }  # fmt: skip
    built = {"build", "dist", "lobby-data", "venv", "lobby_server.egg-info", "__pycache__"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - built == allowed
