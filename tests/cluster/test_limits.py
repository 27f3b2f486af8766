"""Limits of an address and of a user count on all nodes together, and by shares where nodes cannot ask each other."""

from __future__ import annotations

import time
import urllib.request

import pytest

from bench.processes.target import Target
from tests.cluster.lobby import LASTING, Lobby, online_at
from tests.cluster.patient import PATIENT
from tests.cluster.test_one_lobby import post
from tests.patience import PATIENCE_S
from tests.process.clients import call, wait_until
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system


def nodes_that_it_knows(node: Target) -> int:
    with urllib.request.urlopen(node.http_url + "/metrics", timeout=PATIENCE_S) as response:
        lines = response.read().decode().splitlines()
    return int(next(float(line.split()[1]) for line in lines if line.startswith("lobby_nodes ")))


def granted(*nodes: Target) -> tuple[int, float]:
    """How many of as many log-ins were let through, and how long all took. They name nobody: a hash would keep a core
    busy, and is none of the limit's."""
    began_s = time.monotonic()
    answers = [call(node, "POST", "/api/auth/login", {}).status for node in nodes]
    assert set(answers) <= {400, 429}
    return answers.count(400), time.monotonic() - began_s


def test_limit_of_an_address_holds_over_all_nodes(lobby: Lobby) -> None:
    """Two per minute, and what comes back while a slow machine answers."""
    one, other = (lobby.start("--auth-rate-per-min", "2", *LASTING, prefix=PATIENT) for _ in range(2))
    together, took_s = granted(one, other, one, other)
    assert 2 <= together <= 2 + int(took_s / 30)


def test_nodes_that_cannot_ask_each_other_grant_their_shares_and_answer_soon(lobby: Lobby) -> None:
    one, other = (lobby.start("--auth-rate-per-min", "2", *LASTING) for _ in range(2))
    wait_until(lambda: nodes_that_it_knows(one) == nodes_that_it_knows(other) == 2)
    lobby.engine.freeze()
    try:  # each of the two grants its share: one of the two per minute
        with Stopwatch(one.pid, in_turn=True) as watch:
            first, first_s = granted(one)
        assert watch.took_s < 2.0
        more, more_s = granted(one)
        assert 1 == first <= first + more <= 1 + int((first_s + more_s) / 60)
        share, share_s = granted(other, other)
        assert 1 <= share <= 1 + int(share_s / 60)
    finally:
        lobby.engine.thaw()


def test_limit_of_a_user_holds_over_all_nodes(lobby: Lobby) -> None:
    """Four per minute, half of it in one burst."""
    nodes = [lobby.start("--social-rate-per-min", "4", *LASTING, prefix=PATIENT) for _ in range(2)]
    guests = [lobby.connect(nodes[0], 2 + number) for number in range(6)]
    wait_until(lambda: len(online_at(nodes[1])) == len(guests))

    def ask(number: int, node: Target) -> int:
        status: int = post(node, "/api/friends/requests", 1, {"to_user_id": guests[number].user_id}).status
        return status

    began_s = time.monotonic()
    statuses = [ask(number, nodes[number % 2]) for number in range(3)]
    assert statuses[:2] == [201, 201]
    assert statuses[2] == 429 or time.monotonic() - began_s >= 15  # after which one more has come back
    assert post(nodes[0], "/api/friends/requests", 9, {"to_user_id": 2}).status == 201
    for guest in guests:
        guest.end()
