-- ARGV: 4 ticket, 5 operator he comes back to.
local t = ticket(ARGV[4])
if not t or t.state == 'ringing' or t.state == 'done' then return finish(0) end
if t.state == 'away' then return finish(1) end
if t.state == 'talking' then
  if ARGV[5] == '' then return finish(0) end
  talked(t)
  raise_priority(t)
elseif t.state == 'broken' then
  part(t)
  raise_priority(t)
else
  detach(t)
end
keep_place(t, ARGV[5])
return finish(1)
