-- KEYS: the mark that this Redis holds what the shard has published, the shard's stream.
-- ARGV: time ms, for how many ms entries are kept, channel of updates ("" for none), a msgpack array of keys, sequences
-- and JSON messages, one after the other. Reply: {1 where the mark was there, quotes accepted}.
-- A quote whose sequence isn't above that of its key was written before, or is older, and changes nothing.
local call = redis.call

local filled = call('GET', KEYS[1]) and 1 or 0 -- md:quotes-filled:*
if filled == 0 then call('SET', KEYS[1], ARGV[1]) end -- md:quotes-filled:*

local quotes = ARGV[4] == '' and {} or cmsgpack.unpack(ARGV[4])
local keys, k = {}, 0
for at = 1, #quotes, 3 do
  k = k + 1
  keys[k] = quotes[at]
end
if k == 0 then return {filled, 0} end

-- A symbol that has traded shows another bid or ask now, unless its trades' own are later.
local function tell(key, before, now)
  local ticker = call('GET', 'price:' .. string.sub(key, 10)) -- price:*
  local update = ticker and price_update(ticker, now)
  if update and update ~= price_update(ticker, before) then
    call('PUBLISH', ARGV[3], update) -- market-data:updates
  end
end

local stored, writes, out, n = call('MGET', unpack(keys)), {}, {}, 0 -- md:quote:*
for i = 1, k do
  local sequence, json = quotes[3 * i - 1], quotes[3 * i]
  local held = stored[i] and tonumber(string.match(stored[i], '"quoteSequence":(%d+)')) or -1
  if sequence > held then
    writes[2 * n + 1], writes[2 * n + 2] = keys[i], json
    n = n + 1
    out[n] = json
    if ARGV[3] ~= '' then tell(keys[i], stored[i], json) end
  end
end
if n > 0 then
  call('MSET', unpack(writes)) -- md:quote:*
  local newest = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1] -- md:quotes:*
  local number = 1
  for at = 1, newest and #newest[2] or 0, 2 do
    if newest[2][at] == 'number' then number = tonumber(newest[2][at + 1]) + 1 end
  end
  local least = newest and math.max(0, string.match(newest[1], '^%d+') - ARGV[2]) or 0
  call('XADD', KEYS[2], 'MINID', string.format('%.0f', least), '*', 'batch', '[' .. table.concat(out, ',') .. ']', -- md:quotes:*
    'ts', ARGV[1], 'n', n, 'number', number)
end
return {filled, n}
