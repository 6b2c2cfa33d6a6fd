-- ARGV: 4 ticket, 5 token.
local t = ticket(ARGV[4])
if not t or t.token ~= ARGV[5] or t.state ~= 'offered' then return finish(false) end
local own = rules(t.queue)
local ending = N + own.ring + own.lease + (t.kind == 'callback' and CALLER_RINGS or 0)
state_of(t, 'ringing', ending, { offers = t.offers + 1 - t.back })
return finish(function() return call('HGETALL', t.key) end)
