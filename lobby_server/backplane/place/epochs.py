"""How a replica comes to stand in the stream that is there: as it joins, when Valkey is back, when the data are gone.

A stream has an epoch, the name of its life, which is gone once Valkey was started again: with its data, without, or
with those of a while ago, of which nobody could tell. Then the replica that stands furthest opens a new one with its
own state, and the others go on from there: with their own state, where what they lack is in the tail that comes with
it; else with the one that was opened with. What such a replica alone had read is not so any more. Its sessions begin
anew, and no revision of the room list that it may have shown is given to another list. Nor is one of a lobby that began
later, from the database, and has no replica left: the database knows up to where those may have gone.

A newcomer takes no state of another database: its users are others, under the same ids. Where nodes with that database
are there it is refused, and the stream that such nodes have left behind is none. Nor does a node that runs: one that
was cut off may find that its own stream was given up like that, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, DatabaseRefused, EpochGone, FormatRefused
from lobby_server.backplane.place.snapshots import Snapshots
from lobby_server.backplane.place.standing import FIRST_ID, Standing
from lobby_server.backplane.wire import Entry, Snapshot, decode_snapshot, encode_snapshot
from lobby_server.core.machine.commands import BeginEpoch, Command, RaiseRevision
from lobby_server.core.machine.image import ImageRefused, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.service.replica import Apply
from lobby_server.service.watch.events import LogEvent

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

log = logging.getLogger("lobby.backplane")

RETRY_S = 0.1
REPLICA_WAITS_S = 1.0
NEWCOMER_WAITS_S = 1.5
"""How long nodes wait for better candidates before they open a new epoch: longer than a node needs to see that the old
one is gone. One without a state gives way."""
REPLICA_SEEDS_S = 3.0
NEWCOMER_SEEDS_S = 30.0
"""How long a node has for opening one, before it is another's turn: it may have ended. One without a state asks the
database first."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What a replica does with what is found."""

    take: Callable[[Entry], None]
    """Applies an entry."""
    apply: Apply
    reset: Callable[[], None]
    """The state has become another one, and what happened between is not known."""
    reborn: Callable[[Sequence[Command]], None]
    """This node goes on under another name, and says so, and then that."""


class Epochs:
    """Of one node."""

    def __init__(
        self,
        stream: Stream,
        *,
        standing: Standing,
        snapshots: Snapshots,
        state: LobbyState,
        ways: Ways,
        node: Callable[[], str],
        new_name: Callable[[], str],
        newcomer_waits_s: float,
        floor: Callable[[], Awaitable[int]],
        monotonic_s: Callable[[], float],
    ) -> None:
        """`node`: what it is called now. `new_name`: of an epoch, another one each time. `newcomer_waits_s`: how long a
        node without a state waits for one that has. `floor`: as of `SharedLog.follow`."""
        self._stream = stream
        self._standing = standing
        self._snapshots = snapshots
        self._state = state
        self._ways = ways
        self._node = node
        self._new_name = new_name
        self._newcomer_waits_s = newcomer_waits_s
        self._floor = floor
        self._monotonic_s = monotonic_s

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        """As `find`, for a node that starts: it waits up to `wait_s` for Valkey. Raises `BackplaneError`."""
        give_up_s = self._monotonic_s() + wait_s
        is_said = False
        while True:
            try:
                self._standing.set_time(await self._stream.time_s())
                return await self.find(restore)
            except BackplaneAway as fault:
                if self._monotonic_s() >= give_up_s:
                    raise
                if not is_said:
                    log.warning(
                        "waiting up to %g s for the backplane: %s",
                        wait_s,
                        fault,
                        extra={"event": LogEvent.WAITING.value},
                    )
                    is_said = True
                await asyncio.sleep(RETRY_S)

    async def find(self, restore: Callable[[], Awaitable[None]] | None) -> bool:
        """Stand somewhere in the stream that is there now. Whether this node opened it with what `restore` brought;
        None: it has a state already. Raises `BackplaneError`."""
        began_s = self._monotonic_s()
        while True:
            epoch = await self._stream.epoch()
            if epoch is not None:
                data = await self._stream.snapshot()
                if data is not None and (snapshot := decode_snapshot(data)).epoch == epoch:
                    if restore is None:
                        self._go_on_from(snapshot)
                        return False
                    if self._is_of_our_database(snapshot):
                        self._load(snapshot)
                        return False
                    await self._give_up_strange_stream(epoch)
            elif await self._is_my_turn(has_state=restore is None, since_s=began_s):
                if restore is not None:
                    await restore()
                if await self._open():
                    return restore is not None
            await asyncio.sleep(RETRY_S)

    async def come_back(self) -> None:
        """Stand in the stream that Valkey has after it was away. Raises `BackplaneError`."""
        standing = self._standing
        if await self._stream.epoch() == standing.epoch:
            newest = await self._stream.newest()
            first = await self._stream.first_after(standing.epoch, standing.stream_id)
            if first == standing.number + 1 or (first is None and newest == standing.number):
                return
            data = await self._stream.snapshot()  # entries were trimmed away
            if data is not None and (snapshot := decode_snapshot(data)).epoch == standing.epoch:
                self._start_over_from(snapshot)
                return
        await self.find(None)

    # -- private --------------------------------------------------------------------------------------------------

    def _is_of_our_database(self, snapshot: Snapshot) -> bool:
        """As far as is known."""
        return "" in (snapshot.database, self._snapshots.database) or snapshot.database == self._snapshots.database

    async def _give_up_strange_stream(self, epoch: str) -> None:
        """Of an epoch, unless another one has followed it meanwhile. Raises `BackplaneRefused` while nodes are there
        that have another database."""
        # Here, for with it comes the client of Valkey.
        from lobby_server.backplane.inspection import nodes_of

        with contextlib.suppress(EpochGone):  # another newcomer was faster
            others = [node.name for node in await nodes_of(self._stream) if node.is_heard]
            if others and await self._stream.epoch() == epoch:
                raise BackplaneRefused(
                    f"The nodes of this lobby ({', '.join(others)}) have another database: give this one the same "
                    "--database-url, or another --cluster."
                )
            await self._stream.give_up(epoch)
            log.warning(
                "the log in Valkey is of a lobby with another database, and no node of it is left: it is given up",
                extra={"event": LogEvent.CAUTION.value},
            )

    async def _is_my_turn(self, *, has_state: bool, since_s: float) -> bool:
        node = self._node()
        await self._stream.stand(node, self._rank if has_state else -1)
        wait_s = REPLICA_WAITS_S if has_state else self._newcomer_waits_s
        if self._monotonic_s() - since_s < wait_s or await self._stream.best_candidate() != node:
            return False
        return await self._stream.may_seed(node, for_s=REPLICA_SEEDS_S if has_state else NEWCOMER_SEEDS_S)

    @property
    def _rank(self) -> int:
        """Of two states the one with the higher rank is the newer. In one log that is the one with more entries, for
        revisions of the list go up with them. A new lobby counts entries anew, but begins above all revisions that any
        lobby before it has shown, by more than entries are numbered (`lobby_server.service.rooms.revision_mark`); and a
        new epoch above those of the one that it goes on from."""
        return self._state.books.rooms.revision + self._standing.number

    async def _open(self) -> bool:
        standing, epoch = self._standing, self._new_name()
        previous, number = standing.epoch, standing.number
        floor = await self._floor() if previous else 0
        standing.set_time(await self._stream.time_s())
        opened_s = standing.now_s() if previous else 0.0
        snapshot = self._snapshots.make(
            epoch=epoch, previous=previous, stream_id=FIRST_ID, tail=list(standing.tail), opened_s=opened_s, floor=floor
        )
        data = encode_snapshot(snapshot)
        is_open = await self._stream.seed(self._node(), epoch=epoch, number=number, snapshot=data)
        if is_open:
            log.info(
                "opened epoch %s of the log at entry %d",
                epoch,
                number,
                extra={"event": LogEvent.BACKPLANE_OPENED.value},
            )
            standing.go_to(epoch, number, FIRST_ID)
            self._begin(opened_s, floor)
        return is_open

    def _go_on_from(self, snapshot: Snapshot) -> None:
        """With the own state where it fits."""
        standing = self._standing
        if snapshot.epoch == standing.epoch and snapshot.number <= standing.number:
            return  # nothing was missed, and the stream is the same
        if snapshot.previous_epoch == standing.epoch and snapshot.number >= standing.number:
            missed = standing.missed_of(snapshot.number, snapshot.tail)
            if missed is not None:
                for entry in missed:
                    self._ways.take(entry)
                standing.go_to(snapshot.epoch, snapshot.number, snapshot.stream_id)
                self._begin(snapshot.opened_s, snapshot.floor)
                log.info(
                    "the log goes on at entry %d in epoch %s",
                    standing.number,
                    standing.epoch,
                    extra={"event": LogEvent.BACKPLANE_RESUMED.value},
                )
                return
        self._start_over_from(snapshot)

    def _start_over_from(self, snapshot: Snapshot) -> None:
        """With another state than the own one. Where that is of a lobby which began before the own one did, this node
        has shown the list at revisions that are higher: the others hear of that before it takes part.

        Raises `DatabaseRefused`, and then nothing has changed.
        """
        if not self._is_of_our_database(snapshot):
            raise DatabaseRefused(
                "The log in Valkey is of a lobby with another database now: give all nodes the same --database-url, or "
                "this one another --cluster."
            )
        rooms = self._state.books.rooms
        shown = rooms.revision
        self._load(snapshot)
        log.warning(
            "this node was too far behind: it goes on from a snapshot at entry %d",
            snapshot.number,
            extra={"event": LogEvent.STATE_REPLACED.value},
        )
        self._ways.reset()
        # Under another name: of this one the state may know sockets that have long been gone.
        self._ways.reborn([RaiseRevision(shown)] if rooms.revision < shown else [])

    def _load(self, snapshot: Snapshot) -> None:
        try:
            load(self._state, snapshot.image)
        except ImageRefused as fault:
            raise FormatRefused(fault.its_format) from fault
        standing = self._standing
        standing.go_to(snapshot.epoch, snapshot.number, snapshot.stream_id)
        standing.tail.clear()
        standing.tail.extend(snapshot.tail)
        standing.set_time(self._state.now_s)
        self._begin(snapshot.opened_s, snapshot.floor)
        self._snapshots.is_loaded()

    def _begin(self, opened_s: float, floor: int) -> None:
        """This replica stands where a stream begins that was opened at that time of the log and follows another one.
        0.0: it follows none, or this is a place further on."""
        self._snapshots.begin_stream()
        if opened_s:
            self._standing.set_time(opened_s)
            self._ways.apply(BeginEpoch(max(0.0, opened_s - self._state.now_s), floor), opened_s, "", None)
