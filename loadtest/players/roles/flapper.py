"""Loses its connection now and then, with a reset or unnoticed by the server, and reconnects as any client."""

from __future__ import annotations

from random import Random

from loadtest.players.roles.browser import Browser
from loadtest.players.roles.figures import Counter
from loadtest.players.roles.role import role
from loadtest.workload.options import SwarmOptions
from loadtest.workload.roles.book import LEAST_GAP_S, Intent, Schedule
from loadtest.workload.roles.options import share_option, time_option


@role("flapper", weight=1)
class Flapper(Browser):
    drop_interval = time_option("--drop-interval-s", "60", "time between two connection losses of a flapper, in s")
    silent_share = share_option(
        "--silent-share", 0.0, "share (0 to 1) of those losses that the server does not notice: no FIN, no reset"
    )
    drops = Counter("connections dropped on purpose", name="drops")
    silent_losses = Counter("silent losses on purpose", name="silent_losses")

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        interval, silent_share, at_s = options[cls.drop_interval], options[cls.silent_share], 0.0
        while True:
            at_s += max(interval.draw_s(rng), LEAST_GAP_S)
            yield Intent(at_s, cls.vanish if rng.random() < silent_share else cls.drop)

    def drop(self, at_s: float, choice: float) -> None:
        if self.client.drop():
            self.drops.add()

    def vanish(self, at_s: float, choice: float) -> None:
        if self.client.vanish():
            self.silent_losses.add()
