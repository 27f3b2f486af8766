"""What is done with several keys of a cluster at once, in Valkey: scripts in Lua.

An entry gets its number and its place in one step, and only while the epoch is the one that its writer knows.

An epoch ends with the server process in which it was opened, whatever data the next one has: they may be of a while
ago (a snapshot, an append-only file, a replica that was promoted), and no node can tell, least of all one that starts.
So the key of the epoch holds the process, too, by its ``run_id``. A server that does not tell it is none for a log.
"""

from __future__ import annotations

NO_RUN_ID = "NORUNID"
_EPOCH = f"""local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not run_id then return redis.error_reply('{NO_RUN_ID}') end
local here = '@' .. run_id
local epoch = redis.call('GET', KEYS[1])
if epoch and string.sub(epoch, -#here) == here then epoch = string.sub(epoch, 1, -#here - 1) else epoch = false end
"""
"""What is open in this process of the server, if anything is."""
_IF_EPOCH = _EPOCH + "if epoch ~= ARGV[1] then return redis.error_reply('EPOCHGONE') end\n"
EPOCH = _EPOCH + "return epoch"
APPEND = (
    _IF_EPOCH
    + """local number = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'e', ARGV[1], 'n', number, 'b', ARGV[2])
return number"""
)
RENEW = (
    _IF_EPOCH
    + """local found = {redis.call('GET', KEYS[2]), redis.call('EXISTS', KEYS[3])}
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[2])
for at = 4, #KEYS do found[at - 1] = redis.call('GET', KEYS[at]) end
return found"""
)
"""The number of the newest entry, whether the node was heard of until now, and what the nodes of the other keys say of
themselves."""
PUT_SNAPSHOT = (
    _IF_EPOCH
    + """redis.call('SET', KEYS[2], ARGV[2])
return redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3])"""
)
SEED = (
    _EPOCH
    + """if epoch or redis.call('GET', KEYS[5]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[3], KEYS[6])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('SET', KEYS[4], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2] .. here)
redis.call('DEL', KEYS[5])
return 1"""
)
GIVE_UP = _IF_EPOCH + "return redis.call('DEL', KEYS[1])"
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
for _, range in ipairs({{'-inf', now - ARGV[3]}, {'(' .. string.format('%.0f', now), '+inf'}}) do
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], range[1], range[2])) do
    redis.call('ZREM', KEYS[1], gone)
    redis.call('ZREM', KEYS[2], gone)
  end
end
redis.call('PEXPIRE', KEYS[1], 10000)
redis.call('PEXPIRE', KEYS[2], 10000)"""
"""A replica that says no more that it stands, because it has ended, is none: the others would wait for it for ever. Nor
is one that said so at a time to come, before the server's clock was set back."""
MAY_SEED = """local seeding = redis.call('GET', KEYS[1])
if seeding and seeding ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1"""
"""The same node may ask again: it does when it got no answer."""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
