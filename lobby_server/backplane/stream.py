"""The keys of one cluster in Valkey, and what is done with them, each in one round trip.

    lobby:{cluster}:epoch       the name of the stream's life; gone when the server came back without its data
    lobby:{cluster}:number      of the newest entry
    lobby:{cluster}:log         the stream: epoch, number, batch
    lobby:{cluster}:snapshot    the state at some place of the stream
    lobby:{cluster}:alive:NODE  what the node says of itself; there while it is heard of
    lobby:{cluster}:candidates  replicas that could open a new epoch, by the number that they stand at
    lobby:{cluster}:standing    when each of them last said so
    lobby:{cluster}:seeding     who opens a new epoch
    lobby:{cluster}:gate        who changes friendships and blocks
    lobby:{cluster}:limit:KEY   when one who is limited will have used up nothing

What only holds together is a script: an entry gets its number and its place at once, and only while the epoch is the
one that its writer knows. Readers see by the numbers what a stream does not tell: entries that were trimmed away, and a
server that came back empty.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone
from lobby_server.backplane.wire import Entry

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


_IF_EPOCH = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('EPOCHGONE') end\n"
APPEND = (
    _IF_EPOCH
    + """local number = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'e', ARGV[1], 'n', number, 'b', ARGV[2])
return number"""
)
RENEW = _IF_EPOCH + "return redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2])"
PUT_SNAPSHOT = (
    _IF_EPOCH
    + """redis.call('SET', KEYS[2], ARGV[2])
return redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3])"""
)
SEED = """if redis.call('GET', KEYS[5]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[3], KEYS[6])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('SET', KEYS[4], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[5])
return 1"""
TAKE = """local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = tonumber(redis.call('GET', KEYS[1]) or '0')
local wait = state - tonumber(ARGV[2]) - now
if wait > 0 then return wait end
state = math.max(state, now) + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', state), 'PX', math.ceil((state - now) / 1000) + 1)
return 0"""
"""The generic cell rate algorithm as `lobby_server.core.ratelimit.Pace` has it, in microseconds of Valkey's clock."""
STAND = """local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('ZREM', KEYS[2], gone)
end
redis.call('PEXPIRE', KEYS[1], 10000)
redis.call('PEXPIRE', KEYS[2], 10000)"""
"""A replica that says no more that it stands, because it has ended, is none: the others would wait for it for ever."""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Stream:
    """One connection pool to Valkey, and one cluster's keys. Every call raises `BackplaneAway` when it cannot be done
    now, and `BackplaneRefused` when it never can."""

    def __init__(self, url: str, *, cluster: str) -> None:
        """Raises `ValueError` for a URL that is none."""
        self._client = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=CALL_TIMEOUT_S,
            socket_connect_timeout=CALL_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            decode_responses=False,
        )
        self._scripts = {
            text: self._client.register_script(text)
            for text in (APPEND, RENEW, PUT_SNAPSHOT, SEED, TAKE, STAND, RELEASE)
        }
        prefix = f"lobby:{{{cluster}}}:"
        self._epoch, self._number, self._log = prefix + "epoch", prefix + "number", prefix + "log"
        self._snapshot, self._alive = prefix + "snapshot", prefix + "alive:"
        self._candidates, self._seeding, self._gate = prefix + "candidates", prefix + "seeding", prefix + "gate"
        self._limit, self._standing = prefix + "limit:", prefix + "standing"

    async def close(self) -> None:
        try:
            await self._client.aclose()
        except RedisError:
            pass  # it is gone anyway

    async def time_s(self) -> float:
        """What Valkey's clock says, in Unix time."""
        seconds, microseconds = await self._do(self._client.time())
        return int(seconds) + int(microseconds) / 1e6

    # -- the log --------------------------------------------------------------------------------------------------

    async def append(self, epoch: str, batch: bytes) -> None:
        """Put a batch at the end. Raises `EpochGone`."""
        await self._script(APPEND, [self._epoch, self._number, self._log], [epoch, batch])

    async def read(self, epoch: str, after: str) -> list[tuple[str, Entry]]:
        """The next entries after a stream id, waiting for them for a while. Raises `EpochGone` for one of another
        epoch."""
        found = await self._do(self._client.xread({self._log: after}, count=MOST_ENTRIES, block=BLOCK_MS))
        streams: Iterable[Any] = found.items() if isinstance(found, dict) else found or ()
        entries: list[tuple[str, Entry]] = []
        for _, listed in streams:
            for stream_id, fields in listed[0] if listed and isinstance(listed[0], list) else listed:
                if fields[b"e"].decode() != epoch:
                    raise EpochGone
                text = stream_id.decode()
                entries.append((text, Entry(int(fields[b"n"]), int(text.partition("-")[0]), fields[b"b"])))
        return entries

    async def epoch(self) -> str | None:
        """None: no node has opened one since Valkey started empty."""
        found = await self._do(self._client.get(self._epoch))
        return None if found is None else found.decode()

    async def newest(self) -> int:
        """The number of the newest entry."""
        return int(await self._do(self._client.get(self._number)) or 0)

    # -- snapshots ------------------------------------------------------------------------------------------------

    async def snapshot(self) -> bytes | None:
        found: bytes | None = await self._do(self._client.get(self._snapshot))
        return found

    async def put_snapshot(self, epoch: str, snapshot: bytes, *, keep_from: str) -> None:
        """Replace the snapshot, and forget entries before a stream id. Raises `EpochGone`."""
        await self._script(PUT_SNAPSHOT, [self._epoch, self._snapshot, self._log], [epoch, snapshot, keep_from])

    # -- nodes ----------------------------------------------------------------------------------------------------

    async def renew(self, epoch: str, node: str, *, ttl_s: float, report: bytes) -> None:
        """A node is heard of, and says how it is. Raises `EpochGone`."""
        await self._script(RENEW, [self._epoch, self._alive + node], [epoch, str(int(ttl_s * 1000)), report])

    async def forget(self, node: str) -> None:
        await self._do(self._client.delete(self._alive + node))

    async def reports(self, nodes: Sequence[str]) -> dict[str, bytes]:
        """What some nodes say of themselves; those that have not been heard of in time are left out."""
        if not nodes:
            return {}
        found = await self._do(self._client.mget([self._alive + node for node in nodes]))
        return {node: report for node, report in zip(nodes, found, strict=True) if report is not None}

    # -- a new epoch ----------------------------------------------------------------------------------------------

    async def stand(self, node: str, number: int) -> None:
        """A replica that stands at a number could open a new epoch. It has to say so again and again."""
        await self._script(
            STAND, [self._candidates, self._standing], [node, str(number), str(int(STANDS_FOR_S * 1000))]
        )

    async def best_candidate(self) -> str | None:
        found = await self._do(self._client.zrevrange(self._candidates, 0, 0))
        return found[0].decode() if found else None

    async def withdraw(self, node: str) -> None:
        await self._do(self._client.zrem(self._candidates, node))

    async def may_seed(self, node: str, *, for_s: float) -> bool:
        """Whether a node alone may open a new epoch, for that long."""
        return bool(await self._do(self._client.set(self._seeding, node, nx=True, px=int(for_s * 1000))))

    async def seed(self, node: str, *, epoch: str, number: int, snapshot: bytes) -> bool:
        """Open a new epoch. False: it was not this node's turn any more."""
        keys = [self._epoch, self._number, self._log, self._snapshot, self._seeding, self._candidates]
        return bool(await self._script(SEED, keys, [node, epoch, str(number), snapshot]))

    # -- the gate -------------------------------------------------------------------------------------------------

    async def take_gate(self, token: str, *, for_s: float) -> bool:
        return bool(await self._do(self._client.set(self._gate, token, nx=True, px=int(for_s * 1000))))

    async def release_gate(self, token: str) -> None:
        await self._script(RELEASE, [self._gate], [token])

    # -- limits ---------------------------------------------------------------------------------------------------

    async def take(self, key: str, *, interval_us: int, tolerance_us: int) -> float:
        """Count one more: 0.0 when that is allowed, otherwise the seconds to wait."""
        waits_us = await self._script(TAKE, [self._limit + key], [str(interval_us), str(tolerance_us)])
        return int(waits_us) / 1e6

    # -- private --------------------------------------------------------------------------------------------------

    async def _script(self, text: str, keys: list[str], arguments: list[str | bytes]) -> Any:
        script = self._scripts[text]
        try:
            try:
                return await self._client.evalsha(script.sha, len(keys), *keys, *arguments)
            except NoScriptError:
                return await self._client.eval(text, len(keys), *keys, *arguments)
        except ResponseError as fault:
            if "EPOCHGONE" in str(fault):
                raise EpochGone from None
            raise _translated(fault) from fault
        except (RedisError, OSError, ValueError) as fault:
            raise _translated(fault) from fault

    async def _do(self, call: Awaitable[_Result]) -> Any:
        try:
            return await call
        except (RedisError, OSError, ValueError) as fault:
            raise _translated(fault) from fault


_REFUSALS = ("WRONGPASS", "NOAUTH", "NOPERM", "unknown command", "invalid password", "authenticat", "Authenticat")


def _translated(fault: Exception) -> Exception:
    why = (str(fault) or type(fault).__name__).rstrip(".")
    if any(sign in why for sign in _REFUSALS):
        return BackplaneRefused(f"The backplane does not do what is asked ({why}): check --backplane-url.")
    return BackplaneAway(f"The backplane does not answer ({why}): is --backplane-url right, and is Valkey running?")
