"""The floors of the swarm: each package imports itself and those below, and no two modules import each other."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "loadtest"
MOST_MODULES = 15

FLOORS = ("results", "client", "wire", "measure", "workload", "players", "output", "run", "calibration")
"""From the ground up. A module may import its own floor and those below it."""

CLIENT_FLOORS = (
    ("errors", "counters", "signals", "timing", "reconnect", "side_thread"),
    ("http",),
    ("api",),
    ("sockets",),
    ("accounts", "lists", "social"),
)
"""Within `loadtest.client`; what is on one floor here does not import its neighbours."""

DOORS = {"__init__", "__main__", "locustfile", "calibrate"}
"""Beside the packages: the ways in, which may import everything."""

LIBRARY_OWNERS = {
    "locust": {"workload", "players", "output", "run", "calibration"},
    "gevent": {"wire", "measure", "workload", "players", "output", "run", "calibration"},
    "flask": {"output"},
    "jinja2": {"output"},
    "hdrh": {"measure"},
}
"""Which floors may use a library that a client without Locust, or a reader of run.json, has to do without."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path): path for path in modules()}


def imports_of(path: Path) -> set[str]:
    """Dotted names of all that a module imports, also inside functions, but not only for annotations."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute in this house"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in NAMES else node.module or "")
    return names


def floor_of(name: str, package: str = "loadtest") -> str:
    return name.removeprefix(f"{package}.").split(".")[0]


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_module_of_the_swarm_imports_only_its_own_floor_and_those_below(path: Path) -> None:
    floor = floor_of(dotted(path))
    if path.parent == PACKAGE:
        assert path.stem in DOORS, f"{path.name} lies beside the packages: which of them is it of?"
        return
    allowed = FLOORS[: FLOORS.index(floor) + 1]
    above = [name for name in imports_of(path) if name.startswith("loadtest.") and floor_of(name) not in allowed]
    assert above == [], f"{floor} must not import what is above it"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_module_of_the_swarm_uses_only_the_libraries_of_its_floor(path: Path) -> None:
    floor = floor_of(dotted(path))
    used = {name.split(".")[0] for name in imports_of(path) if name.split(".")[0] in LIBRARY_OWNERS}
    if path.parent != PACKAGE:
        assert {library for library in used if floor not in LIBRARY_OWNERS[library]} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "client").rglob("*.py")), ids=dotted)
def test_module_of_the_client_imports_only_what_is_below_it(path: Path) -> None:
    package = "loadtest.client"
    name = dotted(path)
    if name == package:
        return  # the public names of all of them
    place = floor_of(name, package)
    number = next(number for number, floor in enumerate(CLIENT_FLOORS) if place in floor)
    below = {part for floor in CLIENT_FLOORS[:number] for part in floor} | {place}
    used = {floor_of(each, package) for each in imports_of(path) if each.startswith(f"{package}.")}
    assert used <= below, f"{name} must not import {sorted(used - below)}"


def test_no_two_modules_of_the_swarm_import_each_other() -> None:
    graph = {name: imports_of(path) & NAMES.keys() for name, path in NAMES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_every_floor_is_a_package_and_every_package_a_floor() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages == set(FLOORS)


@pytest.mark.parametrize("root", ["loadtest", "tests/loadtest"])
def test_no_package_of_the_swarm_has_too_many_modules_at_one_level(root: str) -> None:
    folders = {path.parent for path in (ROOT / root).rglob("*.py")}
    crowded = {str(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder: number for folder, number in crowded.items() if number > MOST_MODULES} == {}
