"""The composition root: settings become a running server, and a signal its orderly end."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import tornado.httpserver

from lobby_server import __version__
from lobby_server.backplane.opening import open_log
from lobby_server.clock import LoopClock
from lobby_server.logs import name_node
from lobby_server.process import listening
from lobby_server.process.checking import check_backplane_url, check_settings, mailer_of
from lobby_server.process.credentials import Credentials
from lobby_server.process.figures import resident_bytes
from lobby_server.process.priority import stand_back
from lobby_server.secret import new_token_id
from lobby_server.service.app import App, Runtime
from lobby_server.service.ports import Store
from lobby_server.service.replica import SharedLog
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.writer import MAX_NAMED, Left
from lobby_server.settings import Settings
from lobby_server.store import (
    FileJournal,
    LobbyLock,
    PostgresDatabase,
    database_identity,
    lock_lobby,
    open_store,
    read_database_url,
    when_ready,
)
from lobby_server.web.api.contract import SOCKET_PATHS
from lobby_server.web.context import WebContext
from lobby_server.web.front_door import FrontDoor
from lobby_server.web.lean.callers import Callers
from lobby_server.web.lean.room_list import RoomListAnswers
from lobby_server.web.metrics import make_registry
from lobby_server.web.metrics_of_all import dump
from lobby_server.web.routes import OPS_SOCKET_PATH, make_application, socket_rule
from lobby_server.web.sockets.lobby import LobbyEndpoint
from lobby_server.web.sockets.ops import OpsEndpoint
from lobby_server.web.websocket.connection import Connections, Endpoint
from lobby_server.web.websocket.gate import Gate
from lobby_server.web.websocket.handover import HttpConnections
from lobby_server.web.websocket.head import MAX_READ_BYTES
from lobby_server.web.websocket.listener import Listener
from lobby_server.web.websocket.newcomer import Newcomers
from lobby_server.web.websocket.places import places_for
from lobby_server.workers.board import Board, Seat
from lobby_server.workers.hand_over import HandOver
from lobby_server.workers.siblings import Siblings

log = logging.getLogger("lobby.server")

PASSWORD_THREADS = 2
IDLE_CONNECTION_S = 75.0
"""How long an HTTP connection may be idle, or take to say what it wants."""
BODY_TIMEOUT_S = 20.0
LAST_MAILS_S = 2.0
"""How long an end waits for mails that are on their way to the mail server; the others wait for the next start."""


class LobbyServer:
    """One server process. `start` it, `drain` it."""

    def __init__(
        self, settings: Settings, *, worker: HandOver | None = None, on_end: Callable[[], None] = lambda: None
    ) -> None:
        """`worker`: the place that a supervisor has given to this process. `on_end` is called when the server cannot
        go on, and is to be drained."""
        self.settings = settings
        self._worker = worker
        self._backplane_url = (worker.backplane_url if worker is not None else "") or settings.backplane_url
        self.port = 0
        self._urls = ""
        self._credentials = Credentials(settings)
        self.app: App | None = None
        self._app_starting: App | None = None
        self._context: WebContext | None = None
        self._http: tornado.httpserver.HTTPServer | None = None
        self._listener: Listener | None = None
        self._connections: Connections | None = None
        self._callers: Callers | None = None
        self._store: Store | None = None
        self._lock: LobbyLock | None = None
        self._siblings: Siblings | None = None
        self._journal_path: Path | None = None
        self._data = ""
        self.ends_because = ""
        """Why the server cannot go on, in one sentence; empty: it can."""
        self._on_end: Callable[[], None] = on_end
        self._executor = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="passwords", initializer=stand_back)

    @property
    def is_running(self) -> bool:
        """Whether it was started, and nobody has asked it to end."""
        return self.app is not None and not self.app.drain.is_announced

    @property
    def start_line(self) -> str:
        """What is printed once the server accepts."""
        return f"listening on {self._urls} · data in {self._data} · lobby-server {__version__}"

    async def start(self) -> None:
        """Check every setting, open the store, take up what an earlier life left, listen.

        Raises `SettingsError` or a `StoreError` with a sentence that says what to do.
        """
        settings = self.settings
        check_settings(settings)
        self._credentials.read_certificate()
        mailer = mailer_of(settings)
        sockets = listening.bind(settings) if self._worker is None else self._worker.sockets()
        self.port, self._urls = sockets[0].getsockname()[1], listening.url_of(settings, sockets)
        try:
            shared_log = self._shared_log()
            await self._open()
            assert self._store is not None
            app = App(
                settings=settings,
                runtime=self._runtime(),
                store=self._store,
                secrets=self._credentials.read_secrets(),
                journal=self._journal(),
                mailer=mailer,
                shared_log=shared_log,
                on_fatal=self._cannot_go_on,
            )
            self._app_starting = app
            await app.start()
        except BaseException:
            for listener in sockets:
                listener.close()
            if self._app_starting is not None and self._app_starting.nodes is not None:
                await self._app_starting.nodes.close()
            if self._store is not None:
                await self._store.close()
            if self._lock is not None:
                await self._lock.release()
            raise
        self.app = app
        if self._lock is not None:
            self._lock.keep(self._cannot_go_on)
        context = self._context = WebContext(app)
        await self._meet_siblings(context)
        self._listen(context, sockets)

    async def _meet_siblings(self, context: WebContext) -> None:
        worker = self._worker
        if worker is not None:
            siblings = self._siblings = Siblings(
                Path(worker.folder), number=worker.number, count=worker.count, name_of=self._name_of
            )
            registry = make_registry(context)
            await siblings.start(lambda: dump(registry))
            context.others = siblings

    def _name_of(self, worker: int) -> str:
        """What the node of a worker is called; 0: of a process that is none."""
        name = f"{socket.gethostname()}:{self.port}"
        return f"{name}/{worker}" if worker else name

    def _listen(self, context: WebContext, sockets: Sequence[socket.socket]) -> None:
        settings, loop = self.settings, asyncio.get_running_loop()
        places = places_for(settings.max_connections)
        context.app.sessions.limit = places.limit
        door = FrontDoor(context)
        self._http = tornado.httpserver.HTTPServer(
            door,
            max_body_size=MAX_READ_BYTES,
            idle_connection_timeout=IDLE_CONNECTION_S,
            body_timeout=BODY_TIMEOUT_S,
        )
        callers = self._callers = Callers(
            RoomListAnswers(context),
            context.app.clock,
            idle_s=IDLE_CONNECTION_S,
            loop=loop,
            catch_up=None if context.app.nodes is None else context.app.replica.caught_up,
        )
        http = HttpConnections(self._http, loop, callers)
        http.busy = context.streams_in_use
        shared = self._connections = Connections(
            loop=loop, clock=context.app.clock, max_message_bytes=settings.max_message_bytes
        )
        lobby = LobbyEndpoint(context.app)
        endpoints: dict[str, Endpoint] = dict.fromkeys(SOCKET_PATHS, lobby)
        endpoints[OPS_SOCKET_PATH] = OpsEndpoint(context.app)
        gate = Gate(context, endpoints=endpoints, shared=shared, http=http, places=places)
        http.on_refusal = gate.head_refused
        door.application = make_application(context, socket_rule(context, gate, http))
        newcomers = Newcomers(
            gate, context.app.clock, callers=callers, timeout_s=settings.handshake_timeout_s, loop=loop
        )
        seat = None if self._worker is None else Seat(Board(self._worker.board), self._worker.number)
        self._listener = Listener(
            newcomers=newcomers, http=http, places=places, tls=self._credentials.tls, loop=loop, seat=seat
        )
        self._listener.start(sockets)

    async def drain(self) -> None:
        """End in an orderly way, within ``drain_s``: no newcomers, close all in paced groups, then the rest."""
        app, context = self.app, self._context
        if app is None or context is None or app.drain.is_announced:
            return
        app.drain.announce()
        if self.settings.shutdown_delay_s and not self.ends_because:
            log.info(
                "not ready any more; draining begins in %g s",
                self.settings.shutdown_delay_s,
                extra={"event": LogEvent.UNREADY.value},
            )
            await asyncio.sleep(self.settings.shutdown_delay_s)
        app.drain.begin()
        cut_before = self._connections.cut if self._connections is not None else 0
        if self._listener is not None:
            self._listener.stop()
        app.stop()
        if app.nodes is not None:
            await app.nodes.leave(drain_s=self.settings.drain_s)
        await app.drain.run(is_idle=lambda: not context.calls)
        app.heartbeat.stop()
        if self._callers is not None:
            self._callers.end_all()
        if self._http is not None:
            await self._http.close_all_connections()
        await app.mails.stop(patience_s=LAST_MAILS_S)
        self._say_left(await app.writer.stop(patience_s=app.drain.last_writes_s))
        if app.nodes is not None:
            await app.nodes.close()
        await app.store.close()
        if self._lock is not None:
            await self._lock.release()
        if self._siblings is not None:
            self._siblings.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        cut = len(app.sessions) + (self._connections.cut - cut_before if self._connections is not None else 0)
        log.info("drained: %d sockets had to be cut", cut, extra={"event": LogEvent.DRAINED.value})

    def reload(self) -> None:
        """Read the secrets and the certificate again. What cannot be used is told and left as it was."""
        if self.app is not None:
            self._credentials.reload(self.app.tokens)

    def tell_figures(self) -> None:
        """One line with the figures of the moment into the log."""
        if self.app is None:
            return
        figures = {
            "sockets": len(self.app.sessions),
            "sessions": len(self.app.fanout),
            "users": len(self.app.presence),
            "rooms": len(self.app.rooms.book),
            "behind": self.app.fanout.behind,
            "resident_bytes": resident_bytes(),
            "loop_lag_s": round(self.app.ops_history.worst_lag_s, 4),
        }
        log.info("figures", extra={"event": LogEvent.FIGURES.value, **figures})

    # -- private --------------------------------------------------------------------------------------------------

    def _runtime(self) -> Runtime:
        return Runtime(
            clock=LoopClock(asyncio.get_running_loop()),
            random_source=random.Random(),
            executor=self._executor,
            new_id=lambda: secrets.token_hex(6),
            new_token_id=new_token_id,
            new_salt=secrets.token_bytes,
            cpu_s=time.process_time,
            resident_bytes=resident_bytes,
        )

    async def _open(self) -> None:
        settings = self.settings
        location = read_database_url(settings.database_url, settings.data_dir)
        if isinstance(location, PostgresDatabase):
            self._data = f"database {location.name} of PostgreSQL at {location.place}"
            for caution in location.cautions:
                log.warning("%s", caution, extra={"event": LogEvent.CAUTION.value})
        else:
            self._data = str(settings.data_dir.resolve())
        if self._worker is None or not self._worker.backplane_url:  # else the supervisor has it for all of them
            self._lock = await when_ready(
                lambda: lock_lobby(
                    settings.database_url,
                    settings.data_dir,
                    wait_s=settings.takeover_wait_s,
                    is_shared=bool(settings.backplane_url),
                ),
                wait_s=settings.database_wait_s,
            )
        self._store = await when_ready(
            lambda: open_store(settings.database_url, settings.data_dir), wait_s=settings.database_wait_s
        )

    def _shared_log(self) -> SharedLog | None:
        """What makes this process one node of several. Raises `SettingsError`."""
        settings = self.settings
        if not self._backplane_url:
            return None
        name = self._name_of(0 if self._worker is None else self._worker.number)
        name_node(name)
        check_backplane_url(self._backplane_url)  # a supervisor has given it, perhaps
        return open_log(
            self._backplane_url,
            cluster=settings.cluster,
            name=name,
            clock=LoopClock(asyncio.get_running_loop()),
            new_incarnation=lambda: secrets.token_hex(4),
            node_timeout_s=settings.node_timeout_s,
            is_first=self._worker is not None and bool(self._worker.backplane_url) and self._worker.is_new,
            address=self._urls,
            version=__version__,
            database=partial(database_identity, settings.database_url, settings.data_dir)
            if settings.backplane_url
            else None,
        )

    def _journal(self) -> FileJournal | None:
        """None where the data folder cannot be written: with PostgreSQL and a secret of one's own none is needed."""
        folder = self.settings.data_dir
        try:
            journal = FileJournal(folder, writer=0 if self._worker is None else self._worker.number)
            self._journal_path = journal.path
        except OSError as fault:
            log.warning(
                "writes that wait while the database is away are kept in memory only, the data folder %s cannot be "
                "written (%s)", folder, fault.strerror, extra={"event": LogEvent.JOURNAL_FAILED.value},
            )  # fmt: skip
            return None
        mode = folder.stat().st_mode & 0o777
        if mode & 0o077:
            log.warning(
                "other users can look into the data folder %s (mode %o): chmod 700 it",
                folder,
                mode,
                extra={"event": LogEvent.CAUTION.value},
            )
        return journal

    def _say_left(self, left: Left) -> None:
        if left.journalled:
            log.warning(
                "%d writes wait in %s: the database did not take them in time, the next start makes them",
                left.journalled, self._journal_path, extra={"event": LogEvent.WRITES_KEPT.value},
            )  # fmt: skip
        if left.lost:
            log.error(
                "%d writes were lost, the database did not take them in time:", len(left.lost),
                extra={"event": LogEvent.WRITES_LOST.value},
            )  # fmt: skip
            for what in left.lost[:MAX_NAMED]:
                log.error("lost: %s", what, extra={"event": LogEvent.WRITE_LOST.value})
            if len(left.lost) > MAX_NAMED:
                log.error("lost: and %d more", len(left.lost) - MAX_NAMED, extra={"event": LogEvent.WRITE_LOST.value})

    def _cannot_go_on(self, why: str) -> None:
        log.error("%s", why, extra={"event": LogEvent.CANNOT_GO_ON.value})
        self.ends_because = why
        self._on_end()
