-- ARGV: 4 name, 5 status, 6 reason, 7 limit, 8 tab, 9 version or "", 10 who chose it for him.
local s, status = operator(ARGV[4]), ARGV[5]
if not s or (ARGV[8] ~= '' and s.tab ~= '' and s.tab ~= ARGV[8]) then return finish(false) end
if ARGV[9] ~= '' and tonumber(ARGV[9]) < s.version then return finish(false) end
local limit = tonumber(ARGV[7])
local fields = { status = status, reason = status == 'paused' and ARGV[6] or '',
  pause = status == 'paused' and limit ~= 0 and N + limit or 0, by = ARGV[10] }
local ends = s.state == 'wrap_up' and ARGV[10] == ''
if status ~= 'ready' and s.state == 'offered' then
  local t = ticket(s.ticket)
  idle(s, fields, true)
  line_up(t, true)
elseif status == 'ready' and (ends or (s.state == 'idle' and s.status ~= 'ready')) then
  fields.missed = 0
  idle(s, fields)
else
  if status == 'ready' then fields.missed = 0 end
  operate(s, fields)
end
return finish(function() return call('HGETALL', s.key) end)
