"""Key 1 and what is heard before the menu: danger, what is known of an outage, a report of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ivr.model import Result
from ivr.services import (
    accounts,
    outage_events,
    outage_reports,
    priority,
    schedules,
    tickets,
)
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Account
from ivr.store.supply import OutageEvent

SCHEDULED = ("schedule_queue_is",)
NO_EVENT = {"event": None, "known_event": None}


@service("outages.danger", "registered")
def danger(inquiry: Inquiry) -> Result:
    """Register the danger before anything is said: he may hang up at once. One ticket a call.

    The account is that of his telephone, where that has one only; of several, all are noted.
    """
    owned = accounts.of_number(inquiry)
    ticket = tickets.register(
        inquiry,
        "danger",
        owned[0] if len(owned) == 1 else None,
        key=f"{inquiry.caller.call}/danger",
        priority="danger",
        details={"accounts": [account.number for account in owned]} if len(owned) > 1 else {},
    )
    return Result("registered", tickets.told(ticket))


# ---------------------------------------------------------------------- before the menu


@service("outages.hit", "hit", "none", prompts=outage_events.PROMPTS, reads=True)
def hit(inquiry: Inquiry) -> Result:
    """Find the event that hits an address of the calling number, for whoever calls because of it.

    Asked on every call: one query for the accounts of the number, one for their events.
    """
    owned = accounts.of_number(inquiry)
    found = _event_of(inquiry, owned) if owned else None
    if found is None:
        return Result("none")
    account, event = found
    return Result("hit", {**_facts(inquiry, event), **_named(account, len(owned) > 1)})


def _named(account: Account, several: bool) -> dict[str, Any]:
    """The address, where the telephone has more than one: else "your address" is enough."""
    known = accounts.chosen(account, proved=False)
    return {
        "event_account": account.number,
        "event_place": known["place"] if several else "",
        "street": known["street"],
    }


def _event_of(inquiry: Inquiry, owned: Sequence[Account]) -> tuple[Account, OutageEvent] | None:
    hits = outage_events.hitting(inquiry.db, inquiry.company.id, owned)
    return outage_events.chosen(hits, inquiry.now, inquiry.company.terms.outages)


def _facts(inquiry: Inquiry, event: OutageEvent) -> dict[str, Any]:
    company = inquiry.company
    return outage_events.facts(event, inquiry.now, company.zone, company.terms.outages)


# ---------------------------------------------------------------------- no supply


@service(
    "outages.known",
    "event", "reported", "by_schedule", "no_schedules", "should_be_on", "unknown",
    prompts=(*outage_events.PROMPTS, *SCHEDULED),
)  # fmt: skip
def known(inquiry: Inquiry) -> Result:
    """Tell why the account of the slots has no supply, as far as that is known.

    An event comes first, and the report is counted to it; then a report of the last hours, which
    has a ticket; then the schedules: emergency ones, the hours of his queue.
    """
    account = accounts.current(inquiry)
    found = _event_of(inquiry, [account])
    if found is not None:
        event = found[1]
        outage_reports.count(inquiry, account, event)
        named = {**_named(account, several=False), "known_event": event.id}
        return Result("event", {**_facts(inquiry, event), **named})
    ticket = outage_reports.open_ticket(inquiry, account)
    if ticket is not None:
        return Result("reported", {**NO_EVENT, **tickets.told(ticket)})
    outcome, values = schedules.at_present(inquiry, account)
    return Result(outcome, {**NO_EVENT, **values})


@service("outages.report", "registered", "again")
def report(inquiry: Inquiry) -> Result:
    """Register a report of the scope that the flow names (house, flat), before anything is said."""
    account = accounts.current(inquiry)
    event = inquiry.db.get(OutageEvent, inquiry.slots.get("known_event") or 0)
    row, again = outage_reports.register(
        inquiry, account, inquiry.arguments["scope"], _priority(inquiry, account), event
    )
    told = tickets.told(row.ticket) if row.ticket else {}
    values = {"report": row.id, "event_account": account.number, "event": None, **told}
    return Result("again" if again else "registered", values)


def _priority(inquiry: Inquiry, account: Account) -> str:
    """Of the call, or of the account: that somebody who needs it is without supply comes first
    whoever says it. For somebody vulnerable only the ticket has it then: his own place in a queue
    is that of anybody.
    """
    of_site = priority.counts(inquiry.db, account, inquiry.today)
    return priority.MARK if of_site else priority.of_request(inquiry)


@service("outages.answer", "kept")
def answer(inquiry: Inquiry) -> Result:
    """Add what he said to one of the other questions: the flow names question and answer."""
    row = outage_reports.of_slot(inquiry)
    if row is not None:
        outage_reports.answer(inquiry, row, dict(inquiry.arguments))
    return Result("kept")
