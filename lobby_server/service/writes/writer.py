"""Writes that nobody waits for, one after the other in the order in which they were asked for.

Two kinds. What must not be forgotten is *kept* (`keep`): while the database is away it waits, and is made when the
database is back. Until it is made it stands in a journal as well, a file in the data folder, so that it outlives the
process however that ends; the next start makes it up. An *attempt* is for what its asker can be told has failed: it is
made once, and while the database is away not at all.

Why a journal, and not a confirmation that waits for the commit: a host must be able to put somebody out also while the
database is away, and a command over the socket is answered without a pause, so that no event overtakes another. It
costs 1 µs per write (20,000 of them with and without a journal, in turns: median 1.6 and 0.6 µs, p99 6 and 2 µs).

Bounded: host changes of one room stand for each other and rooms cannot be made without a commit, so those writes are at
most a few per room; for everything else `check` refuses the command at `MAX_WAITING_WRITES`, and readiness goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import Journal, Store, StoreError, StoreUnavailable
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import KeptWrite, line_of, write_of

log = logging.getLogger("lobby.store")

MAX_WAITING_WRITES = 10_000
"""About 5 MB of memory and 2 MB of journal."""
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 2.0
MAX_NAMED = 100
"""Writes that the log names one by one when they are lost."""


@dataclass(eq=False, kw_only=True)
class _Entry:
    call: Callable[[], Awaitable[None]]
    otherwise: Callable[[], None] | None = None
    write: KeptWrite | None = None
    is_journalled: bool = False


@dataclass(frozen=True, kw_only=True)
class Left:
    """What was not written when the time was over."""

    lost: tuple[str, ...] = ()
    """Forgotten for good, each in a few words."""
    journalled: int = 0
    """Waits in the journal for the next start."""


class StoreWriter:
    """A queue of writes and the task that works it off."""

    def __init__(self, store: Store, *, journal: Journal | None = None, limit: int = MAX_WAITING_WRITES) -> None:
        self.is_away = False
        """Whether the database took no writes when it was last tried."""
        self.outages = 0
        self.written = 0
        """Kept writes, since the start."""
        self.lost = 0
        """Kept writes that the database refused, or that neither it nor the journal took before the end."""
        self._store = store
        self._journal = journal
        self._limit = limit
        self._queue: deque[_Entry] = deque()
        self._current: _Entry | None = None
        self._replaceable: dict[tuple[str, str], _Entry] = {}
        self._is_noted = journal is not None
        """Whether everything kept that waits stands in the journal."""
        self._fault: StoreUnavailable | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    # -- asking ---------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Writes that were asked for and not made yet."""
        return len(self._queue) + (self._current is not None)

    @property
    def is_full(self) -> bool:
        return self.waiting >= self._limit

    def check(self) -> None:
        """Raises `Refusal` (``try_again_later``) when one more write might be forgotten: too many wait, or the database
        is away and there is no journal, or no room for another line of it. A command that can be refused asks first."""
        if self.is_full or (self.is_away and not self._may_note()):
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    def keep(
        self,
        write: KeptWrite,
        *,
        then: Callable[[], Awaitable[None]] | None = None,
        only_while: Callable[[], bool] | None = None,
    ) -> None:
        """Make a write, whatever it takes. `then` follows it, and is repeated with it when the database goes away
        meanwhile; not after a start that makes the write up. `only_while` is asked when its turn has come."""

        async def call() -> None:
            if only_while is not None and not only_while():
                return
            await write.make(self._store)
            if then is not None:
                await then()

        entry = _Entry(call=call, write=write, is_journalled=self._note(write))
        if write.replaces is not None:
            before = self._replaceable.pop(write.replaces, None)
            if before is not None and before is not self._current:
                self._queue.remove(before)
            self._replaceable[write.replaces] = entry
        self._append(entry)

    def attempt(self, call: Callable[[], Awaitable[None]], *, otherwise: Callable[[], None] | None = None) -> None:
        """Make a write once. `otherwise` is called in place of it when the database is away, and after it when that is
        what finds it away."""
        if self.is_away:
            if otherwise is not None:
                otherwise()
        else:
            self._append(_Entry(call=call, otherwise=otherwise))

    def forget(self, kinds: tuple[type, ...]) -> None:
        """Make no write of some kinds that waits: another process has made newer ones. One that is under way is made
        all the same."""
        for entry in [entry for entry in self._queue if isinstance(entry.write, kinds)]:
            self._queue.remove(entry)
            if entry.write is not None and entry.write.replaces is not None:
                self._replaceable.pop(entry.write.replaces, None)

    # -- its life -------------------------------------------------------------------------------------------------

    async def recover(self, life: str) -> int:
        """Make up what an earlier life of the server noted in the journal, and begin a new one. How many writes were
        made.

        `life` names this one in the database and in the journal: writes for a database that another server has used
        since would undo what happened there, and are put aside. Raises `StoreUnavailable`.
        """
        made = 0
        if self._journal is not None:
            of_life, lines = self._journal.read_all()
            if lines and of_life != await self._store.life():
                place = self._journal.put_aside()
                log.error(
                    "%d writes that an earlier server left are for another database, or another server has run on "
                    "this one since: they were not made, and are kept in %s", len(lines), place,
                    extra={"event": LogEvent.WRITES_VOID.value},
                )  # fmt: skip
            elif lines:
                made = await self._make_up(lines)
        await self._store.begin_life(life)
        if self._journal is not None:
            self._journal.begin(life)
        return made

    async def join(self) -> None:
        """Begin on a database that other nodes use already. What an earlier life of this one noted is forgotten: the
        node that leads has written since what is true. Raises `StoreUnavailable`."""
        if self._journal is not None:
            _, lines = self._journal.read()
            if lines:
                log.warning(
                    "%d writes that an earlier life of this node left are void: the others went on",
                    len(lines),
                    extra={"event": LogEvent.WRITES_VOID.value},
                )
            self._journal.begin(await self._store.life())

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def idle(self) -> None:
        """Return when everything asked for until now is done."""
        await self._idle.wait()

    async def stop(self, *, patience_s: float) -> Left:
        """Return when everything asked for is written, or the patience is over."""
        if self._task is None:
            return Left()
        try:
            await asyncio.wait_for(self._idle.wait(), patience_s)
        except (TimeoutError, asyncio.TimeoutError):
            pass  # what is left is the answer
        self._task.cancel()
        self._task = None
        left = [self._current, *self._queue] if self._current is not None else list(self._queue)
        for entry in left:
            if entry.otherwise is not None:
                entry.otherwise()
        lost = tuple(str(entry.write) for entry in left if entry.write is not None and not entry.is_journalled)
        self.lost += len(lost)
        if self._journal is not None:
            self._journal.close()
        return Left(lost=lost, journalled=sum(entry.is_journalled for entry in left))

    # -- private --------------------------------------------------------------------------------------------------

    def _append(self, entry: _Entry) -> None:
        self._queue.append(entry)
        self._idle.clear()
        self._wake.set()

    def _next(self) -> _Entry | None:
        self._current = self._queue.popleft() if self._queue else None
        return self._current

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            while (entry := self._next()) is not None:
                if not await self._is_done(entry):
                    await self._sit_out(entry)
            self._wake.clear()
            self._forget_journal()
            self._idle.set()

    async def _is_done(self, entry: _Entry) -> bool:
        """Whether an entry is over, one way or the other; not: the database is away."""
        try:
            await entry.call()
        except StoreUnavailable as fault:
            self._fault = fault
            return False
        except Exception as fault:
            what = str(entry.write) if entry.write is not None else "what its asker was told of"
            if isinstance(fault, StoreError):
                log.error("a write was lost (%s): %s", what, fault, extra={"event": LogEvent.WRITE_LOST.value})
            else:
                log.exception("a write was lost (%s)", what, extra={"event": LogEvent.WRITE_LOST.value})
            self.lost += entry.write is not None
        else:
            self.written += entry.write is not None
        write = entry.write
        if write is not None and write.replaces is not None and self._replaceable.get(write.replaces) is entry:
            del self._replaceable[write.replaces]
        return True

    async def _sit_out(self, entry: _Entry) -> None:
        """The database is away: until it is back, and has everything that was kept meanwhile."""
        began_s, retry_s = asyncio.get_running_loop().time(), FIRST_RETRY_S
        written, lost = self.written, self.lost
        self.is_away = True
        self.outages += 1
        log.error(
            "the database takes no writes, they wait until it does: %s",
            self._fault,
            extra={"event": LogEvent.WRITES_WAIT.value},
        )
        if entry.write is None and entry.otherwise is not None:
            entry.otherwise()
        self._refuse_attempts()
        head: _Entry | None = entry if entry.write is not None else self._next()
        while True:
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            if head is None and (head := self._next()) is None:
                if await self._answers():
                    break
                continue
            while head is not None and await self._is_done(head):
                head = self._next()
            if head is None:
                break
        self.is_away = False
        log.warning(
            "the database takes writes again after %.1f s: %d that waited were written, %d were lost",
            asyncio.get_running_loop().time() - began_s, self.written - written, self.lost - lost,
            extra={"event": LogEvent.WRITES_RESUMED.value},
        )  # fmt: skip

    async def _answers(self) -> bool:
        try:
            await self._store.ping()
        except StoreError:
            return False
        return True

    def _refuse_attempts(self) -> None:
        attempts = [entry for entry in self._queue if entry.write is None]
        self._queue = deque(entry for entry in self._queue if entry.write is not None)
        for entry in attempts:
            if entry.otherwise is not None:
                entry.otherwise()

    # -- the journal ----------------------------------------------------------------------------------------------

    def _may_note(self) -> bool:
        return self._is_noted and self._journal is not None and self._journal.has_room

    def _note(self, write: KeptWrite) -> bool:
        if self._journal is None:
            return False
        try:
            if self._journal.is_long:
                waiting = [self._current, *self._queue] if self._current is not None else list(self._queue)
                self._journal.rewrite([line_of(entry.write) for entry in waiting if entry.write is not None])
            self._journal.append(line_of(write))
        except OSError as fault:
            if self._is_noted:
                log.error(
                    "writes that wait are in memory only, the journal takes none: %s",
                    fault,
                    extra={"event": LogEvent.JOURNAL_FAILED.value},
                )
            self._is_noted = False
            return False
        return True

    def _forget_journal(self) -> None:
        if self._journal is None:
            return
        try:
            self._journal.clear()
            self._is_noted = True
        except OSError as fault:
            log.error(
                "the journal of writes cannot be emptied: %s", fault, extra={"event": LogEvent.JOURNAL_FAILED.value}
            )

    async def _make_up(self, lines: list[bytes]) -> int:
        made = 0
        for line in lines:
            what = f"{len(line)} bytes that are no write"  # and may be anything: addresses stand in no log
            try:
                write = write_of(line)
                what = str(write)
                await write.make(self._store)
                made += 1
            except StoreUnavailable:
                raise
            except (StoreError, msgspec.MsgspecError) as fault:
                log.error(
                    "a write that an earlier server left could not be made (%s): %s",
                    what,
                    fault,
                    extra={"event": LogEvent.WRITE_LOST.value},
                )
        log.warning(
            "%d writes that an earlier server left were made", made, extra={"event": LogEvent.WRITES_MADE.value}
        )
        return made
