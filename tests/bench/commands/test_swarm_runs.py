"""``lobby-bench compare`` and ``trend`` over what the swarm itself writes: folders of ``--run-dir``, with repeats."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import cli
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.run_file import as_json, write_json

SPREAD = (0.97, 0.99, 1.01, 1.03)
"""Of the repeats of one night, about their median."""


def swarm_run(folder: Path, *, day: int, heartbeat_s: float) -> None:
    """20 players whose heartbeats take about that long."""
    recorder = Recorder()
    for step in range(90, 111):
        recorder.record_request(("WS", "heartbeat"), heartbeat_s * step / 100, None)
    recorder.connections.attempts = recorder.connections.established = 20
    recorder.reach.presence.expected = recorder.reach.presence.received = 380
    recorder.health = Health(ticks=600, cpu_shares=[0.25] * 30)
    facts = RunFacts(
        host="http://127.0.0.1:1", seed=day, started_at=f"2026-01-{day:02}T00:00:00Z", duration_s=30.0, is_over=True,
        users={"browser": 20}, server_cpu_shares=[0.3] * 30, arguments={"num_users": 20, "run_time": 30},
    )  # fmt: skip
    folder.mkdir(parents=True)
    write_json(folder / "run.json", as_json(recorder, facts, validity_of(recorder), ()))


def night(folder: Path, *, day: int, heartbeat_s: float) -> str:
    for repeat, share in enumerate(SPREAD, start=1):
        swarm_run(folder / f"{repeat}", day=day, heartbeat_s=heartbeat_s * share)
    return str(folder)


@pytest.fixture
def nights(tmp_path: Path) -> list[str]:
    """Three with repeats: the third is half as slow again."""
    return [
        night(tmp_path / "nights" / f"{day}", day=day, heartbeat_s=heartbeat_s)
        for day, heartbeat_s in enumerate((0.0100, 0.0101, 0.0150), start=1)
    ]


def test_folders_of_repeats_are_compared_with_the_first_and_the_slower_one_is_worse(nights: list[str]) -> None:
    same = CliRunner().invoke(cli.main, ["compare", *nights[:2]])
    assert same.exit_code == 0, same.output
    done = CliRunner().invoke(cli.main, ["compare", *nights])
    assert done.exit_code == 3, done.output
    assert f"{nights[0]} and {nights[1]}" in done.output
    slower = done.output.partition(f"{nights[0]} and {nights[2]}")[2]
    assert "heartbeat.p99" in slower
    assert "worse" in slower


def test_single_runs_of_a_swarm_that_differ_have_no_verdict(nights: list[str]) -> None:
    done = CliRunner().invoke(cli.main, ["compare", f"{nights[0]}/2", f"{nights[2]}/2"])
    assert done.exit_code == 4, done.output


def test_trend_over_nights_with_repeats_marks_the_one_where_a_figure_changed(nights: list[str]) -> None:
    folder = str(Path(nights[0]).parent)
    done = CliRunner().invoke(cli.main, ["trend", folder, "--figure", "heartbeat.p50"])
    assert done.exit_code == 0, done.output
    [line] = [line for line in done.output.splitlines() if "1: " in line and "3: " in line]
    assert "* worse ×1." in line.partition("3: ")[2]
    assert "*" not in line.partition("3: ")[0]
    assert CliRunner().invoke(cli.main, ["trend", folder, "--limit", "0.2"]).exit_code == 3
