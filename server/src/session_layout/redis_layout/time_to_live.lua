-- Lengthens the time to live of KEYS[1] to ARGV[1] ms.
-- Answers what it has left then, in ms, or as PTTL: -1 for ever, -2 there is none.
if redis.replicate_commands then redis.replicate_commands() end

local left = redis.call('PTTL', KEYS[1])
local ttl = tonumber(ARGV[1])
if left < 0 or left >= ttl then return left end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return ttl
