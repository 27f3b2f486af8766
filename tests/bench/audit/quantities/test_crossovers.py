"""From which rate on a way costs more bytes than others, by hand: lines between counted points."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.choice import crossover as lab_crossover
from bench.analysis.derived.overview import way_costs_of
from bench.audit.quantities.crossovers import cheapest, crossover, first
from bench.audit.raw import NotInRun, Raw
from bench.record.run import Run
from bench.record.traffic import TrafficGroup, Wire
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_group, a_run, an_idle_result

RATES = (0.0, 1.0, 3.0)


def way(name: str, *wires: int, rooms: int = 10, rates: tuple[float, ...] = RATES) -> list[TrafficGroup]:
    """Bytes of a minute at each rate."""
    return [
        a_group(name, requests=2, framed=0, wire=wire, rooms=rooms, changes_per_s=rate)
        for rate, wire in zip(rates, wires, strict=True)
    ]


def run_of(*ways: list[TrafficGroup]) -> Run:
    return a_run(an_idle_result([group for groups in ways for group in groups]))


def raw(*ways: list[TrafficGroup]) -> Raw:
    return raw_of(run_of(*ways))


def of(*among: str, way: str = "push", **more: Any) -> dict[str, Any]:
    return {"of": "crossover", "way": way, "among": list(among), "rooms": 10, **more}


PUSH = way("push", 0, 100, 300)


def test_rate_is_where_the_lines_meet() -> None:
    """Push has 100 per change, polling 200 at any rate: 2 changes per second."""
    assert crossover(raw(PUSH, way("polling", 200, 200, 200)), of("polling")).value == pytest.approx(2.0)


def test_of_several_rivals_the_first_that_is_cheaper_counts() -> None:
    found = raw(PUSH, way("delta", 200, 200, 200), way("polling", 50, 50, 50))
    rate, rival = first(found, of("polling", "delta"))
    assert rate == pytest.approx(0.5)
    assert rival == "polling"


@pytest.mark.parametrize(
    "rival", [(400, 400, 400), (0, 0, 0), (10, 90, 400)], ids=["never", "always dearer", "dearer and cheaper again"]
)
def test_lines_that_do_not_cross_for_good_have_no_crossover(rival: tuple[int, int, int]) -> None:
    with pytest.raises(NotInRun, match="push crosses none of polling"):
        crossover(raw(PUSH, way("polling", *rival)), of("polling"))


def test_equal_at_a_measured_rate_is_no_longer_cheaper_there() -> None:
    assert crossover(raw(PUSH, way("polling", 50, 100, 100)), of("polling")).value == pytest.approx(1.0)


def test_rates_are_those_that_were_achieved() -> None:
    """Called 3, and 120 changes in the minute are 2 per second: the line from 100 at 1 to 300 at 2 meets 200 at 1.5."""
    groups = [
        replace(group, changes=120) if group.changes_per_s == 3.0 else group
        for group in [*PUSH, *way("polling", 200, 200, 200)]
    ]
    assert crossover(raw(groups), of("polling")).value == pytest.approx(1.5)


def test_list_of_another_length_plays_no_part() -> None:
    found = raw(PUSH, way("polling", 200, 200, 200), way("polling", 1, 1, 1, rooms=50))
    assert crossover(found, of("polling")).value == pytest.approx(2.0)


def test_point_that_is_not_valid_is_left_out_and_one_in_doubt_where_only_valid_ones_count() -> None:
    """Without the point at 1, push's line goes from 0 to 300 through 3 changes per second, and meets 200 at 2."""
    lossy = [replace(group, unexpected_losses=1) if group.changes_per_s == 1.0 else group for group in PUSH]
    bent = [replace(group, clients=[replace(each, wire_bytes=250) for each in group.clients])
            if group.changes_per_s == 1.0 else group for group in lossy]  # fmt: skip
    assert crossover(raw(bent, way("polling", 200, 200, 200)), of("polling")).value == pytest.approx(2.0)
    unchecked = [
        replace(group, unexpected_losses=0, clients=[replace(each, kernel_sent_bytes=None) for each in group.clients])
        if group.changes_per_s == 1.0 else group for group in bent
    ]  # fmt: skip
    found = raw(unchecked, way("polling", 200, 200, 200))
    assert crossover(found, of("polling", points="not invalid")).value == pytest.approx(0.8)
    assert crossover(found, of("polling", points="valid")).value == pytest.approx(2.0)


def test_bytes_are_those_of_the_link_where_it_had_one() -> None:
    """Four clients on a link with 1,200 bytes in the minute: 300 for each, whatever the model says."""
    linked = [replace(group, wire=Wire(packets=9, ip_bytes=1_200)) for group in way("polling", 1, 1, 1)]
    assert crossover(raw(way("push", 0, 200, 600), linked), of("polling")).value == pytest.approx(1.5)


TOLD = (0.0, 1.0, 3.0)
"""Events per second of who is told of each change."""


def told(groups: list[TrafficGroup], *events_per_s: float) -> list[TrafficGroup]:
    """Each client heard so many events per second of the minute, rate by rate."""
    return [
        replace(group, clients=[replace(each, events=round(60 * per_s)) for each in group.clients])
        for group, per_s in zip(groups, events_per_s, strict=True)
    ]


CORNERS = [
    pytest.param((0, 100, 260), (0.0, 1.0, 2.0), 150, 1.5, id="below the corner at 2, where 200 are"),
    pytest.param((0, 100, 260), (0.0, 1.0, 2.0), 230, 2.5, id="above it"),
    pytest.param((0, 100, 200), (0.0, 1.0, 2.0), 200, 2.0, id="level above it"),
    pytest.param((0, 100, 300), TOLD, 150, 1.5, id="each change told by itself"),
    pytest.param((0, 100, 260), (0.0, 0.5, 2.0), 150, 1.625, id="told together at the lower rate already"),
    pytest.param((0, 100, 260), (0.0, 1.0, 0.5), 150, 1.625, id="fewer than at the lower rate"),
]
"""Bytes and events per second of push at 0, 1 and 3 changes per second, what polling costs, and where they cross."""


@pytest.mark.parametrize(("wires", "events_per_s", "polling", "right"), CORNERS)
def test_line_of_who_is_told_has_a_corner_where_changes_begin_to_be_told_together(
    wires: tuple[int, int, int], events_per_s: tuple[float, float, float], polling: int, right: float
) -> None:
    run = run_of(told(way("push", *wires), *events_per_s), way("polling", polling, polling, polling))
    assert crossover(raw_of(run), of("polling")).value == pytest.approx(right)
    by_the_lab = lab_crossover(way_costs_of(run), "push", "polling", 10)
    assert by_the_lab is not None
    assert by_the_lab.per_s == pytest.approx(right)
    assert (by_the_lab.low_per_s, by_the_lab.high_per_s) == (1.0, 3.0)


def test_corner_of_each_of_two_ways_counts() -> None:
    """Push has 100 per change up to 2, 200 from there on; deltas have 200 at 1.5 and 150 at 3: both 187.5 at 1.875."""
    run = run_of(told(way("push", 0, 100, 200), 0.0, 1.0, 2.0), told(way("delta", 50, 150, 150), 0.0, 1.0, 1.5))
    assert crossover(raw_of(run), of("delta")).value == pytest.approx(1.875)
    found = lab_crossover(way_costs_of(run), "push", "delta", 10)
    assert found is not None
    assert found.per_s == pytest.approx(1.875)


@pytest.mark.parametrize(
    ("name", "right"), [("polling_etag", 2 + 130 / 180), ("polling_gzip", 2 + 130 / 180), ("polling", 4 / 3)]
)
def test_polling_with_etag_costs_no_more_from_one_change_per_poll_on(name: str, right: float) -> None:
    """Two polls per second: 50 at 1 change per second, and 350 from 2 on; push has 40 at 1, 220 at 2 and 400 at 3."""
    polls = [
        replace(group, clients=[replace(each, requests=120) for each in group.clients])
        for group in way(name, 10, 50, 350)
    ]
    run = run_of(told(way("push", 0, 40, 400), *TOLD), polls)
    assert crossover(raw_of(run), of(name)).value == pytest.approx(right)
    found = lab_crossover(way_costs_of(run), "push", name, 10)
    assert found is not None
    assert found.per_s == pytest.approx(right)


def test_way_is_the_cheapest_where_nothing_is_cheaper_below_its_crossover() -> None:
    found = raw(PUSH, way("polling", 200, 200, 200), way("delta", 50, 50, 50))
    assert cheapest(found, of("polling", "delta", words="the fewest"))[0] == "the fewest"


def test_way_that_is_dearer_at_a_measured_rate_is_not_the_cheapest_and_is_told_where() -> None:
    found = raw(way("push", 60, 100, 300), way("polling", 200, 200, 200), way("delta", 50, 250, 350))
    words, why = cheapest(found, of("polling", "delta", words="the fewest"))
    assert words == "nothing: it is not"
    assert why == "delta at 0: 3000 against 3600"


def test_way_that_never_crosses_is_judged_at_all_its_rates() -> None:
    found = raw(way("delta", 1, 2, 3), PUSH, way("polling", 200, 200, 200))
    assert cheapest(found, of("push", "polling", way="delta", words="the fewest"))[0] == "nothing: it is not"
    dear = raw(way("delta", 0, 2, 3), PUSH, way("polling", 200, 200, 200))
    assert cheapest(dear, of("push", "polling", way="delta", words="the fewest"))[0] == "the fewest"


def test_way_without_a_point_is_not_the_cheapest() -> None:
    assert cheapest(raw(way("polling", 1, 1, 1)), of("polling", words="the fewest")) == (
        "nothing: it is not",
        "no rate",
    )
