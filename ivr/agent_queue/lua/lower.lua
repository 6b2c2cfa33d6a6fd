-- ARGV: 4 ticket, 5 priority it must have.
local t = ticket(ARGV[4])
if not t or t.state == 'done' or t.priority ~= ARGV[5] or t.lifted == '' then return finish(0) end
raise_to(t, t.lifted)
put(t, { lifted = '' })
return finish(1)
