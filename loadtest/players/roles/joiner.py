"""Joins a room over the socket, says something in it now and then, leaves. With `--room-life` it also is ready for the
start, comes back by the code of the room that it was in last, and gives back the host's place if it gets it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from random import Random

from loadtest.client import Feature, HostingApi, NotConnected
from loadtest.players.roles.common import CHAT_INTERVAL, VISIT, VISIT_INTERVAL
from loadtest.players.roles.figures import Counter, Series
from loadtest.players.roles.role import on, role
from loadtest.players.roles.room_life import WITHOUT_A_ROOM, OwnRoom, RoomLife, hand_over_key
from loadtest.players.swarm import Swarm
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import LEAST_GAP_S, Intent, Schedule
from lobby_server.protocol import feature_messages, messages
from lobby_server.protocol.codes import ErrorReason

REFUSALS = frozenset(
    {
        ErrorReason.ROOM_NOT_FOUND, ErrorReason.ROOM_FULL, ErrorReason.VERSION_MISMATCH, ErrorReason.BANNED,
        ErrorReason.INVALID_JOIN_ROOM, ErrorReason.ALREADY_STARTED,
    }
)  # fmt: skip
"""Answers to a join that are no failure of the server: the room filled up, began its game or was deleted meanwhile."""
READY_AFTER = (0.1, 0.5)
"""Parts of a visit between which its player gets ready."""


@role("joiner", weight=1)
class Joiner(RoomLife):
    NEEDS = frozenset({"rooms", "join", "chat"})
    visit_interval = VISIT_INTERVAL
    visit = VISIT
    chat_interval = CHAT_INTERVAL
    ready_told = Series("ready told", title="Ready: said to told")
    code_joined = Series("code to joined", title="Code of a room: used to joined")
    times_ready = Counter("times ready")
    codes_used = Counter("room codes used")
    given_back = Counter("rooms given back")

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.is_in_room = False
        self._asked: tuple[float, float] | None = None
        """Intended and actual time of a join that is not answered yet."""
        self._lines_said_s: deque[tuple[str, float]] = deque()
        """Lines with their intended times, until this player receives them."""
        self._lines = 0
        self._ready_s: float | None = None
        """Since when it waits to be told that it is ready."""
        self._code: tuple[str, str] | None = None
        """The room of the last visit, and its code."""
        self._came_s: float | None = None
        """When it used that code, until it is in the room."""

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        visit_interval, visit, chat_interval = (
            options[cls.visit_interval], options[cls.visit], options[cls.chat_interval]
        )  # fmt: skip
        life = options[cls.life]
        at_s = rng.uniform(0.0, visit_interval.mean_s)
        while True:
            leave_s, ready_s, enter = at_s + visit.draw_s(rng), math.inf, cls.join
            if life:  # nothing is drawn without it
                enter = cls.join_by_code if rng.random() < life else cls.join
                ready_s = at_s + (leave_s - at_s) * rng.uniform(*READY_AFTER) if rng.random() < life else math.inf
            yield Intent(at_s, enter, rng.random())
            chat_s = at_s + chat_interval.draw_s(rng)
            while min(chat_s, ready_s) < leave_s:
                if ready_s <= chat_s:
                    yield Intent(ready_s, cls.get_ready)
                    ready_s = math.inf
                    continue
                yield Intent(chat_s, cls.chat)
                chat_s += max(chat_interval.draw_s(rng), LEAST_GAP_S)
            yield Intent(leave_s, cls.leave)
            at_s = leave_s + max(visit_interval.draw_s(rng), LEAST_GAP_S)

    @classmethod
    def check(cls, options: SwarmOptions) -> None:
        super().check(options)
        has_list = options.fetches_lists or Feature.ROOMS_DELTA in options.modes.get(cls.NAME, frozenset())
        if not has_list and options.weights.get(cls.NAME):
            raise UsageError(
                f"--no-fetch: {cls.NAME}s look for rooms in the list: give a --mix without them, or --mode "
                f"{cls.NAME}=rooms_delta."
            )

    def join(self, at_s: float, choice: float) -> None:
        self.forget_keys()
        rooms = [room for room in self.client.list.rooms if not room.is_full and not room.is_started]
        if not rooms:
            self.count("visits without a room to join")
            return
        self._asked = at_s, time.perf_counter()
        self._unless_lost(lambda: self.client.connection.join_room(rooms[int(choice * len(rooms))].id))

    def join_by_code(self, at_s: float, choice: float) -> None:
        """Back to the room of the last visit, if it is still there; else to any."""
        room_id, code = self._code or ("", "")
        is_open = any(
            room.id == room_id and not room.is_full and not room.is_started for room in self.client.list.rooms
        )
        token = self.identity.token
        if not is_open or token is None:
            self.join(at_s, choice)
            return
        self.forget_keys()
        self._came_s = None
        api = self.api.intended(at_s)
        room_id = HostingApi(api).use_code(token, code).id
        self.codes_used.add()
        self._came_s, now_s = at_s + api.late_s, time.perf_counter()
        self._asked = now_s, now_s
        self._unless_lost(lambda: self.client.connection.join_room(room_id))

    def get_ready(self, at_s: float, choice: float) -> None:
        room, token = self.room, self.identity.token
        if room is None or token is None or room.is_started:
            self.count(WITHOUT_A_ROOM)
            return
        self._ready_s = at_s
        HostingApi(self.api.intended(at_s)).set_ready(token, room.room_id, is_ready=True)
        self.times_ready.add()

    def chat(self, at_s: float, choice: float) -> None:
        if self.is_in_room:
            self._lines += 1
            line = f"{self.seat}/{self._lines}"
            self._lines_said_s.append((line, at_s))
            self._unless_lost(lambda: self.client.connection.chat(line))

    def leave(self, at_s: float, choice: float) -> None:
        self._asked = None
        self.forget_keys()
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
        host = next((member.peerId for member in joined.members if member.isHost), None)
        others = (member.peerId for member in joined.members)
        self.enter(joined.roomId, joined.peerId, others=others, host_peer_id=host)
        came_s, self._came_s = self._came_s, None
        if came_s is not None:
            self.code_joined.record(self.heard_s - came_s)
        if asked is not None:
            intended_s, sent_s = asked
            self.fire("room join", self.heard_s - intended_s, None)
            if self.swarm.profile is None:  # elsewhere, who is in a room may not be in its row
                self.client.watch.entered(joined.roomId, intended_s=intended_s, sent_s=sent_s, answered_s=self.heard_s)

    @on(messages.Chat)
    def on_chat(self, chat: messages.Chat) -> None:
        if self._lines_said_s and self._lines_said_s[0][0] == chat.text:
            _, intended_s = self._lines_said_s.popleft()
            self.fire("room chat", self.heard_s - intended_s, None)

    @on(messages.Kicked)
    def on_kicked(self, kicked: messages.Kicked) -> None:
        super().on_kicked(kicked)
        self._forget_room()

    @on(feature_messages.RoomClosed)
    def on_closed(self, closed: feature_messages.RoomClosed) -> None:
        self._forget_room()

    def on_told(self, room: OwnRoom, told: feature_messages.RoomStateTold) -> None:
        self._code = room.room_id, told.code
        if self._ready_s is not None and room.peer_id in told.ready:
            self.ready_told.record(self.heard_s - self._ready_s)
            self._ready_s = None

    def on_led(self, room: OwnRoom, giver: int) -> None:
        self.beside(lambda: self._give_back(room.room_id, giver), "give_back")

    def _give_back(self, room_id: str, giver: int) -> None:
        token, at_s = self.identity.token, time.perf_counter()
        if token is not None:
            HostingApi(self.api).hand_over(token, room_id, peer_id=giver)
            self.host_heard.announce(room_id, hand_over_key(room_id, giver), at_s=at_s, hears_itself=True)
            self.given_back.add()

    @on(messages.Error)
    def on_error(self, error: messages.Error) -> None:
        if error.reason in REFUSALS and self._asked is not None:
            self._asked = self._came_s = None
            self.count(f"joins refused: {error.reason.value}")

    def on_lost(self) -> None:
        if self._asked is not None:
            self.fire("room join", None, "lost before the answer")
        self._asked = self._came_s = None
        super().on_lost()
        self._forget_room()

    def _forget_room(self) -> None:
        self.go()
        self.is_in_room, self._ready_s = False, None
        self._lines_said_s.clear()
