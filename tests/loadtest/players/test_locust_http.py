"""Calls of a player who is at one of several nodes."""

from __future__ import annotations

import socket

import pytest
from locust.env import Environment

from loadtest.client import ServerAway
from loadtest.client.http import HttpCall
from loadtest.measure.recorder import Recorder
from loadtest.players.locust_http import LocustHttp, new_session
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
