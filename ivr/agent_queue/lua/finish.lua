-- ARGV: 4 name.
local s = operator(ARGV[4])
if not s or s.state ~= 'wrap_up' then return finish(0) end
idle(s)
return finish(1)
