"""What a scenario measured, raw: stretches and ledgers add up, and readings are found by their measure."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measures import LAST_ACCEPTED, SLOWEST_PING
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Where, sum_ledgers, sum_stretches
from bench.record.vocabulary import ACCEPTED, LOBBY

times = st.floats(min_value=0.0, max_value=1e3)
stretches = st.builds(
    Stretch, wall_s=times, server_cpu_s=times, generator_cpu_s=times, server_wait_s=times, generator_wait_s=times,
    busy_wall_s=times, busy_generator_cpu_s=times,
)  # fmt: skip
numbers = st.integers(min_value=0, max_value=1_000)
ledgers = st.builds(
    Ledger, expected=numbers, received=numbers, twice=numbers, disordered=numbers,
    lost=st.dictionaries(st.sampled_from(["closed", "late", "never"]), numbers),
)  # fmt: skip


# -- stretches -----------------------------------------------------------------------------------------------------


def test_generator_share_is_that_of_the_whole_or_while_it_mattered_whichever_is_more() -> None:
    calm = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=4.0)
    assert calm.generator_share == pytest.approx(0.4)
    busy = msgspec.structs.replace(calm, busy_wall_s=2.0, busy_generator_cpu_s=1.8)
    assert busy.generator_share == pytest.approx(0.9)
    idle_while_it_mattered = msgspec.structs.replace(calm, busy_wall_s=2.0, busy_generator_cpu_s=0.1)
    assert idle_while_it_mattered.generator_share == pytest.approx(0.4)


def test_share_waited_is_of_the_time_in_which_a_process_would_have_worked() -> None:
    stretch = Stretch(wall_s=100.0, server_cpu_s=3.0, server_wait_s=1.0, generator_cpu_s=1.0, generator_wait_s=1.0)
    assert stretch.server_waited == pytest.approx(0.25)
    assert stretch.waited == pytest.approx(0.5), "the generator waited more"


def test_stretch_in_which_nothing_happened_has_shares_of_zero() -> None:
    nothing = Stretch(wall_s=0.0, server_cpu_s=0.0, generator_cpu_s=0.0)
    assert (nothing.generator_share, nothing.server_waited, nothing.waited) == (0.0, 0.0, 0.0)


@given(stretches)
def test_share_waited_is_between_none_and_all(stretch: Stretch) -> None:
    assert 0.0 <= stretch.server_waited <= stretch.waited <= 1.0


@given(st.lists(stretches, max_size=4))
def test_sum_of_stretches_adds_every_field(several: list[Stretch]) -> None:
    whole = sum_stretches(several)
    for name in Stretch.__struct_fields__:
        assert getattr(whole, name) == pytest.approx(sum(getattr(each, name) for each in several))


# -- ledgers -------------------------------------------------------------------------------------------------------


def test_reach_is_received_over_expected_and_unknown_where_nothing_was_due() -> None:
    assert Ledger(expected=200, received=150).reach == 0.75
    assert math.isnan(Ledger(expected=0, received=0).reach)


def test_causes_are_added_each_by_itself() -> None:
    one = Ledger(expected=10, received=7, lost={"closed": 1, "never": 2}, twice=1)
    other = Ledger(expected=5, received=4, lost={"late": 1}, disordered=3)
    assert one + other == Ledger(
        expected=15, received=11, lost={"closed": 1, "never": 2, "late": 1}, twice=1, disordered=3
    )


@given(st.lists(ledgers, max_size=4))
def test_sum_of_ledgers_does_not_depend_on_the_order(several: list[Ledger]) -> None:
    assert sum_ledgers(several) == sum_ledgers(several[::-1])


def test_sum_of_no_ledgers_expects_nothing() -> None:
    assert sum_ledgers([]) == Ledger(expected=0, received=0)


# -- finding -------------------------------------------------------------------------------------------------------


@pytest.fixture
def found() -> Findings:
    book = Book()
    for clients, value in ((10, 1.0), (10, 2.0), (20, 5.0)):
        book.add(LAST_ACCEPTED, value, clients=clients)
    book.add(LAST_ACCEPTED, 7.0, clients=10, party="floor")
    book.add_series(ACCEPTED, [0.1, 0.2], Where(10))
    book.add_series(ACCEPTED, [0.3], Where(10), party="floor")
    return book.result("storm", ("--tick-ms", "20"))


def test_readings_are_found_by_measure_party_and_size(found: Findings) -> None:
    assert [each.value for each in found.find(LAST_ACCEPTED, LOBBY, Where(10))] == [1.0, 2.0]
    assert [each.value for each in found.find(LAST_ACCEPTED, LOBBY, Where(20))] == [5.0]
    assert [each.value for each in found.find(LAST_ACCEPTED, "floor")] == [7.0]


def test_what_was_not_measured_has_no_readings(found: Findings) -> None:
    assert found.find(SLOWEST_PING) == []
    assert found.find(LAST_ACCEPTED, "nobody") == []
    assert found.find(LAST_ACCEPTED, LOBBY, Where(10, rooms=5)) == []


def test_readings_without_a_size_are_those_of_the_first(found: Findings) -> None:
    assert [each.value for each in found.find(LAST_ACCEPTED)] == [1.0, 2.0]


def test_series_are_found_by_name_and_party(found: Findings) -> None:
    assert [each.party for each in found.series_of(ACCEPTED)] == [LOBBY, "floor"]
    [own] = found.series_of(ACCEPTED, LOBBY)
    assert [len(group) for group in own.groups] == [2]
    assert found.series_of("nothing") == []


def test_findings_come_back_from_json_as_they_were(found: Findings) -> None:
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found


def test_measured_knows_its_measure_by_name_and_unit(found: Findings) -> None:
    assert {each.measure for each in found.measures} == {LAST_ACCEPTED}
