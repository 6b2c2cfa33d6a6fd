-- ARGV: 4 token, 5 ticket that the one consulted keeps, or "".
local token = ARGV[4]
local names = call('HGET', P .. 'consults', token)
if not names then return finish(0) end
if ARGV[5] == '' then return finish(end_consult(token)) end
names = cjson.decode(names)
local t = ticket(ARGV[5])
if not t or t.state ~= 'talking' or t.operator ~= names[1] then return finish(0) end
call('HDEL', P .. 'consults', token)
local s, asked = operator(names[1]), operator(names[2])
write(s, 'asks', '')
wrap_up(s, t.queue)
local fresh = new_token(t.id)
state_of(t, 'talking', 0, { operator = asked.name, token = fresh })
operate(asked, { ticket = t.id, token = fresh, missed = 0 })
return finish(1)
