-- ARGV: 4 ticket, 5 queue it must wait in.
local t = ticket(ARGV[4])
if not t or t.state ~= 'waiting' or t.queue ~= ARGV[5] or t.kind ~= 'call'
  or URGENT[t.lifted ~= '' and t.lifted or t.priority] then
  return finish(0)
end
step_out(t)
keep_place(t, '')
return finish(1)
