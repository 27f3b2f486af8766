"""Joins a room over the socket, says something in it now and then, leaves."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from random import Random

from loadtest.client import Feature, NotConnected
from loadtest.players.roles.browser import Browser
from loadtest.players.roles.common import CHAT_INTERVAL, VISIT, VISIT_INTERVAL
from loadtest.players.roles.role import on, role
from loadtest.players.swarm import Swarm
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import LEAST_GAP_S, Intent, Schedule
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason

REFUSALS = frozenset(
    {
        ErrorReason.ROOM_NOT_FOUND, ErrorReason.ROOM_FULL, ErrorReason.VERSION_MISMATCH, ErrorReason.BANNED,
        ErrorReason.INVALID_JOIN_ROOM,
    }
)  # fmt: skip
"""Answers to a join that are no failure of the server: the room filled up or was deleted meanwhile."""


@role("joiner", weight=1)
class Joiner(Browser):
    NEEDS = frozenset({"rooms", "join", "chat"})
    visit_interval = VISIT_INTERVAL
    visit = VISIT
    chat_interval = CHAT_INTERVAL

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.is_in_room = False
        self._asked: tuple[float, float] | None = None
        """Intended and actual time of a join that is not answered yet."""
        self._lines_said_s: deque[tuple[str, float]] = deque()
        """Lines with their intended times, until this player receives them."""
        self._lines = 0

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        visit_interval, visit, chat_interval = (
            options[cls.visit_interval], options[cls.visit], options[cls.chat_interval]
        )  # fmt: skip
        at_s = rng.uniform(0.0, visit_interval.mean_s)
        while True:
            leave_s = at_s + visit.draw_s(rng)
            yield Intent(at_s, cls.join, rng.random())
            chat_s = at_s + chat_interval.draw_s(rng)
            while chat_s < leave_s:
                yield Intent(chat_s, cls.chat)
                chat_s += max(chat_interval.draw_s(rng), LEAST_GAP_S)
            yield Intent(leave_s, cls.leave)
            at_s = leave_s + max(visit_interval.draw_s(rng), LEAST_GAP_S)

    @classmethod
    def check(cls, options: SwarmOptions) -> None:
        has_list = options.fetches_lists or Feature.ROOMS_DELTA in options.modes.get(cls.NAME, frozenset())
        if not has_list and options.weights.get(cls.NAME):
            raise UsageError(
                f"--no-fetch: {cls.NAME}s look for rooms in the list: give a --mix without them, or --mode "
                f"{cls.NAME}=rooms_delta."
            )

    def join(self, at_s: float, choice: float) -> None:
        rooms = [room for room in self.client.list.rooms if not room.is_full]
        if not rooms:
            self.count("visits without a room to join")
            return
        self._asked = at_s, time.perf_counter()
        self._unless_lost(lambda: self.client.connection.join_room(rooms[int(choice * len(rooms))].id))

    def chat(self, at_s: float, choice: float) -> None:
        if self.is_in_room:
            self._lines += 1
            line = f"{self.seat}/{self._lines}"
            self._lines_said_s.append((line, at_s))
            self._unless_lost(lambda: self.client.connection.chat(line))

    def leave(self, at_s: float, choice: float) -> None:
        self._asked = None
        if self.is_in_room:
            self._forget_room()
            self._unless_lost(self.client.connection.leave_room)

    def _unless_lost(self, say: Callable[[], None]) -> None:
        try:
            say()
        except NotConnected:
            self.count("visits that a loss prevented")

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    @on(messages.RoomJoined)
    def on_joined(self, joined: messages.RoomJoined) -> None:
        asked, self._asked = self._asked, None
        self.is_in_room = True
        if asked is not None:
            intended_s, sent_s = asked
            self.fire("room join", self.heard_s - intended_s, None)
            if self.swarm.profile is None:  # elsewhere, who is in a room may not be in its row
                self.swarm.ledger.change(joined.roomId, intended_s=intended_s, sent_s=sent_s, answered_s=self.heard_s)

    @on(messages.Chat)
    def on_chat(self, chat: messages.Chat) -> None:
        if self._lines_said_s and self._lines_said_s[0][0] == chat.text:
            _, intended_s = self._lines_said_s.popleft()
            self.fire("room chat", self.heard_s - intended_s, None)

    @on(messages.Kicked)
    def on_kicked(self, _kicked: messages.Kicked) -> None:
        self._forget_room()

    @on(messages.Error)
    def on_error(self, error: messages.Error) -> None:
        if error.reason in REFUSALS and self._asked is not None:
            self._asked = None
            self.count(f"joins refused: {error.reason.value}")

    def on_lost(self) -> None:
        if self._asked is not None:
            self.fire("room join", None, "lost before the answer")
        self._asked = None
        self._forget_room()

    def _forget_room(self) -> None:
        self.is_in_room = False
        self._lines_said_s.clear()
