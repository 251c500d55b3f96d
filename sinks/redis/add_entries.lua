-- KEYS: the key of the last order of this partition, the stream of each channel that ARGV names, in its order.
-- ARGV: least length of the streams, then for each entry: its order, the number of its stream in KEYS, and its fields as
-- a msgpack array. Reply: how many were added.
-- An entry whose order isn't above the last one went out before, and adds nothing.
local call = redis.call
local last = call('GET', KEYS[1]) or '' -- md:channel*
local added = 0
for at = 2, #ARGV, 3 do
  if ARGV[at] > last then
    last = ARGV[at]
    call('XADD', KEYS[tonumber(ARGV[at + 1])], 'MAXLEN', '~', ARGV[1], '*', unpack(cmsgpack.unpack(ARGV[at + 2]))) -- md:channel*
    added = added + 1
  end
end
if added > 0 then
  call('SET', KEYS[1], last) -- md:channel*
end
return added
