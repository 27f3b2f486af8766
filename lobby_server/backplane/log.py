"""The log of several nodes: `lobby_server.service.replica.Log` over a stream of Valkey.

    append ──▶ outbox ──▶ XADD, one at a time ──▶ stream ──▶ XREAD ──▶ apply, on every node in one order

Its life: it joins (a snapshot, and the tail of the stream behind it), then it runs. When Valkey does not answer it is
away: what can be refused is refused, what cannot waits. When Valkey is back with its data, the log goes on where it
stood; when it is back without, the replica that stands furthest opens a new epoch with its own state, and the others go
on from there. A node that finds itself given up by the others (it was frozen, or cut off) takes another name and
announces the sockets that it still holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from lobby_server.backplane import counting
from lobby_server.backplane.catching_up import CatchingUp
from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone, FormatRefused
from lobby_server.backplane.gate import Gate
from lobby_server.backplane.outbox import Outbox
from lobby_server.backplane.wire import (
    Entry,
    Snapshot,
    decode_batch,
    decode_snapshot,
    encode_snapshot,
)
from lobby_server.core.machine.commands import FORMAT, Command, NodeDown, NodeLost, NodeUp
from lobby_server.core.machine.image import ImageRefused, dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Apply, LogFigures, Request

if TYPE_CHECKING:
    from lobby_server.backplane.stream import Stream

log = logging.getLogger("lobby.backplane")

GIVE_UP_S = 5.0
"""How long a call waits for its command."""
STALLED_S = 2.0
"""A command that is on its way for longer says that Valkey is away, whether or not a call has failed."""
UNREADY_S = 3.0
"""How long Valkey may be away before readiness goes."""
RETRY_S = 0.1
TAIL = 1000
"""Entries that a replica remembers, for others that are a little behind when a new epoch is opened."""
SNAPSHOT_ENTRIES = 10_000
SNAPSHOT_S = 10.0
"""The leader writes a snapshot after so many entries or so long, whichever comes first."""
SEED_FOR_S = 30.0
REPLICA_WAITS_S = 1.0
NEWCOMER_WAITS_S = 1.5
"""How long nodes wait for better candidates before they open a new epoch: longer than a node needs to see that the old
one is gone. One without a state gives way."""
CANCEL_AGAIN_S = 0.1
TURN_S = 0.02
"""How long entries are applied before the loop has its turn."""


class ValkeyLog:
    """One per process. `follow` it, `join`, and `leave`."""

    def __init__(
        self,
        stream: Stream,
        *,
        name: str,
        clock: Clock,
        new_incarnation: Callable[[], str],
        node_timeout_s: float,
        newcomer_waits_s: float = NEWCOMER_WAITS_S,
        snapshot_s: float = SNAPSHOT_S,
        address: str = "",
        version: str = "",
    ) -> None:
        """`name`: of this node, for people. `new_incarnation` is another one each time: it tells lives of a node apart.
        `node_timeout_s`: silence after which the others give a node up. `newcomer_waits_s`: how long a node without a
        state waits for one that has. `snapshot_s`: at most between two snapshots, while anything happens."""
        self._stream = stream
        self._name = name
        self._monotonic_s = clock.monotonic_s
        self._new_incarnation = new_incarnation
        self._timeout_s = node_timeout_s
        self._newcomer_waits_s = newcomer_waits_s
        self._snapshot_s = snapshot_s
        self._address = address
        self._version = version
        self._outbox = Outbox(f"{name}.{new_incarnation()}")
        self._apply: Apply | None = None
        self._state: LobbyState | None = None
        self._announce: Callable[[], Iterable[Command]] = tuple
        self._reset: Callable[[], None] = lambda: None
        self._fatal: Callable[[str], None] = lambda why: None
        self._report: Callable[[], bytes] = bytes
        self.reports: dict[str, bytes] = {}
        # Where the replica stands
        self._epoch = ""
        self.number = 0
        self._stream_id = "0-0"
        self._tail: deque[Entry] = deque(maxlen=TAIL)
        self._at_s = 0.0
        self._at_monotonic_s = self._monotonic_s()
        # How it is
        self._is_up = False
        self._is_leaving = False
        self._away_since_s: float | None = None
        self._well_since_s = 0.0
        self._wake = asyncio.Event()
        self._resend = False
        self._tasks: list[asyncio.Task[None]] = []
        self._gate = Gate(stream, append=self.append, new_token=new_incarnation, monotonic_s=self._monotonic_s)
        self._catching_up = CatchingUp(newest=self._ask_for_newest, number=lambda: self.number)
        self._snapshot_number = 0
        self._snapshot_at_s = 0.0
        self._trim_from = "0-0"
        self._turn_began_s = 0.0
        self.outages = 0
        self.newest = 0
        """The number of the newest entry that is known of."""
        self.apply_s = 0.0
        """Time spent applying entries."""
        self.lag_s = 0.0
        """Age of the last entry when it was applied, by Valkey's clock as far as it is known here."""

    # -- `lobby_server.service.replica.Log` -----------------------------------------------------------------------

    @property
    def node(self) -> str:
        return self._outbox.node

    def now_s(self) -> float:
        return self._at_s + (self._monotonic_s() - self._at_monotonic_s)

    def check(self) -> None:
        if not self.is_well:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    def append(self, command: Command, request: Request | None = None) -> None:
        if request is not None and not request.is_patient and not self.is_well:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        self._outbox.add(command, request, now_s=self._monotonic_s())
        self._wake.set()

    async def caught_up(self) -> None:
        if not self._is_up or self._away_since_s is not None:
            return  # what there is has to do
        await self._catching_up.wait()

    @contextlib.asynccontextmanager
    async def gate(self) -> AsyncIterator[None]:
        self.check()
        async with self._gate.hold():
            yield

    async def take(self, key: str, *, rate_per_s: float, burst: float) -> float | None:
        if not self._is_up or self._away_since_s is not None:
            return None
        return await counting.take(self._stream, key, rate_per_s=rate_per_s, burst=burst)

    # -- how it is ------------------------------------------------------------------------------------------------

    @property
    def is_well(self) -> bool:
        """Whether a command that is appended now is likely to be applied soon."""
        if not self._is_up or self._away_since_s is not None:
            return False
        oldest_s = self._outbox.oldest_s()
        return oldest_s is None or self._monotonic_s() - oldest_s < STALLED_S

    @property
    def is_ready(self) -> bool:
        """Whether this node should get clients: Valkey is there, or has not been away for long."""
        if self._is_leaving or not self._tasks:
            return False
        if self._away_since_s is not None:
            return self._monotonic_s() - self._away_since_s < UNREADY_S
        return self._is_up or bool(self._state and self._state.nodes)

    @property
    def waiting(self) -> int:
        """Commands that are not applied yet."""
        return len(self._outbox)

    def figures(self) -> LogFigures:
        return LogFigures(
            entries=self.number,
            lag_entries=max(0, self.newest - self.number),
            lag_s=self.lag_s,
            waiting=len(self._outbox),
            is_away=self._away_since_s is not None,
            outages=self.outages,
            apply_s=self.apply_s,
            snapshot_age_s=self._monotonic_s() - self._snapshot_at_s if self._snapshot_at_s else 0.0,
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
    ) -> None:
        """`announce`: says anew what sockets this node holds. `reset`: the state has become another one, and what
        happened between is not known. `fatal`: this node must not go on, and why. `report`: how this node is, for
        `reports` of the others."""
        self._report = report
        self._apply = apply
        self._state = state
        self._announce = announce
        self._reset = reset
        self._fatal = fatal

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        """Take part, with the state of the others or, where nobody has one, with that of the database (`restore`).
        Whether it was the latter. Returns once this node is known to all.

        Waits up to `wait_s` for Valkey. Raises `BackplaneAway`, `BackplaneRefused`, `FormatRefused`.
        """
        give_up_s = self._monotonic_s() + wait_s
        is_said = False
        while True:
            try:
                self._set_time(await self._stream.time_s())
                is_first = await self._find_state(restore)
                break
            except BackplaneAway as fault:
                if self._monotonic_s() >= give_up_s:
                    raise
                if not is_said:
                    log.warning("waiting up to %g s for the backplane: %s", wait_s, fault)
                    is_said = True
                await asyncio.sleep(RETRY_S)
        self._well_since_s = self._monotonic_s()
        self._outbox.add(NodeUp(self.node, self._address, self._version), None, now_s=self._monotonic_s())
        self._wake.set()
        try:
            await self._renew()
        except EpochGone:
            raise BackplaneAway("The backplane lost its data as this node joined.") from None
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work()) for work in (self._write, self._read, self._keep_house)]
        try:
            await asyncio.wait_for(self._until_up(), max(wait_s, GIVE_UP_S))
        except (TimeoutError, asyncio.TimeoutError):
            await self.close()
            raise BackplaneAway("The backplane took no entry in time.") from None
        return is_first

    async def leave(self, *, grace_s: float) -> None:
        """Say that this node ends; its users have `grace_s` to come back by way of another one. Returns when the others
        know, or soon."""
        if not self._is_up:
            return
        self._is_leaving = True
        self._outbox.add(NodeDown(self.node, grace_s), None, now_s=self._monotonic_s())
        self._wake.set()
        give_up_s = self._monotonic_s() + STALLED_S
        while self._is_up and self._monotonic_s() < give_up_s:
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

    # -- private: finding a state ---------------------------------------------------------------------------------

    async def _find_state(self, restore: Callable[[], Awaitable[None]] | None) -> bool:
        """Stand somewhere in the stream that is there now. Whether this node opened it with what `restore` brought;
        None: it has a state already."""
        began_s = self._monotonic_s()
        while True:
            epoch = await self._stream.epoch()
            if epoch is not None:
                data = await self._stream.snapshot()
                if data is not None and (snapshot := decode_snapshot(data)).epoch == epoch:
                    self._take_up(snapshot, has_state=restore is None)
                    return False
            elif await self._is_my_turn(has_state=restore is None, since_s=began_s):
                if restore is not None:
                    await restore()
                if await self._open_epoch():
                    return restore is not None
            await asyncio.sleep(RETRY_S)

    async def _is_my_turn(self, *, has_state: bool, since_s: float) -> bool:
        await self._stream.stand(self.node, self.number if has_state else -1)
        wait_s = REPLICA_WAITS_S if has_state else self._newcomer_waits_s
        if self._monotonic_s() - since_s < wait_s or await self._stream.best_candidate() != self.node:
            return False
        return await self._stream.may_seed(self.node, for_s=SEED_FOR_S)

    async def _open_epoch(self) -> bool:
        assert self._state is not None
        epoch = self._new_incarnation()
        snapshot = self._snapshot(epoch=epoch, previous=self._epoch, stream_id="0-0", tail=list(self._tail))
        is_open = await self._stream.seed(
            self.node, epoch=epoch, number=self.number, snapshot=encode_snapshot(snapshot)
        )
        if is_open:
            log.info("opened epoch %s of the log at entry %d", epoch, self.number)
            if snapshot.previous_epoch:
                self._state.begin_epoch()
            self._epoch, self._stream_id = epoch, "0-0"
            self._trim_from = "0-0"
        return is_open

    def _snapshot(self, *, epoch: str, previous: str, stream_id: str, tail: list[Entry]) -> Snapshot:
        assert self._state is not None
        self._snapshot_number, self._snapshot_at_s = self.number, self._monotonic_s()
        image = dump(self._state, begins_epoch=bool(previous))
        return Snapshot(FORMAT, epoch, previous, self.number, stream_id, image, tail)

    def _take_up(self, snapshot: Snapshot, *, has_state: bool) -> None:
        """Go on from a snapshot: with the own state where it fits."""
        assert self._state is not None
        if has_state and snapshot.epoch == self._epoch and snapshot.number <= self.number:
            return  # nothing was missed, and the stream is the same
        if has_state and snapshot.previous_epoch == self._epoch and snapshot.number >= self.number:
            missed = [entry for entry in snapshot.tail if entry.number > self.number]
            if len(missed) == snapshot.number - self.number:
                for entry in missed:
                    self._take(entry)
                self._state.begin_epoch()
                self._epoch, self._stream_id = snapshot.epoch, snapshot.stream_id
                log.info("the log goes on at entry %d in epoch %s", self.number, self._epoch)
                return
        try:
            load(self._state, snapshot.image)
        except ImageRefused as fault:
            raise FormatRefused(fault.its_format) from fault
        self._epoch, self.number, self._stream_id = snapshot.epoch, snapshot.number, snapshot.stream_id
        self._tail.clear()
        self._tail.extend(snapshot.tail)
        self._set_time(self._state.now_s)
        if has_state:
            log.warning("this node was too far behind: it goes on from a snapshot at entry %d", self.number)
            self._reset()
            # Under another name: of this one the state may know sockets that have long been gone.
            self._reborn()
        self._snapshot_at_s = self._monotonic_s()

    async def _until_up(self) -> None:
        while not self._is_up:
            if not self._tasks or self._tasks[1].done():
                raise BackplaneAway("The log of the backplane cannot be read.")
            await asyncio.sleep(0.002)

    def _reborn(self) -> None:
        """The others have given this node up: all that is on its way is void."""
        self._is_up = False
        name = f"{self._name}.{self._new_incarnation()}"
        first = [] if self._is_leaving else [NodeUp(name, self._address, self._version), *self._announce()]
        self._outbox.restart(name, first, now_s=self._monotonic_s())
        if self._is_leaving:
            return
        self._wake.set()
        log.warning("the other nodes had given this one up: it goes on as %s", self.node)

    # -- private: the tasks ---------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Send what was appended, one batch at a time."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._away_since_s is not None:
                continue  # whoever finds Valkey again sends all of it again
            try:
                if self._resend:
                    self._resend = False
                    for data in self._outbox.unapplied():
                        await self._stream.append(self._epoch, data)
                while (batch := self._outbox.next_batch()) is not None:
                    await self._stream.append(self._epoch, batch)
                    await asyncio.sleep(0)
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._lost_sight(fault)

    async def _read(self) -> None:
        """Apply what stands in the stream."""
        while True:
            try:
                if self._away_since_s is not None:
                    await self._come_back()
                for stream_id, entry in await self._stream.read(self._epoch, self._stream_id):
                    if entry.number <= self.number:
                        self._stream_id = stream_id
                        continue  # a snapshot stood after it
                    if entry.number != self.number + 1:
                        raise EpochGone  # entries were trimmed away
                    self._take(entry)
                    self._stream_id = stream_id
                    if self._monotonic_s() - self._turn_began_s > TURN_S:
                        await asyncio.sleep(0)
                        self._turn_began_s = self._monotonic_s()
                self._turn_began_s = self._monotonic_s()
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._lost_sight(fault)
            except FormatRefused as fault:
                self._fatal(str(fault))
                return
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("an entry of the log could not be applied")
                self._fatal("An entry of the log could not be applied: this node does not know any more what is true.")
                return

    def _lost_sight(self, fault: Exception) -> None:
        if self._away_since_s is None:
            self._away_since_s = self._monotonic_s()
            self.outages += 1
            what = "its log is another one now" if isinstance(fault, EpochGone) else fault
            log.warning("commands wait or are refused: %s", what)

    async def _come_back(self) -> None:
        """Return when Valkey is there, and this node stands in its stream. Raises `FormatRefused`."""
        is_first_try = True
        while True:
            try:
                if not is_first_try:
                    await asyncio.sleep(RETRY_S)
                is_first_try = False
                if await self._stream.epoch() != self._epoch:
                    await self._find_state(None)
                elif await self._has_gap():
                    snapshot = decode_snapshot(await self._stream.snapshot() or b"")
                    self._take_up(snapshot, has_state=True)
                break
            except (BackplaneAway, BackplaneRefused, EpochGone):
                continue
        away_s = self._monotonic_s() - (self._away_since_s or self._monotonic_s())
        self._well_since_s = self._monotonic_s()
        self._away_since_s = None
        self._resend = True
        self._wake.set()
        log.warning("the backplane is back after %.1f s", away_s)

    async def _has_gap(self) -> bool:
        """Whether entries that were not read are gone from the stream."""
        newest = await self._stream.newest()
        if newest <= self.number:
            return False
        entries = await self._stream.read(self._epoch, self._stream_id)
        return not entries or entries[0][1].number > self.number + 1

    def _take(self, entry: Entry) -> None:
        """Apply one entry."""
        assert self._apply is not None
        assert self._state is not None
        began_s = self._monotonic_s()
        self.number = entry.number
        self.newest = max(self.newest, entry.number)
        self._tail.append(entry)
        at_s = max(entry.at_ms / 1000, self._state.now_s)
        self.lag_s = max(0.0, self.now_s() - at_s)
        self._set_time(at_s)
        node, sequence, commands = decode_batch(entry.batch)
        is_own = node == self.node
        pending = iter(self._outbox.applied(sequence)) if is_own else None
        lost = False
        for position, command in enumerate(commands):
            if position == 0 and not self._state.is_new(node, sequence, command):
                break
            waits = next(pending, None) if pending is not None else None
            self._apply(command, at_s, node, None if waits is None else waits.request)
            if isinstance(command, NodeUp) and command.node == self.node:
                self._is_up = True
            elif isinstance(command, NodeDown | NodeLost) and command.node == self.node:
                lost = True
        for left in pending or ():  # of a batch that was not to be applied
            if left.request is not None:
                left.request.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))
        if lost:
            self._reborn()
        if self._catching_up.waiting:
            self._catching_up.applied()
        self.apply_s += self._monotonic_s() - began_s

    def _set_time(self, at_s: float) -> None:
        self._at_s = max(at_s, self.now_s() if self._at_s else 0.0)
        self._at_monotonic_s = self._monotonic_s()

    # -- private: the house ---------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        """Be heard of, see who is not, write snapshots, and let nobody wait for ever."""
        while True:
            await asyncio.sleep(min(0.5, self._timeout_s / 5))
            self._outbox.give_up(before_s=self._monotonic_s() - GIVE_UP_S)
            if self._away_since_s is not None:
                continue
            try:
                await self._renew()
                self.newest = max(self.number, await self._stream.newest())
                await self._look_for_the_lost()
                await self._write_snapshot()
            except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
                self._lost_sight(fault)

    async def _renew(self) -> None:
        if not self._is_leaving:
            await self._stream.renew(self._epoch, self.node, ttl_s=self._timeout_s, report=self._report())

    async def _look_for_the_lost(self) -> None:
        """Whoever is not heard of is given up; but not by a node that could not hear for a while itself, nor before the
        others had time to be heard of again."""
        assert self._state is not None
        others = [name for name in self._state.nodes if name != self.node]
        self.reports = await self._stream.reports(others)
        if self._monotonic_s() - self._well_since_s < self._timeout_s:
            return
        for name in others:
            if name not in self.reports and name in self._state.nodes:
                log.warning("node %s has not been heard of for %g s: it is given up", name, self._timeout_s)
                self.append(NodeLost(name))

    async def _write_snapshot(self) -> None:
        assert self._state is not None
        if self._state.leader != self.node or self.number == self._snapshot_number:
            return
        is_due = self.number - self._snapshot_number >= SNAPSHOT_ENTRIES
        if not is_due and self._monotonic_s() - self._snapshot_at_s < self._snapshot_s:
            return
        trim_from, self._trim_from = self._trim_from, self._stream_id
        snapshot = self._snapshot(epoch=self._epoch, previous="", stream_id=self._stream_id, tail=[])
        await self._stream.put_snapshot(self._epoch, encode_snapshot(snapshot), keep_from=trim_from)

    async def _ask_for_newest(self) -> int:
        with contextlib.suppress(BackplaneAway, BackplaneRefused):
            self.newest = max(self.newest, await self._stream.newest())
            return self.newest
        return self.number
