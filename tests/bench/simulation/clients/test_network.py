"""A player's way to the lobby: where the balancer sends them, and calls that are answered, late or never."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from greenlet import getcurrent

from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.network import HTTP_TIMEOUT_S, Network
from bench.simulation.nodes.calls import NONE, Answer, Asked
from bench.simulation.outside.loop import World
from loadtest.client.api import LobbyApi
from loadtest.client.errors import ApiError, ClientError, ServerAway
from loadtest.client.http import HttpCall
from lobby_server.protocol.resources import FreshToken

GOOD = Answer(200, "body", etag='"7"')


def a_life(
    name: str = "a",
    *,
    is_open: bool = True,
    is_ready: bool | None = True,
    is_frozen: bool = False,
    is_over: bool = False,
) -> Any:
    """`is_ready` None: a node that takes no part in a cluster."""
    nodes = None if is_ready is None else SimpleNamespace(is_ready=is_ready)
    return SimpleNamespace(
        name=name, is_open=is_open, is_over=is_over, app=SimpleNamespace(nodes=nodes),
        loop=SimpleNamespace(is_frozen=is_frozen, call_soon=lambda act, *args: act(*args), world=World()),
        connected=[], call=None,
    )  # fmt: skip


@pytest.fixture
def world() -> World:
    found = World()
    found.hub = getcurrent()
    return found


def network(world: World, *lives: Any) -> Network:
    nodes: list[Any] = [SimpleNamespace(life=life) for life in lives]
    return Network(world, nodes, Random(1))


# -- the balancer --------------------------------------------------------------------------------------------------


def picked(world: World, *lives: Any) -> set[str]:
    it: Any = network(world, *lives)
    return {life.name for _ in range(50) if (life := it.pick()) is not None}


def test_balancer_sends_to_every_node_that_is_ready(world: World) -> None:
    assert picked(world, a_life("a"), a_life("b"), a_life("c", is_ready=None)) == {"a", "b", "c"}


def test_node_that_says_it_is_not_ready_gets_nobody_while_another_is(world: World) -> None:
    assert picked(world, a_life("a"), a_life("b", is_ready=False)) == {"a"}
    assert picked(world, a_life("b", is_ready=False)) == {"b"}


def test_frozen_node_says_nothing_and_is_taken_for_ready(world: World) -> None:
    assert picked(world, a_life("a", is_ready=False, is_frozen=True), a_life("b", is_ready=False)) == {"a"}


def test_node_that_is_gone_or_takes_no_connections_gets_nobody(world: World) -> None:
    assert picked(world, None, a_life("b", is_open=False)) == set()


# -- calls ---------------------------------------------------------------------------------------------------------


def asked(world: World, act: Callable[[], Any], *, until_s: float = 60.0) -> tuple[Any, float]:
    """What comes of something that blocks, and when."""
    outcome: list[tuple[Any, float]] = []

    def run() -> None:
        try:
            outcome.append((act(), world.now_s))
        except ClientError as away:
            outcome.append((away, world.now_s))

    Fiber(world, run)
    world.run(until_s)
    [found] = outcome
    return found


def answering(world: World, answer: Answer, after_s: float | None) -> Any:
    """`after_s` None: never."""
    life = a_life()

    def call(asked: Asked, reply: Callable[[Answer], None]) -> None:
        if after_s is not None:
            world.call_later(after_s, reply, answer)

    life.call = call
    return life


def test_call_blocks_until_its_answer(world: World) -> None:
    it = network(world, answering(world, GOOD, 2.0))
    answer, at_s = asked(world, lambda: it.ask(Asked("rooms", None)))
    assert answer is GOOD
    assert 2.0 < at_s < 2.1


@pytest.mark.parametrize("after_s", [None, HTTP_TIMEOUT_S + 1])
def test_call_that_is_not_answered_in_time_has_no_answer(world: World, after_s: float | None) -> None:
    it = network(world, answering(world, GOOD, after_s))
    answer, at_s = asked(world, lambda: it.ask(Asked("rooms", None)))
    assert answer is NONE
    assert at_s == pytest.approx(HTTP_TIMEOUT_S, abs=0.1)


@pytest.mark.parametrize("lives", [[], [a_life(is_over=True)]], ids=["nobody", "one that has ended"])
def test_call_to_nobody_has_no_answer_at_once(world: World, lives: list[Any]) -> None:
    it = network(world, *lives)
    answer, at_s = asked(world, lambda: it.ask(Asked("rooms", None)))
    assert answer is NONE
    assert at_s < 0.05


# -- the list, as the client library asks for it -------------------------------------------------------------------

REQUEST = HttpCall(method="GET", path="/api/rooms", route="/api/rooms")


def test_list_comes_with_its_tag(world: World) -> None:
    it = network(world, answering(world, Answer(200, b"the list", etag='"7"'), 0.1))
    answer, _ = asked(world, lambda: it.call(REQUEST))
    assert (answer.status, answer.headers, answer.body) == (200, {"etag": '"7"'}, b"the list")


@pytest.mark.parametrize(
    ("answer", "status"), [(Answer(503), 503), (Answer(200, b"the list", is_stale=True), 503)], ids=["away", "stale"]
)
def test_list_of_a_node_that_does_not_see_what_others_do_is_to_be_fetched_again(
    world: World, answer: Answer, status: int
) -> None:
    it = network(world, answering(world, answer, 0.1))
    found, _ = asked(world, lambda: it.call(REQUEST))
    assert found.status == status


def test_list_that_is_not_answered_is_a_server_that_is_away(world: World) -> None:
    it = network(world, answering(world, GOOD, None))
    assert isinstance(asked(world, lambda: it.call(REQUEST))[0], ServerAway)


# -- a fresh token, as the client library asks for it ---------------------------------------------------------------


def fresh(world: World, answer: Answer, after_s: float | None = 0.1) -> Any:
    life = answering(world, answer, after_s)
    asked_for: list[Asked] = []
    call = life.call
    life.call = lambda each, reply: (asked_for.append(each), call(each, reply))
    found, _ = asked(world, lambda: LobbyApi(network(world, life)).refresh("old"))
    assert asked_for == [Asked("refresh", "old")]
    return found


def test_token_is_exchanged_for_a_fresh_one(world: World) -> None:
    assert fresh(world, Answer(200, FreshToken(token="fresh"))) == "fresh"


@pytest.mark.parametrize(
    ("answer", "is_about_the_token"),
    [(Answer(401, code="invalid_token"), True), (Answer(401, code="user_banned"), False), (Answer(503), False)],
)
def test_token_that_holds_no_more_is_not_exchanged(world: World, answer: Answer, *, is_about_the_token: bool) -> None:
    found = fresh(world, answer)
    assert isinstance(found, ApiError)
    assert found.is_about_the_token is is_about_the_token


def test_exchange_that_is_not_answered_is_a_server_that_is_away(world: World) -> None:
    assert isinstance(fresh(world, GOOD, None), ServerAway)


# -- connections ---------------------------------------------------------------------------------------------------


class Inbox:
    def __init__(self) -> None:
        self.ending: tuple[str, int | None] | None = None

    def opened(self) -> None: ...

    def heard(self, opcode: int, payload: bytes) -> None: ...

    def over(self, why: str, code: int | None) -> None:
        self.ending = (why, code)


def test_connection_arrives_at_its_node_and_meets_a_reset_at_one_that_has_ended(world: World) -> None:
    there = a_life()
    there.connect = there.connected.append
    wire = network(world, there).connect(there, window=100)
    world.run(1.0)
    assert there.connected == [wire]
    gone = a_life(is_over=True)
    wire = network(world, gone).connect(gone, window=100)
    wire.inbox = inbox = Inbox()
    world.run(2.0)
    assert inbox.ending == ("reset", None)
