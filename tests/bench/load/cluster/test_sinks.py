"""Sinks of several nodes at once: who they are, what is waited for, and what they say."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from bench.load.cluster.sinks import SAID_AT_ONCE, ClusterSinks, _line, _NodeSinks
from bench.load.sockets.sinks import Heard, hello_frame

SECRET = "a secret of the tests, thirty-two bytes or more"


def user_of(frame: bytes) -> int:
    """The mask is of zeros, so that the text is as it is."""
    token = json.loads(frame[frame.index(b'{"') :])["data"]["token"]
    found: int = jwt.decode(token, SECRET, algorithms=["HS256"])["userId"]
    return found


def sinks(*counts: int, users: int = 0) -> ClusterSinks:
    return ClusterSinks(
        ports=list(range(1, len(counts) + 1)), pattern=b'"x"', secret=SECRET, counts=list(counts), users=users
    )


def users(it: ClusterSinks, *counts: int) -> list[list[int]]:
    first = user_of(hello_frame(SECRET, 0))
    return [
        [user_of(node._hello(number)) - first for number in range(count)]
        for node, count in zip(it._nodes, counts, strict=True)
    ]


def test_users_are_numbered_over_all_nodes() -> None:
    assert users(sinks(2, 3), 2, 3) == [[0, 1], [2, 3, 4]]


def test_few_users_are_dealt_out_among_the_sockets_of_every_node() -> None:
    assert users(sinks(3, 3, users=2), 3, 3) == [[0, 1, 0], [0, 1, 0]]


class Node:
    """Hears so many events at each look; the last number over and over."""

    def __init__(self, *heard: int) -> None:
        self.looks = list(heard)
        self.asked: list[Any] = []

    async def hear(self, events: int, timeout_s: float) -> int:
        self.asked.append(events)
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    async def accepted(self, count: int) -> int:
        self.asked.append(count)
        return count

    async def say_hello(self) -> float:
        return self.looks[0] / 10

    async def heard(self) -> Heard:
        return Heard([], [], [], 0.0, 0, [], [(0, float(each)) for each in self.looks])


def of_nodes(*nodes: Node, counts: tuple[int, ...] = (2, 3)) -> ClusterSinks:
    found = sinks(*counts)
    found._nodes = list(nodes)  # type: ignore[arg-type]
    return found


async def test_each_sink_is_waited_for_on_its_node() -> None:
    first, second = Node(20), Node(30)
    assert await of_nodes(first, second).hear(10, 1.0) == 50
    assert (first.asked, second.asked) == ([20], [30])


async def test_all_are_accepted_and_the_hello_began_with_the_first() -> None:
    first, second = Node(4), Node(2)
    assert await of_nodes(first, second).accepted() == 5
    assert await of_nodes(first, second).say_hello() == pytest.approx(0.2)


async def test_events_of_all_together_are_waited_for() -> None:
    assert await of_nodes(Node(1, 2, 9), Node(1, 3, 4)).hear_in_all(13, 5.0) == 13


async def test_events_beyond_those_that_are_due_are_waited_for_until_it_is_quiet() -> None:
    """Ten are due; one more comes a moment later."""
    assert await of_nodes(Node(10, 11), Node(0)).hear_in_all(10, 5.0) == 10
    assert await of_nodes(Node(10, 11), Node(0)).hear_in_all(10, 5.0, quiet_s=0.05) == 11


async def test_events_that_do_not_come_are_told_as_they_are() -> None:
    assert await of_nodes(Node(3), Node(1)).hear_in_all(10, 0.05) == 4


async def test_stamps_are_told_apart_by_node() -> None:
    assert await of_nodes(Node(1, 2), Node(5)).stamps() == [[1.0, 2.0], [5.0]]


# -- lines ---------------------------------------------------------------------------------------------------------


def test_line_is_a_command_of_the_room_with_a_text_of_its_own() -> None:
    frames = [_line(number) for number in (0, 1)]
    texts = [json.loads(frame[frame.index(b'{"') :]) for frame in frames]
    assert texts == [{"type": "chat", "data": {"text": f"line {number}"}} for number in (0, 1)]
    assert all(frame[0] == 0x81 and frame[1] & 0x80 for frame in frames), "a client's frames are masked"


async def test_talkers_take_turns_after_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    said: list[tuple[str, int]] = []

    async def sendall(socket: str, frames: bytes) -> None:
        said.append((socket, frames.count(b'"text":"line ')))

    node = _NodeSinks(first=0, port=1, pattern=b"x", secret=SECRET, users=0, features=())
    node._sinks = [type("Sink", (), {"socket": name})() for name in ("ann", "bob")]
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_sendall", sendall)
    await node.say(SAID_AT_ONCE + 5)
    assert said == [("ann", 20), ("bob", 20), ("ann", 5), ("bob", 5)]
