-- KEYS: the job, the queue. ARGV: id, run, what is done, then fields and values; done: 'beat' with the lease in ms,
-- 'release' with ms until it may be taken again and 1 as if it wasn't tried, 'finish' with its lifetime in ms.
-- Answers 1, or 0 where the job is gone or another run has it: then nothing is changed.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'run', 'state')
if state[1] ~= ARGV[2] or state[2] ~= 'running' then return 0 end
if #ARGV > 5 then redis.call('HSET', KEYS[1], unpack(ARGV, 6)) end
if ARGV[3] == 'beat' then
    redis.call('ZADD', KEYS[2], now_ms + ARGV[4], ARGV[1])
elseif ARGV[3] == 'release' then
    redis.call('HSET', KEYS[1], 'state', 'queued')
    if ARGV[5] == '1' then redis.call('HINCRBY', KEYS[1], 'tries', -1) end
    redis.call('ZADD', KEYS[2], now_ms + ARGV[4], ARGV[1])
else
    redis.call('HSET', KEYS[1], 'finished', now_ms, 'expires', now_ms + ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
