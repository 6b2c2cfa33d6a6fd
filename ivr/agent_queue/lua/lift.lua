-- ARGV: 4 ticket, 5 priority, 6 priority it must have.
local t, priority, was = ticket(ARGV[4]), ARGV[5], ARGV[6]
if not t or t.state == 'done' or t.priority ~= was or ORDER[priority] <= ORDER[was] then
  return finish(0)
end
raise_to(t, priority)
if t.lifted == '' then put(t, { lifted = was }) end
return finish(1)
