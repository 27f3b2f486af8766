"""What is said to a slow client before its connection is closed: the truth, without a gap."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.watch.metrics import Metrics
from tests.fakes.clock import VirtualClock

TICK_S = 0.02


class Socket:
    """Takes as many bytes as it has room for."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self._is_writable: Callable[[], None] | None = None

    def send(self, data: bytes | memoryview) -> int:
        taken = bytes(data[: self.room])
        if not taken:
            raise BlockingIOError
        self.room -= len(taken)
        self.taken += taken
        return len(taken)

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        self._is_writable = callback

    def read(self, count: int) -> None:
        """The client reads so many bytes more."""
        self.room += count
        while self.room and self._is_writable is not None:
            self._is_writable()


class Client(Subscriber):
    def is_slow(self) -> None:
        raise AssertionError("nothing here is too much")


def stage(room: int) -> tuple[VirtualClock, Fanout, Client, Socket]:
    clock = VirtualClock()
    fanout = Fanout(clock=clock, metrics=Metrics(), tick_s=TICK_S, log_bytes=1 << 20, log_age_s=1e9)
    socket = Socket(room)
    client = Client(socket, BASE_PROFILE)
    fanout.add(client)
    return clock, fanout, client, socket


def heard(socket: Socket, client: Client) -> list[str]:
    """Until the close frame."""
    return (socket.taken + client.unsent()).decode().split()


def test_an_answer_is_said_without_the_events_whose_predecessors_wait_in_the_log() -> None:
    clock, fanout, client, socket = stage(room=5)
    for number in range(3):
        fanout.publish(BASE_PROFILE, b"event%d " % number)
        clock.advance(2 * TICK_S)
    fanout.publish(BASE_PROFILE, b"event3 ")
    fanout.tell(client, b"answer ")
    assert heard(socket, client) == ["event0", "answer"]


def test_an_answer_is_said_after_the_events_before_it_where_nothing_waits_in_the_log() -> None:
    clock, fanout, client, socket = stage(room=5)
    fanout.publish(BASE_PROFILE, b"event0 ")
    clock.advance(2 * TICK_S)
    fanout.publish(BASE_PROFILE, b"event1 ")
    fanout.tell(client, b"answer ")
    assert heard(socket, client) == ["event0", "event1", "answer"]
    clock.advance(2 * TICK_S)
    fanout.publish(BASE_PROFILE, b"event2 ")
    fanout.tell(client, b"another ")
    assert heard(socket, client) == ["event0", "event1", "answer", "event2", "another"]


@pytest.mark.parametrize("seed", range(60))
def test_events_until_a_close_are_without_a_gap_and_all_answers_are_among_them(seed: int) -> None:
    random = Random(seed)
    clock, fanout, client, socket = stage(room=random.randrange(8))
    events, answers = 0, []
    for _ in range(random.randrange(1, 40)):
        deed = random.choice(("publish", "publish", "tell", "run", "read"))
        if deed == "publish":
            fanout.publish(BASE_PROFILE, b"%d " % events)
            events += 1
        elif deed == "tell":
            answers.append(f"answer{len(answers)}")
            fanout.tell(client, answers[-1].encode() + b" ")
        elif deed == "run":
            clock.advance(random.choice((0.5, 2.0)) * TICK_S)
        else:
            socket.read(random.randrange(8))
    words = heard(socket, client)
    assert [word for word in words if word.startswith("answer")] == answers
    numbers = [int(word) for word in words if not word.startswith("answer")]
    assert numbers == list(range(len(numbers)))
