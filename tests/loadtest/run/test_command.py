"""``python -m loadtest``: Locust with the swarm's locustfile, and a help that lists the swarm's options."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module

import pytest

from loadtest.__main__ import main
from loadtest.output.web_form import swarm_actions
from tests.loadtest.swarms import ROOT

pytestmark = pytest.mark.system


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadtest", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_option_of_the_swarm_and_those_of_locust(flag: str):
    done = run(flag)
    assert done.returncode == 0, done.stderr
    assert [action.option_strings[0] for action in swarm_actions() if action.option_strings[0] not in done.stdout] == []
    assert "--headless" in done.stdout


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
