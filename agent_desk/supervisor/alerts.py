"""The page alerts, and what the strip on every page of the supervisor asks for each second."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import staff
from agent_desk.body import asked_day
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr import synthetic
from ivr.alerts import rules, watch
from ivr.alerts.rules import Measures
from ivr.quality.index import bounds
from ivr.store.models import OutboxEntry
from ivr.store.supervision import Alert, SyntheticCall
from ivr.terms import ALERTS

PAGE = 50
"""Rows of the history at a time."""
HOURS = 6
"""Of calls to ourselves that are shown."""
LAST_PAGE = 100_000

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts/")
def page() -> str:
    """Show the page."""
    terms, now = company().terms.alerts, office().now()
    today = now.astimezone(company().zone).date()
    return shell.show(
        "alerts",
        kinds=list(ALERTS),
        quiet=list(terms.quiet),
        bounds={
            "service_level": terms.service,
            "lost": terms.lost,
            "waiting": terms.waiting,
            "longest": 60 * terms.longest,
            "no_operators": None,
            "recogniser_down": None,
            "outbox_stuck": 60 * terms.outbox,
            "disk_full": terms.disk,
            "calls_fail": terms.synthetic,
            "figures_old": rules.OLD,
            "matchmaker": rules.UNMATCHED,
            "unmatched": rules.UNMATCHED,
        },
        calls=terms.calls,
        hold=terms.hold,
        clear=terms.clear,
        webhook=office().webhook,
        first=(today - timedelta(days=6)).isoformat(),
        today=today.isoformat(),
        rows=PAGE,
        hours=HOURS,
    )


# ---------------------------------------------------------------------- the strip


@blueprint.get("/alerts/live")
def live() -> Response:
    """List what is wrong now, the worst first, with the value of this moment where it is known."""
    with office().store.session(read_only=True) as db:
        wanted = select(Alert).where(Alert.company == shift().company, Alert.live.is_(True))
        rows, names = list(db.scalars(wanted)), staff.names(db, shift().company)
    figures = _figures()
    current = _current(figures) if rows else {}
    found = [
        _row(row, names) | {"now": current.get((row.kind, row.target), row.value)} for row in rows
    ]
    found.sort(key=lambda each: (each["level"] != "alarm", each["since"]))
    return jsonify(alerts=found, watched=_watched(figures), time=office().clock())


def _figures() -> dict[str, Any]:
    board = office().board
    return {} if board is None else dict(board.shown(shift().company).figures)


def _watched(figures: dict[str, Any]) -> bool:
    """Tell whether the jobs are there: they measure, and watch, side by side."""
    return not figures or office().clock() - figures["told"] < rules.SILENT


def _current(figures: dict[str, Any]) -> dict[rules.Key, float | None]:
    """Return what can be measured here as well."""
    profile, now = company(), office().now()
    with office().store.session(read_only=True) as db:
        late = watch.lateness(db, now).get(profile.id, 0.0)
    called = synthetic.last(office().store, profile.id)
    measures = Measures(
        outbox=late,
        disk=watch.full(office().var),
        called=None if called is None else max(0.0, (now - called).total_seconds()),
    )
    found = rules.look(figures, measures, profile, profile.opening, now)
    return {each.key: each.value for each in found}


def _row(row: Alert, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "target": row.target,
        "level": row.level,
        "since": row.since.timestamp(),
        "value": row.value,
        "worst": row.worst,
        "bound": row.bound,
        "storm": row.storm,
        "ended": row.ended_at.timestamp() if row.ended_at else None,
        "taken_by": names.get(row.taken_by, row.taken_by) if row.taken_by else None,
        "taken_at": row.taken_at.timestamp() if row.taken_at else None,
    }


@blueprint.post("/alerts/take/<int(max=2147483647):key>")
def take(key: int) -> Response:
    """Say that one sees to an alert; who is second is told who was first."""
    who, now = shift(), office().now()
    free = (Alert.id == key, Alert.company == who.company, Alert.live.is_(True))
    with office().store.session() as db:
        change = update(Alert).where(*free, Alert.taken_by.is_(None))
        done = db.execute(change.values(taken_by=who.login, taken_at=now))
        taken = bool(getattr(done, "rowcount", 0))
        row, names = db.get(Alert, key), staff.names(db, shift().company)
        if row is not None:
            db.refresh(row)
    if row is None or row.company != who.company:
        raise Refused("gone", 404, audit="alert.take", alert=key)
    if not taken:
        _not_taken(row, names)
    note("alert.take", alert=key, kind=row.kind, target=row.target)
    return jsonify(_row(row, names))


def _not_taken(row: Alert, names: dict[str, str]) -> None:
    """Refuse what came too late, but not who says it twice."""
    if row.live is None:
        raise Refused("alert_over", 409, audit="alert.take", alert=row.id)
    if row.taken_by is not None and row.taken_by != shift().login:
        who = names.get(row.taken_by, row.taken_by)
        raise Refused("alert_taken", 409, audit="alert.take", alert=row.id, who=who)


# ---------------------------------------------------------------------- the page


@blueprint.get("/alerts/history")
def history() -> Response:
    """Return a page of alerts that began on these local days, the newest first."""
    first, last = asked_day("first"), asked_day("last")
    if first > last:
        raise Refused("records_days")
    number = request.args.get("page", "0")
    if not (number.isascii() and number.isdecimal()) or int(number[:9]) > LAST_PAGE:
        raise Refused("field", field="page")
    since, until = bounds(company(), first, last)
    wanted = [Alert.company == shift().company, Alert.since >= since, Alert.since < until]
    for name, column, words in (
        ("kind", Alert.kind, ALERTS),
        ("level", Alert.level, (rules.WARNING, rules.ALARM)),
    ):
        value = request.args.get(name, "")
        if value and value not in words:
            raise Refused("field", field=name)
        if value:
            wanted.append(column == value)
    with office().store.session(read_only=True) as db:
        total = db.scalar(select(func.count()).select_from(Alert).where(*wanted)) or 0
        names = staff.names(db, shift().company)
        newest = select(Alert).where(*wanted).order_by(Alert.since.desc(), Alert.id.desc())
        rows = db.scalars(newest.offset(int(number) * PAGE).limit(PAGE))
        found = [_row(row, names) for row in rows]
    return jsonify(rows=found, total=total, page=int(number))


@blueprint.get("/alerts/calls")
def calls() -> Response:
    """List the calls to ourselves of the last hours, the newest first."""
    since = office().now() - timedelta(hours=HOURS)
    with office().store.session(read_only=True) as db:
        rows = [_call(row) for row in db.scalars(_calls(since))]
    return jsonify(rows=rows, failed=sum(not each["ok"] for each in rows))


def _calls(since: datetime) -> Any:
    mine = (SyntheticCall.company == shift().company, SyntheticCall.at >= since)
    return select(SyntheticCall).where(*mine).order_by(SyntheticCall.at.desc()).limit(1000)


def _call(row: SyntheticCall) -> dict[str, Any]:
    return {"at": row.at.timestamp(), "ok": row.ok, "stage": row.stage, "seconds": row.seconds}


# ---------------------------------------------------------------------- the webhook


@blueprint.post("/alerts/test")
def test() -> Response:
    """Send something to the webhook, the way alerts go; the id tells what became of it."""
    who, now = shift(), office().now()
    if not office().webhook:
        raise Refused("alert_no_webhook", 409, audit="alert.test")
    key = f"test/{secrets.token_hex(8)}"
    document = {"state": "test", "by": who.login, "at": now.isoformat()}
    with office().store.session() as db:
        watch.send(db, who.company, key, document, now)
        row = _sent(db, f"{watch.KIND}/{key}")
        made = row.id if row else 0
    note("alert.test", outbox=made)
    return jsonify(id=made)


@blueprint.get("/alerts/test/<int(max=2147483647):key>")
def tested(key: int) -> Response:
    """Tell whether a test arrived. state: due, done or dead; error: of the last try."""
    with office().store.session(read_only=True) as db:
        row = db.get(OutboxEntry, key)
        if row is None or row.company != shift().company or not _is_test(row):
            raise Refused("gone", 404)
        return jsonify(state=row.state, tries=row.tries, error=row.last_error)


def _is_test(row: OutboxEntry) -> bool:
    return row.key.startswith(f"{watch.KIND}/test/")


def _sent(db: Session, key: str) -> OutboxEntry | None:
    return db.scalar(select(OutboxEntry).where(OutboxEntry.key == key))
