-- ARGV: 4 ticket, 5 queue, 6 queue it must be in.
local t = ticket(ARGV[4])
if not t or (t.state ~= 'waiting' and t.state ~= 'away' and t.state ~= 'offered')
  or t.queue ~= ARGV[6] or ARGV[5] == ARGV[6] then
  return finish(0)
end
move_to(t, ARGV[5])
return finish(1)
