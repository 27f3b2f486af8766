"""The shared log of a feed: what was published lately, once for all sessions that have not got it yet.

A chunk is what one tick published, its frames joined back to back. A session that is behind keeps a cursor, the number
of the next chunk, so a thousand of them cost a thousand cursors and not a thousand queues. Nothing is kept while no
session is behind.

Invariants: chunks are numbered without gaps; their bytes never pass `max_bytes` by more than the newest chunk; an entry
that a later one of the same key replaced is left out of what is read from then on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import NamedTuple

Entry = tuple[Hashable | None, bytes]
"""A key and a frame. Of two entries with one key only the later matters; without a key every one does."""

MAX_RUN_BYTES = 256 * 1024
"""How much is joined for one write to a session behind: enough to make the call cheap, little enough to copy."""


class Chunk:
    """The frames of one tick."""

    __slots__ = (
        "_ends", "_live", "_live_replaced", "at_s", "data", "entries", "frames", "is_indexed", "number", "replaced",
    )  # fmt: skip

    def __init__(self, number: int, entries: Sequence[Entry], at_s: float) -> None:
        self.number = number
        self.entries = entries
        self.data = b"".join([frame for _, frame in entries])
        self.frames = count_frames(entries)
        self.at_s = at_s
        self.is_indexed = False
        self.replaced: set[int] | None = None
        """Indexes of the entries that a later one stands for."""
        self._ends: list[int] | None = None
        self._live = b""
        self._live_replaced = 0

    @property
    def live_frames(self) -> int:
        """How many still matter."""
        return self.frames - len(self.replaced or ())

    def frames_from(self, index: int) -> int:
        """How many there are from an entry on. O(entries)."""
        return count_frames(self.entries[index:])

    def from_entry(self, index: int) -> memoryview:
        """The frames from an entry on; not a copy. O(entries) the first time, then O(1)."""
        if self._ends is None:
            self._ends = list(accumulate(len(frame) for _, frame in self.entries))
        return memoryview(self.data)[self._ends[index - 1] if index else 0 :]

    def live_data(self) -> bytes:
        """The frames that still matter. Rebuilt only when that changed: O(entries) then, O(1) otherwise."""
        if self.replaced is None:
            return self.data
        if self._live_replaced != len(self.replaced):
            self._live = b"".join([f for i, (_, f) in enumerate(self.entries) if i not in self.replaced])
            self._live_replaced = len(self.replaced)
        return self._live


def count_frames(entries: Sequence[Entry]) -> int:
    """Those that are not empty: an entry that another of its tick stands for keeps its place only."""
    return sum(1 for _, frame in entries if frame)


class Run(NamedTuple):
    """Chunks joined, and the state of the log for which that holds."""

    start: int
    end: int
    """The cursor of a session that has read it."""
    made_at: tuple[int, int, int | None]
    data: bytes
    frames: int


_NO_RUN = Run(-1, -1, (-1, -1, None), b"", 0)


class TickLog:
    """The chunks that a session may still need."""

    def __init__(self, *, max_bytes: int, max_age_s: float) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._chunks: deque[Chunk] = deque()
        self._latest: dict[Hashable, tuple[Chunk, int]] = {}
        self._run = _NO_RUN
        self._changes = 0
        self.next_number = 0
        """Of the chunk that is not published yet."""
        self.bytes = 0
        self.entries_left_out = 0

    def __len__(self) -> int:
        return len(self._chunks)

    @property
    def first_number(self) -> int:
        """The oldest chunk that can still be read. A cursor before it has fallen off."""
        return self.next_number - len(self._chunks)

    def append(self, entries: Sequence[Entry], at_s: float) -> Chunk:
        """A tick was published. What is read later leaves out what these entries replace."""
        chunk = Chunk(self.next_number, entries, at_s)
        self.next_number += 1
        self._chunks.append(chunk)
        self.bytes += len(chunk.data)
        return chunk

    def index(self, chunk: Chunk) -> None:
        """Note which older entries a chunk replaces, once. Only worth its cost when a session is behind."""
        if chunk.is_indexed:
            return
        chunk.is_indexed = True
        latest = self._latest
        for position, (key, _) in enumerate(chunk.entries):
            if key is None:
                continue
            older = latest.get(key)
            if older is not None:
                older_chunk, older_position = older
                if older_chunk.replaced is None:
                    older_chunk.replaced = set()
                older_chunk.replaced.add(older_position)
                self.entries_left_out += 1
                self._changes += 1
            latest[key] = (chunk, position)

    def run(self, number: int, stop: int | None = None, *, most_frames: int | None = None) -> Run:
        """What a session whose cursor is `number` gets next, about 256 KiB of it, and one chunk or `most_frames` where
        that is given, the same for all. It ends before chunk `stop`.

        The last run is remembered: those who fell behind together share it. Cost: O(bytes) for a new one.
        """
        run = self._run
        made_at = (self.next_number, self._changes, stop)
        if run.start == number and run.made_at == made_at:
            return run
        pieces: list[bytes] = []
        size, frames, cursor = 0, 0, number
        for position in range(
            number - self.first_number, (self.next_number if stop is None else stop) - self.first_number
        ):
            chunk = self._chunks[position]
            if most_frames is not None and frames and frames + chunk.live_frames > most_frames:
                break
            piece = chunk.live_data()
            pieces.append(piece)
            size += len(piece)
            frames += chunk.live_frames
            cursor += 1
            if size >= MAX_RUN_BYTES:
                break
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._run = Run(number, cursor, made_at, data, frames)
        return self._run

    def trim(self, now_s: float, *, keep_newest: bool) -> None:
        """Let go of what is too old or too much. `keep_newest`: the last chunk is being delivered."""
        while len(self._chunks) > keep_newest and (
            self.bytes > self._max_bytes or self._chunks[0].at_s + self._max_age_s <= now_s
        ):
            self._drop_first()

    def clear(self) -> None:
        """Nobody is behind: keep nothing."""
        self._chunks.clear()
        self._latest.clear()
        self._run = _NO_RUN
        self.bytes = self.entries_left_out = 0

    def _drop_first(self) -> None:
        chunk = self._chunks.popleft()
        self.bytes -= len(chunk.data)
        for position, (key, _) in enumerate(chunk.entries):
            if key is not None and self._latest.get(key) == (chunk, position):
                del self._latest[key]
