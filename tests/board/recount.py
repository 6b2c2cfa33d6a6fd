"""The figures of the wallboard counted again from a log, by somebody who does not know the fold:
whole histories first, then one question after another. Slow, and it forgets nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ivr.company import Company
from ivr.events import Entry

WAITS = {"waiting", "offered", "ringing"}
HAS = {"talking", "broken"}


@dataclass
class Visit:
    """From an entry into a queue to its end; outcome and until are None while it goes on."""

    queue: str
    entered: float
    clock: float
    outcome: str | None = None
    until: float | None = None


def histories(entries: Iterable[Entry], kind: str) -> dict[str, list[Entry]]:
    """What the log says of each ticket or operator, without what came later than newer news."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == kind:
            name = entry.call if kind == "ticket" else entry.details["operator"]
            told = found.setdefault(name, [])
            if not told or told[-1].at <= entry.at:
                told.append(entry)
    return found


def enters(told: Mapping[str, Any], before: Entry | None) -> bool:
    """Whether somebody in no visit enters a queue now."""
    if before is None:
        return told["state"] in {*WAITS, "talking"}
    again = told["operator"] and told["operator"] == before.details["operator"]
    return told["state"] in WAITS and not again


def visits(
    history: list[Entry], began_at: Callable[[Entry], float | None], company: Company
) -> list[Visit]:
    """The visits of one caller, in order. began_at: of his call, as far as an entry can know."""
    found: list[Visit] = []
    before: Entry | None = None
    for entry in history:
        now, told, began = entry.at.timestamp(), entry.details, began_at(entry)
        entered = round(told["entered"], 6)
        going = found[-1] if found and found[-1].outcome is None else None
        if going is None and enters(told, before):
            going = Visit(told["queue"], now, now)
            here = began is None or entered >= began
            if not found and entered <= now and here:
                going.entered = going.clock = entered
            if company.terms.service_level.clock == "call" and began is not None:
                going.clock = began
            found.append(going)
        if going is not None:
            going.queue = told["queue"]
            if told["state"] in HAS:
                going.outcome, going.until = "answered", now
            elif told["state"] == "done":
                going.outcome, going.until = told["outcome"], now
                rang = before is not None and before.details["state"] == "ringing"
                if told["outcome"] == "answered" and before is not None and rang:
                    going.until = before.at.timestamp()
        before = entry
    return found


def before_an_answer(found: list[Visit]) -> list[Visit]:
    """The visits of a caller up to the one that was answered; whom an operator passes on waits
    again, but is not offered again.
    """
    answered = [number for number, visit in enumerate(found, 1) if visit.outcome == "answered"]
    return found[: min(answered, default=len(found))]


def half_hour(moment: float, company: Company) -> datetime:
    """The local half hour, as an instant."""
    local = datetime.fromtimestamp(moment, company.zone)
    past = timedelta(minutes=local.minute % 30, seconds=local.second)
    begin = local.astimezone(UTC) - past
    return begin.replace(microsecond=0)


def counted(found: Iterable[Visit], company: Company, now: float) -> dict[str, Any]:
    """Count visits."""
    terms, found = company.terms.service_level, list(found)

    def waited(visit: Visit) -> float:
        return round((visit.until if visit.until is not None else now) - visit.clock, 3)

    ends = Counter(visit.outcome for visit in found)
    answered = [visit for visit in found if visit.outcome == "answered"]
    gone = [visit for visit in found if visit.outcome == "abandoned"]
    short = [visit for visit in gone if round(visit.until - visit.entered, 3) < terms.short]
    late = [visit for visit in found if visit.outcome is None and waited(visit) > terms.within]
    within = [visit for visit in answered if waited(visit) <= terms.within]
    whole = {
        "offered": sum(ends.values()) - ends[None] + len(late),
        "without_short": sum(ends.values()) - ends[None] + len(late) - len(short),
        "answered": len(answered),
    }[terms.denominator]
    return {
        "offered": len(found),
        "answered": len(answered),
        "within": len(within),
        "lost": len(gone) - len(short),
        "short": len(short),
        "called_back": ends["called_back"],
        "deflected": ends["deflected"],
        "late": len(late),
        "of": whole,
        "level": round(len(within) / whole, 4) if whole else None,
    }


def recount(log: Iterable[Entry], company: Company, at: datetime) -> dict[str, Any]:
    """All figures of a company at an instant; the keys are those of `Board.figures`."""
    log, now = [entry for entry in log if entry.company == company.id], at.timestamp()
    start = {e.call: e for e in log if e.kind == "answered" and "operator" not in e.details}
    fake = {c for c, e in start.items() if e.details.get("entrance") == "synthetic"}
    over = {e.call for e in log if e.kind == "ended"}
    live = [call for call in start if call not in over | fake]
    tickets = {c: told for c, told in histories(log, "ticket").items() if c not in fake}
    last = {call: told[-1] for call, told in tickets.items()}
    kinds = {call: entry.details["kind"] for call, entry in last.items()}
    state = {call: entry.details["state"] for call, entry in last.items()}

    place = {id(entry): number for number, entry in enumerate(log)}

    def began_at(entry: Entry) -> float | None:
        first = start.get(entry.call)
        known = first is not None and place[id(first)] < place[id(entry)]
        return first.at.timestamp() if first and known else None

    all_visits: dict[str, list[Visit]] = {}
    for call, told in tickets.items():
        if kinds[call] == "call":
            all_visits[call] = visits(told, began_at, company)
    flat = [visit for found in all_visits.values() for visit in before_an_answer(found)]
    local = at.astimezone(company.zone)
    midnight = datetime.combine(local.date(), time.min, company.zone)
    tomorrow = datetime.combine(local.date() + timedelta(1), time.min, company.zone)
    half = half_hour(now, company)
    # The half hour of the entry decides the day as well.
    today = [v for v in flat if midnight <= half_hour(v.entered, company) < tomorrow]

    flows: Counter[str] = Counter()
    for call in live:
        if kinds.get(call) != "call" or state[call] not in WAITS | HAS:
            flow, newest = "", 0.0
            for entry in log:
                later = entry.at.timestamp() >= newest or not flow
                if entry.call == call and entry.flow and entry.kind != "ticket" and later:
                    flow, newest = entry.flow, max(newest, entry.at.timestamp())
            flows[flow] += 1

    away = {
        (e.call, e.details["queue"])
        for e in log
        if e.kind == "looked_up" and e.details["outcome"] in ("nobody", "nobody_outage")
        if (at - e.at).total_seconds() <= 300 and e.call not in fake
    }
    staff = {name: told[-1].details for name, told in histories(log, "operator").items()}
    staff = {n: d for n, d in staff.items() if (d["status"], d["state"]) != ("offline", "idle")}
    faces = {n: d["status"] if d["state"] == "idle" else d["state"] for n, d in staff.items()}

    def queue(name: str | None) -> dict[str, Any]:
        here = [c for c, e in last.items() if name in (None, e.details["queue"])]
        waiting = [c for c in here if kinds[c] == "call" and state[c] in WAITS]
        latest = [all_visits[c][-1] for c in waiting if all_visits[c]]
        going = [visit for visit in latest if visit.outcome is None]
        first = min((visit.entered for visit in going), default=None)
        serving = [d for d in staff.values() if d["status"] != "offline"]
        serving = [d for d in serving if name is None or name in d["skills"]]
        own = [visit for visit in today if name in (None, visit.queue)]
        part = counted([v for v in own if half_hour(v.entered, company) == half], company, now)
        day = counted(own, company, now)
        return {
            **day,
            "waiting": len(waiting),
            "callbacks": sum(kinds[c] == "callback" and state[c] == "waiting" for c in here),
            "talking": sum(state[c] in HAS for c in here),
            "longest": 0.0 if first is None else round(max(0.0, now - first), 1),
            "entered_longest": first,
            "serving": len(serving),
            "free": sum((d["status"], d["state"]) == ("ready", "idle") for d in serving),
            "unclaimed": sum(state[c] == "offered" for c in here),
            "turned": len({(c, q) for c, q in away if name in (None, q)}),
            "level_half": part["level"],
            "half": part,
        }

    def in_half(since: datetime) -> dict[str, Any]:
        own = [visit for visit in today if half_hour(visit.entered, company) == since]
        found = counted(own, company, now)
        names = ("offered", "answered", "within", "lost", "short", "of", "level")
        return {"since": since.timestamp(), **{name: found[name] for name in names}}

    halves, each = [], midnight.astimezone(UTC)
    while each <= half:
        halves.append(in_half(each))
        each += timedelta(minutes=30)

    minute = int(now // 60) * 60

    def waited_at(moment: float) -> int:
        before = {
            call: [e for e in told if e.at.timestamp() <= moment] for call, told in tickets.items()
        }
        return sum(
            told[-1].details["state"] in WAITS
            for call, told in before.items()
            if told and kinds[call] == "call"
        )

    measured: dict[str, tuple[datetime, Any]] = {}
    for entry in log:
        if entry.kind in ("measured", "storm"):
            sections = entry.details
            if entry.kind == "storm":
                sections = {"storm": {k: entry.details[k] for k in ("state", "until")}}
            for name, value in sections.items():
                if name not in measured or measured[name][0] <= entry.at:
                    measured[name] = (entry.at, value)
    storm = measured["storm"][1] if "storm" in measured else {"state": "off", "until": None}
    until = datetime.fromisoformat(storm["until"]).timestamp() if storm["until"] else None
    if storm["state"] not in ("on", "proposed") or (until is not None and until <= now):
        storm, until = {"state": "off"}, None

    talking = [call for call in last if state[call] in HAS]
    names = set(company.queues) | {v.queue for v in today}
    names |= {e.details["queue"] for c, e in last.items() if state[c] != "done"}
    return {
        "company": company.id,
        "at": now,
        "ivr": dict(flows),
        "calls": {
            "open": len(live),
            "ivr": sum(flows.values()),
            "waiting": sum(kinds[c] == "call" and state[c] in WAITS for c in last),
            "talking": sum(kinds[c] == "call" for c in talking),
            "lines": company.terms.storm.lines,
            "used": len(live) + sum(kinds[c] == "callback" for c in talking),
        },
        "queues": {name: queue(name) for name in names},
        "all": queue(None),
        "half": in_half(half),
        "history": halves,
        "waits": {
            "minute": minute,
            "counts": [waited_at(minute - 60 * n) for n in range(60, -1, -1)],
        },
        "callbacks": measured["callbacks"][1] if "callbacks" in measured else None,
        "operators": [
            {
                "name": name,
                "shown": staff[name]["shown"],
                "face": faces[name],
                "status": staff[name]["status"],
                "reason": staff[name]["reason"],
                "state": staff[name]["state"],
                "since": staff[name]["since"],
                "ticket": staff[name]["ticket"],
                "queue": last[t].details["queue"] if (t := staff[name]["ticket"]) in last else "",
                "skills": staff[name]["skills"],
            }
            for name in sorted(staff)
        ],
        "faces": dict(Counter(faces.values())),
        "storm": {"state": storm["state"], "until": until},
        "speech": measured["speech"][1] if "speech" in measured else None,
        "outbox": measured["outbox"][1] if "outbox" in measured else None,
    }


def compared(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures without what is no count: marks, and when something was last measured."""
    queues = {
        name: {key: value for key, value in queue.items() if key not in ("mark", "why")}
        for name, queue in {**figures["queues"], "": figures["all"]}.items()
    }
    left = ("told", "feed", "all")
    return {key: value for key, value in figures.items() if key not in left} | {"queues": queues}
