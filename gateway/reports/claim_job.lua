-- KEYS: the queue, in which a job stands by when it may be taken: since it was asked for, or when its lease is over.
-- ARGV: prefix of jobs, lease in ms, most tries, what is said of a job that was tried so often.
-- Answers {id, run, what is asked}, or nothing. The clock is the server's: gateways need not agree on the time.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, 100)) do
    local job = ARGV[1] .. id
    if redis.call('EXISTS', job) == 0 then
        redis.call('ZREM', KEYS[1], id)
    elseif redis.call('HINCRBY', job, 'tries', 1) > tonumber(ARGV[3]) then
        redis.call('HSET', job, 'state', 'failed', 'error', ARGV[4], 'finished', now_ms)
        redis.call('ZREM', KEYS[1], id)
    else
        local run = redis.call('HINCRBY', job, 'run', 1)
        redis.call('HSET', job, 'state', 'running', 'started', now_ms, 'done', 0, 'rows', 0, 'bytes', 0)
        redis.call('ZADD', KEYS[1], now_ms + ARGV[2], id)
        return {id, run, redis.call('HGET', job, 'ask')}
    end
end
return false
