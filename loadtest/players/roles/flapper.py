"""Loses its connection now and then, with a reset or without a word, and comes back as a client does."""

from __future__ import annotations

from typing import ClassVar

from loadtest.players.roles.browser import Browser
from loadtest.workload import mix
from loadtest.workload.plan import Act, Intent

DROPS = "connections dropped on purpose"
SILENT_LOSSES = "silent losses on purpose"


class Flapper(Browser):
    NAME: ClassVar[str] = mix.FLAPPER

    def act(self, intent: Intent, at_s: float) -> None:
        if intent.act is Act.DROP and self.client.drop():
            self.count(DROPS)
        elif intent.act is Act.VANISH and self.client.vanish():
            self.count(SILENT_LOSSES)
