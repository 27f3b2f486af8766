"""While a herd comes nobody is told of it, for a bounded time; of whoever comes alone, or in a crowd that is small
beside the lobby, all are told at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lobby_server.service.fanout.arrivals import ALL_IN_S, HERD_SHARE, LEAST_OF_A_HERD, WINDOW_S, Arrivals
from lobby_server.service.fanout.fanout import HERD_LOOK_S, HERD_WAIT_S, Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.watch.metrics import Metrics
from tests.fakes.clock import VirtualClock

TICK_S = 0.02
SOON_S = TICK_S + 0.001


class Socket:
    """Takes everything; `work` is what a write costs."""

    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.writes = 0
        self.heard = b""
        self._work = work

    def send(self, data: bytes | memoryview) -> int:
        self._work()
        self.writes += 1
        self.heard += data
        return len(data)

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        pass


class Lobby:
    """A fan-out that tells everybody of each who comes."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.fanout = Fanout(clock=self.clock, metrics=Metrics(), tick_s=TICK_S, log_bytes=1 << 20, log_age_s=10.0)
        self.sockets: list[Socket] = []

    def come(self, many: int = 1) -> None:
        for _ in range(many):
            socket = Socket()
            self.sockets.append(socket)
            self.fanout.add(Subscriber(socket, BASE_PROFILE))
            self.fanout.publish(BASE_PROFILE, b"%d comes." % len(self.sockets))

    def come_for(self, seconds: float, *, per_s: int) -> None:
        """One after the other, at that pace."""
        step_s = 0.001
        due = 0.0
        for _ in range(round(seconds / step_s)):
            due += per_s * step_s
            self.come(int(due))
            due -= int(due)
            self.clock.advance(step_s)


def quiet_lobby(of: int) -> Lobby:
    lobby = Lobby()
    lobby.come(of)
    lobby.clock.advance(HERD_WAIT_S + 1.0)
    for socket in lobby.sockets:
        socket.heard, socket.writes = b"", 0
    return lobby


def test_a_herd_is_in_before_anybody_is_told_of_it() -> None:
    lobby = Lobby()
    lobby.come_for(1.0, per_s=5_000)
    # one write each at most, and those who came first may have been told of each other before it was a herd
    assert max(socket.writes for socket in lobby.sockets[LEAST_OF_A_HERD * 2 :]) == 0
    lobby.clock.advance(ALL_IN_S + HERD_LOOK_S)
    assert lobby.sockets[-1].heard == b"5000 comes."
    assert lobby.sockets[2_000].heard.count(b"comes.") == 3_000
    assert lobby.sockets[2_000].writes == 1


def test_nobody_waits_for_a_herd_that_goes_on_coming_longer_than_the_bound() -> None:
    lobby = Lobby()
    lobby.come_for(HERD_WAIT_S - HERD_LOOK_S, per_s=2_000)
    assert lobby.sockets[500].writes == 0
    lobby.come_for(3 * HERD_LOOK_S + TICK_S, per_s=2_000)
    assert lobby.sockets[500].writes > 0


def test_one_tick_alone_waits_for_a_herd_that_never_ends() -> None:
    lobby = Lobby()
    lobby.come_for(HERD_WAIT_S + 1.0, per_s=1_000)
    assert lobby.fanout.stats.ticks > 0.8 / TICK_S


@pytest.mark.parametrize("of", [0, 1, 100, 2_000])
def test_who_comes_alone_is_told_of_in_the_same_turn(of: int) -> None:
    lobby = quiet_lobby(of)
    lobby.come()
    lobby.clock.advance(0.0)
    assert {socket.heard for socket in lobby.sockets} == {b"%d comes." % (of + 1)}


@pytest.mark.parametrize(("of", "per_s"), [(1_000, 250), (4_000, 1_000), (10, 500)])
def test_those_who_come_steadily_are_told_of_in_every_tick(of: int, per_s: int) -> None:
    lobby = quiet_lobby(of)
    lobby.come_for(1.0, per_s=per_s)
    lobby.clock.advance(SOON_S)
    told = lobby.sockets[0]
    assert told.heard.count(b"comes.") == per_s
    assert told.writes > 0.8 / TICK_S


def test_what_is_published_after_a_herd_waits_for_nothing() -> None:
    lobby = quiet_lobby(5_000)
    lobby.fanout.publish(BASE_PROFILE, b"news")
    lobby.clock.advance(0.0)
    assert lobby.sockets[0].heard == b"news"


def test_newcomers_of_a_quiet_hour_are_no_herd() -> None:
    """Nothing was published meanwhile, so that no tick came."""
    clock = VirtualClock()
    arrivals = Arrivals(clock)
    for _ in range(10 * LEAST_OF_A_HERD):
        arrivals.note()
        clock.advance(2 * WINDOW_S)
    assert not arrivals.are_a_herd(among=10)


def test_a_herd_is_a_share_of_the_lobby_within_a_window_and_over_soon_after() -> None:
    clock = VirtualClock()
    arrivals = Arrivals(clock)
    lobby = 10_000
    for _ in range(round(HERD_SHARE * lobby)):
        arrivals.note()
    assert not arrivals.are_a_herd(among=lobby)
    arrivals.note()
    assert arrivals.are_a_herd(among=lobby)
    clock.advance(ALL_IN_S * 0.9)
    assert arrivals.are_a_herd(among=lobby)
    clock.advance(ALL_IN_S * 0.2)
    assert not arrivals.are_a_herd(among=lobby)
