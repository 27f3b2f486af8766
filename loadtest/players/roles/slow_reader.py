"""Stops reading for a while, as a sleeping device: what the server sends fills the kernel's buffers, then its own."""

from __future__ import annotations

from random import Random

from loadtest.players.roles.browser import Browser
from loadtest.players.roles.figures import Counter
from loadtest.players.roles.role import role
from loadtest.workload.options import SwarmOptions
from loadtest.workload.roles.book import LEAST_GAP_S, Intent, Schedule
from loadtest.workload.roles.options import time_option


@role("slow_reader")
class SlowReader(Browser):
    pause_interval = time_option("--pause-interval-s", "60", "time between two pauses of a slow reader, in s")
    pause_length = time_option("--pause-s", "10", "length of a pause, in s", kind="uniform")
    pauses = Counter("reads paused on purpose", name="pauses")

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        interval, length, at_s = options[cls.pause_interval], options[cls.pause_length], 0.0
        while True:
            at_s += max(interval.draw_s(rng), LEAST_GAP_S)
            yield Intent(at_s, cls.pause)
            at_s += length.draw_s(rng)
            yield Intent(at_s, cls.resume)

    def pause(self, at_s: float, choice: float) -> None:
        if self.client.connection.pause_reading():
            self.client.watch.excused()  # what it hears late, or never, says nothing about the server
            self.pauses.add()

    def resume(self, at_s: float, choice: float) -> None:
        self.client.connection.resume_reading()
