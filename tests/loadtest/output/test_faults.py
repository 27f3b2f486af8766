"""Faults of a run in its files: how many connections each cost, when they were back, and a chart of it."""

from __future__ import annotations

import pytest

from loadtest.measure.history import History
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.recorder import OWN_LOSSES, Recorder
from loadtest.measure.run_facts import FaultFacts, RunFacts, ServerState
from loadtest.output.page import charts, charts_of_faults, page
from loadtest.output.run_file import as_json
from loadtest.results.run_json import RunFile
from loadtest.results.validity import Validity


def a_run() -> RunFile:
    """Of 300 players 100 are lost 10 s after the start and back 5 s later, while some drop theirs; then a short freeze
    that nobody notices."""
    faults = [
        FaultFacts(name="node a", kind="kill", pid=7, began_s=10.0, ended_s=10.0),
        FaultFacts(name="valkey", kind="freeze", pid=8, began_s=30.0, ended_s=32.0),
    ]
    facts = RunFacts(host="http://x", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=60.0, faults=faults)
    recorder, history = Recorder(), History(facts.history, every_s=1.0)
    recorder.connections.established = 300
    for second in range(1, 61):
        recorder.connections.losses += 1
        recorder.connections.own_losses += 1
        recorder.connections.established += 1
        if second == 11:
            recorder.connections.losses += 100
        if 12 <= second <= 15:
            recorder.connections.established += 25
        history.look(recorder, t_s=float(second), faults=[each for each in faults if each.began_s <= second])
    assert recorder.events[OWN_LOSSES] == 60
    return as_json(recorder, facts, validity_of(recorder, has_faults=True), ())


def test_run_file_says_what_each_fault_cost_and_when_all_were_back() -> None:
    killed, frozen = a_run().faults
    assert (killed.name, killed.kind, killed.pid, killed.failure) == ("node a", "kill", 7, None)
    assert (killed.connected_before, killed.lost, killed.back_after_s) == (300, 100, 5.0)
    assert (frozen.connected_before, frozen.lost, frozen.back_after_s) == (300, 0, 0.0)


@pytest.mark.parametrize(("dropped_s", "back_after_s"), [(25, 0.0), (15, None)], ids=["lately", "long ago"])
def test_players_who_dropped_their_connection_lately_are_not_those_whom_a_fault_keeps_away(
    dropped_s: int, back_after_s: float | None
) -> None:
    fault = FaultFacts(name="valkey", kind="freeze", pid=8, began_s=10.0, ended_s=12.0)
    facts = RunFacts(host="http://x", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=30.0, faults=[fault])
    recorder, history = Recorder(), History(facts.history, every_s=1.0)
    recorder.connections.established = 300
    for second in range(1, 31):
        if second == dropped_s:
            recorder.connections.losses += 5
            recorder.connections.own_losses += 5
        history.look(recorder, t_s=float(second), faults=[])
    (told,) = as_json(recorder, facts, validity_of(recorder, has_faults=True), ()).faults
    assert (told.connected_before, told.lost, told.back_after_s) == (300, 0, back_after_s)


def test_history_marks_the_seconds_in_which_a_fault_went_on() -> None:
    marked = [sample["t_s"] for sample in a_run().history if sample.get("faults")]
    assert marked == [10.0, 30.0, 31.0, 32.0]


def test_page_has_a_row_a_chart_and_a_mark_for_each_fault() -> None:
    run = a_run()
    drawn = charts_of_faults(run)
    assert [text.split("aria-label=")[1].split('"')[1] for text in drawn] == [
        "node a: open connections",
        "valkey: open connections",
    ]
    assert all('class="mark"' in text for text in drawn)
    assert any(text.count('class="mark"') == 2 for text in charts(run))
    shown = page(run)
    assert "<td>node a</td><td>kill</td>" in shown
    assert shown.count("open connections</text>") == 2


def test_server_that_the_run_itself_stopped_is_no_doubt_about_it() -> None:
    state = ServerState(watched_s=30.0, gone_s=5.0, stopped_s=4.0)
    assert validity_of(Recorder(), server_state=state).level is Validity.SUSPECT
    assert validity_of(Recorder(), server_state=state, has_faults=True).level is Validity.VALID


@pytest.mark.parametrize("restarts", [1, 2])
def test_server_that_another_process_took_the_place_of_is_told(restarts: int) -> None:
    state = ServerState(watched_s=30.0, gone_s=1.2, restarts=restarts)
    (reason,) = validity_of(Recorder(), server_state=state).reasons
    assert "another one took its place" in reason
    assert "1.2 s of 30.0 s" in reason
    assert ("once" in reason) is (restarts == 1)


def test_server_that_was_restarted_and_ended_again_is_told_to_be_away() -> None:
    state = ServerState(watched_s=30.0, gone_s=20.0, restarts=1, is_away=True)
    recorder = Recorder()
    for _ in range(30):
        recorder.record_request(("WS", "heartbeat"), 0.004, None)
    recorder.count("restarts asked for")
    found = validity_of(recorder, server_state=state)
    assert found.level is Validity.SUSPECT
    assert any("it was away in 20.0 s of 30.0 s" in reason for reason in found.reasons)
    assert found.bottleneck is not None
    assert found.bottleneck.startswith("The server was away, its process had ended, in 20.0 s of 30.0 s")


@pytest.mark.parametrize("asked", ["restarts of the server", "restarts asked for"])
def test_restart_that_the_run_made_or_asked_for_is_no_doubt_about_it(asked: str) -> None:
    recorder = Recorder()
    recorder.count(asked)
    state = ServerState(watched_s=30.0, gone_s=1.2, restarts=1)
    assert validity_of(recorder, server_state=state).level is Validity.VALID
