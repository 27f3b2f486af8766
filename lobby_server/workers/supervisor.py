"""The supervisor of ``--workers N``: one port, one lock of the data, N server processes which are nodes of one lobby.

    supervisor ── listens, accepts nothing ── the lock of the data ── a private Valkey, unless the settings name one
        ├── worker 1 ─┐
        ├── worker 2 ─┼─ accept from the one queue; a node each
        └── worker N ─┘

It serves no client itself. Signals and the service manager deal with it alone, and it passes on what concerns workers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lobby_server.clock import LoopClock
from lobby_server.logs import LogFile
from lobby_server.process import listening, signals
from lobby_server.process.service_manager import MANAGER_VARIABLES, ServiceManager
from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import Settings
from lobby_server.store import LobbyLock, lock_lobby, when_ready
from lobby_server.workers.board import Board, make_board
from lobby_server.workers.crew import Crew
from lobby_server.workers.engine import Engine, find_engine
from lobby_server.workers.hand_over import HandOver

log = logging.getLogger("lobby.workers")

STOP_MARGIN_S = 10.0
"""What workers get to end beyond the delay and the deadline of the drain."""
BEATS_PER_WATCHDOG = 4


class Supervisor:
    """`run` it, once."""

    def __init__(
        self,
        settings: Settings,
        log_file: LogFile | None,
        *,
        environment: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is given the start line once every worker takes clients, for the log, too."""
        self._settings = settings
        self._log_file = log_file
        self._environment = {name: text for name, text in environment.items() if name not in MANAGER_VARIABLES}
        self._tell = tell
        self._manager = ServiceManager(environment)
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: Sequence[socket.socket] = ()
        self._crew: Crew | None = None
        self._engine: Engine | None = None
        self._lock: LobbyLock | None = None
        self._is_reloading = False
        self.ends_because = ""
        """Why the server cannot go on, in one sentence; empty: it can."""

    async def run(self) -> bool:
        """Serve until a signal comes, or until it cannot go on. Whether all ended in an orderly way.

        Raises `SettingsError`, a `StoreError`, and `WorkerFailed` when nothing could be started.
        """
        loop = asyncio.get_running_loop()
        signals.handle(
            loop,
            stop=self._stopping.set,
            reload=self._reload,
            reopen_log=self._reopen_log,
            tell_figures=lambda: self._pass_on("SIGUSR2"),
        )
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        folder = Path(tempfile.mkdtemp(prefix="lobby-server-"))
        try:
            starting = loop.create_task(self._start(folder))
            stopping = loop.create_task(self._stopping.wait())
            self._tasks = [starting]
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await stopping
            return await self._end()
        finally:
            await self._clean_up(folder)

    # -- private: its life ----------------------------------------------------------------------------------------

    async def _start(self, folder: Path) -> None:
        settings = self._settings
        self._sockets = listening.bind(settings)
        if not settings.backplane_url:
            await self._start_engine(folder)
        make_board(folder / "board", count=settings.workers)
        self._crew = Crew(
            self._hand_overs(folder),
            command=[sys.executable, *sys.orig_argv[1:]],
            board=Board(folder / "board"),
            environment=self._environment,
            hangs_after_s=self._manager.watchdog_s,
            on_change=self._changed,
            on_fatal=self._cannot_go_on,
        )
        await self._crew.start()
        self._tell(self._start_line)
        self._manager.ready(self._start_line)
        self._manager.start_watchdog(LoopClock(asyncio.get_running_loop()))

    async def _start_engine(self, folder: Path) -> None:
        """Workers with a private Valkey are one server to everybody else: they have the data for themselves."""
        settings = self._settings
        program = find_engine()
        self._lock = await when_ready(
            lambda: lock_lobby(settings.database_url, settings.data_dir, wait_s=settings.takeover_wait_s),
            wait_s=settings.database_wait_s,
        )
        self._lock.keep(self._cannot_go_on)
        self._engine = Engine(program, folder, environment=self._environment)
        await self._engine.start()
        self._tasks.append(asyncio.get_running_loop().create_task(self._engine.keep(self._cannot_go_on)))

    def _hand_overs(self, folder: Path) -> list[HandOver]:
        return [
            HandOver(
                number=number,
                count=self._settings.workers,
                supervisor=os.getpid(),
                listeners=[listener.fileno() for listener in self._sockets],
                line=-1,
                folder=str(folder),
                backplane_url="" if self._engine is None else self._engine.url,
                is_new=False,
                beat_s=self._manager.watchdog_s / BEATS_PER_WATCHDOG,
            )
            for number in range(1, self._settings.workers + 1)
        ]

    async def _end(self) -> bool:
        settings = self._settings
        self._manager.stopping("draining")
        for listener in self._sockets:  # the workers have theirs, and close them when they drain
            listener.close()
        if self._crew is None:
            return True
        delay_s = 0.0 if self.ends_because else settings.shutdown_delay_s
        is_orderly = await self._crew.stop(patience_s=delay_s + settings.drain_s + STOP_MARGIN_S)
        log.info("all workers have ended", extra={"event": LogEvent.DRAINED.value})
        return is_orderly

    async def _clean_up(self, folder: Path) -> None:
        """However it came about: nothing is left running, and nothing in the temporary folder."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._sockets:
            listener.close()
        if self._crew is not None:
            await self._crew.stop(patience_s=STOP_MARGIN_S)
        if self._engine is not None:
            self._engine.stop()
        if self._lock is not None:
            await self._lock.release()
        self._manager.close()
        shutil.rmtree(folder, ignore_errors=True)

    def _cannot_go_on(self, why: str) -> None:
        log.error("%s", why, extra={"event": LogEvent.CANNOT_GO_ON.value})
        self.ends_because = self.ends_because or why
        self._stopping.set()

    # -- private: signals -----------------------------------------------------------------------------------------

    @property
    def _start_line(self) -> str:
        assert self._crew is not None
        return f"{self._crew.workers[0].status} · {self._settings.workers} workers"

    def _reap(self) -> None:
        if self._crew is not None:
            self._crew.reap()
        if self._engine is not None:
            self._engine.reap()

    def _reload(self) -> None:
        self._reopen_own_log()
        if self._crew is None or not self._crew.are_ready or self._stopping.is_set():
            return
        self._is_reloading = True
        self._manager.reloading()
        self._crew.reload()

    def _changed(self) -> None:
        if self._is_reloading and self._crew is not None and not self._crew.are_reloading:
            self._is_reloading = False
            self._manager.ready(self._start_line)

    def _reopen_log(self) -> None:
        self._reopen_own_log()
        self._pass_on("SIGUSR1")

    def _reopen_own_log(self) -> None:
        if self._log_file is not None:
            try:
                self._log_file.reopen()
            except OSError as fault:  # it goes on in the old one
                log.error("%s", fault, extra={"event": LogEvent.RELOAD_FAILED.value})

    def _pass_on(self, name: str) -> None:
        if self._crew is not None:
            self._crew.signal(getattr(signal, name))
