"""A storm in plain words, for a terminal."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.store.supply import Storm
from ivr.storm.records import StormRules
from ivr.storm.rules import RULE


def state(row: Storm | None, rules: StormRules | None, zone: ZoneInfo, now: datetime) -> list[str]:
    """Return what the latest storm is, one line a thing. rules: of the storm that is on."""
    if row is None:
        return ["no storm so far"]
    over = row.state == "on" and row.until is not None and row.until <= now
    lines = [f"{'over its time' if over else row.state}: {row.reason or 'no reason given'}"]
    if row.proposed_at:
        lines.append(f"proposed {_clock(row.proposed_at, zone)}")
    if row.started_at:
        lines.append(f"on since {_clock(row.started_at, zone)}, by {_who(row.started_by)}")
    if row.state == "on" and row.until:
        lines.append(f"until {_clock(row.until, zone)}")
    if row.ended_at:
        lines.append(f"{row.state} {_clock(row.ended_at, zone)}, by {_who(row.ended_by)}")
    if latest := row.measured.get("latest"):
        forecast = latest["forecast"]
        usual = "not known" if forecast is None else f"{forecast:.1f}"
        lines.append(
            f"measured {_clock(datetime.fromisoformat(row.measured['at']), zone)}: "
            f"{latest['calls']} calls (usual: {usual}), wait {latest['wait'] / 60:.0f} min"
        )
    if row.calm_since and row.live:
        lines.append(f"calm since {_clock(row.calm_since, zone)}")
    if rules is not None:
        lines.append(
            f"cap {rules.cap:g} min, closed queues: {', '.join(rules.gates) or 'none'}, "
            f"call-backs: {rules.callbacks}, wrap-up {rules.wrap_up:g} s, message {rules.message}"
        )
        lines.append(f"regions: {', '.join(rules.regions) or 'everywhere'}")
    return lines


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _who(login: str | None) -> str:
    return "the rule" if login == RULE else login or "nobody named"
