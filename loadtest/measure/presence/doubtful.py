"""What was told of users whom the server may see otherwise than their players do: after a silent loss, and after a
handshake without an answer, which the server may take when its client has long given up.

How often such a user came and went, only the server knows. A handshake that is taken late is told as a coming and a
going of its own, both after the next one was sent. What holds all the same: nobody is told the same twice in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from loadtest.measure.columns import FloatArray, IntArray


def said_again(kinds: IntArray, who: IntArray) -> int:
    """How often somebody heard the same twice in a row: the kinds, and who heard each, in the order of the observers
    and of time."""
    return int(np.count_nonzero((np.diff(who) == 0) & (np.diff(kinds) == 0)))


@dataclass
class _Told:
    """Of one user."""

    kinds: list[IntArray] = field(default_factory=list)
    at: list[IntArray] = field(default_factory=list)
    times_s: list[FloatArray] = field(default_factory=list)
    counted: int = 0

    def in_order(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Kinds, observers and times, by observer and time."""
        kinds, at, times_s = np.concatenate(self.kinds), np.concatenate(self.at), np.concatenate(self.times_s)
        order = np.lexsort((times_s, at))
        return kinds[order], at[order], times_s[order]

    def forget(self, before_s: float) -> None:
        """What is older, but for what an observer heard last before the first that is left."""
        kinds, at, times_s = self.in_order()
        is_left = times_s >= before_s
        keep = is_left | np.append((np.diff(at) == 0) & is_left[1:], False)
        self.kinds, self.at, self.times_s = [kinds[keep]], [at[keep]], [times_s[keep]]
        self.counted = said_again(kinds[keep], at[keep])


class Doubtful:
    """The announcements of such users, each for as long as it is doubtful."""

    def __init__(self) -> None:
        self._told: dict[int, _Told] = {}
        self._touched: set[int] = set()

    def take(self, user_id: int, at: IntArray, times_s: FloatArray, *, is_online: bool) -> None:
        """`at`: the spans that heard it."""
        told = self._told.setdefault(user_id, _Told())
        told.kinds.append(np.full(len(at), int(is_online), dtype=np.int64))
        told.at.append(at)
        told.times_s.append(times_s)
        self._touched.add(user_id)

    def count(self) -> int:
        """How many announcements repeated the one before, beyond those counted already. Below 0: one that came between
        two of a kind was read after them. O(what is kept of the users that were told of since)."""
        more = 0
        for user_id in self._touched:
            told = self._told[user_id]
            kinds, at, _ = told.in_order()
            repeated = said_again(kinds, at)
            more += repeated - told.counted
            told.counted = repeated
        self._touched.clear()
        return more

    def forget(self, before_s: float) -> None:
        """What was told before that moment and matters no more, once `count` has seen it: a user may be in doubt for as
        long as a run lasts. O(what is kept)."""
        for user_id in [user_id for user_id, told in self._told.items() if told.times_s[-1].max() < before_s]:
            del self._told[user_id]
        for told in self._told.values():
            told.forget(before_s)
