-- KEYS: the counters; ARGV: for each one its lifetime in seconds and what to add.
-- A counter lives from its first hit on.
local counted = {}
for at = 1, #KEYS do
    counted[at] = redis.call('INCRBY', KEYS[at], ARGV[2 * at])
    if counted[at] == tonumber(ARGV[2 * at]) then redis.call('EXPIRE', KEYS[at], ARGV[2 * at - 1]) end
end
return counted
