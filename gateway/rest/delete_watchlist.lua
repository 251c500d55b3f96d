-- KEYS[1] the user's hash; ARGV: id, the channel of edits, what to say there. Answers 1 when it was there and is gone.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
