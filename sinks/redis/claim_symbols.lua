-- KEYS: md:shards, or md:quote-shards. ARGV: a shard, its source epoch, then symbols that it writes.
-- Reply: {symbol, another shard that writes it too, …}. Of several the map names the lowest, of several epochs the latest.
local shard, epoch, shared = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i = 3, #ARGV do
  local held = redis.call('HGET', KEYS[1], ARGV[i]) -- md:*shards
  local held_shard, held_epoch = string.match(held or '', '^(%d+):(%d+)$')
  held_shard, held_epoch = tonumber(held_shard), tonumber(held_epoch)
  local other = held_shard and held_epoch == epoch and held_shard ~= shard
  if other then
    shared[#shared + 1] = ARGV[i]
    shared[#shared + 1] = held_shard
  end
  if not held_shard or held_epoch < epoch or (other and shard < held_shard) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[1] .. ':' .. ARGV[2]) -- md:*shards
  end
end
return shared
