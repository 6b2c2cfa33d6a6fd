"""The page quality: recordings and how they are found, marks, scorecards, samples, results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import recordings
from agent_desk.body import Body, asked_day, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr.errors import Changed
from ivr.quality import index, marks, results, samples, scorecards
from ivr.store.models import Conversation, User
from ivr.store.supervision import RecordingMark

LAST_PAGE = 100_000
DAY = 24 * 3600
MOST_POINTS = 100

blueprint = Blueprint("quality", __name__)


@blueprint.get("/quality/")
def page() -> str:
    """Show the page."""
    profile = company()
    today = office().now().astimezone(profile.zone).date()
    with office().store.session(read_only=True) as db:
        names = dict(db.execute(_staff()).all())
    return shell.show(
        "quality", "code_", "criterion_",
        operators=names,
        codes=list(profile.wrap_up_codes),
        criteria=[
            {"name": each.name, "points": each.points, "fail": each.fail}
            for each in profile.terms.quality.criteria
        ],
        kinds=list(marks.KINDS),
        sample=profile.terms.quality.sample,
        first=(today - timedelta(days=6)).isoformat(),
        last=today.isoformat(),
        rows=index.PAGE,
    )  # fmt: skip


def _staff() -> Any:
    return select(User.login, User.name).where(User.company == shift().company).order_by(User.name)


# ---------------------------------------------------------------------- the index


@blueprint.get("/quality/talks")
def talks() -> Response:
    """Return a page of what was found."""
    asked = request.args
    number = _whole(asked.get("page"), LAST_PAGE)
    with office().store.session(read_only=True) as db, _said():
        wanted = index.Wanted(
            first=asked_day("first"),
            last=asked_day("last"),
            kind=_word("kind", *index.KINDS),
            operator=_operator(db, asked.get("operator", "")),
            queue=_word("queue", *company().queues),
            who=asked.get("who", "").strip()[:40],
            code=_word("code", *company().wrap_up_codes),
            least=_seconds("least"),
            most=_seconds("most"),
            rated=_flag("rated"),
            marked=_flag("marked"),
            consent=_word("consent", *index.CONSENTS),
        )
        found = index.search(db, company(), wanted, number)
    if wanted.who:
        note("search_recordings", found=found.total)
    return jsonify(rows=found.rows, total=found.total, page=number)


def _operator(db: Session, login: str) -> str:
    if login and login not in {known for known, _ in db.execute(_staff())}:
        raise Refused("quality_operator", 404, operator=login[:60])
    return login


def _word(name: str, *words: str) -> str:
    value = request.args.get(name, "")
    if value and value not in words:
        raise Refused("field", field=name)
    return value


def _seconds(name: str) -> float | None:
    value = request.args.get(name, "")
    return float(_whole(value, DAY, name)) if value else None


def _flag(name: str) -> bool | None:
    return {"yes": True, "no": False, "": None}[_word(name, "yes", "no")]


def _whole(value: str | None, most: int, name: str = "page") -> int:
    if not value:
        return 0
    if not (value.isascii() and value.isdecimal()) or len(value) > 9 or int(value) > most:
        raise Refused("field", field=name)
    return int(value)


@contextmanager
def _said() -> Iterator[None]:
    """Turn what the parts of `ivr.quality` refuse into words."""
    try:
        yield
    except Changed as reason:
        raise Refused("quality_changed", 409, audit="rate", who=reason.who) from None
    except ValueError as reason:
        raise Refused(f"quality_{reason}") from None


# ---------------------------------------------------------------------- one talk


@blueprint.get("/quality/talk/<int(max=2147483647):key>")
def talk(key: int) -> Response:
    """Return a talk with its marks, pauses and cards."""
    with office().store.session(read_only=True) as db:
        return jsonify(_talk(db, _mine(db, key)))


def _talk(db: Session, row: Conversation) -> dict[str, Any]:
    found, now = scorecards.cards(db, row), office().now()
    return index.talk(row, row.account.number if row.account else None) | {
        "note": row.note or "",
        "marks": marks.marks(db, row),
        "pauses": marks.pauses(db, row),
        "cards": [scorecards.shown(each, now) for each in found],
        "apart": scorecards.apart(found),
        "own": row.operator == shift().login,
    }


def _mine(db: Session, key: int) -> Conversation:
    row = db.get(Conversation, key)
    if row is None or row.company != shift().company:
        raise Refused("gone", 404, audit="talk", recording=key)
    return row


@blueprint.get("/quality/talk/<int(max=2147483647):key>/sound")
def sound(key: int) -> Response:
    """Return the sound of a talk."""
    return recordings.heard(key)


@blueprint.post("/quality/talk/<int(max=2147483647):key>/mark")
def mark(key: int) -> Response:
    """Set a mark at a second of the recording."""
    sent = body()
    second = sent.number("second", 0, DAY) or 0.0
    kind, text = sent.choice("kind", *marks.KINDS), sent.text("note", 400, wanted=False)
    with office().store.session() as db, _said():
        row = _mine(db, key)
        made = marks.mark(db, row, shift().login, office().now(), second, kind, text)
        told, call, number = _talk(db, row), row.call, made.id
    note("mark_recording", call=call, recording=key, mark=number, second=second, kind=kind)
    return jsonify(told)


@blueprint.post("/quality/mark/<int(max=2147483647):key>/remove")
def unmark(key: int) -> Response:
    """Remove a mark."""
    with office().store.session() as db:
        found = db.get(RecordingMark, key)
        if found is None:
            raise Refused("gone", 404)
        row = _mine(db, found.conversation_id)
        db.delete(found)
        db.flush()
        told, call = _talk(db, row), row.call
        was = {"who": found.who, "second": found.second, "kind": found.kind}
    note("unmark_recording", call=call, recording=row.id, mark=key, was=was)
    return jsonify(told)


@blueprint.post("/quality/talk/<int(max=2147483647):key>/rate")
def rate(key: int) -> Response:
    """Keep the card of who is asking."""
    sent = body()
    points = _points(sent)
    text = sent.text("note", wanted=False)
    version = int(sent.number("version", 0, 2**31) or 0)
    terms = company().terms.quality
    with office().store.session() as db:
        row = _mine(db, key)
        if missing := [each.name for each in terms.criteria if each.name not in points]:
            raise Refused("quality_missing", names="; ".join(map(_criterion, missing)))
        try:
            card = scorecards.rate(
                db, terms, row,
                rater=shift().login, points=points, note=text, at=office().now(), version=version,
            )  # fmt: skip
        except Changed as reason:
            raise Refused(
                "quality_changed", 409, audit="rate", call=row.call, who=reason.who
            ) from None
        except ValueError as reason:
            if str(reason) == "own":
                raise Refused("quality_own", 403, audit="rate", call=row.call) from None
            raise Refused("quality_points", field=_criterion(str(reason))) from None
        told = _talk(db, row)
        done: dict[str, Any] = {
            "talk": key,
            "total": card.total,
            "failed": card.failed,
            "version": card.version,
        }
    note("rate", call=told["call"], points=points, **done)
    return jsonify(told)


def _points(sent: Body) -> dict[str, int]:
    part = sent.part("points")
    if part is None:
        raise Refused("field_empty", field="points")
    names = sent.mapping("points")
    if len(names) > MOST_POINTS:
        raise Refused("field", field="points")
    return {name: int(part.number(name, 0, MOST_POINTS) or 0) for name in names}


def _criterion(name: str) -> str:
    return str(g.desk_words.get(f"criterion_{name}", name))[:60]


@blueprint.post("/quality/talk/<int(max=2147483647):key>/choose")
def choose(key: int) -> Response:
    """Put a talk among those to be rated."""
    with office().store.session() as db:
        row = _mine(db, key)
        if not row.recording:
            raise Refused("quality_without")
        month = samples.month_of(row.answered_at.astimezone(company().zone).date())
        if not samples.choose(db, row, month, office().now()):
            raise Refused("quality_listed", 409)
    note("choose_talk", call=row.call, recording=key, month=month)
    return jsonify(month=month)


# ---------------------------------------------------------------------- samples, results


@blueprint.get("/quality/sample")
def sample() -> Response:
    """Return what is to be rated in a month."""
    month = request.args.get("month", "")
    with office().store.session(read_only=True) as db, _said():
        samples.days_of(month)
        return jsonify(month=month, rows=samples.listed(db, company(), month))


@blueprint.post("/quality/sample")
def draw() -> Response:
    """Draw the talks of a month, or those that were missing."""
    month = body().text("month", 7)
    with office().store.session() as db, _said():
        done = samples.draw(db, company(), month, office().now())
        rows = samples.listed(db, company(), month)
    note("draw_sample", month=month, drawn=done.drawn, short=dict(done.short), silent=done.silent)
    told = {"drawn": done.drawn, "short": dict(done.short), "silent": done.silent}
    return jsonify(month=month, rows=rows, **told)


def _results() -> list[results.Result]:
    asked = request.args
    with office().store.session(read_only=True) as db, _said():
        return results.results(db, company(), asked.get("first", ""), asked.get("last", ""))


@blueprint.get("/quality/results")
def summed() -> Response:
    """Return what the scorecards of these months come to."""
    return jsonify(rows=[vars(each) for each in _results()])


@blueprint.get("/quality/results.csv")
def exported() -> Response:
    """Return the same as CSV."""
    rows = _results()
    words = g.desk_words.items()
    known = {k.removeprefix("criterion_"): v for k, v in words if k.startswith("criterion_")}
    heads = ("month", "operator", "talks", "failed", "total", "all")
    known |= {name: g.desk_words[f"quality_{name}"] for name in heads}
    note("export_quality", rows=len(rows))
    answer = Response("\ufeff" + results.as_csv(rows, known), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=quality.csv"
    return answer
