"""The Lua script that applies one live update in Redis, atomically and guarded by versions.

Called by sinks.redis with what sinks.redis_encode packed. A key never goes back to a lower sequence, and the shard's
stream gets what was accepted, so a retry or a second writer adds nothing. A delta goes out only when the stored
sequence is the one it applies to, which heals the stream too. Of two shards' values of one symbol the greater sequence
wins, then the lower shard: see docs/adr/0022-symbol-in-two-partitions.md.

KEYS: md:epoch, the shard's stream. ARGV: epoch to set in an empty Redis, time ms, stream length, candles kept, shard,
channel of updates ("" for none), source of alerts, then three msgpack arrays ("" when empty): final bars, live bars,
tickers. Reply: {epoch found, final bars, live bars, tickers accepted, {symbol key, its shards with commas, …}}.
"""

from typing import Final

__all__ = ["APPLY_UPDATE"]

# A comment behind a command says which keys it touches: sinks.redis_refusals reads it when Redis refuses that line.
APPLY_UPDATE: Final = r"""
local call, find, match = redis.call, string.find, string.match

local epoch = call('GET', KEYS[1]) -- md:epoch
if not epoch then
  epoch = ARGV[1]
  call('SET', KEYS[1], epoch) -- md:epoch
end

local out, n = {}, 0
local counts = {0, 0, 0}
local shard, doubled = tonumber(ARGV[5]), {}

-- The number after `"name":` in stored JSON, searched for from `from`.
local function field(json, name, from)
  local _, last = find(json, name, from, true)
  return last and tonumber(match(json, '^-?%d+', last + 1))
end

local function bar_position(json)
  -- The sequence is a bar's last field: `"sequence":` and at most 17 characters; the shard stands before it.
  return field(json, '"time":', 1) or -1, field(json, '"sequence":', -40) or -1, field(json, '"shard":', -70) or shard
end

local function newer(start, sequence, final, held)
  if not held then return true end
  local held_start, held_sequence, held_shard = bar_position(held)
  if start ~= held_start then return start > held_start end
  if sequence ~= held_sequence then return sequence > held_sequence end
  if shard ~= held_shard then return shard < held_shard end
  return final and not find(held, '"final":true', 1, true)
end

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
  local symbol = match(symbol_key, '^symbol:{(.*)}$') or match(symbol_key, '^symbol:(.*)$')
  local id = 'two-partitions:' .. symbol
  -- A login that may not write events must not stop the flow, which says it too.
  redis.pcall('XADD', 'md:events', 'MAXLEN', '~', 10000, '*', 'type', 'alert', 'ts', ARGV[2], 'symbols', symbol,
    'data', '{"id":' .. cjson.encode(id) .. ',"severity":"critical","category":"data-quality"'
    .. ',"title":"Symbol in several partitions","message":'
    .. cjson.encode(symbol .. ' has trades in partitions ' .. string.gsub(said, ',', ', ') .. ': its bars lack trades')
    .. ',"source":"' .. ARGV[7] .. '","actionItems":["tapeflow rekey"],"symbol":' .. cjson.encode(symbol)
    .. ',"partitions":[' .. said .. ']}')
end

-- Writes the newest of `bars` to their keys. `at[i]`: where the key of bar i stands, before start, sequence and JSON.
-- Many keys at once: MGET, compare, MSET. `fresh` holds what this call accepted, should a key come twice.
-- Returns how many were written, and adds them to the message where `to_stream`.
local function keep_newest(bars, at, final, to_stream)
  if #at == 0 then return 0 end
  local keys = {}
  for i = 1, #at do keys[i] = bars[at[i]] end
  local stored, fresh, writes, w = call('MGET', unpack(keys)), {}, {}, 0 -- candle:*
  for i = 1, #at do
    local key, json = keys[i], bars[at[i] + 3]
    if newer(bars[at[i] + 1], bars[at[i] + 2], final, fresh[key] or stored[i]) then
      fresh[key] = json
      writes[w + 1], writes[w + 2] = key, json
      w = w + 2
      if to_stream then
        n = n + 1
        out[n] = json
      end
    end
  end
  if w > 0 then call('MSET', unpack(writes)) end -- candle:*
  return w / 2
end

local kept = tonumber(ARGV[4])
local bars, accepted = ARGV[8] == '' and {} or cmsgpack.unpack(ARGV[8]), {}
for i = 1, #bars, 5 do
  local list, start, sequence, json = bars[i], bars[i + 2], bars[i + 3], bars[i + 4]
  local latest = call('ZRANGE', list, -1, -1, 'WITHSCORES')[2] -- candles:*
  local accept, held = not latest or start > tonumber(latest), nil
  if not accept then
    held = call('ZRANGEBYSCORE', list, start, start)[1] -- candles:*
    if held then
      accept = newer(start, sequence, true, held)
      if accept then call('ZREMRANGEBYSCORE', list, start, start) end -- candles:*
    else
      accept = start > tonumber(call('ZRANGE', list, 0, 0, 'WITHSCORES')[2]) -- candles:*
        or call('ZCARD', list) < kept -- candles:*
    end
  end
  if accept then
    call('ZADD', list, start, json) -- candles:*
    if not held then call('ZREMRANGEBYRANK', list, 0, -(kept + 1)) end -- candles:*
    n = n + 1
    out[n] = json
    accepted[#accepted + 1] = i + 1
  end
end
keep_newest(bars, accepted, true, false)
counts[1] = #accepted

bars = ARGV[9] == '' and {} or cmsgpack.unpack(ARGV[9])
local every = {}
for i = 1, #bars, 4 do every[#every + 1] = i end
counts[2] = keep_newest(bars, every, false, true)

local tickers = ARGV[10] == '' and {} or cmsgpack.unpack(ARGV[10])
if #tickers > 0 then
  local keys, k = {}, 0
  for i = 1, #tickers, 9 do
    k = k + 1
    keys[k] = tickers[i]
  end
  local stored, fresh, writes, w = call('MGET', unpack(keys)), {}, {}, 0 -- price:*
  for i = 1, k do
    local at, key = i * 9 - 8, keys[i]
    local sequence, snapshot = tickers[at + 2], tickers[at + 4]
    local held = fresh[key] or (stored[i] and field(stored[i], '"sequence":', 1)) or -1
    local held_shard = not fresh[key] and stored[i] and field(stored[i], '"shard":', 1) or shard
    if held_shard ~= shard then find_doubled(tickers[at + 1], sequence, held, held_shard) end
    if sequence > held or (sequence == held and shard < held_shard) then
      fresh[key] = sequence
      writes[w + 1], writes[w + 2] = key, snapshot
      w = w + 2
      n = n + 1
      out[n] = tickers[at + 3] == held and held >= 0 and tickers[at + 5] or snapshot
      local info = tickers[at + 1]
      call('HSET', info, 'exchange', tickers[at + 6], 'last_seen', tickers[at + 8], 'shard', ARGV[5]) -- symbol:*
      if held < 0 then call('HSETNX', info, 'first_seen', tickers[at + 7]) end -- symbol:*
      if ARGV[6] ~= '' then
        local symbol = match(snapshot, '"symbol":"([^"]*)"')
        local update = '{"type":"price_update","symbol":"' .. symbol .. '","data":' .. snapshot
          .. ',"source":' .. cjson.encode(tickers[at + 6]) .. '}'
        call('PUBLISH', ARGV[6], update) -- market-data:updates
      end
    end
  end
  if w > 0 then call('MSET', unpack(writes)) end -- price:*
  counts[3] = w / 2
end

if n > 0 then
  local batch = '[' .. table.concat(out, ',') .. ']'
  call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'batch', batch, 'ts', ARGV[2], 'n', n) -- md:deltas:*
end
return {epoch, counts[1], counts[2], counts[3], doubled}
"""
