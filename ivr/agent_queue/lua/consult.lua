-- ARGV: 4 who asks, 5 who is asked, 6 token.
local s, asked, token = operator(ARGV[4]), operator(ARGV[5]), ARGV[6]
if not s or not asked or s == asked or s.asks ~= '' or not is_free(asked) or s.state == 'offered'
  or s.state == 'disconnected' or call('HEXISTS', P .. 'consults', token) == 1 then
  return finish(0)
end
call('HSET', P .. 'consults', token, cjson.encode({ s.name, asked.name }))
write(s, 'asks', token)
operate(asked, { state = 'talking', token = token })
if s.state == 'idle' then operate(s, { state = 'talking', token = token }) end
return finish(1)
