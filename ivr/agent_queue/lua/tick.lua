-- Nothing besides what is due. Returns when the next thing is, or nothing.
return finish(function() return call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2] end)
