-- KEYS[1] the user's hash; ARGV: id, JSON, most lists. Answers 1 when it was added.
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
