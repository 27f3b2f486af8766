"""Runs that timed the makings of rooms alone: their staleness is told as suspect, by the report and by the auditor."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec.structs import replace

from bench.analysis.windows import HALF_TIMED, over_the_window
from bench.audit.raw import Raw
from bench.record.run import Run
from bench.report.build import texts_of
from tests.bench.modelled import a_modelled_run


@pytest.fixture(scope="module")
def old() -> Run:
    run = a_modelled_run()
    return replace(
        run, findings=[replace(each, facts={}) if each.name == "freshness" else each for each in run.findings]
    )


def doubts(run: Run) -> dict[str, set[str]]:
    [found] = [each for each in over_the_window(run).findings if each.name == "freshness"]
    return {each.name: {reading.suspect for reading in each.readings} for each in found.measures}


def test_staleness_of_a_run_that_timed_makings_alone_is_suspect(old: Run) -> None:
    assert doubts(old)["mean staleness"] == {HALF_TIMED}
    assert doubts(old)["time to fresh p50"] == {""}, "which a making has as an end has it"


def test_staleness_of_a_run_that_timed_all_changes_is_not() -> None:
    assert doubts(a_modelled_run())["mean staleness"] == {""}


def test_view_of_a_view_is_the_same(old: Run) -> None:
    once = over_the_window(old)
    assert over_the_window(once) is once


def test_sentence_on_staleness_says_so(old: Run) -> None:
    [told] = [each.text for each in texts_of(old) if each.where == "freshness, sentence 2"]
    assert told.count(f"(suspect: {HALF_TIMED})") == 2


def test_auditor_doubts_the_same_measures(old: Run) -> None:
    raw = Raw(json.loads(msgspec.json.encode(old)))
    own = {each["name"] for each in raw.measured("freshness") if any(it["suspect"] for it in each["readings"])}
    assert own == {name for name, reasons in doubts(old).items() if reasons != {""}}
