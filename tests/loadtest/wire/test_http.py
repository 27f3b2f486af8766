"""Keep-alive HTTP over the shared reader: answers however they are cut, connections however they end."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator

import gevent
import pytest

from loadtest.wire.messages.answers import Answer, AnswerParser
from loadtest.wire.messages.heads import BadAnswer
from loadtest.wire.outgoing.http import MOST_KNOWN, HttpPool
from loadtest.wire.shared import Wire
from tests.loadtest.fakes import FakePeer, FakeServer, Script
from tests.loadtest.wire.test_wire import wait_for
from tests.nobody import refusing_port
from tests.patience import PATIENCE_S

REQUEST = b"GET /api/rooms HTTP/1.1\r\nHost: lobby.test\r\n\r\n"


def answer_bytes(body: bytes, *headers: str, status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = b"HTTP/1.1 200 Ok\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n, world!!!\r\n0\r\n"


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (answer_bytes(b"hello"), b"hello"),
        (answer_bytes(b""), b""),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer_bytes(b"hello"), b"hello"),
        (CHUNKED + b"\r\n", b"hello, world!!!"),
        (CHUNKED + b"Trailer: one\r\n\r\n", b"hello, world!!!"),
    ],
    ids=["length", "empty", "304", "100 first", "chunked", "trailers"],
)
def test_an_answer_cut_at_every_byte_is_the_same_answer(stream: bytes, body: bytes):
    for cut in range(1, len(stream)):
        parser = AnswerParser()
        assert parser.is_between
        assert parser.feed(stream[:cut]) is None
        assert parser.is_between == stream[:cut].endswith(b"Continue\r\n\r\n")
        answer = parser.feed(stream[cut:])
        assert answer is not None
        assert (answer.body, answer.is_last) == (body, False)
        assert parser.is_between


def test_a_body_may_end_with_its_connection():
    parser = AnswerParser()
    assert parser.feed(b"HTTP/1.0 200 Ok\r\n\r\nhel") is None
    assert parser.feed(b"lo") is None
    answer = parser.end()
    assert answer is not None
    assert (answer.body, answer.is_last) == (b"hello", True)
    cut = AnswerParser()
    assert cut.feed(answer_bytes(b"hello")[:-1]) is None
    assert cut.end() is None


@pytest.mark.parametrize(
    "stream",
    [
        answer_bytes(b"hello") + b"more",
        b"HTTP/1.1 200 Ok\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 Ok\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 Ok\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 Ok\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(stream: bytes):
    with pytest.raises(BadAnswer):
        AnswerParser().feed(stream)


def test_a_compressed_body_is_read_and_a_broken_one_refused():
    def read(body: bytes, coding: str = "gzip") -> bytes:
        answer = AnswerParser().feed(answer_bytes(body, f"Content-Encoding: {coding}"))
        assert answer is not None
        return answer.decoded()

    assert read(gzip.compress(b"rooms")) == b"rooms"
    for body, coding in ((gzip.compress(b"rooms")[:-4], "gzip"), (b"rooms", "gzip"), (b"rooms", "br")):
        with pytest.raises(BadAnswer):
            read(body, coding)


# -- the pool -----------------------------------------------------------------------------------------------------


class Asking:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.failures: list[str] = []
        self.begins_s: list[float] = []

    def begins(self, at_s: float) -> None:
        self.begins_s.append(at_s)

    def answered(self, answer: Answer, arrived_s: float) -> None:
        self.answers.append(answer)

    def unanswered(self, why: str) -> None:
        self.failures.append(why)

    @property
    def is_over(self) -> bool:
        return bool(self.answers or self.failures)


Pool = Callable[..., tuple[HttpPool, FakeServer]]


@pytest.fixture
def pool() -> Iterator[Pool]:
    made: list[tuple[HttpPool, Wire, FakeServer]] = []

    def make(*scripts: Script, most: int = 4, timeout_s: float = PATIENCE_S) -> tuple[HttpPool, FakeServer]:
        server = FakeServer(*scripts).__enter__()
        wire, url = Wire(server.url), server.url.replace("ws", "http")
        found = HttpPool(url, reader=wire.reader, timers=wire.timers, crew=wire.crew, most=most, timeout_s=timeout_s)
        made.append((found, wire, server))
        return found, server

    yield make
    for found, wire, server in made:
        found.close()
        wire.close()
        server.__exit__(None, None, None)


def ask(pool: HttpPool, number: int = 1) -> list[Asking]:
    askers = [Asking() for _ in range(number)]
    for asker in askers:
        pool.ask(REQUEST, asker)
        assert not asker.is_over, "never from within the call"
    wait_for(lambda: all(asker.is_over for asker in askers))
    return askers


def answering(peer: FakePeer) -> None:
    while True:
        peer.read_request()
        peer.sock.sendall(answer_bytes(b"rooms"))


def test_a_connection_is_kept_for_the_next_request(pool: Pool):
    http, server = pool(answering)
    for _ in range(3):
        [asker] = ask(http)
        assert asker.answers[0].body == b"rooms"
    assert len(server.accepted_at_s) == len(http) == 1


def test_more_askers_than_connections_wait_for_their_turn(pool: Pool):
    http, server = pool(answering, most=2)
    assert all(asker.answers for asker in ask(http, 9))
    assert len(server.accepted_at_s) <= 2


def test_the_same_bytes_are_one_answer_for_all_and_few_are_remembered(pool: Pool):
    numbers = iter(range(1000))

    def script(peer: FakePeer) -> None:
        while True:
            peer.read_request()
            peer.sock.sendall(answer_bytes(b"rooms %d" % (next(numbers) // 2)))

    http, _ = pool(script, most=1)
    bodies = [ask(http)[0].answers[0] for _ in range(4 * MOST_KNOWN)]
    assert all(bodies[at] is bodies[at + 1] for at in range(0, len(bodies), 2))
    assert len({answer.body for answer in bodies}) == 2 * MOST_KNOWN
    assert len(http._known) == MOST_KNOWN


def test_a_request_that_met_a_closed_connection_is_sent_again(pool: Pool):
    def once(peer: FakePeer) -> None:
        peer.read_request()
        peer.sock.sendall(answer_bytes(b"first"))
        peer.read_request()  # and the end, without a word

    http, server = pool(once, answering)
    assert ask(http)[0].answers[0].body == b"first"
    assert ask(http)[0].answers[0].body == b"rooms"
    assert len(server.accepted_at_s) == 2


def test_a_server_that_says_so_gets_a_new_connection(pool: Pool):
    def script(peer: FakePeer) -> None:
        peer.read_request()
        peer.sock.sendall(answer_bytes(b"last", "Connection: close"))

    http, server = pool(script)
    assert ask(http)[0].answers[0].is_last
    assert ask(http)[0].answers[0].is_last
    assert len(server.accepted_at_s) == 2


def half(peer: FakePeer) -> None:
    peer.read_request()
    peer.sock.sendall(answer_bytes(b"rooms")[:-2])


def rubbish(peer: FakePeer) -> None:
    peer.read_request()
    peer.sock.sendall(b"SSH-2.0-lobby\r\n\r\n")
    peer.wait_until_gone()


@pytest.mark.parametrize(
    ("script", "why"),
    [(half, "without"), (rubbish, "no HTTP"), (lambda peer: peer.wait_until_gone(), "no answer within 0.1 s")],
    ids=["half", "rubbish", "silence"],
)
def test_no_answer_says_why_and_the_next_one_is_not_harmed(pool: Pool, script: Script, why: str):
    http, _ = pool(script, answering, timeout_s=0.1 if "0.1" in why else PATIENCE_S)
    [asker] = ask(http)
    assert why in asker.failures[0]
    http.timeout_s = PATIENCE_S
    assert ask(http)[0].answers


def test_no_server_is_a_failure_of_each(pool: Pool):
    http, server = pool(answering)
    with refusing_port() as port:
        http.addresses._port = port
        assert all("refused" in asker.failures[0].lower() for asker in ask(http, 3))
    assert not server.accepted_at_s


def test_after_its_end_a_pool_answers_nobody(pool: Pool):
    asked = threading.Event()

    def script(peer: FakePeer) -> None:
        peer.read_request()
        asked.set()
        peer.wait_until_gone()

    http, _ = pool(script)
    asker = Asking()
    http.ask(REQUEST, asker)
    wait_for(asked.is_set)
    http.close()
    http.ask(REQUEST, asker)
    gevent.sleep(0.02)
    assert not asker.is_over


def test_time_counts_from_the_sending_however_late_this_process_is(pool: Pool):
    http, _ = pool(answering)
    asker, asked_s = Asking(), http.timers.clock()
    http.ask(REQUEST, asker)
    time.sleep(0.05)  # nothing else runs meanwhile
    wait_for(lambda: asker.is_over)
    assert asker.begins_s[0] - asked_s >= 0.05


def test_time_counts_from_the_asking_where_the_server_keeps_all_connections_busy(pool: Pool):
    go_on = threading.Event()

    def slow(peer: FakePeer) -> None:
        while True:
            peer.read_request()
            go_on.wait(PATIENCE_S)
            peer.sock.sendall(answer_bytes(b"rooms"))

    http, _ = pool(slow, most=1)
    first, second = Asking(), Asking()
    http.ask(REQUEST, first)
    wait_for(lambda: bool(first.begins_s))
    asked_s = http.timers.clock()
    http.ask(REQUEST, second)
    was_asked_s = http.timers.clock()
    gevent.sleep(0.05)
    assert not second.begins_s
    go_on.set()
    wait_for(lambda: second.is_over)
    [begins_s] = second.begins_s
    assert asked_s <= begins_s <= was_asked_s


def test_request_that_is_sent_again_counts_from_its_first_sending(pool: Pool):
    def once(peer: FakePeer) -> None:
        peer.read_request()
        peer.sock.sendall(answer_bytes(b"first"))
        peer.read_request()

    http, _ = pool(once, answering)
    ask(http)
    [asker] = ask(http)
    first_s, again_s, *_ = asker.begins_s  # once more where the kernel took its time to connect
    assert first_s == again_s
