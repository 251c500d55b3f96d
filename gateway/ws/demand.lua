-- KEYS: the set. ARGV: gateway, lease in ms (0: drop it, -1: only look), what stands before a symbol in the name of its
-- leases, the channel, then symbols.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[2])
local gained, lost = {}, {}
for i = 5, #ARGV do
  local symbol = ARGV[i]
  local key = ARGV[3] .. symbol
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if lease > 0 then
    redis.call('ZADD', key, now + lease, ARGV[1])
    redis.call('PEXPIRE', key, lease * 4)
  elseif lease == 0 then
    redis.call('ZREM', key, ARGV[1])
  end
  if redis.call('EXISTS', key) == 1 then
    if redis.call('SADD', KEYS[1], symbol) == 1 then gained[#gained + 1] = symbol end
  elseif redis.call('SREM', KEYS[1], symbol) == 1 then
    lost[#lost + 1] = symbol
  end
end
if #gained > 0 then
  redis.call('PUBLISH', ARGV[4], cjson.encode({action = 'subscribe', symbols = gained}))
end
if #lost > 0 then
  redis.call('PUBLISH', ARGV[4], cjson.encode({action = 'unsubscribe', symbols = lost}))
end
return {#gained, #lost}
