"""The whole service in memory: the server's own composition over a virtual clock, a store in memory, fake sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.backplane.wire import encode_command
from lobby_server.core.machine.commands import Command
from lobby_server.core.presence import User
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.app import App, Runtime
from lobby_server.service.ports import Journal
from lobby_server.service.replica import Request, SharedLog
from lobby_server.service.session import Session
from lobby_server.service.writes.writer import Left
from lobby_server.settings import Settings
from tests.fakes.clock import VirtualClock
from tests.fakes.transport import MemoryTransport
from tests.patience import PATIENCE_S

SECRET = "a secret of the tests, thirty-two bytes or more"
ANN, BOB, CLEO = User(1, "ann"), User(2, "bob"), User(3, "cleo")
NO_LIMITS = {"command_rate_per_s": 0.0, "auth_rate_per_min": 0.0, "social_rate_per_min": 0.0, "chat_rate_per_min": 0.0}
PRESENCE = frozenset({"user_online", "user_offline", "presence_changed", "player_count", "handshake_accepted"})
"""What everybody hears of sessions that come and go."""


def token_of(user: User, *, expires_at_s: float = 4_000_000_000) -> str:
    """A token that outlives every test, unless told otherwise."""
    claims = {"userId": user.id, "username": user.username, "exp": expires_at_s, "jti": f"token of {user.username}"}
    return jwt.encode(claims, SECRET, "HS256")


class House:
    """One service, and users who open sockets to it."""

    def __init__(
        self,
        *,
        new_id: Callable[[], str] | None = None,
        store: MemoryStore | None = None,
        clock: VirtualClock | None = None,
        shared_log: SharedLog | None = None,
        journal: Journal | None = None,
        **settings: Any,
    ) -> None:
        """`new_id`: of rooms and parties; by default they are numbered. `store`, `clock`, `journal`: of an earlier
        life. `shared_log`: in common with other houses; that takes a real clock."""
        self.clock = clock or VirtualClock()
        self.store = store or MemoryStore()
        numbers = itertools.count(1)
        self.app = App(
            settings=Settings(**{**NO_LIMITS, "ack_percent": 0.0, **settings}),
            runtime=Runtime(
                clock=self.clock,
                random_source=random.Random(0),
                executor=ThreadPoolExecutor(1),
                new_id=new_id or (lambda: f"id{next(numbers)}"),
                new_token_id=lambda: f"token{next(numbers)}",
                new_salt=os.urandom,
                cpu_s=lambda: 0.0,
                resident_bytes=lambda: None,
            ),
            store=self.store,
            secrets=[SECRET],
            journal=journal,
            shared_log=shared_log,
        )
        if shared_log is None:
            self._hold_commands_to_the_wire()

    def _hold_commands_to_the_wire(self) -> None:
        """Whatever is appended could be read by other nodes, if there were any."""
        log = self.app.replica.log
        append = log.append

        def append_what_can_be_read(command: Command, request: Request | None = None) -> None:
            encode_command(command)
            append(command, request)

        vars(log)["append"] = append_what_can_be_read

    async def start(self) -> House:
        """With accounts of Ann, Bob and Cleo."""
        for user in (ANN, BOB, CLEO) if await self.store.account(CLEO.id) is None else ():
            await self.store.add_account(
                username=user.username, email=None, password_hash="x", created_at=self.clock.utc_now()
            )
        await self.app.start()
        return self

    async def stop(self) -> None:
        assert await self.app.writer.stop(patience_s=PATIENCE_S) == Left()

    async def settle(self) -> None:
        """Let everything be written that is to be written, and the ticks that follow pass."""
        for what in (self.app.social.ties, self.app.revocations, self.app.writer):
            await asyncio.wait_for(what.idle(), PATIENCE_S)
        self.clock.advance(0.3)

    def connect(self, user: User, *features: str, version: str = "1") -> Client:
        """An accepted socket of a user, who has read what a newcomer is told."""
        client = Client(self, user)
        client.handshake(*features, version=version)
        assert client.session.user == user
        self.clock.advance(0.3)
        client.transport.take()
        return client

    async def room(self, host: User, **wish: Any) -> str:
        """The id of a new room."""
        made = await self.app.rooms.create_room(host, RoomWish(**{"gamemode": "ffa", **wish}))
        self.clock.advance(0.3)
        return made.id


class Client:
    """One socket of a user, and what it was sent."""

    def __init__(self, house: House, user: User) -> None:
        self.house = house
        self.user = user
        self.transport = MemoryTransport()
        self.session: Session = house.app.open_session(self.transport)

    def say(self, type_: str, **data: Any) -> None:
        self.session.receive(json.dumps({"type": type_, "data": data}).encode())

    def handshake(self, *features: str, version: str = "1", ttl_s: float | None = None) -> None:
        """`ttl_s`: how long the token holds; None: for ever."""
        asked = {"features": list(features)} if features else {}
        now_s = self.house.clock.utc_now().timestamp()
        token = token_of(self.user) if ttl_s is None else token_of(self.user, expires_at_s=now_s + ttl_s)
        self.say("handshake", version=version, name="P", token=token, **asked)

    def told(self, *, but: frozenset[str] = PRESENCE) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of the messages since the last call, once the open tick has passed."""
        self.house.clock.advance(0.3)
        return [(each["type"], each["data"]) for each in self.transport.take() if each["type"] not in but]

    def types(self, *, but: frozenset[str] = PRESENCE | {"rooms_changed"}) -> list[str]:
        """Types of the messages since the last call."""
        return [type_ for type_, _ in self.told(but=but)]

    def refused(self) -> str:
        """The reason of the one error that came."""
        ((type_, data),) = self.told()
        assert type_ == "error"
        return str(data["reason"])

    def go(self, *, abrupt: bool = False) -> None:
        """The socket is gone."""
        self.house.app.end_session(self.session, abrupt=abrupt)
