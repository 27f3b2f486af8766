"""Joins a room over the socket, says something in it now and then, leaves."""

from __future__ import annotations

import time
from collections import deque
from typing import ClassVar

from loadtest.client import NotConnected
from loadtest.players.roles.browser import Browser
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.plan import Act, Intent, PlayerPlan
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.messages import ServerMessage

REFUSALS = frozenset(
    {
        ErrorReason.ROOM_NOT_FOUND, ErrorReason.ROOM_FULL, ErrorReason.VERSION_MISMATCH, ErrorReason.BANNED,
        ErrorReason.INVALID_JOIN_ROOM,
    }
)  # fmt: skip
"""Answers to a join that are no failure of the server: the room filled up or was deleted meanwhile."""


class Joiner(Browser):
    NAME: ClassVar[str] = mix.JOINER

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.is_in_room = False
        self._asked: tuple[float, float] | None = None
        """Intended and actual time of a join that is not answered yet."""
        self._lines_said_s: deque[tuple[str, float]] = deque()
        """Lines with their intended times, until this player receives them."""
        self._lines = 0
        self.client.connection.message_received.connect(self._on_message)
        self.client.connection.connection_lost.connect(self._on_lost)

    def act(self, intent: Intent, at_s: float) -> None:
        try:
            if intent.act is Act.JOIN:
                self._join(intent.choice, at_s)
            elif intent.act is Act.CHAT:
                self._chat(at_s)
            elif intent.act is Act.LEAVE:
                self._leave()
        except NotConnected:
            self.count("visits that a loss prevented")

    def _join(self, choice: float, at_s: float) -> None:
        rooms = [room for room in self.client.list.rooms if not room.is_full]
        if not rooms:
            self.count("visits without a room to join")
            return
        self._asked = at_s, time.perf_counter()
        self.client.connection.join_room(rooms[int(choice * len(rooms))].id)

    def _chat(self, at_s: float) -> None:
        if self.is_in_room:
            self._lines += 1
            line = f"{self.seat}/{self._lines}"
            self._lines_said_s.append((line, at_s))
            self.client.connection.chat(line)

    def _leave(self) -> None:
        self._asked = None
        if self.is_in_room:
            self._forget_room()
            self.client.connection.leave_room()

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    def _on_message(self, message: ServerMessage) -> None:
        if isinstance(message, messages.RoomJoined):
            self._on_joined()
        elif isinstance(message, messages.Chat):
            self._on_chat(message.text)
        elif isinstance(message, messages.Kicked):
            self._forget_room()
        elif isinstance(message, messages.Error) and message.reason in REFUSALS and self._asked is not None:
            self._asked = None
            self.count(f"joins refused: {message.reason.value}")

    def _on_joined(self) -> None:
        asked, self._asked = self._asked, None
        self.is_in_room = True
        if asked is not None:
            intended_s, sent_s = asked
            now_s = self.client.connection.heard_s
            self.fire("room join", now_s - intended_s, None)
            self.swarm.ledger.change(intended_s=intended_s, sent_s=sent_s, answered_s=now_s)

    def _on_chat(self, line: str) -> None:
        if self._lines_said_s and self._lines_said_s[0][0] == line:
            _, intended_s = self._lines_said_s.popleft()
            self.fire("room chat", self.client.connection.heard_s - intended_s, None)

    def _on_lost(self) -> None:
        if self._asked is not None:
            self.fire("room join", None, "lost before the answer")
        self._asked = None
        self._forget_room()

    def _forget_room(self) -> None:
        self.is_in_room = False
        self._lines_said_s.clear()
