-- KEYS[1] the user's hash; ARGV: id, JSON, the channel of edits, what to say there. Answers 1 when it was there and is replaced.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
