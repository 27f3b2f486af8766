"""Ctrl-C while a command still imports what it needs: it ends with 130, without a word."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
SCRIPT = """
import runpy, signal, sys

package, module, handler, *options = sys.argv[1:]


class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)


sys.meta_path.insert(0, Interrupting())
signal.signal(signal.SIGINT, getattr(signal, handler))
sys.argv[1:] = options
runpy.run_module(package, run_name="__main__")
"""


def interrupted(package: str, module: str, *options: str, handler: str) -> subprocess.CompletedProcess[str]:
    """The command of that package, which gets SIGINT when it imports that module."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, package, module, handler, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("lobby_server", "asyncio"),
        ("lobby_server", "sqlalchemy"),
        ("loadtest", "argparse"),
        ("loadtest", "gevent"),
        ("loadtest", "numpy"),
        ("bench", "click"),
        ("bench", "bench.commands.trending"),
    ],
)
def test_ctrl_c_during_the_imports_of_a_command_ends_it_with_130_and_no_word(package: str, module: str) -> None:
    options = ("--plan", "list") if package == "loadtest" else ("--version",)
    done = interrupted(package, module, *options, handler="default_int_handler")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.system
@pytest.mark.parametrize("package", ["lobby_server", "loadtest", "bench"])
def test_background_job_that_ignores_ctrl_c_does_so_during_its_imports(package: str) -> None:
    done = interrupted(package, "logging", "--help", handler="SIG_IGN")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_installed_commands_are_those_that_end_quietly() -> None:
    declared = ConfigParser()
    declared.read(ROOT / "setup.cfg")
    lines = declared["options.entry_points"]["console_scripts"].split("\n")
    assert dict(line.split(" = ") for line in lines if line) == {
        "lobby-server": "lobby_server.__main__:main",
        "lobby-bench": "bench.__main__:main",
        "lobby-swarm": "loadtest.__main__:main",
    }
