"""The log of a node with somebody who looks over its shoulder at every entry."""

from __future__ import annotations

from typing import Any, Protocol

from lobby_server.backplane.log import ValkeyLog
from lobby_server.backplane.wire import Entry
from lobby_server.core.machine.commands import Command
from lobby_server.service.app import App
from lobby_server.service.session import Session


class Watch(Protocol):
    """Who looks."""

    def note(self, who: str, what: str) -> None:
        """For the story."""

    def violated(self, invariant: str, how: str) -> None:
        """Something is wrong that must never be."""

    def watch_app(self, app: App, log: WatchedLog) -> None:
        """A process is composed."""

    def opened(self, epoch: str, previous: str, number: int) -> None:
        """Valkey takes a new stream, that goes on from a place of another one; empty: from the database."""

    def entry(self, log: WatchedLog, entry: Entry) -> None:
        """An entry is about to be applied."""

    def command(self, log: WatchedLog, command: Command, node: str) -> None:
        """A command of the entry is about to be applied."""

    def done(self, log: WatchedLog, command: Command) -> None:
        """A command was applied, or refused."""

    def shows_token(self, app: App, session: Session, payload: bytes) -> None:
        """A message with a token is about to be read."""

    def has_shown_token(self, app: App, session: Session) -> None:
        """It was read, and answered."""

    def closes(self, session: Session, code: int, reason: str) -> None:
        """A node closes a connection."""

    def applied(self, log: WatchedLog, entry: Entry) -> None:
        """An entry was applied."""


class WatchedLog(ValkeyLog):
    """`ValkeyLog`, watched."""

    def __init__(self, *arguments: Any, watch: Watch, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._watch = watch
        self.taken: float | None = None
        """What the nodes together said of the last thing that is limited; None: it was not known soon."""

    @property
    def position(self) -> tuple[str, int]:
        """Epoch, and number of the last entry."""
        return self._standing.epoch, self.number

    async def take(self, key: str, *, rate_per_s: float, burst: float) -> float | None:
        self.taken = await super().take(key, rate_per_s=rate_per_s, burst=burst)
        return self.taken

    def follow(self, apply: Any, state: Any, **told: Any) -> None:
        def watched(command: Command, at_s: float, node: str, request: Any) -> None:
            self._watch.command(self, command, node)
            apply(command, at_s, node, request)
            self._watch.done(self, command)

        super().follow(watched, state, **told)

    def _take(self, entry: Entry) -> None:
        self._watch.entry(self, entry)
        super()._take(entry)
        self._watch.applied(self, entry)
