"""Stops reading for a while, as a device that sleeps: what is sent to it piles up in buffers, the server's at last."""

from __future__ import annotations

from typing import ClassVar

from loadtest.players.roles.browser import Browser
from loadtest.workload import mix
from loadtest.workload.plan import Act, Intent

PAUSES = "reads paused on purpose"


class SlowReader(Browser):
    NAME: ClassVar[str] = mix.SLOW_READER

    def act(self, intent: Intent, at_s: float) -> None:
        if intent.act is Act.PAUSE and self.client.connection.pause_reading():
            self.client.watch.excused()  # what it hears late, or never, says nothing about the server
            self.count(PAUSES)
        elif intent.act is Act.RESUME:
            self.client.connection.resume_reading()
