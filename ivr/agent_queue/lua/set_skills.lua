-- ARGV: 4 name, 5 skills (JSON), 6 skills he must have (JSON).
local s = operator(ARGV[4])
if not s or s.skills ~= ARGV[6] then return finish(false) end
strike(s)
s.levels = nil
operate(s, { skills = ARGV[5] })
if is_serving(s) then enlist_serving(s) end
freed[s.name] = s
return finish(function() return call('HGETALL', s.key) end)
