"""The reading dialogue: the services that `flows/reading.yaml` asks, in the order of a call.

The window, the draft of a broken-off call, the values (`ivr/services/form.py` holds them), and the
end: accepted, to review, kept as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from ivr.model import Result
from ivr.services import accounts, feed, notices, tickets
from ivr.services.form import SPOKEN, STORED, Form, finished
from ivr.services.inquiry import Inquiry, service
from ivr.services.plausibility import Counter, Verdict
from ivr.store.models import Reading, Register

BEFORE = 10
"""Readings of a register looked at to tell the volume since the one before."""
FLAGGED = {"rollover", "high_use", "override"}
ASKED_AGAIN = (
    "too_low", "too_low_private", "too_high", "too_high_private", "decimal", "decimal_private",
)  # fmt: skip
"""What the value of a zone may come to when every register has one and the zones are compared."""
ONWARD = ("next", "complete", "complete_private", "swapped", *ASKED_AGAIN)
"""How it goes on with a form of which something is still to be confirmed."""


# ---------------------------------------------------------------------- before the first value


@service("readings.window", "open", "closed", reads=True)
def window(inquiry: Inquiry) -> Result:
    """Note the moment of entering, which decides for the whole dialogue, and tell the window."""
    found = inquiry.company.window.at(inquiry.today)
    values: dict[str, Any] = {"entered_at": inquiry.now.isoformat(), "step": "reading", "done": []}
    if found is not None:
        return Result("open", values)
    closed = inquiry.company.window.last(inquiry.today).closes
    opens = inquiry.company.window.next(inquiry.today).opens
    dates = {"closed_on": closed.isoformat(), "opens_on": opens.isoformat()}
    return Result("closed", values | dates)


@service("readings.draft", "none", "found", prompts=accounts.PLACES, reads=True)
def draft(inquiry: Inquiry) -> Result:
    """Find out whether the last dialogue of this number broke off within the draft's hours."""
    number = inquiry.caller.number
    if number is None:
        return Result("none")
    since = inquiry.now - timedelta(hours=inquiry.company.readings.draft_hours)
    row = inquiry.db.scalar(
        select(Reading)
        .where(
            Reading.company == inquiry.company.id,
            Reading.caller_number == number,
            Reading.stored_at >= since,
        )
        .order_by(Reading.stored_at.desc(), Reading.id.desc())
        .limit(1)
    )
    if row is None or not _broken_off(inquiry, row):
        return Result("none")
    account = accounts.chosen(row.account, accounts.proved(inquiry, row.account))
    return Result("found", {**account, "submission": row.key.rpartition("/")[0]})


def _broken_off(inquiry: Inquiry, last: Reading) -> bool:
    """Whether the form that `last` belongs to was left before its end, and nothing came after."""
    later = inquiry.db.scalar(
        select(Reading.id)
        .where(
            Reading.account_id == last.account_id,
            Reading.state.in_(STORED),
            Reading.stored_at > last.stored_at,
        )
        .limit(1)
    )
    if later is not None:
        return False
    rows = _rows_of(inquiry, last.account_id, last.key.rpartition("/")[0])
    registers = sum(len(meter.registers) for meter in last.account.meters)
    if any(row.state in STORED for row in rows):
        return False
    return len(rows) < registers or any(row.state == "incomplete" for row in rows)


def _rows_of(inquiry: Inquiry, account: int, submission: str) -> Sequence[Reading]:
    wanted = select(Reading).where(
        Reading.account_id == account,
        Reading.key.startswith(f"{submission}/", autoescape=True),
    )
    return inquiry.db.scalars(wanted).all()


@service("readings.resume", *ONWARD, prompts=SPOKEN)
def resume(inquiry: Inquiry) -> Result:
    """Take the values of the draft and go on with what is missing."""
    form = Form(inquiry, fresh=True)
    for row in _rows_of(inquiry, form.account.id, form.submission):
        form.restore(row)
    return form.onward()


@service(
    "readings.begin",
    "next",
    "already",
    "already_private",
    "business",
    "no_meter",
    prompts=SPOKEN,
    reads=True,
)
def begin(inquiry: Inquiry) -> Result:
    """Open the form of the chosen account, or say what stands in the way."""
    account = accounts.current(inquiry)
    if account.kind == "business":
        return Result("business")
    if not any(meter.registers for meter in account.meters):
        return Result("no_meter")
    count = int(inquiry.slots.get("submissions", 0)) + 1
    form = Form(inquiry, fresh=True, submission=f"{inquiry.caller.call}.{count}")
    values = {**form.onward().values, "submissions": count}
    if not (stored := form.stored()):
        return Result("next", values)
    latest = max(row.stored_at for row in stored)
    rows = [form.row(form.counter(row.register_id), int(row.value), 0) for row in stored]
    values |= {"rows": rows, "stored_on": inquiry.local(latest).date().isoformat()}
    return Result("already" if form.proved else "already_private", values)


# ---------------------------------------------------------------------- values


@service(
    "readings.check",
    *ONWARD,
    "refused",
    "too_long",
    "rollover",
    "rollover_private",
    prompts=SPOKEN,
)
def check(inquiry: Inquiry) -> Result:
    """Judge the keyed value of the current register."""
    return Form(inquiry).take(str(inquiry.slots["typed"]))


@service("readings.same", *ONWARD, prompts=SPOKEN)
def same(inquiry: Inquiry) -> Result:
    """`#` alone: the same as last time (P4)."""
    form = Form(inquiry)
    counter = form.current
    form.put(counter, Verdict("equal", counter.previous, 0), unsaid=not form.proved)
    return form.onward()


@service("readings.agree", *ONWARD, "confirmed", prompts=SPOKEN)
def agree(inquiry: Inquiry) -> Result:
    """Yes to a roll-over, a decimal digit or swapped zones: the question was the confirmation."""
    return Form(inquiry).agree()


@service("readings.decline", *ASKED_AGAIN, "refused", prompts=SPOKEN)
def decline(inquiry: Inquiry) -> Result:
    """No to such a question: the value is refused for the reason that raised it."""
    return Form(inquiry).decline()


@service("readings.retype", "next", prompts=SPOKEN)
def retype(inquiry: Inquiry) -> Result:
    """`*` at a question about a value: the value is asked again."""
    return Form(inquiry).retype()


@service("readings.back", "next", "first", prompts=SPOKEN)
def back(inquiry: Inquiry) -> Result:
    """One step back from asking a value: to the value before it, else to the account."""
    return Form(inquiry).back()


@service("readings.onward", *ONWARD, "confirmed", "done", prompts=SPOKEN)
def onward(inquiry: Inquiry) -> Result:
    """Go on with the registers that have no value yet."""
    return Form(inquiry).onward()


@service("readings.change", "next", prompts=SPOKEN)
def change(inquiry: Inquiry) -> Result:
    """The caller wants to change what was read back: every value of the form is asked again."""
    form = Form(inquiry)
    form.clear()
    return form.onward()


# ---------------------------------------------------------------------- the end


@service("readings.accept", "accepted", "accepted_backup", "accepted_outside")
def accept(inquiry: Inquiry) -> Result:
    """Make the confirmed rows accepted ones, with one registration number for all of them."""
    form = Form(inquiry)
    receipt = inquiry.receipt(form.submission)
    earlier = {row.register_id: row for row in form.stored()}
    for counter in form.counters:
        value = form.value(counter)
        if value.get("reviewed"):
            continue
        row = form.save(counter, value)
        row.receipt_id = receipt.id
        row.as_of = form.as_of
        if counter.id in earlier:
            row.replaces_id = earlier[counter.id].id
            row.flags = [*value["flags"], "replaces"]
        row.state = _state(form, row)
        feed.reading(inquiry.db, inquiry.company, row, inquiry.now)
    notices.reading(inquiry, str(receipt.number))
    outcome = "accepted" if form.window else "accepted_outside"
    if form.window and any(meter.remote for meter in form.account.meters):
        outcome = "accepted_backup"
    return Result(outcome, {"receipt": str(receipt.number), **finished(inquiry)})


def _state(form: Form, row: Reading) -> str:
    if form.window is None:
        return "outside_window"
    return "accepted_flagged" if FLAGGED & set(row.flags) else "accepted"


@service("readings.review", "registered")
def review(inquiry: Inquiry) -> Result:
    """Keep the refused value for people to check (P2, P6): a row to review and a ticket."""
    form = Form(inquiry)
    counter = form.current
    tries = form.tries(counter)
    typed = tries[-1]["typed"]
    key = f"{form.submission}/{counter.id}"
    receipt = inquiry.receipt(f"{key}/review")
    value = {"value": int(typed), "flags": []}
    row = form.save(counter, value)
    row.state, row.receipt_id, row.tries = "to_review", receipt.id, tries
    tickets.register(
        inquiry,
        "reading_review",
        form.account,
        key=key,
        priority="normal",
        reason=tries[-1]["kind"],
        details={"register": counter.name, "tries": tries, "previous": counter.text},
        receipt=receipt,
    )
    form.reviewed(counter, int(typed))
    return Result("registered", {"receipt": str(receipt.number), **form.slots()})


@service("readings.keep", "kept", reads=True)
def keep(inquiry: Inquiry) -> Result:
    """The stored reading stays; the account counts as done in this call."""
    return Result("kept", finished(inquiry))


@service(
    "readings.last", "told", "private", "none",
    prompts=(*SPOKEN, "row_volume", "row_estimated"), reads=True,
)  # fmt: skip
def last(inquiry: Inquiry) -> Result:
    """The last reading of each register and the volume since the one before, if he is proved.

    Where no reading came in the last window the volume is billed by estimate, and that is said.
    """
    form = Form(inquiry, fresh=True)
    if not form.counters:
        return Result("none")
    if not form.proved:
        return Result("private")
    return Result("told", {"rows": [_last(form, counter) for counter in form.counters]})


def _last(form: Form, counter: Counter) -> dict[str, Any]:
    inquiry = form.inquiry
    rows = inquiry.db.scalars(
        select(Reading)
        .where(Reading.register_id == counter.id, Reading.state.in_(STORED))
        .order_by(Reading.stored_at.desc(), Reading.id.desc())
        .limit(BEFORE)
    ).all()
    register = inquiry.db.get_one(Register, counter.id)
    days = [inquiry.local(row.stored_at).date() for row in rows]
    known = [(int(row.value), row.as_of or day) for row, day in zip(rows, days, strict=True)]
    known.append((int(register.previous), register.previous_on))
    (value, as_of), *earlier = sorted(known, key=lambda entry: entry[1], reverse=True)
    before = next((old for old, on in earlier if on < as_of), None)
    used = None if before is None else (value - before) % 10**counter.digits
    on = days[0] if rows and known[0] == (value, as_of) else as_of
    return {
        **form.row(counter, value, used or 0),
        "on": on.isoformat(),
        "volume": "" if used is None else "row_volume",
        "estimated": "row_estimated" if as_of < _due(inquiry) else "",
    }


def _due(inquiry: Inquiry) -> date:
    """The day for which a reading should have come in the last window that is over."""
    window = inquiry.company.window.last(inquiry.today)
    return window.as_of or window.opens
