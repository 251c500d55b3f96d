-- KEYS: the user's reports, the job, the queue; ARGV: id, user. Answers 1 when it was the user's and is forgotten.
if redis.call('HGET', KEYS[2], 'user') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
