"""Limits of an address and of a user count on all nodes together, and by shares where nodes cannot ask each other."""

from __future__ import annotations

import time

import pytest

from bench.processes.target import Target
from tests.cluster.lobby import Lobby, online_at
from tests.cluster.test_one_lobby import post
from tests.process.clients import call, wait_until
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system


def test_limit_of_an_address_holds_over_all_nodes(lobby: Lobby) -> None:
    """Two per minute, and what comes back while a slow machine answers."""
    one, other = (lobby.start("--auth-rate-per-min", "2") for _ in range(2))

    def granted(*nodes: Target) -> tuple[int, float]:
        """How many of as many log-ins were let through to the password, and how long all took."""
        began_s = time.monotonic()
        login = {"username": "nobody", "password": "a password"}
        answers = [call(node, "POST", "/api/auth/login", login).status for node in nodes]
        assert set(answers) <= {401, 429}
        return answers.count(401), time.monotonic() - began_s

    together, took_s = granted(one, other, one, other)
    assert 2 <= together <= 2 + int(took_s / 30)
    lobby.engine.freeze()
    try:  # each of the two grants its share: one of the two per minute
        with Stopwatch(one.pid) as watch:
            first, first_s = granted(one)
        assert watch.took_s < 2.0
        more, more_s = granted(one)
        assert 1 == first <= first + more <= 1 + int((first_s + more_s) / 60)
        share, share_s = granted(other, other)
        assert 1 <= share <= 1 + int(share_s / 60)
    finally:
        lobby.engine.thaw()


def test_limit_of_a_user_holds_over_all_nodes(lobby: Lobby) -> None:
    nodes = [lobby.start("--social-rate-per-min", "4") for _ in range(2)]  # half of it in one burst
    guests = [lobby.connect(nodes[0], 2 + number) for number in range(6)]
    wait_until(lambda: len(online_at(nodes[1])) == len(guests))

    def ask(number: int, node: Target) -> int:
        status: int = post(node, "/api/friends/requests", 1, {"to_user_id": guests[number].user_id}).status
        return status

    assert [ask(number, nodes[number % 2]) for number in range(3)] == [201, 201, 429]
    assert post(nodes[0], "/api/friends/requests", 9, {"to_user_id": 2}).status == 201
    for guest in guests:
        guest.end()
