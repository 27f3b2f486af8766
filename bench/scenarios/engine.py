"""The benches of the fan-out engine by name, and how big each is.

`lobby-bench run` knows them beside the scenarios of the report; their targets are in `bench.goals`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.engine_results import EngineResult
from bench.lab import Lab

LADDER = (500, 1_000, 2_000, 5_000, 10_000)
"""Sizes at which a cost has to be seen growing linearly."""

ISSUE_STORM = 14_142
"""N(N+1)/2 is 10⁸ events: a client hears of itself and of those accepted after it, not of those before."""


@dataclass(frozen=True, kw_only=True)
class EngineSizes:
    """Of all benches of the engine."""

    repeats: int
    """Of what is compared or has a target; each with fresh servers."""
    ladder_repeats: int
    """Of the other sizes."""
    ladder: tuple[int, ...]
    fanout: tuple[int, ...]
    """Where all peers take their turns; the rest of the ladder has the lobby and the floor."""
    broadcasts: int
    storms: tuple[int, ...]
    storm_repeats: int
    returns: tuple[int, ...]
    memory: tuple[int, ...]
    fresh: int
    changes: int
    get_s: float


FULL = EngineSizes(
    repeats=5, ladder_repeats=2, ladder=LADDER, fanout=(5_000,), broadcasts=20,
    storms=(500, 1_000, 1_500, 2_000, 5_000, 10_000, ISSUE_STORM), storm_repeats=5,
    returns=LADDER, memory=LADDER, fresh=2_000, changes=200, get_s=0.5,
)  # fmt: skip

QUICK = EngineSizes(
    repeats=2, ladder_repeats=1, ladder=(1_000,), fanout=(5_000,), broadcasts=12,
    storms=(500, 1_500, 5_000), storm_repeats=2,
    returns=(1_000,), memory=(500, 1_000, 5_000), fresh=2_000, changes=200, get_s=0.5,
)  # fmt: skip

SMOKE = EngineSizes(
    repeats=1, ladder_repeats=1, ladder=(), fanout=(20,), broadcasts=3,
    storms=(20,), storm_repeats=1, returns=(20,), memory=(20, 40), fresh=20, changes=10, get_s=0.2,
)  # fmt: skip

PROFILES = {"full": FULL, "quick": QUICK, "smoke": SMOKE}


def sized(profile: str, clients: tuple[int, ...]) -> EngineSizes:
    """The sizes of a profile, or of it at other numbers of clients."""
    sizes = PROFILES[profile]
    if not clients:
        return sizes
    return EngineSizes(
        repeats=sizes.repeats, ladder_repeats=sizes.ladder_repeats, ladder=(), fanout=clients,
        broadcasts=sizes.broadcasts, storms=clients, storm_repeats=sizes.storm_repeats, returns=clients,
        memory=clients, fresh=clients[-1], changes=sizes.changes, get_s=sizes.get_s,
    )  # fmt: skip


@dataclass(frozen=True)
class EngineBench:
    """A question about the engine, and what measures its answer."""

    name: str
    question: str
    run: Callable[[Lab, EngineSizes], EngineResult]


def engine_benches() -> dict[str, EngineBench]:
    """By name."""
    from bench.scenarios import fanout, fresh, memory, reconnection, rooms_get, storm

    benches = (
        EngineBench("fanout", "What does a broadcast cost, against the floor and other servers?", fanout.run),
        EngineBench("storm", "What does it take to let all in at once, and tell all of all?", storm.run),
        EngineBench("reconnect", "How soon is a whole herd back and fresh after a restart?", reconnection.run),
        EngineBench("rooms-get", "What does GET /api/rooms cost, against a plain RequestHandler?", rooms_get.run),
        EngineBench("memory", "What does an idle connection hold of memory?", memory.run),
        EngineBench("fresh", "How soon does everybody hold the truth, with deltas and by fetching?", fresh.run),
    )
    return {bench.name: bench for bench in benches}
