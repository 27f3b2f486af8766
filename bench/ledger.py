"""Who should have received what, and did.

A broadcast is told from its neighbours by time: broadcasts are spaced so that each is over before the next, because
``rooms_changed`` of the base protocol says nothing about which change it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Receipts:
    """What came, in that order: who (index of the client), what (a number, where there is one), when."""

    client: IntArray
    stamp_s: FloatArray
    what: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Entry:
    """The account of one broadcast: each client's first receipt counts, `latencies_s` from the intended time."""

    latencies_s: FloatArray
    lost: int
    twice: int


def account(receipts: Receipts, *, intended_s: Sequence[float], sent_s: Sequence[float], expected: int) -> list[Entry]:
    """Receipts to broadcasts by time: what came from when one was sent to when the next was belongs to that one.

    A receipt before the first was sent is nobody's and is left out; one that came after the next was sent shows as lost
    there and too early or twice here, which is why losses make a phase suspect.
    """
    windows = np.searchsorted(np.asarray(sent_s), receipts.stamp_s, side="right") - 1
    entries = []
    for number, since_s in enumerate(intended_s):
        mine = windows == number
        entries.append(_entry(receipts.client[mine], receipts.stamp_s[mine] - since_s, expected))
    return entries


def account_by_number(receipts: Receipts, *, intended_s: Sequence[float], expected: int) -> list[Entry]:
    """Receipts to broadcasts by the number that they carry; each says exactly that one."""
    entries = []
    for number, since_s in enumerate(intended_s):
        mine = receipts.what == number
        entries.append(_entry(receipts.client[mine], receipts.stamp_s[mine] - since_s, expected))
    return entries


def account_states(receipts: Receipts, *, intended_s: Sequence[float], expected: int) -> list[Entry]:
    """Receipts of a state that carries the number of the newest change in it, and with it all earlier ones.

    A client is fresh for a change from the first state that has it or a later one. A state seen again is no duplicate.
    """
    entries = []
    for number, since_s in enumerate(intended_s):
        mine = receipts.what >= number
        first = _entry(receipts.client[mine], receipts.stamp_s[mine] - since_s, expected)
        entries.append(Entry(first.latencies_s, first.lost, 0))
    return entries


def _entry(clients: IntArray, latencies_s: FloatArray, expected: int) -> Entry:
    order = np.argsort(latencies_s, kind="stable")
    _, first = np.unique(clients[order], return_index=True)
    return Entry(
        latencies_s=latencies_s[order][first],
        lost=expected - len(first),
        twice=len(clients) - len(first),
    )
