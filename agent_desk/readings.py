"""The reading form: the same questions and the same answers as in the menu.

The values go through the services that a call goes through (`ivr.services.readings`), one register
after the other; between two posts the form is kept where a call keeps its slots, in a draft. Only
a supervisor may override a refusal, with a reason; the value then keeps a flag.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from agent_desk import drafts, talks
from agent_desk.board import KEPT
from agent_desk.body import Body, body
from agent_desk.office import company, office, shift
from agent_desk.refusals import Refused, note
from agent_desk.tickets import caller_of, place_of
from ivr.model import Caller, Result
from ivr.services import SERVICES
from ivr.services.form import Form
from ivr.services.inquiry import Inquiry
from ivr.services.plausibility import Counter, judge
from ivr.store.models import Draft

ONWARD = ("next", "complete")
"""Outcomes after which the next value may be looked at."""
QUESTIONS = ("rollover", "decimal", "swapped")
"""Outcomes that are questions about a value."""
ASKING = (*QUESTIONS, "already", "refused")
"""Outcomes that `answer` answers."""
END = ("accepted", "accepted_backup", "accepted_outside", "registered", "kept")

blueprint = Blueprint("readings", __name__)


@blueprint.post("/reading")
def reading() -> Response:
    """Take the values of one account, answer its questions, or store it."""
    sent = body()
    call, number = sent.name("ticket", wanted=False), sent.name("account")
    place = place_of(call, "reading")
    wish = _Wish.of(sent)
    if wish.reason and not shift().may("supervisor"):
        raise Refused("not_allowed", 403, audit="override", call=call or None, account=number)
    draft = (call or f"desk-{shift().login}", f"{KEPT}{number}")
    with office().store.session() as db:
        talks.account(db, number)
        row = db.get(Draft, draft)
        kept = dict(row.values) if row else {}
        if (last := kept.get("last")) and last["sent"] == asdict(wish):
            return jsonify(last["shown"])  # sent again because the answer was lost
        sheet = _Sheet(db, caller_of(draft[0], place), {} if last else kept, number)
        shown = sheet.answer(wish)
        drafts.write(db, *draft, sheet.kept())
    if wish.reason:
        note("override", call=call or None, account=number, reason=wish.reason, values=wish.values)
    talks.touch()
    return jsonify(shown)


@dataclass(frozen=True)
class _Wish:
    """What was sent. values: digits by register. reply: to the open question. reason: override."""

    values: dict[str, str]
    confirm: bool
    reply: str
    reason: str

    @staticmethod
    def of(sent: Body) -> _Wish:
        typed = Body(sent.mapping("values"))
        values = {key: typed.text(key, longest=12) for key in sent.mapping("values")}
        if not all(digits.isascii() and digits.isdecimal() for digits in values.values()):
            raise Refused("digits")
        override = sent.part("override")
        reply = sent.text("answer", longest=3, wanted=False)
        if reply not in ("", "yes", "no"):
            raise Refused("field", field="answer")
        reason = override.text("reason", longest=400) if override else ""
        return _Wish(values, sent.flag("confirm"), reply, reason)


class _Sheet:
    """One account's form at the desk: the slots of a call, and what the page last sent.

    slots: as the services want them. typed: digits by register id. open: the question asked.
    last: the final answer, given again when the page sends the same once more.
    """

    def __init__(self, db: Session, caller: Caller, kept: dict[str, Any], number: str) -> None:
        self._db = db
        self._caller = caller
        # Whoever works at the desk may see what is stored: as a proved caller.
        now = office().now().isoformat()
        empty = {"account": number, "proved": True, "entered_at": now, "done": []}
        self._slots: dict[str, Any] = kept.get("slots") or empty
        self._typed: dict[str, str] = dict(kept.get("typed") or {})
        self._open: str = kept.get("open") or ""
        self.last: dict[str, Any] = kept.get("last") or {}

    def kept(self) -> dict[str, Any]:
        """Return what is kept until the next post."""
        kept = {"slots": self._slots, "typed": self._typed, "open": self._open}
        return {**kept, "last": self.last}

    # what the page asks for

    def answer(self, wish: _Wish) -> dict[str, Any]:
        """Do what was sent and tell how the form stands."""
        result = self._begin(wish) or self._go_on(wish)
        rows = self._rows(result)
        if wish.confirm and result.outcome == "complete":
            result = self._ask("accept")
        return self._show(result, rows, wish)

    def _begin(self, wish: _Wish) -> Result | None:
        """Open the form; what stands in the way is the answer."""
        if "submission" in self._slots:
            return None
        caller = self._caller
        self._caller = replace(caller, call=f"{caller.call}.desk-{secrets.token_hex(4)}")
        result = self._ask("begin")
        self._caller = caller
        if result.outcome == "already":
            self._open = "already"
            return None if wish.reply else result
        return None if result.outcome == "next" else result

    def _go_on(self, wish: _Wish) -> Result:
        """Answer the open question, then look at the values."""
        asked, self._open = self._open, ""
        if asked == "already" and wish.reply == "no":
            return self._ask("keep")
        if asked == "refused" and wish.reply:
            return self._review() if wish.reply == "yes" else self._ask("onward")
        if asked in QUESTIONS and not wish.reason:
            services = {"yes": "agree", "no": "decline", "": "retype"}
            result = self._ask(services[wish.reply])
            if result.outcome not in ONWARD:
                return result
        return self._enter(wish)

    def _review(self) -> Result:
        """Leave the refused value to people; the other registers may still have values to come."""
        result, onward = self._ask("review"), self._ask("onward")
        if onward.outcome == "done":
            return result
        return Result(onward.outcome, {**onward.values, "receipt": result.values["receipt"]})

    def _enter(self, wish: _Wish) -> Result:
        """Give the form each value that it does not have yet; the first that is refused ends it."""
        result = Result("next")
        for counter, digits in self._wanted(wish):
            if wish.reason:
                self._override(counter, digits)
                result = self._ask("onward")
            elif not self._same(counter, digits):
                self._forget(counter)
                self._typed[str(counter.id)] = digits
                self._slots["current"] = counter.id
                result = self._ask("check", typed=digits)
            if result.outcome not in ONWARD:
                return result
        return self._ask("onward") if result.outcome == "next" else result

    def _wanted(self, wish: _Wish) -> list[tuple[Counter, str]]:
        """Return the values in the order of the registers; one that belongs nowhere is refused."""
        counters = self._form().counters
        keys = {str(counter.id): counter for counter in counters}
        for counter in counters:
            if sum(other.name == counter.name for other in counters) == 1:
                keys[counter.name] = counter
        if unknown := [key for key in wish.values if key not in keys]:
            raise Refused("field", field=unknown[0])
        found = {keys[key].id: digits for key, digits in wish.values.items()}
        return [(c, found[c.id]) for c in counters if c.id in found]

    def _same(self, counter: Counter, digits: str) -> bool:
        """Whether the form holds this value already, not refused and with no doubt left."""
        value = self._form().value(counter)
        return bool(value) and self._typed.get(str(counter.id)) == digits

    def _forget(self, counter: Counter) -> None:
        form = self._form()
        form.drop(counter)
        self._slots |= form.slots()

    def _override(self, counter: Counter, digits: str) -> None:
        form = self._form()
        verdict = judge(digits, counter, company().readings)
        if verdict.kind == "too_long":
            raise Refused("digits")
        form.put(counter, verdict, flags=["override", *_FLAGS.get(verdict.kind, ())], sure=True)
        self._typed[str(counter.id)] = digits
        self._slots |= form.slots()

    # the services

    def _form(self) -> Form:
        return Form(self._inquiry({}))

    def _ask(self, name: str, **more: Any) -> Result:
        """Ask a service of the reading dialogue as a call does."""
        result = SERVICES[f"readings.{name}"].answer(self._inquiry(more))
        self._slots |= result.values
        outcome = result.outcome.removesuffix("_private")
        # What a caller confirmed by an answer is still read out to him here before it is stored.
        return Result("complete" if outcome == "confirmed" else outcome, result.values)

    def _inquiry(self, more: dict[str, Any]) -> Inquiry:
        key = f"{self._slots.get('submission', self._caller.call)}/desk"
        slots = {**self._slots, **more}
        return Inquiry(self._caller, company(), office().now(), slots, {}, key, self._db)

    # what the page shows

    def _show(self, result: Result, rows: list[dict[str, Any]], wish: _Wish) -> dict[str, Any]:
        outcome = result.outcome
        self._open = outcome if outcome in ASKING else ""
        shown: dict[str, Any] = {"outcome": outcome, "rows": rows, "window": self._window()}
        if "receipt" in result.values:
            shown["receipt"] = result.values["receipt"]
        if outcome in END:
            self.last = {"sent": asdict(wish), "shown": shown}
        return shown

    def _rows(self, result: Result) -> list[dict[str, Any]]:
        """Return a line for each register, with its value and what is asked about it."""
        form = self._form()
        meters = {meter.id: meter.number for meter in form.account.meters}
        return [
            {
                "register": counter.name,
                "id": counter.id,
                "meter": meters[counter.meter],
                "previous": counter.text,
                "previous_on": counter.previous_on.isoformat(),
                **self._value(form, counter),
                **_question(result, counter),
            }
            for counter in form.counters
        ]

    def _value(self, form: Form, counter: Counter) -> dict[str, Any]:
        value = form.value(counter)
        typed = self._typed.get(str(counter.id))
        digits = f"{value['value']:0{counter.digits}d}" if value else typed
        return {"value": digits, "used": value.get("used")}

    def _window(self) -> dict[str, Any] | None:
        window = self._form().window
        if window is None:
            return None
        return {"opens": window.opens.isoformat(), "closes": window.closes.isoformat()}


def _question(result: Result, counter: Counter) -> dict[str, Any]:
    """Return what is asked about a register: the word, the consumption, the value offered."""
    outcome, told = result.outcome, dict[str, Any](result.values)
    if outcome in ("swapped", "already"):
        lines = [row for row in told["rows"] if row["zone"] == f"zone_{counter.name}"]
        return {"question": outcome, "suggested": lines[0]["value"]} if lines else {}
    if outcome in ONWARD or outcome in END or told.get("current") != counter.id:
        return {}
    asked = {"question": outcome} | ({"used": told["used"]} if "used" in told else {})
    return asked | ({"suggested": told["value"]} if "value" in told else {})


_FLAGS = {
    "equal": ("equal",),
    "high": ("high_use",),
    "impossible": ("high_use",),
    "rollover": ("rollover",),
}
