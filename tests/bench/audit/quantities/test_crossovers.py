"""From which rate on a way costs more bytes than others, by hand: lines between counted points."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.audit.quantities.crossovers import cheapest, crossover, first
from bench.audit.raw import NotInRun, Raw
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


def raw(*ways: list[TrafficGroup]) -> Raw:
    return raw_of(a_run(an_idle_result([group for groups in ways for group in groups])))


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
