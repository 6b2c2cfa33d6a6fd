"""The way to an operator: whether he may wait, where he stands, how long it will take."""

from __future__ import annotations

from typing import Any

from ivr import announcements, callbacks, expected_wait
from ivr.agent_queue.model import PRIORITIES, AgentQueue, Place, QueueDown, Ticket
from ivr.model import Result
from ivr.numbers import LAST_ORDINAL
from ivr.services import danger, hours, priority, storms
from ivr.services.inquiry import Inquiry, service
from ivr.store.models import Callback

PLACED = ("queue_position", "queue_wait")
NOTICES = ("recording_notice", "recording_refusable")
ANY_OPERATOR = ("general", "metering")
"""Queues a dialogue leads to by itself: whoever has a place already goes back to that one, as does
who was moved to another one by a supervisor."""
AHEAD = ("danger", "priority_site")
"""Priorities that no limit holds off."""


@service(
    "queues.ask",
    "free", "wait", "urgent", "unstaffed", "dispatcher", "promised", "nobody", "nobody_outage",
    "full", "too_long", "gated", "known", "closed", "down",
    prompts=(*PLACED, *NOTICES, *hours.OPENS),
    reads=True,
)  # fmt: skip
def ask(inquiry: Inquiry) -> Result:
    """Tell whether the caller may wait in the queue of the slot `queue`, and how long it will be.

    The slot holds a word of the flows; which queue it means, the dialled number says. Whoever has
    a place keeps it whatever the limits are, unless his queue has closed or nobody serves it any
    more. Nothing is entered here.
    """
    name = queue_meant(inquiry)
    try:
        return _ask(inquiry, inquiry.queue, name) if inquiry.queue else Result("down")
    except QueueDown:
        return Result("down", {"queue": name})


def queue_meant(inquiry: Inquiry) -> str:
    """Return the queue of the company that the slot `queue` means in this call, now."""
    word = str(inquiry.slots["queue"])
    name = inquiry.company.queue_of(inquiry.caller.dialled, word)
    return inquiry.company.opening.taken_by(name, inquiry.now)


def _ask(inquiry: Inquiry, queue: AgentQueue, name: str) -> Result:
    ticket = kept_ticket(inquiry)
    if ticket is not None and (
        inquiry.company.word_of(name) in ANY_OPERATOR or name in ticket.moved
    ):
        name = inquiry.company.opening.taken_by(ticket.queue, inquiry.now)
    promise = None if ticket is not None else _promise(inquiry)
    since = promise.entered_at if promise else inquiry.now
    wanted = _priority(inquiry, name, promise)
    company, call = inquiry.company.id, inquiry.caller.call
    place = queue.place(company, name, since.timestamp(), wanted, call)
    refusal = "" if wanted in AHEAD else _shut(inquiry, queue, name, place)
    if not refusal and ticket is None and wanted not in AHEAD:
        refusal = _refused(inquiry, name, place, promise is not None)
    if refusal:
        opens = hours.opens(inquiry.company, name, inquiry.now)
        anew = {"reason": None} if refusal == "known" else {}  # who asks again, asks himself
        return Result(refusal, {"queue": name, **anew, **opens})
    values: dict[str, Any] = {
        "queue": name,
        "priority": wanted,
        "queue_announcements": [],
        "recording": "" if ticket else _notice(inquiry, name),
        **_told(inquiry, name, place),
    }
    if ticket is None:  # his place counts from now, not from when he has heard all this
        values["entered"] = since.timestamp()
        values["queue_announcements"] = announcements.said(
            inquiry.db, inquiry.company, inquiry.now, "queue", inquiry.language, name
        )
    if ticket is None and wanted in AHEAD and not _staffed(inquiry, queue, name, place):
        word = inquiry.company.word_of(name)
        about_supply = wanted == danger.QUEUE or word == "outage"
        if about_supply and (outside := danger.dispatcher(inquiry)):
            return Result("dispatcher", {**values, **outside})
        return Result("unstaffed", values)
    if place.free >= place.position:
        return Result("free", values)
    if danger.meant(inquiry.company, name):
        return Result("urgent", values)
    return Result("promised" if promise else "wait", values)


def _staffed(inquiry: Inquiry, queue: AgentQueue, name: str, place: Place) -> bool:
    """Whether anybody who serves such a caller is signed in: of the queue, or of the one whose
    operators serve it at once.
    """
    other = inquiry.company.queues[name].overflow_to
    if place.serving or not other:
        return place.serving > 0
    return queue.place(inquiry.company.id, other, inquiry.now.timestamp()).serving > 0


def _priority(inquiry: Inquiry, name: str, promise: Callback | None) -> str:
    given = priority.of_call(inquiry)
    promised = promise.priority if promise else "normal"
    wanted = "danger" if danger.meant(inquiry.company, name) else "normal"
    return max(given, promised, wanted, key=PRIORITIES.index)


def kept_ticket(inquiry: Inquiry) -> Ticket | None:
    """Return the place this call has in a queue, None where it has none. QueueDown is raised."""
    if inquiry.queue is None:
        return None
    ticket = inquiry.queue.ticket(inquiry.caller.call)
    return None if ticket is None or ticket.state == "done" else ticket


def _promise(inquiry: Inquiry) -> Callback | None:
    """Return the call-back whose place this caller takes, because he rings himself."""
    terms = inquiry.company.calling
    number = inquiry.caller.number
    return callbacks.place_of(inquiry.db, inquiry.company.id, number, terms, inquiry.now)


def _notice(inquiry: Inquiry, name: str) -> str:
    """The notice of the recording: with the way round it where the company has one."""
    if inquiry.slots.get("unrecorded"):
        return ""
    if danger.meant(inquiry.company, name) or not inquiry.company.recording.refusal:
        return "recording_notice"
    return "recording_refusable"


def _shut(inquiry: Inquiry, queue: AgentQueue, name: str, place: Place) -> str:
    """Why nobody may wait in a queue at all, however long he has waited already, or ""."""
    if not inquiry.company.opening.is_open(name, inquiry.now):
        return "closed"
    if _staffed(inquiry, queue, name, place):
        return ""
    return "nobody_outage" if inquiry.company.word_of(name) == "outage" else "nobody"


def _refused(inquiry: Inquiry, name: str, place: Place, promised: bool) -> str:
    """Why nobody new may wait, or "". promised: a place was kept for him, whatever its length."""
    rules = inquiry.company.queues[name]
    if promised:
        return ""
    if rules.limit and place.waiting >= rules.limit:
        return "full"
    expected = _expected(inquiry, name, place)
    if (held := storms.gate(inquiry, name, place, expected)) is not None:
        return held
    if rules.longest and expected > rules.longest:
        return "too_long"
    return ""


def _expected(inquiry: Inquiry, name: str, place: Place) -> float:
    wrap_up = inquiry.company.queues[name].wrap_up
    return expected_wait.estimate(place, inquiry.company.typical_talk, wrap_up)


def _told(inquiry: Inquiry, name: str, place: Place) -> dict[str, Any]:
    """What he is told: never a longer wait than before, no number where none is known."""
    if place.free >= place.position:
        nothing = ("position", "minutes", "promised")
        return {**dict.fromkeys(nothing), **dict.fromkeys(PLACED, "")}
    seconds = _expected(inquiry, name, place)
    if place.told is not None:
        seconds = min(seconds, place.told)
    # Somebody in danger hears no figure: what nobody said, nobody promised.
    known = place.serving > 0 and not danger.meant(inquiry.company, name)
    return {
        "position": place.position,
        "minutes": expected_wait.minutes(seconds) if known else None,
        "promised": seconds if known else None,
        "queue_position": "queue_position" if place.position <= LAST_ORDINAL else "",
        "queue_wait": "queue_wait" if known else "",
    }


@service("queues.improved", "improved", "same", prompts=PLACED, reads=True)
def improved(inquiry: Inquiry) -> Result:
    """Tell the place and the wait anew only where one of them is better than what he was told."""
    try:
        ticket = kept_ticket(inquiry)
        if inquiry.queue is None or ticket is None or ticket.state != "waiting":
            return Result("same")
        place = inquiry.queue.place(
            inquiry.company.id, ticket.queue, inquiry.now.timestamp(), ticket.priority, ticket.id
        )
    except QueueDown:
        return Result("same")
    told = _told(inquiry, ticket.queue, place)
    if told["position"] is not None and _better(told, inquiry.slots):
        return Result("improved", told)
    return Result("same")


def _better(told: dict[str, Any], before: Any) -> bool:
    if before.get("position") is None or told["position"] < before["position"]:
        return True
    minutes = before.get("minutes")
    return told["minutes"] is not None and (minutes is None or told["minutes"] < minutes)


@service("queues.kept", "kept", "none", reads=True)
def kept(inquiry: Inquiry) -> Result:
    """Tell whether this call has a place in a queue to go back to."""
    if "queue" not in inquiry.slots:
        return Result("none")
    try:
        return Result("none" if kept_ticket(inquiry) is None else "kept")
    except QueueDown:
        return Result("none")


@service("queues.unrecorded", "agreed", "refused", reads=True)
def unrecorded(inquiry: Inquiry) -> Result:
    """Note that the talk is not to be recorded, where the company leaves that to the caller."""
    if not inquiry.company.recording.refusal or inquiry.slots.get("unrecorded"):
        return Result("refused")
    return Result("agreed", {"unrecorded": True, "recording": ""})
