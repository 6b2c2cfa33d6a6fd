"""What must outlive any process: accounts, readings, tickets and the event log, in SQL.

Nothing here knows a flow, a prompt or a channel, and nothing here asks the clock: callers pass
every time in. SQLite by default, PostgreSQL by URL, the same tests over both.
"""
