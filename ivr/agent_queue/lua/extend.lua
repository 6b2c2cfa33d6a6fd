-- ARGV: 4 name, 5 seconds.
local s = operator(ARGV[4])
if not s or s.state ~= 'wrap_up' then return finish(0) end
operate(s, { wrap = N + tonumber(ARGV[5]) })
return finish(1)
