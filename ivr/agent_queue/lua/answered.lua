-- ARGV: 4 ticket, 5 token.
local t = ticket(ARGV[4])
if not t or t.token ~= ARGV[5] or (t.state ~= 'offered' and t.state ~= 'ringing') then
  return finish(0)
end
local rung = t.state == 'offered' and t.back == 0
state_of(t, 'talking', 0, { met = 1, offers = t.offers + (rung and 1 or 0) })
operate(operator(t.operator), { state = 'talking', missed = 0 })
return finish(1)
