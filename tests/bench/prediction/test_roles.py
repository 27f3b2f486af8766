"""The roles of a forecast are those of the swarm, and do what they do there."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest

import tests.loadtest.conftest  # noqa: F401  # Locust without its patches

# isort: split
import loadtest.players  # noqa: F401  # enters the roles
from bench.prediction import mix
from loadtest.workload.roles.book import ROLES

LONG_S = 400_000.0


class _Defaults:
    """Options of all roles as they come."""

    def __getitem__(self, option: Any) -> Any:
        return option.read(option.flag, option.default)


def acts_of(role: str) -> dict[str, float]:
    """How often a player of a role does what, per second, by its own schedule."""
    kind = ROLES[role]
    counts: dict[str, int] = {}
    schedule = kind.schedule(_Defaults(), Random(1))
    for intent in itertools.takewhile(lambda each: each.at_s < LONG_S, schedule):
        name = intent.act.__name__
        counts[name] = counts.get(name, 0) + 1
    return {name: number / LONG_S for name, number in counts.items()}


def test_roles_are_those_of_the_swarm_that_hold_a_socket() -> None:
    assert set(mix.ROLES) <= set(ROLES.names)
    assert {role for role in ROLES.names if "poller" not in role} - set(mix.ROLES) == {"slow_reader", "tabber"}


def test_default_mix_of_the_swarm_is_a_mix_of_a_forecast() -> None:
    assert mix.read_mix(ROLES.default_mix()).changes > 0


@pytest.mark.parametrize("role", list(mix.ROLES))
def test_role_acts_as_often_as_its_schedule_in_the_swarm(role: str) -> None:
    acts, doing = acts_of(role), mix.ROLES[role]
    changes = sum(acts.get(name, 0.0) for name in ("make_room", "delete_room", "join", "leave"))
    assert doing.changes == pytest.approx(changes, rel=0.1)
    said = acts.get("chat", 0.0) + acts.get("say", 0.0)
    meetings = acts.get("meet", 0.0) + acts.get("part", 0.0)
    assert doing.commands == pytest.approx(said + meetings, rel=0.15)
    assert doing.comings == pytest.approx(acts.get("drop", 0.0), rel=0.1)
