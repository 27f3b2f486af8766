"""What may be believed: the rules that mark a point."""

from __future__ import annotations

import msgspec
import pytest

from bench.analysis.validity import Judgement, Reason, judge_broadcasts, judge_group, sum_up
from bench.record.book import Book, Told
from bench.record.findings import Series, Stretch, Where
from bench.record.traffic import ClientBytes, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT
from loadtest.results.validity import Validity
from tests.bench.runs import CALM, OVERLOADED, a_group, told


def stretch(**changes: float) -> Stretch:
    return msgspec.structs.replace(CALM, **changes)


def series(*broadcasts: Told, stretch: Stretch = CALM) -> Series:
    """One repeat of these broadcasts."""
    book = Book()
    book.add_broadcasts(ANNOUNCEMENT, broadcasts or [told(3.0, clients=10)], Where(10), stretch=stretch, interval_s=1.0)
    [found] = book.result("broadcast", ()).series
    return found


def test_calm_repeat_is_valid() -> None:
    assert judge_broadcasts(series()).validity is Validity.VALID


@pytest.mark.parametrize(
    "limit",
    [OVERLOADED, stretch(generator_cpu_s=9.1), stretch(busy_generator_cpu_s=0.901)],
    ids=["busy", "whole", "edge"],
)
def test_generator_above_90_percent_makes_a_repeat_invalid(limit: Stretch) -> None:
    judgement = judge_broadcasts(series(stretch=limit))
    assert judgement.validity is Validity.INVALID
    assert "of a core" in str(judgement)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (series(stretch=stretch(busy_generator_cpu_s=0.8)), "near its limit (80% of a core)"),
        (series(stretch=stretch(server_wait_s=1.0)), "kept the server from its core"),
        (series(told(3.0, clients=10, lost=1)), "1 lost or too late"),
        (series(told(3.0, clients=10, late_ms=20.0)), "late (up to 20 ms)"),
        (series(told(3.0, clients=10, twice=2)), "2 twice"),
    ],
    ids=["generator", "wait", "lost", "late", "twice"],
)
def test_suspect_repeat_says_why(found: Series, words: str) -> None:
    judgement = judge_broadcasts(found)
    assert judgement.validity is Validity.SUSPECT
    assert words in str(judgement)


def changed(group: TrafficGroup, **changes: int | None) -> TrafficGroup:
    client: ClientBytes = msgspec.structs.replace(group.clients[0], **changes)
    return msgspec.structs.replace(group, clients=[client, *group.clients[1:]])


def test_idle_bytes_that_the_kernel_confirms_are_valid() -> None:
    assert judge_group(a_group("push", requests=2, framed=152, wire=464)).validity is Validity.VALID


def test_one_byte_of_difference_from_the_kernel_is_invalid() -> None:
    group = changed(a_group("push", requests=2, framed=152, wire=464), kernel_sent_bytes=39)
    assert judge_group(group).validity is Validity.INVALID


def test_without_the_kernels_count_bytes_are_suspect() -> None:
    group = changed(
        a_group("push", requests=2, framed=152, wire=464), kernel_sent_bytes=None, kernel_received_bytes=None
    )
    assert judge_group(group).validity is Validity.SUSPECT


def test_summary_counts_points_and_gives_each_reason_once() -> None:
    late, limit = Reason("late", "12 ms"), Reason("limit", "95%")
    judgements = [
        Judgement(Validity.VALID),
        Judgement(Validity.SUSPECT, (late,)),
        Judgement(Validity.SUSPECT, (late._replace(how_much="20 ms"),)),
        Judgement(Validity.INVALID, (limit,)),
    ]
    assert sum_up(judgements) == "1 of 4 points INVALID: limit; 2 of 4 points suspect: late"
    assert sum_up([Judgement(Validity.VALID)] * 3) == "all 3 points valid"
