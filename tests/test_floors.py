"""Imports point down only: the floors of the house, read from the source."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tests.floors
from tests.floors.graph import ROOT, circles, crossings, folders_of, graph_of, imports_of, modules_of, place_of

MOST_FILES = 15
"""Python files at one level of a package, its ``__init__`` among them: what one takes in at a glance."""
MOST_LINES = 400
"""Of one module: a longer one has a second idea in it."""
TABLES: list[ModuleType] = [
    table
    for found in pkgutil.iter_modules(tests.floors.__path__, "tests.floors.")
    if hasattr(table := importlib.import_module(found.name), "PACKAGE")
]

# What each floor may import of the project, and of the libraries that mark a floor.
SERVER_FLOORS = {
    "protocol": {"protocol"},
    "core": {"core", "protocol"},
    "service": {"service", "core", "protocol", "settings"},
    "store": {"store", "service", "core", "protocol"},
    "backplane": {"backplane", "service", "core", "protocol"},
    "mail": {"mail", "service", "core", "protocol"},
    "web": {"web", "service", "core", "protocol", "settings"},
    "settings": {"option_table", "options"},
    "option_table": {"options"},
}
LIBRARY_OWNERS = {
    "tornado": {"web", "server", "cli"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "asyncpg": {"store"},
    "redis": {"backplane"},
    "hiredis": {"backplane"},
    "smtplib": {"mail"},
    "prometheus_client": {"web"},
    "click": {"cli", "flags"},
    "time": {"clock", "server", "web", "store", "process"},
}

VIRTUAL_TIME = ("bench.simulation", "bench.prediction.virtual")
"""The places of the lab that run the server's own code, in virtual time; sockets and databases are not in them."""


def floor_of(path: Path) -> str:
    inside = path.relative_to(ROOT / "lobby_server").parts
    return inside[0].removesuffix(".py")


def second_part(module: str) -> str:
    """Of a dotted name: the package or module right below its package."""
    return module.split(".")[1] if "." in module else ""


def project_part(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "lobby_server" and len(parts) > 1 else None


@pytest.mark.parametrize("path", modules_of("lobby_server").values(), ids=lambda path: str(path.relative_to(ROOT)))
def test_server_module_imports_only_its_own_floor_and_those_below(path: Path) -> None:
    floor = floor_of(path)
    names = imports_of(path)
    allowed = SERVER_FLOORS.get(floor)
    if allowed is not None:
        known = {floor.stem for floor in (ROOT / "lobby_server").iterdir()}
        used = {part for name in names if (part := project_part(name)) in known}
        assert used <= allowed, f"{floor} must not import {sorted(used - allowed)}"
    for library, owners in LIBRARY_OWNERS.items():
        uses = any(name == library or name.startswith(library + ".") for name in names)
        assert not uses or floor in owners, f"{floor} must not import {library}"
    assert not any(name.split(".")[0] in ("loadtest", "bench") for name in names)


@pytest.mark.parametrize("package", ["loadtest", "bench"])
def test_lab_and_swarm_know_the_vocabulary_and_nothing_else_of_the_server(package: str) -> None:
    for module, path in modules_of(package).items():
        if module.startswith(VIRTUAL_TIME):
            continue
        for name in imports_of(path):
            if name.split(".")[0] == "lobby_server":
                assert project_part(name) in (None, "protocol", "__version__"), f"{path} imports {name}"
                assert name == "lobby_server" or project_part(name) is not None
            assert package == "bench" or name.split(".")[0] != "bench", f"{path} imports {name}"


@pytest.mark.parametrize("package", VIRTUAL_TIME)
def test_what_runs_in_virtual_time_has_rules_service_and_log_and_no_socket(package: str) -> None:
    for module, path in modules_of(package).items():
        parts = {part for name in imports_of(path) if (part := project_part(name)) is not None}
        assert parts <= {"core", "service", "backplane", "protocol", "store", "settings"}, module


@pytest.mark.parametrize(
    ("loaded", "without"),
    [
        (
            "lobby_server.protocol.messages, lobby_server.protocol.resources, lobby_server.protocol.codes",
            ("tornado", "sqlalchemy", "asyncio"),
        ),
        (
            "lobby_server.server, lobby_server.cli",
            (
                "redis",
                "smtplib",
                "asyncpg",
                "alembic",
                "sqlalchemy.orm",
                "sqlalchemy.ext.asyncio",
                "sqlalchemy.dialects.postgresql",
                "greenlet",
                "tornado.websocket",
                "tornado.httpclient",
            ),
        ),
    ],
    ids=["the vocabulary without the server's libraries", "one process without what several need"],
)
def test_what_is_not_needed_is_not_loaded(loaded: str, without: tuple[str, ...]) -> None:
    code = f"import sys, {loaded}; print([name for name in {without} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip() == "[]"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_imports_point_down_inside_each_package_too(table: ModuleType) -> None:
    assert list(crossings(table.PACKAGE, table.LAYERS)) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_wings_that_stand_apart_do_not_import_each_other(table: ModuleType) -> None:
    wings: tuple[tuple[str, ...], ...] = getattr(table, "APART", ())
    wing_of = {package: number for number, wing in enumerate(wings) for package in wing}
    for module, imported in graph_of(table.PACKAGE).items():
        wing = wing_of.get(second_part(module))
        others = {wing_of.get(second_part(other), wing) for other in imported}
        assert wing is None or others <= {wing}, f"{module} imports from the other wing"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_libraries_are_used_by_the_packages_that_own_them(table: ModuleType) -> None:
    owners: dict[str, set[str]] = getattr(table, "LIBRARY_OWNERS", {})
    for module, path in modules_of(table.PACKAGE).items():
        if module.count(".") > 1:  # beside the packages stand the ways in, which may use everything
            used = {name.split(".")[0] for name in imports_of(path)} & owners.keys()
            assert {library for library in used if second_part(module) not in owners[library]} == set(), module


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_no_modules_import_each_other_in_a_circle(table: ModuleType) -> None:
    assert circles(graph_of(table.PACKAGE)) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_no_level_of_a_package_has_more_files_than_one_takes_in(table: ModuleType) -> None:
    for package in (table.PACKAGE, *getattr(table, "TEST_PACKAGES", ())):
        crowded = {str(folder.relative_to(ROOT)): len(files) for folder, files in folders_of(package).items()}
        assert {folder: count for folder, count in crowded.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_no_module_is_longer_than_one_idea(table: ModuleType) -> None:
    lines = {module: path.read_text("utf-8").count("\n") for module, path in modules_of(table.PACKAGE).items()}
    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.PACKAGE)
def test_every_module_and_package_says_what_it_is(table: ModuleType) -> None:
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in modules_of(table.PACKAGE).items()}
    assert [module for module, tree in trees.items() if not ast.get_docstring(tree)] == []


def test_a_circle_is_found_wherever_it_is_entered() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert circles(graph) == [["b", "c"]]


def test_the_longest_name_that_fits_says_the_layer() -> None:
    layers = (("fanout.profile",), ("fanout", "fan"))
    assert place_of("house.fanout.profile", "house", layers) == (0, "fanout.profile")
    assert place_of("house.fanout.feed", "house", layers) == (1, "fanout")
    assert place_of("house.fanout2", "house", layers) is None
