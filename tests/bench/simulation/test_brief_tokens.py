"""Tokens that end within a run: in some schedules, with all that may come in between; the rest is what it was."""

from __future__ import annotations

from bench.simulation import brief_tokens as drawn
from bench.simulation.brief_tokens import FEWEST, MOST, SHARE, brief_tokens
from bench.simulation.clients.doing import KNOWN
from bench.simulation.clients.governing import TOKENS
from bench.simulation.faults import FAULTS
from bench.simulation.schedule import LASTS_S, NODES, PLAYERS, schedule_of

SEEDS = range(300)


def test_some_schedules_have_them_and_most_have_none() -> None:
    logins = [
        sum(what == "log_in_briefly" for _, what, *_ in brief_tokens(seed, players=20, nodes=3)) for seed in SEEDS
    ]
    with_some = [each for each in logins if each]
    assert {min(with_some), max(with_some)} <= set(range(FEWEST, MOST + 1))
    assert abs(len(with_some) / len(SEEDS) - SHARE) < 0.1


def test_whatever_comes_in_between_comes_in_the_default_suite_s_seeds() -> None:
    whats = {what for seed in SEEDS for _, what, *_ in brief_tokens(seed, players=20, nodes=3)}
    expected = {"log_in_briefly", "delete_account", *drawn.OWN, *drawn.OF_OPERATOR, *drawn.OF_NODES}
    assert whats == expected
    assert whats <= KNOWN.keys() | FAULTS.keys()


def test_rest_of_a_schedule_is_what_it_was_without() -> None:
    for seed in range(20):
        own = {(round(3.0 + at_s, 3), what, who, a, b)
               for at_s, what, who, a, b in brief_tokens(seed, players=PLAYERS, nodes=NODES)}  # fmt: skip
        rest = [event for event in schedule_of(seed).events
                if (event.at_s, event.what, event.who, event.a, event.b) not in own]  # fmt: skip
        assert TOKENS.keys().isdisjoint(event.what for event in rest)
        assert len(rest) == len(schedule_of(seed).events) - len(own)


def test_everything_comes_within_the_schedule() -> None:
    for seed in SEEDS:
        for at_s, what, who, *_ in brief_tokens(seed, players=PLAYERS, nodes=NODES):
            assert 0.0 <= at_s < LASTS_S
            assert who < (NODES if what in FAULTS else PLAYERS)
