-- ARGV: 4 ticket, 5 seconds.
local t = ticket(ARGV[4])
if t and t.state ~= 'done' then put(t, { told = ARGV[5], told_at = NOW }) end
return finish(1)
