"""How a fault is planted: a place, and what stands there in place of what should. The function is compiled anew from
the changed text; where the text is not found any more, the planted fault is out of date and says so.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from lobby_server.core.machine import state
from lobby_server.service import session

ROOMS, PRESENCE = "lobby_server.core.rooms", "lobby_server.core.presence:Presence"
MACHINE, SERVICE = "lobby_server.core.machine", "lobby_server.service"
BACKPLANE, CLIENT = "lobby_server.backplane", "loadtest.client"
EPOCHS = f"{BACKPLANE}.place.epochs:Epochs"


@dataclass(frozen=True)
class Edit:
    """`place`: module and name, ``package.module:Class.method``. `changes`: what is right there, and what is wrong."""

    place: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mutant:
    name: str
    edits: tuple[Edit, ...]
    by: tuple[str, ...]
    """The invariants that it violates, whichever comes first. Another one that finds it is a surprise: it may be found
    by what the edit breaks besides, such as a call that raises, and not for what it is."""

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on the project has this fault."""
        for edit in self.edits:
            _apply(edit, monkeypatch)


def one(name: str, place: str, right: str, wrong: str, *, by: tuple[str, ...]) -> Mutant:
    """With one change."""
    return Mutant(name, (Edit(place, ((right, wrong),)),), by)


# -- private -----------------------------------------------------------------------------------------------------------


def _apply(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    module_name, _, path = edit.place.partition(":")
    module = importlib.import_module(module_name)
    owner: Any = module
    *owners, name = path.split(".")
    for each in owners:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    for right, wrong in edit.changes:
        assert right in source, f"{edit.place} has changed: it does not contain {right!r} any more"
        source = source.replace(right, wrong)
    names: dict[str, Any] = {}
    exec(compile(source, f"<mutant of {edit.place}>", "exec"), module.__dict__, names)
    mutated = names[name]
    monkeypatch.setattr(owner, name, mutated)
    if owner is module:
        for other in _importers(original):
            monkeypatch.setattr(other, name, mutated)
    for table in (state._CHANGES, state._CHANGES_BY_NODE):
        for command, change in table.items():
            if change is original:
                monkeypatch.setitem(table, command, mutated)  # type: ignore[arg-type]
    for message, answer in session._OWN_ANSWERS.items():
        if answer.act is original:
            monkeypatch.setitem(session._OWN_ANSWERS, message, answer._replace(act=mutated))


def _importers(function: Any) -> list[Any]:
    """Modules of the project that call a function by its own name, which they have imported."""
    name = function.__name__
    return [
        module
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("bench.", "loadtest.", "lobby_server.")) and vars(module).get(name) is function
    ]
