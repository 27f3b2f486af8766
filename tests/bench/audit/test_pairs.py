"""Parties are paired by the turn that their readings are of, by the lab and by the auditor alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.comparison.compare import compare_runs
from bench.analysis.estimates import Estimate, in_pairs, ratio
from bench.analysis.noise_floors import noise_floors
from bench.analysis.sources import paired
from bench.audit.check import _validity
from bench.audit.conclusions import conclude
from bench.audit.quantities.compute import compute
from bench.audit.raw import NotInRun, Raw
from bench.measures import CPU_PER_RECIPIENT
from bench.record.book import Book
from bench.record.findings import Findings, Reading, Where
from bench.record.repeats import as_repeats
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_AGAIN
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_run

Turns = Mapping[int, float]
"""The value of each turn that went well."""

DEARER_MACHINE = {0: 10.0, 1: 20.0, 2: 40.0, 3: 80.0, 4: 160.0}
"""What one party cost in turns of a machine that became slower."""
TWICE = {turn: 2 * value for turn, value in DEARER_MACHINE.items()}


def without(turns: Turns, *failed: int) -> Turns:
    return {turn: value for turn, value in turns.items() if turn not in failed}


def book_of(own: Turns, other: Turns, *, told: bool = True, over: str = FLOOR, suspect: tuple[int, ...] = ()) -> Book:
    book = Book()
    for party, turns in ((LOBBY, own), (over, other)):
        for turn, value in turns.items():
            book.turn = turn if told else None
            book.add(CPU_PER_RECIPIENT, value, clients=10, party=party, suspect="other work" if turn in suspect else "")
    return book


def found_of(own: Turns, other: Turns, **more: Any) -> Findings:
    return book_of(own, other, **more).result("peers", ())


def lab(found: Findings) -> Estimate:
    own, other = (found.find(CPU_PER_RECIPIENT, party) for party in (LOBBY, FLOOR))
    made = ratio(own, other, CPU_PER_RECIPIENT.kind)
    assert made is not None
    return made


def audited(raw: Raw) -> list[float]:
    quantities = [
        paired("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR, Where(10), take) for take in ("median", "least", "most", "n")
    ]
    return [compute(raw, each).value for each in quantities]


@pytest.mark.parametrize(("own", "other", "n"), [((), (1,), 4), ((2,), (), 4), ((0, 3), (1,), 2), ((), (), 5)])
def test_turn_that_failed_leaves_the_others_paired_by_turn(
    own: tuple[int, ...], other: tuple[int, ...], n: int
) -> None:
    found = found_of(without(TWICE, *own), without(DEARER_MACHINE, *other))
    made = lab(found)
    assert (made.value, made.low, made.high, made.n) == (2.0, 2.0, 2.0, n)
    assert audited(raw_of(a_run(found))) == [2.0, 2.0, 2.0, n]


def test_turn_that_each_failed_once_is_no_pair_with_the_others_turn() -> None:
    """As many readings, of other turns."""
    found = found_of(without(TWICE, 0), without(DEARER_MACHINE, 4))
    assert (lab(found).value, lab(found).n) == (2.0, 3)
    assert audited(raw_of(a_run(found))) == [2.0, 2.0, 2.0, 3]


def test_readings_of_turns_that_are_not_told_go_by_their_order_where_none_is_missing() -> None:
    found = found_of(TWICE, DEARER_MACHINE, told=False)
    assert (lab(found).value, lab(found).n) == (2.0, 5)
    assert audited(raw_of(a_run(found))) == [2.0, 2.0, 2.0, 5]


def test_missing_turn_that_nothing_tells_of_leaves_the_ratio_of_the_medians() -> None:
    found = found_of(TWICE, without(DEARER_MACHINE, 1), told=False)
    made = lab(found)
    assert (made.value, made.low, made.high, made.n) == (80.0 / 60.0, 20.0 / 160.0, 320.0 / 10.0, 4)
    assert made.interval is None
    assert audited(raw_of(a_run(found))) == [made.value, made.low, made.high, made.n]


@pytest.mark.parametrize("told", [True, False])
def test_ratio_is_as_doubtful_as_what_it_is_made_of(*, told: bool) -> None:
    found = found_of(TWICE, without(DEARER_MACHINE, 4), told=told, suspect=(0, 1, 4))
    quantity = paired("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR, Where(10))
    judged, _ = _validity(raw_of(a_run(found)), quantity)
    assert judged == lab(found).judgement.validity.value.lower() == "suspect"


def test_parties_without_a_turn_in_common_are_not_compared() -> None:
    found = found_of({0: 1.0}, {1: 1.0})
    own, other = (found.find(CPU_PER_RECIPIENT, party) for party in (LOBBY, FLOOR))
    assert ratio(own, other, CPU_PER_RECIPIENT.kind) is None
    with pytest.raises(NotInRun, match="no pairs"):
        audited(raw_of(a_run(found)))


def test_turn_in_which_one_party_has_fewer_readings_is_left_out() -> None:
    own = [Reading(4.0, turn=0), Reading(6.0, turn=0), Reading(8.0, turn=1), Reading(9.0, turn=1)]
    other = [Reading(2.0, turn=0), Reading(3.0, turn=0), Reading(4.0, turn=1)]
    assert [(a.value, b.value) for a, b in in_pairs(own, other) or ()] == [(4.0, 2.0), (6.0, 3.0)]


def test_turns_of_several_runs_are_not_mistaken_for_one_another() -> None:
    first, second = found_of(without(TWICE, 4), without(DEARER_MACHINE, 1)), found_of(TWICE, DEARER_MACHINE)
    [pooled] = as_repeats([a_run(first), a_run(second)]).findings
    assert (lab(pooled).value, lab(pooled).low, lab(pooled).high, lab(pooled).n) == (2.0, 2.0, 2.0, 8)
    assert audited(raw_of(a_run(pooled))) == [2.0, 2.0, 2.0, 8]


def test_comparison_on_ratios_pairs_by_turn() -> None:
    """On two machines, of which one turn of the other party failed."""
    whole, lacking = (found_of(TWICE, without(DEARER_MACHINE, *failed)) for failed in ((), (0,)))
    [pair] = compare_runs(a_run(whole), a_run(lacking), limit=0.1, ratios_only=True).pairs
    assert (pair.before, pair.after, pair.n) == (2.0, 2.0, (5, 4))


def test_noise_floor_is_that_of_the_same_turns() -> None:
    found = book_of(DEARER_MACHINE, without(DEARER_MACHINE, 0), over=LOBBY_AGAIN).result("noise", ())
    assert noise_floors(found, LOBBY_AGAIN).of(CPU_PER_RECIPIENT) == 0.0
    assert compute(raw_of(a_run(found)), {"of": "floor", "kind": "CPU"}).value == 0.0


def test_difference_is_concluded_from_the_same_turns() -> None:
    found = found_of(TWICE, without(DEARER_MACHINE, 0))
    of = {**paired("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR, Where(10)), "of": "difference", "floor": 0.05}
    assert conclude(raw_of(a_run(found)), of) == ("more", "pairs 2 to 2, noise 0.05")


some_turns = st.dictionaries(st.integers(0, 6), st.sampled_from([0.0, 1.0, 2.5, 7.0, 40.0]), min_size=1, max_size=7)


@given(own=some_turns, other=some_turns, told=st.booleans())
def test_lab_and_auditor_pair_alike(own: Turns, other: Turns, told: bool) -> None:
    found = found_of(own, other, told=told)
    sides = (found.find(CPU_PER_RECIPIENT, party) for party in (LOBBY, FLOOR))
    made, raw = ratio(*sides, CPU_PER_RECIPIENT.kind), raw_of(a_run(found))
    if made is None:
        with pytest.raises(NotInRun):
            audited(raw)
    else:
        assert audited(raw) == pytest.approx([made.value, made.low, made.high, made.n])
