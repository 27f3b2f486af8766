"""The modules of the pages: folders that one takes in at a glance, and imports between them that point down only."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from lobby_server.web.pages import STATIC
from tests.floors.graph import circles

MOST_FILES = 15
"""Of one folder."""
MOST_LINES = 400
"""Of one module that is no table of words."""
LOBBY = STATIC / "lobby"
FLOORS: dict[str, set[str]] = {
    "base": set(),
    "words": {"base"},
    "server": {"base", "words"},
    "frame": {"base", "words"},
    "account": {"base", "words", "server", "frame"},
    "rooms": {"base", "words", "frame"},
    "social": {"base", "words", "frame"},
}
"""Folders of the lobby, and what each may import besides itself. The operations page stands beside the upper ones."""
OF_OPERATIONS = {"base", "words", "server", "frame"}
MODULES = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
_STATIC_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)";$', re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)";$|\bimport\("([^"]+)"\)', re.MULTILINE | re.DOTALL)


def imports_of(path: Path) -> list[Path]:
    found = ["".join(names) for names in _IMPORT.findall(path.read_text(encoding="utf-8"))]
    return [(path.parent / name).resolve() for name in found]


def name_of(path: Path) -> str:
    return str(path.relative_to(STATIC.resolve() if path.is_relative_to(STATIC.resolve()) else STATIC))


def test_every_folder_is_taken_in_at_a_glance() -> None:
    counts = Counter(path.parent for path in MODULES)
    assert {name_of(folder): count for folder, count in counts.items() if count > MOST_FILES} == {}
    assert counts[LOBBY] == 0, "every module is in a folder that says what it is about"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_has_one_idea(path: Path) -> None:
    is_table = re.fullmatch(r"words_\w\w\.js", path.name) is not None
    assert is_table or len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_modules_import_in_no_circle() -> None:
    graph = {name_of(path.resolve()): {name_of(each) for each in imports_of(path)} for path in MODULES}
    assert sum(map(len, graph.values())) > 150, "the imports are read here"
    assert circles(graph) == []


def test_every_folder_of_the_lobby_has_its_floor() -> None:
    assert sorted(path.name for path in LOBBY.iterdir()) == sorted(FLOORS)


@pytest.mark.parametrize("folder", FLOORS)
def test_folder_imports_those_below_it_only(folder: str) -> None:
    imported = [each for path in (LOBBY / folder).glob("*.js") for each in imports_of(path)]
    used = {each.relative_to(LOBBY.resolve()).parts[0] for each in imported}
    assert used - {folder} == FLOORS[folder]
    assert list(FLOORS).index(folder) > max((list(FLOORS).index(each) for each in FLOORS[folder]), default=-1)


def test_operations_page_needs_nothing_of_what_only_players_see() -> None:
    modules = [STATIC / "ops.js", STATIC / "ops_page.js", *(STATIC / "ops").glob("*.js")]
    used = {each for path in modules for each in imports_of(path) if each.is_relative_to(LOBBY.resolve())}
    assert {each.relative_to(LOBBY.resolve()).parts[0] for each in used} == OF_OPERATIONS
    for path in LOBBY.rglob("*.js"):
        assert not [each for each in imports_of(path) if not each.is_relative_to(LOBBY.resolve())], path


@pytest.mark.parametrize("name", ["lobby", "ops"])
def test_page_names_the_modules_that_its_words_wait_for(name: str) -> None:
    """They are fetched side by side; otherwise each would be known of once the one before it has come."""
    needed, found = set(), [STATIC / f"{name}.js"]
    while found:
        path = found.pop()
        here = [path.parent / each for each in _STATIC_IMPORT.findall(path.read_text(encoding="utf-8"))]
        found += [each.resolve() for each in here if each.resolve() not in needed]
        needed |= {each.resolve() for each in here}
    page = (STATIC / {"lobby": "index.html", "ops": "ops.html"}[name]).read_text(encoding="utf-8")
    preloaded = re.findall(r'<link rel="modulepreload" href="static/([^"]+)">', page)
    assert sorted(preloaded) == sorted(name_of(each) for each in needed)
    assert len(needed) >= 3


def test_modules_are_imported_by_something() -> None:
    imported = {each for path in MODULES for each in imports_of(path)}
    entries = {(STATIC / name).resolve() for name in ("lobby.js", "ops.js")}
    assert {path.resolve() for path in MODULES} - imported == entries
