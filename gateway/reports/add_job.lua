-- KEYS: the user's reports, the job, the queue. ARGV: prefix of jobs, id, most that are under way, most that are kept,
-- lifetime in ms, the user, what is asked.
-- Answers {0}, or {1, under way} or {2, kept, ms until the first expires} where there are too many. Expired ones go.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local under_way, kept, first_ms = 0, 0, 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local state = redis.call('HGET', ARGV[1] .. id, 'state')
    if not state then
        redis.call('ZREM', KEYS[1], id)
    else
        kept = kept + 1
        if state == 'queued' or state == 'running' then under_way = under_way + 1 end
        local left_ms = redis.call('PTTL', ARGV[1] .. id)
        if first_ms == 0 or left_ms < first_ms then first_ms = left_ms end
    end
end
if under_way >= tonumber(ARGV[3]) then return {1, under_way} end
if kept >= tonumber(ARGV[4]) then return {2, kept, first_ms} end
redis.call('HSET', KEYS[2], 'state', 'queued', 'user', ARGV[6], 'ask', ARGV[7], 'run', 0, 'tries', 0,
    'created', now_ms, 'expires', now_ms + ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('ZADD', KEYS[1], now_ms, ARGV[2])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[5])
redis.call('ZADD', KEYS[3], now_ms, ARGV[2])
return {0}
