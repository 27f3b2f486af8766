"""One book for all scenarios: readings are made of what was sampled, by hand-checked arithmetic."""

from __future__ import annotations

import pytest

from bench.measures import (
    ANNOUNCEMENT_LAST,
    ANNOUNCEMENT_P50,
    ANNOUNCEMENT_P99,
    CPU_PER_ANNOUNCEMENT,
    CPU_PER_STATUS,
    FRAMED_PER_CLIENT_HOUR,
    LAST_ACCEPTED,
    LINK_BYTES_PER_CLIENT_HOUR,
    MODEL_BYTES_PER_CLIENT_HOUR,
    SERVER_SHARE,
    SWARM_REACH,
    measure_of,
)
from bench.record.book import Book, Told
from bench.record.findings import Findings, Ledger, Stretch, Swarm, Where
from bench.record.samples import Samples
from bench.record.traffic import Traffic, TrafficGroup, Wire
from bench.record.vocabulary import ANNOUNCEMENT, FETCHED_ANNOUNCEMENT, STATUS
from tests.bench.runs import CALM, a_group

HERE = Where(4)


def told(*latencies_ms: float, late_ms: float = 0.0, expected: int = 4) -> Told:
    samples = Samples.of_seconds([each / 1e3 for each in latencies_ms])
    return Told(samples, Ledger(expected=expected, received=len(latencies_ms)), late_ms)


def broadcasts(*repeats: list[Told], name: str = ANNOUNCEMENT, stretch: Stretch = CALM) -> Findings:
    book = Book()
    for each in repeats:
        book.add_broadcasts(name, each, HERE, stretch=stretch, interval_s=0.5)
    return book.result("broadcast", ())


# -- readings ------------------------------------------------------------------------------------------------------


def test_readings_of_one_measure_at_one_size_stand_together_in_their_order() -> None:
    book = Book()
    for value, clients in ((3.0, 10), (1.0, 20), (2.0, 10)):
        book.add(LAST_ACCEPTED, value, clients=clients)
    found = book.result("storm", ())
    assert [(each.clients, [reading.value for reading in each.readings]) for each in found.measures] == [
        (10, [3.0, 2.0]),
        (20, [1.0]),
    ]
    assert {each.unit for each in found.measures} == {"s"}


def test_size_is_clients_rooms_and_rate_together() -> None:
    book = Book()
    for where in (Where(1), Where(1, 2), Where(1, 2, 0.5)):
        book.add(LAST_ACCEPTED, 1.0, **where._asdict())
    assert [each.where for each in book.result("storm", ()).measures] == [Where(1), Where(1, 2), Where(1, 2, 0.5)]


def test_empty_book_has_nothing_to_keep() -> None:
    book = Book()
    assert not book.has_readings
    book.note("said")
    assert not book.has_readings
    book.add_series("anything", [0.1], HERE)
    assert book.has_readings


def test_note_and_skip_are_told_once_however_often_they_are_said() -> None:
    book = Book()
    for _ in range(3):
        book.note("a note")
        book.skip("a peer")
    found = book.result("peers", ())
    assert (found.notes, found.skipped) == (["a note"], ["a peer"])


def test_fact_counts_up_from_zero() -> None:
    book = Book()
    book.add_to_fact("lost", 2)
    book.add_to_fact("lost", 3)
    assert book.result("broadcast", ()).facts == {"lost": 5.0}


# -- broadcasts ----------------------------------------------------------------------------------------------------


def test_percentiles_are_of_all_receipts_of_a_repeat_and_the_last_is_of_the_median_broadcast() -> None:
    found = broadcasts([told(1, 2, 3, 4), told(1, 2, 3, 10), told(1, 2, 3, 100)])
    assert found.find(ANNOUNCEMENT_P50)[0].value == pytest.approx(2.0)  # the 6th of 12
    assert found.find(ANNOUNCEMENT_P99)[0].value == pytest.approx(100.0)
    assert found.find(ANNOUNCEMENT_LAST)[0].value == pytest.approx(10.0)


def test_cpu_is_that_of_the_stretch_per_broadcast_and_client() -> None:
    found = broadcasts([told(1, 2, 3, 4)] * 5)  # 1 s of CPU, five broadcasts to four clients
    assert found.find(CPU_PER_ANNOUNCEMENT)[0].value == pytest.approx(1e6 / 20)


def test_every_repeat_makes_a_reading_of_its_own() -> None:
    found = broadcasts([told(1, 1, 1, 1)], [told(3, 3, 3, 3)])
    assert [each.value for each in found.find(ANNOUNCEMENT_P50)] == pytest.approx([1.0, 3.0])
    [series] = found.series
    assert series.repeats == [1, 1]
    assert series.stretches == [CALM, CALM]
    assert series.interval_s == 0.5


def test_reading_has_the_worst_lateness_and_the_whole_ledger_of_its_repeat() -> None:
    found = broadcasts([told(1, 2, late_ms=3.0), told(1, 2, 3, late_ms=1.0)])
    [reading] = found.find(ANNOUNCEMENT_P50)
    assert reading.late_ms == 3.0
    assert reading.ledger == Ledger(expected=8, received=5)
    assert found.series[0].late_ms == [3.0, 1.0]


def test_broadcasts_that_nobody_heard_have_no_times_but_cost_what_they_cost() -> None:
    found = broadcasts([told(), told()])
    assert found.find(ANNOUNCEMENT_P50) == []
    assert found.find(CPU_PER_ANNOUNCEMENT)[0].value == pytest.approx(1e6 / 8)
    assert [ledger.reach for ledger in found.series[0].ledgers] == [0.0, 0.0]


def test_no_broadcasts_leave_no_trace() -> None:
    found = broadcasts([])
    assert (found.measures, found.series) == ([], [])


def test_series_without_measures_of_its_own_is_kept_and_makes_no_figure() -> None:
    found = broadcasts([told(1, 2)], name=FETCHED_ANNOUNCEMENT)
    assert found.measures == []
    assert [each.name for each in found.series] == [FETCHED_ANNOUNCEMENT]


def test_kinds_of_broadcasts_have_measures_of_their_own() -> None:
    found = broadcasts([told(1, 2, 3, 4)], name=STATUS)
    assert found.find(CPU_PER_STATUS)
    assert not found.find(CPU_PER_ANNOUNCEMENT)


# -- bytes ---------------------------------------------------------------------------------------------------------


def traffic(*groups: TrafficGroup) -> Traffic:
    return Traffic(groups=list(groups), sizes=[], connects=[], polling_request="", etag_request="")


def counted(*groups: TrafficGroup, window_s: float = 60.0) -> Findings:
    book = Book()
    book.add_traffic(traffic(*groups), window_s=window_s)
    return book.result("bandwidth", ())


def test_bytes_of_a_window_are_those_of_an_hour_of_one_client() -> None:
    found = counted(a_group("push", requests=2, framed=152, wire=464))
    where = Where(0, 10, 0.0)
    assert found.find(FRAMED_PER_CLIENT_HOUR, "push", where)[0].value == pytest.approx(60 * 152)
    assert found.find(MODEL_BYTES_PER_CLIENT_HOUR, "push", where)[0].value == pytest.approx(60 * 464)
    assert found.find(LINK_BYTES_PER_CLIENT_HOUR, "push", where) == []


def test_link_is_that_of_all_clients_of_its_group() -> None:
    import msgspec

    group = msgspec.structs.replace(
        a_group("push", requests=2, framed=152, wire=464), wire=Wire(packets=24, ip_bytes=4 * 470)
    )
    found = counted(group, window_s=120.0)
    assert found.find(LINK_BYTES_PER_CLIENT_HOUR, "push")[0].value == pytest.approx(30 * 470)


def test_group_that_lost_a_client_makes_readings_that_are_no_measurements() -> None:
    found = counted(a_group("push", requests=2, framed=152, wire=464, losses=1))
    assert {reading.invalid for each in found.measures for reading in each.readings} == {"connections were lost (1)"}


def test_all_that_was_counted_is_kept() -> None:
    group = a_group("polling", requests=20, framed=40_000, wire=44_000)
    assert counted(group).traffic == traffic(group)


# -- the swarm -----------------------------------------------------------------------------------------------------

SERIES = [{"name": "fanout", "p50_ms": 2.0, "p99_ms": 9.0}, {"name": "lateness", "p50_ms": 1.0, "p99_ms": 1.0}]


def swarmed(document: dict[str, object], *, in_one_window: bool = False) -> Findings:
    book = Book()
    stretch = Stretch(wall_s=12.0, server_cpu_s=1.0, generator_cpu_s=2.0)
    left = Swarm(command=["locust"], exit_code=0, document=document)
    book.add_swarm(left, users=40, stretch=stretch, in_one_window=in_one_window)
    return book.result("swarm", ())


def test_swarm_gives_figures_by_the_names_of_thresholds() -> None:
    found = swarmed({"duration_s": 10.0, "metrics": SERIES, "counts": {"reach": 0.5}})
    assert {each.name for each in found.measures} == {"fanout.p50", "fanout.p99", "reach", "server CPU, of a core"}
    assert found.find(measure_of("fanout.p99", "ms"))[0].value == 9.0
    assert found.find(SWARM_REACH)[0].value == 0.5
    assert found.find(SERVER_SHARE)[0].value == pytest.approx(0.1), "of the run, not of Locust's start and end"


def test_swarm_that_shared_its_window_gives_none() -> None:
    found = swarmed({"metrics": SERIES}, in_one_window=True)
    assert found.measures == []
    assert found.swarm is not None


@pytest.mark.parametrize(
    ("level", "invalid", "suspect"), [("VALID", "", ""), ("SUSPECT", "", "late; slow"), ("INVALID", "late; slow", "")]
)
def test_swarm_judges_its_own_figures(level: str, invalid: str, suspect: str) -> None:
    found = swarmed({"metrics": SERIES, "validity": {"level": level, "reasons": ["late", "slow"]}})
    readings = [reading for each in found.measures for reading in each.readings]
    assert {(each.invalid, each.suspect) for each in readings} == {(invalid, suspect)}
