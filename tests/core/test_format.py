"""Nodes that write the same format of the log apply every command alike, whichever versions they are of."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from lobby_server.core.machine.commands import FORMAT, Command
from lobby_server.core.machine.image import dump
from lobby_server.core.refusal import Refusal
from tests.core.every_command import Commands
from tests.core.test_machine import new_state

LENGTH = 4000
LEADS_TO = {9: "33d77e55804e2e2a", 10: "fac2edc5a6a49e25"}
"""Format: what the list of commands leads to in it, with every effect's and every refusal's name on the way."""


@pytest.fixture(scope="module")
def outcomes() -> dict[type[Command], set[str]]:
    """By kind of command, what its commands led to: names of effects or of a refusal."""
    return {}


def digest(outcomes: dict[type[Command], set[str]]) -> str:
    state, found = new_state(grace_s=2.0), hashlib.sha256()
    for command, node, at_s in Commands(state).come(LENGTH):
        try:
            names = [type(effect).__name__ for effect in state.apply(command, at_s=at_s, node=node)]
        except Refusal as refusal:
            names = [f"refused: {refusal.code.value}"]
        outcomes.setdefault(type(command), set()).add(" ".join(names))
        found.update(msgspec.msgpack.encode((command, names)))
        found.update(dump(state))
    return found.hexdigest()[:16]


def test_commands_lead_to_what_they_led_to_when_their_format_was_given(outcomes: dict[type[Command], set[str]]) -> None:
    """Where this fails, a command or a state is another one than before, or is applied otherwise: nodes of the version
    before and of this one would part without a word. Raise `FORMAT`, say so in CHANGELOG.md under Incompatible, and put
    the digest here under the new number. Only while that number is on no other branch yet, a digest may be replaced."""
    found = digest(outcomes)
    assert LEADS_TO.get(FORMAT) == found


def test_list_has_commands_of_every_kind_and_not_only_such_as_are_refused(
    outcomes: dict[type[Command], set[str]],
) -> None:
    if not outcomes:
        digest(outcomes)
    assert set(outcomes) == set(Command.__subclasses__())
    never_happened = [
        kind.__name__ for kind, names in outcomes.items() if all(each.startswith("refused") for each in names)
    ]
    assert never_happened == []
