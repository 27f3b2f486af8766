"""The shared reader: which reads are the same, and what is read without a wake."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
import pytest
from gevent import monkey
from gevent.event import Event

from loadtest.client.sockets.arrival import stamp_arrivals
from loadtest.wire.reader import READ_BYTES, SPACING_S, TURNS_WITHOUT_A_NAP, SharedReader
from loadtest.wire.together.group import OUT
from lobby_server.protocol.messages import Pong, encode_frame
from tests.loadtest.fakes import DEADLINE_S
from tests.loadtest.wire.test_wire import wait_for


class Connection:
    """Its server is the other end of a connection over the loopback, or of a pair of sockets, which have no stamps."""

    def __init__(self, *, is_stamped: bool = True) -> None:
        self.sock: Any
        if is_stamped:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.sock = socket.create_connection(listener.getsockname())
                self.server, _ = listener.accept()
            stamp_arrivals(self.sock)
        else:
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


class Together:
    """Takes for those who hear with others."""

    def __init__(self, reader: SharedReader) -> None:
        self._group = reader.group
        self.taken: list[tuple[bytes, int]] = []

    def take(self, chunk: bytes, fds: Sequence[int], arrived_s: Sequence[float]) -> None:
        assert len(fds) == len(arrived_s)
        self.taken.append((chunk, len(fds)))
        for fd in fds:
            self._group.connections[fd].on_bytes(chunk, arrived_s[0])


@pytest.fixture
def reader() -> Iterator[SharedReader]:
    reader = SharedReader()
    yield reader
    reader.close()


def connected(
    reader: SharedReader, number: int, *, hears_with_others: bool = False, is_stamped: bool = True
) -> list[Connection]:
    made = [Connection(is_stamped=is_stamped) for _ in range(number)]
    for connection in made:
        reader.add(connection)
        if hears_with_others:
            reader.group.receivers[connection.sock.fileno()] = connection.sock.recvmsg_into
    return made


def greeted(reader: SharedReader, number: int, *, is_stamped: bool = True) -> list[Connection]:
    """Those that have been read for, and heard nothing since. Where the kernel is asked for times it gives them: after
    the first socket of the machine that asks, it begins to when it has a moment."""
    made = connected(reader, number, is_stamped=is_stamped)

    def have_heard() -> bool:
        for connection in made:
            connection.heard.clear()
            connection.server.send(b"hello")
        wait_for(lambda: all(connection.heard for connection in made))
        return reader._has_stamps or not is_stamped

    wait_for(have_heard)
    for connection in made:
        connection.heard.clear()
    return made


def test_only_reads_of_the_same_bytes_are_taken_together(reader: SharedReader) -> None:
    """Whatever the buffer still holds of a longer one before."""
    reader.group.together = together = Together(reader)
    reads = [b"abcdef", b"abcdef", b"abc", b"abcdef", b"abcdeg", b"abc", b"abcdef", b"xbcdef"]
    players = connected(reader, len(reads), hears_with_others=True)
    for player, read in zip(players, reads, strict=True):
        player.server.send(read)
    wait_for(lambda: all(player.heard for player in players))
    assert [player.heard for player in players] == [[read] for read in reads]
    assert sorted(together.taken) == sorted((read, reads.count(read)) for read in set(reads))
    for player in players:
        player.close()


def test_one_that_hears_for_itself_between_others_changes_nothing_for_them(reader: SharedReader) -> None:
    reader.group.together = together = Together(reader)
    players = connected(reader, 3, hears_with_others=True)
    reader.group.receivers[players[1].sock.fileno()] = None
    for player, read in zip(players, (b"abcd", b"wxyz", b"abcd"), strict=True):
        player.server.send(read)
    wait_for(lambda: all(player.heard for player in players))
    assert [player.heard for player in players] == [[b"abcd"], [b"wxyz"], [b"abcd"]]
    assert together.taken == [(b"abcd", 2)]
    for player in players:
        player.close()


def test_answer_to_a_heartbeat_is_each_players_own_though_its_bytes_are_those_of_others(reader: SharedReader) -> None:
    """Those of one millisecond are the same; who has sent no heartbeat hears its answer as anything else."""
    pong = encode_frame(Pong(ts=1234567890123))
    reader.group.together = together = Together(reader)
    players = connected(reader, 6, hears_with_others=True)
    waiting, sent_s = [players[number].sock.fileno() for number in (1, 2, 4)], time.perf_counter()
    for fd in waiting:
        reader.group.sent_s[fd], reader.group.standing[fd] = sent_s, 0
    reader.group.standing[waiting[2]] = OUT  # it leaves before it is told, and takes with it what it waits for
    for player in players:
        player.server.send(pong)
    wait_for(lambda: reader.reads == len(players))
    wait_for(lambda: sum(bool(player.heard) for player in players) == 4)
    assert [player.heard for player in players] == [[pong], [], [], [pong], [pong], [pong]]
    assert sum(number for _, number in together.taken) == 4
    assert [reader.group.sent_s[fd] for fd in waiting] == [0.0, 0.0, sent_s]
    assert [reader.group.heard_s[fd] > sent_s for fd in waiting] == [True, True, False]
    for player in players:
        player.close()


def is_at_hand(player: Connection) -> None:
    """What its server sent is in the socket: the kernel hands it over later where it is busy. Nothing else runs."""
    poll = monkey.get_original("select", "poll")()
    poll.register(player.sock.fileno(), select.POLLIN)
    assert poll.poll(DEADLINE_S * 1000)


def test_answers_that_are_awaited_are_read_before_anything_else_runs(reader: SharedReader) -> None:
    players = greeted(reader, 3)
    for player in players:
        player.server.send(b"pong")
        is_at_hand(player)
    reader.await_answers()
    assert [player.heard for player in players] == [[b"pong"]] * 3
    for player in players:
        player.close()


def test_answers_of_a_slow_server_are_not_awaited_for_a_while(reader: SharedReader) -> None:
    [player] = greeted(reader, 1)
    reader.await_answers()
    player.server.send(b"late")
    is_at_hand(player)
    for _ in range(TURNS_WITHOUT_A_NAP):
        reader.await_answers()
    assert player.heard == []
    reader.await_answers()
    assert player.heard == [b"late"]
    player.close()


def test_answers_without_the_kernels_time_are_not_held_up(
    reader: SharedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over TLS: the time of reading is theirs."""
    [player] = greeted(reader, 1, is_stamped=False)
    naps: list[float] = []
    monkeypatch.setattr("loadtest.wire.reader._nap", naps.append)
    rests_until_s = reader._rests_until_s
    player.server.send(b"pong")
    reader.await_answers()
    assert (player.heard, naps, reader._rests_until_s) == ([], [], rests_until_s)
    wait_for(lambda: player.heard == [b"pong"])
    player.close()


def test_what_a_player_is_told_stays_in_order_while_the_receiver_of_another_one_blocks(reader: SharedReader) -> None:
    blocked, go_on = Event(), Event()

    class Blocking(Connection):
        def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
            if chunk == b"block":
                blocked.set()
                go_on.wait()
            super().on_bytes(chunk, arrived_s)

    reader.group.together = Together(reader)
    [player] = connected(reader, 1, hears_with_others=True)
    other = Blocking()
    reader.add(other)
    other.server.send(b"hello")
    wait_for(lambda: bool(other.heard))
    player.server.send(b"first")
    other.server.send(b"block")
    with gevent.Timeout(DEADLINE_S):
        blocked.wait()
    player.server.send(b"second")
    reader.await_answers()
    gevent.sleep(10 * SPACING_S)  # a turn for the reader's greenlet, where it is not the one that is blocked
    go_on.set()
    wait_for(lambda: b"".join(player.heard) == b"firstsecond" or len(player.heard) == 2)
    assert b"".join(player.heard) == b"firstsecond"
    player.close()
    other.close()


def test_answers_are_not_awaited_where_nobody_is_read_for(reader: SharedReader) -> None:
    reader.await_answers()
    assert reader.greenlet is None


class Ending(Connection):
    """Its end is heard."""

    def on_end(self, why: str) -> None:
        self.heard.append(b"")


class InParts:
    """A socket that hands out a byte per read and keeps the rest, as TLS keeps what is not decrypted."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.fileno, self.close = sock.fileno, sock.close

    def recvmsg_into(self, into: list[memoryview], beside_bytes: int) -> Any:
        return self._sock.recvmsg_into([into[0][:1]], beside_bytes)


@pytest.mark.parametrize("hears_with_others", [False, True])
def test_more_than_the_buffer_takes_is_read_to_its_end(reader: SharedReader, *, hears_with_others: bool) -> None:
    """Nothing new comes that would tell of the rest. The same bytes for both, and each of them whole."""
    reader.group.together = Together(reader)
    sent = bytes(3 * READ_BYTES + 7)
    players = [Ending() for _ in range(2)]
    for player in players:
        for end in (player.sock, player.server):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * READ_BYTES)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * READ_BYTES)
        player.server.sendall(sent)
        if hears_with_others:
            reader.group.receivers[player.sock.fileno()] = player.sock.recvmsg_into
        reader.add(player)
    wait_for(lambda: all(sum(map(len, player.heard)) == len(sent) for player in players))
    for player in players:
        player.close()


@pytest.mark.parametrize("hears_with_others", [False, True])
def test_an_end_that_came_with_the_last_bytes_is_heard_after_them(
    reader: SharedReader, *, hears_with_others: bool
) -> None:
    reader.group.together = Together(reader)
    player = Ending()
    player.server.send(b"last")
    player.server.close()
    is_at_hand(player)
    if hears_with_others:
        reader.group.receivers[player.sock.fileno()] = player.sock.recvmsg_into
    reader.add(player)
    wait_for(lambda: player.heard[:2] == [b"last", b""])
    player.sock.close()


def test_a_socket_that_keeps_some_of_what_came_is_read_again(reader: SharedReader) -> None:
    player = Connection()
    player.sock = InParts(player.sock)
    reader.add(player)
    player.server.send(b"encrypted")
    wait_for(lambda: b"".join(player.heard) == b"encrypted")
    player.close()
