-- Look at waiting tickets anew: the rules may be others than when they were looked at.
-- ARGV: 4 how many tickets to pass over, 5 how many to look at. Returns how many there were.
local ids = call('ZRANGE', P .. 'live', ARGV[4], ARGV[4] + ARGV[5] - 1)
for _, id in ipairs(ids) do
  local t = ticket(id)
  if t and t.state == 'waiting' then loosen(t) end
end
return finish(#ids)
