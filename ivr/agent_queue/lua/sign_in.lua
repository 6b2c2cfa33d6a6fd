-- ARGV: 4 name, 5 skills (JSON), 6 status, 7 reason, 8 shown, 9 node, 10 endpoint, 11 tab.
local name = ARGV[4]
local s = operator(name)
if not s then
  s = { name = name, key = P .. 'operator:' .. name }
  S[name] = s
  for field, value in pairs({ skills = '{}', status = ARGV[6], state = 'idle', reason = ARGV[7], ticket = '',
    token = '', asks = '', missed = 0, version = 0, since = N, idle_since = N, wrap = 0,
    pause = 0 }) do
    write(s, field, value)
  end
  call('SADD', P .. 'operators', name)
  due('o:' .. name, 0, ends(s))
elseif s.tab ~= ARGV[11] then
  -- The telephone of a talk with a colleague was in the old tab.
  local asked = s.state == 'talking' and s.ticket == '' and s.token or ''
  local token = s.asks ~= '' and s.asks or asked
  if token ~= '' then end_consult(token) end
end
strike(s)
s.levels = nil
operate(s, { skills = ARGV[5], shown = ARGV[8], node = ARGV[9], endpoint = ARGV[10],
  tab = ARGV[11] })
if is_serving(s) then enlist_serving(s) end
freed[name] = s
return finish(function() return call('HGETALL', s.key) end)
