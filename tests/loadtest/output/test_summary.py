"""The summary of a run for a terminal: its tables, from a recorder that is filled by hand."""

from __future__ import annotations

import pytest

from loadtest.measure.metrics import METRICS, series_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import FaultFacts, RunFacts
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


def with_faults(*faults: FaultFacts) -> list[str]:
    """The table of a run in which 100 of 300 players were away from 10.5 to 14.5 s, and 30 from 40.5 s to the end."""
    facts = RunFacts(duration_s=60.0, faults=list(faults))
    for second in range(61):
        here = 300 - 100 * (10 < second < 15) - 30 * (second > 40)
        lost = 100 * (second > 10) + 30 * (second > 40)
        facts.history.append({"t_s": float(second), "established": float(here + lost), "lost": float(lost)})
    lines = table(Recorder(), facts).splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith("Fault ")), None)
    return [] if begin is None else lines[begin : lines.index("", begin) if "" in lines[begin:] else None]


def test_summary_says_what_each_fault_cost_and_whether_all_were_back() -> None:
    head, rule, killed, frozen, quiet, why, early = with_faults(
        FaultFacts("node a", "kill", 7, 10.0, 10.0),
        FaultFacts("valkey", "freeze", 8, 40.0, 42.0),
        FaultFacts("a name that is longer than the column for it", "run", None, 55.0, None, failure="exit code 3"),
        FaultFacts("at once", "freeze", 9, 90.0, 91.0),
    )
    assert {len(each) for each in (head, killed, frozen, quiet, early)} == {len(rule)}
    assert killed.split("node a (kill)")[1].split() == ["10.0", "s", "10.0", "s", "300", "100", "5.0", "s"]
    assert frozen.split("valkey (freeze)")[1].split() == ["40.0", "s", "42.0", "s", "300", "30", "not", "back"]
    assert quiet.split("for it (run)")[1].split() == ["55.0", "s", "–", "270", "0", "0.0", "s"]
    assert why == "  It did not come about: exit code 3"
    assert early.split("at once (freeze)")[1].split() == ["90.0", "s", "91.0", "s", "–", "0", "–"], (
        "no sample is after it"
    )


def test_run_without_faults_has_no_table_of_them() -> None:
    assert with_faults() == []
