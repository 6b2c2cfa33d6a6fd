-- ARGV: 4 ticket, 5 outcome.
local t = ticket(ARGV[4])
if not t or t.state == 'done' then return finish(0) end
if t.state == 'talking' then
  talked(t)
  close(t, 'answered')
else
  detach(t)
  close(t, ARGV[5])
end
return finish(1)
