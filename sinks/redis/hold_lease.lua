-- KEYS: the lease. ARGV: who asks, its life in ms. Reply: who has it now.
-- It is given to who has it already, or to anybody once nobody has it. A life of 1 ms gives it back.
local call = redis.call
local holder = call('GET', KEYS[1]) -- md:leader:*
if holder and holder ~= ARGV[1] then return holder end
call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) -- md:leader:*
return ARGV[1]
