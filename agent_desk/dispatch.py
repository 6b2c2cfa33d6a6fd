"""The dispatcher's page: storm mode, events and suspected ones, alerts of priority calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, jsonify, render_template, request
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import staff, storm_board, undelivered
from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr.errors import Changed, NotUndone, StormChanged
from ivr.services import restoration, suspicions
from ivr.services.outage_events import CAUSES
from ivr.store.supply import OutageEvent, Storm
from ivr.storm import after, records, undo
from ivr.storm.figures import Figures
from ivr.storm.rules import RULE

CUSTOMERS = 5_000_000

WORDS = ("dispatch_", "storm_", "queue_", "cause_", "priority_")
"""Beginnings of the keys of the page's words."""

blueprint = Blueprint("dispatch", __name__)


@blueprint.before_request
def supervisors() -> None:
    """Let only supervisors and administrators in."""
    if not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit="dispatch")


@blueprint.errorhandler(Changed)
@blueprint.errorhandler(NotUndone)
def not_undone(error: Changed | NotUndone) -> tuple[Response, int]:
    """Say why something is not taken back."""
    return shell.refuse(error)


@blueprint.get("/dispatch/")
def page() -> str:
    """Show the page."""
    words = {key: text for key, text in g.desk_words.items() if key.startswith(WORDS)}
    dead, given = undelivered.count(), _given(words)
    return render_template("dispatch.html", words=g.desk_words, given=given, undelivered=dead)


def _given(words: dict[str, str]) -> dict[str, Any]:
    profile, terms = company(), company().terms.storm
    with office().store.session(read_only=True) as db:
        regions = records.settlements(db, profile.id)
    return {
        "csrf": generate_csrf(),
        "words": words,
        "zone": str(profile.zone),
        "regions": regions,
        "messages": list(terms.messages),
        "queues": [
            queue for queue in profile.queues if profile.word_of(queue) not in records.NEVER_GATED
        ],
        "causes": list(CAUSES),
        "terms": {
            "hours": terms.hours, "cap": terms.cap, "gates": list(terms.gates),
            "callbacks": terms.callbacks, "wrap_up": terms.wrap_up, "lines": terms.lines,
            "automatic": terms.automatic,
        },
        "hours": list(records.HOURS),
    }  # fmt: skip


# ---------------------------------------------------------------------- what is


@blueprint.get("/dispatch/state")
def state() -> Response:
    """Return everything the page shows."""
    return jsonify(_state())


def _state() -> dict[str, Any]:
    parts, profile, now = office(), company(), office().now()
    waits = storm_board.queues(parts.queue, profile, now)
    with parts.store.session(read_only=True) as db:
        row = records.last(db, profile.id)
        names = staff.names(db, profile.id)
        return {
            "time": now.timestamp(),
            "storm": storm_board.storm(row, profile, now, names),
            "counts": _counts(db, row),
            "queues": waits,
            "events": storm_board.events(db, profile, now),
            "suspected": storm_board.suspected(db, profile.id),
            "alerts": storm_board.alerts(db, profile.id, now),
            "history": storm_board.history(db, profile.id, names),
        }


def _counts(db: Session, row: Storm | None) -> dict[str, int] | None:
    """Return what became of the callers since the storm began, None where none was on."""
    if row is None or row.started_at is None:
        return None
    parts = office()
    with parts.lock:
        figures = parts.figures.get(row.id)
        if figures is None or figures.since != row.started_at:
            figures = parts.figures[row.id] = Figures(row.company, row.started_at)
        if row.ended_at is None or not figures.upto:
            figures.count(db)
        counted = figures.to_json()
    return counted | storm_board.promises(db, row)


# ---------------------------------------------------------------------- the storm


@blueprint.post("/dispatch/storm")
def storm() -> Response:
    """Switch the storm on, change, refuse or end it."""
    sent = body()
    do = sent.choice("do", "on", "change", "refuse", "off")
    version = int(sent.number("version", 0, 2**31) or 0)
    doing = {"on": _on, "change": _change, "refuse": _refuse, "off": _off}[do]
    try:
        with office().store.session() as db:
            doing(db, sent, version)
    except StormChanged:
        raise Refused("storm_changed", 409, audit=f"storm_{do}", name=_changer()) from None
    except ValueError:
        raise Refused("field", field=do) from None
    return jsonify(_state())


def _changer() -> str:
    """Return the name of who changed the storm last."""
    with office().store.session(read_only=True) as db:
        names = staff.names(db, company().id)
        who = [each["who"] for each in storm_board.history(db, company().id, names)]
    return g.desk_words["dispatch_rule"] if who[:1] == [RULE] else "".join(who[:1])


def _rules(sent: Body) -> dict[str, Any]:
    rules = {
        "cap": sent.number("cap", 1, 240, wanted=False),
        "wrap_up": sent.number("wrap_up", 0, 600, wanted=False),
        "callbacks": sent.text("callbacks", 20, wanted=False) or None,
        "message": sent.text("message", 60, wanted=False) or None,
        "gates": sent.words("gates"),
    }
    return {name: value for name, value in rules.items() if value is not None}


def _on(db: Session, sent: Body, version: int) -> None:
    records.switch_on(
        db, company(), office().now(), shift().login,
        version=version, regions=sent.words("regions") or (),
        hours=sent.number("hours", *records.HOURS, wanted=False),
        reason=sent.text("reason", 400, wanted=False), rules=_rules(sent), address=_address(),
    )  # fmt: skip


def _change(db: Session, sent: Body, version: int) -> None:
    records.change(
        db, company(), office().now(), shift().login,
        version=version, regions=sent.words("regions"),
        hours=sent.number("hours", *records.HOURS, wanted=False),
        rules=_rules(sent) or None, address=_address(),
    )  # fmt: skip


def _refuse(db: Session, sent: Body, version: int) -> None:
    reason = sent.text("reason", 400)
    records.refuse(
        db, company(), office().now(), shift().login,
        version=version, reason=reason, address=_address(),
    )  # fmt: skip


def _off(db: Session, sent: Body, version: int) -> None:
    reason = sent.text("reason", 400, wanted=False)
    records.switch_off(
        db, company(), office().now(), shift().login,
        version=version, reason=reason, address=_address(),
    )  # fmt: skip


@blueprint.post("/dispatch/undo/<int(max=2147483647):action>")
def take_back(action: int) -> Response:
    """Take back what somebody did to the storm."""
    with office().store.session() as db:
        shell.undo(db, action, *undo.WORDS)
    return jsonify(_state())


def _address() -> str | None:
    return request.remote_addr


@blueprint.get("/dispatch/after.csv")
def unanswered() -> Response:
    """Return whom the last storm left unanswered, as CSV; it names people, so it is noted."""
    profile, now = company(), office().now()
    with office().store.session(read_only=True) as db:
        row = records.last(db, profile.id)
        if row is None or row.started_at is None:
            raise Refused("gone", 404)
        rows = after.lists(db, profile.id, row.started_at, row.ended_at or now)
    note("storm_after", storm=row.id, rows=len(rows))
    answer = Response(after.as_csv(rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=storm-{row.id}.csv"
    return answer


# ---------------------------------------------------------------------- events


@blueprint.post("/dispatch/suspected/<int(max=2147483647):key>")
def decide(key: int) -> Response:
    """Confirm a suspected event, of which callers then hear, or dismiss it."""
    sent, parts = body(), office()
    do = sent.choice("do", "confirm", "dismiss")
    details: dict[str, Any] = {"suspected": key}
    with parts.store.session() as db:
        row = suspicions.find(db, shift().company, key)
        if row is None:
            raise Refused("gone", 404)
        try:
            if do == "confirm":
                details["event"] = suspicions.confirm(
                    db, row, parts.now(), shift().login, **_event(sent)
                ).number
            else:
                suspicions.dismiss(db, row, parts.now(), shift().login)
        except ValueError:
            raise Refused("too_late", 409) from None
    note(f"suspected_{do}", **details)
    return jsonify(_state())


def _event(sent: Body) -> dict[str, Any]:
    cause = sent.text("cause", 40, wanted=False)
    if cause and cause not in CAUSES:
        raise Refused("field", field="cause")
    customers = sent.number("customers", 1, CUSTOMERS, wanted=False)
    return {
        "cause": cause or None,
        "customers": int(customers) if customers is not None else None,
        "restore_by": _restore_by(sent),
    }


def _restore_by(sent: Body) -> datetime | None:
    """The announced time: seconds since 1970, ahead of now and not further than a week."""
    now = office().now()
    seconds = sent.number("restore_by", 0, 2**40, wanted=False)
    if seconds is None:
        return None
    if not now.timestamp() < seconds <= (now + timedelta(days=7)).timestamp():
        raise Refused("field", field="restore_by")
    return datetime.fromtimestamp(seconds, now.tzinfo)


@blueprint.post("/dispatch/event/<int(max=2147483647):key>")
def event(key: int) -> Response:
    """Close an event, so that who asked is told; or say anew when it will be over."""
    sent, parts = body(), office()
    do = sent.choice("do", "close", "renew")
    with parts.store.session() as db:
        row = db.get(OutageEvent, key, with_for_update=True)
        if row is None or row.company != shift().company:
            raise Refused("gone", 404)
        if row.state != "open":
            raise Refused("too_late", 409)
        if do == "close":
            restoration.close(db, company(), row, parts.now())
        else:
            row.restore_by, row.updated_at = _restore_by(sent), parts.now()
        number = row.number
    note(f"event_{do}", event=number)
    return jsonify(_state())
