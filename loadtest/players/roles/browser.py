"""Stays in the lobby and keeps its list of rooms current, as all other roles with a socket do, too."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from loadtest.players.roles.role import Role
from loadtest.players.socket_client import SocketClient
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.plan import PlayerPlan


class Browser(Role):
    NAME: ClassVar[str] = mix.BROWSER

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.client = self.new_client()

    def new_client(self, number: int = 0) -> SocketClient:
        """`number` tells the sockets of one user apart."""
        return SocketClient(
            self.swarm,
            name=f"player {self.seat}",
            features=self.options.modes[self.NAME],
            rng=partial(self.plan.rng, f"connection {number}"),
            phase=(self.plan.heartbeat_phase + number * 0.618) % 1.0,
            fire=self.fire,
            fire_attempt=self.fire_attempt,
            place=self.place if not number else self.swarm.places.of(self.seat, tab=number),
        )

    def begin(self) -> None:
        token = self.identity.get_token(self.starts_s)
        self.client.open(token)

    def end(self) -> None:
        self.client.close()
