"""The bench of the swarm's own cost: every tool is asked for the same, and what is not installed is named."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from click.testing import CliRunner

from bench import cli
from bench.load import generators
from bench.load.attendance import await_online
from bench.load.generators import Aim, GeneratorFailed, Tool, running, tools
from bench.load.sockets.tokens import mint_receiver
from bench.measures import (
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GENERATOR_PEAK_KIB_PER_PLAYER,
    SETTLED_PLAYERS_PER_CPU_S,
)
from bench.processes.target import Target
from bench.record.files.run_file import read_run
from bench.record.vocabulary import LOCUST_RECIPE, NODE_WS, SWARM, TSUNG, WEBSOCKETS
from bench.scenarios.engine import swarm_cost
from tests.installed import program
from tests.patience import PATIENCE_S


@pytest.fixture
def aim(tmp_path: Path) -> Aim:
    tokens = tmp_path / "tokens"
    tokens.write_text("a.b.c\nd.e.f\n")
    return Aim(
        port=4711, tokens=tokens, players=2, players_per_s=50.0, heartbeat_s=7.0, features=("rooms_delta", "rev"),
        folder=tmp_path,
    )  # fmt: skip


def test_every_tool_is_asked_for_the_same_players(aim: Aim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "generator_command", lambda: ["node", "client.js"])
    monkeypatch.setattr(generators.shutil, "which", lambda name: f"/usr/bin/{name}")
    found, missing = tools()
    assert missing == []
    assert [tool.name for tool in found] == [SWARM, NODE_WS, WEBSOCKETS, LOCUST_RECIPE, TSUNG]
    for tool in found:
        said = " ".join([*tool.command(aim), *tool.environment(aim).values()])
        if tool.name == TSUNG:
            said += (aim.folder / "tsung.xml").read_text()
        for wanted in ("4711", str(aim.tokens), "7", "50", "rooms_delta", "rev"):
            assert wanted in said, f"{tool.name}: {wanted}"


def test_tsung_gets_a_file_that_is_whole(aim: Aim) -> None:
    root = ElementTree.fromstring(generators._tsung_file(aim).read_text())
    users = root.find("load/arrivalphase/users")
    assert users is not None
    assert users.attrib == {"maxnumber": "2", "arrivalrate": "50", "unit": "second"}
    said = [each.text for each in root.iter("websocket") if each.text]
    assert said == [
        '{"type":"handshake","data":{"version":"13020","name":"player","token":"%%_token%%",'
        '"features":["rooms_delta","rev"]}}',
        '{"type":"ping","data":{}}',
    ]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "generator_command", lambda: None)
    monkeypatch.setattr(generators, "find_spec", lambda name: None)
    monkeypatch.setattr(generators.shutil, "which", lambda name: None)
    found, missing = tools()
    assert [tool.name for tool in found] == [SWARM, LOCUST_RECIPE]
    assert [sentence.split(":")[0] for sentence in missing] == [NODE_WS, WEBSOCKETS, TSUNG]


def test_a_tool_that_ends_by_itself_says_its_last_words(aim: Aim) -> None:
    tool = Tool("broken", lambda aim: [sys.executable, "-c", "print('no such option'); raise SystemExit(3)"])
    with running(tool, aim, cpus=None) as generator:
        generator._process.wait(PATIENCE_S)
        with pytest.raises(GeneratorFailed, match=r"ended with 3: no such option"):
            generator.check()


def test_all_processes_of_a_tool_count_and_end_with_it(aim: Aim) -> None:
    child = "import time; print('here', flush=True); time.sleep(60)"
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with running(Tool("two", lambda aim: [sys.executable, "-c", program]), aim, cpus=None) as generator:
        while not (said := (aim.folder / "words").read_text().split()):
            generator.check()
            time.sleep(0.01)
        alone = generators.resident_kib(generator.pid)
        assert generator.resident_kib() > 1.5 * alone
        assert generator.cpu().used_s > 0
    child_pid = int(said[0])
    ends_s = time.monotonic() + PATIENCE_S
    while is_running(child_pid):
        assert time.monotonic() < ends_s, "it has ended with the tool"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.system
def test_swarm_cost_on_the_command_line_leaves_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = [tool for tool in tools()[0] if tool.name == WEBSOCKETS]
    monkeypatch.setattr(swarm_cost, "tools", lambda: (by_hand, ["tsung: tsung is not installed"]))
    monkeypatch.setattr(swarm_cost, "QUIET_S", 0.2)
    monkeypatch.setattr(swarm_cost, "BEFORE_CHANGES_S", 0.2)
    done = CliRunner().invoke(cli.main, ["run", "swarm-cost", "--smoke", "--output", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    (result,) = read_run(tmp_path / "run" / "run.json").findings
    assert result.faults == []
    assert result.skipped == ["tsung: tsung is not installed"]
    measured = {each.name: each for each in result.measures if each.party == WEBSOCKETS}
    for measure in (
        GENERATOR_CPU_PER_1000_EVENTS, SETTLED_PLAYERS_PER_CPU_S, GENERATOR_KIB_PER_PLAYER,
        GENERATOR_PEAK_KIB_PER_PLAYER,
    ):  # fmt: skip
        assert measured[measure.name].readings[0].value > 0
    assert "tsung is not installed" in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")


@pytest.mark.system
def test_tsung_has_all_its_players_online(tmp_path: Path) -> None:
    """By its `Origin` and `Host` as it sends them: pages of other sites are refused."""
    program("tsung", package="tsung")
    (tsung,) = [tool for tool in tools()[0] if tool.name == TSUNG]
    with Target(flags=swarm_cost.FLAGS) as server:
        tokens = tmp_path / "tokens"
        tokens.write_text("".join(f"{mint_receiver(server.jwt_secret, number).token}\n" for number in range(3)))
        aim = Aim(
            port=server.port, tokens=tokens, players=3, players_per_s=50.0, heartbeat_s=5.0,
            features=swarm_cost.FEATURES, folder=tmp_path,
        )  # fmt: skip
        with running(tsung, aim, cpus=None) as generator:
            await_online(server, 3, patience_s=PATIENCE_S, check=generator.check)
