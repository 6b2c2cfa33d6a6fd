"""The form of one account in one call: its registers, the values so far, what comes next.

What is keyed lives in two places: in the call's slots (`values`, `tries`, `current`) and, as soon
as a value is fit to be confirmed, as an `incomplete` row in the store, so that a caller who is cut
off can go on. Confirmation turns those rows into accepted ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from ivr.model import Result
from ivr.services import accounts
from ivr.services.inquiry import Inquiry
from ivr.services.plausibility import Counter, Verdict, exchange, judge, plausible, span
from ivr.store.models import Account, Reading, Register
from ivr.window import Window

ACCEPTED = ("accepted", "accepted_flagged")
STORED = (*ACCEPTED, "outside_window")
ORDER = ("single", "peak", "half_peak", "day", "night")
"""The order in which registers are asked: day before night, the three zones by price."""
SPOKEN = (
    "enter_meter",
    "enter_night_third",
    *(f"enter_{name}" for name in ORDER if name != "single"),
    *(f"zone_{name}" for name in ORDER),
    "row_same",
    "row_value",
)
"""Ids of prompts among the values of a form."""


def finished(inquiry: Inquiry) -> dict[str, Any]:
    """Return the slots after an account is done with: the form is empty again."""
    done = [*inquiry.slots.get("done", []), inquiry.slots["account"]]
    form = dict.fromkeys(("values", "tries", "current", "question", "rows"))
    return {"done": done, **form}


class Form:
    """The form of one account in one call: its registers, the values so far, what comes next.

    values: by register id, {"value", "used", "flags", "sure", "doubt", "reviewed", "unsaid"}: sure
    values need no read-back, a doubt is the kind of a value kept only because zones may be swapped.
    """

    def __init__(self, inquiry: Inquiry, fresh: bool = False, submission: str = "") -> None:
        slots = inquiry.slots
        self.inquiry = inquiry
        self.account: Account = accounts.current(inquiry)
        self.proved = bool(slots.get("proved"))
        self.submission: str = submission or slots.get("submission", "")
        entered = slots.get("entered_at")
        self.entered = datetime.fromisoformat(entered) if entered else inquiry.now
        self.day: date = inquiry.local(self.entered).date()
        self.window: Window | None = inquiry.company.window.at(self.day)
        self.values: dict[str, dict[str, Any]] = {} if fresh else dict(slots.get("values") or {})
        self._tries: dict[str, list[Any]] = {} if fresh else dict(slots.get("tries") or {})
        self._current = None if fresh else slots.get("current")
        self.question: str = "" if fresh else slots.get("question") or ""
        self.counters = self._counters()

    # what is known

    @property
    def since(self) -> date:
        """First day of the period in which a second reading replaces the first."""
        return self.window.opens if self.window else self.day

    @property
    def as_of(self) -> date:
        """The day the values count for: the window's, or the day of the call itself."""
        fixed = self.window.as_of if self.window else None
        return fixed or self.day

    @property
    def current(self) -> Counter:
        """The register being asked."""
        return self.counter(int(self._current or 0))

    def counter(self, register: int) -> Counter:
        """Return the counter of a register id."""
        return next(counter for counter in self.counters if counter.id == register)

    def value(self, counter: Counter) -> dict[str, Any]:
        """Return what was keyed for a register; empty: nothing yet."""
        return self.values.get(str(counter.id), {})

    def tries(self, counter: Counter) -> list[Any]:
        """Return the values refused so far: {"typed", "kind"}."""
        return self._tries.get(str(counter.id), [])

    def _counters(self) -> list[Counter]:
        accepted = self._accepted_before()
        return [
            self._counter(register, meter.id, meter.digits, accepted.get(register.id))
            for meter in self.account.meters
            for register in sorted(meter.registers, key=lambda r: ORDER.index(r.name))
        ]

    def _counter(self, register: Register, meter: int, digits: int, row: Reading | None) -> Counter:
        """The previous value is the last billed one: imported, or accepted in an earlier window."""
        value, on = register.previous, register.previous_on
        if row is not None and row.as_of is not None and row.as_of > on:
            value, on = row.value, row.as_of
        past = span(on, self.inquiry.now, self.inquiry.company.zone)
        power = self.account.permitted_kw
        possible = float("inf") if power is None else power * past.hours
        usual = register.per_day * past.days
        return Counter(register.id, meter, register.name, digits, int(value), on, usual, possible)

    def _accepted_before(self) -> dict[int, Reading]:
        rows = self.inquiry.db.scalars(
            select(Reading)
            .where(Reading.account_id == self.account.id, Reading.state.in_(ACCEPTED))
            .order_by(Reading.as_of, Reading.stored_at)
        )
        return {row.register_id: row for row in rows if self._day_of(row) < self.since}

    def _day_of(self, row: Reading) -> date:
        return self.inquiry.local(row.entered_at).date()

    def stored(self) -> list[Reading]:
        """Return the last confirmed reading of each register in this period (P9)."""
        rows = self.inquiry.db.scalars(
            select(Reading)
            .where(
                Reading.account_id == self.account.id,
                Reading.state.in_(STORED),
                ~Reading.key.startswith(f"{self.submission}/", autoescape=True),
            )
            .order_by(Reading.stored_at, Reading.id)
        )
        latest = {row.register_id: row for row in rows if self._day_of(row) >= self.since}
        return [latest[c.id] for c in self.counters if c.id in latest]

    # judging

    def take(self, typed: str) -> Result:
        """Judge a keyed value and say what follows."""
        counter = self.current
        others = [v.get("used", 0) for key, v in self.values.items() if key != str(counter.id)]
        verdict = judge(typed, counter, self.inquiry.company.readings, sum(others))
        if verdict.kind == "too_long":
            return Result("too_long", self._words(counter))
        if verdict.fine:
            self.put(counter, verdict)
            return self.onward()
        if verdict.kind == "rollover":
            if self._refused(counter, verdict):
                return self._refuse(counter, replace(verdict, kind="low"))
            self.put(counter, verdict, flags=["rollover"])
            return self._asked("rollover", counter, verdict)
        if not self.tries(counter) and self._fits_another(verdict.value, counter):
            self._doubt(counter, verdict)
            return self.onward()
        return self._doubtful(counter, verdict)

    def _fits_another(self, value: int, counter: Counter) -> bool:
        """Whether the value of one zone fits another one: then that is asked first (P8).

        Where the other zone has its value already, that one must fit here too; where all have
        theirs, some order of the values must fit.
        """
        limits = self.inquiry.company.readings
        free = [c for c in self.counters if c.meter == counter.meter and self._movable(c)]
        others = [c for c in free if c.id != counter.id]
        if all(self.value(other) for other in others):
            known = {c.id: self.value(c)["value"] for c in others} | {counter.id: value}
            return exchange([known[c.id] for c in free], free, limits) is not None
        return any(
            plausible(value, other, limits)
            and (not self.value(other) or plausible(self.value(other)["value"], counter, limits))
            for other in others
        )

    def _movable(self, counter: Counter) -> bool:
        """Whether a value may change places: nothing of it is confirmed, and it was keyed."""
        value = self.value(counter)
        return not value.get("sure") and not value.get("unsaid")

    def _doubtful(self, counter: Counter, verdict: Verdict) -> Result:
        """A value that is not taken as it is: is its last digit a decimal, or is it refused?"""
        self._current = counter.id
        if verdict.decimal is not None and not self._refused(counter, verdict):
            self._doubt(counter, verdict)
            return self._asked("decimal", counter, verdict, suggested=verdict.decimal)
        return self._refuse(counter, verdict)

    def _refuse(self, counter: Counter, verdict: Verdict) -> Result:
        """Ask again, or offer an operator when asking again did not help."""
        if verdict.kind == "high" and self._refused(counter, verdict):
            self.put(counter, verdict, flags=["high_use"])
            return self.onward()
        typed = self._typed(counter, verdict)
        tries = [*self.tries(counter), {"typed": typed, "kind": verdict.kind}]
        self._tries[str(counter.id)] = tries
        self._current = counter.id
        self.drop(counter)
        hopeless = sum(entry["kind"] != "high" for entry in tries) >= 2
        if hopeless or len(tries) >= self.inquiry.company.readings.tries:
            return Result("refused", self.slots())
        word = "too_low" if verdict.kind == "low" else "too_high"
        return Result(self._private(word), self._told(counter, verdict))

    def _typed(self, counter: Counter, verdict: Verdict) -> str:
        return f"{verdict.value:0{counter.digits}d}"

    def _refused(self, counter: Counter, verdict: Verdict) -> bool:
        """Whether this very value was refused before."""
        typed = self._typed(counter, verdict)
        return any(entry["typed"] == typed for entry in self.tries(counter))

    def agree(self) -> Result:
        """Take what the open question offered; it also confirms what was read out with it."""
        if self.question == "swapped":
            return self._exchange()
        counter = self.current
        value = self.value(counter)
        if self.question == "decimal":
            used = value["decimal"] - counter.previous
            self.put(counter, Verdict("ok", value["decimal"], used))
        for other in (counter, *self._told_with(counter)):
            self.values[str(other.id)] = {**self.value(other), "sure": True}
        return self.onward()

    def decline(self) -> Result:
        """Refuse what the open question offered, for the reason that raised it."""
        if self.question == "swapped":
            return self._settle()
        return self._refuse(self.current, self._verdict(self.current))

    def retype(self) -> Result:
        """One step back from an open question: the values it is about are asked again."""
        swapped = self.question == "swapped"
        for counter in self._swappable() if swapped else [self.current]:
            self.drop(counter)
        return self.onward()

    def back(self) -> Result:
        """One step back from asking a value: the one before it is asked again, if there is one."""
        position = self.counters.index(self.current)
        keyed = [c for c in self.counters[:position] if not self.value(c).get("reviewed")]
        if not keyed:
            self.clear()
            return Result("first")
        self.drop(keyed[-1])
        return self.onward()

    def clear(self) -> None:
        """Forget every value that nobody checks."""
        for counter in self.counters:
            if not self.value(counter).get("reviewed"):
                self.drop(counter)

    def _verdict(self, counter: Counter) -> Verdict:
        """The verdict on a value that waited for an answer."""
        value = self.value(counter)
        kind = value.get("doubt") or "low"
        used = value["value"] - counter.previous
        return Verdict(kind, value["value"], used, value.get("decimal"))

    # where the form stands

    def onward(self) -> Result:
        """Say what comes next: a register, the swap question, the read-back, acceptance."""
        if missing := self._missing():
            self._current = missing[0].id
            return Result("next", self._words(missing[0]))
        if self._doubts():
            return self._resolve()
        open_ = [c for c in self.counters if not self.value(c).get("reviewed")]
        if not open_:
            return Result("done", {**self.slots(), **finished(self.inquiry)})
        if all(self.value(c).get("sure") for c in open_):
            return Result("confirmed", self.slots())
        return Result(self._private("complete"), {**self.slots(), "rows": self._rows(open_)})

    def _told_with(self, counter: Counter) -> list[Counter]:
        """The registers read out with a question about the last value: all that is left to confirm.

        None while other values are missing: those are read back at the end.
        """
        if self._missing() or any(other.id != counter.id for other in self._doubts()):
            return []
        return [
            other
            for other in self.counters
            if other.id != counter.id and not self.value(other).get("sure")
        ]

    def _missing(self) -> list[Counter]:
        return [counter for counter in self.counters if not self.value(counter)]

    def _doubts(self) -> list[Counter]:
        return [counter for counter in self.counters if self.value(counter).get("doubt")]

    def _resolve(self) -> Result:
        """Every register has a value and one fits only the other zone: swapped, or wrong (P8)."""
        exchanged = self._exchanged()
        if exchanged is None:
            return self._settle()
        self.question = "swapped"
        rows = [
            self.row(c, value, value - c.previous)
            for c, value in zip(self._swappable(), exchanged, strict=True)
        ]
        return Result("swapped", {**self.slots(), "rows": rows})

    def _settle(self) -> Result:
        """Nothing is swapped: the first doubtful value is asked about, the others come after it."""
        first, *rest = self._doubts()
        verdict = self._verdict(first)
        for counter in rest:
            self.drop(counter)
        return self._doubtful(first, verdict)

    def _swappable(self) -> list[Counter]:
        meter = self._doubts()[0].meter
        return [c for c in self.counters if c.meter == meter and self._movable(c)]

    def _exchanged(self) -> list[int] | None:
        counters = self._swappable()
        values = [self.value(counter)["value"] for counter in counters]
        return exchange(values, counters, self.inquiry.company.readings)

    def _exchange(self) -> Result:
        counters, values = self._swappable(), self._exchanged() or []
        for counter, value in zip(counters, values, strict=True):
            self.put(counter, Verdict("ok", value, value - counter.previous), sure=True)
        return self.onward()

    # keeping

    def put(
        self,
        counter: Counter,
        verdict: Verdict,
        flags: list[str] | None = None,
        sure: bool = False,
        unsaid: bool = False,
    ) -> None:
        """Keep a value in the form and as an incomplete row."""
        equal = ["equal"] if verdict.used == 0 else []
        value = {
            "value": verdict.value,
            "used": verdict.used,
            "flags": equal if flags is None else flags,
            "sure": sure,
            "unsaid": unsaid,
        }
        self.values[str(counter.id)] = value
        self.save(counter, value)

    def restore(self, row: Reading) -> None:
        """Take a value of a broken-off dialogue back; nothing of it counts as confirmed."""
        counter = self.counter(row.register_id)
        verdict = judge(row.value, counter, self.inquiry.company.readings)
        if row.state == "to_review":
            self.reviewed(counter, verdict.value)
        elif verdict.kind == "rollover" or verdict.fine or (row.flags and verdict.used > 0):
            unsaid = verdict.kind == "equal" and not self.proved
            self.put(counter, verdict, flags=list(row.flags), unsaid=unsaid)
        else:
            self._doubt(counter, verdict)

    def reviewed(self, counter: Counter, value: int) -> None:
        """Note that people check this value: it is neither asked nor read back any more."""
        self.values[str(counter.id)] = {"value": value, "reviewed": True, "sure": True}

    def _doubt(self, counter: Counter, verdict: Verdict) -> None:
        self.values[str(counter.id)] = {
            "value": verdict.value,
            "doubt": verdict.kind,
            "decimal": verdict.decimal,
        }
        self.save(counter, {"value": verdict.value, "flags": []})

    def drop(self, counter: Counter) -> None:
        """Forget the value of a register; its incomplete row goes too."""
        self.values.pop(str(counter.id), None)
        row = self._saved(counter)
        if row is not None and row.state == "incomplete":
            self.inquiry.db.delete(row)
            self.inquiry.db.flush()

    def _saved(self, counter: Counter) -> Reading | None:
        key = f"{self.submission}/{counter.id}"
        return self.inquiry.db.scalar(select(Reading).where(Reading.key == key))

    def save(self, counter: Counter, value: dict[str, Any]) -> Reading:
        """Write the row of a register, one for each form however often it is written."""
        row = self._saved(counter)
        if row is None:
            row = Reading(
                company=self.inquiry.company.id,
                account_id=self.account.id,
                register_id=counter.id,
                key=f"{self.submission}/{counter.id}",
                call=self.inquiry.caller.call,
                channel=self.inquiry.caller.channel,
                caller_number=self.inquiry.caller.number,
                state="incomplete",
            )
            self.inquiry.db.add(row)
        row.value = f"{value['value']:0{counter.digits}d}"
        row.flags = list(value["flags"])
        row.entered_at = self.entered
        row.stored_at = self.inquiry.now
        row.tries = self.tries(counter)
        self.inquiry.db.flush()
        return row

    # telling

    def slots(self) -> dict[str, Any]:
        """Return the form for the slots of the call."""
        return {
            "values": self.values,
            "tries": self._tries,
            "current": self._current,
            "question": self.question,
            "submission": self.submission,
        }

    def row(self, counter: Counter, value: int, used: int) -> dict[str, Any]:
        """Return one line of a read-back."""
        return {
            **self._meter(counter),
            "zone": f"zone_{counter.name}",
            "value": f"{value:0{counter.digits}d}",
            "used": used,
        }

    def _meter(self, counter: Counter) -> dict[str, Any]:
        """Tell which meter a register belongs to, where the account has several."""
        meters = self.account.meters
        number = next(meter.number for meter in meters if meter.id == counter.meter)
        return {"meter": "enter_meter" if len(meters) > 1 else "", "meter_number": number[-3:]}

    def _rows(self, counters: list[Counter]) -> list[dict[str, Any]]:
        rows = []
        for counter in counters:
            value = self.value(counter)
            row = self.row(counter, value["value"], value["used"])
            rows.append({**row, "said": "row_same" if value.get("unsaid") else "row_value"})
        return rows

    def _words(self, counter: Counter) -> dict[str, Any]:
        return {
            **self.slots(),
            **self._meter(counter),
            "zone": self._zone(counter),
            "digits": counter.digits,
            "reading_digits": f"1-{counter.digits}",
            "expected": str((counter.previous + round(counter.usual)) % 10**counter.digits),
            "previous": counter.text,
            "previous_on": counter.previous_on.isoformat(),
        }

    def _zone(self, counter: Counter) -> str:
        """The prompt that tells where on the meter this register is; night is the last of three."""
        if counter.name == "single":
            return ""
        third = counter.name == "night" and any(
            other.meter == counter.meter and other.name == "peak" for other in self.counters
        )
        return "enter_night_third" if third else f"enter_{counter.name}"

    def _told(self, counter: Counter, verdict: Verdict) -> dict[str, Any]:
        return {**self._words(counter), "used": verdict.used}

    def _asked(
        self, word: str, counter: Counter, verdict: Verdict, suggested: int | None = None
    ) -> Result:
        self.question = word
        value = verdict.value if suggested is None else suggested
        told = self._told(counter, verdict) | {
            "value": f"{value:0{counter.digits}d}",
            "rows": self._rows(self._told_with(counter)),
        }
        return Result(self._private(word), told)

    def _private(self, word: str) -> str:
        return word if self.proved else f"{word}_private"
