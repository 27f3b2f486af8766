"""The scenarios by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.lab import Lab
from bench.scenarios import broadcast, idle, reconnect, swarm


@dataclass(frozen=True)
class Scenario:
    """A question, and what measures its answer. `run` returns what `bench.results.Run` has under `name`."""

    name: str
    question: str
    run: Callable[[Lab], Any]
    alone: bool
    """It measures latencies that other work would disturb; the others count bytes or seconds and share a minute."""


SCENARIOS = (
    Scenario(
        "broadcast",
        "How long until a change has reached every client, and until every client holds the fresh list?",
        broadcast.run,
        alone=True,
    ),
    Scenario("idle", "What does a client cost that does nothing for a minute?", idle.run, alone=False),
    Scenario("reconnect", "How soon are clients back after a restart?", reconnect.run, alone=False),
    Scenario("swarm", "What does ordinary life look like, with a Locust swarm?", swarm.run, alone=False),
)
