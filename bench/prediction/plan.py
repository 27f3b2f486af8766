"""What is asked of a forecast: players, what they do, what the nodes are, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass

from bench.prediction.mix import Mixed
from bench.prediction.virtual.setup import Setup

CHANGES_PER_S = 1.0
"""Where neither a mix nor a rate is given."""
DEFAULT_VISIT_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a resource has."""

    node_gbit: float = 10.0
    """Of a node's network."""
    node_gib: float = 16.0
    """Of a node's memory."""
    balancer_gbit: float = 25.0
    """Of everything that clients reach nodes by."""
    database_cores: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Level:
    """What must hold."""

    ceiling: float = 0.6
    """No resource is used above this part of it."""
    slo_ms: float = 500.0
    """p99 of the time to fresh; of those who poll, of the time until a poll is answered. Half of it is the server's own
    interval between two announcements of a list that changes all the time."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    players: int
    way: str = "delta"
    presence: str = "batched"
    rooms: int = 50
    changes_per_s: float | None = None
    """Of the list, of the whole lobby; None: those of the mix, or `CHANGES_PER_S`."""
    mix: Mixed | None = None
    visit_s: float = DEFAULT_VISIT_S
    """Mean time that a player stays."""
    poll_s: float = 3.0
    network_ms: float = 0.0
    friends_online: float = 5.0
    cores_per_node: int = 1
    """A server process each."""
    limits: Limits = Limits()
    level: Level = Level()
    runs_all: bool = False
    seed: int = 0

    @property
    def changes(self) -> float:
        """Per second."""
        if self.changes_per_s is not None:
            return self.changes_per_s
        return CHANGES_PER_S if self.mix is None else self.mix.changes * self.players

    @property
    def logins(self) -> float:
        """Per second; those who lost their connection come like others."""
        again = 0.0 if self.mix is None else self.mix.comings * self.players
        return self.players / self.visit_s + again

    @property
    def commands(self) -> float:
        """Per second, beside changes and comings."""
        return 0.0 if self.mix is None else self.mix.commands * self.players

    def on(self, nodes: int) -> Setup:
        return Setup(
            sessions=self.players,
            processes=nodes * self.cores_per_node,
            way=self.way,
            presence=self.presence,
            rooms=self.rooms,
            changes_per_s=self.changes,
            logins_per_s=self.logins,
            commands_per_s=self.commands,
            poll_s=self.poll_s,
            network_s=self.network_ms / 1000,
            friends_online=self.friends_online,
            runs_all=self.runs_all,
            seed=self.seed,
        )
