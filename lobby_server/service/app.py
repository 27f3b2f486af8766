"""The service, composed once: the server, the tests and a simulation share this wiring.

Nothing here is taken from outside by itself: time, randomness, ids, threads and the figures of the process come in by
`Runtime`, what is kept by `Store`. Who knows sockets opens a session per socket (`App.open_session`) and says when the
socket is gone (`App.end_session`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from lobby_server.core.machine.books import new_books
from lobby_server.core.machine.state import LobbyState
from lobby_server.service.accounts.commands import Accounts
from lobby_server.service.accounts.export import Exports
from lobby_server.service.accounts.forgetting import Forgetting
from lobby_server.service.accounts.hashing import HashingQueue
from lobby_server.service.accounts.letters import AccountLetters
from lobby_server.service.accounts.mailing import AccountMailing
from lobby_server.service.accounts.revocations import Revocations
from lobby_server.service.accounts.sign_ins import SignIns
from lobby_server.service.accounts.upkeep import AccountUpkeep
from lobby_server.service.administration.administration import Administration
from lobby_server.service.announcer import Announcer
from lobby_server.service.auth import Passwords, Tokens
from lobby_server.service.drain import Drain
from lobby_server.service.fanout.acks import Acks
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.limits import Limit
from lobby_server.service.lobby import Lobby
from lobby_server.service.mail.outbox import MailOutbox
from lobby_server.service.mail.ports import Mailer
from lobby_server.service.nodes import Nodes
from lobby_server.service.peers.heartbeat import Heartbeat
from lobby_server.service.peers.suspensions import Suspensions
from lobby_server.service.ports import Journal, RandomSource, SharedClock, Store, Transport
from lobby_server.service.replica import LocalLog, Replica, SharedLog
from lobby_server.service.retention import Retention
from lobby_server.service.rooms.changes import RoomChanges
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.hosting import RoomHosting
from lobby_server.service.rooms.list import ListedRooms, RoomListView
from lobby_server.service.session import Rules, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.assembly import Social
from lobby_server.service.watch.loop_lag import LoopLag
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.ops_history import OpsHistory, Reading, read_counters
from lobby_server.service.watch.security import SecurityLog
from lobby_server.service.watch.store_probe import StoreProbe
from lobby_server.service.writes.writer import StoreWriter
from lobby_server.settings import Settings

ASKED_PER_MAIL = 4
"""Mails that one client may ask for, per mail that one account may get: people share an address."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Everything that is not determined by settings and messages. A simulation hands in seeded and virtual ones."""

    clock: SharedClock
    random_source: RandomSource
    """Spreads heartbeats, and picks the events that are to be acknowledged."""
    executor: Executor
    """Hashes passwords: two threads are enough."""
    new_id: Callable[[], str]
    """Of a room or a party: new each time, and nobody can guess it."""
    new_token_id: Callable[[], str]
    new_salt: Callable[[int], bytes]
    """Of the hash of a password: so many bytes, new each time, and nobody can guess them."""
    cpu_s: Callable[[], float]
    """CPU time of this process until now."""
    resident_bytes: Callable[[], int | None]
    """Memory of this process; None: the system does not tell."""


class App:
    """One per server process. `start` it, then open sessions; `stop` it as the drain begins."""

    def __init__(
        self,
        *,
        settings: Settings,
        runtime: Runtime,
        store: Store,
        secrets: Sequence[str],
        journal: Journal | None = None,
        mailer: Mailer | None = None,
        shared_log: SharedLog | None = None,
        on_fatal: Callable[[str], None] = lambda why: None,
    ) -> None:
        """`secrets` of the tokens: the first one signs, all verify. Without a journal, writes that wait for the
        database do not outlive the process. `mailer`: None where no mail is sent. `shared_log`: what makes several
        processes one lobby. `on_fatal` is called with a sentence when this node must not go on."""
        self._runtime = runtime
        clock = self.clock = runtime.clock
        self.settings = settings
        self.store = store
        self.store_probe = StoreProbe(lambda: self.store.ping())
        self.writer = StoreWriter(store, journal=journal)
        self._new_life = runtime.new_token_id
        self.metrics = Metrics()
        self.security = SecurityLog(clock=clock, metrics=self.metrics)
        self.sessions = Sessions(limit=settings.max_connections)
        self.drain = Drain(sessions=self.sessions, clock=clock, limit_s=settings.drain_s)

        # What is true
        books = new_books(
            grace_s=settings.presence_grace_s,
            empty_room_ttl_s=settings.empty_room_ttl_s,
            # Above every revision of an earlier life, if that changed less than a thousand times per second.
            first_revision=int(clock.utc_now().timestamp() * 1000),
            party_max_members=settings.party_max_members,
            party_invite_ttl_s=settings.party_invite_ttl_s,
            party_offline_ttl_s=settings.party_offline_ttl_s,
            chat_rate_per_min=settings.chat_rate_per_min,
        )
        self.presence = books.presence
        state = LobbyState(books)
        if shared_log is None:
            local_log = LocalLog(clock)
            self.replica = Replica(state, log=local_log, clock=clock)
            local_log.follow(self.replica.apply)
        else:
            self.replica = Replica(state, log=shared_log, clock=clock)

        # Accounts and tokens
        self.tokens = Tokens(
            *secrets,
            ttl_s=settings.token_ttl_s,
            clock=clock,
            new_token_id=runtime.new_token_id,
            revoked=books.revoked,
            bans=books.user_bans,
            deleted=books.deleted,
        )
        self.revocations = Revocations(
            replica=self.replica, store=store, tokens=self.tokens, writer=self.writer, clock=clock
        )
        self.sign_ins = SignIns(
            store=store,
            tokens=self.tokens,
            replica=self.replica,
            revocations=self.revocations,
            writer=self.writer,
            clock=clock,
            new_id=runtime.new_token_id,
        )
        self.accounts = Accounts(
            store=store,
            sign_ins=self.sign_ins,
            passwords=Passwords(new_salt=runtime.new_salt),
            clock=clock,
            hashing=HashingQueue(runtime.executor, clock=clock),
        )

        def limit(name: str, per_min: float, burst: float) -> Limit:
            return Limit(
                name,
                rate_per_s=per_min / 60,
                burst=burst,
                clock=clock,
                log=shared_log,
                count_nodes=lambda: len(state.nodes),
            )

        self.auth_limit = limit("auth", settings.auth_rate_per_min, settings.auth_rate_per_min)
        """By address: calls that hash a password."""
        self.token_limit = limit("token", settings.auth_rate_per_min, settings.auth_rate_per_min)
        """By user: fresh tokens, and tokens that are signed out."""
        self.social_limit = limit("social", settings.social_rate_per_min, max(1.0, settings.social_rate_per_min / 2))
        """By user: calls that another user hears of."""
        mails_per_h = settings.mail_rate_per_hour
        asked_per_h = ASKED_PER_MAIL * mails_per_h
        self.mail_asking_limit = limit("mail-asking", asked_per_h / 60, max(1.0, asked_per_h))
        """By address: calls that send a mail."""
        letters = AccountLetters(store=store, tokens=self.tokens, clock=clock, page_url=settings.page_url)
        self.mails = MailOutbox(mailer, write=letters.write, store=store, writer=self.writer, clock=clock)

        self.forgetting = Forgetting(
            replica=self.replica, revocations=self.revocations, writer=self.writer, store=store
        )

        # Who hears of it
        self.fetch_meter = FetchMeter(clock=clock, cpu_s=runtime.cpu_s)
        listed = ListedRooms(books.rooms)
        self.room_list = RoomListView(listed, self.metrics)
        self.fanout = Fanout(
            clock=clock,
            metrics=self.metrics,
            tick_s=settings.tick_ms / 1000,
            log_bytes=settings.outbox_log_bytes,
            log_age_s=settings.outbox_log_age_s,
            base_tick_frames=settings.base_tick_frames,
            acks=Acks(clock=clock, share=settings.ack_percent / 100, random_source=runtime.random_source),
        )
        self.announcer = Announcer(
            fanout=self.fanout,
            sessions=self.sessions,
            rooms=RoomChanges(listed, self.fetch_meter),
            count_players=self.presence.__len__,
            clock=clock,
            metrics=self.metrics,
            rooms_interval_s=settings.rooms_notify_interval_ms / 1000,
            is_shared=shared_log is not None,
        )

        # Commands
        self.lobby = Lobby(replica=self.replica, sessions=self.sessions, announcer=self.announcer, clock=clock)
        self.rooms = RoomCommands(
            replica=self.replica,
            announcer=self.announcer,
            sessions=self.sessions,
            store=store,
            writer=self.writer,
            clock=clock,
            new_room_id=runtime.new_id,
        )
        self.social = Social(
            replica=self.replica,
            rooms=self.rooms,
            sessions=self.sessions,
            announcer=self.announcer,
            store=store,
            writer=self.writer,
            clock=clock,
            chat_max_characters=settings.chat_max_characters,
            new_id=runtime.new_id,
            new_key=runtime.new_token_id,
        )

        self.hosting = RoomHosting(
            replica=self.replica,
            rooms=self.rooms,
            announcer=self.announcer,
            sessions=self.sessions,
            people=self.social.people,
            writer=self.writer,
        )

        self.upkeep = AccountUpkeep(
            store=store,
            accounts=self.accounts,
            sign_ins=self.sign_ins,
            tokens=self.tokens,
            whereabouts=self.social.whereabouts,
            forgetting=self.forgetting,
            replica=self.replica,
            clock=clock,
        )
        self.exports = Exports(
            store=store,
            upkeep=self.upkeep,
            sign_ins=self.sign_ins,
            social=self.social,
            replica=self.replica,
        )
        self.mailing = AccountMailing(
            store=store,
            upkeep=self.upkeep,
            tokens=self.tokens,
            forgetting=self.forgetting,
            outbox=self.mails,
            limit=limit("mail", mails_per_h / 60, max(1.0, mails_per_h)),
            clock=clock,
            new_id=runtime.new_token_id,
        )

        self.administration = Administration(
            replica=self.replica,
            sessions=self.sessions,
            people=self.social.people,
            sign_ins=self.sign_ins,
            rooms=self.rooms,
            revocations=self.revocations,
            forgetting=self.forgetting,
            store=store,
            clock=clock,
            settings=settings,
        )

        # Other nodes
        self.nodes: Nodes | None = None
        if shared_log is not None:
            self.nodes = Nodes(
                log=shared_log,
                replica=self.replica,
                sessions=self.sessions,
                announcer=self.announcer,
                lobby=self.lobby,
                rooms=self.rooms,
                social=self.social,
                revocations=self.revocations,
                forgetting=self.forgetting,
                read=self._read_counters,
                secrets=lambda: self.tokens.marks,
                on_fatal=on_fatal,
            )
            self.drain.turn = self.nodes.turn

        # Sessions
        self.rules = Rules(
            observer=self.lobby,
            commands={**self.announcer.commands(), **self.rooms.commands(), **self.social.commands()},
            fanout=self.fanout,
            tokens=self.tokens,
            clock=clock,
            metrics=self.metrics,
            security=self.security,
            handshake_timeout_s=settings.handshake_timeout_s,
            heartbeat_timeout_s=settings.heartbeat_timeout_s,
            command_rate_per_s=settings.command_rate_per_s,
            allow_guests=settings.allow_guests,
        )
        self.heartbeat = Heartbeat(
            clock=clock, timeout_s=settings.heartbeat_timeout_s, random_source=runtime.random_source
        )
        self.suspensions = Suspensions(clock, self.sessions.timers_stood_still)

        # In the background
        self.retention = Retention(
            store=store,
            writer=self.writer,
            clock=clock,
            chat_s=settings.chat_retention_s,
            notifications_s=settings.notification_retention_s,
            token_ttl_s=settings.token_ttl_s,
            leads=lambda: self.replica.is_leader,
            forget_past_bans=self.revocations.forget_past_bans,
        )
        self.ops_history = OpsHistory(
            clock=clock,
            lag=LoopLag(clock),
            read=self._read_counters,
            others=dict if self.nodes is None else self.nodes.readings,
        )

    def _read_counters(self) -> Reading:
        return read_counters(
            metrics=self.metrics,
            sessions=self.sessions,
            fanout=self.fanout,
            presence=self.presence,
            rooms=self.rooms.book,
            cpu_s=self._runtime.cpu_s(),
            resident_bytes=self._runtime.resident_bytes(),
        )

    async def start(self) -> None:
        """Take up what an earlier life of the server kept, or what the other nodes know, and start the timers. Raises
        `StoreUnavailable`, and what `SharedLog.join` raises."""
        if self.nodes is None:
            await self._restore()
        elif not await self.nodes.join(self._restore, wait_s=self.settings.database_wait_s):
            await self.writer.join()
        for each in (self.writer, self.retention, self.mails, self.heartbeat, self.suspensions, self.ops_history):
            each.start()

    def stop(self) -> None:
        """Announce nothing and let no deadline strike any more: the sessions are about to be closed."""
        for each in (self.lobby, self.rooms.upkeep, self.ops_history, self.social.ties, self.revocations):
            each.stop()

    async def _restore(self) -> None:
        made_up = await self.writer.recover(self._new_life())
        await self.revocations.restore()
        if made_up:
            await self.forgetting.make_up()
        await self.rooms.upkeep.restore()
        await self.social.restore()
        await self.mails.restore()

    # -- sockets --------------------------------------------------------------------------------------------------

    @property
    def takes_sockets(self) -> bool:
        """Whether one more socket is welcome."""
        return not self.drain.is_begun and not self.sessions.is_full

    def open_session(
        self, transport: Transport, *, address: str = "", deflates: bool = False, waited_s: float = 0.0
    ) -> Session:
        """A socket was upgraded. `address`: of its client, for the log. `deflates`: the client takes compressed frames.
        `waited_s`: what is gone of the time for a handshake."""
        address = sys.intern(address)  # thousands may have one
        session = self.sessions.open(self.rules, transport, address=address, deflates=deflates, waited_s=waited_s)
        self.heartbeat.watch(session)
        return session

    def end_session(self, session: Session, *, abrupt: bool) -> None:
        """Its socket is gone, `abrupt` without a close frame from either side: nothing holds the session any more."""
        self.sessions.discard(session)
        self.heartbeat.unwatch(session)
        session.closed(abrupt=abrupt)
        session.let_go()
