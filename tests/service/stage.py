"""What a session needs around it, without a socket or a loop: a virtual clock, a lobby that takes notes, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt

from lobby_server.core.rooms import RoomBook
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.messages import CLIENT_MESSAGES, ClientMessage, Refused
from lobby_server.service.announcer import Announcer
from lobby_server.service.auth import Tokens
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.rooms.changes import RoomChanges
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import ListedRooms
from lobby_server.service.session import Rules, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.security import SecurityLog
from tests.fakes.clock import VirtualClock
from tests.fakes.transport import MemoryTransport

SECRET = "a secret of the tests, thirty-two bytes or more"


class NotingLobby:
    """A lobby that writes down what sessions ask of it."""

    def __init__(self, sessions: Sessions, announcer: Announcer) -> None:
        self.sessions = sessions
        self.announcer = announcer
        self.calls: list[Any] = []
        self.refusal: ErrorReason | None = None
        self.waiting: list[Callable[[], None]] | None = None
        """What lets sessions in that wait; None: none does."""

    def accepted(self, session: Session, greet: Callable[[], None]) -> None:
        self.calls.append("accepted")
        if self.waiting is None:
            self._let_in(session, greet)
        else:
            self.waiting.append(partial(self._let_in, session, greet))

    def _let_in(self, session: Session, greet: Callable[[], None]) -> None:
        greet()
        self.sessions.accepted(session)
        self.announcer.welcome(session)
        self.announcer.user_online(session.user)

    def holds(self, session: Session, raw: bytes) -> bool:
        return False

    def execute(self, session: Session, command: ClientMessage) -> None:
        self.calls.append(command)
        if self.refusal is not None:
            raise Refused(self.refusal)

    def gone(self, session: Session, *, abrupt: bool) -> None:
        self.calls.append("lost" if abrupt else "left")
        self.announcer.forget(session)
        self.sessions.gone(session)


class Stage:
    """One set of rules, and sessions under them."""

    def __init__(
        self, *, allow_guests: bool = False, command_rate_per_s: float = 0.0, handshake_timeout_s: float = 10.0
    ) -> None:
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.tokens = Tokens(SECRET, ttl_s=3600, clock=self.clock, new_token_id=lambda: "t")
        self.sessions = Sessions(limit=1000)
        self.fanout = Fanout(clock=self.clock, metrics=self.metrics, tick_s=0.02, log_bytes=1 << 20, log_age_s=30.0)
        self.announcer = Announcer(
            fanout=self.fanout,
            sessions=self.sessions,
            rooms=RoomChanges(ListedRooms(RoomBook(empty_ttl_s=60.0)), FetchMeter(clock=self.clock, cpu_s=lambda: 0.0)),
            count_players=lambda: 0,
            clock=self.clock,
            metrics=self.metrics,
            rooms_interval_s=0.25,
        )
        self.lobby = NotingLobby(self.sessions, self.announcer)
        self.rules = Rules(
            observer=self.lobby,
            commands=dict.fromkeys(CLIENT_MESSAGES.values(), self.lobby.execute) | self.announcer.commands(),
            fanout=self.fanout,
            tokens=self.tokens,
            clock=self.clock,
            metrics=self.metrics,
            security=SecurityLog(clock=self.clock, metrics=self.metrics),
            handshake_timeout_s=handshake_timeout_s,
            heartbeat_timeout_s=75.0,
            command_rate_per_s=command_rate_per_s,
            allow_guests=allow_guests,
        )

    def token(self, user_id: int = 7, username: str = "ann", *, ttl_s: float = 3600.0, **changes: Any) -> str:
        claims = {
            "userId": user_id,
            "username": username,
            "exp": self.clock.utc_now().timestamp() + ttl_s,
            "jti": f"token of {username}",
            **changes,
        }
        return jwt.encode(claims, SECRET, "HS256")

    def connect(self) -> Socket:
        return Socket(self)


class Socket:
    """A session and the client's end of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.transport = MemoryTransport()
        self.session = stage.sessions.open(stage.rules, self.transport)

    def say(self, type_: str, **data: Any) -> list[Any]:
        """Send a message; what came back, without a moment passing."""
        return self.say_raw(json.dumps({"type": type_, "data": data}).encode())

    def say_raw(self, raw: bytes | str) -> list[Any]:
        self.session.receive(raw)
        return self.transport.take()

    def handshake(self, token: Any, **more: Any) -> list[Any]:
        return self.say("handshake", version="13020", name="P", token=token, **more)

    def accepted(self) -> Socket:
        """The same, after a handshake that held."""
        (reply,) = self.handshake(self.stage.token())
        assert reply["type"] == "handshake_accepted"
        self.stage.clock.advance(0.1)
        self.transport.take()  # the own user_online
        return self


def error(reason: str) -> dict[str, Any]:
    return {"type": "error", "data": {"reason": reason}}
