"""How long broadcasts took and whom they did not reach, by hand from raw samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bench.audit.quantities.compute import compute
from bench.audit.quantities.delays import alone, broadcasts, lasts_ms, lost, polled_ms
from bench.audit.raw import NotInRun, Raw
from bench.record.book import Book, Told
from bench.record.findings import Ledger, Stretch, Where
from bench.record.samples import Samples
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST, POLLED_AGE, STATUS
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_run

CALM = Stretch(wall_s=1.0, server_cpu_s=0.1, generator_cpu_s=0.1)


def told(*heard_ms: float, expected: int | None = None) -> Told:
    ledger = Ledger(expected=len(heard_ms) if expected is None else expected, received=len(heard_ms))
    return Told(Samples.of_seconds([each / 1e3 for each in heard_ms]), ledger, 0.0)


def raw(*series: tuple[str, int, float, Sequence[Told]], ages_ms: Sequence[float] = ()) -> Raw:
    """Name, clients, changes per second, broadcasts."""
    book = Book()
    for name, clients, rate, some in series:
        book.add_broadcasts(name, some, Where(clients, 0, rate), stretch=CALM, interval_s=1.0)
    if len(ages_ms):
        book.add_series(POLLED_AGE, [each / 1e3 for each in ages_ms], Where(10))
        book.add_series(POLLED_AGE, [each / 1e3 for each in ages_ms], Where(20))
    return raw_of(a_run(book.result("broadcast", ())))


def take(found: Raw, what: str, series: str = ANNOUNCEMENT, **more: float) -> float:
    return compute(found, {"of": "broadcasts", "series": series, "clients": 4, "take": what, **more}).value


FOUR = (told(1, 2, 3, 40), told(1, 2, 3, 4), told(5, 6, 7, 8), told(1, 1, 1, 9))
"""The last client at 40, 4, 8 and 9 ms."""


def test_last_client_is_half_way_between_the_two_broadcasts_in_the_middle() -> None:
    assert take(raw((ANNOUNCEMENT, 4, 0.0, FOUR)), "last") == 8.5


def test_first_herds_of_fresh_servers_and_later_ones_have_medians_of_their_own() -> None:
    """Two repeats: 40 and 9 ms first, 4, 8 and 5 ms later; a repeat of one broadcast has no later one."""
    book = Book()
    for some in ((told(40), told(4), told(8)), (told(9), told(5)), (told(77),)):
        book.add_broadcasts(FRESH_LIST, some, Where(4), stretch=CALM, interval_s=1.0)
    found = raw_of(a_run(book.result("broadcast", ())))
    assert [take(found, what, FRESH_LIST) for what in ("repeats", "first herd", "later herds")] == [2, 24.5, 5.0]


def test_slowest_is_the_last_client_of_all() -> None:
    assert take(raw((ANNOUNCEMENT, 4, 0.0, FOUR)), "slowest") == 40.0


def test_percentiles_are_of_all_receipts_together() -> None:
    """Of 16 receipts the eighth is 3 ms, the sixteenth 40 ms."""
    found = raw((ANNOUNCEMENT, 4, 0.0, FOUR))
    assert [take(found, what) for what in ("p50", "p99", "broadcasts")] == [3.0, 40.0, 4]


def test_broadcast_that_nobody_heard_has_no_last_client() -> None:
    found = raw((ANNOUNCEMENT, 4, 0.0, [told(expected=4), told(1, 2, 3, 4)]))
    assert (take(found, "last"), take(found, "broadcasts")) == (4.0, 2)
    assert math.isnan(take(raw((ANNOUNCEMENT, 4, 0.0, [told(expected=4)])), "slowest"))


def test_series_of_another_size_or_rate_is_another_one() -> None:
    found = raw((ANNOUNCEMENT, 4, 2.0, [told(7)]), (ANNOUNCEMENT, 4, 0.0, [told(3)]), (ANNOUNCEMENT, 9, 0.0, [told(5)]))
    assert take(found, "last") == 3.0
    assert take(found, "last", changes_per_s=2.0) == 7.0
    with pytest.raises(NotInRun, match="no series status at 4 clients"):
        take(found, "last", STATUS)


def test_those_alone_come_by_size_and_without_a_stream_of_changes() -> None:
    found = raw((STATUS, 9, 0.0, [told(1)]), (STATUS, 4, 0.0, [told(1)]), (STATUS, 1, 5.0, [told(1)]))
    assert [each["clients"] for each in alone(found, STATUS)] == [4, 9]


def test_lost_are_those_due_less_those_who_heard() -> None:
    found = broadcasts(
        raw((STATUS, 4, 0.0, [told(1, 2, expected=4), told(1, 2, 3, 4)])), {"series": STATUS, "clients": 4}
    )
    assert lost(found) == 2
    assert lasts_ms(found) == [2.0, 4.0]


def test_receipts_are_of_all_three_kinds_and_of_no_stream() -> None:
    found = raw(
        (ANNOUNCEMENT, 4, 0.0, [told(1, 2, expected=4)]), (FRESH_LIST, 9, 0.0, [told(1, expected=3)]),
        (STATUS, 4, 0.0, [told(1, 2)]), (ANNOUNCEMENT, 4, 8.0, [told(expected=500)]),
        ("announcement, everybody fetching", 4, 0.0, [told(expected=700)]),
    )  # fmt: skip
    assert compute(found, {"of": "receipts", "take": "due"}).value == 9
    assert compute(found, {"of": "receipts", "take": "lost"}).value == 4


def test_ages_at_pollers_are_of_all_sizes_together() -> None:
    found = raw((STATUS, 4, 0.0, [told(1)]), ages_ms=(300.0, 100.0, 200.0))
    assert polled_ms(found) == [100.0, 100.0, 200.0, 200.0, 300.0, 300.0]
    assert compute(found, {"of": "polled", "take": "p50"}).value == 200.0
