"""To which change of a stream a room list has come, whatever the change was: the making of a room or the end of one.

Rooms of a `ChangeStream` are numbered as they are made, from 0 on, and end in that order. A list with `c` of them whose
newest is number `n` therefore has n + 1 makings and n + 1 − c ends in it: its last change is number 2n + 1 − c. The
newest room must live on (a stream keeps at least one), or the list does not tell.
"""

from __future__ import annotations

import msgspec

from bench.load.changes.publisher import MARKER

NONE = -1
"""The number of a list without a room of the stream."""

_MARKER = MARKER.encode()


def change_of_list(body: bytes) -> int:
    """Of the body of a room list, which has the newest room first."""
    at = body.find(_MARKER)
    if at < 0:
        return NONE
    start = at + len(_MARKER)
    return _last_change(int(body[start : start + 6]), body.count(_MARKER))


class DeltaState:
    """The rooms of a stream that a client of ``rooms_delta`` holds."""

    __slots__ = ("_living", "_newest")

    def __init__(self) -> None:
        self._living: set[str] = set()
        self._newest = NONE

    def take(self, message: bytes) -> int | None:
        """The number of the change to which a message brought it; ``None`` for one that is not of the rooms, or is
        only a part."""
        kind = message[len(_HEAD) : message.index(b'"', len(_HEAD))]
        if kind == b"rooms_snapshot":
            whole = msgspec.json.decode(message, type=_Snapshot).data
            if whole.part in (None, 1):
                self._living.clear()
            self._take(whole.rooms, [])
            return self._change if whole.part == whole.of else None
        if kind == b"rooms_delta":
            delta = msgspec.json.decode(message, type=_Delta).data
            self._take(delta.set, delta.gone)
            return self._change if delta.part == delta.of else None
        return None

    def _take(self, made: list[_Room], gone: list[str]) -> None:
        for room in made:
            if room.map_name is not None and room.map_name.startswith(MARKER):
                self._living.add(room.id)
                self._newest = max(self._newest, int(room.map_name[len(MARKER) :]))
        self._living.difference_update(gone)

    @property
    def _change(self) -> int:
        return _last_change(self._newest, len(self._living)) if self._living else NONE


def _last_change(newest: int, living: int) -> int:
    return 2 * newest + 1 - living


_HEAD = b'{"type":"'


class _Room(msgspec.Struct):
    id: str
    map_name: str | None = None


class _SnapshotData(msgspec.Struct):
    rooms: list[_Room]
    part: int | None = None
    of: int | None = None


class _Snapshot(msgspec.Struct):
    data: _SnapshotData


class _DeltaData(msgspec.Struct):
    set: list[_Room] = []
    gone: list[str] = []
    part: int | None = None
    of: int | None = None


class _Delta(msgspec.Struct):
    data: _DeltaData
