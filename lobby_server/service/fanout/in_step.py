"""The sessions in step, in a row that a delivery walks along while some leave it and others join.

What the walk touches of a session is its ``send`` and nothing else. With thousands of them every other object that is
looked at is a miss of the processor's cache, and a recipient costs one system call and little more.

A walk covers the sessions that stood in the row when it began. One that leaves the row meanwhile, or has its part
already, leaves a gap there: a ``send`` that does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.ports import Send

GAP: Send = len
"""Takes everything, and does nothing with it."""
NOWHERE = -1
"""The slot of a session that is not in the row."""


class InStep:
    """Joining, leaving, and being passed over cost O(1); the end of a walk O(gaps)."""

    def __init__(self) -> None:
        self._members: list[Subscriber | None] = []
        self._sends: list[Send] = []
        self._position = self._end = 0
        self._is_walked = False
        self._passed: list[Subscriber] = []
        self._left: list[int] = []

    def __len__(self) -> int:
        return len(self._members) - len(self._left)

    def __iter__(self) -> Iterator[Subscriber]:
        return (member for member in self._members if member is not None)

    def join(self, subscriber: Subscriber) -> None:
        """To the end of the row, which a walk that is under way does not reach."""
        subscriber.slot = len(self._members)
        self._members.append(subscriber)
        self._sends.append(subscriber.send)

    def leave(self, subscriber: Subscriber) -> None:
        """Out of the row. A session that is not in it: nothing happens."""
        slot = subscriber.slot
        if slot == NOWHERE:
            return
        subscriber.slot = NOWHERE
        self._members[slot] = None
        self._sends[slot] = GAP
        if self._is_walked:
            self._left.append(slot)
        else:
            self._close_gap(slot)

    # -- a walk ---------------------------------------------------------------------------------------------------

    def begin_walk(self) -> None:
        self._is_walked = True
        self._position, self._end = 0, len(self._sends)

    def walk(self, most: int) -> tuple[list[Send], int]:
        """The next `most` of the row at most, and the slot that the first of them has; none: the walk is over."""
        start = self._position
        self._position = min(start + most, self._end)
        return self._sends[start : self._position], start

    def at(self, slot: int) -> Subscriber:
        """The session at a slot that has no gap."""
        member = self._members[slot]
        assert member is not None
        return member

    def is_awaited(self, subscriber: Subscriber) -> bool:
        """Whether the walk has still to come to a session."""
        slot = subscriber.slot
        return self._is_walked and self._position <= slot < self._end and self._sends[slot] is not GAP

    def pass_over(self, subscriber: Subscriber) -> None:
        """Let this walk go past a session; for the next one it stands where it stood."""
        if subscriber.slot != NOWHERE:
            self._sends[subscriber.slot] = GAP
            self._passed.append(subscriber)

    def end_walk(self) -> None:
        self._is_walked = False
        for subscriber in self._passed:
            if subscriber.slot != NOWHERE:
                self._sends[subscriber.slot] = subscriber.send
        self._passed.clear()
        for slot in sorted(self._left, reverse=True):
            self._close_gap(slot)
        self._left.clear()

    # -- private --------------------------------------------------------------------------------------------------

    def _close_gap(self, slot: int) -> None:
        """Let the last of the row stand there."""
        last, send = self._members.pop(), self._sends.pop()
        if slot < len(self._members):
            assert last is not None  # gaps are closed from the end
            self._members[slot], self._sends[slot] = last, send
            last.slot = slot
