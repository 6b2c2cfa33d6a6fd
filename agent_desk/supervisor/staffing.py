"""The page staffing: forecast, operators by half hour, a day lived again with a change.

What-ifs run in a process beside (`ivr.staffing.background`), one at a time for each company; the
page asks how far it is.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from werkzeug.wrappers import Response

from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.supervisor import shell
from ivr.staffing import ask, plan, shown
from ivr.staffing.background import Busy, Simulations
from ivr.staffing.backtest import backtest
from ivr.staffing.calendar import HALF_HOUR
from ivr.staffing.day import EmptyDay
from ivr.staffing.forecast import NothingKnown
from ivr.staffing.need import BOUNDS
from ivr.staffing.plan import FORESEEN, MOST_DAYS, Known, Wishes
from ivr.staffing.whatif import (
    ALL,
    FIGURES,
    MOST_OPERATORS,
    MOST_RUNS,
    RULES,
    RUNS,
    Change,
    checked,
    rule_value,
)

WEEK = 7
TRIED = 28
"""Days of the backtest."""
LONGEST_RELAX = 100

blueprint = Blueprint("staffing", __name__)


@blueprint.get("/staffing/")
def page() -> str:
    """Show the page."""
    profile, today = company(), _today()
    promised, terms = profile.terms.service_level, profile.terms.staffing
    return shell.show(
        "staffing",
        kinds=list(FORESEEN),
        tomorrow=(today + timedelta(days=1)).isoformat(),
        yesterday=(today - timedelta(days=1)).isoformat(),
        furthest=(today + timedelta(days=plan.FURTHEST)).isoformat(),
        promised={
            "within": promised.within, "level": promised.target, "lost": promised.lost,
            "shrinkage": terms.shrinkage, "least": terms.least, "days": terms.days,
        },
        bounds=BOUNDS,
        most_days=MOST_DAYS,
        figures=list(FIGURES),
        rules={
            name: {rule: _plain(getattr(own, rule)) for rule in RULES}
            for name, own in profile.queues.items()
        },
        most={"operators": MOST_OPERATORS, "runs": MOST_RUNS},
        runs=RUNS,
        slot=HALF_HOUR.total_seconds(),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A rule as the page shows it: relax as text."""
    if isinstance(value, tuple):
        return ",".join(f"{seconds:g}:{level}" for seconds, level in value)
    return value


# ---------------------------------------------------------------------- forecast and operators


@blueprint.post("/staffing/plan")
def planned() -> Response:
    """Return the forecast of days, the operators they need, and on what both stand."""
    sent = body()
    first = sent.day("day")
    count = int(sent.number("count", 1, WEEK) or 1)
    if first > _today() + timedelta(days=plan.FURTHEST):
        raise Refused("field_day", field="day")
    wishes = _wishes(sent)
    known = _known(sent, first)
    try:
        given = plan.inputs(known, wishes)
        days = [plan.day(known, first + timedelta(days=n), wishes, given) for n in range(count)]
    except NothingKnown:
        raise Refused("staffing_unknown", 404) from None
    except ValueError as reason:
        raise Refused("staffing_senseless", why=str(reason)) from None
    return jsonify(shown.json_of(days, known, given))


@blueprint.post("/staffing/backtest")
def tried() -> Response:
    """Return how good the forecasts of the last weeks would have been."""
    sent = body()
    wanted = company().terms.staffing.days
    known = _known(sent, _today())
    return jsonify(scores=backtest(known.history, _today(), TRIED, wanted), days=TRIED)


def _known(sent: Body, first: date) -> Known:
    queue = sent.choice("queue", *company().queues) if sent.text("queue", wanted=False) else ""
    with office().store.session(read_only=True) as db:
        return plan.known(db, company(), (queue,) if queue else (), first, office().now())


def _wishes(sent: Body) -> Wishes:
    numbers = {name: sent.number(name, *span, wanted=False) for name, span in BOUNDS.items()}
    least, days = numbers.pop("least"), sent.number("days", 1, MOST_DAYS, wanted=False)
    kind = sent.choice("kind", *FORESEEN) if sent.text("kind", wanted=False) else ""
    return Wishes(
        **numbers,
        least=None if least is None else int(least),
        days=None if days is None else int(days),
        kind=kind,
    )


# ---------------------------------------------------------------------- what if


@blueprint.post("/staffing/whatif")
def begin() -> Response:
    """Begin to live a day again."""
    sent = body()
    day, profile = sent.day("day"), company()
    runs = int(sent.number("runs", 1, MOST_RUNS) or RUNS)
    change = _change(sent)
    handle = sent.number("handle", *BOUNDS["handle"], wanted=False)
    asked = {name: request.json.get(name) for name in _ASKED} if request.json else {}
    job = _simulations().last(profile.id)
    if job is not None and job.state == "running":
        raise Refused("staffing_busy", 409)
    try:
        with office().store.session(read_only=True) as db:
            now = office().now()
            question = ask.question(db, profile, day, change, now, runs)
        if handle is not None:
            question = ask.with_handling(question, {ALL: handle})
        job = _simulations().start(profile.id, question, asked)
    except EmptyDay:
        raise Refused("staffing_empty", 404, day=day.isoformat()) from None
    except Busy:
        raise Refused("staffing_busy", 409) from None
    except ValueError as reason:
        raise Refused("staffing_senseless", why=str(reason)) from None
    note("staffing_whatif", **asked)
    return jsonify(job.to_json())


_ASKED = ("day", "operators", "skills", "since", "until", "rules", "handle", "runs")


@blueprint.get("/staffing/whatif")
def progress() -> Response:
    """Return how far the last what-if of the company is, null where there was none."""
    job = _simulations().last(shift().company)
    return jsonify(job.to_json() if job else None)


@blueprint.post("/staffing/whatif/stop")
def stop() -> Response:
    """End the what-if that runs."""
    _simulations().stop(shift().company)
    return progress()


def _change(sent: Body) -> Change:
    operators = int(sent.number("operators", -MOST_OPERATORS, MOST_OPERATORS) or 0)
    levels, rules = sent.part("skills"), sent.part("rules")
    queues = company().queues
    skills = {
        queue: int(level)
        for queue in (sent.mapping("skills") if levels else {})
        if levels and (level := levels.number(queue, 1, 5, wanted=False)) is not None
    }
    changed = {}
    for queue in sent.mapping("rules") if rules else {}:
        own = rules.part(queue) if rules else None
        if own is not None and queue in queues:
            changed[queue] = _rules(own)
    change = Change(
        operators, skills, sent.text("since", 5), sent.text("until", 5),
        {queue: given for queue, given in changed.items() if given},
    )  # fmt: skip
    try:
        return checked(change, queues)
    except ValueError as reason:
        raise Refused("staffing_senseless", why=str(reason)) from None


def _rules(own: Body) -> dict[str, Any]:
    """The rules of one queue that are otherwise."""
    found: dict[str, Any] = {
        name: own.number(name, 0, 86_400, wanted=False) for name in ("wrap_up", "overflow_after")
    }
    if own.text("overflow_to", wanted=False):
        found["overflow_to"] = own.choice("overflow_to", *company().queues)
    if relax := own.text("relax", LONGEST_RELAX, wanted=False):
        try:
            found["relax"] = rule_value("relax", relax)
        except ValueError:
            raise Refused("field", field="relax") from None
    return {name: value for name, value in found.items() if value is not None}


# ---------------------------------------------------------------------- what they share


def _today() -> date:
    return office().now().astimezone(company().zone).date()


def _simulations() -> Simulations:
    """The what-ifs of this application."""
    found: Simulations = current_app.extensions.setdefault("staffing", Simulations())
    return found
