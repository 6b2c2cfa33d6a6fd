-- ARGV: 4 ticket, 5 token, 6 why.
local t = ticket(ARGV[4])
if not t or t.token ~= ARGV[5] or (t.state ~= 'offered' and t.state ~= 'ringing') then
  return finish(0)
end
miss(t, ARGV[6])
return finish(1)
