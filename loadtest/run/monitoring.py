"""What is sampled during a run: the health of each process, the server's CPU, the rates for the charts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from time import perf_counter

import gevent
import psutil
from locust.runners import MasterRunner, WorkerRunner

from loadtest.client.sockets.transport import address_of
from loadtest.measure.history import History, Windows
from loadtest.measure.judging.entries import PER_READ
from loadtest.measure.metrics import RETRANSMITTED, SEGMENTS, TCP_ROUND_TRIP
from loadtest.measure.processes.health import HealthMonitor
from loadtest.measure.processes.memory import Trimmer
from loadtest.measure.processes.server_watch import ServerWatch, find_server
from loadtest.measure.recorder import LOOP_LAG
from loadtest.players.swarm import Swarm, log
from loadtest.run.steady_state import SteadyState
from loadtest.wire.network import NetworkSample

LOCAL_HISTORY_S = 1.0
JUDGE_EVERY_S = 2.0
MANY_ENTRIES = 4_000
"""Of the ledger: where so many came, it is judged sooner, in slices that delay no player."""
JUDGE_FOR_S = 0.2
"""Of what is due at once; the rest with the next slice."""
BETWEEN_S = 0.001
BEFORE_THE_WHEEL_S = 20e-6
"""The tick of the health comes first, so that it does not tell the heartbeats of the same wake as lag."""
NOW_AND_THEN_S = 5.0
"""Memory that was needed for a moment is given back, and durations that wait are put to their places: each time is a
millisecond, however little there is to do."""
MANY_POINTS = 50_000
"""Durations that wait: so many are put to their places sooner, which takes 3 ms. A million at once, from five busy
seconds, took 138 ms: a standstill of the process that measures."""
MASTER_HISTORY_S = 3.0
"""Workers report that often."""
TRAVELS_S = 6.0
"""What a worker hears of others, and what it reports then, each every 3 s."""
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXIES = frozenset(
    {"apache2", "caddy", "docker-proxy", "envoy", "haproxy", "httpd"}
    | {"nginx", "stunnel", "stunnel4", "traefik", "varnishd"}
)
"""Names of processes that listen for a server and are none: what they use and whether they run tells nothing of it."""


class RunMonitor:
    """Of one run in one process, from `start` to `stop`. It also has the ledger judged, where there are players.

    Every process samples its own health. The process that leads the run (a master, or the only one) samples the server
    and the rates, too.
    """

    def __init__(
        self,
        swarm: Swarm,
        *,
        duration_s: Callable[[], float],
        server_pid: int | None,
        steady_state: SteadyState,
        in_place_of: Callable[[int], int | None] = lambda pid: None,
        on_second: Callable[[], object] = lambda: None,
    ) -> None:
        """`duration_s`: how long the run has lasted. `server_pid`: by default the process that listens on the port of
        the host, where that is this machine and the process no proxy. `in_place_of`: what the run has itself started
        in place of a process."""
        runner = swarm.environment.runner
        self._swarm = swarm
        self._duration_s = duration_s
        self._server_pid = server_pid
        self._in_place_of = in_place_of
        self._has_players = not isinstance(runner, MasterRunner)
        self._leads = not isinstance(runner, WorkerRunner)
        every_s = LOCAL_HISTORY_S if self._has_players else MASTER_HISTORY_S
        self._history = History(swarm.facts.history, every_s=every_s)
        judged_after_s = 2 * swarm.recorder.reach.settle_s + JUDGE_EVERY_S / 2
        self._windows = Windows(
            swarm.facts.windows, judged_after_s=judged_after_s + (0.0 if self._has_players else TRAVELS_S)
        )
        self._on_each_second = on_second
        self._steady_state = steady_state
        self._server: ServerWatch | None = None
        self._follows = False
        """It listens on the port of the host, so that the next one there is the server; not so behind a proxy."""
        self._trimmer = Trimmer()
        self._tidied_s = self._judged_s = 0.0
        self._left_over = 0
        """Entries of the ledger that were too young when it was judged last."""
        self._network = NetworkSample(swarm.wire.reader)
        self._health = HealthMonitor(
            swarm.recorder,
            on_lag=self._on_lag,
            on_settle=self._on_settle,
            on_second=self._on_second,
            on_stall=lambda from_s, until_s: self._swarm.recorder.reach.stood_still(from_s, until_s),
        )

    def start(self) -> None:
        if self._has_players:
            self._swarm.recorder.count_attendance = self._swarm.pauses.count
        self._health.start(self._swarm.wire.wheel.next_tick_s(perf_counter()) - BEFORE_THE_WHEEL_S)
        if self._leads:
            gevent.spawn(self._watch_server)

    def stop(self) -> None:
        """What is not judged yet is judged now, and is in the windows; a worker judges later, once it has heard of all
        that the others did (`loadtest.run.distributed`)."""
        self._health.stop()  # first: the last judging is no standstill of the players
        if self._leads:
            self._swarm.recorder.reach.settle(perf_counter(), is_final=True)
            self._windows.look(self._swarm.recorder, t_s=self._duration_s(), is_last=True)

    def _on_lag(self, lag_s: float) -> None:
        if self._has_players:
            self._swarm.recorder.record(LOOP_LAG, lag_s)

    def _on_settle(self) -> None:
        now_s = perf_counter()
        if self._server is not None and not self._server.is_gone:
            self._server.glance(now_s)
        if self._has_players:
            self._steady_state.look(now_s)
            self._judge(now_s)
            self._place_points()
        if self._leads:
            facts = self._swarm.facts
            self._history.look(
                self._swarm.recorder, t_s=self._duration_s(), faults=facts.faults, server_cpu=facts.server_cpu_shares
            )
            self._windows.look(self._swarm.recorder, t_s=self._duration_s())

    def _judge(self, now_s: float) -> None:
        """Where much is due it goes on for a while, and players come first in between."""
        reach = self._swarm.recorder.reach
        is_due = now_s - self._judged_s >= JUDGE_EVERY_S or self._entries >= self._left_over + MANY_ENTRIES
        if not (is_due or reach.is_behind):
            return
        reach.settle(now_s)
        while reach.is_behind and perf_counter() < now_s + JUDGE_FOR_S:
            self._place_points()
            gevent.sleep(BETWEEN_S)
            reach.settle(now_s)
        self._judged_s, self._left_over = now_s, self._entries

    @property
    def _entries(self) -> int:
        """Of the ledger, that are not judged yet."""
        ledger = self._swarm.ledger
        return ledger.pending.entries + PER_READ * len(ledger.taped)

    def _place_points(self) -> None:
        if self._swarm.recorder.points.waiting > MANY_POINTS:
            self._swarm.recorder.points.settle()

    def _on_second(self, now_s: float) -> None:
        if now_s - self._tidied_s > NOW_AND_THEN_S:
            self._tidied_s = now_s
            self._trimmer.give_back()
            self._swarm.recorder.points.settle()
        if self._has_players:
            self._swarm.requests.flush()
            recorder, sample = self._swarm.recorder, self._network.take()
            for round_trip_s in sample.round_trips_s:
                recorder.record(TCP_ROUND_TRIP, round_trip_s)
            recorder.count(SEGMENTS, sample.segments)
            recorder.count(RETRANSMITTED, sample.retransmitted)
        if self._leads:
            self._on_each_second()
        server = self._server
        if server is None:
            return
        if server.is_gone:
            server.glance(now_s)
            gevent.spawn(self._look_for_the_next, server)
        else:
            server.look(now_s)

    def _find(self) -> int | None:
        """In a thread, so that players do not wait for it."""
        host, port = address_of(self._swarm.places.hosts[0])
        if host not in _LOCAL_HOSTS:
            return None
        found: int | None = gevent.get_hub().threadpool.apply(find_server, (port,))
        return found

    def _look_for_the_next(self, gone: ServerWatch) -> None:
        """The server's process has ended; another may have taken its place."""
        named = self._server_pid
        pid = self._find() if self._follows or named is None else self._in_place_of(named)
        if pid is None or pid == gone.pid or self._server is not gone:
            return
        with contextlib.suppress(psutil.Error):
            self._server = ServerWatch(pid, state=gone.state, cpu_shares=gone.cpu_shares)
            gone.state.restarts += 1
            gone.state.is_away = False
            self._swarm.facts.server_pid = pid

    def _watch_server(self) -> None:
        facts = self._swarm.facts
        try:
            listening = self._find()
            if listening is not None and self._server_pid is None:
                name = psutil.Process(listening).name()
                if name in _PROXIES:
                    facts.proxy = name
                    return
            pid = self._server_pid if self._server_pid is not None else listening
            self._follows = pid == listening
            if pid is not None:
                self._server = ServerWatch(pid, state=facts.server_state)
                facts.server_pid, facts.server_cpu_shares = pid, self._server.cpu_shares
        except psutil.Error as error:
            log.warning("The server's CPU is not known: %s", error)
