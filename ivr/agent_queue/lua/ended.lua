-- ARGV: 4 ticket.
local t = ticket(ARGV[4])
if not t or (t.state ~= 'ringing' and t.state ~= 'talking') then return finish(0) end
talked(t)
close(t, 'answered')
return finish(1)
