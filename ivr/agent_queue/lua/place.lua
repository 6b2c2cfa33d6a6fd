-- Where a ticket stands, or a new one would; changes nothing, stands without the prelude.
-- KEYS: 1 prefix. ARGV: 1 now, 2 queue, 3 priority, 4 ticket or "".
-- Returns position, waiting, serving, free, talks, state, told.
local P, queue, priority, id = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local call = redis.call
local entered, open, state, told = tonumber(ARGV[1]), '', '', ''

if id ~= '' then
  local found = call('HMGET', P .. 'ticket:' .. id, 'state', 'queue', 'priority', 'entered', 'told')
  if found[1] then
    state, told = found[1], found[5] or ''
    if state ~= 'done' then
      queue, priority, entered, open = found[2], found[3], tonumber(found[4]), '('
    end
  end
end

local ahead, waiting = 0, 0
local at = entered - HEAD[priority]
for _, class in ipairs(PRIORITIES) do
  local limit = open .. string.format('%.17g', at + HEAD[class])
  for _, line in ipairs({ 'wait:', 'rest:' }) do
    local key = P .. line .. queue .. ':' .. class
    local size = call('ZCARD', key)
    if size > 0 then
      waiting = waiting + size
      ahead = ahead + call('ZCOUNT', key, '-inf', limit)
    end
  end
end
return { ahead + 1, waiting, call('SCARD', P .. 'serving:' .. queue),
  call('ZCARD', P .. 'free:' .. queue), call('LRANGE', P .. 'talks:' .. queue, 0, TALKS - 1), state, told }
