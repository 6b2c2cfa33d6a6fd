"""What is going wrong in a queue: words for the eye of who watches, by the company's thresholds."""

from __future__ import annotations

from ivr.board.visits import Tally
from ivr.company import Company

BAD, WATCH = "bad", "watch"
NEAR = 0.5
"""Share of a threshold from which a queue is watched."""


def marks(
    company: Company, half: Tally, waiting: int, longest: float, serving: int, turned: int
) -> dict[str, str]:
    """Return what is wrong -> how bad, the worst first; nothing where all is well.

    half: of this half hour. longest: seconds.
    unserved: somebody waits, or was turned away for that, and nobody serves the queue.
    longest, waiting: `alerts:` of the profile; watched from half of that, a wait from the time in
    which callers are to be answered.
    service, lost: this half hour, with enough calls in it, against `alerts:` and `service_level:`.
    """
    terms, alerts = company.terms.service_level, company.terms.alerts
    found = {}
    if (waiting or turned) and not serving:
        found["unserved"] = BAD
    if longest >= 60 * alerts.longest:
        found["longest"] = BAD
    elif longest > terms.within:
        found["longest"] = WATCH
    if waiting >= alerts.waiting:
        found["waiting"] = BAD
    elif waiting >= NEAR * alerts.waiting:
        found["waiting"] = WATCH
    if half.judged(terms) >= alerts.calls:
        level, loss = half.level(terms), half.loss(terms)
        if level is not None and level < terms.target:
            found["service"] = BAD if level < alerts.service else WATCH
        if loss is not None and loss > min(terms.lost, alerts.lost):
            found["lost"] = BAD if loss > alerts.lost else WATCH
    return dict(sorted(found.items(), key=lambda each: each[1] != BAD))


def worst(found: dict[str, str]) -> str:
    """Return the worst of the marks, "" for none."""
    return next(iter(found.values()), "")
