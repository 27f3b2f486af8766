"""Good clients beside a hostile one: pairs of rounds, their ratio, and pings that had no pong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from bench.load.among import Neighbours
from bench.measures import HOSTILE_KINDS, PONG_DISTURBED, PONG_RATIO, PONG_UNDISTURBED
from bench.record.profiles.sizes import HostileSizes
from bench.scenarios.stress import hostile
from tests.bench.fake_lab import Stage, a_stage, readings

ALONE_MS, BESIDE_MS = [1.0] * 98 + [4.0, 9.0], [1.0] * 98 + [10.0, 90.0]
"""Of a hundred pongs: 4 and 10 ms at the 99th percentile."""


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, hostile, hostile=HostileSizes(good=7, rounds=2, round_s=0.5))
    monkeypatch.setattr(hostile, "flags_of", lambda transport, flags: contextlib.nullcontext(flags))
    found.script(Neighbours, round=lambda kind, round_s: ALONE_MS if kind is None else BESIDE_MS, harm=(0, 0))
    return found


def test_ratio_is_of_a_round_with_it_over_the_round_before(stage: Stage) -> None:
    found = hostile.run(stage.lab)
    party = hostile.party_of("slow-heads", "TLS")
    for measure, ms in ((PONG_UNDISTURBED, 4.0), (PONG_DISTURBED, 10.0), (PONG_RATIO, 2.5)):
        assert [each.value for each in readings(found, measure, party)] == [ms, ms]
    assert found.measures[0].clients == 7


def test_each_kind_has_its_rounds_on_each_way_in_after_one_without(stage: Stage) -> None:
    hostile.run(stage.lab)
    for neighbours in stage.generators:
        kinds = [kind for kind, _ in neighbours.asked("round")]
        assert kinds[0] is None, "the first round of a fresh server is left out"
        assert kinds[1::2] == [None] * (2 * len(HOSTILE_KINDS))
        assert sorted(kinds[2::2]) == sorted(HOSTILE_KINDS * 2)
    assert [each.arguments["transport"] for each in stage.generators] == ["bare", "tls", "deflate"]


def test_pings_without_a_pong_are_a_fault(stage: Stage) -> None:
    stage.script(Neighbours, round=lambda kind, round_s: ALONE_MS, harm=(3, 1))
    found = hostile.run(stage.lab)
    assert found.faults[0] == "plain: 3 pings of good clients had no pong, 1 of them were cut"
    assert len(found.faults) == 3


def test_way_that_cannot_be_had_is_skipped_and_the_others_are_measured(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def without_tls(transport: Any, flags: tuple[str, ...]) -> Iterator[tuple[str, ...] | None]:
        yield None if transport.is_tls else flags

    monkeypatch.setattr(hostile, "flags_of", without_tls)
    found = hostile.run(stage.lab)
    assert [sentence.partition(":")[0] for sentence in found.skipped] == ["TLS"]
    ways = {each.party.rpartition(", ")[2] for each in found.measures}
    assert ways == {"plain", "permessage-deflate"}


def test_round_in_which_nobody_had_a_pong_is_no_figure(stage: Stage) -> None:
    stage.script(Neighbours, round=lambda kind, round_s: [] if kind else ALONE_MS, harm=(0, 0))
    found = hostile.run(stage.lab)
    [first, _] = readings(found, PONG_RATIO, hostile.party_of("slow-heads", "TLS"))
    assert first.invalid
