"""People who report by telephone that they have no supply, each call by itself."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from ivr.model import Caller
from ivr.services import SERVICES, Inquiry
from ivr.store.supply import SuspectedEvent
from ivr.store.world import keep_company, load_world

NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)


def account(number, street="Довга", substation="", settlement="Одеса"):
    return {
        "account": str(number),
        "kind": "household",
        "address": {"settlement": settlement, "street": street, "house": str(number)},
        "substation": substation,
    }


class Callers:
    """People who report by telephone, each call by itself."""

    def __init__(self, company, store):
        self.company = company
        self.store = store
        self.calls = 0

    def live(self, *accounts):
        with self.store.session() as db:
            keep_company(db, self.company.id)
            load_world(db, self.company.id, {"accounts": list(accounts)})

    def report(self, account, number=None, after=0.0, call=None, **slots):
        """Report that a whole house is without supply, `after` minutes from noon."""
        self.calls += 1
        call = call or f"call-{self.calls}"
        number = f"+38067000{self.calls:04}" if number is None else number or None
        now = NOON + timedelta(minutes=after)
        caller = Caller(call, self.company.id, number, None, "console", now)
        arguments = {"scope": "house"}
        slots = {"account": str(account), **slots}
        with self.store.session() as db:
            return SERVICES["outages.report"].answer(
                Inquiry(caller, self.company, now, slots, arguments, f"{call}/7", db, "uk")
            )

    def suspected(self):
        with self.store.session() as db:
            return list(db.scalars(select(SuspectedEvent).order_by(SuspectedEvent.id)))

    def count(self, table):
        with self.store.session() as db:
            return db.scalar(select(func.count(table.id)))
