-- As time_to_live.lua, and moves cookie.expires along: see express.rs.
-- Answers -3 for a value that is no session of express-session's.
if redis.replicate_commands then redis.replicate_commands() end

-- A hundred years, in ms: no longer time is meant, and years keep their four digits.
local LONGEST = 36525 * 86400000
local TIMESTAMP = '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$'
-- Copies of the cookie deeper in the session that may come before the cookie itself.
local MOST_PLACES = 16

-- Milliseconds since 1970 as JavaScript writes them. Days are turned into dates by counting years from March.
local function timestamp(ms)
    local floor = math.floor
    local day, rest = floor(ms / 86400000) + 719468, ms % 86400000
    local era = floor(day / 146097)
    local of_era = day - era * 146097
    local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
    local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
    local month = floor((5 * of_year + 2) / 153)
    local of_month = of_year - floor((153 * month + 2) / 5) + 1
    month = month < 10 and month + 3 or month - 9
    year = year + era * 400 + (month <= 2 and 1 or 0)
    return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, of_month,
        floor(rest / 3600000), floor(rest / 60000) % 60, floor(rest / 1000) % 60, rest % 1000)
end

-- The cookie is flat and comes first, so that reading it need not take longer where much else is in the session; only
-- keys that are whole numbers come before it.
local function cookie_of(json)
    local read, cookie = pcall(cjson.decode, json:match('^{"cookie":({[^{}]*})'))
    if read then return cookie end
    local session
    read, session = pcall(cjson.decode, json)
    return read and type(session) == 'table' and type(session.cookie) == 'table' and session.cookie or nil
end

-- Where in the value the cookie's own time stands, found by trying: text alone does not tell depth.
local function place_of(value, before, after)
    local name = '"expires":"'
    local from = 1
    for _ = 1, MOST_PLACES do
        local first, last = value:find(name .. before .. '"', from, true)
        if not first then return nil end
        local at = first + #name
        local moved = cookie_of(value:sub(1, at - 1) .. after .. value:sub(at + #before))
        if moved and moved.expires == after then return at end
        from = last
    end
end

local left = redis.call('PTTL', KEYS[1])
if left < 0 then return left end
local value = redis.pcall('GET', KEYS[1])
local cookie = type(value) == 'string' and cookie_of(value)
if not cookie then return -3 end

local ttl = tonumber(ARGV[1])
if type(cookie.expires) == 'string' then
    if type(cookie.originalMaxAge) ~= 'number' or cookie.originalMaxAge < 1 then return left end
    ttl = math.floor(math.min(cookie.originalMaxAge, LONGEST))
    local now = redis.call('TIME')
    local expires = timestamp(now[1] * 1000 + math.floor(now[2] / 1000) + ttl)
    if not cookie.expires:find(TIMESTAMP) then return -3 end
    if cookie.expires < expires then
        local at = place_of(value, cookie.expires, expires)
        if not at then return -3 end
        -- Keeps the time to live, and every other byte.
        redis.call('SETRANGE', KEYS[1], at - 1, expires)
    end
end

if left >= ttl then return left end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ttl))
return ttl
