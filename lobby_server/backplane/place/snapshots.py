"""Snapshots of the state, from which nodes start that join later, and behind which the stream is trimmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lobby_server.backplane.place.standing import FIRST_ID, Standing
from lobby_server.backplane.wire import Entry, Snapshot, encode_snapshot
from lobby_server.core.machine.commands import FORMAT
from lobby_server.core.machine.image import dump
from lobby_server.core.machine.state import LobbyState

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

SNAPSHOT_ENTRIES = 10_000
SNAPSHOT_S = 10.0
"""The leader writes a snapshot after so many entries or so long, whichever comes first."""


class Snapshots:
    """Those that one node writes."""

    def __init__(
        self,
        stream: Stream,
        *,
        standing: Standing,
        state: LobbyState,
        monotonic_s: Callable[[], float],
        every_s: float,
    ) -> None:
        """`every_s`: at most between two of them, while anything happens."""
        self._stream = stream
        self._standing = standing
        self._state = state
        self._monotonic_s = monotonic_s
        self._every_s = every_s
        self.database = ""
        """As in `Snapshot`."""
        self.number = 0
        """Of the last entry in the newest that this node has made."""
        self._at_s = 0.0
        self._trim_from = FIRST_ID

    @property
    def age_s(self) -> float:
        """Since this node made or loaded one; 0.0: never."""
        return self._monotonic_s() - self._at_s if self._at_s else 0.0

    def make(
        self,
        *,
        epoch: str,
        previous: str = "",
        stream_id: str,
        tail: list[Entry] | None = None,
        opened_s: float = 0.0,
        floor: int = 0,
    ) -> Snapshot:
        """Of the state as it is. The other values as in `Snapshot`."""
        number = self.number = self._standing.number
        self._at_s = self._monotonic_s()
        image = dump(self._state)
        return Snapshot(FORMAT, epoch, previous, number, stream_id, image, tail or [], opened_s, floor, self.database)

    def is_loaded(self) -> None:
        """The state is that of a snapshot now."""
        self._at_s = self._monotonic_s()

    def begin_stream(self) -> None:
        """A new stream begins: nothing of it can be trimmed yet."""
        self._trim_from = FIRST_ID

    async def write_if_due(self) -> None:
        """For the node that leads. Raises as `Stream.put_snapshot`."""
        standing = self._standing
        if standing.number == self.number:
            return
        if standing.number - self.number < SNAPSHOT_ENTRIES and self._monotonic_s() - self._at_s < self._every_s:
            return
        trim_from, self._trim_from = self._trim_from, standing.stream_id
        snapshot = self.make(epoch=standing.epoch, stream_id=standing.stream_id)
        await self._stream.put_snapshot(standing.epoch, encode_snapshot(snapshot), keep_from=trim_from)
