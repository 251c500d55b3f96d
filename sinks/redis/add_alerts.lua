-- KEYS: the stream of events, the sorted set of marks of what was sent.
-- ARGV: least length of the stream, how many marks are kept, then for each entry: its mark, its time in ms, and its fields
-- as a msgpack array. Reply: how many were added.
-- An entry whose mark is known went out before, and adds nothing.
local call = redis.call
local added = 0
for at = 3, #ARGV, 3 do
  if call('ZADD', KEYS[2], 'NX', ARGV[at + 1], ARGV[at]) == 1 then -- md:alerts-sent
    call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(cmsgpack.unpack(ARGV[at + 2]))) -- md:events
    added = added + 1
  end
end
call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[2]) -- md:alerts-sent
return added
