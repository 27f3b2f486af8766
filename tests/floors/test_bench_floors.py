"""Inside the lab imports point down, too: the floors of `bench`, read from the source, and no circle among them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
STORED = ROOT / "tests" / "bench" / "data" / "smoke-run.json.gz"

BASE = frozenset({"measures", "words", "stats"})
"""Modules that import nothing of the lab."""

FLOORS: dict[str, frozenset[str]] = {
    "measures": frozenset(),
    "words": frozenset(),
    "stats": frozenset(),
    "record": BASE,
    "processes": BASE | {"record"},
    "load": BASE | {"record", "processes"},
    "scenarios": BASE | {"record", "processes", "load"},
    "analysis": BASE | {"record"},
    "report": BASE | {"record", "analysis"},
    "peers": frozenset(),
}
"""What each floor may import of the lab, besides itself. `cli` and `__main__` stand at the top."""

MOST_MODULES = 15
"""Of one package, at one level."""

GENERATORS = ("picows", "uvloop", "locust", "gevent", "bench.load", "bench.processes", "bench.scenarios")


def modules() -> dict[str, Path]:
    """By dotted name."""
    found = {}
    for path in sorted(BENCH.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(name: str) -> set[str]:
    """Modules of the lab that a module imports, also inside functions; a package counts where it is imported from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.update(each for each in (module if module in MODULES else node.module,) if each in MODULES)
    return found - {name}


def floor_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("name", [name for name in MODULES if floor_of(name) not in ("", "cli", "__main__")])
def test_module_imports_only_its_own_floor_and_those_below(name: str) -> None:
    floor = floor_of(name)
    used = {floor_of(each) for each in imports_of(name)} - {floor}
    assert used <= FLOORS[floor], f"{floor} must not import {sorted(used - FLOORS[floor])}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imports_of(name) for name in MODULES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for each in sorted(graph[name]):
                visit(each, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("root", [BENCH, ROOT / "tests" / "bench"], ids=["bench", "tests"])
def test_no_package_has_too_many_modules_at_one_level(root: Path) -> None:
    packages = {path.parent for path in root.rglob("*.py")}
    crowded = {
        str(package.relative_to(ROOT)): number
        for package in packages
        if (number := len(list(package.glob("*.py")))) > MOST_MODULES
    }
    assert crowded == {}


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
