"""Which of several replicas opens a new epoch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lobby_server.backplane.log import _no_floor
from lobby_server.backplane.place.epochs import REPLICA_WAITS_S, Epochs
from lobby_server.backplane.place.standing import Standing
from lobby_server.service.rooms.revision_mark import RESERVED
from tests.fakes.clock import VirtualClock

FIRST = 1_767_000_000_000
"""A revision."""


class Candidates:
    """A server that has lost its data, and to which replicas say where they stand."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self._stand: dict[str, int] = {}

    async def stand(self, node: str, rank: int) -> None:
        self._stand[node] = rank

    async def best_candidate(self) -> str:
        return max(self._stand, key=lambda node: (self._stand[node], node))

    async def may_seed(self, node: str, *, for_s: float) -> bool:
        return True

    async def opens(self, **replicas: tuple[int, int]) -> list[str]:
        """Who would, of replicas that have the list at a revision, and have applied so many entries."""
        opening, since_s = [], self.clock.monotonic_s()
        made = {name: self._replica(name, *found) for name, found in replicas.items()}
        for waited_s in (0.0, REPLICA_WAITS_S):
            self.clock.advance(waited_s)
            turns = {name: await each._is_my_turn(has_state=True, since_s=since_s) for name, each in made.items()}
            opening = [name for name, is_its_turn in turns.items() if is_its_turn]
        return opening

    def _replica(self, name: str, revision: int, number: int) -> Epochs:
        standing, unused, stream = Standing(self.clock.monotonic_s), SimpleNamespace(), self
        standing.go_to("e1", number, "0-0")
        state: Any = SimpleNamespace(books=SimpleNamespace(rooms=SimpleNamespace(revision=revision)))
        given: dict[str, Any] = {"snapshots": unused, "ways": unused, "new_name": unused, "state": state}
        anything: Any = stream
        return Epochs(
            anything, standing=standing, node=lambda: name, newcomer_waits_s=0.0, monotonic_s=self.clock.monotonic_s,
            floor=_no_floor,
            **given,
        )  # fmt: skip


async def test_of_one_log_the_replica_opens_that_has_applied_most() -> None:
    assert await Candidates().opens(z=(FIRST, 28), a=(FIRST, 29), y=(FIRST, 28)) == ["a"]
    assert await Candidates().opens(z=(FIRST + 2, 28), a=(FIRST + 3, 29)) == ["a"]


async def test_lobby_that_began_last_goes_on_though_an_older_one_has_more_entries() -> None:
    assert await Candidates().opens(z=(FIRST + 5_000, 2_000_000), a=(FIRST + RESERVED, 3)) == ["a"]


async def test_newest_epoch_goes_on_though_a_replica_that_was_left_behind_has_more_entries() -> None:
    assert await Candidates().opens(z=(FIRST, 90), a=(FIRST + 1_001, 60)) == ["a"]
