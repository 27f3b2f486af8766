"""The cheap HTTP client: answers whole, in pieces, without a body, and those that it does not understand."""

from __future__ import annotations

import pytest

from bench.load.clients.fetcher import newest_number
from bench.load.sockets.http_client import HttpConnection, HttpFailed, Response, get_request

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nETag: "7"\r\n\r\n{"count":0}'
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nEtag: "7"\r\n\r\n'


@pytest.fixture
def answers() -> list[Response]:
    return []


@pytest.fixture
def connection(answers: list[Response]) -> HttpConnection:
    return HttpConnection(answers.append)


def test_whole_answer(connection: HttpConnection, answers: list[Response]) -> None:
    connection.data_received(ANSWER)
    [answer] = answers
    assert (answer.status, answer.body, answer.header(b"etag")) == (200, b'{"count":0}', b'"7"')
    assert answer.head + answer.body == ANSWER


def test_answer_byte_by_byte(connection: HttpConnection, answers: list[Response]) -> None:
    for at in range(len(ANSWER)):
        assert not answers
        connection.data_received(ANSWER[at : at + 1])
    assert answers[0].body == b'{"count":0}'


def test_answers_one_after_the_other_over_one_connection(connection: HttpConnection, answers: list[Response]) -> None:
    for answer in (NOT_MODIFIED, ANSWER, NOT_MODIFIED):
        connection.data_received(answer)
    assert [answer.status for answer in answers] == [304, 200, 304]
    assert answers[0].body == b""


def test_answers_in_one_piece_of_data_are_all_seen(connection: HttpConnection, answers: list[Response]) -> None:
    connection.data_received(ANSWER + NOT_MODIFIED + ANSWER[:20])
    assert [answer.status for answer in answers] == [200, 304]
    connection.data_received(ANSWER[20:])
    assert [answer.status for answer in answers] == [200, 304, 200]


def test_answer_without_length_is_not_guessed_at(connection: HttpConnection) -> None:
    with pytest.raises(HttpFailed, match="Content-Length"):
        connection.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_sending_over_a_lost_connection_fails(connection: HttpConnection) -> None:
    connection.connection_lost(None)
    with pytest.raises(HttpFailed):
        connection.send(b"GET / HTTP/1.1\r\n\r\n")


def test_request_is_what_a_game_client_sends() -> None:
    request = get_request("/api/rooms", host="127.0.0.1", port=80, headers=('If-None-Match: "7"',))
    assert request == (
        b"GET /api/rooms HTTP/1.1\r\nHost: 127.0.0.1:80\r\nUser-Agent: lobby-bench\r\nAccept: */*\r\n"
        b'If-None-Match: "7"\r\n\r\n'
    )


@pytest.mark.parametrize(
    ("body", "number"),
    [(b'{"rooms":[{"map_name":"lab-000012"},{"map_name":"lab-000011"}]}', 12), (b'{"rooms":[]}', -1)],
)
def test_newest_room_of_a_list(body: bytes, number: int) -> None:
    assert newest_number(body) == number
