"""Ways compared in virtual time at sizes that no machine here can hold, by the model of the same run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.measures import (
    DELAY_BREAKING,
    REACH_BREAKING,
    SCALE_BYTES,
    SCALE_DELAY,
    SCALE_FAILS,
    SCALE_HOLDS,
    USED_BREAKING,
)
from bench.prediction.comparison import Wall, compare
from bench.prediction.model import Model
from bench.prediction.plan import Level, Plan
from bench.prediction.told import assumptions
from bench.record.book import Book
from bench.record.profiles.sizes import ScaleSizes
from bench.record.vocabulary import AT_SCALE


def compare_at_scale(book: Book, model: Model, sizes: ScaleSizes, *, seed: int, say: Callable[[str], None]) -> None:
    """Nothing is measured: a core computes for about as long as the sizes say."""
    plan = Plan(
        players=1, changes_per_s=sizes.changes_per_s, poll_s=sizes.poll_s, seed=seed,
        level=Level(ceiling=sizes.ceiling, slo_ms=sizes.slo_ms),
    )  # fmt: skip
    walls = compare(plan, model, nodes=sizes.nodes, say=say, for_s=sizes.for_s)
    write_walls(book, walls)
    book.note(f"{AT_SCALE}: {assumptions(plan)}")


def write_walls(book: Book, walls: Sequence[Wall]) -> None:
    """What each way came to, as readings that others can draw the same conclusions from."""
    for each in walls:
        book.add(SCALE_HOLDS, each.holds, clients=0, party=each.name)
        if each.holds:
            book.add(SCALE_BYTES, each.wire_bytes_per_player, clients=0, party=each.name)
        if each.holds and each.delay_ms is not None:
            book.add(SCALE_DELAY, each.delay_ms, clients=0, party=each.name)
        if each.fails is None:
            continue
        book.add(SCALE_FAILS, each.fails, clients=0, party=each.name)
        for resource, share in each.shares_then.items():
            book.add(USED_BREAKING[resource], share * 100, clients=0, party=each.name)
        if each.delay_then_ms is not None:
            book.add(DELAY_BREAKING, each.delay_then_ms, clients=0, party=each.name)
        if each.reach_then is not None:
            book.add(REACH_BREAKING, each.reach_then * 100, clients=0, party=each.name)
    cut = [each.name for each in walls if each.is_cut]
    if cut:
        book.note(f"the time to look for the number of players was over before it was known to 10 %: {'; '.join(cut)}")
