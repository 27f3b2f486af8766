"""The shared reader: which reads are the same, and what is read without a wake."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from loadtest.wire.reader import TURNS_WITHOUT_A_NAP, SharedReader
from tests.loadtest.wire.test_wire import wait_for


class Connection:
    """Its server is the other end of a pair of sockets."""

    def __init__(self, *, hears_with_others: bool) -> None:
        self.hears_with_others = hears_with_others
        self.sock: Any
        self.sock, self.server = socket.socketpair()
        self.sock.setblocking(False)
        self.heard: list[bytes] = []

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        self.heard.append(chunk)

    def on_end(self, why: str) -> None:
        raise AssertionError(why)

    def on_writable(self) -> None:
        raise AssertionError("nobody asked")

    def close(self) -> None:
        self.sock.close()
        self.server.close()


class Group:
    def __init__(self) -> None:
        self.taken: list[tuple[bytes, int]] = []

    def take(self, chunk: bytes, connections: Sequence[Connection], arrived_s: Sequence[float]) -> None:
        assert len(connections) == len(arrived_s)
        self.taken.append((chunk, len(connections)))
        for connection in connections:
            connection.on_bytes(chunk, arrived_s[0])


@pytest.fixture
def reader() -> Iterator[SharedReader]:
    reader = SharedReader()
    yield reader
    reader.close()


def connected(reader: SharedReader, number: int, *, hears_with_others: bool = False) -> list[Connection]:
    made = [Connection(hears_with_others=hears_with_others) for _ in range(number)]
    for connection in made:
        reader.add(connection)
    return made


def test_only_reads_of_the_same_bytes_are_taken_together(reader: SharedReader) -> None:
    """Whatever the buffer still holds of a longer one before."""
    reader.together = group = Group()
    reads = [b"abcdef", b"abcdef", b"abc", b"abcdef", b"abcdeg", b"abc", b"abcdef", b"xbcdef"]
    players = connected(reader, len(reads), hears_with_others=True)
    for player, read in zip(players, reads, strict=True):
        player.server.send(read)
    wait_for(lambda: all(player.heard for player in players))
    assert [player.heard for player in players] == [[read] for read in reads]
    assert sorted(group.taken) == sorted((read, reads.count(read)) for read in set(reads))
    for player in players:
        player.close()


def test_one_that_hears_for_itself_between_others_changes_nothing_for_them(reader: SharedReader) -> None:
    reader.together = group = Group()
    players = connected(reader, 3, hears_with_others=True)
    players[1].hears_with_others = False
    for player, read in zip(players, (b"abcd", b"wxyz", b"abcd"), strict=True):
        player.server.send(read)
    wait_for(lambda: all(player.heard for player in players))
    assert [player.heard for player in players] == [[b"abcd"], [b"wxyz"], [b"abcd"]]
    assert group.taken == [(b"abcd", 2)]
    for player in players:
        player.close()


def test_answers_that_are_awaited_are_read_before_anything_else_runs(reader: SharedReader) -> None:
    players = connected(reader, 3)
    for player in players:
        player.server.send(b"pong")
    reader.await_answers()
    assert [player.heard for player in players] == [[b"pong"]] * 3
    for player in players:
        player.close()


def test_answers_of_a_slow_server_are_not_awaited_for_a_while(reader: SharedReader) -> None:
    [player] = connected(reader, 1)
    reader.await_answers()
    player.server.send(b"late")
    for _ in range(TURNS_WITHOUT_A_NAP):
        reader.await_answers()
    assert player.heard == []
    reader.await_answers()
    assert player.heard == [b"late"]
    player.close()


def test_answers_are_not_awaited_where_nobody_is_read_for(reader: SharedReader) -> None:
    reader.await_answers()
    assert reader.greenlet is None
