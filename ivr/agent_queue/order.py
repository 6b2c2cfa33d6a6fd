"""Who comes first and who may serve whom: the pure rules of matching.

The twin in memory and the auditor use these functions; `lua/prelude.lua` says the same in Lua.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.agent_queue.model import HEAD_STARTS, PRIORITIES, Rules, Ticket

URGENT = ("priority_site", "danger")
"""Priorities that no rule holds back: any level serves them, overflow is at once, no hold."""
LEVELS = 5
SPREAD = 1e10
"""Seconds between two levels in the score of a free operator; more than any time of ours."""
DAY = 86400.0
CALLER_RINGS = 60.0
"""Seconds a call-back may ring at the caller's after it rang at the operator's."""
LONGEST_CONSULT = 3600.0
LIMIT = 10_000
"""Commands kept for a matchmaker; older ones are dropped."""
CARD = ("channel", "node", "leg", "dialled", "language", "context")
"""What no rule reads of a ticket; a caller who comes again renews it."""

RulesOf = Mapping[str, Mapping[str, Rules]]


def rank(entered: float, priority: str) -> float:
    """Return the place in the order of service: the least is served first."""
    return entered - HEAD_STARTS[priority]


def higher(one: str, other: str) -> str:
    """Return the higher of two priorities."""
    return max(one, other, key=PRIORITIES.index)


def least_level(rules: Rules, entered: float, urgent: bool, now: float) -> int:
    """Return the skill level a ticket needs by now. It only falls while the ticket waits."""
    if urgent or not rules.relax:
        return 1
    return min(
        level
        for step, (seconds, level) in enumerate(rules.relax)
        if step == 0 or entered + seconds <= now
    )


def next_relaxation(rules: Rules, entered: float, now: float) -> float | None:
    """Return when the needed level may fall next."""
    return min((entered + s for s, _ in rules.relax[1:] if entered + s > now), default=None)


def overflow_at(rules: Rules, ticket: Ticket) -> float | None:
    """Return from when operators of another queue serve the ticket as well."""
    if not rules.overflow_to or rules.overflow_after <= 0 or rules.overflow_to == ticket.queue:
        return None
    return ticket.entered + (0.0 if ticket.priority in URGENT else rules.overflow_after)


def free_score(level: int, idle_since: float) -> float:
    """Return the score of a free operator: highest level first, then the longest idle."""
    return idle_since - level * SPREAD


def usable(skills: Mapping[str, int]) -> dict[str, int]:
    """Return the skills that count: levels above the best are the best, below the least none."""
    return {queue: min(int(level), LEVELS) for queue, level in skills.items() if level >= 1}


def rules_for(rules: RulesOf, company: str, queue: str) -> Rules:
    """Return the rules of a queue; one that nobody described has the defaults."""
    return rules.get(company, {}).get(queue, _DEFAULT)


_DEFAULT = Rules()
