-- ARGV: 4 ticket, 5 operator who takes it, 6 its token from now on.
local t, s = ticket(ARGV[4]), operator(ARGV[5])
if not t or t.state ~= 'talking' or not s or s.state ~= 'idle' then return finish(0) end
local first = operator(t.operator)
if first.asks ~= '' then end_consult(first.asks) end
talked(t)
state_of(t, 'talking', 0, { operator = s.name, token = ARGV[6] })
operate(s, { state = 'talking', ticket = t.id, token = ARGV[6], missed = 0 })
return finish(1)
