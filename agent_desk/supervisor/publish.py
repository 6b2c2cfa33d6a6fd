"""The page publish: flow releases from the draft to all calls and back; recordings of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, jsonify
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import staff
from agent_desk.body import Body, body
from agent_desk.office import office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import prompts, shell
from agent_desk.supervisor.publishing import changing, lately, refusal
from ivr.errors import FlowError, SetupError, Unfit
from ivr.releases import records, walks
from ivr.releases.records import State
from ivr.releases.texts import LONGEST
from ivr.store.supervision import FlowRelease

NUMBERS = 2**31 - 1

blueprint = Blueprint("publish", __name__)
blueprint.register_blueprint(prompts.blueprint)


@blueprint.get("/publish/")
def page() -> str:
    """Show the page."""
    with office().store.session(read_only=True) as db:
        names = staff.names(db, shift().company)
    return shell.show("publish", "sound_", longest=LONGEST, names=names, **prompts.given())


# ---------------------------------------------------------------------- what is


@blueprint.get("/publish/state")
def state() -> Response:
    """Return the releases, what calls get, what was done lately."""
    return jsonify(_state())


def _state() -> dict[str, Any]:
    parts, company = office(), shift().company
    with parts.store.session(read_only=True) as db:
        now, before = records.state(db, company), records.before(db, company)
        return {
            "time": parts.now().timestamp(),
            "base": parts.judge.base,
            "serving": _serving(now),
            "before": before.number if before else None,
            "releases": [_release(db, row) for row in records.listed(db, company)],
            "actions": lately(db, "release."),
        }


def _serving(now: State) -> dict[str, Any]:
    return {"live": now.live, "canary": now.canary, "share": now.share}


def _release(db: Session, row: FlowRelease) -> dict[str, Any]:
    wrong = [each for each in row.findings if not each.get("hint")]
    return {
        "number": row.number,
        "version": row.version,
        "title": row.title,
        "state": row.state,
        "share": row.share,
        "flows": sorted(row.changes),
        "made": {"by": row.made_by, "at": row.made_at.timestamp()},
        "published": _published(row),
        "checked": row.checked_at.timestamp() if row.checked_at else None,
        "wrong": len(wrong),
        "old": bool(row.base) and row.base != office().judge.base,
        "walked": _walked(db, row),
    }


def _published(row: FlowRelease) -> dict[str, Any] | None:
    if row.published_at is None:
        return None
    return {"by": row.published_by, "at": row.published_at.timestamp()}


def _walked(db: Session, row: FlowRelease) -> dict[str, Any]:
    """Return what became of the walk.

    Of one that waits: ahead, how many come before it. Of one that runs: done and expected states,
    left, about how many seconds. idle: nobody does walks at present.
    """
    walked, now = dict(row.walked), office().now().timestamp()
    state = walked.get("state")
    if state not in walks.OPEN:
        return walked | {"old": bool(walked) and walked["base"] != office().judge.base}
    shown: dict[str, Any] = {"state": state, "by": walked["by"], "found": []}
    if state == "waiting":
        ahead = walks.ahead(db, row)
        return shown | {"ahead": ahead, "idle": not ahead and walks.unheard(row, now)}
    done, expected = walked.get("done", 0), walked.get("expected", 0)
    took = now - walked["began"]
    left = (now - walked["since"]) * (expected / done - 1) if done else None
    counted = {"done": done, "expected": expected, "left": left, "took": took}
    return shown | counted | {"idle": walks.unheard(row, now)}


@blueprint.get(f"/publish/releases/<int(max={NUMBERS}):number>")
def release(number: int) -> Response:
    """Return a release with the texts that differ, and the names of all its flows."""
    return jsonify(_whole(number))


def _whole(number: int) -> dict[str, Any]:
    files = office().judge.files
    with office().store.session(read_only=True) as db:
        row = _find(db, number)
        return _release(db, row) | {
            "texts": row.changes,
            "names": sorted({*files.texts, *row.changes}),
            "findings": list(row.findings),
        }


@blueprint.get(f"/publish/releases/<int(max={NUMBERS}):number>/texts/<name>")
def text(number: int, name: str) -> Response:
    """Return a flow's text as this release, the live one and the files have it. number 0: live."""
    files, company = office().judge.files, shift().company
    with office().store.session(read_only=True) as db:
        live = records.state(db, company).live
        serving = records.find(db, company, live) if live is not None else None
        row = _find(db, number) if number else serving
    shown = {
        "text": records.text_of(row, name, files),
        "live": records.text_of(serving, name, files),
        "files": files.texts.get(name, ""),
    }
    if not any(shown.values()):
        raise Refused("gone", 404)
    return jsonify(shown)


@blueprint.get(f"/publish/releases/<int(max={NUMBERS}):number>/picture/<name>")
def picture(number: int, name: str) -> Response:
    """Return the picture of a flow, SVG. number 0: of the files."""
    changes: Mapping[str, str] = {}
    if number:
        with office().store.session(read_only=True) as db:
            changes = _find(db, number).changes
    try:
        drawn = office().judge.picture(changes, name, g.language)
    except FlowError as reason:
        raise Refused("publish_picture", 400, reason=str(reason)[:400]) from None
    except SetupError as reason:
        raise Refused("publish_picture", 503, reason=str(reason)[:400]) from None
    return Response(drawn, mimetype="image/svg+xml")


def _find(db: Session, number: int) -> FlowRelease:
    try:
        return records.find(db, shift().company, number)
    except Unfit as error:
        raise refusal(error) from None


# ---------------------------------------------------------------------- drafts


@blueprint.post("/publish/releases")
def new() -> Response:
    """Make a draft: from a release, from what is live, or from the files."""
    sent, company = body(), shift().company
    source, title = sent.choice("like", "live", "files", "release"), _title(sent) or ""
    number = _number(sent, "number") if source == "release" else None
    with changing("release.new") as db:
        like = records.state(db, company).live if source == "live" else number
        row = records.new(db, company, shift().login, office().now(), like=like, title=title)
    return jsonify(_whole(row.number))


@blueprint.post(f"/publish/releases/<int(max={NUMBERS}):number>")
def change(number: int) -> Response:
    """Edit, check, walk or throw away a release, or cancel its walk."""
    sent = body()
    deeds = {
        "edit": _edit, "check": _check, "walk": _walk, "cancel": _cancel, "discard": _discard,
    }  # fmt: skip
    do = sent.choice("do", *deeds)
    deeds[do](number, sent)
    return jsonify(_state() if do == "discard" else _whole(number))


def _edit(number: int, sent: Body) -> None:
    parts, texts = office(), {}
    for name in sent.mapping("texts"):
        texts[str(name)] = Body(sent.mapping("texts")).text(name, LONGEST + 1, wanted=False)
    with changing("release.edit") as db:
        records.edit(
            db, shift().company, number, _version(sent), shift().login, parts.now(),
            files=parts.judge.files, texts=texts, title=_title(sent),
        )  # fmt: skip


def _check(number: int, _sent: Body) -> None:
    parts = office()
    with changing("release.check") as db:
        check(db, number)
    note("release.check", release=number, base=parts.judge.base)


def check(db: Session, number: int) -> FlowRelease:
    """Check a release against this program, and keep what was found."""
    return office().judge.check(db, shift().company, number, office().now())


def _discard(number: int, sent: Body) -> None:
    with changing("release.discard") as db:
        records.discard(db, shift().company, number, _version(sent), shift().login, office().now())


def _walk(number: int, _sent: Body) -> None:
    """Ask for a walk of every way a call can take; `app.py jobs` does it."""
    parts, company = office(), shift().company
    with changing("release.walk") as db:  # what is found stays, whatever comes of it
        row = check(db, number)
        wrong = sum(not each.get("hint") for each in row.findings)
    with changing("release.walk") as db:
        if wrong:
            raise Unfit("release_unfit", number=number, findings=wrong)
        walks.ask(db, company, number, parts.judge.base, shift().login, parts.now())
    note("release.walk", release=number)


def _cancel(number: int, _sent: Body) -> None:
    with changing("release.cancel") as db:
        walks.cancel(db, shift().company, number)
    note("release.cancel", release=number)


# ---------------------------------------------------------------------- what calls get


@blueprint.post("/publish/calls")
def calls() -> Response:
    """Change what new calls get: canary, publish, stop, rollback (to "before" or "files")."""
    sent = body()
    do = sent.choice("do", "canary", "publish", "stop", "rollback")
    if do in ("canary", "publish"):
        with changing(f"release.{do}") as db:  # what is found stays, whatever comes of it
            check(db, _number(sent, "number"))
    with changing(f"release.{do}") as db:
        doing = {"canary": _canary, "publish": _publish, "stop": _stop, "rollback": _roll_back}
        doing[do](db, sent)
    return jsonify(_state())


def _canary(db: Session, sent: Body) -> None:
    parts, number = office(), _number(sent, "number")
    share = (sent.number("percent", 0, 100) or 0.0) / 100
    records.canary(
        db, shift().company, number, _version(sent), share, _seen(sent), parts.judge.base,
        shift().login, parts.now(),
    )  # fmt: skip


def _publish(db: Session, sent: Body) -> None:
    parts, number = office(), _number(sent, "number")
    records.publish(
        db, shift().company, number, _version(sent), _seen(sent), parts.judge.base,
        shift().login, parts.now(),
    )  # fmt: skip


def _stop(db: Session, sent: Body) -> None:
    records.stop(db, shift().company, _seen(sent), shift().login, office().now())


def _roll_back(db: Session, sent: Body) -> None:
    parts, to = office(), sent.choice("to", "before", "files")
    before = records.before(db, shift().company)
    if to == "before" and before is not None:
        check(db, before.number)
    records.roll_back(
        db, shift().company, _seen(sent), shift().login, parts.now(),
        base=parts.judge.base, to_files=to == "files",
    )  # fmt: skip


@blueprint.post("/publish/undo")
def take_back() -> Response:
    """Undo something that was done to releases."""
    action = _number(body(), "action")
    with changing("release.undo") as db:
        shell.undo(db, action, "release.")
    return jsonify(_state())


def _seen(sent: Body) -> State:
    seen = sent.part("seen")
    if seen is None:
        raise Refused("field", field="seen")
    return State(
        _number_or_none(seen, "live"),
        _number_or_none(seen, "canary"),
        seen.number("share", 0, 1) or 0.0,
    )


def _number(sent: Body, name: str) -> int:
    return int(sent.number(name, 1, NUMBERS) or 0)


def _number_or_none(sent: Body, name: str) -> int | None:
    found = sent.number(name, 1, NUMBERS, wanted=False)
    return None if found is None else int(found)


def _version(sent: Body) -> int:
    return _number(sent, "version")


def _title(sent: Body) -> str | None:
    title = sent.text("title", records.LONGEST_TITLE, wanted=False)
    return title or None
