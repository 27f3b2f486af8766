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

    async def renew(self, epoch: str, node: str, **_: Any) -> tuple[int, dict[str, bytes]]:
        if self.is_away:
            raise BackplaneAway("Valkey is away.")
        self._clock.advance(self.takes_s)
        return 0, {}


def house_of(stream: Any, clock: VirtualClock) -> House:
    snapshots: Any = None
    return House(
        stream,
        standing=Standing(clock.monotonic_s),
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
    stream.is_away = True
    with pytest.raises(BackplaneAway):
        await house.renew()
    assert not house.is_heard_of
    stream.is_away = False
    await house.renew()
    assert house.is_heard_of
