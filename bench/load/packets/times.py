"""The times that a load generator should have told, taken from what went over the wire.

The names are those of the swarm's metrics, and the rules those of its ledger: who was accepted before something
happened should hear of it, and the first hearing counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from bench.load.packets.conversations import Conversation, Exchange, exchanges_of
from bench.stats import percentile
from lobby_server.protocol.messages import (
    PresenceChanged,
    Refused,
    RoomsChanged,
    RoomsChangedRev,
    RoomsDelta,
    UserOnline,
    decode_server_message,
)

ROOMS = "/api/rooms"
BASE = "an announcement that does not say of what"
MOST_REMEMBERED = 100_000
"""Different messages."""


@dataclass(frozen=True)
class Figures:
    """Of one series, in ms. Percentiles are nearest-rank over all durations."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, durations_s: Sequence[float]) -> Figures:
        p50, p99 = (percentile(durations_s, q) * 1000 for q in (50, 99))
        return cls(len(durations_s), p50, p99, max(durations_s) * 1000)


@dataclass(frozen=True)
class News:
    """What one message says to whoever gets it."""

    online: tuple[int, ...] = ()
    """Users who came."""
    rooms: tuple[str, ...] = ()
    """Marks of the rooms that are in it and ids of those that are gone, or `BASE`."""


NOTHING = News()


class Heard:
    """A capture, from the first player on: what was asked before (checks of the generator) is not its business."""

    def __init__(self, conversations: Sequence[Conversation], *, settle_s: float) -> None:
        self.settle_s = settle_s
        self.sockets = [each for each in conversations if each.shook_s is not None]
        self.players = [each for each in self.sockets if each.accepted_s is not None]
        self.begins_s = min((each.began_s for each in self.sockets), default=math.inf)
        self.ends_s = min((each.closed_s for each in self.sockets if each.closed_s is not None), default=math.inf)
        """Players begin to leave, because the run ends."""
        self.exchanges = [each for each in exchanges_of(conversations) if each.asked_s >= self.begins_s]
        self.changes: Mapping[str, float] = self._changes_asked()
        """When each change of the rooms was asked for, by the mark of a room made or the id of one deleted; those that
        can be judged before the end."""

    def _changes_asked(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for each in sorted(self.exchanges, key=lambda each: each.asked_s):
            if each.status // 100 != 2 or each.asked_s + self.settle_s > self.ends_s:
                continue
            key = _mark_in(each) if _is_making(each) else _room_deleted(each)
            if key:
                found[key] = each.asked_s
        return found


def times_of(heard: Heard) -> dict[str, Figures]:
    """Those of which there is something."""
    series: dict[str, list[float]] = {
        "upgrade": [each.upgrade_s for each in heard.sockets if each.upgrade_s is not None],
        "handshake": [
            each.accepted_s - each.shook_s
            for each in heard.players
            if each.accepted_s is not None and each.shook_s is not None
        ],
        "heartbeat": [
            pong_s - ping_s
            for each in heard.players
            for ping_s, pong_s in zip(each.pings_s, each.pongs_s, strict=False)
        ],
        "room_create": _durations(each for each in heard.exchanges if _is_making(each) and each.status == 201),
        "fetch": _durations(each for each in heard.exchanges if _is_fetch(each) and each.status == 200),
        "fanout_presence": fan_out_of_presence(heard),
        "fanout_rooms": fan_out_of_rooms(heard),
        "spread": spread(heard),
    }
    return {name: Figures.of(durations_s) for name, durations_s in series.items() if durations_s}


def fan_out_of_presence(heard: Heard) -> list[float]:
    """From a player's handshake to each hearing of it."""
    came_s: dict[int, float] = {}
    for each in heard.players:
        if each.user_id is not None and each.shook_s is not None:
            came_s.setdefault(each.user_id, each.shook_s)
    found: list[float] = []
    for each in heard.players:
        since_s = each.accepted_s or math.inf
        has_heard: set[int] = set()
        for at_s, payload in each.heard:
            for user_id in news_of(payload).online:
                from_s = came_s.get(user_id, -math.inf)
                if from_s > since_s and user_id not in has_heard and at_s - from_s <= heard.settle_s:
                    has_heard.add(user_id)
                    found.append(at_s - from_s)
    return found


def fan_out_of_rooms(heard: Heard) -> list[float]:
    """From the request for a change to each announcement of it."""
    changes = heard.changes
    in_order = sorted(changes.values())
    found: list[float] = []
    for each in heard.players:
        since_s, due = each.accepted_s or math.inf, 0
        has_heard: set[str] = set()
        while due < len(in_order) and in_order[due] <= since_s:
            due += 1
        for at_s, payload in each.heard:
            rooms = news_of(payload).rooms
            if rooms == (BASE,):  # of all that was asked for until then
                while due < len(in_order) and in_order[due] <= at_s:
                    found.append(at_s - in_order[due])
                    due += 1
                continue
            for key in rooms:
                asked_s = changes.get(key, -math.inf)
                if asked_s > since_s and key not in has_heard:
                    has_heard.add(key)
                    found.append(at_s - asked_s)
    return [duration_s for duration_s in found if duration_s <= heard.settle_s]


def spread(heard: Heard) -> list[float]:
    """Of changes that others made: from the first player who heard of one to each. Those that came shortly after a
    change of the players' own are left out."""
    told_s: dict[bytes, list[float]] = {}
    for each in heard.players:
        for at_s, payload in each.heard:
            rooms = news_of(payload).rooms
            if rooms and rooms != (BASE,):
                told_s.setdefault(payload, []).append(at_s)
    own = sorted(each.asked_s for each in heard.exchanges if _is_making(each) or _room_deleted(each))
    found: list[float] = []
    for times_s in told_s.values():
        first_s = min(times_s)
        is_own = any(asked_s <= first_s <= asked_s + heard.settle_s for asked_s in own)
        is_judged = 2 * len(times_s) > len(heard.players) and first_s + heard.settle_s <= heard.ends_s
        if is_judged and not is_own:
            found += [at_s - first_s for at_s in times_s if at_s - first_s <= heard.settle_s]
    return found


@lru_cache(maxsize=MOST_REMEMBERED)
def news_of(payload: bytes) -> News:
    try:
        message = decode_server_message(payload)
    except Refused:
        return NOTHING
    if isinstance(message, UserOnline):
        return News(online=(message.user_id,))
    if isinstance(message, PresenceChanged):
        return News(online=tuple(user.user_id for user in message.online))
    if isinstance(message, RoomsDelta):
        marks = [room.map_name for room in message.set if room.map_name]
        return News(rooms=(*marks, *message.gone) or ("nothing by name",))
    if isinstance(message, (RoomsChanged, RoomsChangedRev)):
        return News(rooms=(BASE,))
    return NOTHING


def _durations(exchanges: Iterable[Exchange]) -> list[float]:
    return [each.answered_s - each.asked_s for each in exchanges if each.answered_s is not None]


def _is_making(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.target == ROOMS


def _is_fetch(exchange: Exchange) -> bool:
    return exchange.method == "GET" and exchange.target == ROOMS


def _room_deleted(exchange: Exchange) -> str:
    """Its id; empty: it is another request."""
    folder, _, room_id = exchange.target.rpartition("/")
    return room_id if exchange.method == "DELETE" and folder == ROOMS else ""


def _mark_in(exchange: Exchange) -> str:
    """What the players' rooms are called, each otherwise."""
    try:
        body = msgspec.json.decode(exchange.body)
    except msgspec.MsgspecError:
        return ""
    return str(body.get("mapName", "")) if isinstance(body, dict) else ""
