"""When a point may be believed: at each limit of the method by hand, and as the lab judges it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.validity import judge_broadcasts, judge_group, judge_reading
from bench.audit import validity
from bench.audit.validity import INVALID, SUSPECT, VALID
from bench.measures import MEASURES, Kind, Measure
from bench.record.findings import Ledger, Reading, Series, Stretch
from bench.record.samples import Samples
from bench.record.traffic import ClientBytes, TrafficGroup
from tests.bench.runs import a_group


def plain(it: Any) -> dict[str, Any]:
    """As it lies on disk."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(it))
    return found


def stretch(**changes: float) -> Stretch:
    return Stretch(**{"wall_s": 10.0, "server_cpu_s": 1.0, "generator_cpu_s": 1.0, **changes})


def reading(*, late_ms: float = 0.0, invalid: str = "", suspect: str = "", **changes: float) -> dict[str, Any]:
    return plain(Reading(1.0, stretch(**changes), late_ms, None, invalid, suspect))


# -- one reading ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "of_time", "of_cpu", "of_bytes"),
    [
        (reading(), VALID, VALID, VALID),
        (reading(invalid="nobody"), INVALID, INVALID, INVALID),
        (reading(suspect="a cloud"), SUSPECT, SUSPECT, SUSPECT),
        (reading(generator_cpu_s=7.5), VALID, VALID, VALID),
        (reading(generator_cpu_s=7.51), SUSPECT, VALID, VALID),
        (reading(generator_cpu_s=9.0), SUSPECT, VALID, VALID),
        (reading(generator_cpu_s=9.01), INVALID, VALID, VALID),
        (reading(busy_wall_s=1.0, busy_generator_cpu_s=0.91), INVALID, VALID, VALID),
        (reading(server_wait_s=0.11), VALID, VALID, VALID),
        (reading(server_wait_s=0.12), VALID, SUSPECT, VALID),
        (reading(server_wait_s=0.25), VALID, SUSPECT, VALID),
        (reading(server_wait_s=0.26), SUSPECT, SUSPECT, VALID),
        (reading(generator_wait_s=0.26), SUSPECT, SUSPECT, VALID),
        (reading(late_ms=10.0), VALID, VALID, VALID),
        (reading(late_ms=10.1), SUSPECT, VALID, VALID),
    ],
)
def test_reading_is_judged_by_its_kind(found: dict[str, Any], of_time: str, of_cpu: str, of_bytes: str) -> None:
    """Kept from its core: 0.11 s beside 1 s of work are 9.9 %, 0.12 s 10.7 %; 0.25 s 20 %, 0.26 s 20.6 %."""
    assert [validity.of_reading(found, kind) for kind in ("time", "CPU", "")] == [of_time, of_cpu, of_bytes]


def test_reading_without_a_stretch_is_judged_by_what_it_has() -> None:
    assert validity.of_reading(plain(Reading(1.0)), "time") == VALID
    assert validity.of_reading(plain(Reading(1.0, late_ms=11.0)), "time") == SUSPECT


@pytest.mark.parametrize(
    ("judged", "found"),
    [
        ([], VALID),
        ([VALID, VALID, INVALID], VALID),
        ([VALID, INVALID], INVALID),
        ([VALID, VALID, SUSPECT], VALID),
        ([VALID, SUSPECT], SUSPECT),
        ([VALID, VALID, SUSPECT, INVALID], SUSPECT),
        ([SUSPECT, SUSPECT, INVALID], SUSPECT),
    ],
)
def test_point_is_as_at_least_half_of_its_repeats(judged: list[str], found: str) -> None:
    assert validity.of_repeats(judged) == found


# -- broadcasts and groups -----------------------------------------------------------------------------------------


def a_series(
    *stretches: Stretch, received: int = 10, twice: int = 0, late_ms: float = 0.0, expected: int = 10
) -> Series:
    """Two broadcasts in each repeat; the last broadcast of all is the one with a fault."""
    number = 2 * len(stretches)
    whole = [Ledger(expected=10, received=10)] * (number - 1)
    return Series(
        name="announcement", party="lobby", clients=10, groups=[Samples.of_seconds([0.1])] * number,
        ledgers=[*whole, Ledger(expected=expected, received=received, twice=twice)],
        late_ms=[*[0.0] * (number - 1), late_ms], repeats=[2] * len(stretches), stretches=list(stretches),
    )  # fmt: skip


CALM, BUSY, NEAR, CROWDED = (
    stretch(), stretch(generator_cpu_s=9.5), stretch(generator_cpu_s=8.0), stretch(server_wait_s=0.3)
)  # fmt: skip


@pytest.mark.parametrize(
    ("series", "found"),
    [
        (a_series(CALM), VALID),
        (a_series(BUSY), INVALID),
        (a_series(BUSY, CALM, CALM), VALID),
        (a_series(BUSY, CALM), INVALID),
        (a_series(NEAR), SUSPECT),
        (a_series(CROWDED), SUSPECT),
        (a_series(stretch(generator_wait_s=5.0)), VALID),
        (a_series(CALM, late_ms=11.0), SUSPECT),
        (a_series(CALM, CALM, CALM, received=9), SUSPECT),
        (a_series(CALM, CALM, CALM, twice=1), SUSPECT),
        (a_series(CALM, CALM, BUSY, received=9), VALID),
    ],
)
def test_broadcasts_are_judged_repeat_by_repeat_and_a_receipt_that_lacks_is_a_doubt(series: Series, found: str) -> None:
    assert validity.of_broadcasts(plain(series)) == found


GROUP = a_group("push", requests=2, framed=150, wire=400)


def counted(**changes: int | None) -> TrafficGroup:
    """The last of four clients is another one."""
    clients = [*GROUP.clients[1:], msgspec.structs.replace(GROUP.clients[0], **changes)]
    return msgspec.structs.replace(GROUP, clients=clients)


@pytest.mark.parametrize(
    ("group", "found"),
    [
        (GROUP, VALID),
        (msgspec.structs.replace(GROUP, unexpected_losses=1), INVALID),
        (counted(kernel_sent_bytes=38), INVALID),
        (counted(kernel_received_bytes=1), INVALID),
        (counted(kernel_sent_bytes=None, kernel_received_bytes=None), SUSPECT),
        (counted(framed_up_bytes=0), INVALID),
    ],
)
def test_bytes_are_those_of_the_kernel_or_none(group: TrafficGroup, found: str) -> None:
    assert validity.of_group(plain(group)) == found


# -- beside the lab ------------------------------------------------------------------------------------------------

JUDGED = {Kind.TIME: "time", Kind.RATE: "rate", Kind.CPU: "CPU"}
"""Kinds that something but the scenario itself can spoil."""


@pytest.mark.parametrize("measure", MEASURES.values(), ids=str)
def test_auditor_takes_a_measure_for_what_the_lab_does(measure: Measure) -> None:
    assert validity.kind(measure.name, measure.unit) == JUDGED.get(measure.kind, "")


shares = st.floats(min_value=0.0, max_value=1.2)
stretches = st.builds(
    Stretch, wall_s=st.sampled_from([0.0, 1.0]), server_cpu_s=shares, generator_cpu_s=shares, server_wait_s=shares,
    generator_wait_s=shares, busy_wall_s=st.sampled_from([0.0, 0.5]), busy_generator_cpu_s=shares,
)  # fmt: skip
readings = st.builds(
    Reading, st.just(1.0), st.none() | stretches, st.floats(min_value=0.0, max_value=20.0), st.none(),
    st.sampled_from(["", "nobody"]), st.sampled_from(["", "a cloud"]),
)  # fmt: skip


@settings(max_examples=25)
@given(readings, st.sampled_from(list(Kind)))
def test_auditor_and_lab_judge_a_reading_alike(found: Reading, kind: Kind) -> None:
    own = judge_reading(found, kind).validity.value.lower()
    assert validity.of_reading(plain(found), JUDGED.get(kind, "")) == own


ledgers = st.builds(
    lambda lost, twice: Ledger(expected=10, received=10 - lost, twice=twice),
    st.sampled_from([0, 0, 1]), st.sampled_from([0, 0, 1]),
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(st.tuples(stretches, ledgers, st.floats(min_value=0.0, max_value=20.0)), min_size=1, max_size=5))
def test_auditor_and_lab_judge_broadcasts_alike(repeats: list[tuple[Stretch, Ledger, float]]) -> None:
    number = len(repeats)
    series = Series(
        name="status", party="lobby", clients=10, groups=[Samples.of_seconds([0.1])] * number,
        ledgers=[ledger for _, ledger, _ in repeats], late_ms=[late_ms for _, _, late_ms in repeats],
        repeats=[1] * number, stretches=[each for each, _, _ in repeats],
    )  # fmt: skip
    assert validity.of_broadcasts(plain(series)) == judge_broadcasts(series).validity.value.lower()


few = st.sampled_from([0, 1])
clients = st.builds(
    ClientBytes, requests=few, events=few, message_bytes=few, framed_up_bytes=few, framed_down_bytes=few,
    wire_bytes=few, kernel_sent_bytes=few | st.none(), kernel_received_bytes=few, kernel_segments=few,
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(clients, min_size=1, max_size=3), few)
def test_auditor_and_lab_judge_bytes_alike(some: list[ClientBytes], losses: int) -> None:
    group = msgspec.structs.replace(GROUP, clients=some, unexpected_losses=losses)
    assert validity.of_group(plain(group)) == judge_group(group).validity.value.lower()
