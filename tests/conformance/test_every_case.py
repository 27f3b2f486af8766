"""Every case on every way, as `test_conformance` looks at a quarter of them: 4,000 tests."""

from __future__ import annotations

import pytest

from tests.conformance.case import Way
from tests.conformance.cases import CASES
from tests.conformance.holding import hold, hold_alike, pairs, ways_of
from tests.conformance.record import Record

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("way", "name"), pairs(list(CASES), tuple(Way)))
def test_case(record: Record, way: Way, name: str) -> None:
    hold(record, way, name)


@pytest.mark.parametrize(
    ("name", "ways"), [pytest.param(name, tuple(ways_of(case)), id=name) for name, case in CASES.items()]
)
def test_ways_answer_alike(record: Record, name: str, ways: tuple[Way, ...]) -> None:
    hold_alike(record, name, ways)


@pytest.mark.parametrize("way", list(Way))
def test_no_case_leaves_a_traceback_in_the_log(record: Record, way: Way) -> None:
    if way not in record.logs:
        pytest.skip("no case ran on this way")
    assert "Traceback" not in record.logs[way]
