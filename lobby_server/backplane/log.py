"""The log of several nodes: `lobby_server.service.replica.Log` over a stream of Valkey.

    append ──▶ outbox ──▶ XADD, one at a time ──▶ stream ──▶ XREAD ──▶ apply, on every node in one order

Its life: it joins (a snapshot, and the tail of the stream behind it), then it runs. When Valkey does not answer it is
away: what can be refused is refused, what cannot waits. When Valkey is back, the log goes on where it stood, or in a
new epoch (`lobby_server.backplane.place.epochs`). A node that finds itself given up by the others (it was frozen, or
cut off) takes another name and announces the sockets that it still holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone
from lobby_server.backplane.node.catching_up import CatchingUp
from lobby_server.backplane.node.gate import Gate
from lobby_server.backplane.node.health import STALLED_S, Health
from lobby_server.backplane.node.house import House
from lobby_server.backplane.node.outbox import Outbox
from lobby_server.backplane.node.reading import Reader
from lobby_server.backplane.node.writing import Writer
from lobby_server.backplane.place.epochs import NEWCOMER_WAITS_S, Epochs, Ways
from lobby_server.backplane.place.snapshots import SNAPSHOT_S, Snapshots
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.valkey import counting
from lobby_server.backplane.wire import Entry
from lobby_server.core.machine.commands import Command, NodeDown, NodeUp
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import SharedClock
from lobby_server.service.replica import Apply, Request
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.log_figures import LogFigures

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

log = logging.getLogger("lobby.backplane")

GIVE_UP_S = 5.0
"""How long a call waits for its command."""
CANCEL_AGAIN_S = 0.1


class ValkeyLog:
    """One per process. `follow` it, `join`, and `leave`."""

    _state: LobbyState
    _announce: Callable[[], Iterable[Command]]
    _snapshots: Snapshots
    _epochs: Epochs
    _reader: Reader
    _house: House
    _fatal: Callable[[str], None]

    def __init__(
        self,
        stream: Stream,
        *,
        name: str,
        clock: SharedClock,
        new_incarnation: Callable[[], str],
        node_timeout_s: float,
        newcomer_waits_s: float = NEWCOMER_WAITS_S,
        snapshot_s: float = SNAPSHOT_S,
        address: str = "",
        version: str = "",
        database: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """`name`: of this node, for people. `new_incarnation` is another one each time: it tells lives of a node apart.
        `node_timeout_s`: silence after which the others give a node up. `newcomer_waits_s`: how long a node without a
        state waits for one that has. `snapshot_s`: at most between two snapshots, while anything happens. `database`:
        which one this node has; None or empty: nobody can say."""
        self._stream = stream
        self._name = name
        self._monotonic_s = clock.elapsed_s  # what the others do goes on while this machine is suspended
        self._new_incarnation = new_incarnation
        self._timeout_s = node_timeout_s
        self._newcomer_waits_s = newcomer_waits_s
        self._snapshot_s = snapshot_s
        self._address = address
        self._version = version
        self._database = database
        self._outbox = Outbox(f"{name}.{new_incarnation()}")
        self._standing = Standing(self._monotonic_s)
        self._health = Health(self._monotonic_s)
        self._writer = Writer(stream, standing=self._standing, health=self._health, outbox=self._outbox)
        self._tasks: list[asyncio.Task[None]] = []
        self._gate = Gate(stream, append=self.append, new_token=new_incarnation, clock=clock)
        self._catching_up = CatchingUp(stream, standing=self._standing, health=self._health, clock=clock)

    # -- `lobby_server.service.replica.SharedLog` -----------------------------------------------------------------

    @property
    def node(self) -> str:
        return self._outbox.node

    @property
    def takes_part(self) -> bool:
        return self._health.takes_part

    @property
    def is_heard_of(self) -> bool:
        return self._house.is_heard_of

    @property
    def outages(self) -> int:
        """How often Valkey has been away."""
        return self._health.outages

    @property
    def number(self) -> int:
        """Of the last entry that was applied."""
        return self._standing.number

    def now_s(self) -> float:
        return self._standing.now_s()

    def check(self) -> None:
        if not self.is_well:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    def append(self, command: Command, request: Request | None = None) -> None:
        if request is not None and not request.is_patient and not self.is_well:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        self._outbox.add(command, request, now_s=self._monotonic_s())
        self._writer.wake()

    async def caught_up(self) -> None:
        if self._health.takes_part:  # else: what there is has to do
            await self._catching_up.wait()

    @contextlib.asynccontextmanager
    async def gate(self) -> AsyncIterator[Callable[[], bool]]:
        self.check()
        async with self._gate.hold() as is_sure:
            yield is_sure

    async def take(self, key: str, *, rate_per_s: float, burst: float) -> float | None:
        if not self._health.takes_part:
            return None
        return await counting.take(self._stream, key, rate_per_s=rate_per_s, burst=burst)

    @property
    def is_well(self) -> bool:
        """Whether a command that is appended now is likely to be applied soon."""
        return self._health.is_well(self._outbox.oldest_s())

    @property
    def is_ready(self) -> bool:
        """Whether this node should get clients: Valkey is there, or has not been away for long."""
        return bool(self._tasks) and self._health.is_ready(knows_nodes=bool(self._state.nodes))

    @property
    def waiting(self) -> int:
        """Commands that are not applied yet."""
        return len(self._outbox)

    @property
    def reports(self) -> Mapping[str, bytes]:
        return self._house.reports

    def figures(self) -> LogFigures:
        standing, health = self._standing, self._health
        return LogFigures(
            entries=standing.number,
            lag_entries=max(0, standing.newest - standing.number),
            lag_s=self._reader.lag_s,
            waiting=len(self._outbox),
            is_away=health.is_away,
            outages=health.outages,
            apply_s=self._reader.apply_s,
            snapshot_age_s=self._snapshots.age_s,
        )

    # -- its life -------------------------------------------------------------------------------------------------

    def follow(
        self,
        apply: Apply,
        state: LobbyState,
        *,
        announce: Callable[[], Iterable[Command]],
        reset: Callable[[], None],
        fatal: Callable[[str], None],
        report: Callable[[], bytes] = bytes,
        heard: Callable[[], None] = lambda: None,
        floor: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """As `SharedLog.follow`."""
        self._state, self._announce, self._fatal = state, announce, fatal
        stream, standing, monotonic_s = self._stream, self._standing, self._monotonic_s
        self._snapshots = Snapshots(
            stream, standing=standing, state=state, monotonic_s=monotonic_s, every_s=self._snapshot_s
        )
        self._epochs = Epochs(
            stream,
            standing=standing,
            snapshots=self._snapshots,
            state=state,
            ways=Ways(take=lambda entry: self._take(entry), apply=apply, reset=reset, reborn=self._begin_anew),
            node=lambda: self.node,
            new_name=self._new_incarnation,
            newcomer_waits_s=self._newcomer_waits_s,
            floor=floor or _no_floor,
            monotonic_s=monotonic_s,
        )
        self._reader = Reader(
            stream,
            standing=standing,
            health=self._health,
            outbox=self._outbox,
            epochs=self._epochs,
            catching_up=self._catching_up,
            state=state,
            apply=apply,
            take=lambda entry: self._take(entry),
            is_back=self._writer.send_again,
            is_up=self._is_up,
            given_up=self._reborn,
            fatal=fatal,
            monotonic_s=monotonic_s,
        )
        self._house = House(
            stream,
            standing=standing,
            health=self._health,
            snapshots=self._snapshots,
            state=state,
            node=lambda: self.node,
            append=self.append,
            report=report,
            heard=heard,
            timeout_s=self._timeout_s,
            monotonic_s=monotonic_s,
        )

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        """Take part, with the state of the others or, where nobody has one, with that of the database (`restore`).
        Whether it was the latter. Returns once this node is known to all.

        Waits up to `wait_s` for Valkey. Raises `BackplaneAway`, `BackplaneRefused`, `FormatRefused`.
        """
        if self._database is not None:
            self._snapshots.database = await self._database()
        is_first = await self._epochs.join(restore, wait_s=wait_s)
        self._health.begin()
        self._outbox.add(NodeUp(self.node, self._address, self._version), None, now_s=self._monotonic_s())
        self._writer.wake()
        try:
            await self._house.renew()
        except EpochGone:
            raise BackplaneAway("The backplane lost its data as this node joined.") from None
        loop = asyncio.get_running_loop()
        works = (self._writer.run, self._reader.run, self._keep_house)
        self._tasks = [loop.create_task(self._work(each)) for each in works]
        try:
            await asyncio.wait_for(self._until_up(), max(wait_s, GIVE_UP_S))
        except (TimeoutError, asyncio.TimeoutError):
            await self.close()
            raise BackplaneAway("The backplane took no entry in time.") from None
        return is_first

    async def leave(self, *, grace_s: float) -> None:
        """Say that this node ends; its users have `grace_s` to come back by way of another one. Returns when the others
        know, or soon."""
        health = self._health
        if not health.is_up:
            return
        health.is_leaving = True
        self._outbox.add(NodeDown(self.node, grace_s), None, now_s=self._monotonic_s())
        self._writer.wake()
        give_up_s = self._monotonic_s() + STALLED_S
        while health.is_up and self._monotonic_s() < give_up_s:
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """A second time does nothing."""
        tasks, self._tasks = self._tasks, []
        if self._catching_up.asker is not None:
            tasks.append(self._catching_up.asker)
        while left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()  # more than once: a call of redis-py 8 that is being answered may not pass it on
            await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
        if tasks:
            with contextlib.suppress(BackplaneAway, BackplaneRefused):
                await self._stream.forget(self.node)
        await self._stream.close()

    # -- private --------------------------------------------------------------------------------------------------

    async def _work(self, run: Callable[[], Awaitable[None]]) -> None:
        """One of the things that a node does for as long as it takes part. If it fails the node ends: a node that wrote
        nothing any more would refuse its clients for ever."""
        try:
            await run()
        except Exception:
            if not self._tasks:
                raise  # it is being closed
            log.exception("this node failed at its log", extra={"event": LogEvent.ENTRY_FAILED.value})
            self._fatal("This node failed at its log: it cannot take part any more.")

    async def _until_up(self) -> None:
        while not self._health.is_up:
            if not self._tasks or self._tasks[1].done():
                raise BackplaneAway("The log of the backplane cannot be read.")
            await asyncio.sleep(0.002)

    def _is_up(self) -> None:
        self._health.is_up = True
        self._outbox.settle()
        self._writer.wake()

    def _begin_anew(self, besides: Sequence[Command]) -> None:
        """The state has become another one, and may have what this node has sent. `besides`: is said first of all."""
        self._reborn(besides, known=self._applied_of)

    def _applied_of(self, node: str) -> int | None:
        found = self._state.nodes.get(node)
        return None if found is None else found.sequence

    def _reborn(self, besides: Sequence[Command] = (), *, known: Callable[[str], int | None] | None = None) -> None:
        """The others have given this node up: all that is on its way is void. `known`: as of `Outbox.restart`."""
        self._health.is_up = False
        is_leaving = self._health.is_leaving
        name = f"{self._name}.{self._new_incarnation()}"
        first = [] if is_leaving else [NodeUp(name, self._address, self._version), *besides, *self._announce()]
        self._outbox.restart(name, first, now_s=self._monotonic_s(), known=known)
        if is_leaving:
            return
        self._writer.wake()
        log.warning(
            "the other nodes had given this one up: it goes on as %s",
            self.node,
            extra={"event": LogEvent.NODE_RENAMED.value},
        )

    async def _keep_house(self) -> None:
        """And let nobody wait for ever."""
        while True:
            await asyncio.sleep(self._house.every_s)
            self._outbox.give_up(before_s=self._monotonic_s() - GIVE_UP_S)
            if self._health.is_away:
                continue
            try:
                await self._house.keep()
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._health.lost_sight(fault)

    def _take(self, entry: Entry) -> None:
        """Apply one entry."""
        self._reader.take(entry)


async def _no_floor() -> int:
    return 0
