"""Ports that are taken: one sentence before a run, or another port where nobody has to know it."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from loadtest.results.exit_codes import UsageError
from loadtest.run.checks import ports
from loadtest.run.checks.ports import Leading, check_listenable, check_master, move_if_taken
from tests.loadtest.swarms import ROOT
from tests.patience import PATIENCE_S

FORKS = ("--processes", "2")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that somebody listens at, in the place of Locust's."""
    for name in [name for name in os.environ if name.startswith("LOCUST_")]:
        monkeypatch.delenv(name)
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(ports, "DEFAULT_PORT", port)
        yield port


def defaults_with(*arguments: str) -> tuple[object, object]:
    parser = argparse.ArgumentParser()
    for flag in ("--master-bind-port", "--master-port"):
        parser.add_argument(flag, type=int, default=ports.DEFAULT_PORT)
    move_if_taken(parser, arguments)
    found = parser.parse_args([])
    return found.master_bind_port, found.master_port


def test_master_that_forks_its_workers_meets_them_at_another_port_where_the_usual_one_is_taken(taken: int):
    bound, met = defaults_with(*FORKS)
    assert bound == met != taken


@pytest.mark.parametrize(
    "arguments",
    [(), ("--master",), ("--worker",), (*FORKS, "--worker"), (*FORKS, "--master-bind-port", "4711"), ("--processes",)],
)
def test_port_that_others_have_to_know_is_not_moved(taken: int, arguments: tuple[str, ...]):
    assert defaults_with(*arguments) == (taken, taken)


def test_port_that_is_free_is_not_moved(taken: int, monkeypatch: pytest.MonkeyPatch):
    port = free_port("0.0.0.0")
    monkeypatch.setattr(ports, "DEFAULT_PORT", port)
    assert defaults_with(*FORKS) == (port, port)


def test_what_the_environment_says_of_workers_counts_as_on_the_command_line():
    read = Leading.read
    assert read([], {"LOCUST_PROCESSES": "2"}) == Leading(True, False, "*", ports.DEFAULT_PORT, False)
    assert read([], {"LOCUST_MODE_MASTER": "true"}) == Leading(False, True, "*", ports.DEFAULT_PORT, False)
    assert read(list(FORKS), {"LOCUST_MASTER_BIND_PORT": "4711"}) == Leading(True, False, "*", 4711, True)


def test_master_at_a_taken_port_is_a_usage_error(taken: int):
    for arguments in (("--master",), (*FORKS, "--master-bind-port", str(taken))):
        with pytest.raises(UsageError, match=rf"--master-bind-port: \*:{taken} cannot be listened at: Address already"):
            check_master(arguments)
    check_master(FORKS)
    check_master(("--worker",))


def test_address_of_another_machine_cannot_be_listened_at():
    with pytest.raises(UsageError, match=r"--web-port: 192\.0\.2\.1:8089 cannot be listened at"):
        check_listenable("--web-port", "192.0.2.1", 8089)


@pytest.mark.system
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--web-host", "127.0.0.1", "--web-port", "{taken}"), "--web-port: 127.0.0.1:{taken} cannot be listened at: "),
        (("--headless", "--master", "--master-bind-port", "{taken}"), "--master-bind-port: *:{taken} cannot be "),
        (("--headless", "-u", "0"), "-u is 0: a run needs players, 1 or more."),
        (("--headless", "-u", "-3"), "-u is -3: a run needs players, 1 or more."),
        (("--headless", "--server-pid", "4194305"), "--server-pid: no process of this machine has the id 4194305."),
        (("--headless", "--server-pid", "-5"), "--server-pid: no process of this machine has the id -5."),
        (("--headless", "--html", "/proc/no.html"), "--html: nothing can be written to /proc: "),
        (("--headless", "--json-file", "/proc/no/x"), "--json-file: the folder /proc/no cannot be made: "),
    ],
)
def test_what_would_end_a_run_in_a_trace_is_one_sentence_before_it(
    taken: int, lobby: str, options: tuple[str, ...], sentence: str
):
    given = [option.format(taken=taken) for option in options]
    if "-u" not in given:
        given += ["-u", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "--host", lobby, "-t", "5s", *given],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"loadtest: {sentence.format(taken=taken)}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def lobby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Target() as target:
        yield target.http_url
