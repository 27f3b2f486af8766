"""What imports what, read from the source: also inside functions and under ``TYPE_CHECKING``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def modules_of(package: str) -> dict[str, Path]:
    """Dotted name → file, of a package and all in it."""
    files = sorted((ROOT / package.replace(".", "/")).rglob("*.py"))
    return {dotted_name(path): path for path in files}


def dotted_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Absolute dotted names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute in this house"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def graph_of(package: str) -> dict[str, set[str]]:
    """Module → modules of the package that it imports. ``from a.b import c`` means ``a.b.c`` where that is a module,
    else ``a.b``."""
    modules = modules_of(package)
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        found = graph[module] = set()
        for name in imports_of(path):
            if name in modules:
                found.add(name)
            elif (parent := name.rpartition(".")[0]) in modules:
                found.add(parent)
        found.discard(module)
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(sorted(component))

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


def place_of(module: str, package: str, layers: Sequence[Sequence[str]]) -> tuple[int, str] | None:
    """The layer of a module, and its entry there; None: no entry fits."""
    inside = module[len(package) :].lstrip(".")
    entries = [(number, entry) for number, layer in enumerate(layers) for entry in layer]
    fitting = [place for place in entries if inside == place[1] or inside.startswith(place[1] + ".")]
    return max(fitting, key=lambda place: len(place[1]), default=None)


def crossings(package: str, layers: Sequence[Sequence[str]]) -> Iterator[str]:
    """Imports that do not point down. Modules without a place, and entries without a module, count as well. The
    package's own ``__init__`` and ``__main__`` stand above all."""
    graph = graph_of(package)
    used: set[str] = set()
    for module, imported in graph.items():
        if module in (package, f"{package}.__main__"):
            continue
        place = place_of(module, package, layers)
        if place is None:
            yield f"{module} has no layer"
            continue
        used.add(place[1])
        for other in sorted(imported):
            below = place_of(other, package, layers)
            if below is not None and below[0] >= place[0] and below[1] != place[1]:
                yield f"{module} must not import {other}"
    for layer in layers:
        yield from (f"{package}.{entry} is in a layer and nowhere else" for entry in layer if entry not in used)


def folders_of(package: str) -> dict[Path, list[Path]]:
    """Folder → its Python files, of a package and all in it. Data files and folders of data do not count."""
    found: dict[Path, list[Path]] = {}
    for path in modules_of(package).values():
        found.setdefault(path.parent, []).append(path)
    return found
