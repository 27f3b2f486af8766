"""What a node can be sure of: that the others have not given it up, and whom it gives up itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.house import House
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Renewal
from lobby_server.core.machine.commands import Command, NodeLost, NodeUp
from lobby_server.core.machine.state import LobbyState
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
        self.was_heard_of = True
        self.heard_of: set[str] = set()
        """The others whose keys are there."""

    async def renew(self, epoch: str, node: str, *, others: Sequence[str], **_: Any) -> Renewal:
        if self.is_away:
            raise BackplaneAway("Valkey is away.")
        self._clock.advance(self.takes_s)
        was_heard_of, self.was_heard_of = self.was_heard_of, True
        return Renewal(self.newest, was_heard_of, {name: b"" for name in others if name in self.heard_of})


def house_of(
    stream: Any,
    clock: VirtualClock,
    standing: Standing | None = None,
    *,
    health: Health | None = None,
    state: LobbyState | None = None,
    append: Callable[[Command], None] = lambda command: None,
) -> House:
    snapshots: Any = None
    return House(
        stream,
        standing=standing or Standing(clock.monotonic_s),
        health=health or Health(clock.monotonic_s),
        snapshots=snapshots,
        state=state or Node(None).state,
        node=lambda: "this one",
        append=append,
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


class Watching:
    """A node that has heard of two others for longer than it waits for any, and keeps house as often as it should."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.stream, self.state = Stream(self.clock), Node(None).state
        self.health = Health(self.clock.monotonic_s)
        self.health.begin()
        self.given_up: list[str] = []
        self.house = house_of(self.stream, self.clock, health=self.health, state=self.state, append=self._given_up)
        self.join("ann", "bob")

    def join(self, *names: str, is_heard_of: bool = True) -> None:
        for name in names:
            self.state.apply(NodeUp(name), at_s=self.clock.monotonic_s(), node=name)
            if is_heard_of:
                self.stream.heard_of.add(name)

    async def keep(self, seconds: float) -> None:
        until_s = self.clock.monotonic_s() + seconds
        while self.clock.monotonic_s() < until_s:
            self.clock.advance(self.house.every_s)
            await self.house.keep()

    def _given_up(self, command: Command) -> None:
        assert isinstance(command, NodeLost)
        self.given_up.append(command.node)
        self.state.apply(command, at_s=self.clock.monotonic_s(), node="this one")


async def test_node_gives_up_one_whose_key_has_run_out_and_no_other() -> None:
    node = Watching()
    await node.keep(TIMEOUT_S + 1)
    node.stream.heard_of.discard("bob")
    await node.keep(0.5)
    assert node.given_up == ["bob"]


@pytest.mark.parametrize("stood_still_s", [TIMEOUT_S * 0.6, TIMEOUT_S - 0.1, TIMEOUT_S + 3])
async def test_node_that_stood_still_gives_the_others_the_time_to_be_heard_of_again(stood_still_s: float) -> None:
    node = Watching()
    await node.keep(TIMEOUT_S + 1)
    node.clock.advance(stood_still_s)
    node.stream.heard_of.clear()  # they stood still as well
    await node.keep(1.0)
    node.stream.heard_of.add("ann")
    await node.keep(TIMEOUT_S - 1.5)
    assert node.given_up == []
    await node.keep(1.0)
    assert node.given_up == ["bob"], "who does not come back is given up all the same"


async def test_node_whose_own_key_has_run_out_without_its_clock_gives_the_others_time() -> None:
    node = Watching()
    await node.keep(TIMEOUT_S + 1)
    node.stream.heard_of.clear()
    node.stream.was_heard_of = False  # the machine was suspended: its monotonic clock stood still
    await node.keep(1.0)
    node.stream.heard_of = {"ann", "bob"}
    await node.keep(2 * TIMEOUT_S)
    assert node.given_up == []


async def test_node_that_has_lost_sight_of_the_log_gives_nobody_up() -> None:
    node = Watching()
    await node.keep(TIMEOUT_S + 1)
    node.stream.heard_of.clear()
    node.health.lost_sight(BackplaneAway("Valkey is away."))
    await node.keep(0.5)
    assert node.given_up == []


async def test_node_that_took_another_name_is_not_given_up_before_it_could_be_heard_of() -> None:
    node = Watching()
    await node.keep(TIMEOUT_S + 1)
    node.join("cleo", is_heard_of=False)
    await node.keep(1.0)
    assert node.given_up == []
    await node.keep(TIMEOUT_S)
    assert node.given_up == ["cleo"]
