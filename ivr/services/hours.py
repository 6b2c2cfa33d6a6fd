"""Opening hours in the words that callers hear: today, tomorrow, on Monday, on the ninth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ivr.company import Company

WEEK = 7
OPENS = (
    "opens_today", "opens_tomorrow", "opens_weekday", "opens_date",
    *(f"from_weekday_{day}" for day in range(1, WEEK + 1)),
)  # fmt: skip
CALLS = (
    "calls_today", "calls_tomorrow", "calls_weekday", "calls_date",
    *(f"on_weekday_{day}" for day in range(1, WEEK + 1)),
)  # fmt: skip


def opens(company: Company, queue: str, now: datetime) -> dict[str, Any]:
    """Return the values of a sentence that says when a queue opens; opens: "" where it never does.

    opens names one of OPENS; opens_at "HH:MM", opens_day "YYYY-MM-DD", opens_weekday a prompt.
    """
    moment = company.opening.opens_next(queue, now)
    return {"opens": "", "opens_at": ""} if moment is None else _values("opens", moment, now)


def calls(company: Company, moment: datetime, now: datetime) -> dict[str, Any]:
    """Return the values of a sentence that says from when somebody is called back, as in `opens`:
    calls, calls_at, calls_day, calls_weekday.
    """
    return _values("calls", moment.astimezone(company.zone), now)


def _values(word: str, moment: datetime, now: datetime) -> dict[str, Any]:
    ahead = (moment.date() - now.astimezone(moment.tzinfo).date()).days
    when = "today" if ahead == 0 else "tomorrow" if ahead == 1 else "date"
    when = "weekday" if 1 < ahead < WEEK else when
    preposition = "from" if word == "opens" else "on"
    return {
        word: f"{word}_{when}",
        f"{word}_at": f"{moment:%H:%M}",
        f"{word}_day": f"{moment:%Y-%m-%d}",
        f"{word}_weekday": f"{preposition}_weekday_{moment.isoweekday()}",
    }
