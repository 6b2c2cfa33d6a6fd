"""Recordings of prompts on the page publish: search, hear, upload, publish, roll back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Blueprint, jsonify, request, send_file
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused
from agent_desk.supervisor import shell
from agent_desk.supervisor.publishing import changing, lately, refusal
from ivr import recorded
from ivr.errors import Unfit
from ivr.prompts import seconds
from ivr.speech import upload
from ivr.store.supervision import PromptVersion

UPLOAD = "/desk/supervisor/publish/upload"
UPLOADS = (UPLOAD, "/desk/supervisor/announcements/upload")
"""The addresses of the desk that take a long body: a sound."""
LARGEST = upload.LARGEST
NUMBERS = 2**31 - 1
SHOWN = 60
"""Pieces of a search."""
KINDS = {".wav": "audio/wav", ".opus": "audio/ogg", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}

blueprint = Blueprint("prompts", __name__)


def given() -> dict[str, Any]:
    """Return what the page's script begins with."""
    known = office().judge.catalogues
    return {
        "languages": [each for each in company().languages if each in known],
        "largest": LARGEST,
        "pieces": SHOWN,
    }


# ---------------------------------------------------------------------- what is


@blueprint.get("/publish/prompts")
def search() -> Response:
    """Return the pieces whose id or text has all words of `find`; those with a recording first."""
    language = _language(request.args.get("of", ""))
    words = request.args.get("find", "")[:100].casefold().split()
    with office().store.session(read_only=True) as db:
        live = {
            row.prompt: row.number
            for row in recorded.live(db, shift().company)
            if row.language == language
        }
        done = lately(db, "prompt.")
    found = [
        {"id": piece, "text": text, "live": live.get(piece)}
        for piece, text in _pieces(language).items()
        if all(word in f"{piece} {text}".casefold() for word in words)
    ]
    found.sort(key=lambda each: each["live"] is None)
    return jsonify(found=found[:SHOWN], more=max(0, len(found) - SHOWN), actions=done)


@blueprint.get("/publish/prompts/<language>/<prompt>")
def piece(language: str, prompt: str) -> Response:
    """Return a piece with its versions."""
    return jsonify(_piece(_language(language), prompt))


def _piece(language: str, prompt: str) -> dict[str, Any]:
    text, own = _text(language, prompt), _own(language, prompt)
    with office().store.session(read_only=True) as db:
        rows = recorded.history(db, shift().company, prompt, language)
    live = next((row for row in rows if row.state == "live"), None)
    return {
        "id": prompt,
        "language": language,
        "text": text,
        "expected": round(seconds(text), 1),
        "own": own is not None,
        "live": live.number if live else None,
        "before": live.replaced if live else None,
        "versions": [_version_of(row, text) for row in rows],
    }


def _version_of(row: PromptVersion, text: str) -> dict[str, Any]:
    stale = ["stale"] if row.text != text else []
    return {
        "number": row.number,
        "version": row.version,
        "state": row.state,
        "seconds": row.seconds,
        "level": row.level,
        "peak": row.peak,
        "findings": [*row.findings, *stale],
        "made": {"by": row.made_by, "at": row.made_at.timestamp()},
        "published": (
            {"by": row.published_by, "at": row.published_at.timestamp()}
            if row.published_at
            else None
        ),
    }


@blueprint.get(f"/publish/prompts/<language>/<prompt>/<int(max={NUMBERS}):number>.wav")
def hear(language: str, prompt: str, number: int) -> Response:
    """Return the sound of a version. number 0: the program's own."""
    language = _language(language)
    _text(language, prompt)
    if not number:
        own = _own(language, prompt)
        if own is None:
            raise Refused("recording_none", 404)
        return send_file(own, mimetype=KINDS.get(own.suffix, "application/octet-stream"))
    with office().store.session(read_only=True) as db, _told():
        row = recorded.find(db, shift().company, prompt, language, number, sounds=True)
        return Response(row.wide, mimetype="audio/wav")


def _own(language: str, prompt: str) -> Path | None:
    """Return the sound that the program has of a piece: as it is played, else as it is shipped."""
    played = office().var / "sounds" / language / f"{prompt}.wav"
    if played.is_file():
        return played
    folder = office().judge.home / "prompts" / language
    shipped = (folder / f"{prompt}{ending}" for ending in KINDS)
    return next((path for path in shipped if path.is_file()), None)


def _language(language: str) -> str:
    if language not in company().languages or language not in office().judge.catalogues:
        raise Refused("field", field="language")
    return language


def _pieces(language: str) -> dict[str, str]:
    return office().judge.catalogues[language].fixed()


def _text(language: str, prompt: str) -> str:
    text = _pieces(language).get(prompt)
    if text is None:
        raise Refused("prompt_gone", 404, name=prompt[:60])
    return text


# ---------------------------------------------------------------------- changes


@blueprint.post(UPLOAD.removeprefix("/desk/supervisor"))
def keep() -> Response:
    """Take a sound, the body as it is, for `?of=LANGUAGE&prompt=`."""
    language, prompt = _language(request.args.get("of", "")), request.args.get("prompt", "")
    text = _text(language, prompt)
    with _told("prompt.upload"):
        found = upload.read(request.get_data(), text)
    with changing("prompt.upload") as db:
        row = recorded.keep(
            db, shift().company, prompt, language, text, found, shift().login, office().now()
        )
    return jsonify(_piece(language, prompt) | {"kept": row.number})


@blueprint.post("/publish/prompts/<language>/<prompt>")
def change(language: str, prompt: str) -> Response:
    """Publish, roll back or throw away a version."""
    sent, language = body(), _language(language)
    _text(language, prompt)
    do = sent.choice("do", "publish", "rollback", "discard")
    with changing(f"prompt.{do}") as db:
        {"publish": _publish, "rollback": _roll_back, "discard": _discard}[do](
            db, prompt, language, sent
        )
    return jsonify(_piece(language, prompt))


def _publish(db: Session, prompt: str, language: str, sent: Body) -> None:
    recorded.publish(
        db, shift().company, prompt, language, _number(sent, "number"), _number(sent, "version"),
        _seen(sent), shift().login, office().now(),
    )  # fmt: skip


def _roll_back(db: Session, prompt: str, language: str, sent: Body) -> None:
    to_own = sent.choice("to", "before", "own") == "own"
    recorded.roll_back(
        db, shift().company, prompt, language, _seen(sent), shift().login, office().now(),
        to_own=to_own,
    )  # fmt: skip


def _discard(db: Session, prompt: str, language: str, sent: Body) -> None:
    recorded.discard(
        db, shift().company, prompt, language, _number(sent, "number"), _number(sent, "version"),
        shift().login, office().now(),
    )  # fmt: skip


@blueprint.post("/publish/prompts/undo")
def take_back() -> Response:
    """Undo something that was done to recordings."""
    with changing("prompt.undo") as db:
        shell.undo(db, _number(body(), "action"), "prompt.")
    return jsonify({})


@contextlib.contextmanager
def _told(what: str = "") -> Iterator[None]:
    try:
        yield
    except Unfit as error:
        raise refusal(error, what) from None


def _number(sent: Body, name: str) -> int:
    return int(sent.number(name, 1, NUMBERS) or 0)


def _seen(sent: Body) -> int | None:
    found = sent.number("seen", 1, NUMBERS, wanted=False)
    return None if found is None else int(found)
