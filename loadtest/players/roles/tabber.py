"""One user with several sockets, as with several browser tabs: the lobby must show the user once."""

from __future__ import annotations

from typing import ClassVar

import gevent

from loadtest.players.roles.browser import Browser
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.plan import PlayerPlan


class Tabber(Browser):
    NAME: ClassVar[str] = mix.TABBER

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.tabs = [self.client, *(self.new_client(number) for number in range(1, swarm.options.tabs))]

    def begin(self) -> None:
        token = self.identity.get_token(self.starts_s)
        for tab in self.tabs:
            tab.open(token)

    def end(self) -> None:
        gevent.joinall([gevent.spawn(tab.close) for tab in self.tabs])
