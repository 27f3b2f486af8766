"""Limits over all nodes: who is let in as often as is allowed, and the smallest excess."""

from __future__ import annotations

import pytest

from bench.simulation.checks.limits import LATE_S, Limits
from bench.simulation.nodes.calls import Knock

ANN = 1


@pytest.fixture
def limits() -> Limits:
    """Four at once, and one in ten seconds."""
    return Limits(rate_per_s=0.1, burst=4.0)


def let_in(limits: Limits, *times_s: float, said: float | None = 0.0, node: str = "a", nodes: int = 2) -> None:
    for at_s in times_s:
        knock = Knock(node=node, nodes=nodes, said=said, is_let_in=True)
        assert limits.take(ANN, knock, at_s=at_s) is None


def many(limits: Limits) -> int:
    return len(list(limits.faults()))


def test_burst_and_what_comes_after_it_are_allowed(limits: Limits) -> None:
    let_in(limits, 1.0, 1.0, 1.0, 1.0, 11.0, 21.0)
    assert many(limits) == 0


def test_one_more_than_the_burst_is_found(limits: Limits) -> None:
    let_in(limits, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert list(limits.faults()) == [f"user {ANN} is let in 5 times within 0.0 s by the nodes together"]


def test_clock_that_is_set_while_it_counts_is_allowed_for(limits: Limits) -> None:
    let_in(limits, *(1.0,) * 4, 1.0 + 10.0 - LATE_S)
    assert many(limits) == 0


def test_what_is_counted_together_is_gone_with_the_data(limits: Limits) -> None:
    let_in(limits, *(1.0,) * 4)
    limits.lost()
    let_in(limits, *(1.0,) * 4)
    assert many(limits) == 0


def test_node_by_itself_grants_its_share_and_one_for_the_rounding(limits: Limits) -> None:
    let_in(limits, *(1.0,) * 3, said=None)
    assert many(limits) == 0
    let_in(limits, 1.0, said=None)
    assert many(limits) == 1


def test_each_node_grants_its_own_share(limits: Limits) -> None:
    for node in ("a", "b"):
        let_in(limits, *(1.0,) * 2, said=None, node=node)
    assert many(limits) == 0


@pytest.mark.parametrize(("said", "is_let_in"), [(0.0, False), (2.5, True)])
def test_node_that_does_not_do_what_all_say_is_found(limits: Limits, said: float, *, is_let_in: bool) -> None:
    assert limits.take(ANN, Knock(node="a", nodes=2, said=said, is_let_in=is_let_in), at_s=1.0) is not None
