-- ARGV: 4 ticket.
local t = ticket(ARGV[4])
if not t or t.state ~= 'talking' then return finish(0) end
local s = operator(t.operator)
if s.asks ~= '' then end_consult(s.asks) end
state_of(t, 'broken', N + rules(t.queue).back, {})
operate(s, { state = 'disconnected' })
return finish(1)
