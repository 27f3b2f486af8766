"""What the swarm leaves is read as a run of the lab: reported on, and put beside another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import cli
from bench.analysis.comparison.compare import Change, compare_runs
from bench.analysis.figures import figures_of, invalid_figures
from bench.record.files.run_file import RunUnreadable, read_run
from bench.record.run import Run
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.run_file import as_json, write_json
from loadtest.results.validity import Validity


def a_swarm(folder: Path, *, slower: float = 1.0, busy: float = 0.3) -> Path:
    """As the swarm itself writes it: heartbeats of 1 to 100 ms and as many announcements, 40 players, a lost event."""
    recorder = Recorder()
    for milliseconds in range(1, 101):
        recorder.record_request(("WS", "heartbeat"), slower * milliseconds / 1000, None)
        recorder.record("fan-out of rooms", 0.010 * slower)
    recorder.record("lateness", 0.001)
    recorder.reach.presence.expected, recorder.reach.presence.received = 1000, 999
    recorder.health = Health(ticks=600, cpu_shares=[busy] * 30)
    facts = RunFacts(
        host="http://127.0.0.1:30820", seed=3, started_at="2026-01-01T00:00:00Z", duration_s=30.0,
        users={"browser": 30, "poller": 10}, server_cpu_shares=[0.2] * 30,
        arguments={"host": "http://127.0.0.1:30820", "num_users": 40, "run_time": 30, "headless": True,
                   "threshold": ["reach == 1"], "autoquit": -1, "mode": ""},
    )  # fmt: skip
    folder.mkdir()
    write_json(folder / "run.json", as_json(recorder, facts, validity_of(recorder), ()))
    return folder


def read(folder: Path) -> Run:
    return read_run(folder / "run.json")


def test_swarm_is_read_with_its_figures_by_the_names_of_thresholds(tmp_path: Path) -> None:
    run = read(a_swarm(tmp_path / "run"))
    figures = {each.measure.name: each.estimate.value for each in figures_of(run) if each.estimate is not None}
    assert figures["heartbeat.p50"] == pytest.approx(50, rel=0.01)
    assert figures["fanout.p99"] == pytest.approx(10, rel=0.01)
    assert figures["reach"] == 0.999
    assert figures["server CPU, of a core"] == pytest.approx(0.2)
    assert "lateness.p99" not in figures, "it is the swarm's own"
    assert {each.where.clients for each in figures_of(run)} == {40}
    assert run.profile.swarm.poller_share == 0.25
    assert run.arguments == [
        "locust", "--host", "http://127.0.0.1:30820", "--users", "40", "--run-time", "30", "--headless",
        "--threshold", "reach == 1",
    ]  # fmt: skip


def test_swarm_that_is_not_valid_has_no_valid_figure(tmp_path: Path) -> None:
    run = read(a_swarm(tmp_path / "run", busy=0.95))
    assert {each.validity for each in figures_of(run)} == {Validity.INVALID}
    assert invalid_figures(run)


def test_one_swarm_beside_another_is_told_and_unsure(tmp_path: Path) -> None:
    before, after = read(a_swarm(tmp_path / "a")), read(a_swarm(tmp_path / "b", slower=2.0))
    found = compare_runs(before, after, limit=0.1)
    times = [f"{name}.{rank}" for name in ("heartbeat", "fanout", "fanout_rooms") for rank in ("p50", "p99")]
    assert {pair.name for pair in found.unsure} == {f"swarm: {name}, 40 clients" for name in times}
    assert {pair.change for pair in found.pairs} == {Change.UNSURE, Change.NONE}
    assert not found.regressions, "one reading each proves nothing"


def test_commands_of_the_lab_take_a_swarm(tmp_path: Path) -> None:
    before, after = a_swarm(tmp_path / "a"), a_swarm(tmp_path / "b", slower=2.0)
    report = CliRunner().invoke(cli.main, ["report", "--from", str(before), "--output", str(tmp_path / "page")])
    assert report.exit_code == 0, report.output
    page = (tmp_path / "page" / "report.md").read_text()
    assert "40 users, 25% of them polling, made 100 requests in 30.0 s; 0 failed." in page
    assert "1,000 times a player should have heard another one come or go; 1 of them did not come in time." in page
    assert figures_of(read(tmp_path / "page")) == figures_of(read(before)), "what was made of it can be read again"
    compared = CliRunner().invoke(cli.main, ["compare", str(before), str(after)])
    assert compared.exit_code == 4, compared.output
    assert "unsure ×2.00" in compared.output
    assert "repeat both runs, and compare folders of several" in compared.output


def test_repeated_swarms_in_folders_are_compared_without_a_doubt(tmp_path: Path) -> None:
    for name, slower in (("before", 1.0), ("after", 2.0)):
        (tmp_path / name).mkdir()
        for number in range(4):
            a_swarm(tmp_path / name / f"run-{number}", slower=slower * (1 + number / 50))
    compared = CliRunner().invoke(cli.main, ["compare", str(tmp_path / "before"), str(tmp_path / "after")])
    assert compared.exit_code == 3, compared.output
    assert "unsure" not in compared.output
    again = CliRunner().invoke(cli.main, ["compare", str(tmp_path / "before"), str(tmp_path / "before")])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 3}, "has schema 3, this lab reads 2"),
        ({"users": None}, "nor of the swarm"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_swarm_of_another_kind_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = a_swarm(tmp_path / "run") / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunUnreadable, match=says):
        read_run(path)


def changed(folder: Path, **parts: Any) -> Path:
    """A swarm with other facts; `arguments` are added to those that there are."""
    path = a_swarm(folder) / "run.json"
    document = json.loads(path.read_text())
    arguments = {**document["arguments"], **parts.pop("arguments", {})}
    path.write_text(json.dumps({**document, "arguments": arguments, **parts}))
    return folder


def test_a_run_that_was_killed_is_no_basis_for_a_verdict(tmp_path: Path) -> None:
    before, after = a_swarm(tmp_path / "a"), changed(tmp_path / "b", is_over=False)
    compared = CliRunner().invoke(cli.main, ["compare", str(before), str(after)])
    assert compared.exit_code == 4
    assert "The run after was broken off." in compared.output


def test_runs_that_somebody_stopped_after_about_the_same_time_are_compared(tmp_path: Path) -> None:
    stopped = {"arguments": {"run_time": None}}
    one, two = (changed(tmp_path / name, duration_s=s, **stopped) for name, s in (("a", 30.2), ("b", 29.9)))
    found = compare_runs(read(one), read(two), limit=0.1)
    assert found.basis.other_sizes == frozenset()
    assert found.pairs


def test_swarms_with_another_load_are_told_apart(tmp_path: Path) -> None:
    of_load = {"mix": "browser=1", "network": "mobile-3g", "metrics_port": 9646}
    one, two = a_swarm(tmp_path / "a"), changed(tmp_path / "b", arguments=of_load)
    [remark] = [text for text in compare_runs(read(one), read(two), limit=0.1).basis.remarks if "options" in text]
    assert remark == (
        "The swarms were given other options: --mix not given → browser=1, --network not given → mobile-3g."
    )


def test_swarms_of_several_nights_make_a_trend(tmp_path: Path) -> None:
    for night, slower in enumerate((1.0, 1.0, 2.0), start=1):
        (tmp_path / f"{night}").mkdir()
        for number in range(4):
            folder = a_swarm(tmp_path / f"{night}" / f"run-{number}", slower=slower * (1 + number / 50))
            path = folder / "run.json"
            path.write_text(path.read_text().replace("2026-01-01T", f"2026-01-{night:02}T"))
    done = CliRunner().invoke(cli.main, ["trend", str(tmp_path), "--figure", "heartbeat.p99", "--limit", "0.1"])
    assert done.exit_code == 3, done.output
    assert done.output.count("* worse") == 1
    assert "4 runs" in done.output
