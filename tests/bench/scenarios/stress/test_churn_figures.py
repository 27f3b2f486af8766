"""Memory over clients that come and go: growth since the warm-up, for looks that are known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from bench.load.churn import WAYS_IN, Churn, Churners, Cycle
from bench.measures import GROWTH, RSS_AFTER
from bench.record.book import Book
from bench.record.fact_names import look_name
from bench.record.findings import Findings, Where
from bench.record.profiles.sizes import ChurnSizes
from bench.scenarios.stress import churn
from tests.bench.fake_lab import Stage, a_stage, value

PLAIN = WAYS_IN[0]


def written(*looks: tuple[int, int], warm_up: int, cycle: Cycle = Cycle.ACCEPTED) -> Findings:
    """Cycles done, and KiB."""
    book = Book()
    seen = Churn(cycle, PLAIN, tuple(done for done, _ in looks), tuple(kib for _, kib in looks))
    churn.write(book, seen, warm_up=warm_up)
    return book.result("churn", ())


ACCEPTED = "plain", "accepted"


def test_growth_is_of_the_last_look_over_the_first_after_the_warm_up() -> None:
    found = written((0, 50_000), (90, 80_000), (100, 100_000), (200, 101_000), (300, 103_000), warm_up=100)
    assert value(found, GROWTH[ACCEPTED]) == pytest.approx(3.0)


def test_first_look_after_the_warm_up_counts_where_there_is_none_at_its_end() -> None:
    found = written((0, 50_000), (150, 100_000), (300, 98_000), warm_up=100)
    assert value(found, GROWTH[ACCEPTED]) == pytest.approx(-2.0)


def test_memory_is_told_at_both_ends_in_mib() -> None:
    found = written((0, 1_024), (100, 2_048), (300, 3_072), warm_up=100)
    at = {clients: value(found, RSS_AFTER[ACCEPTED], where=Where(clients)) for clients in (100, 300)}
    assert at == {100: 2.0, 300: 3.0}


def test_every_look_is_kept_for_the_chart() -> None:
    found = written((0, 1_024), (100, 2_048), (300, 3_072), warm_up=100)
    assert found.facts == {look_name(*ACCEPTED, done): mib for done, mib in ((0, 1.0), (100, 2.0), (300, 3.0))}


def test_cycle_has_a_figure_of_its_own() -> None:
    found = written((0, 1_000), (10, 1_010), warm_up=0, cycle=Cycle.ROOM)
    assert value(found, GROWTH["plain", "room"]) == pytest.approx(1.0)
    assert found.find(GROWTH[ACCEPTED]) == []


# -- the plan ------------------------------------------------------------------------------------------------------

SIZES = ChurnSizes(accepted=60, refused=30, room=10, warm_up=20, samples=6)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, churn, churn=SIZES)

    def run(cycle: str, way: str, cycles: int, every: int) -> Churn:
        [known] = [each for each in WAYS_IN if each.name == way]
        return Churn(Cycle(cycle), known, (0, cycles // 2, cycles), (100, 100, 110))

    found.script(Churners, run=run)
    monkeypatch.setattr(churn, "flags_of", lambda transport, flags: contextlib.nullcontext(flags))
    return found


def test_every_way_in_has_a_server_for_each_cycle_that_it_takes(stage: Stage) -> None:
    found = churn.run(stage.lab)
    plan = [
        (way.name, cycle) for way in WAYS_IN for cycle in ("accepted", "refused", "room") if way.takes(Cycle(cycle))
    ]
    asked = [args[:2] for each in stage.generators for args in each.asked("run")]
    assert sorted(asked) == sorted((cycle, way) for way, cycle in plan)
    assert len(stage.servers) == len(plan)
    assert value(found, GROWTH[ACCEPTED]) == pytest.approx(10.0)


def test_cycles_and_looks_are_those_of_the_profile(stage: Stage) -> None:
    churn.run(stage.lab)
    asked = {args[0]: args[2:] for each in stage.generators for args in each.asked("run")}
    assert asked == {"accepted": (60, 10), "refused": (30, 5), "room": (10, 1)}


def test_warm_up_is_at_most_half_of_the_cycles(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    monkeypatch.setattr(churn, "write", lambda book, seen, warm_up: found.append(warm_up))
    churn.run(stage.lab)
    assert set(found) == {20, 15, 5}


def test_way_that_cannot_be_had_is_skipped_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def without_tls(transport: object, flags: tuple[str, ...]) -> Iterator[tuple[str, ...] | None]:
        yield None if transport.is_tls else flags  # type: ignore[attr-defined]

    monkeypatch.setattr(churn, "flags_of", without_tls)
    found = churn.run(stage.lab)
    assert len(found.skipped) == len({way.name for way in WAYS_IN if way.transport.is_tls})
    assert all("no openssl" in sentence for sentence in found.skipped)
