"""The cases of a module, run together before its first test."""

from __future__ import annotations

import pytest

from tests.conformance.case import Case, Way
from tests.conformance.cases import CASES
from tests.conformance.record import Record, run_all


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest) -> Record:
    """Runs what the selected tests will look at, and nothing else."""
    wanted: dict[Way, dict[str, Case]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec"):
            given = item.callspec.params
            names = [given["name"]] if "name" in given else []
            ways = [given["way"]] if "way" in given else given.get("ways", ())
            for name in names:
                for way in ways:
                    wanted.setdefault(way, {})[name] = CASES[name]
    return run_all({way: wanted[way] for way in Way if way in wanted})
