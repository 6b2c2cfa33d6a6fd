"""The storm of a company in the store: one live row, who changed it, and marks for the reports.

Every change is three things in one transaction: the row, a row of `audit` (with one of `actions`
where a person did it, see `ivr.storm.undo`), and an entry of the log of events (kind "storm", no
call), by which reports know the intervals. Two who change the same storm: the second one names a
version that is over, and is refused (`StormChanged`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.actions import done
from ivr.company import Company
from ivr.errors import StormChanged
from ivr.store.models import NO_CALL, Account, Audit, CallEvent
from ivr.store.supply import Storm
from ivr.storm.rules import RULE, Measured, Memory, told
from ivr.terms import StormTerms

KIND = "storm"
HOURS = (0.25, 72.0)
"""How short and how long a storm may be set to last."""
DECIDED = ("cap", "gates", "callbacks", "wrap_up", "message")
"""What a person may set for one storm; the profile says the rest."""
NEVER_GATED = ("danger", "outage")


@dataclass(frozen=True)
class StormRules:
    """What holds while a storm is on: its own rules over those of the profile.

    cap: minutes of expected wait. wrap_up: seconds. message: prompt of the general text.
    regions: settlements it is about, empty: everywhere.
    """

    cap: float
    gates: tuple[str, ...]
    callbacks: str
    wrap_up: float
    message: str
    share: int
    regions: tuple[str, ...] = ()


# ---------------------------------------------------------------------- what is


def live(db: Session, company: str) -> Storm | None:
    """Return the storm that is proposed or on."""
    return db.scalar(select(Storm).where(Storm.company == company, Storm.live.is_(True)))


def last(db: Session, company: str) -> Storm | None:
    """Return the live storm, else the latest one."""
    wanted = select(Storm).where(Storm.company == company)
    return db.scalar(wanted.order_by(Storm.live.is_(None), Storm.id.desc()).limit(1))


def rules_now(db: Session, company: Company, now: datetime) -> StormRules | None:
    """Return the rules of the storm that is on; None: there is none. One indexed row is read."""
    row = live(db, company.id)
    if row is None or row.state != "on" or (row.until is not None and row.until <= now):
        return None
    return rules_of(row, company.terms.storm)


def rules_of(row: Storm, terms: StormTerms) -> StormRules:
    """Return the rules of a storm."""
    own = row.rules
    return StormRules(
        cap=float(own.get("cap", terms.cap)),
        gates=tuple(own.get("gates", terms.gates)),
        callbacks=str(own.get("callbacks", terms.callbacks)),
        wrap_up=float(own.get("wrap_up", terms.wrap_up)),
        message=str(own.get("message", terms.messages[0])),
        share=terms.share,
        regions=tuple(row.regions),
    )


def settlements(db: Session, company: str) -> list[str]:
    """Return the settlements of the company's accounts: the regions of a storm."""
    wanted = select(Account.settlement).where(Account.company == company)
    return sorted(each for each in db.scalars(wanted.distinct()) if each)


def memory_of(row: Storm | None) -> Memory:
    """Return what the decision remembers of a row."""
    if row is None:
        return Memory()
    return Memory(
        state=row.state,
        until=row.until,
        by_rule=row.started_by == RULE,
        calm_since=row.calm_since,
        seen=frozenset(row.measured.get("seen", ())),
    )


# ---------------------------------------------------------------------- changes by people


def switch_on(
    db: Session,
    company: Company,
    now: datetime,
    who: str,
    *,
    version: int | None = None,
    regions: Sequence[str] = (),
    hours: float | None = None,
    reason: str = "",
    rules: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> Storm:
    """Switch storm mode on: the proposed storm, or a new one.

    version: of the proposal that was seen, 0: none was there, None: whatever there is. hours: until
    it ends by itself. rules: see `DECIDED`. ValueError names what is wrong with one of them.
    """
    terms = company.terms.storm
    own = checked(company, rules or {})
    lasting = _hours(terms.hours if hours is None else hours)
    wanted = _regions(db, company, regions)
    row = _seen(db, company.id, version)
    if row is not None and row.state == "on":
        raise StormChanged("the storm is on already")
    before = document(row) if row else {}
    if row is None:
        row = Storm(company=company.id, state="on", reason=reason, measured={})
        _add(db, row)
    row.state, row.regions, row.rules = "on", wanted, own
    row.reason = reason or row.reason
    row.started_at, row.started_by, row.until = now, who, now + lasting
    row.calm_since = None
    _written(db, row, "storm_on", now, who, address, before)
    return row


def change(
    db: Session,
    company: Company,
    now: datetime,
    who: str,
    *,
    version: int | None = None,
    regions: Sequence[str] | None = None,
    hours: float | None = None,
    rules: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> Storm:
    """Change the storm that is on; None keeps what is. hours: from now on."""
    row = _wanted(db, company.id, version, "on")
    before = document(row)
    if rules is not None:
        row.rules = {**row.rules, **checked(company, rules)}
    if regions is not None:
        row.regions = _regions(db, company, regions)
    if hours is not None:
        row.until = now + _hours(hours)
    _written(db, row, "storm_change", now, who, address, before)
    return row


def refuse(
    db: Session,
    company: Company,
    now: datetime,
    who: str,
    *,
    version: int | None = None,
    reason: str = "",
    address: str | None = None,
) -> Storm:
    """Refuse a proposal; it comes again after a calm, or for another event."""
    row = _wanted(db, company.id, version, "proposed")
    before = document(row)
    end(row, "refused", now, who)
    _written(db, row, "storm_refuse", now, who, address, before, reason)
    return row


def switch_off(
    db: Session,
    company: Company,
    now: datetime,
    who: str,
    *,
    version: int | None = None,
    reason: str = "",
    address: str | None = None,
) -> Storm:
    """End the storm that is on."""
    row = _wanted(db, company.id, version, "on")
    before = document(row)
    end(row, "off", now, who)
    _written(db, row, "storm_off", now, who, address, before, reason)
    return row


# ---------------------------------------------------------------------- changes by the rule


def propose(
    db: Session,
    company: Company,
    now: datetime,
    reasons: Sequence[str],
    measured: Measured,
    seen: frozenset[str],
    start: bool = False,
) -> Storm | None:
    """Propose a storm, or switch it on where the profile says so; None: somebody was faster."""
    if live(db, company.id) is not None:
        return None
    row = Storm(
        company=company.id,
        state="on" if start else "proposed",
        reason=told(reasons, measured),
        proposed_at=now,
        measured={
            "at": now.isoformat(),
            "reasons": list(reasons),
            "proposed": measured.to_json(),
            "latest": measured.to_json(),
            "seen": sorted(seen),
        },
    )
    if start:
        row.started_at, row.started_by = now, RULE
        row.until = now + timedelta(hours=company.terms.storm.hours)
    try:
        _add(db, row)
    except StormChanged:
        return None
    _by_rule(db, row, "storm_on" if start else "storm_propose", now)
    return row


def remember(row: Storm, memory: Memory, measured: Measured, now: datetime) -> None:
    """Keep the latest figures; the version stays, for nobody has decided anything."""
    row.calm_since = memory.calm_since
    row.measured = {
        **row.measured,
        "at": now.isoformat(),
        "latest": measured.to_json(),
        "seen": sorted(memory.seen),
    }


def end_by_rule(db: Session, row: Storm, state: str, now: datetime) -> None:
    """End a storm whose time is over, or a proposal that calm has overtaken."""
    what = {"expired": "storm_expire", "withdrawn": "storm_withdraw", "off": "storm_off"}[state]
    end(row, state, now, RULE)
    _by_rule(db, row, what, now)


# ---------------------------------------------------------------------- what they share


def checked(company: Company, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Return rules of a storm that may be kept. ValueError: one of them makes no sense."""
    terms = company.terms.storm
    if unknown := sorted(set(rules) - set(DECIDED)):
        raise ValueError(f"`{unknown[0]}` is no rule of a storm; write one of {', '.join(DECIDED)}")
    own = {name: value for name, value in rules.items() if value is not None}
    if "cap" in own and not 1 <= float(own["cap"]) <= 240:
        raise ValueError(f"`cap` is 1 to 240 minutes, found {own['cap']!r}")
    if "wrap_up" in own and not 0 <= float(own["wrap_up"]) <= 600:
        raise ValueError(f"`wrap_up` is 0 to 600 seconds, found {own['wrap_up']!r}")
    if "message" in own and own["message"] not in terms.messages:
        raise ValueError(f"`message`: {own['message']!r} is none of {', '.join(terms.messages)}")
    if "callbacks" in own and own["callbacks"] not in ("place", "calm", "spread"):
        raise ValueError(f"`callbacks` is place, calm or spread, found {own['callbacks']!r}")
    for queue in own.get("gates", ()):
        if queue not in company.queues or company.word_of(queue) in NEVER_GATED:
            raise ValueError(f"`gates`: {queue!r} is no queue that may be closed")
    if "gates" in own:
        own["gates"] = list(own["gates"])
    return own


def _hours(hours: float) -> timedelta:
    if not HOURS[0] <= hours <= HOURS[1]:
        raise ValueError(f"`hours` is {HOURS[0]:g} to {HOURS[1]:g}, found {hours:g}")
    return timedelta(hours=hours)


def _regions(db: Session, company: Company, regions: Sequence[str]) -> list[str]:
    if not regions:
        return []
    known = {each.casefold(): each for each in settlements(db, company.id)}
    for region in regions:
        if region.casefold() not in known:
            raise ValueError(f"`regions`: no account lies in {region!r}")
    return list(dict.fromkeys(known[region.casefold()] for region in regions))


def _seen(db: Session, company: str, version: int | None) -> Storm | None:
    """Return the live row, locked, if it is the one that was seen."""
    wanted = select(Storm).where(Storm.company == company, Storm.live.is_(True))
    row = db.scalar(wanted.with_for_update())
    if version is not None and version != (row.version if row else 0):
        raise StormChanged("somebody has changed it meanwhile")
    return row


def _wanted(db: Session, company: str, version: int | None, state: str) -> Storm:
    row = _seen(db, company, version)
    if row is None or row.state != state:
        raise StormChanged(f"no storm is {state}")
    return row


def _add(db: Session, row: Storm) -> None:
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        raise StormChanged("somebody was faster") from None


def end(row: Storm, state: str, now: datetime, who: str) -> None:
    """Let a storm be over. state: how."""
    row.state, row.live, row.ended_at, row.ended_by = state, None, now, who


def document(row: Storm) -> dict[str, Any]:
    """Return what an action keeps of a storm."""
    return {
        "state": row.state,
        "reason": row.reason,
        "regions": list(row.regions or []),
        "rules": dict(row.rules or {}),
        "started_at": _written_out(row.started_at),
        "started_by": row.started_by,
        "until": _written_out(row.until),
    }


def _written_out(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _written(
    db: Session,
    row: Storm,
    what: str,
    now: datetime,
    who: str,
    address: str | None,
    before: Mapping[str, Any],
    reason: str = "",
) -> None:
    """Write down what a person did. reason: why it was refused or ended."""
    mark(db, row, now, who)
    after = document(row) | ({"why": reason} if reason else {})
    done(db, row.company, who, what, str(row.id), before, after, now, address=address)


def _by_rule(db: Session, row: Storm, what: str, now: datetime) -> None:
    """Write down what the rule did; nobody takes that back."""
    mark(db, row, now, RULE)
    details = {"storm": row.id} | document(row)
    db.add(
        Audit(at=now, company=row.company, who=RULE, what=what, allowed=True, details=details)
    )  # fmt: skip


def mark(db: Session, row: Storm, now: datetime, who: str) -> None:
    """Give a storm that was changed its next version and mark the log of events."""
    row.version = (row.version or 0) + 1
    db.flush()
    details = {
        "storm": row.id,
        "state": row.state,
        "reason": row.reason,
        "by": who,
        "until": _written_out(row.until),
    }
    db.add(CallEvent(company=row.company, call="", at=now, kind=KIND, details=details))


# ---------------------------------------------------------------------- intervals, for reports


@dataclass(frozen=True)
class Interval:
    """A time in which storm mode was on. ended: when it was over, or will be by itself."""

    started: datetime
    ended: datetime | None
    reason: str
    by: str

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return self.started <= moment and (self.ended is None or moment < self.ended)


def intervals(
    db: Session, company: str, begin: datetime | None = None, end: datetime | None = None
) -> list[Interval]:
    """Return when storm mode was on between two moments, from the log of events; one that was
    ended, and went on because that was taken back, is two intervals.
    """
    wanted = (
        select(CallEvent)
        .where(NO_CALL, CallEvent.company == company, CallEvent.kind == KIND)
        .order_by(CallEvent.at, CallEvent.id)
    )
    found: list[Interval] = []
    lasting: dict[int, int] = {}  # storm -> its last interval, while that has no end in the log
    for event in db.scalars(wanted):
        mark = event.details
        storm = int(mark.get("storm") or 0)  # 0: a log that tells no number
        index = lasting.get(storm)
        if mark.get("state") == "on":
            until = datetime.fromisoformat(mark["until"]) if mark.get("until") else None
            if index is None:
                lasting[storm] = len(found)
                found.append(
                    Interval(event.at, until, mark.get("reason") or "", mark.get("by") or "")
                )
            else:
                found[index] = replace(found[index], ended=until)
        elif index is not None:
            del lasting[storm]
            known = found[index]
            found[index] = replace(known, ended=min(known.ended or event.at, event.at))
    return [
        each
        for each in found
        if (end is None or each.started < end)
        and (begin is None or each.ended is None or each.ended > begin)
    ]
