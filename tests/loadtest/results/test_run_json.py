"""run.json: what is written is read again, by the types that name its keys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from loadtest.measure.judging.thresholds import check_thresholds, read_threshold
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.run_file import as_json, write_json
from loadtest.results.run_json import RunFile, as_builtins, decode_run_json, read_run_json
from loadtest.results.validity import Validity


def a_run() -> RunFile:
    recorder = Recorder()
    for milliseconds in range(1, 101):
        recorder.record_request(("WS", "heartbeat"), milliseconds / 1000, "HTTP 503" if milliseconds == 7 else None)
    recorder.record("time to fresh, by push", 0.05)
    recorder.reach.presence.expected, recorder.reach.presence.received = 10, 9
    recorder.health = Health(ticks=600, cpu_shares=[0.95] * 30)
    facts = RunFacts(host="http://x", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=30.0, users={"host": 2})
    results = check_thresholds([read_threshold("reach == 1"), read_threshold("poll.p99 < 1s")], recorder, duration_s=30)
    return as_json(recorder, facts, validity_of(recorder), results)


def test_a_run_file_is_read_as_it_was_written(tmp_path: Path):
    run = a_run()
    write_json(tmp_path / "run.json", run)
    assert read_run_json(tmp_path / "run.json") == run
    assert run.validity.level is Validity.INVALID
    assert [(each.is_met, each.found) for each in run.thresholds] == [(False, 0.9), (False, None)]
    assert (run.ledger.presence.lost, run.ledger.rooms.reach) == (1, None)
    [heartbeat] = run.requests
    assert (heartbeat.count, heartbeat.failures, heartbeat.errors) == (100, 1, {"HTTP 503": 1})


def test_keys_of_a_later_writer_are_ignored_and_a_missing_one_is_named():
    document = as_builtins(a_run())
    assert decode_run_json(json.dumps({**document, "of a later version": 1}).encode()) == a_run()
    del document["ledger"]["presence"]["late"]
    with pytest.raises(msgspec.ValidationError, match=r"late.*\$\.ledger\.presence"):
        decode_run_json(json.dumps(document).encode())


def test_another_schema_is_refused():
    document = as_builtins(a_run()) | {"schema": 3}
    with pytest.raises(msgspec.ValidationError, match="schema 3 is not 2"):
        decode_run_json(json.dumps(document).encode())


def test_reading_a_run_loads_no_load_generator():
    code = (
        "import sys, loadtest.results.run_json, loadtest.results.exit_codes, loadtest.results.machine;"
        "print([name for name in ('locust', 'gevent', 'websocket', 'urllib3', 'numpy') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout.strip() == "[]"
