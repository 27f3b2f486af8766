"""What is changed behind the lock of all nodes is committed only by what the lock hands out, which asks whether it is
still held. A service that calls the store itself is found here, also in a part that the type checker lets have it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from lobby_server.service.administration.ports import BanStore
from lobby_server.service.social.ports import TieStore
from tests.floors.graph import modules_of

GATED = frozenset(name for port in (BanStore, TieStore) for name in vars(port) if not name.startswith("_"))
"""Calls of the store that change what is changed by one node at a time."""
WITHOUT = ("lobby_server.store.", "lobby_server.core.")
"""The store's own modules, and those that know no store."""
HAS_GATE = frozenset({
    "lobby_server.service.writes.gated", "lobby_server.service.replica", "lobby_server.backplane.log",
})  # fmt: skip
"""Who may take the lock without being handed writes; the others use `GatedStore`."""
MODULES = {name: path for name, path in modules_of("lobby_server").items() if not f"{name}.".startswith(WITHOUT)}


def committed(tree: ast.AST) -> set[ast.expr]:
    """Expressions that call a write on what `commit` gives: ``held.commit(lambda store: store.write(…))``."""
    found: set[ast.expr] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "commit":
            continue
        for write in node.args:
            if isinstance(write, ast.Lambda) and isinstance(write.body, ast.Call):
                of, given = write.body.func, [each.arg for each in write.args.args]
                if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and [of.value.id] == given:
                    found.add(of)
    return found


def writes(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in GATED:
            yield node


def past_the_gate(source: str) -> list[str]:
    """Writes that nobody has asked for."""
    tree = ast.parse(source)
    asked = committed(tree)
    return [ast.unparse(each) for each in writes(tree) if each not in asked]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_nobody_commits_past_the_gate() -> None:
    found = {name: past for name, path in MODULES.items() if (past := past_the_gate(_source(path)))}
    assert found == {}, "commit by what `GatedStore.hold` gives"


def test_all_gated_writes_are_made_somewhere() -> None:
    made = {each.attr for path in MODULES.values() for each in writes(ast.parse(_source(path)))}
    assert made == GATED


def callers_of(name: str) -> set[str]:
    return {
        module
        for module, path in MODULES.items()
        if module.startswith(("lobby_server.service", "lobby_server.backplane"))
        for node in ast.walk(ast.parse(_source(path)))
        if isinstance(node, ast.Attribute) and node.attr == name
    }


def test_nobody_takes_the_lock_past_what_hands_out_the_writes() -> None:
    assert callers_of("gate") <= HAS_GATE


def test_writes_are_handed_out_with_the_count_alone() -> None:
    assert callers_of("fenced") == {"lobby_server.service.writes.gated"}


def test_write_past_the_gate_is_found() -> None:
    assert past_the_gate("await self._store.add_block(1, 2, 3)") == ["self._store.add_block"]
    assert past_the_gate("await held.commit(lambda store: store.add_block(1, 2, 3))") == []
    assert past_the_gate("await held.commit(lambda store: self._store.add_block(1, 2, 3))") == ["self._store.add_block"]
    assert past_the_gate("await held.commit(lambda: store.add_friendship(1))") == ["store.add_friendship"]
