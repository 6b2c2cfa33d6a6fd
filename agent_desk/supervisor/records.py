"""The page records: the audit log, retention, the erasure of a customer.

What walks through everything is done beside the request: the page asks for a row of `erasures`
until it tells how it ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from agent_desk.body import Body, asked_day, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr.company import Company
from ivr.erasure import customer, retention
from ivr.erasure.customer import Parts
from ivr.erasure.subject import NotErased, Subject, account_of, number_of
from ivr.quality.index import bounds
from ivr.store.models import Audit
from ivr.store.supervision import Erasure

logger = logging.getLogger(__name__)

PAGE = 50
SHOWN = 50
LAST_PAGE = 100_000

blueprint = Blueprint("records", __name__)


@blueprint.get("/records/")
def page() -> str:
    """Show the page."""
    today = office().now().astimezone(company().zone).date()
    return shell.show(
        "records",
        administrator=shift().may("administrator"),
        today=today.isoformat(),
        rows=PAGE,
        kept=list(company().terms.retention.erased),
    )


# ---------------------------------------------------------------------- the audit log


@blueprint.get("/records/audit")
def audit() -> Response:
    """Return a page of the audit log, the newest first."""
    asked = request.args
    first, last = asked_day("first"), asked_day("last")
    if first > last:
        raise Refused("records_days")
    number = asked.get("page", "0")
    if not (number.isascii() and number.isdecimal()) or int(number[:9]) > LAST_PAGE:
        raise Refused("field", field="page")
    since, until = bounds(company(), first, last)
    rules = [Audit.company == shift().company, Audit.at >= since, Audit.at < until]
    for column, name in ((Audit.who, "who"), (Audit.what, "what"), (Audit.call, "call")):
        if value := asked.get(name, "").strip()[:120]:
            rules.append(column == value)
    if (allowed := asked.get("allowed", "")) not in ("", "yes", "no"):
        raise Refused("field", field="allowed")
    if allowed:
        rules.append(Audit.allowed.is_(allowed == "yes"))
    with office().store.session(read_only=True) as db:
        total = db.scalar(select(func.count()).select_from(Audit).where(*rules)) or 0
        wanted = select(Audit).where(*rules).order_by(Audit.at.desc(), Audit.id.desc())
        rows = [_audited(row) for row in db.scalars(wanted.offset(int(number) * PAGE).limit(PAGE))]
    return jsonify(rows=rows, total=total, page=int(number))


def _audited(row: Audit) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.timestamp(),
        "who": row.who,
        "what": row.what,
        "allowed": row.allowed,
        "call": row.call,
        "address": row.address,
        "details": row.details,
    }


# ---------------------------------------------------------------------- what was deleted


@blueprint.get("/records/erasures")
def erasures() -> Response:
    """List the last rounds of retention and erasures."""
    wanted = (
        select(Erasure)
        .where(Erasure.company == shift().company)
        .order_by(Erasure.id.desc())
        .limit(SHOWN)
    )
    with office().store.session(read_only=True) as db:
        rows = [_erasure(row) for row in db.scalars(wanted)]
    return jsonify(rows=rows)


@blueprint.get("/records/erasure/<int(max=2147483647):key>")
def erasure(key: int) -> Response:
    """Return one of them with its report or proof."""
    with office().store.session(read_only=True) as db:
        row = db.get(Erasure, key)
    if row is None or row.company != shift().company:
        raise Refused("gone", 404)
    proof = {name: value for name, value in row.proof.items() if name != "plan"}
    return jsonify(_erasure(row) | {"proof": proof})


def _erasure(row: Erasure) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.timestamp(),
        "who": row.who,
        "subject": row.subject,
        "dry_run": row.dry_run,
        "state": row.proof.get("state", ""),
    }


# ---------------------------------------------------------------------- deleting


@blueprint.post("/records/retention")
def aged() -> Response:
    """Count what is too old, or delete it; the row that will tell."""
    dry = body().flag("dry_run")
    if not dry:
        _administrator("retention")
    parts, profile, who = _parts(), company(), shift().login

    def work(key: int) -> dict[str, Any]:
        if dry:
            return retention.dry_run(parts, profile)
        return retention.run(parts, profile, who)

    note("retention_dry_run" if dry else "retention_asked")
    return jsonify(id=_start(parts, profile, work))


@blueprint.post("/records/erase")
def erase() -> Response:
    """Count what is known of a customer, or erase him; the row that will tell.

    The number or account is in no log: the audit log names the row of the erasure.
    """
    _administrator("erase")
    sent = body()
    dry = sent.flag("dry_run")
    subject, parts, who = _subject(sent), _parts(), shift().login
    if not dry and sent.text("again", 40) != sent.text("value", 40):
        raise Refused("records_again")

    def work(key: int) -> dict[str, Any]:
        if dry:
            return customer.dry_run(parts, subject)
        begun = customer.begin(parts, subject, who)
        _tell(parts, key, {"state": "running", "erasure": begun})
        customer.finish(parts, subject, begun, who)
        return {"state": "followed", "erasure": begun}

    key = _start(parts, company(), work, subject.digest)
    note("erase_dry_run" if dry else "erase", asked=key)
    return jsonify(id=key)


def _administrator(what: str) -> None:
    if not shift().may("administrator"):
        raise Refused("records_administrator", 403, audit=what)


def _subject(sent: Body) -> Subject:
    kind, value = sent.choice("kind", "number", "account"), sent.text("value", 40)
    try:
        if kind == "number":
            return number_of(company(), office().companies, value)
        return account_of(company(), value)
    except NotErased as refused:
        raise Refused(f"records_{refused.reason}", owner=refused.details.get("owner", "")) from None


def _parts() -> Parts:
    parts = office().erasing
    if parts is None:
        raise Refused("store_down", 503)
    return parts


def _start(
    parts: Parts, profile: Company, work: Callable[[int], dict[str, Any]], subject: str = "-"
) -> int:
    """Begin something long in a thread of its own; the number of the row that will tell."""
    with parts.store.session() as db:
        row = Erasure(
            company=profile.id, at=parts.clock(), who=shift().login, subject=subject,
            dry_run=True, proof={"state": "running"},
        )  # fmt: skip
        db.add(row)
        db.flush()
        key = row.id

    def run() -> None:
        try:
            told = work(key)
        except NotErased as refused:
            told = {"state": "refused", "reason": refused.reason, **refused.details}
        except Exception:
            logger.exception("erasure %d failed", key)
            told = {"state": "failed"}
        _tell(parts, key, told)

    threading.Thread(target=run, name=f"erasure-{key}", daemon=True).start()
    return key


def _tell(parts: Parts, key: int, told: dict[str, Any]) -> None:
    with parts.store.session() as db:
        db.get_one(Erasure, key).proof = told
