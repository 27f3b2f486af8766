"""What one node at a time may change, over all nodes: its writes are handed out with the lock, and ask first.

Whoever holds the lock has seen what all holders before have done. But a process that is stopped (SIGSTOP, a frozen
control group) may lose it without noticing: another node has decided something since, and what was read behind the lock
is old. So nobody commits such a change but by `Held.commit`, which begins nothing when the lock may be another node's
by then (`tests/floors/test_gated.py` looks at every call).

A commit that has begun in time may take longer than the lock lasts. So the store counts these changes, each in its own
transaction, and makes one only if it counts as many as when the lock was taken: a fencing number, out of the store
itself, so that it goes up whatever becomes of the lock's own server. Of two holders at once one commits; the other is
refused, and has to be, for it has decided without knowing of that.

Before it has begun a change waits for little more than `BEGIN_S`, whatever is ahead of it and does not answer. Once it
has begun, it takes as long as the store does: only that knows what became of it.

How long it has held is asked of a clock that goes on while a process is stopped and, on Linux, while its machine is
suspended (`SharedClock.elapsed_s`). While a virtual machine is paused, none may go on: then the count alone keeps what
stood behind the lock from being committed, and a look may tell the books what is old, until the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import Overtaken, StoreUnavailable
from lobby_server.service.replica import Replica
from lobby_server.service.writes.turns import BEGIN_S, LEAST_S

_Store = TypeVar("_Store")
_Changes = TypeVar("_Changes", covariant=True)
_Result = TypeVar("_Result")


class CountsChanges(Protocol[_Changes]):
    """What is needed of `lobby_server.service.ports.Store`, and promised there."""

    async def changes(self) -> int: ...

    def fenced(self, after: int) -> _Changes: ...


class Held(Generic[_Store]):
    """The lock of all nodes, for as long as its holder can be sure of it."""

    def __init__(
        self,
        fenced: Callable[[int], _Store],
        changes: int,
        *,
        is_sure: Callable[[], bool],
        look_again: Callable[[], None],
    ) -> None:
        """`changes`: that the store counted as the lock was taken."""
        self._fenced = fenced
        self._changes = changes
        self._is_sure = is_sure
        self._look_again = look_again

    def check(self) -> None:
        """Raises `Refusal` (``try_again_later``) when another node may hold it by now, so that what was read behind it
        may be old."""
        if not self._is_sure():
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    async def commit(self, write: Callable[[_Store], Awaitable[_Result]]) -> _Result:
        """Make a write of the store. Raises as `check`, also when another node has committed one since the lock was
        taken, and then nothing is written; `StoreUnavailable`."""
        self.check()
        try:
            made = await write(self._fenced(self._changes))
        except Overtaken:
            self._look_again()
            raise Refusal(RefusalCode.TRY_AGAIN_LATER) from None
        self._changes += 1
        return made


class GatedStore(Generic[_Store]):
    """Writes of a store that are made behind the lock only."""

    def __init__(self, store: CountsChanges[_Store], *, replica: Replica, look_again: Callable[[], None]) -> None:
        """`look_again`: the books may not be as the store is, and are made so soon."""
        self._store = store
        self._replica = replica
        self._look_again = look_again

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[Held[_Store]]:
        """One holder at a time, over all nodes. Raises `Refusal` (``try_again_later``), `StoreUnavailable`: soon, while
        nothing is begun."""
        latest_s = _now_s() + BEGIN_S
        async with self._replica.gate() as is_sure:
            changes = await self._count(max(LEAST_S, latest_s - _now_s()))
            try:
                yield Held(self._store.fenced, changes, is_sure=is_sure, look_again=self._look_again)
            except (StoreUnavailable, asyncio.CancelledError):
                self._look_again()  # it may have been committed
                raise
            if not is_sure():
                self._look_again()  # another change may have been committed in between, and told before this one

    async def _count(self, within_s: float) -> int:
        """Asked in the caller's own task: with one of its own, each change would take the loop a turn more."""
        task, is_late = asyncio.current_task(), False
        assert task is not None

        def late() -> None:
            nonlocal is_late
            is_late = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(within_s, late)
        try:
            return await self._store.changes()
        except asyncio.CancelledError:
            if not is_late:
                raise
            if sys.version_info >= (3, 11) and task.uncancel():
                raise  # somebody else has cancelled it, too
            raise StoreUnavailable(f"The database has not answered within {within_s:.0f} s.") from None
        finally:
            timer.cancel()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
