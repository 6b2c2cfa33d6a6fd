"""The page announcements: what callers hear until when, and other hours on single days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from agent_desk import staff
from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import prompts as uploads
from agent_desk.supervisor import shell
from ivr import actions, announcements, hours_changes, prompts, recorded
from ivr.speech import upload
from ivr.store.supervision import Action, Announcement, HoursChange

BACK = timedelta(days=2)
"""How far back the list of what was done reaches."""
LONGEST = 400
NUMBERS = 2**31 - 1
KINDS = ("announcement.", "hours.")
"""Beginnings of what is done, and taken back, here."""
People = Mapping[str, str]
"""Login -> name."""

blueprint = Blueprint("announcements", __name__)


@blueprint.get("/announcements/")
def page() -> str:
    """Show the page."""
    profile = company()
    queues = [q for q in profile.queues if profile.word_of(q) != announcements.NEVER]
    offices = {
        f"{hours_changes.OFFICE}{each.id}": next(iter(each.address.values()))
        for each in profile.terms.offices
    }
    return shell.show(
        "announcements", "hours_",
        languages=list(profile.languages),
        silent=sorted(office().silent & set(profile.languages)),
        into=queues, places=list(announcements.PLACES), seconds=announcements.SECONDS,
        pace=prompts.seconds("-" * 100) / 100, services=hours_changes.services(profile),
        with_hours=[queue for queue in profile.opening.weeks if queue in queues],
        offices=offices, largest=uploads.LARGEST,
    )  # fmt: skip


# ---------------------------------------------------------------------- what is


@blueprint.get("/announcements/state")
def state() -> Response:
    """Return everything the page shows."""
    return jsonify(_state())


def _state() -> dict[str, Any]:
    profile, now = company(), office().now()
    today = now.astimezone(profile.zone).date()
    with office().store.session(read_only=True) as db:
        known = hours_changes.known(db, profile, now)
        people = staff.names(db, profile.id)
        said = [
            _announcement(row, now, people) for row in announcements.listed(db, profile.id, now)
        ]
        hours = []
        for row in hours_changes.listed(db, profile.id, today):
            unmet = hours_changes.unmet(db, known, row.service, row.day)
            hours.append(_hours(row, people) | {"unmet": [_booked(each) for each in unmet]})
        rows = actions.lately(db, profile.id, now - BACK, *KINDS)
    standing = actions.standing(rows)
    local = now.astimezone(profile.zone)
    return {
        "time": now.timestamp(),
        "local": f"{local:%Y-%m-%dT%H:%M}",
        "announcements": said,
        "hours": hours,
        "actions": [_done(row, people, row.id in standing) for row in rows],
    }


def _announcement(row: Announcement, now: datetime, people: People) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.version,
        "place": row.place,
        "queues": list(row.queues),
        "texts": dict(row.texts),
        "recorded": sorted(row.prompts),
        "starts": _clock(row.starts_at),
        "until": _clock(row.until),
        "left": (row.until - now).total_seconds(),
        "on": row.starts_at <= now,
        "by": people.get(row.made_by, row.made_by),
    }


def _hours(row: HoursChange, people: People) -> dict[str, Any]:
    return {
        "service": row.service,
        "day": row.day.isoformat(),
        "closed": row.closed,
        "opens": row.opens,
        "closes": row.closes,
        "note": row.note,
        "by": people.get(row.made_by, row.made_by),
        "version": row.version,
    }


def _booked(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"starts": _clock(row["starts"]), "ends": _clock(row["ends"])}


def _done(row: Action, people: People, standing: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.timestamp(),
        "who": people.get(row.who, row.who),
        "what": row.what.replace(".", "_"),
        "target": row.target,
        "shown": row.after or row.before,
        "undoes": row.undoes,
        "undone": people.get(row.undone_by or "", row.undone_by or ""),
        "undoable": standing,
    }


def _clock(moment: datetime) -> str:
    """Write a moment as the company's clock shows it, "2026-11-20T14:00"."""
    return f"{moment.astimezone(company().zone):%Y-%m-%dT%H:%M}"


# ---------------------------------------------------------------------- announcements


@blueprint.post("/announcements/on")
def switch_on() -> Response:
    """Let callers hear something."""
    sent, now = body(), office().now()
    place, starts = sent.choice("place", *announcements.PLACES), _moment(sent, "starts")
    with office().store.session() as db:
        announcements.switch_on(
            db, company(), shift().login, now, place=place, texts=_texts(sent),
            until=_moment(sent, "until") or now, queues=sent.words("queues") or (),
            starts=max(starts, now) if starts else None, silent=office().silent,
            address=request.remote_addr,
        )  # fmt: skip
    return jsonify(_state())


@blueprint.post("/announcements/change")
def change() -> Response:
    """Change one that is on or will be."""
    sent, now = body(), office().now()
    with office().store.session() as db:
        announcements.change(
            db, company(), shift().login, now, _number(sent, "id"), _number(sent, "version"),
            texts=_texts(sent), until=_moment(sent, "until") or now,
            queues=sent.words("queues") or (), silent=office().silent,
            address=request.remote_addr,
        )  # fmt: skip
    return jsonify(_state())


@blueprint.post("/announcements/off")
def switch_off() -> Response:
    """Let callers hear it no more."""
    sent = body()
    with office().store.session() as db:
        announcements.switch_off(
            db, company(), shift().login, office().now(), _number(sent, "id"),
            _number(sent, "version"), request.remote_addr,
        )  # fmt: skip
    return jsonify(_state())


@blueprint.post("/announcements/upload")
def keep() -> Response:
    """Take the recording of a text, the body as it is, for `?language=&text=`; it is played
    wherever exactly these words are said.
    """
    language, text = request.args.get("language", ""), request.args.get("text", "").strip()
    if language not in company().languages:
        raise Refused("field", field="language")
    if not text or len(text) > LONGEST * 2:
        raise Refused("field_empty", field="text")
    found = upload.read(request.get_data(), text)
    piece, who, now = prompts.free(language, text), shift(), office().now()
    with office().store.session() as db:
        row = recorded.keep(db, who.company, piece, language, text, found, who.login, now)
        if row.state != "live":
            live = recorded.live_number(db, who.company, piece, language)
            recorded.publish(
                db, who.company, piece, language, row.number, row.version, live, who.login, now
            )
    return jsonify(language=language, seconds=found.seconds, findings=list(found.findings))


def _texts(sent: Body) -> dict[str, str]:
    given = Body(sent.mapping("texts"))
    return {
        language: given.text(language, LONGEST * 2, wanted=False)
        for language in company().languages
    }


def _moment(sent: Body, name: str) -> datetime | None:
    """Read a time of the company's clock; None where there is none."""
    text = sent.text(name, 20, wanted=False)
    if not text:
        return None
    try:
        local = datetime.strptime(text[:16], "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - the company's clock
    except ValueError:
        raise Refused("field_time", field=name) from None
    return local.replace(tzinfo=company().zone).astimezone(UTC)


def _number(sent: Body, name: str) -> int:
    return int(sent.number(name, 0, NUMBERS) or 0)


# ---------------------------------------------------------------------- hours


@blueprint.post("/announcements/hours")
def hours() -> Response:
    """Close a service on a day, or open it at other hours."""
    sent = body()
    closed = sent.flag("closed")
    with office().store.session() as db:
        hours_changes.change(
            db, company(), shift().login, office().now(), service=sent.text("service", 120),
            day=sent.day("day"), opens=None if closed else sent.text("opens", 5),
            closes=None if closed else sent.text("closes", 5),
            note=sent.text("note", 200, wanted=False), version=_number(sent, "version"),
            address=request.remote_addr,
        )  # fmt: skip
    return jsonify(_state())


@blueprint.post("/announcements/restore")
def restore() -> Response:
    """Let the usual hours hold again."""
    sent = body()
    with office().store.session() as db:
        hours_changes.restore(
            db, company(), shift().login, office().now(), service=sent.text("service", 120),
            day=sent.day("day"), version=_number(sent, "version"), address=request.remote_addr,
        )  # fmt: skip
    return jsonify(_state())


@blueprint.post(f"/announcements/undo/<int(max={NUMBERS}):action>")
def undo(action: int) -> Response:
    """Take back what was done."""
    with office().store.session() as db:
        shell.undo(db, action, *KINDS)
    return jsonify(_state())
