"""A lobby server that is wrong in known ways, and keeps count of how: what the swarm is to find out about it.

Real sockets on a thread of its own. It speaks the base protocol, takes any token that carries a ``userId``, and tells
everybody of everybody. Faults are drawn by who and whom, never by the order of things, so that two runs have the same.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from loadtest.measure.freshness import Marks
from tests.patience import PATIENCE_S

SURE_S = 0.3
"""Two things that are closer than this may have happened in either order, seen from a swarm that has just started.
Locust starts players in batches, a second apart."""
ROOMS_KEPT = 50
TURN_S = 10.0
"""Of a client that neither comes in nor goes away."""


def token(user_id: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"userId": user_id}).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJl"


def user_of(jwt: str) -> int:
    claims = jwt.split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["userId"])


@dataclass
class Faults:
    delay_s: float = 0.0
    """Before each announcement."""
    is_dropped: Callable[[int, int], bool] = lambda about, observer: False
    """Of somebody coming online."""
    is_doubled: Callable[[int, int], bool] = lambda about, observer: False
    hold_offline_s: float = 0.0
    """An offline waits so long; should the user return meanwhile, it is announced after that online."""
    closes_at: Callable[[int], bool] = lambda user_id: False
    close_after_s: float = 0.0
    """After the first acceptance, those users' connections are closed, once."""
    stall_after_s: float = 0.0
    """After so many have come as `stall_from` says."""
    stall_from: int = 1
    stall_s: float = 0.0
    """The whole server, once."""
    stall_until: Callable[[], object] = lambda: True
    """And then until this holds."""
    backlog: int = 128
    """New connections that may wait while it stalls."""
    change_every_s: float = 0.0
    """Rooms with marks appear by themselves, so often."""
    changes_at_most: float = math.inf
    is_room_change_dropped: Callable[[int, int], bool] = lambda change, observer: False
    is_pong_dropped: Callable[[int, int], bool] = lambda number, observer: False
    pong: dict[str, Any] = field(default_factory=lambda: {"ts": 1_700_000_000_000})
    room_lacks: str = ""
    """A key that rows of rooms do not have."""
    in_turn: bool = False
    """A client gets the answer to its upgrade when each one before it has shown, by a ping, that it knows that it is
    in. So who was there before whom is sure, on however busy a machine."""
    has_text_ids: bool = False
    garbage_every_s: float = 0.0
    """Each is told something that is no JSON, so often."""
    answers_after_s: float = 0.0
    """It waits so long, without any work, before each answer to a handshake or a ping."""
    is_list_refused: Callable[[int], bool] = lambda number: False
    """The list of rooms is answered with 500, by its number from 1."""


@dataclass
class Told:
    """What it did: the known answer."""

    pairs: int = 0
    """(Who came online, who was there before), surely."""
    unsure: int = 0
    dropped: int = 0
    doubled: int = 0
    swapped: int = 0
    delays_s: list[float] = field(default_factory=list)
    """From the arrival of a handshake to the sending of its announcement, to each who gets one."""
    changes: int = 0
    stalled_s: float = 0.0
    changes_dropped: int = 0
    pongs_dropped: int = 0
    garbage: int = 0
    pongs: int = 0


@dataclass
class _Member:
    socket: _Socket
    user_id: int
    since_s: float
    is_known: bool = False
    """Its client knows that it is in: it has sent a ping."""


class FaultyLobby:
    """Use it as a context manager."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.told = Told()
        self.port = 0
        self.members: dict[int, _Member] = {}
        self.rooms: dict[str, dict[str, Any]] = {}
        self.lists = 0
        """Asked for."""
        self.first_s: float | None = None
        self._has_stalled = False
        self._held: dict[int, asyncio.TimerHandle] = {}
        self._marks = Marks()
        self.turn = asyncio.Lock()
        """Of the one client that comes now."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FaultyLobby:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- what happens -------------------------------------------------------------------------------------------------

    def join(self, socket: _Socket, user_id: int) -> None:
        now_s = time.perf_counter()
        if self.first_s is None:
            self.first_s = now_s
            self._begin()
        self.members[user_id] = _Member(socket, user_id, now_s)
        if self.faults.stall_s and not self._has_stalled and len(self.members) >= self.faults.stall_from:
            self._has_stalled = True
            self._loop.call_later(self.faults.stall_after_s, self._stall)
        socket.tell("handshake_accepted", {"peer_id": 0, "user_id": self._id(user_id), "username": f"u{user_id}"})
        held = self._held.pop(user_id, None)
        if held is not None:
            held.cancel()
        self._later(self.faults.delay_s, lambda: self._announce_online(user_id, now_s, is_back_early=held is not None))

    def leave(self, socket: _Socket, user_id: int) -> None:
        member = self.members.get(user_id)
        if member is None or member.socket is not socket:
            return
        del self.members[user_id]

        def announce() -> None:
            self._held.pop(user_id, None)
            self._announce_offline(user_id)

        self._held[user_id] = self._loop.call_later(self.faults.delay_s + self.faults.hold_offline_s, announce)

    def change(self, room: dict[str, Any]) -> None:
        self.rooms[room["id"]] = room
        self.told.changes += 1
        self._later(self.faults.delay_s, lambda: self._announce_change(self.told.changes))

    def _announce_change(self, number: int) -> None:
        for member in list(self.members.values()):
            if self.faults.is_room_change_dropped(number, member.user_id):
                self.told.changes_dropped += 1
            else:
                member.socket.tell("rooms_changed", {})

    def _id(self, user_id: int) -> int | str:
        return f"user-{user_id}" if self.faults.has_text_ids else user_id

    def row(self, room: dict[str, Any]) -> dict[str, Any]:
        """As it is told."""
        return {key: value for key, value in room.items() if key != self.faults.room_lacks}

    def pong(self, socket: _Socket, number: int, user_id: int) -> None:
        member = self.members.get(user_id)
        if member is not None:
            member.is_known = True
        if self.faults.is_pong_dropped(number, user_id):
            self.told.pongs_dropped += 1
        else:
            self.told.pongs += 1
            self._later(self.faults.answers_after_s, lambda: socket.tell("pong", self.faults.pong))

    def _talk_nonsense(self) -> None:
        for member in list(self.members.values()):
            self.told.garbage += 1
            member.socket.say("this is no JSON")
        self._loop.call_later(self.faults.garbage_every_s, self._talk_nonsense)

    def _begin(self) -> None:
        faults = self.faults
        if faults.close_after_s:
            self._loop.call_later(faults.close_after_s, self._close_some)
        if faults.garbage_every_s:
            self._loop.call_later(faults.garbage_every_s, self._talk_nonsense)
        if faults.change_every_s:
            self._loop.call_later(faults.change_every_s, self._make_a_change, time.perf_counter())

    def _stall(self) -> None:
        began_s = time.perf_counter()
        time.sleep(self.faults.stall_s)
        while not self.faults.stall_until() and time.perf_counter() < began_s + PATIENCE_S:
            time.sleep(0.02)
        self.told.stalled_s = time.perf_counter() - began_s

    def _make_a_change(self, before_s: float) -> None:
        intended_s = before_s + self.faults.change_every_s
        if self.told.changes >= self.faults.changes_at_most:
            return
        for old in list(self.rooms)[: -ROOMS_KEPT or None]:
            del self.rooms[old]
        # marked when it is made: how late this lobby was with it is no staleness of the swarm's
        self.change(_room(f"r{self.told.changes}", self._marks.write(time.perf_counter())))
        wait_s = intended_s + self.faults.change_every_s - time.perf_counter()
        self._loop.call_later(max(0.0, wait_s), self._make_a_change, intended_s)

    def _close_some(self) -> None:
        for member in list(self.members.values()):
            if self.faults.closes_at(member.user_id):
                member.socket.close(1012, "service restart")

    def _announce_online(self, user_id: int, came_s: float, *, is_back_early: bool) -> None:
        told = self.told
        for member in list(self.members.values()):
            observer = member.user_id
            if observer == user_id or member.since_s > came_s:
                continue
            # only they get faults: found to the count
            is_sure = self.faults.in_turn or member.since_s < came_s - SURE_S
            is_dropped = is_sure and self.faults.is_dropped(user_id, observer)
            is_doubled = is_sure and self.faults.is_doubled(user_id, observer)
            told.pairs += is_sure
            told.unsure += not is_sure
            told.dropped += is_dropped
            told.doubled += is_doubled
            for _ in range((not is_dropped) + is_doubled):
                told.delays_s.append(time.perf_counter() - came_s)
                member.socket.tell("user_online", {"user_id": self._id(user_id), "username": f"u{user_id}"})
        if is_back_early:
            told.swapped += self._announce_offline(user_id)

    def _announce_offline(self, user_id: int) -> int:
        others = [member for member in self.members.values() if member.user_id != user_id]
        for member in others:
            member.socket.tell("user_offline", {"user_id": self._id(user_id), "username": f"u{user_id}"})
        return len(others)

    def _tell_all(self, kind: str, data: dict[str, Any]) -> None:
        for member in list(self.members.values()):
            member.socket.tell(kind, data)

    def _later(self, delay_s: float, call: Callable[[], object]) -> None:
        if delay_s:
            self._loop.call_later(delay_s, call)
        else:
            call()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = Application(
            [
                (r"/", _Socket, {"lobby": self}),
                (r"/api/rooms(?:/(?P<room_id>\w+))?", _Rooms, {"lobby": self}),
                (r"/api/auth/verify", _Verify),
            ],
            log_function=lambda handler: None,
        )
        self._loop.run_until_complete(self._listen(application))
        self._loop.run_forever()
        self._server.stop()
        self._loop.run_until_complete(self._server.close_all_connections())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _listen(self, application: Application) -> None:
        sockets = bind_sockets(0, "127.0.0.1", backlog=self.faults.backlog)
        self.port = sockets[0].getsockname()[1]
        self._server = HTTPServer(application)
        self._server.add_sockets(sockets)
        self._ready.set()


class _Socket(WebSocketHandler):
    def initialize(self, lobby: FaultyLobby) -> None:
        self.lobby = lobby
        self.user_id: int | None = None
        self.pings = 0

    def check_origin(self, origin: str) -> bool:
        return True

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if not self.lobby.faults.in_turn:
            await super().get(*args, **kwargs)
            return
        async with self.lobby.turn:
            if self.request.connection.stream.closed():
                return  # it gave up waiting
            before = len(self.lobby.members)
            handled = asyncio.ensure_future(super().get(*args, **kwargs))
            until_s = time.perf_counter() + TURN_S
            while not handled.done() and time.perf_counter() < until_s:
                members = self.lobby.members
                if len(members) > before and all(member.is_known for member in members.values()):
                    break
                await asyncio.sleep(0.01)
        await handled

    def open(self) -> None:
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        frame = json.loads(message)
        if frame["type"] == "handshake":
            user_id = self.user_id = user_of(frame["data"]["token"])
            self.lobby._later(self.lobby.faults.answers_after_s, lambda: self.lobby.join(self, user_id))
        elif frame["type"] == "ping":
            self.pings += 1
            self.lobby.pong(self, self.pings, self.user_id or 0)

    def on_close(self) -> None:
        if self.user_id is not None:
            self.lobby.leave(self, self.user_id)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self.say(json.dumps({"type": kind, "data": data}))

    def say(self, text: str) -> None:
        try:
            self.write_message(text)
        except WebSocketClosedError:
            pass  # it is leaving: the swarm does not expect it there, either


class _Rooms(RequestHandler):
    def initialize(self, lobby: FaultyLobby) -> None:
        self.lobby = lobby

    def get(self, room_id: str | None) -> None:
        self.lobby.lists += 1
        if self.lobby.faults.is_list_refused(self.lobby.lists):
            self.set_status(500)
            self.finish({"error": "no list this time"})
            return
        rooms = [self.lobby.row(room) for room in reversed(self.lobby.rooms.values())]
        self.set_header("ETag", f'"{self.lobby.told.changes}"')
        self.finish({"count": len(rooms), "rooms": rooms})

    def post(self, room_id: str | None) -> None:
        body = json.loads(self.request.body)
        room = _room(f"p{self.lobby.told.changes}", body.get("mapName"))
        self.set_status(201)
        self.finish({"success": True, "room": self.lobby.row(room)})
        self.lobby.change(room)

    def delete(self, room_id: str) -> None:
        self.lobby.rooms.pop(room_id, None)
        self.finish({"success": True})
        self.lobby.told.changes += 1
        self.lobby._tell_all("rooms_changed", {})


class _Verify(RequestHandler):
    def get(self) -> None:
        self.finish({"valid": True, "user": {"id": 1, "username": "u1"}})


def _room(room_id: str, map_name: str | None) -> dict[str, Any]:
    return {
        "id": room_id, "host_username": "ada", "gamemode": "swarm", "map_name": map_name, "current_players": 1,
        "max_players": 8, "created_at": "2026-01-01T00:00:00.000Z", "is_full": False,
    }  # fmt: skip
