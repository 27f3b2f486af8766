"""This process as one node of several: how it begins and ends, and what it does when it is the one that leads.

The node that has taken part for longest leads: it alone writes what nobody waits for, in the order of the log, and says
that deadlines have come. When another one takes over, what the one before had not written yet is made up from the
state: all nodes have it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from lobby_server.core.machine import effects
from lobby_server.core.machine.commands import Arrive, Command
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.announcer import Announcer
from lobby_server.service.lobby import Lobby
from lobby_server.service.replica import LogFigures, Replica, SharedLog
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.assembly import Social

log = logging.getLogger("lobby.backplane")

RECONCILE_AFTER_S = 1.0
"""What a node that ended in an orderly way has still to write gets this much time."""
COME_BACK_S = 15.0
"""How long users of a node that ends have to come back, once the drain has closed the last of them."""


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
        on_fatal: Callable[[str], None],
    ) -> None:
        self._log = log
        self._replica = replica
        self._sessions = sessions
        self._announcer = announcer
        self._lobby = lobby
        self._rooms = rooms
        self._social = social
        self._leader: str | None = None
        log.follow(replica.apply, replica.state, announce=self._announce, reset=self._reset, fatal=on_fatal)
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

    def figures(self) -> LogFigures:
        """How this node stands to the log."""
        return self._log.figures()

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

    def _announce(self) -> Iterable[Command]:
        for session in self._sessions.accepted_ones():
            yield Arrive(session.user, session.id, session.version)

    def _reset(self) -> None:
        """The state is another one, and nobody knows what sessions have missed: they begin anew."""
        for session in list(self._sessions):
            code = CloseCode.SERVICE_RESTART if session.features else CloseCode.GOING_AWAY
            session.close(code, "the server has lost its place; come back in a moment", abrupt=True)
        self._arm()
        self._announcer.rooms_changed()

    def _arm(self) -> None:
        self._leader = self._replica.state.leader
        self._lobby.arm()
        self._rooms.arm()
        self._social.parties.arm()

    def _joined(self, effect: effects.NodeJoined, _: Session | None) -> None:
        log.info("node %s takes part", effect.node)
        if self._leader is None:
            self._leader = self._replica.state.leader
        elif self._replica.is_leader:  # it may have led before, been given up, and written since what was old by then
            self._replica.time.call_later(RECONCILE_AFTER_S, self._rooms.reconcile)

    def _left(self, effect: effects.NodeLeft, _: Session | None) -> None:
        log.info("node %s takes part no more", effect.node)
        if effect.node != self._leader:
            if self._replica.is_leader:  # it may have left rooms in the store that will never stand in the log
                self._replica.time.call_later(RECONCILE_AFTER_S, self._rooms.reconcile)
            return
        self._leader = self._replica.state.leader
        self._social.chat.refuse_all()
        if effect.node == self._log.node and self._leader is not None:
            self._rooms.no_longer_leads()
        if self._leader == self._log.node:
            log.info("this node leads now")
            self._replica.time.call_later(RECONCILE_AFTER_S, self._rooms.reconcile)
