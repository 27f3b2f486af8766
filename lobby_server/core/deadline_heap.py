"""Deadlines of many things, of which the earliest are found without a look at the others.

Most deadlines are called off before they come, and whoever has them knows which hold. So nothing is taken out of the
heap then: an entry that holds no more stays until it comes up, or until `shrink`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", str, tuple[str, int])


class DeadlineHeap(Generic[_Key]):
    """The earliest first."""

    def __init__(self, holds: Callable[[float, _Key], bool]) -> None:
        """`holds`: whether something has that deadline (still)."""
        self._holds: Callable[[float, _Key], bool] = holds
        self._heap: list[tuple[float, _Key]] = []

    def __len__(self) -> int:
        """Entries that are kept, those that hold no more among them."""
        return len(self._heap)

    def add(self, until_s: float, key: _Key) -> None:
        """Something has one more deadline. O(log entries)."""
        heapq.heappush(self._heap, (until_s, key))

    def next_s(self) -> float | None:
        """The earliest that holds; None: none does. O(log entries) for each that does not."""
        while self._heap:
            until_s, key = self._heap[0]
            if self._holds(until_s, key):
                return until_s
            heapq.heappop(self._heap)
        return None

    def due(self, now_s: float) -> list[_Key]:
        """What has a deadline that has come; it is told of once. O(due · log entries)."""
        found: dict[_Key, None] = {}
        while self._heap and self._heap[0][0] <= now_s:
            until_s, key = heapq.heappop(self._heap)
            if self._holds(until_s, key):
                found[key] = None
        return list(found)

    def shrink(self) -> None:
        """Keep nothing that holds no more, and nothing twice. O(entries · log entries)."""
        self._heap = sorted({(until_s, key) for until_s, key in self._heap if self._holds(until_s, key)})

    def clear(self) -> None:
        self._heap = []
