"""A newcomer hears of its own arrival first and of nothing before it, with one process's log and with Valkey's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lobby_server.backplane.log import ValkeyLog
from lobby_server.backplane.place.epochs import NEWCOMER_WAITS_S
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.clock import LoopClock
from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from tests.backplane.engine import Engine
from tests.backplane.nodes import NODE_TIMEOUT_S, until
from tests.fakes.clock import VirtualClock
from tests.service.house import ANN, BOB, Client, House

pytestmark = pytest.mark.system

PLAYERS = 40
_clusters, _names = itertools.count(1), itertools.count(1)


class Houses:
    """Services over a real clock: one by itself, or several with a log in common."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._cluster = f"arrivals{next(_clusters)}"
        self.all: list[House] = []

    async def start(self) -> House:
        clock: Any = LoopClock(asyncio.get_running_loop())
        log = None
        if self._url is not None:
            log = ValkeyLog(
                Stream(self._url, cluster=self._cluster),
                name="node",
                clock=clock,
                new_incarnation=lambda: f"i{next(_names)}",
                node_timeout_s=NODE_TIMEOUT_S,
                newcomer_waits_s=NEWCOMER_WAITS_S if self.all else 0.0,
            )
        house = await House(clock=cast(VirtualClock, clock), shared_log=log).start()
        self.all.append(house)
        return house

    async def end(self) -> None:
        for house in self.all:
            house.app.stop()
            house.app.heartbeat.stop()
            await house.stop()
            if house.app.nodes is not None:
                await house.app.nodes.close()


class Ear(Client):
    """A client that keeps all that it hears."""

    def __init__(self, house: House, user: User) -> None:
        super().__init__(house, user)
        self._heard: list[Any] = []

    @property
    def heard(self) -> list[Any]:
        self._heard += self.transport.take()
        return self._heard

    @property
    def heard_types(self) -> list[str]:
        return [message["type"] for message in self.heard]

    @property
    def heard_of(self) -> list[int]:
        """Users who came online, in order."""
        return [message["data"]["user_id"] for message in self.heard if message["type"] == "user_online"]


@pytest.fixture
async def valkey_houses(valkey_engine: Engine) -> AsyncIterator[Houses]:
    houses = Houses(valkey_engine.url)
    yield houses
    await houses.end()


@pytest.fixture(params=["one process", "valkey"])
async def houses(request: pytest.FixtureRequest) -> AsyncIterator[Houses]:
    url = None if request.param == "one process" else request.getfixturevalue("valkey_engine").url
    houses = Houses(url)
    await houses.start()
    if url is not None:
        await houses.start()
    yield houses
    await houses.end()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[Engine]:
    """One that the test kills."""
    engine = Engine("valkey", tmp_path)
    engine.start()
    yield engine
    engine.kill()


async def test_each_of_a_storm_hears_itself_first_and_then_those_who_came_after(houses: Houses) -> None:
    ears = [Ear(houses.all[number % len(houses.all)], User(100 + number, f"u{number}")) for number in range(PLAYERS)]
    for ear in ears:
        ear.handshake()
    events = PLAYERS * (PLAYERS + 1) // 2
    await until(lambda: sum(len(ear.heard_of) for ear in ears) >= events)
    order = max((ear.heard_of for ear in ears), key=len)
    assert set(order) == {ear.user.id for ear in ears}
    for ear in ears:
        assert ear.heard_types[:2] == ["handshake_accepted", "user_online"]
        assert ear.heard_of == order[order.index(ear.user.id) :]
    assert sum(len(ear.heard_of) for ear in ears) == events


async def test_what_a_client_says_right_after_its_handshake_is_answered_after_the_greeting(houses: Houses) -> None:
    ear = Ear(houses.all[-1], ANN)
    ear.handshake()
    ear.say("ping")
    ear.say("leave_room")
    await until(lambda: len(ear.heard) == 4)
    assert ear.heard_types == ["handshake_accepted", "user_online", "pong", "error"]
    assert ear.heard[-1]["data"] == {"reason": "not_in_room"}


async def test_session_that_is_gone_before_its_arrival_hears_nothing_and_leaves_nobody_online(
    valkey_houses: Houses,
) -> None:
    house = await valkey_houses.start()
    ear, gone = Ear(house, BOB), Ear(house, ANN)
    ear.handshake()
    await until(lambda: ear.heard_of == [BOB.id])
    gone.handshake()
    gone.go()
    await until(lambda: ear.heard_types[-2:] == ["user_online", "user_offline"])
    assert gone.heard == []
    assert [user.id for user in house.app.presence.online()] == [BOB.id]


async def test_session_is_let_in_at_once_while_valkey_is_away_and_arrives_when_it_is_back(own_engine: Engine) -> None:
    houses = Houses(own_engine.url)
    house = await houses.start()
    other = await houses.start()
    watcher, early, late = Ear(other, BOB), Ear(house, ANN), Ear(house, User(3, "cleo"))
    watcher.handshake()
    await until(lambda: watcher.heard_of == [BOB.id])
    early.handshake()
    own_engine.kill()  # the arrival may have been sent, or not
    await until(lambda: early.heard_types[:1] == ["handshake_accepted"])
    await until(lambda: not house.app.replica.log.takes_part)
    late.handshake()
    late.say("ping")
    assert late.heard_types[:2] == ["handshake_accepted", "pong"]
    own_engine.start()
    await until(lambda: sorted(watcher.heard_of) == [1, 2, 3])
    await until(lambda: {1, 3} <= set(early.heard_of) and 3 in late.heard_of)
    await houses.end()


async def test_session_that_waits_as_its_node_is_given_up_arrives_under_the_new_name(valkey_houses: Houses) -> None:
    one, other = await valkey_houses.start(), await valkey_houses.start()
    log: Any = one.app.replica.log
    append, may_send = log._stream.append, asyncio.Event()

    async def append_later(epoch: str, batch: bytes) -> None:
        await may_send.wait()
        await append(epoch, batch)

    log._stream.append = append_later
    ear = Ear(one, ANN)
    ear.handshake()
    await other.app.replica.run(commands.NodeLost(log.node))
    may_send.set()
    await until(lambda: ear.heard_types == ["handshake_accepted", "user_online"])
    await until(lambda: [user.id for user in other.app.presence.online()] == [ANN.id])


async def test_session_does_not_wait_long_for_a_node_that_is_behind(valkey_houses: Houses) -> None:
    house = await valkey_houses.start()
    log: Any = house.app.replica.log
    take, held, heard_as_it_was_read = log._take, list[Any](), list[list[str]]()

    def hold(entry: Any) -> None:
        """It has read, and not applied."""
        held.append(entry)
        heard_as_it_was_read.append(ear.heard_types)

    log._take = hold
    ear = Ear(house, ANN)
    ear.handshake()
    await until(lambda: held)
    assert heard_as_it_was_read == [[]]
    await until(lambda: ear.heard_types == ["handshake_accepted"])
    assert house.app.replica.log.takes_part
    log._take = take
    for entry in held:
        take(entry)
    await until(lambda: ear.heard_types == ["handshake_accepted", "user_online"])


async def test_nodes_that_end_one_after_the_other_have_turns_of_their_own(valkey_houses: Houses) -> None:
    ending = [await valkey_houses.start() for _ in range(3)]
    await until(lambda: all(house.app.nodes is not None and house.app.nodes.count == 3 for house in ending))
    turns = []
    for left, house in enumerate(ending, 1):
        assert house.app.nodes is not None
        turn = house.app.drain.turn()
        assert turn is not None
        turns.append(turn)
        await house.app.nodes.leave(drain_s=1.0)
        others = [other.app.nodes for other in ending[left:]]
        await until(lambda others=others, left=left: all(each.count == 3 - left for each in others))
    assert sorted(turns) == [(0, 3), (1, 3), (2, 3)]
