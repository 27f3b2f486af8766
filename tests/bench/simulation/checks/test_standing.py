"""What must hold as machines go on: each check says so where it is not so, and nothing where it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.standing import GIVEN_UP, HEARD, ONE_LEADS, StandingWatch
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.valkey import Valkey
from lobby_server.protocol.codes import CloseCode

HEARTBEAT_S, TIMEOUT_S = 12.0, 3.0


class Scene:
    """Nodes ``a.1``, ``b.1`` and ``c.1`` in one log, none of which leads."""

    def __init__(self) -> None:
        self.world, self.violated = World(), list[str]()
        self.valkey = Valkey(self.world)
        self.nodes = []
        for name in ("a.1", "b.1", "c.1"):
            loop = ProcessLoop(self.world, booted_s=0.0, on_fault=lambda what: None)
            log = SimpleNamespace(node=name, position=("e", 1))
            app = SimpleNamespace(replica=SimpleNamespace(leads_surely=False))
            life = SimpleNamespace(loop=loop, log=log, app=app, is_open=True)
            self.nodes.append(SimpleNamespace(life=life))
        nodes: Any = self.nodes
        self.watch = StandingWatch(
            self.world, nodes=nodes, valkey=self.valkey, heartbeat_s=HEARTBEAT_S, node_timeout_s=TIMEOUT_S,
            violated=lambda invariant, how: self.violated.append(invariant),
        )  # fmt: skip
        self.hear_of("a.1", "b.1", "c.1")

    def hear_of(self, *names: str) -> None:
        self.valkey.renewed_s.update(dict.fromkeys(names, self.world.now_s))

    def stand_still(self, for_s: float, *, number: int = 0) -> None:
        self.watch.began()
        self.world.run(self.world.now_s + for_s)
        self.watch.ended(self.nodes[number].life.loop, for_s)


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- clients -----------------------------------------------------------------------------------------------------------


def closes(scene: Scene, *, code: int = CloseCode.HEARTBEAT_TIMEOUT, **lane: Any) -> list[str]:
    fields = {"is_cut": False, "is_stalled": False, "sent_s": scene.world.now_s, **lane}
    transport = SimpleNamespace(lane_in=SimpleNamespace(**fields))
    session: Any = SimpleNamespace(id=1, transport=transport)
    scene.watch.closes(session, code)
    return scene.violated


def test_client_is_closed_as_silent_that_has_sent_something_since(scene: Scene) -> None:
    scene.world.run(20.0)
    assert closes(scene, sent_s=10.0) == [HEARD]


@pytest.mark.parametrize(
    "how",
    [{"sent_s": 8.9}, {"is_cut": True}, {"is_stalled": True}, {"code": CloseCode.SIGNED_OUT}],
    ids=["silent", "cut off", "stalled", "for another reason"],
)
def test_client_may_be_closed_that_was_not_heard_of(scene: Scene, how: dict[str, Any]) -> None:
    scene.world.run(20.0)
    assert closes(scene, **how) == []


# -- nodes that are given up -------------------------------------------------------------------------------------------


def test_node_is_given_up_by_one_that_stood_still(scene: Scene) -> None:
    scene.stand_still(4.0)
    scene.watch.gives_up("b.1", by="a.1")
    assert scene.violated == [GIVEN_UP]


def test_node_may_be_given_up_some_time_after_it(scene: Scene) -> None:
    scene.stand_still(4.0)
    scene.world.run(scene.world.now_s + TIMEOUT_S / 2)
    scene.watch.gives_up("b.1", by="a.1")
    assert scene.violated == []


@pytest.mark.parametrize("how", ["short", "not heard of", "gone", "still", "restarted", "by another"])
def test_node_may_be_given_up_for_other_reasons(scene: Scene, how: str) -> None:
    if how == "not heard of":
        scene.world.run(5.0)
        scene.hear_of("a.1", "c.1")
    scene.stand_still(1.0 if how == "short" else 4.0)
    if how == "gone":
        scene.nodes[1].life = None
    if how == "still":
        scene.nodes[1].life.loop.freeze()
    if how == "restarted":
        scene.valkey.go_down()
    scene.watch.gives_up("b.1", by="c.1" if how == "by another" else "a.1")
    assert scene.violated == []


# -- who leads ---------------------------------------------------------------------------------------------------------


def lead(scene: Scene, *numbers: int) -> None:
    for number in numbers:
        scene.nodes[number].life.app.replica.leads_surely = True


def test_two_nodes_lead_after_one_stood_still(scene: Scene) -> None:
    scene.stand_still(4.0)
    lead(scene, 0)
    scene.world.run(scene.world.now_s + 1.0)
    assert scene.violated == []
    lead(scene, 1)
    scene.world.run(scene.world.now_s + 0.1)
    assert set(scene.violated) == {ONE_LEADS}


def test_nodes_of_two_lobbies_may_lead_and_one_that_stands_still_leads_nobody(scene: Scene) -> None:
    lead(scene, 0, 1, 2)
    scene.nodes[1].life.log.position = ("f", 1)
    scene.nodes[2].life.loop.freeze()
    scene.stand_still(4.0)
    scene.world.run(scene.world.now_s + 1.0)
    assert scene.violated == []


def test_nobody_looks_any_more_some_time_after_it(scene: Scene) -> None:
    scene.stand_still(4.0)
    scene.world.run(scene.world.now_s + TIMEOUT_S + 0.1)
    lead(scene, 0, 1)
    scene.world.run(scene.world.now_s + 10.0)
    assert scene.violated == []
