"""Other hours on single days, as supervisors set them: a queue, an office, or all is closed or open
from one time to another.

The company's profile stays the base. `known` returns a company whose opening knows the changes;
everybody who asks for hours asks such a company, so that queues, appointments, call-backs and what
callers are told agree.

"*" is every queue that has hours, every office and the crews' visits. A queue that is always open
is closed by its own name only, the one for danger never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr import opening
from ivr.actions import Undoing, done, undoes
from ivr.company import Company
from ivr.errors import Changed, Unfit
from ivr.opening import ALL, Opening, Spans
from ivr.store.models import Account
from ivr.store.supervision import HoursChange
from ivr.store.supply import Application, Booking

AHEAD = 400
"""Days from now on which may be changed."""
OFFICE = "office:"
"""Before the id of an office: as in `Booking.place`."""
VISITS = "visits"
DANGER = "danger"
CHANGED = "hours.change"
RESTORED = "hours.restore"


# ---------------------------------------------------------------------- who asks for hours


class _Lookup(Mapping[tuple[str, date], Spans]):
    """The changes from yesterday on, read once, when somebody asks for them."""

    def __init__(self, db: Session, company: Company, now: datetime) -> None:
        self._db, self._company, self._now = db, company, now
        self._read: dict[tuple[str, date], Spans] | None = None

    def _known(self) -> dict[tuple[str, date], Spans]:
        if self._read is None:
            first = self._now.astimezone(self._company.zone).date() - timedelta(days=2)
            rows = listed(self._db, self._company.id, first)
            self._read = {(row.service, row.day): spans_of(row) for row in rows}
        return self._read

    def __getitem__(self, key: tuple[str, date]) -> Spans:
        return self._known()[key]

    def __iter__(self) -> Iterator[tuple[str, date]]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())


def known(db: Session, company: Company, now: datetime) -> Company:
    """Return the company with its changes of hours; they are read when they are first asked for,
    in this transaction.
    """
    changed = replace(company.opening, changes=_Lookup(db, company, now))
    return replace(company, opening=changed)


def read(db: Session, company: Company, now: datetime) -> Opening:
    """Return when the company is open, with its changes, for use after this transaction."""
    return replace(company.opening, changes=dict(_Lookup(db, company, now)))


def listed(db: Session, company: str, first: date) -> list[HoursChange]:
    """Return the changes that hold on a day and after it, by day."""
    wanted = select(HoursChange).where(
        HoursChange.company == company, HoursChange.live.is_(True), HoursChange.day >= first
    )
    return list(db.scalars(wanted.order_by(HoursChange.day, HoursChange.service)))


def spans_of(row: HoursChange) -> Spans:
    """Return when it is open on the day of a change."""
    if row.closed or row.opens is None or row.closes is None:
        return ()
    return (opening.span("", [row.opens, row.closes]),)


def services(company: Company) -> list[str]:
    """Return what may have other hours: "*", queues, offices, visits."""
    queues = [queue for queue in company.queues if company.word_of(queue) != DANGER]
    offices = [f"{OFFICE}{office.id}" for office in company.terms.offices]
    return [ALL, *queues, *offices, VISITS]


# ---------------------------------------------------------------------- changes


def change(
    db: Session,
    company: Company,
    who: str,
    at: datetime,
    *,
    service: str,
    day: date,
    opens: str | None = None,
    closes: str | None = None,
    note: str = "",
    version: int = 0,
    address: str | None = None,
) -> HoursChange:
    """Let a service be closed on a local day, or open from `opens` to `closes` ("HH:MM").

    version: of the change of this day that was seen, 0: none was there. Raises `Unfit` (hours_past,
    hours_far, hours_service, hours_span, hours_skipped: the clock goes over them) for what cannot
    be, `Changed` where somebody was faster.
    """
    _check(company, service, day, opens, closes, at)
    old = _seen(db, company.id, service, day, version)
    before = _values(old)
    row = _put(
        db, old, company=company.id, service=service, day=day, closed=opens is None, opens=opens,
        closes=closes, note=note, made_by=who, made_at=at,
    )  # fmt: skip
    done(
        db, company.id, who, CHANGED, target(service, day), before, _values(row), at,
        address=address,
    )  # fmt: skip
    return row


def restore(
    db: Session,
    company: Company,
    who: str,
    at: datetime,
    *,
    service: str,
    day: date,
    version: int,
    address: str | None = None,
) -> None:
    """Let the usual hours hold again on a day. Raises `Changed` where they do, or others do."""
    old = _seen(db, company.id, service, day, version)
    if old is None:
        raise Changed
    old.live = None
    done(db, company.id, who, RESTORED, target(service, day), _values(old), {}, at, address=address)


def target(service: str, day: date) -> str:
    """Return how actions name the hours of a service on a day."""
    return f"{service} {day.isoformat()}"


def _check(
    company: Company, service: str, day: date, opens: str | None, closes: str | None, at: datetime
) -> None:
    today = at.astimezone(company.zone).date()
    if day < today:
        raise Unfit("hours_past")
    if day > today + timedelta(days=AHEAD):
        raise Unfit("hours_far")
    if service not in services(company):
        raise Unfit("hours_service")
    if (opens is None) != (closes is None):
        raise Unfit("hours_span")
    if opens is not None:
        try:
            first, last = opening.span("", [opens, closes])
        except ValueError:
            raise Unfit("hours_span") from None
        if not company.opening.shows(day, (first, last)):
            raise Unfit("hours_skipped")
        if last > opening.DAY and service not in company.queues:  # only operators work at night
            raise Unfit("hours_span")


def _seen(db: Session, company: str, service: str, day: date, version: int) -> HoursChange | None:
    row = _live(db, company, service, day)
    if version != (row.version if row else 0):
        raise Changed(row.made_by if row else "")
    return row


def _live(db: Session, company: str, service: str, day: date) -> HoursChange | None:
    wanted = select(HoursChange).where(
        HoursChange.company == company, HoursChange.service == service, HoursChange.day == day,
        HoursChange.live.is_(True),
    )  # fmt: skip
    return db.scalar(wanted.with_for_update())


def _put(db: Session, old: HoursChange | None, **values: Any) -> HoursChange:
    """Let a new row live instead of the old one, which stays as history."""
    row = HoursChange(version=old.version + 1 if old else 1, **values)
    if old is not None:
        old.live = None
        db.flush()
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        raise Changed from None
    return row


def _values(row: HoursChange | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "service": row.service, "day": row.day.isoformat(), "closed": row.closed,
        "opens": row.opens, "closes": row.closes, "note": row.note,
    }  # fmt: skip


@undoes(CHANGED, RESTORED)
def _put_back(undoing: Undoing) -> None:
    """Let the hours hold that held before, unless the day was changed since or is over."""
    db, company = undoing.db, undoing.company
    before, after = undoing.action.before, undoing.action.after
    service, _, text = undoing.action.target.rpartition(" ")
    day = date.fromisoformat(text)
    if day < undoing.at.astimezone(company.zone).date():
        raise Unfit("hours_past")
    row = _live(db, company.id, service, day)
    if _values(row) != after:
        raise undoing.refuse(CHANGED, RESTORED)
    if not before:
        if row is not None:
            row.live = None
        return
    _put(
        db, row, company=company.id, service=service, day=day, closed=before["closed"],
        opens=before["opens"], closes=before["closes"], note=before["note"],
        made_by=undoing.who, made_at=undoing.at,
    )  # fmt: skip


# ---------------------------------------------------------------------- who comes all the same


def unmet(db: Session, company: Company, service: str, day: date) -> list[dict[str, Any]]:
    """Return the appointments of a day that fall outside its hours as they are now, by time.

    Each: place, starts, ends (aware), number, receipt, application: somebody has to tell them.
    """
    midnight = datetime.combine(day, time(), tzinfo=company.zone).astimezone(UTC)
    wanted = select(Booking).where(
        Booking.company == company.id, Booking.live.is_(True),
        Booking.starts >= midnight, Booking.starts < midnight + timedelta(days=1, hours=2),
    )  # fmt: skip
    found = []
    for row in db.scalars(wanted.order_by(Booking.starts, Booking.id)):
        local = row.starts.astimezone(company.zone)
        if local.date() != day or service not in (ALL, row.place):
            continue
        spans = company.opening.changed(row.place, day)
        if spans is not None and not _within(row, spans, company):
            found.append(_booked(db, row))
    return found


def _within(row: Booking, spans: Spans, company: Company) -> bool:
    first = row.starts.astimezone(company.zone)
    begins = first.hour * 60 + first.minute
    ends = begins + (row.ends - row.starts) / timedelta(minutes=1)
    return any(opens <= begins and ends <= closes for opens, closes in spans)


def _booked(db: Session, row: Booking) -> dict[str, Any]:
    application = db.get(Application, row.application_id) if row.application_id else None
    account = db.get(Account, application.account_id) if application else None
    return {
        "place": row.place,
        "starts": row.starts,
        "ends": row.ends,
        "number": row.caller_number,
        "receipt": row.receipt.number if row.receipt else None,
        "application": application.number if application else None,
        "account": account.number if account else None,
    }
