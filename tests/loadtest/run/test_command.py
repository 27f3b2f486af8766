"""``python -m loadtest``: Locust with the swarm's locustfile, and a help that lists the swarm's options."""

from __future__ import annotations

import os
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest

from loadtest.__main__ import main
from loadtest.output.web_form import swarm_actions
from tests.loadtest.swarms import ROOT

pytestmark = pytest.mark.system


FANS = """
from loadtest import swarm
from loadtest.locustfile import Player  # noqa: F401


@swarm.role("fan")
class Fan(swarm.Browser):
    wave = swarm.time_option("--wave-interval-s", "exp:10", "time between two waves of a fan, in s")
"""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadtest", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_option_of_the_swarm_and_those_of_locust(flag: str):
    done = run(flag)
    assert done.returncode == 0, done.stderr
    assert [action.option_strings[0] for action in swarm_actions() if action.option_strings[0] not in done.stdout] == []
    assert "--headless" in done.stdout


@pytest.mark.parametrize("given", [["-f", "fans.py"], ["-ffans"], ["--locustfile=fans.py"]])
def test_help_lists_the_options_of_roles_in_a_locustfile_of_ones_own(tmp_path: Path, given: list[str]):
    (tmp_path / "fans.py").write_text(FANS)
    done = run(*given, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--wave-interval-s TIME" in done.stdout
    assert "time between two waves of a fan, in s; default: exp:10" in " ".join(done.stdout.split())
    assert "conditional_poller, fan; default:" in " ".join(done.stdout.split())


def test_a_locustfile_that_is_not_there_is_named(tmp_path: Path):
    done = run("-f", "nowhere.py", "--help", cwd=tmp_path)
    assert "Traceback" not in done.stderr


def test_a_wrong_option_is_a_usage_error_as_with_locust():
    done = run("--headless", "--host", "nowhere")
    assert done.returncode == 2
    assert "loadtest: --host nowhere is no address of a server" in done.stderr


def test_the_command_of_an_installed_package_is_that_module():
    declared = ConfigParser()
    declared.read(ROOT / "setup.cfg")
    commands = dict(
        line.split(" = ") for line in declared["options.entry_points"]["console_scripts"].split("\n") if line
    )
    module, _, function = commands["lobby-swarm"].partition(":")
    assert getattr(import_module(module), function) is main


@pytest.mark.parametrize("flag", ["--plan", "--protocol"])
def test_a_list_for_a_full_disk_ends_with_one_sentence(flag: str):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "loadtest", flag, "list"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1, "loadtest: standard output takes nothing: No space left on device.\n",
    )  # fmt: skip
