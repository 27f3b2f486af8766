"""The fan-out under everything that sockets do, in virtual time: a ledger for every session.

Simulated sockets take any number of bytes at a time, stall, and die, while users come and go and rooms change. Whatever
the interleaving: each stream is a sequence of whole frames; nobody gets an event twice or out of order, and who keeps
reading gets every one; in the end everybody who still listens knows the truth; the log keeps to its bound.

``LOBBY_TEST_SEEDS`` says how many seeds are run, 100 by default; the slow suite runs thousands.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timezone
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.core.rooms import Room, RoomBook
from lobby_server.protocol.framing.frames import OP_PING, server_frame
from lobby_server.protocol.messages import Chat, Pong, RoomsChangedRev, encode_frame
from lobby_server.service.announcer import Announcer
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.profile import PresenceMode, Profile, RoomsMode
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.rooms.changes import RoomChanges
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import ListedRooms, room_resource
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.metrics import Metrics
from tests.fakes.clock import VirtualClock
from tests.fakes.outlet import FakeOutlet

SEEDS = int(os.environ.get("LOBBY_TEST_SEEDS", "100"))
SEEDS_AT_A_TIME = 50
LOG_BYTES, LOG_AGE_S = 3000, 5.0
PROFILES = [
    Profile(),
    Profile(),
    Profile(RoomsMode.REV, PresenceMode.SINGLE),
    Profile(RoomsMode.DELTA, PresenceMode.BATCH),
    Profile(RoomsMode.NOTIFY, PresenceMode.BATCH),
    Profile(RoomsMode.DELTA, PresenceMode.SINGLE),
    Profile(RoomsMode.NOTIFY, PresenceMode.FRIENDS),
]


class TellingChanges(RoomChanges):
    """Base announcements carry the revision here, so that a test can see which one a client has."""

    def frames(self, mode: RoomsMode, clients: int) -> list[bytes]:
        if mode is RoomsMode.NOTIFY:
            return [encode_frame(RoomsChangedRev(rev=self._rooms.revision, fetch_within_ms=0))]
        return super().frames(mode, clients)


class Session(Subscriber):
    """A session of the simulation and its client, who believes what it is told."""

    __slots__ = (
        "believes_online",
        "is_over",
        "outlet_",
        "pongs",
        "replied_at",
        "revision",
        "rooms",
        "serials",
        "user",
        "waits_for_snapshot",
        "was_slow",
        "world",
    )  # fmt: skip

    def __init__(self, world: World, user: User, profile: Profile, window: int | None) -> None:
        self.outlet_ = FakeOutlet(window)
        super().__init__(self.outlet_, profile)
        self.world = world
        self.user = user
        self.outlet_.on_message = self.hear
        self.believes_online = {user.id for user in world.online.values()}  # as fetched over HTTP at acceptance
        self.serials: list[int] = []
        self.pongs: list[int] = []
        self.replied_at = 0
        self.revision = -1
        self.rooms: dict[str, Any] = {}
        self.waits_for_snapshot = True
        self.is_over = False
        self.was_slow = False

    def hear(self, message: Any) -> None:
        type_, data = message["type"], message["data"]
        if type_ in ("user_online", "user_offline"):
            serial = int(data["username"].split("-")[1])
            assert self.world.is_paced or serial > self.replied_at, "an event came after a reply to something later"
            self.serials.append(serial)
            (self.believes_online.add if type_ == "user_online" else self.believes_online.discard)(data["user_id"])
        elif type_ == "presence_changed":
            for user in data["online"]:
                self.believes_online.add(user["user_id"])
            for user in data["offline"]:
                self.believes_online.discard(user["user_id"])
        elif type_ == "rooms_changed":
            assert data["rev"] > self.revision, "an announcement came twice or out of order"
            self.revision = data["rev"]
        elif type_ == "rooms_snapshot":
            self.revision, self.waits_for_snapshot = data["rev"], False
            self.rooms = {room["id"]: room for room in data["rooms"]}
        elif type_ == "rooms_delta":
            assert not self.waits_for_snapshot, "a delta came before the snapshot that it builds on"
            assert data["base"] == self.revision, "a delta does not build on what the client holds"
            self.rooms.update({room["id"]: room for room in data["set"]})
            for room_id in data["gone"]:
                del self.rooms[room_id]
            self.revision = data["rev"]
        elif type_ == "chat":
            self.replied_at = data["from"]
            assert max(self.serials, default=0) <= self.replied_at, "a reply came after an event that it precedes"
        elif type_ == "pong":
            self.pongs.append(data["ts"])
        else:
            assert type_ == "player_count"

    def is_slow(self) -> None:
        self.was_slow = True
        self.world.end(self)


class World:
    """The truth, and a fan-out that tells of it."""

    def __init__(self, seed: int, *, pace: int | None = None) -> None:
        """`pace`: of sessions without features, frames per tick. Replies may go ahead of what waits for later ticks."""
        self.random = random.Random(seed)
        self.is_paced = pace is not None
        self.clock = VirtualClock()
        self.book = RoomBook(empty_ttl_s=1e9)
        self.metrics = Metrics()
        meter = FetchMeter(clock=self.clock, cpu_s=lambda: 0.0)
        self.fanout = Fanout(
            clock=self.clock,
            metrics=self.metrics,
            tick_s=0.02,
            log_bytes=LOG_BYTES,
            log_age_s=LOG_AGE_S,
            base_tick_frames=pace,
        )
        self.announcer = Announcer(
            fanout=self.fanout,
            sessions=Sessions(limit=0),  # nothing is told by user here
            rooms=TellingChanges(ListedRooms(self.book), meter),
            count_players=lambda: len(self.online),
            clock=self.clock,
            metrics=self.metrics,
            rooms_interval_s=self.random.choice([0.0, 0.05, 0.25]),
        )
        self.sessions: list[Session] = []
        self.online: dict[int, User] = {}
        self.serial = 0
        self.pings = 0
        self.next_user = 0
        self.next_room = 0

    # -- what happens ---------------------------------------------------------------------------------------------

    def login(self) -> None:
        self.next_user += 1
        user = User(self.next_user, f"u{self.next_user}-{self.next_serial()}")
        window = self.random.choice([None, None, None, 0, 10, 200])
        session = Session(self, user, self.random.choice(PROFILES), window)
        self.sessions.append(session)
        self.fanout.tell(session, encode_frame(Pong(ts=0)))
        self.announcer.welcome(session)
        self.online[user.id] = user
        self.announcer.user_online(user)

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def logout(self) -> None:
        if self.sessions:
            self.end(self.random.choice(self.sessions))

    def end(self, session: Session) -> None:
        if session.is_over:
            return
        session.is_over = True
        self.sessions.remove(session)
        self.announcer.forget(session)
        session.end_writing()
        user = self.online.pop(session.user.id)
        self.announcer.user_offline(User(user.id, f"u{user.id}-{self.next_serial()}"))

    def change_rooms(self) -> None:
        rooms = self.book.public()
        if rooms and self.random.random() < 0.4:
            self.book.remove(self.random.choice(rooms).id)
        else:
            self.next_room += 1
            self.book.add(
                Room(
                    id=f"r{self.next_room}",
                    host=User(10_000 + self.next_room, "host"),
                    gamemode="ffa",
                    map_name=None,
                    max_players=8,
                    is_public=True,
                    version=None,
                    created_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
                ),
                now_s=0.0,
                creator_has_socket=True,
            )
        self.announcer.rooms_changed()

    def ping(self) -> None:
        if self.sessions:
            session = self.random.choice(self.sessions)
            self.pings += 1
            self.fanout.answer(session, encode_frame(Pong(ts=self.pings)))

    def command(self) -> None:
        """A reply that comes after all that was published before it."""
        if self.sessions:
            session = self.random.choice(self.sessions)
            self.fanout.tell(session, encode_frame(Chat(from_peer=self.serial, from_name="", text="")))

    def probe(self) -> None:
        """A protocol-level ping, which may overtake a tick."""
        if self.sessions:
            self.fanout.tell(self.random.choice(self.sessions), server_frame(b"", OP_PING), in_order=False)

    def resync(self) -> None:
        followers = [session for session in self.sessions if session.profile.rooms is RoomsMode.DELTA]
        if followers:
            self.announcer.snapshot(self.random.choice(followers))

    def stall(self) -> None:
        if self.sessions:
            self.random.choice(self.sessions).outlet_.window = self.random.choice([0, 1, 50])

    def relax(self) -> None:
        for session in self.random.sample(self.sessions, min(3, len(self.sessions))):
            session.outlet_.window = self.random.choice([None, 1, 30, 500, 5000])

    def die(self) -> None:
        if self.sessions and self.random.random() < 0.3:
            self.random.choice(self.sessions).outlet_.is_dead = True

    def turn(self) -> None:
        """Sockets that take something are polled, as a loop would; dead ones are noticed by their reader."""
        for session in list(self.sessions):
            if session.outlet_.is_dead:
                self.end(session)
            else:
                session.outlet_.poll()

    def run(self, steps: int) -> None:
        actions = (
            [self.login] * 4 + [self.logout] * 2 + [self.change_rooms] * 3 + [self.ping] * 2
            + [self.command, self.probe, self.resync, self.stall, self.relax, self.relax, self.die]
        )  # fmt: skip
        for _ in range(steps):
            self.random.choice(actions)()
            if self.random.random() < 0.7:
                self.turn()
            self.clock.advance(self.random.choice([0.0, 0.0, 0.001, 0.015, 0.03, 0.3, 1.5]))
            newest = 4000  # one tick of this world is smaller than that
            assert self.fanout.logged_bytes <= (LOG_BYTES + newest) * len(PROFILES)

    def settle(self) -> None:
        """Let everybody read who can."""
        for session in self.sessions:
            session.outlet_.window = None
        for _ in range(200):
            self.turn()
            self.clock.advance(0.02)

    # -- what must hold -------------------------------------------------------------------------------------------

    def check(self) -> None:
        assert self.fanout.behind == 0
        assert self.fanout.logged_bytes == 0
        truth = set(self.online)
        listed = {room.id: room_resource(room) for room in self.book.public()}
        for session in self.sessions:
            assert not session.outlet_.has_begun_frame
            assert session.serials == sorted(set(session.serials)), "an event came twice or out of order"
            assert session.pongs == sorted(session.pongs)
            if session.profile.presence is not PresenceMode.FRIENDS:
                assert session.believes_online == truth
            if session.profile.rooms is RoomsMode.DELTA:
                assert set(session.rooms) == set(listed)
                assert session.revision == self.book.revision
                for room_id, room in listed.items():
                    assert session.rooms[room_id]["created_at"] == room.created_at
            elif session.revision >= 0:
                assert session.revision == self.book.revision


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_AT_A_TIME))
def test_every_live_session_ends_with_the_truth(first: int) -> None:
    for seed in range(first, min(first + SEEDS_AT_A_TIME, SEEDS)):
        world = World(seed)
        world.run(120)
        world.settle()
        world.check()


def test_who_keeps_reading_gets_every_event_once_and_in_order() -> None:
    for seed in range(20):
        world = World(seed)
        reader = Session(world, User(99_999, "reader-0"), Profile(), None)
        world.announcer.welcome(reader)
        world.run(120)
        world.settle()
        assert reader.serials == list(range(1, world.serial + 1))


def test_the_counters_say_what_arrived() -> None:
    for seed in range(20):
        world = World(seed)
        world.logout = world.die = lambda: None  # type: ignore[method-assign]  # everybody gets all that was sent
        world.fanout._log_bytes, world.fanout._log_age_s = 1 << 30, 1e9
        world.run(120)
        world.settle()
        assert world.sessions
        sent = world.fanout.stats.frames_out + world.metrics.frames_out
        assert sum(session.outlet_.frames for session in world.sessions) == sent
        sent_bytes = world.fanout.stats.bytes_out + world.metrics.bytes_out
        assert sum(session.outlet_.bytes for session in world.sessions) == sent_bytes


def test_one_that_stops_reading_costs_the_others_nothing_and_is_closed_past_the_bound() -> None:
    world = World(1)
    reader = Session(world, User(1, "reader-0"), Profile(), None)
    stalled = Session(world, User(2, "stalled-0"), Profile(), 5)
    for session in (reader, stalled):
        world.sessions.append(session)
        world.online[session.user.id] = session.user
        world.announcer.welcome(session)
    for serial in range(1, 40):
        world.announcer.user_online(User(100 + serial, f"u-{serial}"))
        world.clock.advance(0.05)
    assert reader.serials == list(range(1, 40))
    assert reader.outlet_.sends == 39
    assert not stalled.was_slow
    world.clock.advance(LOG_AGE_S + 2)
    assert stalled.was_slow
    assert world.fanout.logged_bytes == 0


def test_burst_within_a_tick_is_one_write_a_session_and_a_lone_event_waits_for_nothing() -> None:
    world = World(1)
    reader = Session(world, User(1, "reader-0"), Profile(), None)
    world.announcer.welcome(reader)
    world.announcer.user_online(User(2, "u-1"))
    world.clock.advance(0.0)
    assert (reader.serials, reader.outlet_.sends) == ([1], 1)
    for serial in range(2, 102):
        world.announcer.user_online(User(serial, f"u-{serial}"))
    world.clock.advance(0.02)
    assert (reader.serials, reader.outlet_.sends) == (list(range(1, 102)), 2)


def test_who_is_behind_gets_the_latest_state_and_not_what_it_replaced() -> None:
    world = World(1)
    world.announcer._rooms_changed._interval_s = lambda: 0.0
    reader, stalled = (Session(world, User(n, f"s{n}-0"), Profile(), window) for n, window in ((1, None), (2, 0)))
    for session in (reader, stalled):
        world.announcer.welcome(session)
    for _ in range(6):
        world.book.revision += 1
        world.announcer.rooms_changed()
        world.clock.advance(0.05)
    stalled.outlet_.window = None
    while stalled.outlet_.poll():
        pass
    assert stalled.revision == reader.revision == world.book.revision
    # What it had in hand when it stalled, and the last of the five that followed.
    assert stalled.outlet_.sends < reader.outlet_.sends


def test_thousand_that_are_behind_cost_the_log_once() -> None:
    world = World(1)
    crowd = [Session(world, User(n, f"s{n}-0"), Profile(), 0) for n in range(1000)]
    for session in crowd:
        world.announcer.welcome(session)
    for serial in range(1, 11):
        world.announcer.user_online(User(5000 + serial, f"u-{serial}"))
        world.clock.advance(0.03)
    assert world.fanout.behind == 1000
    assert world.fanout.logged_bytes < 10 * 100
    for session in crowd:
        session.outlet_.window = None
        while session.outlet_.poll():
            pass
        assert session.serials == list(range(1, 11))


def test_the_answer_to_a_heartbeat_goes_ahead_of_what_waits_for_a_full_socket() -> None:
    world = World(1)
    stalled = Session(world, User(1, "stalled-0"), Profile(), 7)
    world.announcer.welcome(stalled)
    for serial in range(1, 6):
        world.announcer.user_online(User(100 + serial, f"u-{serial}"))
        world.clock.advance(0.05)
    for ping in (1, 2):
        world.fanout.answer(stalled, encode_frame(Pong(ts=ping)))
    assert (stalled.serials, stalled.pongs) == ([], [])
    stalled.outlet_.window = None
    world.fanout.answer(stalled, encode_frame(Pong(ts=3)))
    assert (stalled.serials, stalled.pongs) == ([1], [1, 2, 3])
    stalled.outlet_.poll()
    assert stalled.serials == [1, 2, 3, 4, 5]
