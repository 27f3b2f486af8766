"""In which order parties take their turns: every repeat has each of them once, in an order of its own.

What the machine does otherwise changes from minute to minute. Parties measured one after the other differ by that
alone; in turns, in random order, it falls on all of them alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

Party = TypeVar("Party")


def in_turns(parties: Sequence[Party], repeats: int, chance: random.Random) -> Iterator[tuple[int, Party]]:
    """Number of the repeat, and who is next."""
    for repeat in range(repeats):
        for party in chance.sample(list(parties), len(parties)):
            yield repeat, party
