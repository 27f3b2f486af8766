"""The composition root: settings become a running server, and a signal its orderly end."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import secrets
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import tornado.httpserver
import tornado.netutil

from lobby_server import __version__
from lobby_server.clock import LoopClock
from lobby_server.core.parties import PartyBook
from lobby_server.core.presence import Presence
from lobby_server.core.ratelimit import KeyedLimit
from lobby_server.core.rooms import RoomBook
from lobby_server.folder_lock import FolderLock, lock_folder
from lobby_server.process_figures import resident_bytes
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import ServerDraining
from lobby_server.secret import load_or_make_secret, secret_path
from lobby_server.service.accounts import Accounts
from lobby_server.service.auth import Passwords, Tokens
from lobby_server.service.fanout.acks import Acks
from lobby_server.service.fanout.hub import Hub
from lobby_server.service.heartbeat import Heartbeat
from lobby_server.service.lobby import Lobby
from lobby_server.service.ports import Store
from lobby_server.service.retention import Retention
from lobby_server.service.rooms.announcements import RoomsAnnouncer
from lobby_server.service.rooms.commands import RoomDesk
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import RoomListView
from lobby_server.service.session import Rules, Session
from lobby_server.service.social.assembly import Social
from lobby_server.service.watch.loop_lag import LoopLag
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.ops_history import OpsHistory, read_counters
from lobby_server.service.writer import StoreWriter
from lobby_server.settings import Settings, SettingsError
from lobby_server.store import open_store
from lobby_server.web.context import WebContext
from lobby_server.web.front_door import FrontDoor
from lobby_server.web.routes import make_application
from lobby_server.web.websocket.listener import Listener

log = logging.getLogger("lobby.server")

PASSWORD_THREADS = 2
LISTEN_BACKLOG = 4096
MAX_BODY_BYTES = 1 << 20
IDLE_CONNECTION_S = 75.0
"""How long an HTTP connection may be idle, or take to say what it wants."""
BODY_TIMEOUT_S = 20.0
DRAIN_GROUP = 200
"""Sockets that are told to come back in one go of the drain."""
DRAIN_PAUSE_S = 0.02
LAST_WRITES_S = 1.0
"""What the last writes get when nothing is left of the drain."""
RECONNECT_AFTER_MS = 1000
"""The first slot of those who are told when to come back: a process starts in less."""
RECONNECTS_PER_S = 1000
"""Slots a second: well below what one process accepts."""


class LobbyServer:
    """One server process. `start` it, `drain` it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = 0
        self.context: WebContext | None = None
        self._http: tornado.httpserver.HTTPServer | None = None
        self._listener: Listener | None = None
        self._store: Store | None = None
        self._lock: FolderLock | None = None
        self.writer = StoreWriter()
        self._executor = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="passwords")

    @property
    def is_running(self) -> bool:
        """Whether it was started, and nobody has asked it to end."""
        return self.context is not None and not self.context.is_draining

    @property
    def start_line(self) -> str:
        """What is printed once the server accepts."""
        scheme = "https" if self.settings.tls_cert else "http"
        address = f"[{self.settings.address}]" if ":" in self.settings.address else self.settings.address
        data = self.settings.data_dir.resolve()
        return f"listening on {scheme}://{address}:{self.port} · data in {data} · lobby-server {__version__}"

    async def start(self) -> None:
        """Open the store, take up what an earlier life left, listen.

        Raises `SettingsError` or a `StoreError` with a sentence that says what to do.
        """
        settings = self.settings
        secret = self._secret()
        tls = self._tls()
        sockets = self._bind()
        try:
            if not settings.database_url:
                self._lock = lock_folder(settings.data_dir)
            self._store = await open_store(settings.database_url, settings.data_dir)
        except BaseException:
            for listener in sockets:
                listener.close()
            raise
        context = self.context = await self._compose(secret, self._store)
        self.writer.start()
        await context.accounts.load_revoked()
        await context.lobby.restore()
        await context.social.restore()
        Retention(
            store=self._store,
            writer=self.writer,
            clock=context.clock,
            chat_s=settings.chat_retention_s,
            notifications_s=settings.notification_retention_s,
        ).start()
        context.heartbeat.start()
        context.ops_history.start()
        self._http = tornado.httpserver.HTTPServer(
            FrontDoor(context, make_application(context)),
            ssl_options=tls,
            xheaders=settings.trust_proxy_headers,
            max_body_size=MAX_BODY_BYTES,
            idle_connection_timeout=IDLE_CONNECTION_S,
            body_timeout=BODY_TIMEOUT_S,
        )
        if tls is not None or settings.compression:
            self._http.add_sockets(sockets)
        else:
            self._listener = Listener(context, self._http, asyncio.get_running_loop())
            self._listener.start(sockets)

    async def drain(self) -> None:
        """End in an orderly way, within ``drain_s``: no newcomers, close all in paced groups, then the rest."""
        context, settings = self.context, self.settings
        if context is None or context.is_draining:
            return
        context.is_draining = True
        deadline_s = time.monotonic() + settings.drain_s
        log.info("draining: %d sockets to close within %g s", len(context.sessions), settings.drain_s)
        if self._http is not None:
            self._http.stop()
        if self._listener is not None:
            self._listener.stop()
        context.lobby.stop()
        context.ops_history.stop()
        for go_away in tuple(context.at_drain):
            go_away()
        await self._send_home(list(context.sessions))
        while (context.sessions or context.calls) and time.monotonic() < deadline_s:
            await asyncio.sleep(DRAIN_PAUSE_S)
        context.heartbeat.stop()
        if self._http is not None:
            await self._http.close_all_connections()
        lost = await self.writer.stop(patience_s=max(LAST_WRITES_S, deadline_s - time.monotonic()))
        if lost:
            log.error("%d writes were lost: the database did not take them in time", lost)
        if self._store is not None:
            await self._store.close()
        if self._lock is not None:
            self._lock.release()
        self._executor.shutdown(wait=False, cancel_futures=True)
        log.info("drained: %d sockets had to be cut", len(context.sessions))

    # -- private --------------------------------------------------------------------------------------------------

    async def _send_home(self, sessions: list[Session]) -> None:
        """Close all in paced groups; those who asked for it hear first when to come back, each in a slot of its own.

        Clients without features, and those not accepted yet, get 1001: Godot 3.2.3 takes 1012 for a protocol error,
        tells the game nothing and stays "connected" for ever.
        """
        for start in range(0, len(sessions), DRAIN_GROUP):
            for number, session in enumerate(sessions[start : start + DRAIN_GROUP], start):
                if Feature.DRAIN in session.features:
                    after_ms = RECONNECT_AFTER_MS + round(number * 1000 / RECONNECTS_PER_S)
                    session.reply(ServerDraining(reconnect_after_ms=after_ms))
                code = CloseCode.SERVICE_RESTART if session.features else CloseCode.GOING_AWAY
                session.close(code, "the server restarts; come back in a moment")
            await asyncio.sleep(DRAIN_PAUSE_S)

    def _secret(self) -> str:
        if self.settings.jwt_secret:
            self._check_data_dir()
            return self.settings.jwt_secret
        secret, is_new = load_or_make_secret(self.settings.data_dir)
        if is_new:
            log.warning(
                "LOBBY_JWT_SECRET is not set: a secret was made and is kept in %s",
                secret_path(self.settings.data_dir),
            )
        return secret

    def _check_data_dir(self) -> None:
        try:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise SettingsError(
                f"The data folder {self.settings.data_dir} cannot be used ({fault.strerror}): "
                "give --data-dir a folder that can be read and written."
            ) from None

    def _tls(self) -> ssl.SSLContext | None:
        if not self.settings.tls_cert:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.settings.tls_cert, self.settings.tls_key)
        except (OSError, ssl.SSLError) as fault:
            raise SettingsError(
                f"The certificate or its key cannot be read ({fault.strerror}): check --tls-cert and --tls-key."
            ) from None
        return context

    def _bind(self) -> Sequence[socket.socket]:
        settings = self.settings
        try:
            sockets = tornado.netutil.bind_sockets(settings.port, settings.address, backlog=LISTEN_BACKLOG)
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                what = f"Port {settings.port} on {settings.address} is taken: stop what runs there, or give --port"
                raise SettingsError(f"{what} another one (0 takes a free one).") from None
            raise SettingsError(
                f"The server cannot listen on {settings.address} port {settings.port} ({fault.strerror}): "
                "give --address and --port ones of this machine."
            ) from None
        self.port = sockets[0].getsockname()[1]
        return sockets

    async def _compose(self, secret: str, store: Store) -> WebContext:
        settings, loop = self.settings, asyncio.get_running_loop()
        clock = LoopClock(loop)
        metrics = Metrics()
        sessions: set[Session] = set()
        tokens = Tokens(secret, ttl_s=settings.token_ttl_s, clock=clock)
        # Above every revision of an earlier life, as long as that changed less than a thousand times a second.
        rooms = RoomBook(empty_ttl_s=settings.empty_room_ttl_s, first_revision=int(clock.utc_now().timestamp() * 1000))
        presence = Presence(grace_s=settings.presence_grace_s)
        fetch_meter = FetchMeter(clock=clock, cpu_s=time.process_time)
        hub = Hub(
            clock=clock,
            metrics=metrics,
            rooms=RoomsAnnouncer(rooms, fetch_meter),
            count_players=presence.__len__,
            tick_s=settings.tick_ms / 1000,
            rooms_interval_s=settings.rooms_notify_interval_ms / 1000,
            log_bytes=settings.outbox_log_bytes,
            log_age_s=settings.outbox_log_age_s,
            acks=Acks(clock=clock, share=settings.ack_percent / 100, random_source=random.Random()),
        )
        desk = RoomDesk(
            rooms=rooms,
            hub=hub,
            store=store,
            writer=self.writer,
            clock=clock,
            new_room_id=lambda: secrets.token_hex(6),
            is_online=presence.is_online,
        )
        lobby = Lobby(presence=presence, desk=desk, hub=hub, clock=clock)
        social = Social(
            lobby=lobby,
            store=store,
            writer=self.writer,
            clock=clock,
            party_book=PartyBook(
                max_members=settings.party_max_members,
                invite_ttl_s=settings.party_invite_ttl_s,
                offline_ttl_s=settings.party_offline_ttl_s,
            ),
            chat_rate_per_min=settings.chat_rate_per_min,
            chat_max_characters=settings.chat_max_characters,
            new_id=lambda: secrets.token_hex(6),
        )
        return WebContext(
            settings=settings,
            accounts=Accounts(
                store=store,
                tokens=tokens,
                passwords=await loop.run_in_executor(self._executor, Passwords),
                clock=clock,
                executor=self._executor,
            ),
            tokens=tokens,
            lobby=lobby,
            social=social,
            rules=Rules(
                desk=lobby,
                hub=hub,
                tokens=tokens,
                clock=clock,
                metrics=metrics,
                handshake_timeout_s=settings.handshake_timeout_s,
                heartbeat_timeout_s=settings.heartbeat_timeout_s,
                command_rate_per_s=settings.command_rate_per_s,
                allow_guests=settings.allow_guests,
            ),
            heartbeat=Heartbeat(
                clock=clock,
                timeout_s=settings.heartbeat_timeout_s,
                random_source=random.Random(),
            ),
            fetch_meter=fetch_meter,
            room_list=RoomListView(rooms, metrics),
            auth_limit=KeyedLimit(rate_per_s=settings.auth_rate_per_min / 60, burst=settings.auth_rate_per_min),
            social_limit=KeyedLimit(
                rate_per_s=settings.social_rate_per_min / 60, burst=max(1.0, settings.social_rate_per_min / 2)
            ),
            metrics=metrics,
            ops_history=OpsHistory(
                clock=clock,
                lag=LoopLag(clock),
                read=lambda: read_counters(
                    metrics=metrics,
                    lobby=lobby,
                    sockets=len(sessions),
                    cpu_s=time.process_time(),
                    resident_bytes=resident_bytes(),
                ),
            ),
            store=store,
            clock=clock,
            sessions=sessions,
        )
