"""Measures what real players cost this process: connecting, idle, and under events.

CPU is that of this process with all threads that it has had. Memory is the growth of what it holds for itself, resident
or swapped out, with what is free given back before both looks; without the kernel's socket buffers. Players share a few
users; otherwise each login would be announced to all others and connecting would be O(n²).
"""

from __future__ import annotations

import contextlib
import gc
import math
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import gevent
import locust
import psutil
from locust import argument_parser
from locust.env import Environment

from loadtest.calibration.processes import Feed
from loadtest.client import socket_url
from loadtest.measure.processes.memory import Trimmer
from loadtest.measure.reach import SETTLE_S
from loadtest.players import Player
from loadtest.players.swarm import Swarm, swarm_of
from loadtest.run.hooks import install
from lobby_server.protocol import messages

USERS = 50
"""Shared by the players."""
FEED_USERS = 100
"""They log in and out, which is announced."""
PATIENCE_S = 60.0
_STATUS = Path("/proc/self/status")
"""proc_pid_status(5)."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    players: int
    connects_per_s: float
    idle_s: float
    events_s: float
    singles_per_s: float
    """Announcements; each goes to every player."""
    burst: int
    bursts_per_s: float


FULL = Sizes(
    players=10_000, connects_per_s=1000, idle_s=30, events_s=15, singles_per_s=4, burst=100, bursts_per_s=0.5
)  # fmt: skip
QUICK = Sizes(players=1000, connects_per_s=1000, idle_s=5, events_s=4, singles_per_s=16, burst=50, bursts_per_s=2)


@dataclass(frozen=True, kw_only=True)
class Window:
    """What happened between two readings."""

    wall_s: float
    cpu_s: float
    events: int
    reads: int

    @property
    def core_share(self) -> float:
        return self.cpu_s / self.wall_s

    @property
    def events_per_s(self) -> float:
        return self.events / self.wall_s

    @property
    def events_per_core_s(self) -> float:
        """Each second of CPU takes in so many; everything that the process did meanwhile is in that second. NaN where
        nothing came or no CPU was seen: then it was not measured."""
        return self.events / self.cpu_s if self.events and self.cpu_s > 0 else math.nan

    @property
    def events_per_read(self) -> float:
        return self.events / self.reads if self.reads else math.nan


@dataclass(frozen=True, kw_only=True)
class Calibration:
    players: int
    kib_per_player: float
    connecting: Window
    idle: Window
    singles: Window
    bursts: Window
    duration_s: float

    @property
    def is_whole(self) -> bool:
        """Whether every part was measured."""
        figures = self.idle_players_per_core, self.singles.events_per_core_s, self.bursts.events_per_core_s
        return self.kib_per_player > 0 and not any(map(math.isnan, figures))

    @property
    def connects_per_s(self) -> float:
        return self.players / self.connecting.wall_s

    @property
    def connect_cpu_us(self) -> float:
        return self.connecting.cpu_s / self.players * 1e6

    @property
    def idle_players_per_core(self) -> float:
        """NaN where no CPU was seen: then it was not measured."""
        return self.players / self.idle.core_share if self.idle.cpu_s > 0 else math.nan


class Meter:
    """Looks at this process and at what its players received."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._wall_s, self._cpu_s, self._events, self._reads = self._look()

    def window(self) -> Window:
        """Since the last one."""
        wall_s, cpu_s, events, reads = self._wall_s, self._cpu_s, self._events, self._reads
        self._wall_s, self._cpu_s, self._events, self._reads = self._look()
        return Window(
            wall_s=self._wall_s - wall_s,
            cpu_s=self._cpu_s - cpu_s,
            events=self._events - events,
            reads=self._reads - reads,
        )

    def _look(self) -> tuple[float, float, int, int]:
        received = self._swarm.recorder.connections.messages_in
        events = received[messages.UserOnline.TYPE] + received[messages.UserOffline.TYPE]
        return time.perf_counter(), time.process_time(), events, self._swarm.wire.reader.reads


def calibrate(
    sizes: Sizes, *, host: str, mint: Callable[[int], str], other_cores: Collection[int], say: Callable[[str], object]
) -> Calibration:
    """`mint` makes a token of the user with that number, another one at each call: each player has its own, as in every
    run, and players of one user are told apart by it. Raises `TimeoutError` where the server or this machine does not
    keep up at all, `NoServer` when the feed breaks down."""
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lobby-calibrate-") as folder:
        players_file, feed_file = Path(folder, "players"), Path(folder, "feed")
        players_file.write_text("".join(f"{mint(number % USERS)}\n" for number in range(sizes.players)))
        feed_file.write_text("".join(f"{mint(USERS + number)}\n" for number in range(FEED_USERS)))
        environment = _environment(host, players_file, sizes.players)
        runner = environment.runner
        assert runner is not None
        runner.start(1, spawn_rate=1)  # everything is loaded and warm when memory is looked at
        _await(lambda: _established(environment) == 1, "the first player")
        swarm = swarm_of(environment)
        assert swarm is not None
        before_bytes = own_bytes()
        say(f"connecting {sizes.players:,} players")
        meter = Meter(swarm)
        runner.start(sizes.players, spawn_rate=sizes.connects_per_s)
        _await(lambda: _established(environment) == sizes.players, f"{sizes.players:,} players")
        connecting = meter.window()
        gevent.sleep(2.0)  # the lists that they fetch at first
        grown_bytes = own_bytes() - before_bytes
        say(f"idle for {sizes.idle_s:g} s")
        meter.window()
        gevent.sleep(sizes.idle_s)
        idle = meter.window()
        feed = Feed(socket_url(host), feed_file, other_cores)
        try:
            say(f"events one by one for {sizes.events_s:g} s")
            singles = _under(meter, feed, "single", sizes.singles_per_s, sizes.events_s)
            say(f"events in bursts of {sizes.burst} for {sizes.events_s:g} s")
            bursts = _under(meter, feed, "burst", sizes.bursts_per_s, sizes.events_s, sizes.burst)
        finally:
            feed.close()
            say("saying goodbye")
            runner.stop()
    return Calibration(
        players=sizes.players,
        kib_per_player=grown_bytes / 1024 / (sizes.players - 1),
        connecting=connecting,
        idle=idle,
        singles=singles,
        bursts=bursts,
        duration_s=time.perf_counter() - began_s,
    )


def _under(meter: Meter, feed: Feed, *errand: object) -> Window:
    meter.window()
    feed.begin(*errand)
    feed.wait()
    gevent.sleep(SETTLE_S + 1.5)  # what is still in the buffers, and the ledger's judgement, which comes later
    return meter.window()


def _environment(host: str, tokens: Path, players: int) -> Environment:
    """As Locust's own command line makes it."""
    events = locust.events
    install(events)
    arguments = ["--headless", "--host", host, "--tokens", str(tokens), "--mix", "browser=1", "-u", str(players)]
    parsed = argument_parser.get_parser(default_config_files=[]).parse_args(arguments)
    environment = Environment(user_classes=[Player], events=events, host=host, parsed_options=parsed)
    environment.create_local_runner()
    events.init.fire(environment=environment, runner=environment.runner, web_ui=None)  # type: ignore[no-untyped-call]
    return environment


def _established(environment: Environment) -> int:
    swarm = swarm_of(environment)
    return swarm.recorder.connections.established if swarm is not None else 0


def _await(holds: Callable[[], bool], what: str) -> None:
    with gevent.Timeout(PATIENCE_S, TimeoutError(f"{what} did not get in within {PATIENCE_S:g} s")):
        while not holds():
            gevent.sleep(0.05)


def own_bytes() -> int:
    """Of this process alone. The resident set has files in it, whose pages go when another process needs memory, and
    what malloc holds free, which goes at any time: by that, players have cost less than nothing."""
    gc.collect()
    Trimmer().give_back()
    with contextlib.suppress(OSError):
        rows = (line.split() for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines())
        kib = {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}
        if "RssAnon:" in kib:
            return (kib["RssAnon:"] + kib.get("VmSwap:", 0)) * 1024
    return int(psutil.Process().memory_info().rss)
