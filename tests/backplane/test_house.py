"""What a node can be sure of: that the others have not given it up, and whom it gives up itself."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.house import LONGEST_GAP, House
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Renewal
from lobby_server.core.machine.commands import Command, NodeLost, NodeUp
from lobby_server.core.machine.state import LobbyState
from tests.backplane.nodes import new_state
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
        state=state or new_state(),
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
        self.stream, self.state = Stream(self.clock), new_state()
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
    await node.keep(TIMEOUT_S / 2 - 0.5)
    assert node.given_up == []
    await node.keep(0.5)
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


class Keys:
    """As `Stream`, with keys that run out by the clock of Valkey, which goes on while a machine is suspended."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._until_s: dict[str, float] = {}

    def heard(self, node: str) -> None:
        self._until_s[node] = self.now_s + TIMEOUT_S

    def has(self, node: str) -> bool:
        return self._until_s.get(node, 0.0) > self.now_s

    async def renew(self, epoch: str, node: str, *, others: Sequence[str], **_: Any) -> Renewal:
        was_heard_of = self.has(node)
        self.heard(node)
        return Renewal(0, was_heard_of, {name: b"" for name in others if self.has(name)})


class Observer:
    """A node, and "bob", of whom it has heard for a while."""

    def __init__(self) -> None:
        self.clock, self.keys, self.state = VirtualClock(), Keys(), new_state()
        self.health = Health(self.clock.monotonic_s)
        self.health.begin()
        self.given_up_at_s: list[float] = []
        """In seconds after bob was heard of last."""
        self._heard_s = 0.0
        self.house = house_of(self.keys, self.clock, health=self.health, state=self.state, append=self._given_up)
        self.state.apply(NodeUp("bob"), at_s=0.0, node="bob")
        for _ in range(12):
            self.turn(0.5, renewed_at=1.0)

    def turn(self, took_s: float, *, renewed_at: float | None = None, suspended_s: float = 0.0) -> None:
        """From one answer to the next. `renewed_at`: at which part of it bob did. `suspended_s`: of the turn, of which
        the clock of the machine does not know."""
        if renewed_at is None:
            self._pass(took_s)
        else:
            self._pass(took_s * renewed_at)
            self.keys.heard("bob")
            self._heard_s = self.keys.now_s
            self._pass(took_s * (1.0 - renewed_at))
        self.clock.advance(took_s - suspended_s)
        with pytest.raises(StopIteration):  # nothing in it waits
            self.house.keep().send(None)

    def turns(self, took_s: Sequence[float]) -> float:
        """Until bob is given up, again and again: how long after he was heard of last."""
        for each_s in itertools.islice(itertools.cycle(took_s), 1000):
            self.turn(each_s)
            if self.given_up_at_s:
                return self.given_up_at_s[0]
        return math.inf

    def _pass(self, seconds: float) -> None:
        self.keys.now_s += seconds

    def _given_up(self, command: Command) -> None:
        assert command == NodeLost("bob")
        self.given_up_at_s.append(self.keys.now_s - self._heard_s)


@pytest.mark.parametrize(
    ("took_s", "within_s"),
    [
        pytest.param([0.501], 4.5, id="no gap"),
        pytest.param([1.99], 6.0, id="turns that are not yet gaps"),
        pytest.param([0.5, 0.5, 0.5, 2.4, *[0.501] * 20], 6.0, id="a gap that ends just before his key does"),
        pytest.param([0.5] * 7 + [2.0, *[0.501] * 20], 7.6, id="a gap in which his key runs out"),
        pytest.param([0.1] * 39 + [3.9, *[0.501] * 20], 9.9, id="the longest gap in which his key runs out"),
        pytest.param([2.0], 12.0, id="nothing but gaps"),
        pytest.param([2.1, 0.501, 0.501, 0.501], 14.0, id="a stall every four seconds"),
        pytest.param([3.99], 20.0, id="nothing but gaps nearly as long as the time-out"),
        pytest.param([6.0, *[0.501] * 20], 8.1, id="all stood still for longer than the time-out"),
    ],
)  # fmt: skip
def test_node_that_died_is_given_up_within_the_bound(took_s: list[float], within_s: float) -> None:
    assert TIMEOUT_S < Observer().turns(took_s) <= within_s


def seconds(below_s: float) -> st.SearchStrategy[float]:
    """In steps that sums of them keep exactly."""
    return st.integers(4, int(below_s * 64) - 1).map(lambda steps: steps / 64)


@given(st.lists(seconds(TIMEOUT_S), min_size=1, max_size=8))
def test_node_that_died_is_given_up_within_five_time_outs_whatever_shorter_gaps_there_are(took_s: list[float]) -> None:
    longest_s, given_up_s = max(took_s), Observer().turns(took_s)
    assert given_up_s <= 3 * TIMEOUT_S + 2 * longest_s
    if longest_s < LONGEST_GAP * TIMEOUT_S:
        assert given_up_s <= TIMEOUT_S + longest_s


_TURNS = st.tuples(seconds(3 * TIMEOUT_S), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))


@given(st.lists(st.tuples(_TURNS, st.booleans()), max_size=60))
def test_node_that_renews_in_any_two_turns_is_never_given_up(turns: list[tuple[tuple[float, float], bool]]) -> None:
    node, renewed = Observer(), True
    for (took_s, at), skips in turns:
        renewed = not (skips and renewed)
        node.turn(took_s, renewed_at=at if renewed else None)
    assert node.given_up_at_s == []


@given(st.lists(st.tuples(_TURNS, st.sampled_from([0.0, 0.125, 0.5, 0.875])), max_size=60))
def test_node_that_renews_in_every_turn_is_never_given_up_however_the_machine_is_suspended(
    turns: list[tuple[tuple[float, float], float]],
) -> None:
    node = Observer()
    for (took_s, at), part in turns:
        node.turn(took_s, renewed_at=at, suspended_s=part * took_s)
    assert node.given_up_at_s == []


def test_node_that_died_is_given_up_though_valkey_goes_away_again_and_again() -> None:
    node = Observer()
    while not node.given_up_at_s:
        node.health.lost_sight(BackplaneAway("Valkey does not answer."))
        node.turn(0.5)
        assert node.given_up_at_s == [], "nothing is written while it is away"
        node.health.is_back()
        node.turn(2.5)
        assert node.keys.now_s < 100.0
    assert node.given_up_at_s[0] <= 16.0


def test_log_says_once_that_a_node_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lobby.backplane")
    node = Observer()
    node.turns([3.0])
    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["node_waited_for", "node_given_up"]
    assert "has not been heard of for 9.0 s" in caplog.text
