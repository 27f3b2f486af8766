"""What a node can be sure of: that the others have not given it up."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.house import House
from lobby_server.backplane.place.standing import Standing
from tests.backplane.nodes import Node
from tests.fakes.clock import VirtualClock

TIMEOUT_S = 4.0


class Stream:
    """`lobby_server.backplane.valkey.stream.Stream`, as far as a house needs it."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.takes_s = 0.0
        self.is_away = False
        self.newest = 0

    async def renew(self, epoch: str, node: str, **_: Any) -> tuple[int, dict[str, bytes]]:
        if self.is_away:
            raise BackplaneAway("Valkey is away.")
        self._clock.advance(self.takes_s)
        return self.newest, {}


def house_of(stream: Any, clock: VirtualClock, standing: Standing | None = None) -> House:
    snapshots: Any = None
    return House(
        stream,
        standing=standing or Standing(clock.monotonic_s),
        health=Health(clock.monotonic_s),
        snapshots=snapshots,
        state=Node(None).state,
        node=lambda: "this one",
        append=lambda command: None,
        report=bytes,
        heard=lambda: None,
        timeout_s=TIMEOUT_S,
        monotonic_s=clock.monotonic_s,
    )


async def test_node_is_sure_for_less_than_its_key_lasts_from_the_moment_at_which_it_asked() -> None:
    clock = VirtualClock()
    stream = Stream(clock)
    house = house_of(stream, clock)
    assert not house.is_heard_of, "nobody has heard of it"
    stream.takes_s = 1.0
    await house.renew()
    clock.advance(1.9)
    assert house.is_heard_of
    clock.advance(0.2)
    assert not house.is_heard_of
    stream.takes_s, stream.is_away = 0.5, True
    with pytest.raises(BackplaneAway):
        await house.renew()
    assert not house.is_heard_of
    stream.is_away = False
    await house.renew()
    assert house.is_heard_of


class Frozen:
    """A node that stood at entry 10, and was not heard of for longer than the others wait."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.stream, self.standing = Stream(self.clock), Standing(self.clock.monotonic_s)
        self.stream.newest = 10
        self.stand("e1", 10)
        self.house = house_of(self.stream, self.clock, self.standing)

    def stand(self, epoch: str, number: int) -> None:
        self.standing.go_to(epoch, number, "0-0")

    async def thaw(self) -> None:
        await self.house.renew()
        assert self.house.is_heard_of
        self.clock.advance(TIMEOUT_S + 1)
        self.stream.newest = 1000
        await self.house.renew()


async def test_node_that_was_frozen_is_sure_once_it_has_read_what_was_written_until_it_was_heard_of_again() -> None:
    node = Frozen()
    await node.thaw()
    assert not node.house.is_heard_of, "that it was given up may be among what it has not read"
    node.stand("e1", 1000)
    assert not node.house.is_heard_of, "or be on its way"
    node.stand("e1", 10)
    await node.house.renew()
    assert not node.house.is_heard_of
    node.stand("e1", 999)
    assert not node.house.is_heard_of
    node.stand("e1", 1000)
    assert node.house.is_heard_of
    node.stream.newest = 2000
    await node.house.renew()
    assert node.house.is_heard_of, "it was heard of all the time"


async def test_node_whose_renewal_took_longer_than_it_was_heard_of_is_not_sure_by_it() -> None:
    node = Frozen()
    await node.house.renew()
    node.clock.advance(TIMEOUT_S - 1)
    node.stream.takes_s = 1.5
    await node.house.renew()
    assert not node.house.is_heard_of
    node.stream.takes_s = 0.0
    await node.house.renew()
    assert node.house.is_heard_of


async def test_node_that_goes_on_in_another_epoch_is_sure_by_what_is_written_there() -> None:
    node = Frozen()
    await node.thaw()
    await node.house.renew()
    node.stand("e2", 500)
    node.stream.newest = 501
    await node.house.renew()
    assert not node.house.is_heard_of
    node.stand("e2", 501)
    assert node.house.is_heard_of
