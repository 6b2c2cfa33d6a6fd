-- All that the auditor compares, at one moment; changes nothing, stands without the prelude.
-- KEYS: 1 prefix. ARGV: names of keys below it that were seen, so that strays are found as well.
-- Returns {tickets {id, seconds to live, fields}, operators {name, fields}, sorted sets
-- {name, members with scores}, sets {name, members}, consults}.
local P = KEYS[1]
local call = redis.call
local SORTED = { live = true, due = true, wait = true, rest = true, held = true, free = true }
local ids, names, sorted_sets, sets = {}, {}, { live = true, due = true }, { offered = true,
  operators = true }

local function note_lines(id, fields)
  local t = {}
  for i = 1, #fields, 2 do t[fields[i]] = fields[i + 1] end
  for _, queue in ipairs({ t.queue or '', t.over or '' }) do
    for _, line in ipairs({ 'wait:', 'rest:' }) do
      sorted_sets[line .. queue .. ':' .. (t.priority or '')] = true
    end
  end
  if t.sticky and t.sticky ~= '' then sorted_sets['held:' .. t.sticky] = true end
end

for _, name in ipairs(ARGV) do
  local kind, rest = string.match(name, '^(%a+):?(.*)$')
  if SORTED[kind] then sorted_sets[name] = true end
  if kind == 'serving' then sets[name] = true end
  if kind == 'ticket' then ids[rest] = true end
  if kind == 'operator' then names[rest] = true end
end
for _, id in ipairs(call('ZRANGE', P .. 'live', 0, -1)) do ids[id] = true end
for _, name in ipairs(call('SMEMBERS', P .. 'operators')) do names[name] = true end

local tickets, operators = {}, {}
for id in pairs(ids) do
  local key = P .. 'ticket:' .. id
  local fields = call('HGETALL', key)
  if #fields > 0 then
    note_lines(id, fields)
    tickets[#tickets + 1] = { id, call('TTL', key), fields }
  end
end
for name in pairs(names) do
  local fields = call('HGETALL', P .. 'operator:' .. name)
  if #fields > 0 then
    local skills = call('HGET', P .. 'operator:' .. name, 'skills')
    for queue in pairs(cjson.decode(skills or '{}')) do
      sorted_sets['free:' .. queue], sets['serving:' .. queue] = true, true
    end
    operators[#operators + 1] = { name, fields }
  end
end

local scored, plain = {}, {}
for name in pairs(sorted_sets) do
  scored[#scored + 1] = { name, call('ZRANGE', P .. name, 0, -1, 'WITHSCORES') }
end
for name in pairs(sets) do plain[#plain + 1] = { name, call('SMEMBERS', P .. name) } end
return { tickets, operators, scored, plain, call('HGETALL', P .. 'consults') }
