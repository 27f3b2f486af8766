"""Every case on every way: as the table says, and the same answer on all of them.

The default suite runs a quarter of each table on a bare socket, whole and split; ``tox -e slow`` all of it everywhere,
in `test_every_case`.
All cases of a server run at the same time, before the first test; each test then looks at one observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.processes.target import Target
from tests.conformance.case import RequestCase, SocketCase, Way, upgrade
from tests.conformance.cases import CASES, QUICK, TABLES
from tests.conformance.holding import hold, hold_alike, pairs
from tests.conformance.judging import judge
from tests.conformance.record import Record
from tests.conformance.runner import run_cases
from tests.conformance.servers import servers
from tests.conformance.sweeps import BYTE_BY_BYTE, SWEEPS
from tests.conformance.wire import PING, frame

QUICK_WAYS = (Way.BARE, Way.SPLIT)
_QUICK = [name for name in CASES if name in QUICK]


@pytest.mark.parametrize(("way", "name"), pairs(_QUICK, QUICK_WAYS))
def test_case_of_the_quick_part(record: Record, way: Way, name: str) -> None:
    hold(record, way, name)


@pytest.mark.parametrize(
    ("name", "ways"),
    [pytest.param(name, QUICK_WAYS, id=name) for name in _QUICK if set(QUICK_WAYS) <= set(CASES[name].ways)],
)
def test_split_request_is_answered_as_a_whole_one(record: Record, name: str, ways: tuple[Way, ...]) -> None:
    hold_alike(record, name, ways)


# -- cut at every byte --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sweep_target(request: pytest.FixtureRequest) -> Iterator[tuple[Way, Target]]:
    with servers([request.param]) as targets:
        yield request.param, targets[request.param]


@pytest.mark.parametrize(
    "sweep", [pytest.param(name, marks=[pytest.mark.slow] if name == BYTE_BY_BYTE else []) for name in SWEEPS]
)
@pytest.mark.parametrize(
    "sweep_target",
    [
        pytest.param(way, marks=[] if way is Way.BARE else [pytest.mark.slow], id=way.value)
        for way in Way
        if way is not Way.SPLIT
    ],
    indirect=True,
)
def test_answer_is_the_same_wherever_the_bytes_are_cut(sweep_target: tuple[Way, Target], sweep: str) -> None:
    way, target = sweep_target
    cases = SWEEPS[sweep]
    seen = asyncio.run(run_cases(cases, way, target.port))
    wrong = {case.name: judge(case, way, seen[case.name]) for case in cases}
    assert {name: each for name, each in wrong.items() if each} == {}


def test_tables_hold_at_least_250_cases_of_different_names() -> None:
    assert len(CASES) == sum(map(len, TABLES.values())) >= 250
    assert all(case.source and (isinstance(case, RequestCase) or case.steps) for case in CASES.values())
    assert all(case.ways for case in CASES.values() if isinstance(case, SocketCase))


def test_requests_and_frames_of_the_tables_are_what_they_claim() -> None:
    """The examples of RFC 6455 sections 1.3 and 5.7, made by our own builders."""
    assert frame(b"Hello") == bytes.fromhex("818537fa213d7f9f4d5158")
    assert frame(b"Hello", PING) == bytes.fromhex("898537fa213d7f9f4d5158")
    assert upgrade().startswith(b"GET /ws HTTP/1.1\r\nHost: lobby.test\r\nUpgrade: websocket\r\n")
