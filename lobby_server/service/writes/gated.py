"""What one node at a time may change, over all nodes: its writes are handed out with the lock, and ask first.

Whoever holds the lock has seen what all holders before have done. But a process that is stopped (SIGSTOP, a frozen
control group) may lose it without noticing: another node has decided something since, and what was read behind the lock
is old. So nobody commits such a change but by `Held.commit`, which begins nothing when the lock may be another node's
by then (`tests/floors/test_gated.py` looks at every call). A commit that has begun in time and takes longer than the
lock lasts is not undone: the store is looked at once more then, and the books follow it.

How long it has held is asked of the monotonic clock, which goes on while a process is stopped. While a machine is
suspended, or a virtual one paused, it may not: then what stood behind the lock may be committed once it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.replica import Replica

_Store = TypeVar("_Store")
_Result = TypeVar("_Result")


class Held(Generic[_Store]):
    """The lock of all nodes, for as long as its holder can be sure of it."""

    def __init__(self, store: _Store, is_sure: Callable[[], bool]) -> None:
        self._store = store
        self._is_sure = is_sure

    def check(self) -> None:
        """Raises `Refusal` (``try_again_later``) when another node may hold it by now, so that what was read behind it
        may be old."""
        if not self._is_sure():
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    async def commit(self, write: Callable[[_Store], Awaitable[_Result]]) -> _Result:
        """Make a write of the store. Raises as `check`, and then nothing is written; `StoreUnavailable`."""
        self.check()
        return await write(self._store)


class GatedStore(Generic[_Store]):
    """Writes of a store that are made behind the lock only."""

    def __init__(self, store: _Store, *, replica: Replica, look_again: Callable[[], None]) -> None:
        """`look_again`: the books may not be as the store is, and are made so soon."""
        self._store = store
        self._replica = replica
        self._look_again = look_again

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[Held[_Store]]:
        """One holder at a time, over all nodes. Raises `Refusal` (``try_again_later``)."""
        async with self._replica.gate() as is_sure:
            try:
                yield Held(self._store, is_sure)
            except (StoreUnavailable, asyncio.CancelledError):
                self._look_again()  # it may have been committed
                raise
            if not is_sure():
                self._look_again()  # another change may have been committed in between, and told before this one
