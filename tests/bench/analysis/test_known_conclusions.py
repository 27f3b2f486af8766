"""Conclusions whose right answer is computed by hand: the lab finds them in noisy runs of servers with known costs."""

from __future__ import annotations

import dataclasses
import random
import re

import numpy as np
import pytest

from bench.analysis.break_even import surfaces_of
from bench.analysis.choice import crossover, is_cheapest
from bench.analysis.consistency.pairs import MODEL_LIMIT
from bench.analysis.crossings import crossing_per_s, measured_crossing
from bench.analysis.derived.overview import derive
from bench.analysis.estimates import Difference, ratio
from bench.analysis.noise_floors import noise_floors
from bench.load.cells import staleness
from bench.load.changes.ledger import Receipts
from bench.measures import BYTES_PER_CLIENT_HOUR, CPU_PER_CLIENT_HOUR, CPU_PER_RECIPIENT, Kind, Measure
from bench.record.findings import Reading
from bench.record.profiles.sizes import CapacitySizes
from bench.record.vocabulary import LOBBY_AGAIN
from bench.report.build import texts_of
from bench.scenarios.capacity import StepOutcome, search
from tests.bench.modelled import (
    BREAK_EVEN_BYTES_PER_S,
    BREAK_EVEN_CPU_PER_S,
    KNEE,
    PER_RECIPIENT_US,
    POLL_S,
    SLO_MS,
    a_against_a,
    a_modelled_run,
    p99_ms,
    staleness_ms,
)
from tests.bench.modelled_ways import crossover_per_s

pytestmark = pytest.mark.system  # hundreds of simulated runs

SEEDS = range(20)
CROSSINGS = [(BYTES_PER_CLIENT_HOUR, BREAK_EVEN_BYTES_PER_S), (CPU_PER_CLIENT_HOUR, BREAK_EVEN_CPU_PER_S)]


def test_hand_computed_break_even_is_where_both_ways_cost_the_same() -> None:
    """120 × 232 + 3,600 × λ × 10,150 = 12,000,000 and 0.02 + 0.72 λ = 0.36."""
    assert pytest.approx(0.32765, abs=1e-5) == BREAK_EVEN_BYTES_PER_S
    assert pytest.approx(0.47222, abs=1e-5) == BREAK_EVEN_CPU_PER_S


@pytest.mark.parametrize(("measure", "right_per_s"), CROSSINGS, ids=["bytes", "CPU"])
@pytest.mark.parametrize("clients", [100, 1_000])
def test_exact_cells_have_the_exact_break_even(measure: Measure, right_per_s: float, clients: int) -> None:
    """What cells say is exact where costs are straight lines, but for what idle cells of another size share."""
    fitted = {each.way: each for each in surfaces_of(a_modelled_run(noise=0.0), measure)}
    found = measured_crossing(fitted["push"], fitted["polling"], clients)
    assert found is not None
    assert found.per_s == pytest.approx(right_per_s, rel=1e-6)
    assert crossing_per_s(fitted["push"], fitted["polling"], clients) == pytest.approx(right_per_s, rel=1e-3)


@pytest.mark.parametrize(("measure", "right_per_s"), CROSSINGS, ids=["bytes", "CPU"])
def test_break_even_is_found_between_the_cells_beside_it_whatever_the_noise(
    measure: Measure, right_per_s: float
) -> None:
    """With 1 % of noise in every cell: within the limit that the report states for the model."""
    for seed in SEEDS:
        fitted = {each.way: each for each in surfaces_of(a_modelled_run(noise=0.01, seed=seed), measure)}
        for clients in (100, 1_000):
            found = measured_crossing(fitted["push"], fitted["polling"], clients)
            assert found is not None
            assert found.low_per_s < right_per_s < found.high_per_s
            assert found.per_s == pytest.approx(right_per_s, rel=MODEL_LIMIT)
            assert crossing_per_s(fitted["push"], fitted["polling"], clients) == pytest.approx(
                right_per_s, rel=MODEL_LIMIT
            )


def test_ways_that_never_cost_more_have_no_break_even() -> None:
    """A delta of 300 B costs polling's bytes from 11.1 changes per second on, beyond the cells."""
    fitted = {each.way: each for each in surfaces_of(a_modelled_run(), BYTES_PER_CLIENT_HOUR)}
    assert measured_crossing(fitted["delta"], fitted["polling"], 1_000) is None


def test_knee_is_found_within_the_resolution_of_the_search() -> None:
    """p99 = 10 ms + 0.02 ms per client reaches 250 ms at 12,000 clients; each step is off by 1 %."""
    sizes = CapacitySizes(first=3_000, most=18_000, slo_ms=SLO_MS)
    for seed in SEEDS:
        chance = random.Random(seed)

        def step(clients: int, chance: random.Random = chance) -> StepOutcome:
            is_met = p99_ms(clients) * chance.gauss(1.0, 0.01) < SLO_MS
            return StepOutcome.MET if is_met else StepOutcome.MISSED

        knee = search(step, sizes)
        assert knee.is_limit
        assert KNEE / (1 + sizes.resolution) * 0.97 < knee.clients < KNEE * 1.03


def test_knee_beyond_what_was_tried_is_no_limit() -> None:
    knee = search(lambda clients: StepOutcome.MET, CapacitySizes(first=3_000, most=6_000, slo_ms=SLO_MS))
    assert (knee.clients, knee.is_limit) == (6_000, False)


@pytest.mark.parametrize("rate", [0.5, 1.0, 4.0])
def test_staleness_of_polling_is_that_of_the_steady_state(rate: float) -> None:
    """By hand for one change per second, polls every 3 s: 1,055.6 ms; and not the 572 of a window that starts fresh."""
    if rate == 1.0:
        assert staleness_ms("polling", rate) == pytest.approx(1_055.6, abs=0.1)
    clients, start_s, end_s = 200, 12.0, 60.0
    chance = random.Random(3)
    made_s = np.arange(0.5 / rate, end_s, 1 / rate)
    polls = [np.arange(chance.uniform(0, POLL_S), end_s, POLL_S) for _ in range(clients)]
    receipts = Receipts(
        client=np.concatenate([np.full(len(at_s), client) for client, at_s in enumerate(polls)]),
        stamp_s=np.concatenate(polls),
        what=np.concatenate([np.searchsorted(made_s, at_s, side="right") - 1 for at_s in polls]),
    )
    found_s = staleness(receipts, intended_s=made_s.tolist(), clients=clients, start_s=start_s, end_s=end_s)
    assert found_s.mean() * 1e3 == pytest.approx(staleness_ms("polling", rate), rel=0.04)


@pytest.mark.parametrize("delay_s", [0.03, 0.2])
def test_staleness_of_push_is_half_the_square_of_its_delay_per_interval(delay_s: float) -> None:
    """Stale for d of every τ = 1 s, d/2 on average: 0.45 ms for 30 ms, 20 ms for 200 ms."""
    clients, made_s = 20, np.arange(0.25, 40.0, 1.0)
    receipts = Receipts(
        client=np.repeat(np.arange(clients), len(made_s)),
        stamp_s=np.tile(made_s + delay_s, clients),
        what=np.tile(np.arange(len(made_s)), clients),
    )
    found_s = staleness(receipts, intended_s=made_s.tolist(), clients=clients, start_s=5.0, end_s=35.0)
    # 200 moments in 30 s lie 150 ms apart: the shorter delay is seen by few of them
    assert found_s.mean() == pytest.approx(delay_s**2 / 2, abs=0.15 * delay_s)


def test_two_that_are_the_same_are_told_apart_in_few_runs_of_a_hundred() -> None:
    """A/A: five pairs, 2 % of noise; without any floor, all pairs on one side happen in 6 %."""
    apart = 0
    for seed in range(400):
        chance = random.Random(seed)
        own, other = ([Reading(10.0 * chance.gauss(1.0, 0.02)) for _ in range(5)] for _ in range(2))
        noise = noise_floors(a_against_a(chance, 0.02), LOBBY_AGAIN)
        found = ratio(own, other, Kind.CPU)
        assert found is not None
        apart += not Difference(found, noise.of(CPU_PER_RECIPIENT) or 0.0).is_none
    assert apart / 400 < 0.05


def test_noise_floor_is_that_of_the_ratio_of_two_noisy_readings() -> None:
    """Each with a standard deviation of 2 %, so 2.8 % of the ratio: of five, the furthest is 1.16 of those on average
    on each side, and further on the further one: between 2.8 % and 7 % in the median run."""
    floors = [noise_floors(a_against_a(random.Random(seed), 0.02), LOBBY_AGAIN).by_name for seed in range(200)]
    assert 0.028 < float(np.median([each[CPU_PER_RECIPIENT.name] for each in floors])) < 0.07


def test_difference_that_is_there_is_found_beyond_the_noise() -> None:
    """25 against 10 µs per recipient with 2 % of noise, and a machine that is 20 % slower in some turns."""
    for seed in range(4):
        [sentence] = [
            each.text for each in texts_of(a_modelled_run(noise=0.02, seed=seed)) if each.where == "peers, sentence 1"
        ]
        times = {name: float(value) for name, value in re.findall(r"(floor|node ws) ([\d.]+) times", sentence)}
        for party, cost_us in PER_RECIPIENT_US.items():
            if party in times:
                assert times[party] == pytest.approx(cost_us / 10.0, abs=0.12)


def test_crossovers_of_the_first_screen_are_those_computed_by_hand() -> None:
    """Per window of 60 s and with 10 rooms: 464 + 300 n of deltas, 464 + 2,150 n of push, 40,000 of polling, and with
    gzip 8,600 at 0.1 changes per second (n = 6) and 10,000 from 0.33 on.

    Deltas and gzip: 9,536 / 300 / 60 = 0.530. Push and polling: 0.306. Push and gzip: 0.0613.
    """
    found = [
        crossover_per_s(*pair, 10)
        for pair in (("delta", "polling_gzip"), ("push", "polling"), ("push", "polling_gzip"))
    ]
    assert found == pytest.approx([0.5298, 0.3065, 0.0613], abs=1e-4)
    told = {each.where: each.text for each in texts_of(a_modelled_run())}
    assert "up to about one change per 1.9 s they cost the fewest bytes with 10 rooms in the list" in told["answer 1"]
    assert "polling with ETag and gzip costs fewer bytes" in told["answer 1"]
    assert "than plain polling every 3 s below about one change per 3.3 s with 10 rooms in the list" in told["answer 2"]
    assert "than any way of polling below about one change per 16 s with 10 rooms in the list" in told["answer 3"]


def test_way_that_is_dearer_below_and_above_has_no_crossover() -> None:
    """Cheaper in the middle alone: no rate divides where it costs less from where it costs more."""
    costs = derive(a_modelled_run()).traffic
    dear_idle = [
        dataclasses.replace(each, model=1e9) if (each.kind, each.changes_per_s) == ("push", 0.0) else each
        for each in costs
    ]
    assert crossover(costs, "push", "polling", 10) is not None
    assert crossover(dear_idle, "push", "polling", 10) is None
    assert not is_cheapest(dear_idle, "push", ["polling"], 10)
    assert is_cheapest(costs, "push", ["polling"], 10, below_per_s=0.3)


def test_sentences_say_what_was_computed_by_hand() -> None:
    """Printed, in the report of a run with 1 % of noise."""
    told = {each.where: each.text for each in texts_of(a_modelled_run())}
    crossings = [float(each) for each in re.findall(r"from ([\d.]+) changes", told["break-even, sentence 1"])]
    assert crossings == pytest.approx([BREAK_EVEN_BYTES_PER_S] * 2, rel=0.05)
    assert "1.05 s behind with polling" in told["freshness, sentence 2"] or "1.06 s" in told["freshness, sentence 2"]
    assert "holds 11,022" in told["capacity, sentence 1"]
