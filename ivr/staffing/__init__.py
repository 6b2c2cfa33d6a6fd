"""How many operators are needed: forecast, Erlang's formulas, replay of a day with a change.

`measured` reads from the fact tables, `calendar` says of which type a day is, `forecast` how many
will call, `erlang` and `need` how many operators that takes; `day`, `replay` and `whatif` let a day
of the log happen again. Nothing here changes anything (docs/staffing.md).
"""
