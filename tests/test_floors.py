"""Imports point down only: the floors of the house, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each floor may import of the project, and of the libraries that mark a floor.
SERVER_FLOORS = {
    "protocol": {"protocol"},
    "core": {"core", "protocol"},
    "service": {"service", "core", "protocol"},
    "store": {"store", "service", "core", "protocol"},
    "backplane": {"backplane", "service", "core", "protocol"},
    "web": {"web", "service", "core", "protocol", "settings"},
    "settings": set(),
}
LIBRARY_OWNERS = {
    "tornado": {"web", "server", "cli"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "asyncpg": {"store"},
    "redis": {"backplane"},
    "prometheus_client": {"web"},
    "click": {"cli"},
    "time": {"clock", "server", "web", "store"},
}


def imports_of(path: Path) -> set[str]:
    """Absolute dotted names that a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute in this house"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def floor_of(path: Path) -> str:
    inside = path.relative_to(ROOT / "lobby_server").parts
    return inside[0].removesuffix(".py")


def project_part(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "lobby_server" and len(parts) > 1 else None


@pytest.mark.parametrize("path", modules_of("lobby_server"), ids=lambda path: str(path.relative_to(ROOT)))
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
    for path in modules_of(package):
        for name in imports_of(path):
            if name.split(".")[0] == "lobby_server":
                assert project_part(name) in (None, "protocol", "__version__"), f"{path} imports {name}"
                assert name == "lobby_server" or project_part(name) is not None
            assert package == "bench" or name.split(".")[0] != "bench", f"{path} imports {name}"


def test_vocabulary_loads_without_tornado() -> None:
    import subprocess
    import sys

    code = (
        "import sys, lobby_server.protocol.messages, lobby_server.protocol.resources, lobby_server.protocol.codes;"
        "print([name for name in ('tornado', 'sqlalchemy', 'asyncio') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip() == "[]"
