"""What supervisors do to operators and waiting callers, each with what takes it back.

Every function runs in the caller's transaction: what is done is written down first, and the queue
is changed last, in one atomic step that names what the supervisor saw. `Changed` where it is not so
any more, `Unfit` where it cannot be; the transaction must end with them, so that nothing is half
done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent_desk import staff
from ivr import hours_changes
from ivr.actions import Undoing, done, last, undoes
from ivr.agent_queue.model import PRIORITIES, AgentQueue, Operator, Ticket
from ivr.company import Company
from ivr.errors import Changed, Unfit
from ivr.services.queues import AHEAD
from ivr.store.models import User

STATUS, SKILLS, LOG_OUT = "operator.status", "operator.skills", "operator.log_out"
CHOSEN = (STATUS, LOG_OUT)
"""What changes the status of an operator."""
MOVE, LIFT, GIVE, WITHDRAW = "ticket.move", "ticket.lift", "ticket.give", "ticket.withdraw"
LIFTED = ("raised", "priority_site")
"""Priorities that a supervisor may give; danger is no matter of opinion."""
DANGER = "danger"
KEPT = 180.0
"""Seconds a caller is kept for an operator who is busy."""
TRIES = 5
"""Looks at an operator whose state changes while his status is being set."""


@dataclass(frozen=True)
class Hand:
    """Who steers, and what with. at: now."""

    db: Session
    queue: AgentQueue
    company: Company
    who: str
    at: datetime
    address: str | None = None

    @property
    def now(self) -> float:
        """The time as the queue counts it."""
        return self.at.timestamp()

    def note(
        self, what: str, target: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Write down what is about to be done."""
        done(
            self.db, self.company.id, self.who, what, target, before, after, self.at,
            address=self.address,
        )  # fmt: skip

    def note_of(
        self, ticket: Ticket, what: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Write down what is about to be done to a caller, by which people know him again."""
        caller = {"number": masked(ticket.number), "queue": ticket.queue, "entered": ticket.entered}
        done(
            self.db, self.company.id, self.who, what, ticket.id, {**before, "caller": caller},
            after, self.at, call=ticket.id, address=self.address,
        )  # fmt: skip


def masked(number: str | None) -> str:
    """Return a number of which a supervisor sees enough to know it again; "" for a withheld one."""
    if not number:
        return ""
    return f"{number[:4]}···{number[-3:]}" if len(number) > 7 else "···"


# ---------------------------------------------------------------------- operators


def set_status(
    hand: Hand, name: str, wanted: str, reason: str, limit: float, seen: Mapping[str, Any]
) -> None:
    """Set an operator ready, or paused for a reason. seen: his status and reason on the
    supervisor's page. limit: seconds a pause may last, 0: any time. In a talk it holds after it.
    """
    known = _operator(hand, name)
    if any(each.supervisor == name for each in staff.listenings(hand.db, hand.company.id)):
        raise Unfit("floor_listens", operator=known.shown or name)
    if wanted == "ready" and not (known.tab and known.endpoint):
        raise Unfit("floor_no_desk", operator=known.shown or name)
    choose(hand, STATUS, name, {"status": wanted, "reason": reason, "limit": limit}, seen)


def choose(
    hand: Hand, what: str, name: str, after: Mapping[str, Any], seen: Mapping[str, Any]
) -> None:
    """Change what an operator chose, as an action of that name."""
    known = _operator(hand, name)
    before = {"status": known.status, "reason": known.reason, "limit": 0.0}
    by = last(hand.db, hand.company.id, name, *CHOSEN)

    def changed(known: Operator) -> Changed:
        ours = by is not None and _chosen(by.after) == (known.status, known.reason)
        return Changed(by.who if by is not None and ours else name)

    hand.note(what, name, before, after)
    _put_status(hand.queue, hand.company.id, name, seen, after, hand.now, hand.who, changed)


def _chosen(values: Mapping[str, Any]) -> tuple[str, str]:
    return str(values["status"]), str(values["reason"])


def _put_status(
    queue: AgentQueue,
    company: str,
    name: str,
    seen: Mapping[str, Any],
    wanted: Mapping[str, Any],
    now: float,
    by: str,
    changed: Callable[[Operator], Changed],
) -> None:
    """Set a status if it still is what was seen, whatever else the operator does meanwhile."""
    for _ in range(TRIES):
        known = queue.operator(company, name)
        if known is None:
            raise Unfit("floor_nobody", operator=name)
        if (known.status, known.reason) != _chosen(seen):
            raise changed(known)
        status, reason = _chosen(wanted)
        limit = float(wanted.get("limit", 0.0))
        if queue.set_status(
            company, name, status, now, reason=reason, limit=limit, version=known.version, by=by
        ):
            return
    raise Unfit("stale")


@undoes(STATUS)
def status_back(undoing: Undoing) -> None:
    """Put back what an operator had chosen before, unless that was changed since."""
    action = undoing.action

    def changed(known: Operator) -> Changed:
        refusal = undoing.refuse(*CHOSEN)
        return refusal if refusal.who else Changed(known.name)

    _put_status(
        undoing.queue, undoing.company.id, action.target, action.after, action.before,
        undoing.at.timestamp(), undoing.who, changed,
    )  # fmt: skip


def set_skills(
    hand: Hand, name: str, wanted: Mapping[str, int], kept: bool, seen: Mapping[str, int]
) -> None:
    """Let an operator serve other queues. kept: also in his next shifts, else until this one ends.
    seen: his skills on the supervisor's page.
    """
    known, user = _operator(hand, name), _user(hand.db, hand.company.id, name)
    for queue, level in wanted.items():
        if queue not in hand.company.queues or level not in range(1, 6):
            raise Unfit("floor_skill", queue=queue)
    before: dict[str, Any] = {"skills": dict(known.skills)}
    after: dict[str, Any] = {"skills": dict(wanted)}
    if kept and user is not None:
        before["stored"], after["stored"] = dict(user.skills), dict(wanted)
        user.skills = dict(wanted)
    by = last(hand.db, hand.company.id, name, SKILLS)
    hand.note(SKILLS, name, before, after)
    if hand.queue.set_skills(hand.company.id, name, wanted, hand.now, seen) is None:
        raise Changed(by.who if by is not None else "")


@undoes(SKILLS)
def _skills_back(undoing: Undoing) -> None:
    action, company = undoing.action, undoing.company.id
    if "stored" in action.after:
        user = _user(undoing.db, company, action.target)
        if user is None or user.skills != action.after["stored"]:
            raise undoing.refuse(SKILLS)
        user.skills = dict(action.before["stored"])
        undoing.db.flush()
    before, after = action.before["skills"], action.after["skills"]
    now = undoing.at.timestamp()
    if undoing.queue.operator(company, action.target) is None and "stored" in action.after:
        return  # he has gone home; his next shift begins as before
    if undoing.queue.set_skills(company, action.target, before, now, after) is None:
        raise undoing.refuse(SKILLS)


def skills_now(db: Session, user: User, since: datetime) -> dict[str, int]:
    """Return what an operator serves in a shift that began then: his own skills, or what a
    supervisor gave him since.
    """
    action = last(db, user.company, user.login, SKILLS)
    if action is not None and action.at >= since:
        return {queue: int(level) for queue, level in action.after["skills"].items()}
    stored = _user(db, user.company, user.login)
    return dict((stored or user).skills)


def _user(db: Session, company: str, login: str) -> User | None:
    return db.scalar(select(User).where(User.company == company, User.login == login))


def _operator(hand: Hand, name: str) -> Operator:
    known = hand.queue.operator(hand.company.id, name)
    if known is None:
        raise Unfit("floor_nobody", operator=name)
    return known


# ---------------------------------------------------------------------- waiting callers


def move(hand: Hand, call: str, queue: str, was: str) -> None:
    """Let a caller go on in another queue, at the place of his first entry. was: queue he was in
    on the supervisor's page.
    """
    ticket = _ticket(hand, call)
    if queue not in hand.company.queues or queue == ticket.queue == was:
        raise Unfit("floor_queue")
    if DANGER in (hand.company.word_of(queue), hand.company.word_of(ticket.queue)):
        raise Unfit("floor_danger")
    if not hours_changes.known(hand.db, hand.company, hand.at).opening.is_open(queue, hand.at):
        raise Unfit("floor_closed")
    by = last(hand.db, hand.company.id, call, MOVE)
    hand.note_of(ticket, MOVE, {"queue": was}, {"queue": queue})
    if not hand.queue.move(call, queue, hand.now, was):
        raise _missed(hand.queue, call, by.who if by else "", queue=was)


@undoes(MOVE)
def _move_back(undoing: Undoing) -> None:
    action, now = undoing.action, undoing.at.timestamp()
    queue, was = str(action.before["queue"]), str(action.after["queue"])
    if not undoing.queue.move(action.target, queue, now, was):
        raise _missed(undoing.queue, action.target, undoing.refuse(MOVE).who, queue=was)


def lift(hand: Hand, call: str, priority: str, was: str) -> None:
    """Give a caller a higher priority. was: the one on the supervisor's page."""
    ticket = _ticket(hand, call)
    if priority not in LIFTED or PRIORITIES.index(priority) <= PRIORITIES.index(was):
        raise Unfit("floor_priority")
    by = last(hand.db, hand.company.id, call, LIFT)
    hand.note_of(ticket, LIFT, {"priority": was}, {"priority": priority})
    if not hand.queue.lift(call, priority, hand.now, was):
        raise _missed(hand.queue, ticket.id, by.who if by else "", priority=was)


@undoes(LIFT)
def _lower(undoing: Undoing) -> None:
    action, now = undoing.action, undoing.at.timestamp()
    was = str(action.after["priority"])
    if not undoing.queue.lower(action.target, now, was):
        who = undoing.refuse(LIFT).who
        raise _missed(undoing.queue, action.target, who, priority=was, lifted=True)


def give(hand: Hand, call: str, operator: str) -> None:
    """Offer a caller to one operator, or keep him for that one while he is busy."""
    ticket, known = _ticket(hand, call), _operator(hand, operator)
    if known.status != "ready" or known.state == "disconnected":
        raise Unfit("floor_not_ready", operator=known.shown or operator)
    if ticket.state != "waiting":
        raise _late(ticket)
    if known.state != "idle" and ticket.priority in AHEAD:
        raise Unfit("floor_busy", operator=known.shown or operator)
    hand.note_of(ticket, GIVE, {"operator": ""}, {"operator": operator})
    if not hand.queue.give(call, operator, hand.now, KEPT):
        raise _missed(hand.queue, call, "")


@undoes(GIVE)
def _release(undoing: Undoing) -> None:
    action = undoing.action
    operator = str(action.after["operator"])
    if not undoing.queue.release(action.target, operator, undoing.at.timestamp()):
        raise _missed(undoing.queue, action.target, undoing.refuse(GIVE).who, sticky=operator)


def withdraw(hand: Hand, call: str, was: str) -> None:
    """End a caller's wait: he hears that it would take too long, and is offered a call-back. What
    he has heard cannot be taken back; his place is kept while he decides.
    """
    ticket = _ticket(hand, call)
    if ticket.kind != "call":
        raise Unfit("floor_callback")
    if (ticket.lifted or ticket.priority) in AHEAD:
        raise Unfit("floor_danger")
    by = last(hand.db, hand.company.id, call, WITHDRAW)
    ended = by is not None and ticket.state == "away" and by.at.timestamp() >= ticket.since
    if by is not None and ended and ticket.queue == was:
        raise Changed(by.who)
    by = last(hand.db, hand.company.id, call, MOVE)
    hand.note_of(ticket, WITHDRAW, {"queue": was}, {})
    if not hand.queue.withdraw(call, hand.now, was):
        raise _missed(hand.queue, call, by.who if by else "", queue=was)
    hand.queue.send({"do": "withdraw", "company": hand.company.id, "ticket": call, "queue": was})


def _ticket(hand: Hand, call: str) -> Ticket:
    ticket = hand.queue.ticket(call)
    if ticket is None or ticket.company != hand.company.id or ticket.state == "done":
        raise Unfit("floor_gone")
    return ticket


def _missed(queue: AgentQueue, call: str, who: str, /, **was: Any) -> Changed | Unfit:
    """Return why the queue did not do it: he is gone, with an operator, or not as he was."""
    ticket = queue.ticket(call)
    if ticket is None or ticket.state == "done":
        return Unfit("floor_gone")
    if was.pop("lifted", False) and not ticket.lifted:
        return Changed(who)
    if any(getattr(ticket, name) != value for name, value in was.items()):
        return Changed(who)
    return _late(ticket)


def _late(ticket: Ticket) -> Unfit:
    """Return why nothing can be done to a caller who does not wait just now."""
    return Unfit("floor_away" if ticket.state == "away" else "floor_too_late")
