-- KEYS: the stream of events, the sorted set of marks of what was sent.
-- ARGV: least length of the stream, how many marks are kept, then for each entry: its mark, a mark that it may not come
-- behind or nothing, its time in ms, and its fields as a msgpack array. Reply: how many were added.
-- An entry whose mark is known went out before, and adds nothing.
local call = redis.call
local added = 0
for at = 3, #ARGV, 4 do
  local is_over = ARGV[at + 1] ~= '' and call('ZSCORE', KEYS[2], ARGV[at + 1]) -- md:alerts-sent
  if not is_over and call('ZADD', KEYS[2], 'NX', ARGV[at + 2], ARGV[at]) == 1 then -- md:alerts-sent
    call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(cmsgpack.unpack(ARGV[at + 3]))) -- md:events
    added = added + 1
  end
end
call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[2]) -- md:alerts-sent
return added
