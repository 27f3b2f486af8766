"""Tokens that an account service issues, and what is read in them."""

from __future__ import annotations

import pytest

from bench.simulation.nodes.node import SECRET
from bench.simulation.outside.issuing import Issuer, read_token
from bench.simulation.outside.loop import BEGINNING, NodeClock, ProcessLoop, World
from lobby_server.service.auth import Tokens
from tests.bench.simulation.lobbies import ANN


@pytest.fixture
def clock() -> NodeClock:
    return ProcessLoop(World(), booted_s=0.0, on_fault=lambda what: None).clock


@pytest.mark.parametrize("has_sign_in", [True, False])
def test_token_says_what_the_server_reads_in_it(clock: NodeClock, *, has_sign_in: bool) -> None:
    token = Issuer(SECRET, clock).issue(ANN, ttl_s=7, has_sign_in=has_sign_in)
    shown = read_token(token)
    claims = Tokens(SECRET, ttl_s=1, clock=clock, new_token_id=str).verify(token)
    assert (shown.user, shown.token_id, shown.sign_in_key) == (claims.user, claims.token_id, claims.sign_in_key)
    assert shown.ends_s == claims.expires_at_s == BEGINNING.timestamp() + 7
    assert (shown.sign_in_key is not None) is has_sign_in
    assert set(shown.keys) == {shown.token_id, shown.sign_in_key} - {None}


def test_each_login_has_a_token_of_its_own(clock: NodeClock) -> None:
    issuer = Issuer(SECRET, clock)
    one, other = (read_token(issuer.issue(ANN, has_sign_in=True)) for _ in range(2))
    assert set(one.keys).isdisjoint(other.keys)
