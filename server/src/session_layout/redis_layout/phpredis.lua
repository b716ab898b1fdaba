-- As time_to_live.lua. Answers -2 (there is none), too, for a session with nothing in it.
if redis.replicate_commands then redis.replicate_commands() end

local size = redis.pcall('STRLEN', KEYS[1])
if type(size) ~= 'number' then return -3 end
if size == 0 then return -2 end
local left = redis.call('PTTL', KEYS[1])
local ttl = tonumber(ARGV[1])
if left < 0 or left >= ttl then return left end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return ttl
