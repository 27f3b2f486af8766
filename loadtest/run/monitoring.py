"""What is sampled during a run: the health of each process, the server's CPU, the rates for the charts."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import gevent
import psutil
from locust.runners import MasterRunner, WorkerRunner

from loadtest.client.sockets.transport import address_of
from loadtest.measure.health import HealthMonitor, ServerWatch, find_server
from loadtest.measure.history import History
from loadtest.measure.metrics import LOOP_LAG
from loadtest.players.swarm import Swarm, log

LOCAL_HISTORY_S = 1.0
MASTER_HISTORY_S = 3.0
"""Workers report that often."""
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class RunMonitor:
    """Of one run in one process, from `start` to `stop`. It also has the ledger judged, where there are players.

    Every process samples its own health. The process that leads the run (a master, or the only one) samples the server
    and the rates, too.
    """

    def __init__(self, swarm: Swarm, *, duration_s: Callable[[], float], server_pid: int | None) -> None:
        """`duration_s`: how long the run has lasted. `server_pid`: by default the process that listens on the port of
        the host, where that is this machine."""
        runner = swarm.environment.runner
        self._swarm = swarm
        self._duration_s = duration_s
        self._server_pid = server_pid
        self._has_players = not isinstance(runner, MasterRunner)
        self._leads = not isinstance(runner, WorkerRunner)
        every_s = LOCAL_HISTORY_S if self._has_players else MASTER_HISTORY_S
        self._history = History(swarm.facts.history, every_s=every_s)
        self._health = HealthMonitor(swarm.recorder, on_lag=self._on_lag, on_settle=self._on_settle)

    def start(self) -> None:
        self._health.start()
        if self._leads:
            gevent.spawn(self._watch_server)

    def stop(self) -> None:
        self._health.stop()

    def _on_lag(self, lag_s: float) -> None:
        if self._has_players:
            self._swarm.recorder.record(LOOP_LAG, lag_s)

    def _on_settle(self) -> None:
        if self._has_players:
            self._swarm.recorder.reach.settle(perf_counter())
        if self._leads:
            self._history.look(self._swarm.recorder, t_s=self._duration_s())

    def _watch_server(self) -> None:
        """The server is looked for in a thread, so that players do not wait for it."""
        facts, pid = self._swarm.facts, self._server_pid
        host, port = address_of(self._swarm.environment.host or "")
        try:
            if pid is None and host in _LOCAL_HOSTS:
                pid = gevent.get_hub().threadpool.apply(find_server, (port,))
            if pid is not None:
                self._health.server = ServerWatch(pid)
                facts.server_pid, facts.server_cpu_shares = pid, self._health.server.cpu_shares
        except psutil.Error as error:
            log.warning("The server's CPU is not known: %s", error)
