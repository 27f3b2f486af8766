"""One run of the swarm in one process: what all its players share. Made at each start of a test, kept by Locust's
environment; nothing of it outlives the run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from locust.env import Environment

from loadtest.freshness import Marks
from loadtest.identities import Share, TokenDealer
from loadtest.ledger import Ledger
from loadtest.options import SwarmOptions
from loadtest.recorder import Recorder
from loadtest.summary import RunFacts

_ATTRIBUTE = "lobby_swarm"

log = logging.getLogger("loadtest")


@dataclass
class Swarm:
    options: SwarmOptions
    share: Share
    tokens: TokenDealer | None
    """None: players make accounts over the API."""
    recorder: Recorder
    facts: RunFacts
    marks: Marks = field(default_factory=Marks)
    is_called_off: bool = False
    """The run cannot succeed; users leave at once."""
    _numbers: dict[str, int] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    @property
    def ledger(self) -> Ledger:
        return self.recorder.ledger

    def next_number(self, role: str) -> int:
        """The number in the whole swarm of this process's next user of that role."""
        local = self._numbers.get(role, 0)
        self._numbers[role] = local + 1
        return self.share.number(local)

    def say_once(self, kind: str, sentence: str) -> None:
        """What a thousand players would say, said by the first one."""
        if kind not in self._said:
            self._said.add(kind)
            log.warning(sentence)


def attach(environment: Environment, swarm: Swarm) -> None:
    setattr(environment, _ATTRIBUTE, swarm)


def swarm_of(environment: Environment) -> Swarm | None:
    """None before the first start, and on nodes that run no users."""
    swarm = getattr(environment, _ATTRIBUTE, None)
    return swarm if isinstance(swarm, Swarm) else None
