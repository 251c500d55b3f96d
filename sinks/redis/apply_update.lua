-- KEYS: md:epoch, the shard's stream, md:symbols.
-- ARGV: epoch to set in an empty Redis, time ms, bytes and ms of the stream, candles kept, a msgpack map of bars by
-- interval for all symbols together, shard, channel of updates ("" for none), source of alerts, then three msgpack
-- arrays ("" when empty): final bars, live bars, tickers; the context of the span that writes it ("": none); what stands
-- before a symbol in the names of its keys: with Redis Cluster the shard as hash tag, else "".
-- Reply: {epoch found, final bars, live bars, tickers accepted, {symbol key, its shards with commas, …}}.
--
-- A comment behind a command says which keys it touches: sinks.redis.refusals reads it when Redis refuses that line.
-- Lua hashes each byte of a string that it makes, so a message that needn't come here costs as much as its command.
local call, find, match = redis.call, string.find, string.match

local epoch = call('GET', KEYS[1]) -- md:epoch
if not epoch then
  epoch = ARGV[1]
  call('SET', KEYS[1], epoch) -- md:epoch
end

local out, n = {}, 0
local counts = {0, 0, 0}
local shard, doubled = tonumber(ARGV[7]), {}
local moved, moves = {}, 0

-- How many final bars each series keeps while Redis holds so many symbols, and how to cut it to them.
local most, kept, excess, longest = tonumber(ARGV[5]), {}, {}, 0
local symbols = math.max(1, call('SCARD', KEYS[3])) -- md:symbols
for interval, together in pairs(cmsgpack.unpack(ARGV[6])) do
  kept[interval] = math.max(1, math.min(most, math.floor(together / symbols)))
  excess[interval] = string.format('%d', -(kept[interval] + 1))
  longest = math.max(longest, #interval)
end

-- The number after `"name":` in stored JSON, searched for from `from`.
local function field(json, name, from)
  local _, last = find(json, name, from, true)
  return last and tonumber(match(json, '^-?%d+', last + 1))
end

local function start_of(json) return field(json, '"time":', 1) or -1 end

-- Behind it stand revision, shard and sequence, of 93 characters at most.
local function is_final(json) return find(json, '"final":true', -93 - 12, true) end

-- Of a stored ticker: the second of its last trade, its sequence, its shard, and its end, which names shard and exchange.
-- They are its last fields, of 100 characters and the exchange's own; an earlier release had no shard.
local function last_of(json)
  local _, at = find(json, '"timestamp":', -200, true)
  if not at then _, at = find(json, '"timestamp":', 1, true) end
  local ms, sequence, tail, held_shard = match(json, '^(%d+),"sequence":(%d+),("shard":(%d+).*)$', at and at + 1 or 1)
  if not ms then return nil, field(json, '"sequence":', 1) or -1, shard, '' end
  return math.floor(ms / 1000), tonumber(sequence), tonumber(held_shard), tail
end

local function newer(start, sequence, final, held)
  if not held then return true end
  local held_start = start_of(held)
  if start ~= held_start then return start > held_start end
  -- The sequence is a bar's last field: `"sequence":` and at most 17 characters; the shard stands before it.
  local held_sequence = field(held, '"sequence":', -40) or -1
  if sequence ~= held_sequence then return sequence > held_sequence end
  local held_shard = field(held, '"shard":', -70) or shard
  if shard ~= held_shard then return shard < held_shard end
  return final and not is_final(held)
end

-- In a cluster no shard sees the keys of another: sinks.redis.homes finds such a symbol there.
-- A symbol whose ticker another shard wrote has trades in both, unless that was before its topic was made anew.
-- What is known stands in a key of its own, so that each shard of it is told once.
local function find_doubled(symbol_key, sequence, held, held_shard)
  if math.floor(held / 2 ^ 44) ~= math.floor(sequence / 2 ^ 44) then return end
  local known_key = 'md:two-partitions:' .. symbol_key
  local known, shards = call('GET', known_key), {} -- md:two-partitions:*
  for each in string.gmatch((known or '') .. ',' .. shard .. ',' .. held_shard, '%d+') do
    shards[tonumber(each)] = true
  end
  local sorted = {}
  for each in pairs(shards) do sorted[#sorted + 1] = each end
  table.sort(sorted)
  local said = table.concat(sorted, ',')
  doubled[#doubled + 1] = symbol_key
  doubled[#doubled + 1] = said
  if said == known then return end
  call('SET', known_key, said) -- md:two-partitions:*
  local symbol = match(symbol_key, '^symbol:(.*)$')
  local id = 'two-partitions:' .. symbol
  -- A login that may not write events must not stop the flow, which says it too.
  redis.pcall('XADD', 'md:events', 'MAXLEN', '~', 10000, '*', 'type', 'alert', 'ts', ARGV[2], 'symbols', symbol,
    'data', '{"id":' .. cjson.encode(id) .. ',"severity":"critical","category":"data-quality"'
    .. ',"title":"Symbol in several partitions","message":'
    .. cjson.encode(symbol .. ' has trades in partitions ' .. string.gsub(said, ',', ', ') .. ': its bars lack trades')
    .. ',"source":"' .. ARGV[9] .. '","actionItems":["tapeflow rekey"],"symbol":' .. cjson.encode(symbol)
    .. ',"partitions":[' .. said .. ']}')
end

-- Of the key of a bar or a series; searched for from where it begins at the earliest.
local function interval_of(key) return match(key, '[^:]*$', -longest) end

local function tell_moved(key, json)
  local interval = interval_of(key)
  local names = moved[interval] or {}
  moved[interval] = names
  names[#names + 1] = '"' .. match(json, '"symbol":"([^"]*)"') .. '"'
  moves = moves + 1
end

-- Writes the newest of `bars` to their keys. `at[i]`: where the key of bar i stands, before start, sequence and JSON.
-- Many keys at once: MGET, compare, MSET. `fresh` holds what this call accepted, should a key come twice.
-- Returns how many were written. Of open bars the entry says so, and carries the last state of a bar that one follows.
local function keep_newest(bars, at, final)
  if #at == 0 then return 0 end
  local keys = {}
  for i = 1, #at do keys[i] = bars[at[i]] end
  local stored, fresh, writes, w = call('MGET', unpack(keys)), {}, {}, 0 -- candle:*
  for i = 1, #at do
    local key, json = keys[i], bars[at[i] + 3]
    local held = fresh[key] or stored[i]
    if newer(bars[at[i] + 1], bars[at[i] + 2], final, held) then
      fresh[key] = json
      writes[w + 1], writes[w + 2] = key, json
      w = w + 2
      if not final then
        tell_moved(key, json)
        if held and start_of(held) < bars[at[i] + 1] and not is_final(held) then
          n = n + 1
          out[n] = held
        end
      end
    end
  end
  if w > 0 then call('MSET', unpack(writes)) end -- candle:*
  return w / 2
end

-- Series that get no bars any more must shrink too as symbols come: some at random, so that all have their turn, and
-- few, as each has all intervals, which costs more than to write a bar.
local function shrink_some(count)
  for _, symbol in ipairs(call('SRANDMEMBER', KEYS[3], count)) do -- md:symbols
    for interval, from_end in pairs(excess) do
      call('ZREMRANGEBYRANK', 'candles:' .. ARGV[14] .. symbol .. ':' .. interval, 0, from_end) -- candles:*
    end
  end
end

local bars, accepted = ARGV[10] == '' and {} or cmsgpack.unpack(ARGV[10]), {}
if #bars > 0 then shrink_some(4 + math.floor(#bars / 160)) end
for i = 1, #bars, 5 do
  local interval = interval_of(bars[i])
  local list, start, sequence, json = bars[i], bars[i + 2], bars[i + 3], bars[i + 4]
  local accept, held = not call('ZRANGEBYSCORE', list, start, '+inf', 'LIMIT', 0, 1)[1], nil -- candles:*
  if not accept then
    held = call('ZRANGEBYSCORE', list, start, start)[1] -- candles:*
    if held then
      accept = newer(start, sequence, true, held)
      if accept then call('ZREMRANGEBYSCORE', list, start, start) end -- candles:*
    else
      accept = start > tonumber(call('ZRANGE', list, 0, 0, 'WITHSCORES')[2]) -- candles:*
        or call('ZCARD', list) < kept[interval] -- candles:*
    end
  end
  if accept then
    call('ZADD', list, start, json) -- candles:*
    if not held then call('ZREMRANGEBYRANK', list, 0, excess[interval]) end -- candles:*
    n = n + 1
    out[n] = json
    accepted[#accepted + 1] = i + 1
  end
end
keep_newest(bars, accepted, true)
counts[1] = #accepted

bars = ARGV[11] == '' and {} or cmsgpack.unpack(ARGV[11])
local every = {}
for i = 1, #bars, 4 do every[#every + 1] = i end
counts[2] = keep_newest(bars, every, false)

local tickers = ARGV[12] == '' and {} or cmsgpack.unpack(ARGV[12])
if #tickers > 0 then
  local keys, k = {}, 0
  for i = 1, #tickers, 9 do
    k = k + 1
    keys[k] = tickers[i]
  end
  local stored, fresh, writes, w, names = call('MGET', unpack(keys)), {}, {}, 0, {} -- price:*
  for i = 1, k do
    local at, key = i * 9 - 8, keys[i]
    local sequence, snapshot = tickers[at + 2], tickers[at + 4]
    local second, held, held_shard, tail = nil, fresh[key] or -1, shard, ''
    if not fresh[key] and stored[i] then second, held, held_shard, tail = last_of(stored[i]) end
    if held_shard ~= shard then find_doubled(tickers[at + 1], sequence, held, held_shard) end
    if sequence > held or (sequence == held and shard < held_shard) then
      fresh[key] = sequence
      writes[w + 1], writes[w + 2] = key, snapshot
      w = w + 2
      n = n + 1
      out[n] = tickers[at + 3] == held and held >= 0 and tickers[at + 5] or snapshot
      local told, info = ARGV[8] ~= '', tickers[at + 1]
      -- Once a second is enough to know when it was seen: of what a ticker costs here this is a fifth.
      local is_new_second = math.floor(tickers[at + 8] / 1000) ~= second or string.sub(snapshot, -#tail) ~= tail
      local symbol = (told or is_new_second) and match(snapshot, '"symbol":"([^"]*)"')
      if is_new_second then
        call('HSET', info, 'exchange', tickers[at + 6], 'last_seen', tickers[at + 8], 'shard', ARGV[7]) -- symbol:*
        names[#names + 1] = symbol
      end
      if held < 0 then call('HSETNX', info, 'first_seen', tickers[at + 7]) end -- symbol:*
      if told then
        local quote = call('GET', 'md:quote:' .. ARGV[14] .. symbol) -- md:quote:*
        call('PUBLISH', ARGV[8], price_update(snapshot, quote)) -- market-data:updates
      end
    end
  end
  if w > 0 then call('MSET', unpack(writes)) end -- price:*
  if #names > 0 then call('SADD', KEYS[3], unpack(names)) end -- md:symbols
  counts[3] = w / 2
end

-- The value of `name` in an entry of the stream, and the bytes that the entry counts for.
local function value(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
  return ''
end

local function bytes_of(batch, moves_of_it) return #batch + #moves_of_it + 256 end

-- How to cut the stream before an entry is added with which it has ever had `sum` bytes: XADD's own two words.
-- A few entries are looked at in each call: the bound is reached again soon after it was lowered.
local function bound_of(newest, sum)
  local from = string.format('%.0f', math.max(0, match(newest[1], '^%d+') - ARGV[4]))
  for looked = 1, 50 do
    local entry = call('XRANGE', KEYS[2], from, '+', 'COUNT', 1)[1] -- md:deltas:*
    if not entry then return 'MAXLEN', 1 end
    local there = tonumber(value(entry, 'sum'))
    local held = there and sum - there + bytes_of(value(entry, 'batch'), value(entry, 'moved'))
    if looked == 50 or held and held <= tonumber(ARGV[3]) then return 'MINID', entry[1] end
    from = '(' .. entry[1]
  end
end

if n > 0 or moves > 0 then
  local batch, of_intervals = '[' .. table.concat(out, ',') .. ']', {}
  for interval, names in pairs(moved) do
    of_intervals[#of_intervals + 1] = '"' .. interval .. '":[' .. table.concat(names, ',') .. ']'
  end
  local moved_json = '{' .. table.concat(of_intervals, ',') .. '}'
  local newest = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1] -- md:deltas:*
  local before = newest and tonumber(value(newest, 'sum'))
  local sum = (before or 0) + bytes_of(batch, moved_json)
  local how, least = 'MAXLEN', 1 -- what an earlier release left has no sizes, and goes
  if before then how, least = bound_of(newest, sum) end
  local entry = {'batch', batch, 'moved', moved_json, 'ts', ARGV[2], 'n', n, 'sum', string.format('%.0f', sum)}
  if ARGV[13] ~= '' then
    entry[11], entry[12] = 'traceparent', ARGV[13]
  end
  call('XADD', KEYS[2], how, least, '*', unpack(entry)) -- md:deltas:*
end
return {epoch, counts[1], counts[2], counts[3], doubled}
