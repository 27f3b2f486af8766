"""One server process: the real fan-out, announcer and room list, on a core that their work is charged to.

What runs is `Fanout`, `Announcer`, `RoomChanges` and `RoomBook` of the server. Around them stand the calls that reach a
process, each with its cost: a heartbeat, a session that comes, an entry of the log. The list over HTTP is at the
`desk`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from random import Random
from typing import cast

from bench.prediction.model import Model
from bench.prediction.virtual.commits import Commits
from bench.prediction.virtual.core import Process
from bench.prediction.virtual.crowd import Crowd, dealt
from bench.prediction.virtual.desk import CountingMeter, ListDesk, Told
from bench.prediction.virtual.door import Door
from bench.prediction.virtual.log import Batch, Command, Engine, Kind, Writer, commands_in
from bench.prediction.virtual.measures import Traffic
from bench.prediction.virtual.rooms import FOREVER_S, Rooms
from bench.prediction.virtual.setup import Setup, chill, seconds
from bench.record.wire import PING_MESSAGE, PONG_BYTES, server_frame_bytes
from lobby_server.core.presence import User
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.framing.frames import client_frame_bytes
from lobby_server.protocol.messages import UserOnline, encode_frame
from lobby_server.protocol.resources import OnlineUser
from lobby_server.service.announcer import Announcer
from lobby_server.service.fanout.fanout import SLICE_WRITES, TURN_BYTES, Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE, PresenceMode, RoomsMode
from lobby_server.service.rooms.changes import RoomChanges
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import ListedRooms, RoomListView
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.metrics import Metrics
from lobby_server.settings import Settings

CROWDS = 64
"""Of a process, about."""
MOST_IN_A_CROWD = 256
"""Half of what the fan-out writes to in one turn of the loop."""
MOST_AT_ONCE = 250
"""Users who come or go in one call: more would not fit a message of 32 KiB."""
TURN_S = 0.02
"""How long entries are applied before the loop has its turn (`lobby_server.backplane.log`)."""
NAME = "player10000"
"""As long as the lab's names are."""
_NEWS = re.compile(rb'"rooms_changed"|"rooms_delta"|"rooms_snapshot"')
_REVISION = re.compile(rb'"rev":(\d+)')
_WINDOW = re.compile(rb'"fetch_within_ms":(\d+)')
_FRAME_BYTES = len(encode_frame(UserOnline(user_id=100_000, username=NAME)))
_ROW_BYTES = len(encode_json(OnlineUser(100_000, NAME))) + 1
_HEARTBEAT_UP, _HEARTBEAT_DOWN = client_frame_bytes(len(PING_MESSAGE)), server_frame_bytes(PONG_BYTES)


class _PaidChanges(RoomChanges):
    """The room list as it is told, and the work of that: for deltas it is compared room by room."""

    def __init__(self, rooms: ListedRooms, meter: FetchMeter, node: Node) -> None:
        super().__init__(rooms, meter)
        self._node = node

    def frames(self, mode: RoomsMode, clients: int) -> list[bytes]:
        self._node.announces(compares=mode is RoomsMode.DELTA)
        return super().frames(mode, clients)


class Node:
    """One of them. `bench.prediction.virtual.crowd.Hearing` and `bench.prediction.virtual.log.Reader`."""

    def __init__(
        self, setup: Setup, model: Model, process: Process, *, number: int, told: Told, engine: Engine | None,
        ears: Process | None = None,
    ) -> None:  # fmt: skip
        """`ears`: the core of all clients, where they share one."""
        self.process = process
        self.cursor = 0
        self.changes = 0
        """Calls that changed the list here."""
        self.traffic = Traffic()
        self.crowds: list[Crowd] = []
        self.told = told
        self._setup = setup
        settings = Settings()
        self._engine = engine
        self._writer = Writer(engine) if engine is not None else None
        self._users = itertools.count(1_000_000)
        self._applied: list[Batch] = []
        self._seen = 0
        costs = model.costs
        self._profile = setup.profile if setup.has_sockets else BASE_PROFILE
        self._send_s = seconds(costs.send_base if self._profile == BASE_PROFILE else costs.send_features)
        self._byte_s = seconds(costs.sent_byte)
        self._change_s = seconds(costs.change if engine is None else costs.shared_change)
        self._commit_s = Commits(model, is_shared=engine is not None).median_s
        self._announcement_s, self._told_room_s = seconds(costs.announcement), seconds(costs.told_room)
        self._event_s = seconds(costs.event)
        self._come_s = seconds(costs.upgrade), seconds(costs.handshake)
        self._go_s = seconds(costs.departure)
        self._heartbeat_s = seconds(costs.heartbeat)
        self._entry_s, self._command_s = seconds(costs.entry), seconds(costs.command)
        self._turn, self._cold_send, self._cold_entry = (chill(model, name) for name in ("turn", "send", "entry"))
        self.door = Door(process, self._turn)
        self._cold_change = chill(model, "change" if engine is None else "shared_change")
        self._changed_s = self._read_s = -FOREVER_S
        self._ears = ears
        self._hear_s = self._ask_s = asked_byte_s = 0.0
        if ears is not None and model.clients is not None and setup.clients is not None:
            self._hear_s = seconds(getattr(model.clients, setup.clients))
            self._ask_s = seconds(model.clients.ask)
            asked_byte_s = seconds(model.clients.asked_byte) if model.clients.asked_byte is not None else 0.0
        self._idle_s = seconds(costs.idle) + (seconds(costs.log_idle) if engine is not None else 0.0)
        # The server's own
        metrics = Metrics()
        self._rooms = Rooms(setup, process)
        self.book = self._rooms.book
        listed = ListedRooms(self.book)
        crowds = dealt(setup.sessions_of(number), crowds=CROWDS, most=MOST_IN_A_CROWD) or [1]
        meter = CountingMeter(process, sessions_per_crowd=sum(crowds) / len(crowds))
        self.desk = ListDesk(
            setup,
            model,
            process,
            book=self.book,
            view=RoomListView(listed, metrics),
            meter=meter,
            told=told,
            traffic=self.traffic,
            chance=Random(f"{setup.seed}/{number}"),
            turn=self._turn,
            ears=ears,
            read_s=(self._ask_s / 2, asked_byte_s),
        )
        self._last_data: bytes | memoryview | None = None
        self._last_news: tuple[int | None, float] | None = None
        self.fanout = Fanout(
            clock=process,
            metrics=metrics,
            tick_s=settings.tick_ms / 1000,
            log_bytes=settings.outbox_log_bytes,
            log_age_s=settings.outbox_log_age_s,
            base_tick_frames=settings.base_tick_frames,
            slice_writes=max(1, SLICE_WRITES // max(crowds)),
            turn_bytes=max(1, TURN_BYTES // max(crowds)),
        )
        interval_s = setup.rooms_interval_s
        self.announcer = Announcer(
            fanout=self.fanout,
            sessions=Sessions(limit=0),
            rooms=_PaidChanges(listed, meter, self),
            count_players=lambda: setup.sessions,
            clock=process,
            metrics=metrics,
            rooms_interval_s=settings.rooms_notify_interval_ms / 1000 if interval_s is None else interval_s,
            is_shared=engine is not None,
        )

    # -- at the beginning -----------------------------------------------------------------------------------------

    def fill(self, rooms: int) -> None:
        """Rooms that have been there for long."""
        for _ in range(rooms):
            self._rooms.make()

    def prepare(self, sessions: int) -> list[Crowd]:
        """Sessions that will be here, dealt out among crowds; `join` lets a crowd hear."""
        return [Crowd(self, self._profile, size) for size in dealt(sessions, crowds=CROWDS, most=MOST_IN_A_CROWD)]

    def join(self, crowd: Crowd) -> None:
        """In the process's own time: accepted sessions hear from now on."""
        self.crowds.append(crowd)
        crowd.written_s = self.process.monotonic_s()
        crowd.has = self.book.revision  # what they get to begin with tells of no change
        self.announcer.welcome(cast(Session, crowd))

    def prepare_pollers(self, sessions: int) -> list[Crowd]:
        """Clients that poll, in groups that ask together: small enough that a list is as old as if each asked alone."""
        most = max(self.desk.pieces(sessions), default=1)
        return [Crowd(self, BASE_PROFILE, size) for size in dealt(sessions, crowds=CROWDS, most=most)]

    def start(self) -> None:
        """Whatever this process does by itself."""
        if self._engine is not None:
            self._ask()
        self._idle()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits to be told or applied here."""
        if self._engine is not None and self._writer is not None:
            return self.fanout.is_idle and self._writer.is_idle and self._seen == self._engine.entries
        return self.fanout.is_idle

    # -- `Hearing` ------------------------------------------------------------------------------------------------

    def written(self, crowd: Crowd, data: bytes | memoryview) -> None:
        began_s = self.process.monotonic_s()
        size = len(data)
        cold_s = self._cold_send.more_s(began_s - crowd.written_s)
        self.process.spend(crowd.sessions * (self._send_s + cold_s + self._byte_s * size))
        self.traffic.write(size, crowd.sessions)
        crowd.written_s, ended_s = began_s, self.process.monotonic_s()
        if data is not self._last_data:
            self._last_data, self._last_news = data, self._news_in(data)
        if self._last_news is None:
            if self._ears is not None:
                self._ears.call_at(began_s, self._ears.spend, crowd.sessions * self._hear_s)
            return
        revision, window_s = self._last_news
        if self._setup.way == "delta":
            if revision is not None and revision > crowd.has:
                has, crowd.has = crowd.has, revision
                if self._ears is None:
                    self.told.holds(has, revision, crowd.sessions, began_s, ended_s)
                else:
                    self._ears.call_at(began_s, self._hear, self._ears, crowd, has, revision, ended_s)
        elif revision is None or revision > crowd.has:
            if self._ears is None:
                self.desk.fetch(crowd, ended_s + self._setup.network_s, window_s)
            else:
                self._ears.call_at(began_s, self._hear_of, self._ears, crowd, ended_s, window_s)

    def _hear(self, ears: Process, crowd: Crowd, has: int, revision: int, written_s: float) -> None:
        """In the clients' time: one after the other, and none before it was written to."""
        began_s = ears.monotonic_s()
        ears.spend(crowd.sessions * self._hear_s)
        self.told.holds(has, revision, crowd.sessions, began_s, max(written_s, ears.monotonic_s()))

    def _hear_of(self, ears: Process, crowd: Crowd, written_s: float, window_s: float) -> None:
        """The same of an announcement. None asks before all have heard to whom it has come by then: an event loop reads
        what there is to read, and then sees to those who wait for it."""
        ears.spend(crowd.sessions * self._hear_s)
        ears.call_later(0.0, self._ask_each, ears, crowd, written_s, window_s)

    def _ask_each(self, ears: Process, crowd: Crowd, written_s: float, window_s: float) -> None:
        began_s = ears.monotonic_s()
        ears.spend(crowd.sessions * self._ask_s / 2)
        self.desk.fetch(crowd, max(written_s, ears.monotonic_s()), window_s, first_s=began_s)

    def _news_in(self, data: bytes | memoryview) -> tuple[int | None, float] | None:
        """The revision that it brings, if it says one, and the time over which to fetch; None: nothing of the list."""
        if _NEWS.search(data) is None:
            return None
        revisions, windows = _REVISION.findall(data), _WINDOW.findall(data)
        return (int(revisions[-1]) if revisions else None), (int(windows[-1]) / 1000 if windows else 0.0)

    def announces(self, *, compares: bool) -> None:
        self.process.spend(self._announcement_s + (self._told_room_s * len(self.book) if compares else 0.0))

    # -- sessions -------------------------------------------------------------------------------------------------

    def heartbeats(self, number: int) -> None:
        self.process.spend_turns(self._turn, number)
        self.process.spend(self._heartbeat_s * number)
        self.traffic.exchange(_HEARTBEAT_UP, _HEARTBEAT_DOWN, number)

    def upgrade(self, number: int) -> None:
        self.process.spend(self._come_s[0] * number)

    def accept(self, number: int, kind: Kind = Kind.ONLINE) -> None:
        """Handshakes, and the commands that come of them. Those of one call came together."""
        self.process.spend_turns(self._turn, 1)
        self._accept(number, kind)

    def _accept(self, number: int, kind: Kind) -> None:
        self.process.spend(self._come_s[1] * number)
        self.append(Command(kind, number))

    def visit(self, number: int) -> None:
        """Players who come in the stead of others that go, one by one: with the list, as their way gets it. The first
        step of each finds the core idle if anything does; the others follow it soon."""
        self.process.spend_turns(self._turn, number)
        if not self._setup.has_sockets:
            self.desk.serve(number, connects=True)
            return
        self.upgrade(number)
        if self._setup.way == "delta":
            crowd = Crowd(self, self._profile, number)
            crowd.has, crowd.written_s = self.book.revision, self.process.monotonic_s()
            self.announcer.snapshot(cast(Session, crowd))
        else:
            self.desk.serve(number, connects=True)
        self._accept(number, Kind.ONLINE)

    def leave(self, number: int) -> None:
        if self._setup.has_sockets:
            self.process.spend(self._go_s * number)
            self.append(Command(Kind.OFFLINE, number))

    def say(self, number: int) -> None:
        """Commands of another kind, which a few hear."""
        self.process.spend(number * (self._heartbeat_s + self._command_s))
        self.append(Command(Kind.OTHER, number))

    # -- commands -------------------------------------------------------------------------------------------------

    def change(self, due_s: float | None, commit_s: float | None = None) -> None:
        """A call that makes or deletes a room; committed before it is told, after `commit_s` or as long as most take.
        `due_s`: if its time to fresh counts."""
        self.changes += 1
        began_s = self.process.monotonic_s()
        half_s = (self._change_s + self._cold_change.more_s(began_s - self._changed_s)) / 2
        self._changed_s = began_s
        self.process.spend(half_s)
        self.process.call_later(self._commit_s if commit_s is None else commit_s, self._committed, due_s, half_s)

    def _committed(self, due_s: float | None, half_s: float) -> None:
        self.process.spend(half_s)
        self.append(Command(Kind.CHANGE, 1, due_s))

    def append(self, command: Command) -> None:
        if self._writer is not None:
            self._writer.append(command, self.process.monotonic_s())
        else:
            self.apply(command)

    def apply(self, command: Command) -> None:
        """What a command changes, here."""
        if command.kind is Kind.CHANGE:
            self._rooms.change()
            if command.due_s is not None:
                self.told.due_s.setdefault(self.book.revision, command.due_s)
            self.announcer.rooms_changed()
        elif command.kind is not Kind.OTHER and self._setup.has_sockets:
            for count in dealt(command.number, crowds=1, most=MOST_AT_ONCE):
                self._presence(count, is_online=command.kind is Kind.ONLINE)

    def _presence(self, count: int, *, is_online: bool) -> None:
        """`count` users who come or go: one whose event is as long as that of all."""
        self.process.spend(self._event_s * count)
        is_row = self._profile.presence is PresenceMode.BATCH
        more = (count - 1) * (_ROW_BYTES if is_row else _FRAME_BYTES)
        user = User(next(self._users), NAME + "x" * more)
        if is_online:
            self.announcer.user_online(user)
        else:
            self.announcer.user_offline(user)
        if self._profile.presence is PresenceMode.FRIENDS:
            here = count * self._setup.friends_online / self._setup.processes
            self.process.spend(here * (self._send_s + self._byte_s * _FRAME_BYTES))
            self.traffic.exchange(0, _FRAME_BYTES, here)

    # -- the log --------------------------------------------------------------------------------------------------

    def read(self, batches: Sequence[Batch]) -> None:
        self._applied.extend(batches)
        self._go_on_applying()

    def _go_on_applying(self) -> None:
        began_s = self.process.monotonic_s()
        for place, batch in enumerate(self._applied):
            if self.process.monotonic_s() - began_s > TURN_S:
                del self._applied[:place]
                self.process.call_later(0.0, self._go_on_applying)
                return
            read_s = self.process.monotonic_s()
            cold_s = self._cold_entry.more_s(read_s - self._read_s)
            self._read_s = read_s
            self.process.spend(self._entry_s + cold_s + self._command_s * commands_in(batch))
            for command in batch:
                self.apply(command)
            self._seen += 1
        self._applied.clear()
        self._ask()

    def _ask(self) -> None:
        assert self._engine is not None
        self._engine.process.call_at(self.process.monotonic_s() + self._engine.hop_s, self._engine.ask, self)

    # -- by itself ------------------------------------------------------------------------------------------------

    def _idle(self) -> None:
        every_s = 0.25
        self.process.spend(self._idle_s * every_s)
        self.process.call_later(every_s, self._idle)
