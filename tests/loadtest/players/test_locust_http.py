"""Calls of a player who is at one of several nodes."""

from __future__ import annotations

import socket

import pytest
from locust.env import Environment

from loadtest.client import ServerAway
from loadtest.client.http import HttpCall
from loadtest.measure.recorder import Recorder
from loadtest.players.locust_http import LocustHttp, event_of, new_session
from loadtest.wire.places import Place

ELSEWHERE = "http://127.0.0.1:9"


def test_call_to_a_node_that_does_not_answer_moves_its_player_on() -> None:
    with socket.socket() as taken:  # bound, so that nobody else gets the port, and nobody listens
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        place = Place((nowhere, ELSEWHERE))
        session = new_session(Environment(), host=ELSEWHERE, connections=1)
        http = LocustHttp(session, Recorder()).at(place)
        assert http.url == nowhere
        with pytest.raises(ServerAway, match=nowhere):
            http.intended(0.0).call(HttpCall(method="GET", path="/api/rooms", route="/api/rooms"))
        http.close()
    assert place.host == http.url == ELSEWHERE


@pytest.mark.parametrize(
    ("method", "route", "status", "event"),
    [
        ("POST", "/api/rooms/[id]/ready", 409, "rooms found otherwise (ready)"),
        ("POST", "/api/rooms/[id]/host", 400, "rooms found otherwise (hand-over)"),
        ("POST", "/api/rooms/[id]/host", 409, None),
        ("POST", "/api/rooms/[id]/ready", 400, None),
        ("PATCH", "/api/rooms/[id]", 404, "rooms found otherwise (settings)"),
        ("PATCH", "/api/rooms/[id]", 409, None),
        ("POST", "/api/codes/[code]", 404, "rooms found otherwise (code)"),
        ("POST", "/api/codes/[code]", 400, None),
        ("POST", "/api/reports", 404, "acquaintances found gone"),
        ("POST", "/api/reports", 400, None),
        ("PATCH", "/api/account", 404, None),
        ("POST", "/api/rooms/[id]/start", 500, None),
    ],
)
def test_only_what_another_player_may_have_done_meanwhile_is_no_failure(
    method: str, route: str, status: int, event: str | None
) -> None:
    assert event_of(HttpCall(method=method, path=route, route=route), status, b"") == event
