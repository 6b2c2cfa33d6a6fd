-- ARGV: 4 ticket, 5 operator.
local t, s = ticket(ARGV[4]), operator(ARGV[5])
if not t or t.state ~= 'waiting' or not s or not is_free(s) then return finish(false) end
offer(t, s)
return finish(offer_of(t))
