-- What every change of the queue is made of; ivr/agent_queue/state.py has the same functions under
-- the same names. Before this text stand the constants of the words (HEAD, ORDER, URGENT, ...).
--
-- KEYS: 1 prefix of the company's keys, "press2:queue:{COMPANY}:"; all others are made from it and
--       lie in the same slot; their names are in ivr/agent_queue/keys.py.
-- ARGV: 1 now, 2 secret seed of tokens, 3 rules: a line "QUEUE\tJSON" a queue, 4... of the change.
local P, NOW, SEED, RULES = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local N = tonumber(NOW)
local COMPANY = string.match(P, '{(.*)}')
local call = redis.call

local T, S, R = {}, {}, {} -- tickets, operators, rules read so far
local written, news_list, news_seen = {}, {}, {}
local changed, freed, loosened = {}, {}, {} -- operators, operators by name, tickets by id
local records, was = {}, {} -- for the journal; visible fields as they were, by ticket or operator
local made = 0

-- Lua writes 14 digits of a number; a time needs all 17.
local function num(value)
  return string.format('%.17g', value)
end

local function rules(queue)
  local found = R[queue]
  if found then return found end
  local _, from = string.find(RULES, '\n' .. queue .. '\t', 1, true)
  if not from then _, from = string.find(RULES, '\n\t', 1, true) end
  found = cjson.decode(string.sub(RULES, from + 1, string.find(RULES, '\n', from, true) - 1))
  R[queue] = found
  return found
end

local function rank(t)
  return t.entered - HEAD[t.priority]
end

-- Bytes, not the collation of the server's locale.
local function before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a < b end
  end
  return #one < #other
end

local function comes_first(at, name, other_at, other_name)
  if at ~= other_at then return at < other_at end
  return before(name, other_name)
end

local function higher(one, other)
  return ORDER[one] >= ORDER[other] and one or other
end

local function least_level(queue, entered, urgent)
  local relax = rules(queue).relax
  if urgent or #relax == 0 then return 1 end
  local least = relax[1][2]
  for i = 2, #relax do
    if entered + relax[i][1] <= N and relax[i][2] < least then least = relax[i][2] end
  end
  return least
end

------------------------------------------------------------------------ records

local function ticket(id)
  local t = T[id]
  if t ~= nil then return t end
  local key = P .. 'ticket:' .. id
  local v = call('HMGET', key, 'queue', 'priority', 'state', 'operator', 'token', 'sticky',
    'outcome', 'kind', 'number', 'over', 'entered', 'since', 'held', 'offers', 'until', 'met',
    'back', 'moved', 'lifted', 'answered')
  if not v[1] then
    T[id] = false
    return false
  end
  t = { id = id, key = key, queue = v[1], priority = v[2], state = v[3], operator = v[4],
    token = v[5], sticky = v[6], outcome = v[7], kind = v[8], number = v[9], over = v[10],
    entered = tonumber(v[11]), since = tonumber(v[12]), held = tonumber(v[13]),
    offers = tonumber(v[14]), ['until'] = tonumber(v[15]), met = tonumber(v[16]),
    back = tonumber(v[17]), moved = v[18] or '', lifted = v[19] or '',
    answered = tonumber(v[20] or '') or 0 }
  if t.state ~= 'done' then t.listed = rank(t) end
  T[id] = t
  return t
end

local function operator(name)
  if name == '' then return false end
  local s = S[name]
  if s ~= nil then return s end
  local key = P .. 'operator:' .. name
  local v = call('HMGET', key, 'status', 'state', 'ticket', 'token', 'skills', 'asks', 'tab',
    'reason', 'since', 'idle_since', 'version', 'missed', 'wrap', 'pause', 'shown')
  if not v[1] then
    S[name] = false
    return false
  end
  s = { name = name, key = key, status = v[1], state = v[2], ticket = v[3], token = v[4],
    skills = v[5], asks = v[6], tab = v[7], reason = v[8], since = tonumber(v[9]),
    idle_since = tonumber(v[10]), version = tonumber(v[11]), missed = tonumber(v[12]),
    wrap = tonumber(v[13]), pause = tonumber(v[14]), shown = v[15] }
  s.listed = s.status == 'ready' and s.state == 'idle'
  S[name] = s
  return s
end

-- Note a field of a ticket or an operator; all are written at the end.
local function write(record, field, value)
  local old = record[field]
  if old == value then return end
  if VISIBLE[field] then
    local before = was[record]
    if not before then
      before = {}
      was[record] = before
    end
    if before[field] == nil then before[field] = old or false end
  end
  record[field] = value
  local fields = written[record]
  if not fields then
    fields = {}
    written[record] = fields
  end
  fields[field] = value
end

local function flush()
  for record, fields in pairs(written) do
    local pairs_of = {}
    for field, value in pairs(fields) do
      pairs_of[#pairs_of + 1] = field
      pairs_of[#pairs_of + 1] = type(value) == 'number' and num(value) or value
    end
    call('HSET', record.key, unpack(pairs_of))
  end
end

local function news(what, name)
  local seen = what .. ':' .. name
  if news_seen[seen] then return end
  news_seen[seen] = true
  news_list[#news_list + 1] = { what, name }
end

local function seen_otherwise(record)
  for field, old in pairs(was[record] or {}) do
    if record[field] ~= old then return true end
  end
  return false
end

local function keep(kind, id, details)
  records[#records + 1] = { 'kind', kind, 'id', id, 'at', NOW, unpack(details) }
end

local function journal_ticket(t)
  keep('ticket', t.id, { 'state', t.state, 'queue', t.queue, 'priority', t.priority,
    'called', t.kind, 'operator', t.operator, 'entered', num(t.entered), 'outcome', t.outcome,
    'token', t.token, 'number', t.number })
end

local function journal_operator(s)
  keep('operator', s.name, { 'shown', s.shown, 'status', s.status, 'reason', s.reason,
    'state', s.state, 'ticket', s.ticket, 'skills', s.skills, 'since', num(s.since) })
end

-- One record for each ticket and operator that a person would now see otherwise than before.
local function journal()
  for _, each in ipairs(news_list) do
    local t, s = each[1] == 'ticket' and T[each[2]], each[1] == 'operator' and S[each[2]]
    if t and seen_otherwise(t) then journal_ticket(t) end
    if s and seen_otherwise(s) then journal_operator(s) end
  end
  for _, record in ipairs(records) do
    call('XADD', P .. 'journal', 'MAXLEN', '~', JOURNAL_LIMIT, '*', unpack(record))
  end
end

local function new_token(id)
  made = made + 1
  return COMPANY .. '.' .. redis.sha1hex(SEED .. ':' .. made) .. '.' .. id
end

local function due(member, old, new)
  if new > 0 then
    if new ~= old then call('ZADD', P .. 'due', num(new), member) end
  elseif old > 0 then
    call('ZREM', P .. 'due', member)
  end
end

------------------------------------------------------------------------ operators

local function is_free(s) return s.status == 'ready' and s.state == 'idle' end
local function is_serving(s) return s.status ~= 'offline' and s.state ~= 'disconnected' end
local function is_steady(s) return s.status == 'ready' and s.state ~= 'disconnected' end

local function skills(s)
  if not s.levels then s.levels = cjson.decode(s.skills) end
  return s.levels
end

-- When the state of an operator ends by itself, 0: never.
local function ends(s)
  if s.state == 'wrap_up' then return s.wrap end
  if s.state == 'talking' and s.ticket == '' then return s.since + LONGEST_CONSULT end
  if s.state == 'disconnected' or (s.status == 'offline' and s.state == 'idle') then
    return s.since + DAY
  end
  return 0
end

-- Bring the sets of free operators up to date; called before they are read, and at the end, so that
-- who becomes free and is offered a ticket in one step is not put in and taken out again.
local function enlist()
  for s in pairs(changed) do
    local free = is_free(s)
    if free ~= s.listed then
      for queue, level in pairs(skills(s)) do
        if free then
          call('ZADD', P .. 'free:' .. queue, num(s.idle_since - level * SPREAD), s.name)
        else
          call('ZREM', P .. 'free:' .. queue, s.name)
        end
      end
      s.listed = free
    end
  end
  changed = {}
end

local function enlist_serving(s)
  for queue in pairs(skills(s)) do
    call(is_serving(s) and 'SADD' or 'SREM', P .. 'serving:' .. queue, s.name)
  end
end

local function strike(s)
  for queue in pairs(skills(s)) do
    call('ZREM', P .. 'free:' .. queue, s.name)
    call('SREM', P .. 'serving:' .. queue, s.name)
  end
  s.listed = false
end

local let_go -- below, with the tickets

local function operate(s, fields)
  local serving, steady, ended = is_serving(s), is_steady(s), ends(s)
  local status, state = s.status, s.state
  for field, value in pairs(fields) do write(s, field, value) end
  write(s, 'version', s.version + 1)
  local chose = s.state == 'idle' and status ~= s.status -- otherwise it holds later
  if chose or state ~= s.state then write(s, 'since', N) end
  changed[s] = true
  if serving ~= is_serving(s) then enlist_serving(s) end
  due('o:' .. s.name, ended, ends(s))
  if steady and not is_steady(s) then let_go(s.name) end
  news('operator', s.name)
end

-- again: his idle time goes on as if nothing had been.
local function idle(s, fields, again)
  fields = fields or {}
  fields.state, fields.ticket, fields.token = 'idle', '', ''
  if not again then fields.idle_since = N end
  operate(s, fields)
  freed[s.name] = s
end

local function wrap_up(s, queue)
  local wrap = N + rules(queue).wrap_up
  if wrap > N then
    operate(s, { state = 'wrap_up', wrap = wrap })
  else
    write(s, 'wrap', wrap)
    idle(s)
  end
end

local function end_consult(token)
  local names = cjson.decode(call('HGET', P .. 'consults', token))
  call('HDEL', P .. 'consults', token)
  local first = operator(names[1])
  if first then write(first, 'asks', '') end
  for _, name in ipairs(names) do
    local s = operator(name)
    if s and s.token == token and s.ticket == '' then idle(s) end
  end
  return 1
end

------------------------------------------------------------------------ tickets

local function put(t, fields)
  for field, value in pairs(fields) do write(t, field, value) end
  news('ticket', t.id)
end

local function state_of(t, state, ending, fields)
  if t.state ~= state then
    if state == 'offered' then
      call('SADD', P .. 'offered', t.id)
    elseif t.state == 'offered' then
      call('SREM', P .. 'offered', t.id)
    end
  end
  due('t:' .. t.id, t['until'], ending)
  fields.state, fields.since, fields['until'] = state, N, ending
  if state == 'talking' and t.answered == 0 then fields.answered = N end
  put(t, fields)
end

local function wait_key(queue, priority) return P .. 'wait:' .. queue .. ':' .. priority end
local function rest_key(t) return P .. 'rest:' .. t.queue .. ':' .. t.priority end

local function list(t)
  local at = rank(t)
  if t.listed ~= at then
    call('ZADD', P .. 'live', num(at), t.id)
    t.listed = at
  end
end

local function overflow_at(t)
  local own = rules(t.queue)
  if own.overflow_to == '' or own.overflow_after <= 0 or own.overflow_to == t.queue then
    return nil
  end
  return t.entered + (URGENT[t.priority] and 0 or own.overflow_after)
end

local function next_relaxation(queue, t, soonest)
  local relax = rules(queue).relax
  for i = 2, #relax do
    local at = t.entered + relax[i][1]
    if at > N and (soonest == 0 or at < soonest) then soonest = at end
  end
  return soonest
end

local function loosen(t)
  local soonest = t.held
  if soonest == 0 then
    local overflow = overflow_at(t)
    if t.over == '' and overflow and overflow <= N then
      write(t, 'over', rules(t.queue).overflow_to)
      call('ZADD', wait_key(t.over, t.priority), num(t.entered), t.id)
    end
    if t.over == '' and overflow then soonest = overflow end
    if not URGENT[t.priority] then
      soonest = next_relaxation(t.queue, t, soonest)
      if t.over ~= '' then soonest = next_relaxation(t.over, t, soonest) end
    end
  end
  due('t:' .. t.id, t['until'], soonest)
  write(t, 'until', soonest)
  loosened[t.id] = t
end

local function stand(t)
  list(t)
  if t.held > 0 then
    call('ZADD', rest_key(t), num(t.entered), t.id)
    call('ZADD', P .. 'held:' .. t.sticky, num(rank(t)), t.id)
  else
    call('ZADD', wait_key(t.queue, t.priority), num(t.entered), t.id)
  end
  loosen(t)
end

local function step_out(t)
  if t.state == 'away' or (t.state == 'waiting' and t.held > 0) then
    call('ZREM', rest_key(t), t.id)
  elseif t.state == 'waiting' then
    call('ZREM', wait_key(t.queue, t.priority), t.id)
  end
  if t.over ~= '' then
    call('ZREM', wait_key(t.over, t.priority), t.id)
    write(t, 'over', '')
  end
  if t.held > 0 then call('ZREM', P .. 'held:' .. t.sticky, t.id) end
end

-- Take an offer back from its operator, who is not to blame.
local function withdraw(t)
  idle(operator(t.operator), nil, true)
end

local function worth_waiting(name, priority)
  local s = operator(name)
  return s and is_steady(s) and not URGENT[priority]
end

-- Note that a ticket has a priority by itself, whatever a supervisor has given it.
local function outgrow(t, priority)
  if t.lifted == '' then return end
  local own = higher(t.lifted, priority)
  if own ~= t.lifted then put(t, { lifted = ORDER[own] >= ORDER[t.priority] and '' or own }) end
end

local function line_up(t, raised)
  if raised then outgrow(t, 'raised') end
  local priority = raised and higher(t.priority, 'raised') or t.priority
  local held = t.held > N and worth_waiting(t.sticky, priority) and t.held or 0
  local fields = { operator = '', token = '', priority = priority, held = held }
  if t.answered > 0 then fields.began, fields.answered = N, 0 end
  state_of(t, 'waiting', 0, fields)
  stand(t)
end

local function move(t, queue, priority)
  step_out(t)
  put(t, { queue = queue, priority = priority, held = URGENT[priority] and 0 or t.held })
  stand(t)
end

local function was_in(t, queue)
  for _, each in ipairs(t.moved ~= '' and cjson.decode(t.moved) or {}) do
    if each == queue then return true end
  end
  return false
end

local function move_to(t, queue)
  local moved = {}
  for _, each in ipairs(t.moved ~= '' and cjson.decode(t.moved) or {}) do
    if each ~= queue and each ~= t.queue then moved[#moved + 1] = each end
  end
  moved[#moved + 1] = t.queue
  local fields = { queue = queue, moved = cjson.encode(moved) }
  if t.state == 'offered' then
    withdraw(t)
    put(t, fields)
    line_up(t)
  elseif t.state == 'away' then
    step_out(t)
    put(t, fields)
    call('ZADD', rest_key(t), num(t.entered), t.id)
  else
    move(t, queue, t.priority)
    put(t, { moved = fields.moved })
  end
end

local function hold(t, name, ending)
  step_out(t)
  put(t, { sticky = name, held = ending })
  stand(t)
end

local function release(t)
  step_out(t)
  put(t, { sticky = '', held = 0 })
  stand(t)
end

let_go = function(name)
  for _, id in ipairs(call('ZRANGE', P .. 'held:' .. name, 0, -1)) do release(ticket(id)) end
end

local function keep_place(t, sticky)
  local ending = N + rules(t.queue).away
  state_of(t, 'away', ending, { operator = '', token = '', sticky = sticky, held = 0 })
  list(t)
  call('ZADD', rest_key(t), num(t.entered), t.id)
end

local function raise_priority(t)
  outgrow(t, 'raised')
  put(t, { priority = higher(t.priority, 'raised') })
end

local function raise_to(t, priority)
  if t.state == 'waiting' then
    move(t, t.queue, priority)
    return
  end
  local away = t.state == 'away'
  if away then step_out(t) end
  put(t, { priority = priority })
  list(t)
  if away then call('ZADD', rest_key(t), num(t.entered), t.id) end
end

local function close(t, outcome)
  state_of(t, 'done', 0, { operator = '', token = '', sticky = '', held = 0, outcome = outcome })
  call('ZREM', P .. 'live', t.id)
  t.listed = nil
  t.forgotten = true
  if outcome == 'abandoned' and t.number ~= '' and t.kind == 'call' and t.met == 0 then
    local kept = cjson.encode({ num(t.entered), t.priority, NOW })
    local seconds = math.max(1, math.ceil(rules(t.queue).redial))
    call('SET', P .. 'redial:' .. t.queue .. ':' .. t.number, kept, 'EX', num(seconds))
  end
end

-- Let the vanished operator of a broken talk forget it.
local function part(t)
  local s = operator(t.operator)
  if s then operate(s, { ticket = '', token = '' }) end
end

local function miss(t, why)
  local s = operator(t.operator)
  local missed = s.missed + 1
  if why == 'failed' then
    operate(s, { state = 'disconnected', ticket = '', token = '', missed = missed })
  elseif missed >= rules(t.queue).unanswered then
    idle(s, { status = 'paused', reason = why, by = '', missed = missed, pause = 0 })
  else
    idle(s, { missed = missed })
  end
  line_up(t, true)
end

-- End a talk: note how long it took; the operator writes it up.
local function talked(t)
  if t.state == 'talking' then
    local key = P .. 'talks:' .. t.queue
    if call('LPUSH', key, num(N - t.since)) > 2 * TALKS then call('LTRIM', key, 0, TALKS - 1) end
  end
  wrap_up(operator(t.operator), t.queue)
end

-- Take a ticket from where it stands; its operator is not to blame.
local function detach(t)
  if t.state == 'offered' or t.state == 'ringing' then
    withdraw(t)
  elseif t.state == 'broken' then
    part(t)
  else
    step_out(t)
  end
end

local function offer(t, s, back)
  step_out(t)
  local token = new_token(t.id)
  write(t, 'back', back and 1 or 0)
  local fields = { operator = s.name, token = token, sticky = '', held = 0 }
  state_of(t, 'offered', N + rules(t.queue).lease, fields)
  operate(s, { state = 'offered', ticket = t.id, token = token })
  news('offer', token)
end

local function offer_of(t)
  return { t.token, t.id, t.operator, num(t['until']), t.back }
end

------------------------------------------------------------------------ matching

local function best_operator(t)
  local s = operator(t.sticky)
  if s and is_free(s) then return s end
  if t.held > 0 then return nil end
  enlist()
  for _, queue in ipairs(t.over ~= '' and { t.queue, t.over } or { t.queue }) do
    local first = call('ZRANGE', P .. 'free:' .. queue, 0, 0, 'WITHSCORES')
    if first[1] then
      local level = -math.floor(tonumber(first[2]) / SPREAD)
      if level >= least_level(queue, t.entered, URGENT[t.priority]) then
        return operator(first[1])
      end
    end
  end
  return nil
end

local function best_ticket(s)
  local best, at
  local first = call('ZRANGE', P .. 'held:' .. s.name, 0, 0, 'WITHSCORES')
  if first[1] then best, at = first[1], tonumber(first[2]) end
  for queue, level in pairs(skills(s)) do
    for _, priority in ipairs(PRIORITIES) do
      first = call('ZRANGE', wait_key(queue, priority), 0, 0, 'WITHSCORES')
      if first[1] then
        local entered = tonumber(first[2])
        local its = entered - HEAD[priority]
        if (not best or comes_first(its, first[1], at, best))
          and level >= least_level(queue, entered, URGENT[priority]) then
          best, at = first[1], its
        end
      end
    end
  end
  return best and ticket(best)
end

local function choice(s, t)
  if not freed[s.name] then return t end
  local best = best_ticket(s)
  if best and comes_first(rank(best), best.id, rank(t), t.id) then return best end
  return t
end

local function sorted(records, order)
  if not next(records) then return records end
  local all = {}
  for _, record in pairs(records) do all[#all + 1] = record end
  table.sort(all, order)
  return all
end

local function settle()
  local tickets = sorted(loosened, function(a, b)
    return comes_first(rank(a), a.id, rank(b), b.id)
  end)
  for _, t in ipairs(tickets) do
    while t.state == 'waiting' do
      local s = best_operator(t)
      if not s then break end
      offer(choice(s, t), s)
    end
    if t.held == 0 and t.sticky ~= '' and t.state == 'waiting' then put(t, { sticky = '' }) end
  end
  local seats = sorted(freed, function(a, b)
    return comes_first(a.idle_since, a.name, b.idle_since, b.name)
  end)
  for _, s in ipairs(seats) do
    local best = is_free(s) and S[s.name] and best_ticket(s)
    if best then offer(best, s) end
  end
end

------------------------------------------------------------------------ what is due

local function ticket_due(t)
  if t.state == 'waiting' and t.held > 0 then
    release(t)
  elseif t.state == 'waiting' then
    loosen(t)
  elseif t.state == 'offered' then
    withdraw(t)
    line_up(t, true)
  elseif t.state == 'ringing' then
    miss(t, 'no_answer')
  elseif t.state == 'away' then
    step_out(t)
    close(t, 'deflected')
  elseif t.state == 'broken' then
    part(t)
    line_up(t, true)
  end
end

local function operator_due(s)
  if s.state == 'wrap_up' then
    idle(s)
  elseif s.state == 'talking' then
    end_consult(s.token)
  else
    strike(s)
    changed[s] = nil
    due('o:' .. s.name, 1, 0)
    call('DEL', s.key)
    call('SREM', P .. 'operators', s.name)
    written[s] = nil
    S[s.name] = false
    news('operator', s.name)
    s.status, s.reason, s.state, s.ticket, s.skills, s.since = 'offline', '', 'idle', '', '{}', N
    journal_operator(s)
  end
end

local function begin()
  for _, member in ipairs(call('ZRANGEBYSCORE', P .. 'due', '-inf', NOW, 'LIMIT', 0, BATCH)) do
    local name = string.sub(member, 3)
    if string.sub(member, 1, 1) == 't' then
      local t = ticket(name)
      if not t then
        call('ZREM', P .. 'due', member)
      elseif t['until'] > 0 and t['until'] <= N then
        ticket_due(t)
      end
    else
      local s = operator(name)
      if not s then
        call('ZREM', P .. 'due', member)
      elseif ends(s) > 0 and ends(s) <= N then
        operator_due(s)
      end
    end
  end
end

-- End a change: match, write, tell. answer: what the script returns, or a function that reads it.
local function finish(answer)
  settle()
  enlist()
  flush()
  journal()
  for _, t in pairs(T) do
    if t and t.forgotten then call('EXPIRE', t.key, DAY) end
  end
  if #news_list > 0 then
    call('PUBLISH', CHANGES, cjson.encode({ company = COMPANY, changes = news_list }))
  end
  if type(answer) == 'function' then return answer() end
  return answer
end

begin()
