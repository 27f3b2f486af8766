"""Where a replica stands in the log, and what time it is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lobby_server.backplane.wire import Entry

FIRST_ID = "0-0"
"""Before every entry of a stream."""
TAIL = 1000
"""Entries that a replica remembers, for others that are a little behind when a new epoch is opened."""


class Standing:
    """Of one replica."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self.epoch = ""
        """Of the stream that it reads; empty: none yet."""
        self.number = 0
        """Of the last entry that was applied."""
        self.stream_id = FIRST_ID
        """From where on to read."""
        self.tail: deque[Entry] = deque(maxlen=TAIL)
        """The last entries that were applied."""
        self.newest = 0
        """The number of the newest entry that is known of."""
        self._monotonic_s = monotonic_s
        self._at_s = 0.0
        self._at_monotonic_s = monotonic_s()

    def now_s(self) -> float:
        """The time of the log: it goes on between entries, and never goes back."""
        return self._at_s + (self._monotonic_s() - self._at_monotonic_s)

    def set_time(self, at_s: float) -> float:
        """By Valkey's clock it is that late. How long ago that was, by the time as it was known here."""
        monotonic_s = self._monotonic_s()
        now_s = self._at_s + (monotonic_s - self._at_monotonic_s)
        self._at_s = max(at_s, now_s if self._at_s else 0.0)
        self._at_monotonic_s = monotonic_s
        return max(0.0, now_s - at_s)

    def go_to(self, epoch: str, number: int, stream_id: str) -> None:
        """Stand at another place."""
        self.epoch, self.number, self.stream_id = epoch, number, stream_id

    def take(self, entry: Entry) -> None:
        """One entry is being applied."""
        self.number = entry.number
        self.newest = max(self.newest, entry.number)
        self.tail.append(entry)

    def missed_of(self, number: int, tail: list[Entry]) -> list[Entry] | None:
        """What this replica has not applied of a log of the same epoch that ends at `number` with `tail`. None: that is
        not known, or the two are not the same log: a Valkey that came back with data of a while ago has given numbers
        anew."""
        missed = [entry for entry in tail if entry.number > self.number]
        if len(missed) != number - self.number:
            return None
        if self.tail:
            own = self.tail[-1]
            theirs = next((entry for entry in reversed(tail) if entry.number == own.number), None)
            if theirs is not None and theirs.batch != own.batch:
                return None
        return missed
