"""What the wallboard has to say in English for figures, written down a second time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import floor
from typing import Any

from agent_desk.desk import desk_texts
from ivr.company import Company

WORDS = desk_texts()["en"]
FACES = {
    "ready": "Ready", "offered": "Ringing", "talking": "Talking", "wrap_up": "Wrap-up",
    "paused": "Paused", "disconnected": "Lost line",
}  # fmt: skip


def span(seconds: float) -> str:
    whole = max(0, floor(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{floor(share * 100 + 0.5)} %"


def lasting(since: float | None, now: float) -> str:
    return "–" if since is None else span(now - since)


def written(
    figures: Mapping[str, Any], now: float, company: Company, table: bool = True
) -> dict[str, str]:
    """Path of a figure -> what stands there. now: of the durations. table: of the half hours."""
    terms, all_, half = company.terms.service_level, figures["all"], figures["half"]
    calls, storm = figures["calls"], figures["storm"]

    def minute(moment: float) -> str:
        return f"{datetime.fromtimestamp(moment, company.zone):%H:%M}"

    found: dict[str, Any] = {
        "half.level": percent(half["level"]),
        "half": f"{half['within']}/{half['of']} in {terms.within:g} s",
        "all.level": percent(all_["level"]),
        "all": f"{all_['within']}/{all_['of']}",
        "all.waiting": all_["waiting"],
        "all.callbacks": f"call-backs {all_['callbacks']}",
        "all.longest": lasting(all_["entered_longest"], now),
        "all.lost": all_["lost"],
        "half.lost": f"½ h {half['lost']}, short {all_['short']}",
        "storm.state": {"off": "off", "proposed": "proposed", "on": "ON"}[storm["state"]],
        "calls.ivr": calls["ivr"],
        "calls.open": f"{calls['open']} on the line",
        "calls.talking": calls["talking"],
        "calls.used": calls["used"],
        "calls.lines": f"of {calls['lines']}, {percent(calls['used'] / calls['lines'])}",
    }
    if storm["until"]:
        found["storm.until"] = f"until {minute(storm['until'])}"
    callbacks, speech, outbox = (figures[name] for name in ("callbacks", "speech", "outbox"))
    unknown = "not measured yet"
    found["callbacks.due"] = callbacks["due"] if callbacks else "–"
    found["callbacks.late"] = f"late {callbacks['late']}" if callbacks else unknown
    found["speech.busy"] = speech["busy"] if speech else "–"
    found["speech"] = "of {limit}, {up} of {of} up".format(**speech) if speech else unknown
    found["outbox.due"] = outbox["due"] if outbox else "–"
    found["outbox"] = unknown
    if outbox:
        since = outbox["oldest"] and datetime.fromisoformat(outbox["oldest"]).timestamp()
        begin = f"since {minute(since)}, " if since else ""
        found["outbox"] = f"{begin}given up {outbox['dead']}"
    for name, queue in figures["queues"].items():
        path = f"queues.{name}"
        more = f" +{queue['callbacks']}" if queue["callbacks"] else ""
        found |= {
            f"{path}.waiting": f"{queue['waiting']}{more}",
            f"{path}.longest": lasting(queue["entered_longest"], now),
            f"{path}.level_half": percent(queue["level_half"]),
            f"{path}.level": percent(queue["level"]),
            f"{path}.lost": queue["lost"],
            f"{path}.free": f"{queue['free']} / {queue['serving']}",
        }
        if "why" in queue:
            found[f"{path}.why"] = ", ".join(reason(company, *why) for why in queue["why"].items())
    for face, count in figures["faces"].items():
        found[f"faces.{face}"] = count
    for one in figures["operators"]:
        face = one["face"]
        word = FACES[face]
        if face == "paused" and one["reason"]:
            word = WORDS.get(f"pause_{one['reason']}", one["reason"].replace("_", " "))
        queue = one["queue"] and WORDS.get(f"queue_{one['queue']}", one["queue"].replace("_", " "))
        leaving = "Off duty" if one["status"] == "offline" else ""
        told = " · ".join(part for part in (word, queue, leaving) if part)
        found[f"operators.{one['name']}.face"] = told
        found[f"operators.{one['name']}.since"] = lasting(one["since"], now)
    for flow, count in figures["ivr"].items():
        found[f"ivr.{flow}"] = count
    for row, each in enumerate(figures["history"] if table else ()):
        for name in ("offered", "answered", "lost", "short"):
            found[f"history.{row}.{name}"] = each[name]
        found[f"history.{row}.level"] = percent(each["level"])
    return {path: str(value) for path, value in found.items()}


def reason(company: Company, what: str, how: str) -> str:
    """What is said to be wrong with a queue."""
    terms, alerts = company.terms.service_level, company.terms.alerts
    told = {
        ("unserved", "bad"): "nobody serves it",
        ("longest", "bad"): f"a wait over {alerts.longest:g} min",
        ("longest", "watch"): f"a wait over {terms.within:g} s",
        ("waiting", "bad"): f"{alerts.waiting} or more wait",
        ("waiting", "watch"): "many wait",
        ("service", "bad"): f"level under {100 * alerts.service:g} %",
        ("service", "watch"): f"level under {100 * terms.target:g} %",
        ("lost", "bad"): f"over {100 * terms.lost:g} % lost",
    }
    return told[what, how]
