import gzip
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from loadtest.client import (
    ApiError,
    HttpAnswer,
    KeepAliveHttp,
    LobbyApi,
    RateLimited,
    ServerAway,
    ServerTimers,
    UnexpectedAnswer,
)
from loadtest.client.http import HttpCall, parse_retry_after_s
from tests.loadtest.fakes import JWT, FakeHttp, FakePeer, FakeServer, json_answer, problem, room, rooms_body
from tests.nobody import refusing_port


def test_calls_carry_token_body_and_route():
    http = FakeHttp(lambda call: json_answer({"success": True, "room": room("r/1")}, status=201))
    made = LobbyApi(http).create_room(JWT, gamemode="duel", map_name="canyon", max_players=4, is_public=False)
    assert made.id == "r/1"
    [call] = http.calls
    assert (call.method, call.path, call.route) == ("POST", "/api/rooms", "/api/rooms")
    assert call.headers == {"authorization": f"Bearer {JWT}", "content-type": "application/json"}
    assert call.body == b'{"gamemode":"duel","isPublic":false,"mapName":"canyon","maxPlayers":4}'


def test_paths_of_rooms_are_grouped_and_quoted():
    http = FakeHttp(lambda call: json_answer({"success": True}))
    LobbyApi(http).delete_room(JWT, "a/b?c")
    assert (http.calls[0].path, http.calls[0].route) == ("/api/rooms/a%2Fb%3Fc", "/api/rooms/[id]")


def test_rooms_with_a_current_etag_are_not_sent_again():
    http = FakeHttp(lambda call: HttpAnswer(status=304, headers={}, body=b""))
    answer = LobbyApi(http).rooms(etag='"5"')
    assert (answer.rooms, answer.etag) == (None, '"5"')
    assert http.calls[0].headers == {"if-none-match": '"5"'}


def test_errors_of_the_lobby_carry_their_fields():
    body = {"error": "You host already.", "code": "already_hosting", "existing_room_id": "r7"}
    with pytest.raises(ApiError) as caught:
        LobbyApi(FakeHttp(lambda call: json_answer(body, status=409))).create_room(JWT, gamemode="duel")
    error = caught.value
    assert (error.status, error.code, error.sentence) == (409, "already_hosting", "You host already.")
    assert error.existing_room_id == "r7"
    assert not error.is_about_the_token


def test_a_code_from_the_future_is_kept():
    with pytest.raises(ApiError) as caught:
        LobbyApi(FakeHttp(lambda call: problem(418, "teapot"))).online_users(JWT)
    assert caught.value.code == "teapot"


@pytest.mark.parametrize("status", [401, 403])
def test_errors_about_the_token_say_so(status: int):
    with pytest.raises(ApiError) as caught:
        LobbyApi(FakeHttp(lambda call: problem(status, "invalid_token"))).refresh(JWT)
    assert caught.value.is_about_the_token


@pytest.mark.parametrize(("header", "expected_s"), [({"retry_after": "7"}, 7.0), ({}, 5.0)])
def test_rate_limits_say_how_long_to_wait(header: dict[str, str], expected_s: float):
    with pytest.raises(RateLimited) as caught:
        LobbyApi(FakeHttp(lambda call: problem(429, "rate_limited", **header))).login(username="a", password="b")
    assert caught.value.retry_after_s == expected_s


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(status=404, headers={}, body=b"<html>nginx</html>"),
        HttpAnswer(status=200, headers={}, body=b"<html>"),
        json_answer({"rooms": "none"}),
        HttpAnswer(status=200, headers={}, body=b"\xff"),
    ],
)
def test_an_answer_of_somebody_else_is_told_apart(answer: HttpAnswer):
    with pytest.raises(UnexpectedAnswer):
        LobbyApi(FakeHttp(lambda call: answer)).rooms()


@pytest.mark.parametrize(
    ("text", "expected"), [(None, None), ("3", 3.0), ("-1", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_retry_after(text: str | None, expected: float | None):
    assert parse_retry_after_s(text) == expected


# -- over the wire ------------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peers: ClassVar[list[tuple[str, int]]] = []

    def do_GET(self) -> None:
        self.peers.append(self.client_address)
        body = gzip.compress(b'{"count":1,"rooms":[]}')
        self.send_response(200)
        self.send_header("ETag", '"9"')
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def http_server():
    Handler.peers.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_one_connection_serves_many_calls_and_gzip_is_taken(http_server: str):
    http = KeepAliveHttp(http_server + "/")
    api = LobbyApi(http)
    for _ in range(3):
        answer = api.rooms()
        assert (answer.rooms, answer.etag) == ((), '"9"')
    assert len(set(Handler.peers)) == 1
    http.close()


def test_nobody_there_is_server_away_in_few_words():
    with refusing_port() as port:
        http = KeepAliveHttp(f"http://127.0.0.1:{port}", timeout_s=1)
        with pytest.raises(ServerAway) as caught:
            http.call(HttpCall(method="GET", path="/", route="/"))
        http.close()
    assert caught.value.why == "connection refused"


def test_lists_have_the_vocabularys_rooms():
    rooms = LobbyApi(FakeHttp(lambda call: json_answer(rooms_body(["a"])))).rooms().rooms
    assert rooms is not None
    assert rooms[0].max_players == 8


def test_timers_are_those_of_the_server_and_what_it_does_not_tell_is_the_protocols():
    timers = {"heartbeat_timeout_s": 20, "tick_ms": 5}
    http = FakeHttp(lambda call: json_answer({"transport": {}, "timers": timers}))
    assert LobbyApi(http).server_timers() == ServerTimers(heartbeat_timeout_s=20.0)
    assert (http.calls[0].method, http.calls[0].path) == ("GET", "/api/protocol")


def test_bytes_that_are_no_http_are_not_shown():
    def script(peer: FakePeer) -> None:
        peer.read_request()
        peer.sock.sendall(b"\x00\x01what\r\n\r\n")
        peer.wait_until_gone()

    with FakeServer(script) as server:
        http = KeepAliveHttp(f"http://127.0.0.1:{server.port}")
        with pytest.raises(ServerAway) as caught:
            LobbyApi(http).rooms()
        http.close()
    assert caught.value.why == "what came is no HTTP"
