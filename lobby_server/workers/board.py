"""How many sockets each worker has, where all workers see it: one number per worker in shared memory.

All workers accept from one queue, so no connection waits for a worker that is busy, frozen or gone. But whoever wakes
first takes it, and sockets stay for hours. So a worker that is ahead leaves a newcomer to the others for a moment
(`Seat.may_take`), and takes it after that if nobody else has. Sockets come out even, also after a worker was started
anew.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

LEAD = 4
"""Sockets by which a worker may be ahead of the one that has fewest: half of what one takes in a turn of its loop."""
_BYTES = 8
_ABSENT = (1 << 63) - 1


def make_board(path: Path, *, count: int) -> None:
    """For so many workers, none of which is there."""
    path.write_bytes(_ABSENT.to_bytes(_BYTES, "little") * count)


class Board:
    """One process's view of the board."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._bytes = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        self._numbers = memoryview(self._bytes).cast("Q")

    def put(self, worker: int, sockets: int) -> None:
        """A worker, counted from 1, has so many sockets."""
        self._numbers[worker - 1] = sockets

    def remove(self, worker: int) -> None:
        """A worker is gone, or takes nobody any more: nobody waits for it."""
        self._numbers[worker - 1] = _ABSENT

    def fewest(self) -> int:
        """Of the workers that are there."""
        return min(self._numbers)

    def close(self) -> None:
        self._numbers.release()
        self._bytes.close()


class Seat:
    """A worker's own place at the board."""

    def __init__(self, board: Board, worker: int) -> None:
        self._board = board
        self._worker = worker

    def may_take(self, sockets: int) -> bool:
        """Whether this worker, which has so many sockets, is to take one more at once."""
        self._board.put(self._worker, sockets)
        return sockets <= self._board.fewest() + LEAD

    def leave(self) -> None:
        """Take nobody any more."""
        self._board.remove(self._worker)
