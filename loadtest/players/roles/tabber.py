"""One user with several sockets, as with several browser tabs: the lobby must show the user once."""

from __future__ import annotations

import gevent

from loadtest.players.roles.browser import Browser
from loadtest.players.roles.role import role
from loadtest.players.swarm import Swarm
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.options import number_option


@role("tabber")
class Tabber(Browser):
    number_of_tabs = number_option("--tabs", 3, "sockets per tabber", least=1, most=100)

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.tabs = [self.client, *(self.new_client(number) for number in range(1, self.number_of_tabs))]

    @classmethod
    def sockets(cls, options: SwarmOptions) -> int:
        return options[cls.number_of_tabs]

    def begin(self) -> None:
        token = self.identity.get_token(self.starts_s)
        for tab in self.tabs:
            tab.open(token)

    def end(self) -> None:
        gevent.joinall([gevent.spawn(tab.close) for tab in self.tabs])
