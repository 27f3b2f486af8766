"""tsung, a load generator in Erlang: its upgrade, its masked frames, and its close, as Debian packs it."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from tests.installed import program
from tests.patience import PATIENCE_S
from tests.process.clients import token_of, wait_until

pytestmark = pytest.mark.system

USERS = 5
"""Of a hundred that the two seconds would bring: arrivals are random."""
RUN_TIMEOUT_S = 240
"""It takes seconds of CPU to start."""
DTD = "/usr/share/tsung/tsung-1.0.dtd"

SCENARIO = """<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "{dtd}" []>
<tsung loglevel="notice">
  <clients><client host="localhost" use_controller_vm="true" maxusers="100"/></clients>
  <servers><server host="127.0.0.1" port="{port}" type="tcp"/></servers>
  <load><arrivalphase phase="1" duration="2" unit="second">
    <users maxnumber="{users}" arrivalrate="50" unit="second"/>
  </arrivalphase></load>
  <sessions><session name="lobby" probability="100" type="ts_websocket">
    <request><websocket type="connect" path="/ws" origin="http://127.0.0.1"/></request>
    <request><websocket type="message" ack="parse" frame="text">{handshake}</websocket></request>
    <request><websocket type="message" ack="parse" frame="text">{ping}</websocket></request>
    <request><websocket type="close"/></request>
  </session></sessions>
</tsung>
"""


def in_xml(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")


def run_tsung(folder: Path, scenario: str) -> str:
    """What it counted. Its port mapper is one of its own, and ended with it."""
    path, epmd = program("tsung", package="tsung"), program("epmd", package="erlang-base")
    (folder / "scenario.xml").write_text(scenario)
    environment = {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    command = [path, "-f", str(folder / "scenario.xml"), "-l", str(folder / "log"), "-n", "start"]
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=RUN_TIMEOUT_S
        )
    finally:
        subprocess.run([epmd, "-kill"], env=environment, capture_output=True, timeout=PATIENCE_S)
    found = list((folder / "log").glob("*/tsung.log"))
    assert found, done.stdout + done.stderr
    return found[0].read_text()


def figures(target: Target) -> str:
    with urllib.request.urlopen(f"{target.http_url}/metrics", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def total(log: str, name: str) -> int:
    """The last total of a counter; 0: it never counted."""
    found = re.findall(rf"^stats: {name} [0-9]+ ([0-9]+)$", log, re.MULTILINE)
    return int(found[-1]) if found else 0


def test_tsung_is_upgraded_accepted_and_closed(tmp_path: Path) -> None:
    with Target(data_dir=tmp_path / "data", flags=["--handshake-timeout-s", "240"]) as target:
        token = token_of(target, 77, "player")
        handshake = f'{{"type":"handshake","data":{{"version":"1","name":"P","token":"{token}"}}}}'
        scenario = SCENARIO.format(
            dtd=DTD,
            port=target.port,
            users=USERS,
            handshake=in_xml(handshake),
            ping=in_xml('{"type":"ping","data":{}}'),
        )
        log = run_tsung(tmp_path, scenario)
        wait_until(lambda: "lobby_sockets 0.0" in figures(target))
        metrics = figures(target)
        assert f"lobby_handshakes_accepted_total {USERS}.0" in metrics
        assert f"lobby_messages_in_total {2 * USERS}.0" in metrics
    assert total(log, "websocket_succ") == USERS
    assert total(log, "websocket_fail") == 0
    assert re.search(r"^stats: error_", log, re.MULTILINE) is None, log
