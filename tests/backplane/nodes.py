"""Nodes in one process: each with a state, a replica and a log of its own, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from lobby_server.backplane.log import ValkeyLog
from lobby_server.backplane.place.epochs import NEWCOMER_WAITS_S
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.clock import LoopClock
from lobby_server.core.machine import effects
from lobby_server.core.machine.books import new_books
from lobby_server.core.machine.commands import Arrive, Command
from lobby_server.core.machine.image import digest
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.service.replica import LocalLog, Replica
from tests.patience import PATIENCE_S

NODE_TIMEOUT_S = 2.0
_incarnations = itertools.count(1)


async def until(holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> None:
    """Return once something holds."""
    give_up_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up_s, "it did not come about in time"
        await asyncio.sleep(0.005)


def new_state() -> LobbyState:
    """Of a lobby in which nothing has happened."""
    return LobbyState(
        new_books(
            grace_s=0.0,
            empty_room_ttl_s=60.0,
            first_revision=1,
            party_max_members=8,
            party_invite_ttl_s=60.0,
            party_offline_ttl_s=60.0,
        )
    )


class Node:
    """One node. With a URL its log is in Valkey, without it is its own."""

    def __init__(
        self,
        url: str | None,
        *,
        cluster: str = "test",
        name: str = "node",
        is_first: bool = False,
        database: str | None = None,
    ) -> None:
        """`is_first`: nobody else has a state, so it need not wait. `database`: which one it has; None: it does not
        say."""

        async def which() -> str:
            return database or ""

        self.state = new_state()
        clock = LoopClock(asyncio.get_running_loop())
        self.sockets: dict[int, User] = {}
        """Those that it holds, to be announced anew."""
        self.resets = 0
        self.restored = 0
        self.ends_because = ""
        self.log: Any
        if url is None:
            self.log = LocalLog(clock)
        else:
            self.log = ValkeyLog(
                Stream(url, cluster=cluster),
                name=name,
                clock=clock,
                new_incarnation=lambda: f"i{next(_incarnations)}",
                node_timeout_s=NODE_TIMEOUT_S,
                newcomer_waits_s=0.0 if is_first else NEWCOMER_WAITS_S,
                database=None if database is None else which,
            )
        self.replica = Replica(self.state, log=self.log, clock=clock)
        self.heard: list[str] = []
        """Texts of announcements, in the order in which they came."""
        self.replica.hear(effects.Announced, lambda effect, _: self.heard.append(effect.title))

    async def start(self) -> Node:
        if isinstance(self.log, LocalLog):
            self.log.follow(self.replica.apply)
            return self
        self.log.follow(self.replica.apply, self.state, announce=self._announce, reset=self._reset, fatal=self._fatal)
        await self.log.join(self._restore, wait_s=5.0)
        return self

    async def kill(self) -> None:
        """It is gone, and has told nobody."""
        if isinstance(self.log, LocalLog):
            return
        self.log._stream.forget = self._tell_nobody
        await self.log.close()

    async def _tell_nobody(self, node: str) -> None:
        pass

    async def end(self) -> None:
        if not isinstance(self.log, LocalLog):
            await self.log.close()

    @property
    def online(self) -> list[int]:
        return sorted(user.id for user in self.state.books.presence.online())

    def arrive(self, user: User, socket: int = 1) -> None:
        self.sockets[socket] = user
        self.replica.submit(Arrive(user, socket, "1"))

    async def _restore(self) -> None:
        self.restored += 1

    def _announce(self) -> Iterable[Command]:
        return [Arrive(user, socket, "1") for socket, user in self.sockets.items()]

    def _reset(self) -> None:
        self.resets += 1
        self.sockets.clear()

    def _fatal(self, why: str) -> None:
        self.ends_because = why


async def blinded(node: Node) -> asyncio.Event:
    """The node reads nothing more of the log until the event is set: the read that was under way has ended when this
    returns."""
    read, sees, is_blind = node.log._stream.read, asyncio.Event(), asyncio.Event()

    async def read_later(epoch: str, after: str) -> object:
        is_blind.set()
        await sees.wait()
        return await read(epoch, after)

    node.log._stream.read = read_later
    await until(is_blind.is_set)
    return sees


async def agree(*nodes: Node) -> None:
    """Return once nodes stand at the same place with the same state."""
    await until(lambda: len({node.log.number for node in nodes}) == 1 and not any(node.log.waiting for node in nodes))
    await until(lambda: len({digest(node.state) for node in nodes}) == 1)
