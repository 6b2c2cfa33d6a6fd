-- ARGV: 4 ticket, 5 priority.
local t = ticket(ARGV[4])
if not t or t.state == 'done' then return finish(0) end
outgrow(t, ARGV[5])
local raised = higher(t.priority, ARGV[5])
if raised ~= t.priority then raise_to(t, raised) end
return finish(1)
