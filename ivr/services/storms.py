"""Storm mode as a caller meets it: the general text before a short menu, and the gates."""

from __future__ import annotations

from sqlalchemy import select

from ivr.agent_queue.model import Place
from ivr.model import Result
from ivr.services.inquiry import Inquiry, service
from ivr.store import places
from ivr.store.models import Account, Contact
from ivr.store.supply import OutageEvent, Subscription
from ivr.storm import records
from ivr.storm.records import StormRules
from ivr.terms import StormTerms

UNASKED = ("silence", "misses", "limit", "failed")
"""Why a dialogue sends somebody to an operator who has not asked for one."""
ABOUT_POWER = ("outage", "general")
"""Queues that somebody who was told of his event has no need of."""


@service("storms.greeting", "none", "storm", prompts=StormTerms().messages, reads=True)
def greeting(inquiry: Inquiry) -> Result:
    """Tell whether this caller hears the general text and the short menu of a storm.

    A storm of some regions is about callers whose address lies there, or is not known.
    """
    rules = records.rules_now(inquiry.db, inquiry.company, inquiry.now)
    if rules is None or not _concerned(inquiry, rules):
        return Result("none")
    return Result("storm", {"storm_message": rules.message})


def _concerned(inquiry: Inquiry, rules: StormRules) -> bool:
    if not rules.regions or inquiry.caller.number is None:
        return True
    wanted = (
        select(Account.settlement)
        .join(Contact, Contact.account_id == Account.id)
        .where(
            Contact.company == inquiry.company.id,
            Contact.number == inquiry.caller.number,
        )
    )
    own = {places.settlement(each) for each in inquiry.db.scalars(wanted) if each}
    return not own or bool(own & {places.settlement(each) for each in rules.regions})


@service("storms.known", "known", "none", reads=True)
def known(inquiry: Inquiry) -> Result:
    """Tell whether he may still ask to be told when his event is over."""
    event = inquiry.db.get(OutageEvent, inquiry.slots.get("event") or 0)
    if event is None or event.state != "open":
        return Result("none")
    asked = select(Subscription.id).where(
        Subscription.event_id == event.id,
        Subscription.number == inquiry.caller.number,
        Subscription.state == "waiting",
    )
    return Result("known" if inquiry.db.scalar(asked) is None else "none")


def gate(inquiry: Inquiry, queue: str, place: Place, expected: float) -> str | None:
    """Return why nobody new may wait in a storm: too_long, gated, known; "" where he may.

    None: no storm is on, the queue's own rules hold. expected: seconds he would wait. Asked only
    for callers whom a limit may hold off. known: he was told of his event and has not asked for an
    operator himself.
    """
    rules = records.rules_now(inquiry.db, inquiry.company, inquiry.now)
    if rules is None:
        return None
    if place.free >= place.position:
        return ""
    word = inquiry.company.word_of(queue)
    asked = inquiry.slots.get("reason") not in UNASKED
    if word in ABOUT_POWER and inquiry.slots.get("event") and not asked:
        return "known"
    if queue in rules.gates or word in rules.gates:
        return "gated"
    return "too_long" if expected > rules.cap * 60 else ""
