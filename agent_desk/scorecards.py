"""An operator's own scorecards: he reads how his talks were rated, and answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import recordings
from agent_desk.body import body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from ivr.errors import Changed
from ivr.quality import scorecards
from ivr.store.models import Conversation
from ivr.store.supervision import Scorecard

SHOWN = 60
LONGEST = 2000
"""Characters of an answer."""

blueprint = Blueprint("scorecards", __name__)


@blueprint.get("/scorecards")
def own() -> Response:
    """List his latest cards."""
    wanted = (
        select(Scorecard, Conversation)
        .join(Conversation, Conversation.id == Scorecard.conversation_id)
        .where(Scorecard.company == shift().company, Scorecard.operator == shift().login)
        .order_by(Scorecard.at.desc(), Scorecard.id.desc())
        .limit(SHOWN)
    )
    with office().store.session(read_only=True) as db:
        rows = [_shown(card, talk) for card, talk in db.execute(wanted)]
    return jsonify(cards=rows)


def _shown(card: Scorecard, talk: Conversation) -> dict[str, Any]:
    playable = company().terms.quality.own and talk.recording is not None
    return scorecards.shown(card, office().now()) | {
        "call_at": talk.answered_at.timestamp(),
        "queue": talk.queue,
        "code": talk.code,
        "playable": playable,
    }


@blueprint.post("/scorecards/<int(max=2147483647):key>/answer")
def answer(key: int) -> Response:
    """Keep his answer to a card."""
    sent = body()
    text = sent.text("text", LONGEST)
    version = int(sent.number("version", 1, 2**31) or 0)
    with office().store.session() as db:
        card = _mine(db, key, changed=True)
        try:
            scorecards.answer(card, text, office().now(), version)
        except Changed as reason:
            raise Refused("quality_changed", 409, audit="answer_card", who=reason.who) from None
        except ValueError:
            raise Refused("quality_answered", 409, audit="answer_card", card=key) from None
        told = _shown(card, card.conversation)
    note("answer_card", card=key, talk=told["talk"])
    return jsonify(told)


@blueprint.get("/scorecards/<int(max=2147483647):key>/sound")
def sound(key: int) -> Response:
    """Return the sound of his own rated talk, where the company lets him hear it."""
    if not company().terms.quality.own:
        raise Refused("not_allowed", 403, audit="play_recording", card=key)
    with office().store.session(read_only=True) as db:
        talk = _mine(db, key).conversation_id
    return recordings.heard(talk, shift().login)


def _mine(db: Session, key: int, changed: bool = False) -> Scorecard:
    card = db.get(Scorecard, key, with_for_update=changed)
    if card is None or card.company != shift().company or card.operator != shift().login:
        raise Refused("gone", 404, audit="card", card=key)
    return card
