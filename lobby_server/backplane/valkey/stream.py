"""The keys of one cluster in Valkey, and what is done with them, each in one round trip.

    lobby:{cluster}:epoch       the name of the stream's life, and the server process in which it was opened
    lobby:{cluster}:number      of the newest entry
    lobby:{cluster}:log         the stream: epoch, number, batch
    lobby:{cluster}:snapshot    the state at some place of the stream
    lobby:{cluster}:alive:NODE  what the node says of itself; there while it is heard of
    lobby:{cluster}:candidates  replicas that could open a new epoch, by the number that they stand at
    lobby:{cluster}:standing    when each of them last said so
    lobby:{cluster}:seeding     who opens a new epoch
    lobby:{cluster}:gate        who changes friendships and blocks
    lobby:{cluster}:limit:KEY   when one who is limited will have used up nothing

What only holds together is a script (`lobby_server.backplane.valkey.scripts`). Readers see by the numbers what a stream
does not tell: entries that were trimmed away.

What happens all the time has a connection each: reading the stream; writing to it, and being heard of; asking for its
end. The rest shares a pool. All are left once a server says that it is a replica now: new ones may lead to the primary,
by a name or a proxy that has followed it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from lobby_server.backplane.errors import BackplaneAway, BackplaneError, BackplaneRefused, EpochGone
from lobby_server.backplane.valkey import scripts
from lobby_server.backplane.valkey.channel import Channel, Word, begun, word
from lobby_server.backplane.wire import Entry, Renewal

CALL_TIMEOUT_S = 2.0
"""An answer that takes longer is none. Nothing is sent again by the client library: redis-py 8 would, and an XADD to a
server that had only stalled would stand in the stream twice."""
BLOCK_MS = 1000
"""How long a read waits for entries: shorter than the time-out."""
STANDS_FOR_S = 1.0
"""How long a replica is a candidate that says no more that it is one."""
MOST_ENTRIES = 500
"""Per read."""
_Result = TypeVar("_Result")


class Stream:
    """The connections of a node to Valkey, and one cluster's keys. Every call raises `BackplaneAway` when it cannot be
    done now, and `BackplaneRefused` when it never can."""

    def __init__(self, url: str, *, cluster: str) -> None:
        """Raises `ValueError` for a URL that is none."""
        self._client = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=CALL_TIMEOUT_S,
            socket_connect_timeout=CALL_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            decode_responses=False,
            protocol=2,  # nothing is pushed here, and its answers are the cheaper ones to read
        )
        self._is_closed = False
        pool = self._client.connection_pool
        self._reading, self._writing, self._asking = (Channel(pool, timeout_s=CALL_TIMEOUT_S) for _ in range(3))
        prefix = f"lobby:{{{cluster}}}:"
        self._epoch, self._number, self._log = prefix + "epoch", prefix + "number", prefix + "log"
        self._snapshot, self._alive = prefix + "snapshot", prefix + "alive:"
        self._candidates, self._seeding, self._gate = prefix + "candidates", prefix + "seeding", prefix + "gate"
        self._limit, self._standing = prefix + "limit:", prefix + "standing"
        self._read = begun(("XREAD", "COUNT", MOST_ENTRIES, "BLOCK", BLOCK_MS, "STREAMS", self._log), 8)

    async def close(self) -> None:
        self._is_closed = True
        for closing in (self._reading.close, self._writing.close, self._asking.close, self._client.aclose):
            with contextlib.suppress(RedisError, OSError):  # it is gone anyway
                await closing()

    async def time_s(self) -> float:
        """What Valkey's clock says, in Unix time."""
        seconds, microseconds = await self._do(self._client.time())
        return int(seconds) + int(microseconds) / 1e6

    # -- the log --------------------------------------------------------------------------------------------------

    async def append(self, epoch: str, batch: bytes) -> None:
        """Put a batch at the end. Raises `EpochGone`."""
        await self._script(scripts.APPEND, [self._epoch, self._number, self._log], [epoch, batch], by=self._writing)

    async def read(self, epoch: str, after: str) -> list[tuple[str, Entry]]:
        """The next entries after a stream id, waiting for them for a while. Raises `EpochGone` for one of another
        epoch."""
        try:
            found = await self._reading.send(self._read + word(after))
        except (RedisError, OSError, ValueError) as fault:
            raise await self._told(fault) from fault
        if not found:
            return []
        listed = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
        return _entries(listed, epoch)

    async def first_after(self, epoch: str, after: str) -> int | None:
        """The number of the first entry behind a stream id; None: there is none. Raises `EpochGone`."""
        found = _entries(await self._do(self._asking.call("XRANGE", self._log, f"({after}", "+", "COUNT", 1)), epoch)
        return found[0][1].number if found else None

    async def epoch(self) -> str | None:
        """None: no node has opened one since the server started, with whatever data. It is asked where entries are
        written: other connections may still lead to a server that is a replica by now."""
        found = await self._script(scripts.EPOCH, [self._epoch], [], by=self._writing)
        return None if found is None else found.decode()

    async def newest(self) -> int:
        """The number of the newest entry."""
        try:
            found = await self._asking.call("GET", self._number)
        except ConnectionLost:  # nobody has asked for long, and something between has closed it
            found = await self._do(self._asking.call("GET", self._number))
        except (RedisError, OSError) as fault:
            raise await self._told(fault) from fault
        return int(found or 0)

    # -- snapshots ------------------------------------------------------------------------------------------------

    async def snapshot(self) -> bytes | None:
        found: bytes | None = await self._do(self._client.get(self._snapshot))
        return found

    async def put_snapshot(self, epoch: str, snapshot: bytes, *, keep_from: str) -> None:
        """Replace the snapshot, and forget entries before a stream id. Raises `EpochGone`."""
        await self._script(scripts.PUT_SNAPSHOT, [self._epoch, self._snapshot, self._log], [epoch, snapshot, keep_from])

    # -- nodes ----------------------------------------------------------------------------------------------------

    async def renew(self, epoch: str, node: str, *, ttl_s: float, report: bytes, others: Sequence[str]) -> Renewal:
        """A node is heard of, and says how it is. Raises `EpochGone`."""
        keys = [self._epoch, self._number, *(self._alive + name for name in (node, *others))]
        ttl_ms = str(int(ttl_s * 1000))
        number, was_heard_of, *found = await self._script(
            scripts.RENEW, keys, [epoch, ttl_ms, report], by=self._writing
        )
        return Renewal(int(number or 0), was_heard_of=bool(was_heard_of), reports=_heard(others, found))

    async def forget(self, node: str) -> None:
        await self._do(self._client.delete(self._alive + node))

    async def reports(self, nodes: Sequence[str]) -> dict[str, bytes]:
        """What some nodes say of themselves; those that have not been heard of in time are left out."""
        if not nodes:
            return {}
        return _heard(nodes, await self._do(self._client.mget([self._alive + node for node in nodes])))

    # -- a new epoch ----------------------------------------------------------------------------------------------

    async def stand(self, node: str, number: int) -> None:
        """A replica that stands at a number could open a new epoch. It has to say so again and again."""
        await self._script(
            scripts.STAND, [self._candidates, self._standing], [node, str(number), str(int(STANDS_FOR_S * 1000))]
        )

    async def best_candidate(self) -> str | None:
        found = await self._do(self._client.zrevrange(self._candidates, 0, 0))
        return found[0].decode() if found else None

    async def withdraw(self, node: str) -> None:
        await self._do(self._client.zrem(self._candidates, node))

    async def may_seed(self, node: str, *, for_s: float) -> bool:
        """Whether a node alone may open a new epoch, for that long."""
        return bool(await self._script(scripts.MAY_SEED, [self._seeding], [node, str(int(for_s * 1000))]))

    async def seed(self, node: str, *, epoch: str, number: int, snapshot: bytes) -> bool:
        """Open a new epoch. False: it was not this node's turn any more."""
        keys = [self._epoch, self._number, self._log, self._snapshot, self._seeding, self._candidates]
        return bool(await self._script(scripts.SEED, keys, [node, epoch, str(number), snapshot]))

    async def give_up(self, epoch: str) -> None:
        """An epoch is over, and nobody goes on from it. Raises `EpochGone`."""
        await self._script(scripts.GIVE_UP, [self._epoch], [epoch], by=self._writing)

    # -- the gate -------------------------------------------------------------------------------------------------

    async def take_gate(self, token: str, *, for_s: float) -> bool:
        return bool(await self._do(self._client.set(self._gate, token, nx=True, px=int(for_s * 1000))))

    async def release_gate(self, token: str) -> None:
        await self._script(scripts.RELEASE, [self._gate], [token])

    # -- limits ---------------------------------------------------------------------------------------------------

    async def take(self, key: str, *, interval_us: int, tolerance_us: int) -> float:
        """Count one more: 0.0 when that is allowed, otherwise the seconds to wait."""
        waits_us = await self._script(scripts.TAKE, [self._limit + key], [str(interval_us), str(tolerance_us)])
        return int(waits_us) / 1e6

    # -- private --------------------------------------------------------------------------------------------------

    async def _script(
        self, text: str, keys: list[str], arguments: list[str | bytes], *, by: Channel | None = None
    ) -> Any:
        """`by`: the connection; None: one of the pool."""
        call = self._execute if by is None else by.call
        words: list[Word] = [len(keys), *keys, *arguments]
        try:
            try:
                return await call("EVALSHA", _digest(text), *words)
            except NoScriptError:
                return await call("EVAL", text, *words)
        except ResponseError as fault:
            if "EPOCHGONE" in str(fault):
                await self._leave()
                raise EpochGone from None
            raise await self._told(fault) from fault
        except (RedisError, OSError, ValueError) as fault:
            raise await self._told(fault) from fault

    async def _execute(self, *words: Word) -> Any:
        return await self._of_client(self._client.execute_command(*words))  # type: ignore[no-untyped-call]

    async def _do(self, call: Awaitable[_Result]) -> Any:
        try:
            return await self._of_client(call)
        except (RedisError, OSError, ValueError) as fault:
            raise await self._told(fault) from fault

    async def _of_client(self, call: Awaitable[_Result]) -> _Result:
        """On a connection of its pool, which nobody else closes if it was opened as the stream was closed."""
        try:
            return await call
        finally:
            if self._is_closed:
                await self._client.aclose()

    async def _told(self, fault: Exception) -> BackplaneError:
        """What it means."""
        if isinstance(fault, ReadOnlyError) or "UNBLOCKED" in str(fault):
            await self._leave()
        return _translated(fault)

    async def _leave(self) -> None:
        """Open all connections anew, for the server is a replica now, or they lead to several."""
        for channel in (self._reading, self._writing, self._asking):
            channel.leave()
        with contextlib.suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=False)


@functools.cache
def _digest(script: str) -> str:
    """By which Valkey knows it."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _heard(nodes: Sequence[str], reports: Sequence[bytes | None]) -> dict[str, bytes]:
    return {node: report for node, report in zip(nodes, reports, strict=True) if report is not None}


def _entries(listed: Any, epoch: str) -> list[tuple[str, Entry]]:
    """As `scripts.APPEND` writes them. Raises `EpochGone`."""
    known, entries = epoch.encode(), []
    for stream_id, (_, of_epoch, _, number, _, batch) in listed:
        if of_epoch != known:
            raise EpochGone
        text = stream_id.decode()
        entries.append((text, Entry(int(number), int(text.partition("-")[0]), batch)))
    return entries


_REFUSALS = (
    "WRONGPASS", "NOAUTH", "NOPERM", "unknown command", "invalid password", "authenticat", "Authenticat",
    "ACL failure in script", "executing the script can't run",  # newer and older: its user may not use a command
)  # fmt: skip


def _translated(fault: Exception) -> BackplaneError:
    why = (str(fault) or type(fault).__name__).rstrip(".")
    if scripts.NO_RUN_ID in why:
        return BackplaneRefused(
            "The backplane does not say which process it is (run_id of INFO server), so nobody could tell when its "
            "data are old: use Valkey, or Redis 7 or newer."
        )
    if any(sign in why for sign in _REFUSALS):
        return BackplaneRefused(f"The backplane does not do what is asked ({why}): check --backplane-url.")
    return BackplaneAway(f"The backplane does not answer ({why}): is --backplane-url right, and is Valkey running?")
