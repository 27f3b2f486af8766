"""Clients without features get so many frames in 20 ms and no more: engines keep so many between two pictures."""

from __future__ import annotations

from collections import Counter

import pytest

from lobby_server.core.presence import User
from lobby_server.service.fanout.profile import PresenceMode, Profile, RoomsMode
from lobby_server.settings import Settings
from tests.service.fanout.test_ledger import Session, World

LIMIT = 500
STORM = 1500
BASE = Profile()


class Timed(Session):
    """Notes when each event came."""

    __slots__ = ("came_at_s",)

    def __init__(self, world: World, user: User, profile: Profile, window: int | None) -> None:
        self.came_at_s: list[float] = []
        super().__init__(world, user, profile, window)

    def hear(self, message: object) -> None:
        self.came_at_s.append(self.world.clock.monotonic_s())
        super().hear(message)

    def most_in(self, span_s: float) -> int:
        """The most messages within any span of that length, its end left out."""
        most = first = 0
        for last, at_s in enumerate(self.came_at_s):
            while at_s - self.came_at_s[first] >= span_s - 1e-9:
                first += 1
            most = max(most, last - first + 1)
        return most


def storm(world: World, count: int = STORM) -> None:
    for _ in range(count):
        serial = world.next_serial()
        user = User(10_000 + serial, f"s{serial}-{serial}")
        world.online[user.id] = user
        world.announcer.user_online(user)


def joined(world: World, profile: Profile = BASE, window: int | None = None) -> Timed:
    session = Timed(world, User(world.next_serial() + 90_000, "ear-0"), profile, window)
    world.sessions.append(session)
    world.announcer.welcome(session)
    return session


def test_storm_reaches_a_base_session_whole_in_order_and_at_the_pace() -> None:
    world = World(1, pace=LIMIT)
    ear = joined(world)
    storm(world)
    world.settle()
    assert len(ear.serials) == STORM
    assert ear.serials == sorted(ear.serials)
    assert ear.most_in(0.02) == LIMIT


def test_tick_is_bounded_in_bytes_too() -> None:
    world = World(1, pace=LIMIT)
    ear = joined(world)
    for _ in range(600):
        serial = world.next_serial()
        world.announcer.user_online(User(10_000 + serial, f"{'x' * 120}-{serial}"))
    world.settle()
    assert len(ear.serials) == 600
    assert ear.most_in(0.02) < 350


def test_session_with_features_is_not_paced() -> None:
    world = World(1, pace=LIMIT)
    ear = joined(world, Profile(RoomsMode.REV, PresenceMode.SINGLE))
    storm(world)
    world.settle()
    assert ear.most_in(0.02) == STORM


def test_session_behind_catches_up_at_the_pace() -> None:
    world = World(1, pace=LIMIT)
    world.fanout._log_bytes = 1 << 24
    ear = joined(world, window=0)
    for _ in range(6):
        storm(world, 400)
        world.clock.advance(0.1)
        world.turn()
    assert world.fanout.behind == 1
    assert ear.serials == []
    world.settle()
    assert len(ear.serials) == 2400
    assert ear.most_in(0.02) <= LIMIT
    assert (world.fanout.behind, world.fanout.logged_bytes) == (0, 0)


def test_session_that_comes_in_the_middle_of_a_storm_hears_what_comes_after_it() -> None:
    world = World(1, pace=LIMIT)
    joined(world)
    storm(world, 1200)
    late = joined(world)
    first = world.serial
    storm(world, 700)
    world.settle()
    assert late.serials == list(range(first + 1, first + 701))
    assert late.most_in(0.02) <= LIMIT


def test_reply_in_a_storm_is_not_held_up_by_it_and_breaks_no_pace() -> None:
    world = World(1, pace=LIMIT)
    ear = joined(world)
    storm(world)
    world.command()
    assert ear.replied_at == world.serial
    assert ear.serials == []
    world.settle()
    assert len(ear.serials) == STORM
    assert ear.most_in(0.02) <= LIMIT + 1


@pytest.mark.parametrize("pace", [1, 3, 10])
def test_every_live_session_ends_with_the_truth_at_any_pace(pace: int) -> None:
    for seed in range(60):
        world = World(seed, pace=pace)
        world.run(120)
        world.settle()
        world.settle()
        world.check()


def test_who_keeps_reading_gets_every_event_once_and_in_order_at_any_pace() -> None:
    for seed in range(20):
        world = World(seed, pace=2)
        reader = Timed(world, User(99_999, "reader-0"), BASE, None)
        world.announcer.welcome(reader)
        first = world.serial
        world.logout = world.die = lambda: None  # type: ignore[method-assign]
        world.run(120)
        world.settle()
        assert Counter(reader.serials) == Counter(range(first + 1, world.serial + 1))
        assert reader.serials == sorted(reader.serials)


@pytest.mark.parametrize(("tick_ms", "frames"), [(20.0, 500), (10.0, 250), (100.0, 500), (0.01, 1)])
def test_pace_holds_for_any_length_of_a_tick(tick_ms: float, frames: int) -> None:
    assert Settings(tick_ms=tick_ms).base_tick_frames == frames
    assert Settings(tick_ms=tick_ms, base_frames_per_20_ms=0).base_tick_frames is None
