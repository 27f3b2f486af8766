"""Who should have received what, and did; and of what did not come, why.

A broadcast is told from its neighbours by time: broadcasts are spaced so that each is over before the next, because
``rooms_changed`` of the base protocol says nothing about which change it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.record.findings import Ledger

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

CLOSED_BY_SERVER, LATE, NEVER = "closed", "late", "never"
"""Why somebody did not receive it in its time."""


@dataclass(frozen=True)
class Receipts:
    """What came, in that order: who (index of the client), what (a number, where there is one), when."""

    client: IntArray
    stamp_s: FloatArray
    what: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class Log:
    """Receipts as they come. Handlers may append to its lists directly, which is what they have time for."""

    __slots__ = ("client", "stamp_s", "what")

    def __init__(self) -> None:
        self.client: list[int] = []
        self.stamp_s: list[float] = []
        self.what: list[int] = []

    def add(self, client: int, stamp_s: float, what: int) -> None:
        self.client.append(client)
        self.stamp_s.append(stamp_s)
        self.what.append(what)

    def receipts(self) -> Receipts:
        """In the order in which they came."""
        return Receipts(
            np.asarray(self.client, dtype=np.int64),
            np.asarray(self.stamp_s, dtype=np.float64),
            np.asarray(self.what, dtype=np.int64),
        )


@dataclass(frozen=True)
class Entry:
    """The account of one broadcast: each client's first receipt counts, `latencies_s` from the intended time."""

    latencies_s: FloatArray
    lost: int
    twice: int
    lost_by: dict[str, int] = field(default_factory=dict)
    """`lost` by cause."""
    disordered: int = 0
    """Receipts that came after a newer one of the same client."""

    def ledger(self) -> Ledger:
        received = len(self.latencies_s)
        return Ledger(
            expected=received + self.lost, received=received, lost=self.lost_by, twice=self.twice,
            disordered=self.disordered,
        )  # fmt: skip


def total(entries: Sequence[Entry]) -> Ledger:
    """Of several broadcasts."""
    found = Ledger(expected=0, received=0)
    for entry in entries:
        found += entry.ledger()
    return found


def account(
    receipts: Receipts,
    *,
    intended_s: Sequence[float],
    sent_s: Sequence[float],
    expected: int,
    closed: frozenset[int] = frozenset(),
) -> list[Entry]:
    """Receipts to broadcasts by time: what came from when one was sent to when the next was belongs to that one.

    Except what came to a client that lacks the one before, earlier than to anybody who had that: it is the one before,
    and late. A receipt before the first was sent is nobody's and is left out. `closed`: clients whose socket is gone.
    """
    windows = np.searchsorted(np.asarray(sent_s), receipts.stamp_s, side="right") - 1
    chosen = [windows == number for number in range(len(intended_s))]
    late_ones: list[frozenset[int]] = [frozenset()] * len(intended_s)
    for number in range(1, len(intended_s)):
        late = _late(receipts, chosen[number - 1], chosen[number])
        late_ones[number - 1] = frozenset(receipts.client[late].tolist())
        chosen[number] = chosen[number] & ~late
    return [
        _entry(receipts.client[mine], receipts.stamp_s[mine] - since_s, expected, closed=closed, late=late)
        for mine, since_s, late in zip(chosen, intended_s, late_ones, strict=True)
    ]


def account_by_number(
    receipts: Receipts, *, intended_s: Sequence[float], expected: int, closed: frozenset[int] = frozenset()
) -> list[Entry]:
    """Receipts to broadcasts by the number that they carry; each says exactly that one."""
    entries = []
    behind = after_newer(receipts)
    for number, since_s in enumerate(intended_s):
        mine = receipts.what == number
        disordered = int((mine & behind).sum())
        entries.append(
            _entry(
                receipts.client[mine], receipts.stamp_s[mine] - since_s, expected, closed=closed, disordered=disordered
            )
        )
    return entries


def account_states(
    receipts: Receipts, *, intended_s: Sequence[float], expected: int, closed: frozenset[int] = frozenset()
) -> list[Entry]:
    """Receipts of a state that carries the number of the newest change in it, and with it all earlier ones.

    A client is fresh for a change from the first state that has it or a later one. A state seen again is no duplicate;
    one that is older than what the client had is out of order.
    """
    entries = []
    behind = after_newer(receipts)
    for number, since_s in enumerate(intended_s):
        mine = receipts.what >= number
        first = _entry(receipts.client[mine], receipts.stamp_s[mine] - since_s, expected, closed=closed)
        disordered = int((behind & (receipts.what == number)).sum())
        entries.append(Entry(first.latencies_s, first.lost, 0, first.lost_by, disordered))
    return entries


def after_newer(receipts: Receipts) -> BoolArray:
    """Which receipts carry a smaller number than one that the same client had before."""
    found = np.zeros(len(receipts.client), dtype=np.bool_)
    if not len(found):
        return found
    order = np.lexsort((receipts.stamp_s, receipts.client))
    step = int(receipts.what.max()) + 2
    keys = receipts.client[order] * step + receipts.what[order] + 1  # ascending over clients, so a maximum stays within
    found[order] = keys < np.maximum.accumulate(keys)
    return found


def _late(receipts: Receipts, before: BoolArray, mine: BoolArray) -> BoolArray:
    had_before = np.isin(receipts.client, receipts.client[before])
    if not (mine & had_before).any():
        return np.zeros(len(mine), dtype=np.bool_)
    earliest_s = float(receipts.stamp_s[mine & had_before].min())
    late: BoolArray = mine & ~had_before & (receipts.stamp_s < earliest_s)
    return late


def _entry(
    clients: IntArray,
    latencies_s: FloatArray,
    expected: int,
    *,
    closed: frozenset[int] = frozenset(),
    late: frozenset[int] = frozenset(),
    disordered: int = 0,
) -> Entry:
    order = np.argsort(latencies_s, kind="stable")
    _, first = np.unique(clients[order], return_index=True)
    lost = expected - len(first)
    received = set(clients[order][first].tolist()) if lost else set()
    causes = {LATE: len(late - received), CLOSED_BY_SERVER: len(closed - late - received)} if lost else {}
    causes[NEVER] = lost - sum(causes.values())
    return Entry(
        latencies_s=latencies_s[order][first],
        lost=lost,
        twice=len(clients) - len(first),
        lost_by={cause: number for cause, number in causes.items() if number},
        disordered=disordered,
    )
