"""A command whose standard output takes nothing says so in one sentence, and does not end as if it had told all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.results.exit_codes import ExitCode
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[1]
SERVER, LAB, SWARM = ("lobby_server", "lobby-server"), ("bench", "lobby-bench"), ("loadtest", "loadtest")
AUDIT, CALIBRATE = ("bench.audit", "audit"), ("loadtest.calibrate", "calibrate")
COMMANDS: list[tuple[tuple[str, str], tuple[str, ...]]] = [
    (SERVER, ("mint-tokens", "--count", "100")),
    (SERVER, ("--help",)),
    (SERVER, ("--version",)),
    (SERVER, ("mint-tokens", "-h")),
    (LAB, ("list",)),
    (LAB, ("predict", "--players", "100")),
    (LAB, ("simulate", "--seeds", "1")),
    (LAB, ("report", "--help")),
    (SWARM, ("--help",)),
    (SWARM, ("--version",)),
    (SWARM, ("--plan", "list")),
    (SWARM, ("--protocol", "list")),
    (AUDIT, ("reports/sample",)),
    (AUDIT, ("--help",)),
    (CALIBRATE, ("--help",)),
]


def run(module: str, *arguments: str, shell: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`shell`: what is done to standard output. Whether Python keeps a buffer of its own plays no part."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOBBY_", "PYTHONUNBUFFERED"))}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-m", module, *arguments],
        cwd=ROOT, env=kept | {"LOBBY_JWT_SECRET": "s" * 32, "LOBBY_DATA_DIR": str(folder)} | more,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "why"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")], ids=["closed", "full"]
)
@pytest.mark.parametrize(
    ("command", "arguments"), COMMANDS, ids=[f"{name} {' '.join(given)}" for (_, name), given in COMMANDS]
)
def test_command_that_can_tell_nobody_ends_with_a_sentence_and_a_code(
    command: tuple[str, str], arguments: tuple[str, ...], shell: str, why: str, tmp_path: Path
) -> None:
    module, name = command
    done = run(module, *arguments, shell=shell, folder=tmp_path)
    assert done.returncode == (ExitCode.USAGE if command == AUDIT else ExitCode.FAILED), done.stderr
    assert done.stderr.splitlines()[-1] == f"{name}: standard output takes nothing: {why}."
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("arguments", [("lobby_server", "--help"), ("bench", "list"), ("loadtest", "--help")])
def test_what_python_does_not_buffer_is_missed_all_the_same(arguments: tuple[str, str], tmp_path: Path) -> None:
    done = run(*arguments, shell=">/dev/full", folder=tmp_path, PYTHONUNBUFFERED="1")
    assert done.returncode == ExitCode.FAILED
    assert "standard output takes nothing: No space left on device." in done.stderr


@pytest.mark.parametrize("arguments", [("bench", "list"), ("loadtest", "--plan", "list"), ("bench.audit", "--help")])
def test_command_that_told_all_ends_well(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, shell="", folder=tmp_path)
    assert (done.returncode, done.stderr) == (ExitCode.GOOD, "")
    assert done.stdout


def test_swarm_that_was_not_asked_to_print_goes_on_without_standard_output(tmp_path: Path) -> None:
    """It tells on standard error, here that nobody is at that address."""
    given = ("--headless", "--host", "nowhere")
    closed, whole = (run("loadtest", *given, shell=shell, folder=tmp_path) for shell in (">&-", ""))
    assert closed.returncode == whole.returncode == ExitCode.USAGE
    assert "is no address of a server" in closed.stderr.splitlines()[-1] == whole.stderr.splitlines()[-1]
