"""The summary of a run for a terminal: its tables, from a recorder that is filled by hand."""

from __future__ import annotations

import pytest

from loadtest.measure.metrics import METRICS, series_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.summary import table

LONG_CALL = "POST", "/api/friends/requests/[id]/accept-with-a-name-that-no-column-was-made-for"


def summarized() -> str:
    """Every series once, a call with a long name, and an error and a tally with one."""
    recorder = Recorder()
    for metric in METRICS.values():
        for key in metric.requests:
            recorder.record_request(key, 0.002, None)
        for name in metric.series:
            recorder.record(name, 0.002)
    recorder.count(f"body bytes in of {' '.join(LONG_CALL)}", 4095)
    recorder.record_request(LONG_CALL, None, "an error whose own words are rather many, and of no known kind at all")
    assert all(series_of(recorder, metric).count for metric in METRICS.values())
    return table(recorder, RunFacts(duration_s=10.0))


@pytest.mark.parametrize("head", ["Event", "Series (ms)", "Error", "Reach"])
def test_figures_of_a_table_stand_below_each_other_however_long_a_name_is(head: str) -> None:
    lines = summarized().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"{head} "))
    rows = lines[at + 2 : next((number for number in range(at, len(lines)) if not lines[number]), None)]
    assert rows
    assert {len(row) for row in rows} == {len(lines[at])} == {len(lines[at + 1])}
