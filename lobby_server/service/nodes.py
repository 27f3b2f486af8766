"""This process as one node of several: how it begins and ends, and what it does when it is the one that leads.

The node that has taken part for longest leads: it alone writes what nobody waits for, in the order of the log, and says
that deadlines have come. When another one takes over, what the one before had not written yet is made up from the
state: all nodes have it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import msgspec

from lobby_server.core.machine import effects
from lobby_server.core.machine.commands import Arrive, Command
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.accounts.forgetting import Forgetting
from lobby_server.service.accounts.revocations import Revocations
from lobby_server.service.announcer import Announcer
from lobby_server.service.lobby import Lobby
from lobby_server.service.replica import Replica, SharedLog
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.assembly import Social
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.log_figures import LogFigures
from lobby_server.service.watch.ops_history import Reading

log = logging.getLogger("lobby.backplane")

RECONCILE_AFTER_S = 1.0
"""What a node that ended in an orderly way has still to write gets this much time."""
SECRETS_DIFFER_FOR_S = 3.0
"""Before that is told: nodes whose secrets are changed read them one after the other, and a report is half a second
old at most."""
TOGETHER_S = 30.0
"""Nodes that end within this time of each other end together: their users come back in the same moments."""
COME_BACK_S = 15.0
"""How long users of a node that ends have to come back, once the drain has closed the last of them."""


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is, as it says itself. A version that adds a field gives it a default."""

    entries: int
    """Number of the last entry of the log that it has applied."""
    lag_entries: int
    """Entries that it knows of and has not applied."""
    lag_ms: float
    """Age of the last entry as it applied it."""
    waiting: int
    """Commands of its own that are not applied yet."""
    reading: Reading
    secrets: list[str] = []
    """Marks of the secrets of its tokens; the first one signs."""


@dataclass(frozen=True, kw_only=True)
class NodeSeen:
    """A node as this one sees it."""

    name: str
    address: str
    version: str
    leads: bool
    report: NodeReport | None
    """None: it has not been heard of in time."""


@dataclass(kw_only=True)
class _Strange:
    """A node with a secret that this one does not have."""

    mark: str
    since_s: float
    is_told: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(NodeReport)


class Nodes:
    """One per process that has a log in common with others."""

    def __init__(
        self,
        *,
        log: SharedLog,
        replica: Replica,
        sessions: Sessions,
        announcer: Announcer,
        lobby: Lobby,
        rooms: RoomCommands,
        social: Social,
        revocations: Revocations,
        forgetting: Forgetting,
        read: Callable[[], Reading],
        secrets: Callable[[], list[str]],
        on_fatal: Callable[[str], None],
    ) -> None:
        """`read`: the counters of this node now. `secrets`: marks of those of its tokens now, of which the first one
        signs."""
        self._log = log
        self._replica = replica
        self._sessions = sessions
        self._announcer = announcer
        self._lobby = lobby
        self._rooms = rooms
        self._social = social
        self._revocations = revocations
        self._forgetting = forgetting
        self._leader: str | None = None
        self._gone_at_s: dict[str, float] = {}
        self._read = read
        self._secrets = secrets
        self._strange: dict[str, _Strange] = {}
        """Nodes that sign with a secret which this one does not have."""
        log.follow(
            replica.apply,
            replica.state,
            announce=self._announce,
            reset=self._reset,
            fatal=on_fatal,
            report=lambda: _encoder.encode(self._report()),
            heard=self._compare_secrets,
            floor=rooms.upkeep.floor,
        )
        replica.hear(effects.NodeJoined, self._joined)
        replica.hear(effects.NodeLeft, self._left)

    @property
    def is_ready(self) -> bool:
        """Whether this node should get clients."""
        return self._log.is_ready

    @property
    def count(self) -> int:
        """Nodes that take part."""
        return len(self._replica.state.nodes)

    def turn(self) -> tuple[int, int]:
        """The place of this node among all that take part or did a moment ago, and how many they are: each of several
        that end together finds another place."""
        since_s = self._replica.time.monotonic_s() - TOGETHER_S
        gone = [name for name, at_s in self._gone_at_s.items() if at_s >= since_s]
        names = sorted({*self._replica.state.nodes, *gone, self._log.node})
        return names.index(self._log.node), len(names)

    def figures(self) -> LogFigures:
        """How this node stands to the log."""
        return self._log.figures()

    def readings(self) -> dict[str, Reading]:
        """The counters of the other nodes, as of less than a second ago."""
        return {node: report.reading for node, report in self._others().items()}

    def seen(self) -> list[NodeSeen]:
        """All nodes, the one that leads first."""
        reports = {**self._others(), self._log.node: self._report()}
        state = self._replica.state
        return [
            NodeSeen(
                name=node.name,
                address=node.address,
                version=node.version,
                leads=node.name == state.leader,
                report=reports.get(node.name),
            )
            for node in state.nodes.values()
        ]

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        """As `SharedLog.join`."""
        is_first = await self._log.join(restore, wait_s=wait_s)
        self._arm()
        self._announcer.rooms_changed()
        return is_first

    async def leave(self, *, drain_s: float) -> None:
        """This node ends: its sessions are closed within `drain_s`, and nobody counts as offline who comes back."""
        await self._log.leave(grace_s=drain_s + COME_BACK_S)

    async def close(self) -> None:
        """A second time does nothing."""
        await self._log.close()

    # -- private --------------------------------------------------------------------------------------------------

    def _report(self) -> NodeReport:
        figures = self._log.figures()
        return NodeReport(
            entries=figures.entries,
            lag_entries=figures.lag_entries,
            lag_ms=round(figures.lag_s * 1000, 1),
            waiting=figures.waiting,
            reading=self._read(),
            secrets=self._secrets(),
        )

    def _others(self) -> dict[str, NodeReport]:
        found = {}
        for node, report in self._log.reports.items():
            with contextlib.suppress(msgspec.MsgspecError):  # of another version, or none yet
                found[node] = _decoder.decode(report)
        return found

    def _announce(self) -> Iterable[Command]:
        for session in self._sessions.accepted_ones():
            yield Arrive(session.user, session.id, session.version)

    def _reset(self) -> None:
        """The state is another one, and nobody knows what sessions have missed: they begin anew."""
        for session in list(self._sessions):
            code = CloseCode.SERVICE_RESTART if session.features else CloseCode.GOING_AWAY
            session.close(code, "the server has lost its place; come back in a moment", abrupt=True)
        self._rooms.upkeep.took_another_state()
        self._arm()
        self._announcer.rooms_changed()
        self._forgetting.forget_latest()  # it has not heard of those who were deleted meanwhile
        if self._leader == self._log.node:
            self._will_take_over()

    def _arm(self) -> None:
        self._leader = self._replica.state.leader
        self._lobby.arm()
        self._rooms.upkeep.arm()
        self._social.parties.arm()

    def _joined(self, effect: effects.NodeJoined, _: Session | None) -> None:
        log.info("node %s takes part", effect.node, extra={"event": LogEvent.NODE_JOINED.value})
        if self._leader is None:
            self._leader = self._replica.state.leader
            if effect.node == self._leader == self._log.node and self._log.figures().entries > 1:
                self._will_take_over()  # all who took part before have ended, and the lobby is not a new one
        elif self._replica.is_leader:  # it may have led before, been given up, and written since what was old by then
            self._replica.time.call_later(RECONCILE_AFTER_S, self._reconcile)

    def _left(self, effect: effects.NodeLeft, _: Session | None) -> None:
        now_s = self._replica.time.monotonic_s()
        self._gone_at_s = {name: at_s for name, at_s in self._gone_at_s.items() if at_s >= now_s - TOGETHER_S}
        self._gone_at_s[effect.node] = now_s
        log.info("node %s takes part no more", effect.node, extra={"event": LogEvent.NODE_LEFT.value})
        if effect.node != self._leader:
            if self._replica.is_leader:  # it may have left in the store what will never stand in the log
                self._replica.time.call_later(RECONCILE_AFTER_S, self._reconcile)
            return
        self._leader = self._replica.state.leader
        if effect.node == self._log.node and self._leader is not None:
            self._rooms.upkeep.no_longer_leads()
        if self._leader == self._log.node:
            self._will_take_over()

    def _compare_secrets(self) -> None:
        """Players of a node that signs with another secret are refused here, and nobody would know why. Each is told of
        once, and again when it has another one. The nodes have reported."""
        own, now_s = self._secrets(), self._replica.time.monotonic_s()
        strange: dict[str, _Strange] = {}
        for node, report in self._others().items():
            if not report.secrets or report.secrets[0] in own:
                continue
            found = self._strange.get(node)
            if found is None or found.mark != report.secrets[0]:
                found = _Strange(mark=report.secrets[0], since_s=now_s)
            strange[node] = found
            if not found.is_told and now_s - found.since_s >= SECRETS_DIFFER_FOR_S:
                found.is_told = True
                log.error(
                    "node %s signs tokens with a secret that this node does not have, so they are refused here: give "
                    "all nodes one LOBBY_JWT_SECRET or --jwt-secret-file",
                    node,
                    extra={"event": LogEvent.SECRETS_DIFFER.value},
                )
        unheard = self._replica.state.nodes.keys() - self._log.reports.keys()
        self._strange = {**{node: each for node, each in self._strange.items() if node in unheard}, **strange}

    def _will_take_over(self) -> None:
        log.info("this node leads now", extra={"event": LogEvent.LEADING.value})
        self._social.chat.will_take_over()
        self._replica.time.call_later(RECONCILE_AFTER_S, self._take_over)

    def _take_over(self) -> None:
        """Make up what the node that led before has not written."""
        if not self._replica.is_leader:
            return  # given up itself meanwhile
        self._reconcile()
        self._social.notifications.take_over()
        self._social.chat.take_over()
        self._forgetting.forget_latest()

    def _reconcile(self) -> None:
        """Let the store have the rooms as they are, and all nodes know what it has of tokens that are signed out and of
        what is between users."""
        self._rooms.upkeep.reconcile()
        if self._replica.is_leader:
            self._revocations.look_again()
            self._social.ties.look_again()
