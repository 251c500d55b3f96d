-- ARGV: of each rule: key of the user's rules, id, version, the rule (JSON; "" takes it back).
-- A rule never goes back to an older version, and one that is taken back stays so unless a newer one comes.
-- Reply: how many were written.
local call = redis.call
local written = 0
for at = 1, #ARGV, 4 do
  local held = call('HGET', ARGV[at], ARGV[at + 1])
  local version = held and tonumber(string.match(held, '"version":(%d+)')) or 0
  if ARGV[at + 3] == '' then
    if held and version <= tonumber(ARGV[at + 2]) then
      call('HDEL', ARGV[at], ARGV[at + 1])
      written = written + 1
    end
  elseif version < tonumber(ARGV[at + 2]) then
    call('HSET', ARGV[at], ARGV[at + 1], ARGV[at + 3])
    written = written + 1
  end
end
return written
