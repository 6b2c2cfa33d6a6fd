"""The queue: callers wait in it, operators are offered one caller at a time.

Every change of state is one atomic step (a Lua script in Redis, a lock in the twin in memory), so a
ticket is never offered twice and an operator never has two offers. Knows no telephony and no pages.
"""
