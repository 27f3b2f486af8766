"""Load generators as processes: the swarm, and what else one would take. All play the same players.

Each is started with a file of tokens and ended with everything that it started. What it costs is that of all its
processes; what it reports of times is read when it has ended.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

import psutil

from bench.load.reports import Reported, reported_in_words, reported_of_locust, reported_of_the_swarm
from bench.processes.cpu import CpuTimes, pinned, read_cpu_of_tree
from bench.processes.lab import HOST
from bench.processes.peer import generator_command
from bench.processes.watch import resident_kib
from bench.record.vocabulary import LOCUST_RECIPE, NODE_WS, SWARM, TSUNG, WEBSOCKETS

END_TIMEOUT_S = 60.0
LAST_WORDS = 200
"""Characters of what a tool printed that go into a sentence: its last two lines at most."""
LAST_PRINTED = 20_000
"""Likewise, for the log of the run."""
LOCUST = (sys.executable, "-m", "locust", "--headless", "--only-summary", "--run-time", "3600s")
_RECIPE = Path(__file__).parent.parent / "peers" / "generators" / "locust_recipe.py"


class GeneratorFailed(RuntimeError):
    """It ended before it was told to; the text has its last words."""


@dataclass(frozen=True)
class Aim:
    """What all of them are to do."""

    port: int
    tokens: Path
    """One per line; as many players."""
    players: int
    players_per_s: float
    heartbeat_s: float
    features: tuple[str, ...]
    folder: Path
    """For their own files."""
    host: str = HOST

    @property
    def http_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.host}:{self.port}/"

    @property
    def words(self) -> Path:
        """What the tool prints."""
        return self.folder / "words"

    @property
    def results(self) -> Path:
        """A file that the swarm leaves."""
        return self.folder / "swarm.json"


@dataclass(frozen=True)
class Tool:
    name: str
    command: Callable[[Aim], list[str]]
    environment: Callable[[Aim], Mapping[str, str]] = lambda aim: {}
    reports: Callable[[Aim], Reported] | None = None
    """Its percentiles, once it has ended; None: it tells none."""


def tools() -> tuple[list[Tool], list[str]]:
    """Those that are here, and a sentence for each that is not."""
    found, missing = [Tool(SWARM, _swarm, reports=lambda aim: reported_of_the_swarm(aim.results))], []
    node = generator_command()
    if node is None:
        missing.append(f"{NODE_WS}: there is no node, or npm could not install ws")
    else:
        found.append(Tool(NODE_WS, lambda aim: [*node, *_by_hand(aim)], reports=_in_words))
    if find_spec("websockets") is None:
        missing.append(f"{WEBSOCKETS}: websockets is not installed (extra `peers`)")
    else:
        by_hand = [sys.executable, "-m", "bench.peers.generators.websockets_client"]
        found.append(Tool(WEBSOCKETS, lambda aim: [*by_hand, *_by_hand(aim)], reports=_in_words))
    found.append(Tool(LOCUST_RECIPE, _recipe, _recipe_environment, lambda aim: reported_of_locust(aim.words)))
    tsung = shutil.which("tsung")
    if tsung is None:
        missing.append(f"{TSUNG}: tsung is not installed")
    else:
        found.append(Tool(TSUNG, lambda aim: [tsung, "-f", str(_tsung_file(aim)), "-l", str(aim.folder), "start"]))
    return found, missing


class Running:
    """One that runs; of all its processes together."""

    def __init__(self, process: subprocess.Popen[bytes], words: Path) -> None:
        self.pid = process.pid
        self.was_killed = False
        """It was told to end, and did not."""
        self._process = process
        self._words = words

    def check(self) -> None:
        """Raises `GeneratorFailed` when it has ended."""
        if self._process.poll() is not None:
            raise GeneratorFailed(self.last_words())

    def last_words(self) -> str:
        """How it has ended, and what it printed last, in one line of bounded length."""
        last = end_in_words(self.printed()) or "it printed nothing"
        killed = f"it was told to end, did not within {END_TIMEOUT_S:g} s and was killed"
        return f"{killed if self.was_killed else f'it ended with {self._process.returncode}'}: {last}"

    def printed(self) -> str:
        """What it printed, of more than `LAST_PRINTED` characters the end."""
        return self._words.read_text(errors="replace").strip()[-LAST_PRINTED:]

    def cpu(self) -> CpuTimes:
        """Of all its processes until now, those that have ended among them."""
        return read_cpu_of_tree(self.pid)

    def resident_kib(self, *, peak: bool = False) -> int:
        """`peak`: the most that each process held so far, added up, an upper bound of what they held at once."""
        kib = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):  # it ended just now
                kib += resident_kib(pid, peak=peak)
        return kib

    def pids(self) -> list[int]:
        """Of all its processes now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]
        return [self.pid]


def end_in_words(printed: str) -> str:
    """The last two lines that have words or numbers, as one line; where that is too long, the last, and of that the
    beginning."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    told = [line for line in lines if any(character.isalnum() for character in line)][-2:]
    both, last = " / ".join(told), told[-1] if told else ""
    if len(both) <= LAST_WORDS:
        return both
    return last if len(last) <= LAST_WORDS else last[: LAST_WORDS - 1] + "…"


@contextlib.contextmanager
def running(tool: Tool, aim: Aim, *, cpus: tuple[int, ...] | None, prefix: Sequence[str] = ()) -> Iterator[Running]:
    """`prefix`: a command that becomes the tool, ``ip netns exec`` for instance."""
    with aim.words.open("wb") as out, pinned(cpus):
        process = subprocess.Popen(
            [*prefix, *tool.command(aim)], stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
            env={**os.environ, **tool.environment(aim)},
        )  # fmt: skip
    generator = Running(process, aim.words)
    try:
        yield generator
    finally:
        generator.was_killed = not _end(process)


def _end(process: subprocess.Popen[bytes]) -> bool:
    """With all that it started: they share its session. Returns whether it did so when it was told to."""
    if process.stdin is not None:
        process.stdin.close()
    _signal(process, signal.SIGINT)
    has_ended = process.poll() is not None
    _signal(process, signal.SIGKILL)
    process.wait()
    return has_ended


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To its whole session; returns when it has ended, or after `END_TIMEOUT_S`."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    ends_s = time.monotonic() + END_TIMEOUT_S
    while process.poll() is None and time.monotonic() < ends_s:
        time.sleep(0.05)


def _by_hand(aim: Aim) -> list[str]:
    return [aim.ws_url, str(aim.tokens), f"{aim.heartbeat_s:g}", f"{aim.players_per_s:g}", ",".join(aim.features)]


def swarm_file() -> str:
    """The swarm's locustfile."""
    spec = find_spec("loadtest.locustfile")
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _swarm(aim: Aim) -> list[str]:
    return [
        *LOCUST, "-f", swarm_file(), "--host", aim.http_url, "-u", str(aim.players), "-r", f"{aim.players_per_s:g}",
        "--mix", "browser=1", "--mode", "+".join(aim.features), "--heartbeat-interval-s", f"{aim.heartbeat_s:g}",
        "--tokens", str(aim.tokens), "--phase", "all", "--swarm-json", str(aim.results),
    ]  # fmt: skip


def _in_words(aim: Aim) -> Reported:
    return reported_in_words(aim.words)


def _recipe(aim: Aim) -> list[str]:
    return [*LOCUST, "--json", "-f", str(_RECIPE), "-u", str(aim.players), "-r", f"{aim.players_per_s:g}"]


def _recipe_environment(aim: Aim) -> Mapping[str, str]:
    return {
        "RECIPE_WS_URL": aim.ws_url, "RECIPE_TOKENS": str(aim.tokens), "RECIPE_HEARTBEAT_S": f"{aim.heartbeat_s:g}",
        "RECIPE_FEATURES": ",".join(aim.features),
    }  # fmt: skip


def _tsung_file(aim: Aim) -> Path:
    features = "".join(f'"{name}",' for name in aim.features).rstrip(",")
    data = '"version":"13020","name":"player","token":"%%_token%%"' + (f',"features":[{features}]' if features else "")
    handshake = escape('{"type":"handshake","data":{' + data + "}}")
    ping = escape('{"type":"ping","data":{}}')
    text = f"""<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd">
<tsung loglevel="warning" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="60000"/></clients>
  <servers><server host="{aim.host}" port="{aim.port}" type="tcp"/></servers>
  <load>
    <arrivalphase phase="1" duration="60" unit="minute">
      <users maxnumber="{aim.players}" arrivalrate="{aim.players_per_s:g}" unit="second"/>
    </arrivalphase>
  </load>
  <options>
    <option name="file_server" id="tokens" value="{aim.tokens}"/>
  </options>
  <sessions>
    <session name="player" probability="100" type="ts_websocket">
      <setdynvars sourcetype="file" fileid="tokens" delimiter=";" order="iter"><var name="token"/></setdynvars>
      <request><websocket type="connect" path="/" origin="http://{aim.host}"/></request>
      <request subst="true"><websocket type="message" ack="no_ack">{handshake}</websocket></request>
      <thinktime value="{aim.heartbeat_s / 2:g}" random="true"/>
      <for from="1" to="100000" var="beat">
        <request><websocket type="message" ack="no_ack">{ping}</websocket></request>
        <thinktime value="{aim.heartbeat_s:g}"/>
      </for>
    </session>
  </sessions>
</tsung>
"""
    file = aim.folder / "tsung.xml"
    file.write_text(text, encoding="utf-8")
    return file
