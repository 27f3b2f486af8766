"""What must hold as machines go on that stood still: nobody is thrown out for the time in which their server did
nothing, no node gives another one up for it, and of the nodes of one lobby at most one leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from bench.simulation.nodes.node import Life, Node
from bench.simulation.nodes.watched import WatchedLog
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Wire
from lobby_server.backplane.node.house import LONGEST_GAP
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.session import Session

HEARD = "who is heard of is not closed as silent"
GIVEN_UP = "no node is given up for a standstill"
ONE_LEADS = "one node leads"

ARRIVES_S = 1.0
"""By then what is sent has arrived, unless the connection is held up."""
HEARD_OF_S = 1.2
"""Two turns of a node in which it is heard of, and what they take."""
LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class _Stood:
    """A process that went on."""

    at_s: float
    for_s: float
    valkey_life: int
    heard_of: frozenset[str]
    """The nodes, by their names in the log, that were heard of just before."""


class StandingWatch:
    """Of one run."""

    def __init__(
        self, world: World, *, nodes: list[Node], valkey: Valkey, violated: Callable[[str, str], None],
        heartbeat_s: float, node_timeout_s: float,
    ) -> None:  # fmt: skip
        """`heartbeat_s`: of silence, after which a node closes a connection. `node_timeout_s`: of silence, after which
        a node is given up."""
        self._world = world
        self._nodes = nodes
        self._valkey = valkey
        self._violated = violated
        self._heartbeat_s = heartbeat_s
        self._timeout_s = node_timeout_s
        self._stood: dict[ProcessLoop, _Stood] = {}
        self._heard_of: frozenset[str] = frozenset()
        self._valkey_life = 0
        self._looks_until_s = 0.0

    # -- what happens ---------------------------------------------------------------------------------------------

    def began(self) -> None:
        """A machine is about to stand still."""
        since_s = self._world.now_s - HEARD_OF_S
        self._valkey_life = self._valkey.life
        self._heard_of = frozenset(name for name, at_s in self._valkey.renewed_s.items() if at_s >= since_s)

    def ended(self, loop: ProcessLoop, stood_s: float) -> None:
        """A process is about to go on."""
        now_s = self._world.now_s
        self._stood[loop] = _Stood(now_s, stood_s, self._valkey_life, self._heard_of)
        if self._looks_until_s < now_s:
            self._world.call_later(0.0, self._look)
        self._looks_until_s = now_s + self._timeout_s

    def closes(self, session: Session, code: int) -> None:
        """A node closes a connection."""
        if code != CloseCode.HEARTBEAT_TIMEOUT:
            return
        lane, now_s = cast(Wire, session.transport).lane_in, self._world.now_s
        if lane.is_cut or lane.is_stalled:
            return
        if lane.sent_s + self._heartbeat_s > now_s + ARRIVES_S:
            who = f"session {session.id}"
            self._violated(HEARD, f"{who} is closed, and its client has sent something {now_s - lane.sent_s:.3f} s ago")

    def gives_up(self, name: str, *, by: str) -> None:
        """An entry is applied for the first time in which one node says that another one is lost."""
        judge, lost = self._life_of(by), self._life_of(name)
        stood = None if judge is None else self._stood.get(judge.loop)
        if stood is None or lost is None or lost.loop.is_standing or not lost.is_open:
            return
        gap_s = LONGEST_GAP * self._timeout_s
        is_soon = self._world.now_s - stood.at_s < gap_s <= stood.for_s
        if is_soon and stood.valkey_life == self._valkey.life and name in stood.heard_of:
            self._violated(
                GIVEN_UP, f"{by} gives {name} up, {self._world.now_s - stood.at_s:.3f} s after it stood still"
            )

    # -- private --------------------------------------------------------------------------------------------------

    def _life_of(self, name: str) -> Life | None:
        """The process that has this name in the log now."""
        lives = [node.life for node in self._nodes]
        return next((life for life in lives if life is not None and _log_of(life) == name), None)

    def _look(self) -> None:
        """Who leads, and is sure of it."""
        leaders: dict[str, list[str]] = {}
        for life in (node.life for node in self._nodes):
            if life is not None and life.is_open and not life.loop.is_standing and life.app.replica.leads_surely:
                leaders.setdefault(life.log.position[0], []).append(life.log.node)
        for names in leaders.values():
            if len(names) > 1:
                self._violated(ONE_LEADS, f"{' and '.join(names)} do")
        if self._world.now_s < self._looks_until_s:
            self._world.call_later(LOOK_EVERY_S, self._look)


def _log_of(life: Life) -> str:
    log: WatchedLog | None = getattr(life, "log", None)
    return "" if log is None else log.node
