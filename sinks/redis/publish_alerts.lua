-- KEYS: the event stream, the hash of the last alert of each shard.
-- ARGV: shard, entries that the stream keeps, 1 where last firings are noted here (in a cluster their keys lie elsewhere),
-- then of each firing, in the order of sequence and place: sequence, place, key of the user's last firings, rule id,
-- user, symbol, time ms, data (JSON).
-- Reply: how many were added; what isn't behind the last alert of the shard was there before.
local call = redis.call
local last_sequence, last_place = -1, -1
local held = call('HGET', KEYS[2], ARGV[1]) -- md:price-alerts
if held then
  local sequence, place = string.match(held, '^(%d+):(%d+)$')
  last_sequence, last_place = tonumber(sequence), tonumber(place)
end
local added = 0
for at = 4, #ARGV, 8 do
  local sequence, place = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  if sequence > last_sequence or (sequence == last_sequence and place > last_place) then
    call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'type', 'price_alert', 'data', ARGV[at + 7],
      'ts', ARGV[at + 6], 'user', ARGV[at + 4], 'symbols', ARGV[at + 5]) -- md:events
    if ARGV[3] == '1' then
      call('HSET', ARGV[at + 2], ARGV[at + 3], ARGV[at + 7]) -- md:alert-firings:*
    end
    last_sequence, last_place = sequence, place
    added = added + 1
  end
end
if added > 0 then
  call('HSET', KEYS[2], ARGV[1], string.format('%.0f:%d', last_sequence, last_place)) -- md:price-alerts
end
return added
