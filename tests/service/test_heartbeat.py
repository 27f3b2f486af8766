"""Pings spread over time, and an end for the silent. On a virtual clock."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from lobby_server.protocol.codes import CloseCode
from lobby_server.service.peers.heartbeat import AGAIN_SHARE, QUIET_SHARE, SLOTS, Heartbeat
from tests.service.stage import Socket, Stage

TIMEOUT_S = 75.0
SLOT_S = TIMEOUT_S / SLOTS


def start(stage: Stage, seed: int = 1) -> Heartbeat:
    heartbeat = Heartbeat(clock=stage.clock, timeout_s=TIMEOUT_S, random_source=random.Random(seed))
    heartbeat.start()
    return heartbeat


def connect(stage: Stage, heartbeat: Heartbeat, count: int = 1) -> list[Socket]:
    """Accepted sockets, all opened at one moment."""
    sockets = [stage.connect() for _ in range(count)]
    for socket in sockets:
        socket.handshake(stage.token())
        heartbeat.watch(socket.session)
    return sockets


@given(seed=st.integers(0, 10_000), offset_s=st.floats(0.0, 5.0))
def test_silent_peer_is_closed_4004_within_the_timeout_and_a_slot(seed: int, offset_s: float) -> None:
    stage = Stage()
    heartbeat = start(stage, seed)
    stage.clock.advance(offset_s)
    (socket,) = connect(stage, heartbeat)
    began_s = socket.session.last_heard_s
    while socket.transport.closed is None:
        stage.clock.advance(SLOT_S / 3)
        assert stage.clock.monotonic_s() - began_s < 2 * TIMEOUT_S
    assert TIMEOUT_S <= stage.clock.monotonic_s() - began_s <= TIMEOUT_S + SLOT_S * 4 / 3
    assert socket.transport.closed.code == CloseCode.HEARTBEAT_TIMEOUT
    assert stage.lobby.calls == ["accepted", "lost"]  # a loss, for which presence may have a grace period


def test_stall_longer_than_the_timeout_ends_nobody_whose_ping_lies_in_the_socket() -> None:
    stage = Stage()
    alive, silent = connect(stage, start(stage), count=2)
    alive.transport.on_read_on = alive.session.heard
    stage.clock.advance(3 * TIMEOUT_S)  # in one step: the timers run, and nothing was read before them
    assert alive.transport.closed is None
    assert silent.transport.closed is not None
    assert silent.transport.closed.code == CloseCode.HEARTBEAT_TIMEOUT


def test_peer_whose_end_lies_in_the_socket_is_let_go_without_a_word() -> None:
    stage = Stage()
    heartbeat = start(stage)
    (socket,) = connect(stage, heartbeat)
    socket.transport.on_read_on = lambda: socket.session.closed(abrupt=True)
    stage.clock.advance(3 * TIMEOUT_S)
    assert socket.transport.closed is None
    assert not any(heartbeat._wheel)


def test_peer_that_answers_pings_lives_for_ever() -> None:
    stage = Stage()
    (socket,) = connect(stage, start(stage))
    pings = 0
    for _ in range(int(20 * TIMEOUT_S / SLOT_S)):
        stage.clock.advance(SLOT_S)
        answered = socket.transport.take_pings()
        if answered:
            socket.session.heard()
            pings += answered
    assert socket.transport.closed is None
    slack = 2 / SLOTS
    assert 20 / (QUIET_SHARE[1] + slack) - 1 <= pings <= 20 / QUIET_SHARE[0] + 1


def test_any_message_is_a_sign_of_life() -> None:
    stage = Stage()
    text, binary = connect(stage, start(stage), 2)
    for _ in range(10):
        stage.clock.advance(TIMEOUT_S * 0.9)
        text.say("dance")
        binary.session.receive_binary()
    assert text.transport.closed is None
    assert binary.transport.closed is None


def test_peer_that_sends_its_own_heartbeat_every_30_s_is_not_pinged() -> None:
    stage = Stage()
    (socket,) = connect(stage, start(stage))
    for _ in range(200):
        stage.clock.advance(30.0)  # as the seed's client does of itself
        socket.session.heard()
    assert socket.transport.take_pings() == 0


def test_an_answer_may_get_lost() -> None:
    """Before the end a silent peer was pinged at least twice."""
    stage = Stage()
    sockets = connect(stage, start(stage), 50)
    while not all(socket.transport.closed for socket in sockets):
        stage.clock.advance(SLOT_S)
    assert min(socket.transport.take_pings() for socket in sockets) >= 2


def test_pings_of_sockets_opened_together_are_spread_over_the_interval() -> None:
    stage = Stage()
    sockets = connect(stage, start(stage), 1000)
    a_slot: Counter[int] = Counter()
    for slot in range(3 * SLOTS):
        stage.clock.advance(SLOT_S)
        for socket in sockets:
            if socket.transport.take_pings():
                a_slot[slot] += 1
                socket.session.heard()
    spread_slots = SLOTS * (QUIET_SHARE[1] - QUIET_SHARE[0])
    assert len(a_slot) > 2 * spread_slots
    assert max(a_slot.values()) < 3 * 1000 / spread_slots
    assert not any(socket.transport.closed for socket in sockets)


def test_loop_that_stood_still_catches_up_and_ends_nobody_too_early() -> None:
    stage = Stage()
    heartbeat = start(stage)
    silent, lively = connect(stage, heartbeat, 2)
    for _ in range(3):
        stage.clock.advance(TIMEOUT_S / 4)
        lively.session.heard()
    stage.clock._now_s += TIMEOUT_S / 3  # no timer ran meanwhile
    lively.session.heard()
    stage.clock.advance(TIMEOUT_S * AGAIN_SHARE + 2 * SLOT_S)
    assert silent.transport.closed is not None
    assert lively.transport.closed is None


def test_whoever_is_heard_of_soon_after_the_machine_stood_still_stays() -> None:
    """What is sent to a machine that is paused does not lie in its sockets: it is sent again, and comes later."""
    stage = Stage()
    sockets = connect(stage, start(stage), 20)
    silent = sockets.pop()
    stage.clock._now_s += 2 * TIMEOUT_S  # no timer ran meanwhile, and nothing arrived
    stage.clock.advance(TIMEOUT_S * AGAIN_SHARE * 0.9)
    assert not any(socket.transport.closed for socket in (*sockets, silent))
    assert all(socket.transport.take_pings() for socket in (*sockets, silent))
    for socket in sockets:
        socket.session.heard()
    stage.clock.advance(TIMEOUT_S * AGAIN_SHARE * 0.1 + 2 * SLOT_S)
    assert not any(socket.transport.closed for socket in sockets)
    assert silent.transport.closed is not None
    assert silent.transport.closed.code == CloseCode.HEARTBEAT_TIMEOUT


def test_peer_is_asked_once_however_long_the_machine_stood_still() -> None:
    stage = Stage()
    (silent,) = connect(stage, start(stage))
    stage.clock._now_s += 40 * TIMEOUT_S  # no timer ran meanwhile
    stage.clock.advance(SLOT_S)
    assert silent.transport.take_pings() == 1
    stage.clock.advance(TIMEOUT_S * AGAIN_SHARE - 2 * SLOT_S)
    assert silent.transport.take_pings() == 0
    assert silent.transport.closed is None


def test_peer_that_ends_by_what_another_ones_socket_held_is_not_looked_at() -> None:
    """A kick, for instance, or a log-in of the same user elsewhere."""
    stage = Stage()
    heartbeat = start(stage)
    first, second = connect(stage, heartbeat, 2)
    looked_at: list[Socket] = []

    def end(looked: Socket, other: Socket) -> None:
        looked_at.append(looked)
        heartbeat.unwatch(other.session)
        other.session.closed(abrupt=True)

    first.transport.on_read_on = partial(end, first, second)
    second.transport.on_read_on = partial(end, second, first)
    stage.clock._now_s += 2 * TIMEOUT_S  # no timer ran meanwhile: both are due in one turn
    stage.clock.advance(SLOT_S)
    (left,) = looked_at
    assert [session for slot in heartbeat._wheel for session in slot] == [left.session]


def test_turn_that_comes_a_little_late_spares_nobody() -> None:
    stage = Stage()
    (silent,) = connect(stage, start(stage))
    for _ in range(20):
        stage.clock.advance(TIMEOUT_S / 10)
        if silent.transport.closed is not None:
            break
        stage.clock._now_s += TIMEOUT_S * AGAIN_SHARE * 0.9  # a server that is very busy
    assert silent.transport.closed is not None
    assert stage.clock.monotonic_s() - silent.session.last_heard_s <= TIMEOUT_S * (1.1 + AGAIN_SHARE)


def test_session_that_ended_by_itself_is_left_alone() -> None:
    stage = Stage()
    (socket,) = connect(stage, start(stage))
    socket.session.closed(abrupt=False)
    stage.clock.advance(5 * TIMEOUT_S)
    assert socket.transport.closed is None
    assert socket.transport.take_pings() == 0


def test_stopped_heartbeat_does_nothing_more() -> None:
    stage = Stage()
    heartbeat = start(stage)
    (socket,) = connect(stage, heartbeat)
    heartbeat.stop()
    stage.clock.advance(5 * TIMEOUT_S)
    assert socket.transport.closed is None
