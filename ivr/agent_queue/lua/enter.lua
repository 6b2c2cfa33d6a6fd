-- ARGV: 4 id, 5 queue, 6 priority, 7 kind, 8 number, 9 entered, 10 sticky, 11 held, 12 told,
--       13 told_at, 14 card (JSON of what only people read).
local id, queue, priority = ARGV[4], ARGV[5], ARGV[6]

local function appear()
  local key = P .. 'ticket:' .. id
  call('DEL', key)
  local old = T[id]
  if old then
    if seen_otherwise(old) then journal_ticket(old) end
    written[old] = nil
  end
  local t = { id = id, key = key }
  local entered, held, sticky = tonumber(ARGV[9]), 0, ARGV[10]
  local began = ARGV[7] == 'call' and math.min(entered, N) or N
  if sticky ~= '' then
    held = tonumber(ARGV[11])
    if held == 0 then held = N + rules(queue).sticky end
  end
  if ARGV[7] == 'call' and ARGV[8] ~= '' then
    local place = call('GETDEL', P .. 'redial:' .. queue .. ':' .. ARGV[8])
    place = place and cjson.decode(place)
    if place and N - tonumber(place[3]) < rules(queue).redial then
      entered = math.min(entered, tonumber(place[1]))
      priority = higher(priority, place[2])
    end
  end
  for field, value in pairs({ state = '', over = '', ['until'] = 0 }) do write(t, field, value) end
  put(t, { queue = queue, priority = priority, kind = ARGV[7], number = ARGV[8], entered = entered,
    sticky = sticky, held = held, told = ARGV[12], told_at = ARGV[13], card = ARGV[14],
    operator = '', token = '', outcome = '', offers = 0, met = 0, back = 0, moved = '', lifted = '',
    began = began, answered = 0 })
  T[id] = t
  line_up(t)
end

local function come_again(t)
  put(t, { card = ARGV[14] })
  outgrow(t, priority)
  if was_in(t, queue) then
    queue = t.queue
  elseif queue ~= t.queue then
    put(t, { moved = '' })
  end
  local raised = higher(t.priority, priority)
  local same = t.queue == queue and t.priority == raised
  if t.state == 'away' then
    local held = t.sticky ~= '' and N + rules(queue).sticky or 0
    step_out(t)
    put(t, { queue = queue, priority = raised, held = held })
    line_up(t)
  elseif t.state == 'waiting' and not same then
    move(t, queue, raised)
  elseif t.state == 'offered' and t.queue ~= queue then
    withdraw(t)
    put(t, { queue = queue, priority = raised })
    line_up(t)
  elseif t.state == 'offered' and not same then
    put(t, { priority = raised })
    list(t)
  end
end

local t = ticket(id)
if not t or (t.state == 'done' and not (t.kind == 'call' and t.outcome == 'abandoned')) then
  appear()
elseif t.state ~= 'done' then
  come_again(t)
end
return finish(function() return call('HGETALL', P .. 'ticket:' .. id) end)
