-- ARGV: 4 ticket, 5 operator it is kept for.
local t = ticket(ARGV[4])
if not t or t.state ~= 'waiting' or t.held == 0 or t.sticky ~= ARGV[5] then return finish(0) end
release(t)
return finish(1)
