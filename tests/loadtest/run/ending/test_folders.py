"""Where results go: looked at before a run, had by one swarm alone, and never those of a run before."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes.target import Target
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.run.checks.folders import check_writable, claim
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery

pytestmark = pytest.mark.system

NOT_WRITABLE = Path("/proc/self")


def test_folder_that_takes_no_files_is_a_usage_error():
    with pytest.raises(UsageError, match="--run-dir: nothing can be written to /proc/self: "):
        check_writable("--run-dir", NOT_WRITABLE)


def test_folder_is_had_by_one_at_a_time_and_nothing_is_left_in_it(tmp_path: Path):
    claimed = claim("--run-dir", tmp_path)
    assert claimed is not None
    with pytest.raises(UsageError, match="another swarm writes its results to"):
        claim("--run-dir", tmp_path)
    os.close(claimed)
    again = claim("--run-dir", tmp_path)
    assert again is not None
    os.close(again)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def given() -> Iterator[tuple[object, ...]]:
    with Target() as target:
        yield "--host", target.http_url, "--jwt-secret", target.jwt_secret, "-u", 2, "-r", 100, "--mix", "browser=1"


def test_run_that_is_killed_at_its_beginning_leaves_itself_and_nothing_of_the_run_before(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    for name in ("run.json", "run.html", "junit.xml"):
        (tmp_path / name).write_text("of the run before")
    swarm = nursery.start(*given, "--run-dir", tmp_path, "--seed", 4711)
    kept = tmp_path / "run.json"
    wait_for(lambda: kept.read_text()[:1] == "{", deadline_s=RUN_TIMEOUT_S, what="the run in its file")
    swarm.stop(signal.SIGKILL)
    swarm.end()
    run = json.loads(kept.read_text())
    assert (run["seed"], run["is_over"]) == (4711, False)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_second_swarm_in_the_same_folder_is_refused_and_the_first_goes_on(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    first = nursery.start(*given, "--run-dir", tmp_path)
    wait_for((tmp_path / "run.json").exists, deadline_s=RUN_TIMEOUT_S, what="the first one's file")
    refused = nursery.run(*given, "--run-dir", tmp_path)
    assert refused.code == ExitCode.USAGE
    assert "another swarm writes its results to" in refused.errors
    first.stop(signal.SIGTERM)
    assert first.end().code == ExitCode.GOOD
    assert json.loads((tmp_path / "run.json").read_text())["is_over"] is True


def test_run_whose_results_cannot_be_written_names_no_exit_code_but_its_own(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    """Its threshold is missed, too."""
    folder = tmp_path / "results"
    folder.mkdir()
    swarm = nursery.start(*given, "--run-dir", folder, "--threshold", "handshake.max < 1us")
    wait_for((folder / "run.json").exists, deadline_s=RUN_TIMEOUT_S, what="the run in its file")
    shutil.rmtree(folder)
    swarm.stop(signal.SIGTERM)
    done = swarm.end()
    assert done.code == ExitCode.USAGE
    assert "✗ handshake.max < 1us" in done.errors
    assert f"loadtest: {folder}/run.json: No such file or directory." in done.errors
    assert "Exit code" not in done.errors


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--run-dir", NOT_WRITABLE), "--run-dir: nothing can be written to /proc/self: "),
        (("--swarm-json", NOT_WRITABLE / "run.json"), "--swarm-json: nothing can be written to /proc/self: "),
        (("--swarm-json", "/tmp"), "--swarm-json: /tmp is a folder: name a file, or give --run-dir."),
    ],
)
def test_results_that_could_not_be_written_are_said_before_the_run(
    nursery: Nursery, given: tuple[object, ...], options: tuple[object, ...], sentence: str
):
    done = nursery.run(*given, *options)
    assert done.code == ExitCode.USAGE
    assert sentence in done.errors
    assert "Traceback" not in done.errors
