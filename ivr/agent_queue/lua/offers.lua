-- The offers that nobody has claimed; changes nothing, stands without the prelude.
-- KEYS: 1 prefix. Returns token, ticket, operator, until, back of each.
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1] .. 'offered')) do
  local key = KEYS[1] .. 'ticket:' .. id
  local t = redis.call('HMGET', key, 'token', 'operator', 'until', 'back')
  found[#found + 1] = { t[1], id, t[2], t[3], tonumber(t[4]) }
end
return found
