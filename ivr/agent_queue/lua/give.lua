-- ARGV: 4 ticket, 5 operator, 6 seconds for which it is kept for him.
local t, s, seconds = ticket(ARGV[4]), operator(ARGV[5]), tonumber(ARGV[6])
if not t or t.state ~= 'waiting' or not s or not is_steady(s) then return finish(0) end
if is_free(s) then
  offer(t, s)
elseif URGENT[t.priority] or seconds <= 0 then
  return finish(0)
else
  hold(t, s.name, N + seconds)
end
return finish(1)
