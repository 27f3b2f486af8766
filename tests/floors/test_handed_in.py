"""Rules and service take time, chance, ids and threads from what they are given: so a run in virtual time follows from
its seed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.floors.graph import ROOT, imports_of, modules_of

SOURCES = frozenset({"time", "random", "secrets", "threading", "uuid", "os", "socket", "subprocess", "multiprocessing"})
"""Modules by which something comes in that was not handed in."""
WALL_CLOCKS = frozenset({"now", "utcnow", "today"})
"""Of `datetime`."""
STILL_USED: dict[str, set[str]] = {}
"""Module → what it still uses. This list only gets shorter."""
HANDED_IN = ("lobby_server.core", "lobby_server.service", "lobby_server.backplane")
MODULES = {name: path for package in HANDED_IN for name, path in modules_of(package).items()}


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_no_source_of_time_chance_or_threads(module: str) -> None:
    used = {name.split(".")[0] for name in imports_of(MODULES[module])} & SOURCES
    assert used == STILL_USED.get(module, set())


@pytest.mark.parametrize("module", MODULES)
def test_module_reads_no_wall_clock(module: str) -> None:
    assert wall_clocks_of(MODULES[module]) == []


def test_a_wall_clock_is_seen() -> None:
    assert wall_clocks_of(ROOT / "lobby_server" / "clock.py") == ["datetime.now"]


def wall_clocks_of(path: Path) -> list[str]:
    return [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
        and node.attr in WALL_CLOCKS
    ]
