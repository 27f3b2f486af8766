"""One figure, one value: the measured break-even, kept runs that counted too long, and pairs that must agree."""

from __future__ import annotations

import msgspec
import pytest

from bench.analysis.break_even import Point, Surface, fit
from bench.analysis.consistency.pairs import Pair, Side, pairs
from bench.analysis.crossings import measured_crossing
from bench.analysis.derived.overview import derive
from bench.analysis.estimates import estimate
from bench.analysis.validity import Judgement, Reason
from bench.analysis.windows import MENDED, TOO_LONG, achieved_per_s, heartbeat_bytes, over_the_window
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    FRAMED_OVER_KERNEL,
    REQUESTS_PER_CLIENT_HOUR,
    SERVER_SHARE,
    TIME_TO_FRESH_P50,
    Measure,
)
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Swarm, Where
from bench.record.profiles.sizes import BreakEvenSizes, FreshnessSizes
from bench.record.run import Run
from bench.report.build import make_report, render
from bench.words import rate_words
from loadtest.results.validity import Validity
from tests.bench.runs import a_broadcast_result, a_point, a_run

HEARTBEAT_BYTES = 232
"""31 bytes up, 45 down, three headers of 52."""

# -- the measured break-even ---------------------------------------------------------------------------------------


def surface(way: str, cells: dict[float, float]) -> Surface:
    return fit(way, [Point(100, rate, value) for rate, value in cells.items()], poll_s=3.0)


def test_crossing_is_on_the_straight_line_between_the_cells_next_to_it() -> None:
    push = surface("push", {0.0: 10.0, 0.2: 30.0, 1.0: 110.0})
    crossing = measured_crossing(push, surface("polling", {1.0: 60.0}), 100)
    assert crossing is not None
    assert (crossing.per_s, crossing.low_per_s, crossing.high_per_s) == pytest.approx((0.5, 0.2, 1.0))


def test_crossing_outside_the_cells_is_none() -> None:
    push = surface("push", {0.0: 10.0, 1.0: 110.0})
    assert measured_crossing(push, surface("polling", {1.0: 200.0}), 100) is None
    assert measured_crossing(push, surface("polling_etag", {2.0: 60.0, 4.0: 80.0}), 100) is None


# -- kept runs -----------------------------------------------------------------------------------------------------


def an_old_run() -> Run:
    """Counted over 4 s and 1.2 s more: 4 changes of 1,000 bytes for every client, heartbeats all the while."""
    sizes = FreshnessSizes(clients=10, window_s=4.0, changes_per_s=1.0, poll_s=3.0)
    book, per_hour = Book(), 3600 / 5.2
    heartbeats = 120.0
    for way, name, counted in (
        ("push", BYTES_PER_CLIENT_HOUR, 4 * 1_000 * per_hour + heartbeats * HEARTBEAT_BYTES),
        ("push", EVENTS_PER_CLIENT_HOUR, 4 * per_hour),
        ("push", REQUESTS_PER_CLIENT_HOUR, 4 * per_hour + heartbeats),
        ("push", CPU_PER_CLIENT_HOUR, 1.0),
        ("polling", BYTES_PER_CLIENT_HOUR, 5_000.0),
        ("polling_etag", BYTES_PER_CLIENT_HOUR, 5_000.0),
    ):
        book.add(name, counted, clients=10, rooms=10, changes_per_s=1.0, party=way)
    run = a_run(book.result("freshness", ()))
    return msgspec.structs.replace(run, profile=msgspec.structs.replace(run.profile, freshness=sizes))


HERE = Where(10, 10, 1.0)


def value(found: Findings, name: Measure, party: str = "push") -> float:
    return found.find(name, party, HERE)[0].value


@pytest.fixture(scope="module")
def mended() -> Findings:
    found = over_the_window(an_old_run()).found("freshness")
    assert found is not None
    return found


def test_heartbeat_costs_what_it_does_by_hand() -> None:
    assert heartbeat_bytes() == HEARTBEAT_BYTES


def test_kept_run_gives_what_changes_caused_over_the_window(mended: Findings) -> None:
    assert value(mended, EVENTS_PER_CLIENT_HOUR) == pytest.approx(3_600)
    assert value(mended, REQUESTS_PER_CLIENT_HOUR) == pytest.approx(3_600 + 120)
    assert value(mended, BYTES_PER_CLIENT_HOUR) == pytest.approx(3_600_000 + 120 * HEARTBEAT_BYTES)
    assert achieved_per_s(mended, "push", HERE) == pytest.approx(1.0)
    assert MENDED in mended.notes


def test_kept_run_keeps_what_was_steady_and_marks_what_cannot_be_told(mended: Findings) -> None:
    by_party = {each.party: each for each in mended.measures if each.measure == BYTES_PER_CLIENT_HOUR}
    assert by_party["polling"].readings[0].value == by_party["polling_etag"].readings[0].value == 5_000.0
    plain, etag = estimate(by_party["polling"]), estimate(by_party["polling_etag"])
    assert plain is not None
    assert plain.judgement.validity is Validity.VALID
    assert etag is not None
    assert TOO_LONG in str(etag.judgement)


def test_run_is_not_mended_twice() -> None:
    once = over_the_window(an_old_run())
    assert over_the_window(once) == once


def test_report_keeps_the_readings_of_the_run_as_they_are() -> None:
    run = an_old_run()
    report = make_report(run)
    assert report.run == run
    assert "3,600" in render("report.md", report)


# -- pairs that must agree -----------------------------------------------------------------------------------------


def a_pair(own: float, other: float, **doubts: object) -> Pair:
    return Pair("it", Side("one", own, "", **doubts), Side("other", other, ""), 0.02, "")  # type: ignore[arg-type]


def test_pair_within_its_limit_agrees_whichever_is_more() -> None:
    assert a_pair(1.019, 1.0).agrees
    assert a_pair(1.0, 1.019).agrees
    assert not a_pair(1.0, 1.03).agrees
    assert not a_pair(0.0, 1.0).agrees
    assert not a_pair(1.0, 0.0).agrees


def test_pair_that_disagrees_believes_the_side_without_a_doubt() -> None:
    suspect = Judgement(Validity.SUSPECT, (Reason("other work had the cores"),))
    assert a_pair(2.0, 1.0, judgement=suspect).verdict.startswith("disagree: other is believed")
    assert "0.7" in a_pair(2.0, 1.0, fetched=0.7).verdict
    assert a_pair(2.0, 1.0).verdict.startswith("disagree: neither is believed")


def a_new_run(*, events: float, framed: float = 1.0) -> Run:
    """Three changes in three seconds for ten clients, in freshness and in break-even."""
    results = []
    for name in ("freshness", "break-even"):
        book = Book()
        for what, number in (
            (CHANGES_PER_S, 1.0),
            (BYTES_PER_CLIENT_HOUR, events * 1_000),
            (EVENTS_PER_CLIENT_HOUR, events if name == "freshness" else 3_600.0),
            (REQUESTS_PER_CLIENT_HOUR, events + 120),
            (FRAMED_OVER_KERNEL, framed),
            (CPU_PER_CLIENT_HOUR, 1.0),
            (TIME_TO_FRESH_P50, 1.0),
        ):
            book.add(what, number, clients=10, rooms=10, changes_per_s=1.0, party="push")
        results.append(book.result(name, ()))
    return msgspec.structs.replace(a_run(), findings=results)


def test_events_that_are_not_those_of_the_changes_are_said_to_disagree() -> None:
    """What the lab did once: 3,000 events per client-hour at one change per second."""
    report = make_report(a_new_run(events=3_000.0))
    section = next(each for each in report.sections if each.name == "consistency")
    assert "1 pair of" in section.validity
    for template in ("report.html", "report.md"):
        page = render(template, report)
        assert "Events per client-hour, push, then fetch, 10 rooms, 1 change per second: 3,000" in page
        assert "neither is believed" in page


def test_figures_that_agree_are_said_to() -> None:
    found = pairs(a_new_run(events=3_600.0))
    assert {pair.verdict for pair in found} == {"agree"}
    assert sum(pair.quantity.startswith("bytes per client-hour") for pair in found) == 1
    assert sum(pair.quantity.startswith("events") for pair in found) == 2
    assert sum(pair.quantity.startswith("framed") for pair in found) == 2


def test_framed_bytes_agree_with_the_kernel_to_the_byte_or_not_at_all() -> None:
    found = pairs(a_new_run(events=3_600.0, framed=1.00001))
    assert {pair.agrees for pair in found if pair.quantity.startswith("framed")} == {False}


def test_rate_is_told_as_achieved_with_its_name_where_they_differ() -> None:
    assert rate_words(1.0, 1.004) == "1 change per second"
    assert rate_words(0.2, 1 / 6) == "0.167 (nominally 0.2) changes per second"


def a_run_of_windows(*windows: tuple[str, float, float, float], way: str = "delta") -> Run:
    """Scenario, its window in s, changes per second, bytes per client-hour."""
    results, run = [], a_run()
    for name, window_s, rate, value in windows:
        book = Book()
        for what, number in (
            (CHANGES_PER_S, rate), (BYTES_PER_CLIENT_HOUR, value), (EVENTS_PER_CLIENT_HOUR, 3_600.0 * rate),
            (REQUESTS_PER_CLIENT_HOUR, 120.0),
        ):  # fmt: skip
            book.add(what, number, clients=100, rooms=10, changes_per_s=rate, party=way)
        results.append(book.result(name, ()))
        field = name.replace("-", "_")
        sizes = msgspec.structs.replace(getattr(run.profile, field), window_s=window_s)
        run = msgspec.structs.replace(run, profile=msgspec.structs.replace(run.profile, **{field: sizes}))
    return msgspec.structs.replace(run, findings=results)


@pytest.mark.parametrize(
    ("windows", "verdict"),
    [
        ((3.0, 4.0), "disagree: break-even, 100 clients is believed, in freshness, 100 clients a window had one room "
         "more made than ended, or the reverse"),
        ((3.0, 5.0), "disagree: neither is believed (in break-even, 100 clients a window had"),
        ((4.0, 4.0), "disagree: neither is believed (nothing is known against either)"),
    ],
    ids=["odd beside even", "both odd", "both even"],
)  # fmt: skip
def test_window_with_one_room_more_made_than_ended_is_what_is_known_against_its_bytes(
    windows: tuple[float, float], verdict: str
) -> None:
    """At one change per second; the deltas of three may be a sixth off."""
    run = a_run_of_windows(("freshness", windows[0], 1.0, 1_000_000.0), ("break-even", windows[1], 1.0, 1_110_000.0))
    [found] = [each.verdict for each in pairs(run) if each.quantity.startswith("bytes")]
    assert found.startswith(verdict)


def test_difference_that_one_room_cannot_make_is_not_put_down_to_it() -> None:
    run = a_run_of_windows(("freshness", 3.0, 1.0, 1_000_000.0), ("break-even", 4.0, 1.0, 1_300_000.0))
    [found] = [each.verdict for each in pairs(run) if each.quantity.startswith("bytes")]
    assert found == "disagree: neither is believed (nothing is known against either)"


@pytest.mark.parametrize(("off", "agrees"), [(1.0, True), (1.4, False)])
def test_break_even_with_polling_by_etag_agrees_with_a_model_that_is_confirmed(off: float, agrees: bool) -> None:
    """Polls that find a change carry 900 more: once per change up to one per 4 s. Push crosses it on a cell, so that
    the straight line and the model have it at one rate; `off` moves one cell of push."""
    book = Book()
    for clients in (100, 1_000):
        for rate in (0.0, 0.125, 0.25, 0.5, 1.0):
            push = (20.0 + 3_920 * rate) * (off if rate == 0.25 else 1.0)
            for way, value in (("polling_etag", 100.0 + 900 * min(1.0, 4 * rate)), ("push", push)):
                for what, number in ((BYTES_PER_CLIENT_HOUR, value), (CHANGES_PER_S, rate)):
                    book.add(what, number, clients=clients, rooms=10, changes_per_s=rate, party=way)
    run = a_run(book.result("break-even", ()))
    sizes = BreakEvenSizes(clients=[100, 1_000], rooms=10, poll_s=4.0)
    run = msgspec.structs.replace(run, profile=msgspec.structs.replace(run.profile, break_even=sizes))
    found = [each for each in pairs(run) if each.quantity.startswith("break-even of push and polling, ETag in bytes")]
    assert [each.agrees for each in found] == [agrees] * 2
    believed = "disagree: what was measured is believed, the fitted model misses cells"
    assert agrees or all(each.verdict.startswith(believed) for each in found)


# -- shares of a core ----------------------------------------------------------------------------------------------


def test_share_of_a_core_is_of_the_time_in_which_there_was_load() -> None:
    """Three broadcasts a second apart, for which the server used 0.6 s; it was watched for 10 s."""
    stretch = Stretch(wall_s=10.0, server_cpu_s=0.6, generator_cpu_s=1.0)
    result = a_broadcast_result([a_point(100, last_ms=4.0, fresh_ms=20.0, stretch=stretch)])
    assert derive(a_run(result)).announcements[0].server_share == pytest.approx(0.2)


def test_swarm_has_the_share_of_a_core_over_its_run_and_not_over_its_start() -> None:
    """0.1 s of CPU in a run of 5 s, of a process that was there for 8 s."""
    book = Book()
    swarm = Swarm(command=["locust"], exit_code=0, document={"duration_s": 5.0})
    stretch = Stretch(wall_s=8.0, server_cpu_s=0.1, generator_cpu_s=0.5)
    book.add_swarm(swarm, users=10, stretch=stretch, in_one_window=False)
    [share] = book.result("swarm", ()).find(SERVER_SHARE)
    assert share.value == pytest.approx(0.02)
