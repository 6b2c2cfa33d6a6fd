-- ARGV: 4 ticket, 5 queue, 6 operator.
local t, queue, name = ticket(ARGV[4]), ARGV[5], ARGV[6]
if not t or t.state ~= 'talking' or (queue == '' and name == '') or name == t.operator
  or (name ~= '' and not operator(name)) then
  return finish(0)
end
talked(t)
if queue == '' then queue = t.queue end
put(t, { queue = queue, sticky = name, held = name ~= '' and N + rules(queue).ring or 0,
  moved = '' })
line_up(t, true)
return finish(1)
