"""What a newcomer gets, and when, while its own arrival takes long: simulated nodes, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.simulation import faults
from bench.simulation.clients.player import Player
from bench.simulation.nodes.node import Life
from bench.simulation.run import SETTLES_S, Simulation
from bench.simulation.schedule import BEGIN_S, Part, Schedule
from lobby_server.service.peers.arrivals import LOOK_EVERY_S, PATIENCE_S

STEP_S = 0.01
ON_THE_WAY_S = 0.7
"""Of a connection and a handshake, each of whose packets may be lost once."""
NODE_TIMEOUT_S = 3.0


class Trial:
    """A watcher on one node, who is connected; a newcomer and another user, who are not: the newcomer's is another
    node."""

    def __init__(self) -> None:
        cast = tuple(Part(role, frozenset()) for role in ("watcher", "newcomer", "other"))
        self.simulation = Simulation(Schedule(5, (), cast))
        self.world, self.valkey = self.simulation.world, self.simulation.valkey
        self.watcher, self.newcomer, self.other = self.simulation.players
        for node in self.simulation.nodes:
            node.start()
        self.world.run(BEGIN_S)
        here, there, _ = self.simulation.nodes
        for player, node in ((self.watcher, here), (self.newcomer, there), (self.other, here)):
            player.network._nodes = [node]
        self.watcher.connect()
        self.run(1.0)
        assert presence_of(self.watcher) == [self.watcher.user.id]

    @property
    def node(self) -> Life:
        """The newcomer's."""
        life = self.simulation.nodes[1].life
        assert life is not None
        return life

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now_s + seconds)

    def let_in_after_s(self) -> float:
        """The newcomer says hello; how long it is until it has its greeting."""
        began_s = self.world.now_s
        self.newcomer.connect()
        while not self.newcomer.heard:
            assert self.world.now_s < began_s + 10.0
            self.run(STEP_S)
        return self.world.now_s - began_s

    def end(self) -> None:
        """Things become quiet. Everybody has heard all, once, in one order, and nobody has come twice."""
        faults.mend(self.simulation.stage)
        self.run(SETTLES_S)
        assert self.simulation.observer.violation is None
        assert list(self.simulation._faults()) == []
        assert len(self.newcomer.heard) == 1
        assert presence_of(self.newcomer).count(self.newcomer.user.id) == 1
        assert presence_of(self.watcher).count(self.newcomer.user.id) == 1


def presence_of(player: Player) -> list[int]:
    """Who came online, as the player's last connection heard."""
    return [user_id for user_id, is_online in player.heard[-1].presence if is_online]


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    trial.simulation._bury()


def test_newcomer_is_let_in_where_its_arrival_stands_while_all_is_well(trial: Trial) -> None:
    assert trial.let_in_after_s() < ON_THE_WAY_S
    trial.other.connect()
    trial.run(1.0)
    assert presence_of(trial.newcomer) == [trial.newcomer.user.id, trial.other.user.id]
    trial.end()


def test_newcomer_waits_a_second_for_valkey_that_hangs_and_hears_of_itself_when_it_goes_on(trial: Trial) -> None:
    trial.valkey.hang()
    let_in_s = trial.let_in_after_s()
    assert PATIENCE_S <= let_in_s < PATIENCE_S + LOOK_EVERY_S + ON_THE_WAY_S
    assert trial.node.log.takes_part, "it hangs for a second only so far"
    assert presence_of(trial.newcomer) == presence_of(trial.watcher)[1:] == []
    trial.valkey.go_on()
    trial.run(1.0)
    assert presence_of(trial.newcomer) == [trial.newcomer.user.id]
    trial.end()


def test_newcomer_is_let_in_at_once_by_a_node_that_is_cut_off_and_arrives_later(trial: Trial) -> None:
    trial.node.stream.is_cut = True
    while trial.node.log.takes_part:
        trial.run(STEP_S)
    assert trial.let_in_after_s() < ON_THE_WAY_S
    trial.run(NODE_TIMEOUT_S)  # the others give the node up
    assert presence_of(trial.newcomer) == []
    trial.node.stream.is_cut = False
    trial.run(2.0)
    assert presence_of(trial.newcomer) == [trial.newcomer.user.id]
    trial.end()


def test_newcomer_of_a_node_that_freezes_before_its_arrival_hears_what_came_before_it_once(trial: Trial) -> None:
    trial.newcomer.connect()
    while not trial.node.app.lobby._arrivals._waiting:
        trial.run(STEP_S / 10)
    trial.node.loop.freeze()
    trial.other.connect()
    trial.run(2 * PATIENCE_S)
    assert not trial.newcomer.heard
    trial.node.loop.thaw()
    trial.run(1.0)
    assert sorted(presence_of(trial.newcomer)) == sorted([trial.newcomer.user.id, trial.other.user.id])
    trial.end()


def test_newcomer_who_leaves_before_its_arrival_is_told_of_as_come_and_gone(trial: Trial) -> None:
    trial.valkey.hang()
    assert trial.let_in_after_s() >= PATIENCE_S
    trial.newcomer.disconnect()
    trial.run(1.0)
    trial.valkey.go_on()
    trial.run(1.0)
    assert presence_of(trial.watcher)[1:] == [trial.newcomer.user.id]
    assert (trial.newcomer.user.id, False) in trial.watcher.heard[-1].presence
