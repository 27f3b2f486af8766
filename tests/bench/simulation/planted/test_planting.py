"""A planted fault is there for everybody who calls what it is in, and gone afterwards; it is looked for in all seeds,
the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from bench.simulation.clients import connection
from bench.simulation.run import Outcome
from lobby_server.protocol.codes import CloseCode
from tests.bench.simulation.planted import hunting
from tests.bench.simulation.planted.mutants import mutant_of

DRAINED = CloseCode.GOING_AWAY.to_bytes(2, "big")


def test_function_is_another_one_where_it_was_imported_by_its_name() -> None:
    original = connection.ended_by_close_frame
    assert original(DRAINED).refused is None
    with pytest.MonkeyPatch.context() as monkeypatch:
        mutant_of("a closed connection is not opened again").put_in(monkeypatch)
        assert connection.ended_by_close_frame(DRAINED).refused == "going_away"
    assert connection.ended_by_close_frame is original


@pytest.mark.parametrize(
    ("before_all", "order"),
    [(0, [0, 1, 2, 3, 4]), (3, [3, 0, 1, 2, 4]), (4, [4, 0, 1, 2, 3]), (5, [0, 1, 2, 3, 4])],
)
def test_likeliest_seed_is_tried_first_and_each_other_once_after_it(
    before_all: int, order: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def search(seeds: Iterable[int], *, progress: Callable[[Outcome], None]) -> None:
        tried.extend(seeds)

    monkeypatch.setattr(hunting, "search", search)
    hunted = hunting.hunt(mutant_of("a closed connection is not opened again"), most_seeds=5, before_all=before_all)
    assert tried == order
    assert hunted.found is None
    assert not hunted.is_right
