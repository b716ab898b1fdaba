-- As time_to_live.lua, and keeps to what the app said of this session: see django.rs.
-- Answers -3 for a value that is no session of Django's.
if redis.replicate_commands then redis.replicate_commands() end

local left = redis.call('PTTL', KEYS[1])
if left < 0 then return left end
local value = redis.pcall('GET', KEYS[1])
-- PROTO, the first opcode of every pickle since protocol 2.
if type(value) ~= 'string' or value:byte(1) ~= 128 then return -3 end

-- A number's opcode and how many bytes it has, the lowest first.
local NUMBERS = { [75] = 1, [77] = 2, [74] = 4 } -- BININT1, BININT2, BININT
local LONG1, NONE, SHORT_BINUNICODE = 138, 78, 140

local said -- in seconds
local from = 1
while true do
    local first, last = value:find('_session_expiry', from, true)
    if not first then break end
    -- SHORT_BINUNICODE and the length before the name, MEMOIZE after it, then the opcode of what it stands for.
    local opcode = value:byte(last + 2)
    if value:sub(first - 2, first - 1) ~= '\140\15' or value:byte(last + 1) ~= 148 or not opcode then return -3 end
    local at, size = last + 3, NUMBERS[opcode]
    if opcode == LONG1 then
        size = value:byte(at)
        at = at + 1
    end
    if opcode == SHORT_BINUNICODE then
        -- A date: the time to live is what was left until then.
        return left
    elseif size and size <= 6 and #value >= at + size then
        local seconds = 0
        for i = size - 1, 0, -1 do
            seconds = seconds * 256 + value:byte(at + i)
        end
        -- Of two dictionaries with such an entry one is the session's own: the shorter time breaks no promise. (A
        -- number below zero, which looks huge here, would have deleted the session.)
        if seconds > 0 then said = math.min(said or seconds, seconds) end
    elseif opcode ~= NONE then
        return -3
    end
    from = last + 1
end

local ttl = said and said * 1000 or tonumber(ARGV[1])
if left >= ttl then return left end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ttl))
return ttl
