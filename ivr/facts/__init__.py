"""What reports count: calls, visits to queues, runs of flows, operators' time; folded from the log.

`calls` and `spans` are pure: events in, rows out. `keeper` reads new events, folds what they
concern and writes it; `lost` ends calls that nobody can end any more. docs/facts.md defines every
column.
"""

from ivr.facts.keeper import Folding, Keeper, count, keep, rebuild

__all__ = ["Folding", "Keeper", "count", "keep", "rebuild"]
