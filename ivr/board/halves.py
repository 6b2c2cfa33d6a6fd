"""Half hours and days of a company's clock, as seconds since 1970, so that none comes twice."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

HALF = 1800


def half_of(moment: float, zone: ZoneInfo) -> int:
    """Return when the local half hour of a moment began."""
    local = datetime.fromtimestamp(moment, zone)
    begin = local.replace(minute=local.minute // 30 * 30, second=0, microsecond=0)
    return int(begin.timestamp())


def day_of(moment: float, zone: ZoneInfo) -> tuple[int, int]:
    """Return when the local day of a moment began, and when it ends: 23, 24 or 25 hours later."""
    day = datetime.fromtimestamp(moment, zone).date()
    begin, end = (datetime.combine(each, time.min, zone) for each in (day, day + timedelta(1)))
    return int(begin.timestamp()), int(end.timestamp())


def halves(moment: float, zone: ZoneInfo) -> list[int]:
    """Return the half hours of the local day up to the one of a moment."""
    return list(range(day_of(moment, zone)[0], half_of(moment, zone) + 1, HALF))
