-- ARGV: 4 name.
local s = operator(ARGV[4])
if not s or s.state ~= 'disconnected' then return finish(false) end
local t = s.ticket ~= '' and ticket(s.ticket)
idle(s)
if not t then return finish(false) end
offer(t, s, true)
return finish(offer_of(t))
