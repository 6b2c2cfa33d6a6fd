"""The words of the queue: tickets, operators, offers, rules, and what every queue can do.

Times are seconds since 1970 (float, UTC), handed in by the caller: no queue asks the clock itself,
so that the twin in memory runs on simulated time. Durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PRIORITIES = ("normal", "raised", "priority_site", "danger")
HEAD_STARTS = {"normal": 0.0, "raised": 600.0, "priority_site": 7200.0, "danger": 86400.0}
"""Seconds a ticket counts as having waited already. One number an entry: ageing costs nothing, and
a normal caller who has waited ten minutes longer than a raised one comes first: nobody starves."""

TICKET_STATES = (
    "waiting",  # in a queue; may be offered
    "away",  # keeps the place, but cannot be offered: he is in the IVR for a moment
    "offered",  # reserved for one operator; a matchmaker is about to connect them
    "ringing",  # the operator's telephone rings
    "talking",  # they talk
    "broken",  # the operator vanished in mid-call; he has some seconds to come back
    "done",  # over, with exactly one outcome
)
OUTCOMES = ("answered", "abandoned", "called_back", "deflected")
STATUSES = ("ready", "paused", "offline")
"""Chosen by the operator."""
STATES = ("idle", "offered", "talking", "wrap_up", "disconnected")
"""Set by the system."""


@dataclass(frozen=True)
class Ticket:
    """A caller's place in a queue. id: the call's id, or "callback-17" for one who is called.

    kind: call or callback. channel: agi, twilio, console. node: name of the Asterisk that holds the
    call. leg: what that Asterisk calls the channel ("PJSIP/trunk-00000012").
    number, dialled: E.164 or None. context: for the operator's screen (plain JSON): slots of the
    flow, "reason" why he left the menu, "conversation" ids before.
    entered: when he first entered; kept through away, no answer, a redial.
    began, answered: when this wait began, and when an operator answered in it, 0: none yet. Whoever
    waits again after an answer is in another wait; a colleague who takes over is in the same one.
    since: when the state began. operator, token: of the offer, the talk or the broken talk.
    sticky: operator preferred until `held`. told: the last wait promised, seconds, at `told_at`.
    offers: how many operators were rung. outcome: of OUTCOMES when done.
    moved: queues a supervisor took him out of: whoever enters him there again finds him where he
    is. lifted: the priority he would have if no supervisor had raised him, "" where none has.
    """

    id: str
    company: str
    queue: str
    entered: float
    priority: str = "normal"
    kind: str = "call"
    channel: str = "agi"
    node: str = ""
    leg: str = ""
    number: str | None = None
    dialled: str | None = None
    language: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    state: str = "waiting"
    since: float = 0.0
    operator: str = ""
    token: str = ""
    sticky: str = ""
    held: float = 0.0
    told: float | None = None
    told_at: float = 0.0
    offers: int = 0
    outcome: str = ""
    moved: tuple[str, ...] = ()
    lifted: str = ""
    began: float = 0.0
    answered: float = 0.0

    @property
    def waited(self) -> float:
        """Seconds from the beginning of this wait to its answer; 0 while nobody has answered."""
        return max(0.0, self.answered - self.began) if self.answered else 0.0


@dataclass(frozen=True)
class Operator:
    """An operator who is signed in. name: his login, unique in the company.

    shown: the name on screens. skills: queue -> level (5 best, 1 least).
    reason: of a pause. by: login of who chose status and reason for him, "" himself or the system.
    since: when what he does began: the state, and of who is idle the status, too. idle_since orders
    the idle ones.
    version: grows with every change; a writer that names an older one is refused.
    node, endpoint: where his telephone is registered ("pbx1", "op-olena"); "" while none is.
    tab: id of the browser tab that has the say. ticket, token: of his offer or talk.
    until: end of wrap-up or of a pause's limit, 0: none. missed: offers not answered in a row.
    """

    name: str
    company: str
    shown: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    status: str = "offline"
    reason: str = ""
    state: str = "idle"
    since: float = 0.0
    idle_since: float = 0.0
    version: int = 0
    node: str = ""
    endpoint: str = ""
    tab: str = ""
    ticket: str = ""
    token: str = ""
    until: float = 0.0
    missed: int = 0
    by: str = ""


@dataclass(frozen=True)
class Offer:
    """A ticket reserved for an operator until `until`; token: proves that the offer is this one.

    back: the same two are brought together again after a broken talk: no ringing, no question.
    """

    token: str
    company: str
    ticket: str
    operator: str
    until: float
    back: bool = False


@dataclass(frozen=True)
class Rules:
    """How one queue is served; data of the company profile (`queues:`).

    limit: tickets that may wait, 0: any number. longest: expected wait in seconds above which
    nobody new may wait, 0: any. overflow_to, overflow_after: another queue whose operators serve
    the ticket as well after that wait; "" and 0: none.
    relax: (seconds waited, least level) in rising order of seconds; the first begins at 0.
    ring: seconds an operator's telephone rings. unanswered: misses in a row until "no answer".
    wrap_up: seconds after a talk. sticky: seconds kept for the last operator. back: seconds a
    vanished operator has. redial: seconds in which a caller who hung up regains his place.
    away: seconds a place is kept while the caller is in the IVR. lease: seconds from the offer to
    the ringing, else the ticket returns. announce: seconds between two announcements.
    No limit holds off danger and priority sites.
    """

    limit: int = 0
    longest: float = 0.0
    overflow_to: str = ""
    overflow_after: float = 0.0
    relax: tuple[tuple[float, int], ...] = ((0.0, 1),)
    ring: float = 20.0
    unanswered: int = 1
    wrap_up: float = 30.0
    sticky: float = 20.0
    back: float = 20.0
    redial: float = 180.0
    away: float = 600.0
    lease: float = 5.0
    announce: float = 45.0


@dataclass(frozen=True)
class Place:
    """Where a ticket stands, or would stand.

    position: 1 is the head. waiting: tickets in the queue. serving: operators signed in who have
    the skill and are not offline. free: of those, ready and idle.
    talks: the last talk times in this queue, seconds, newest first (at most 100).
    state: of the ticket ("waiting", "offered", ...), "" for one that is not in a queue.
    """

    position: int
    waiting: int
    serving: int
    free: int
    talks: Sequence[float] = ()
    state: str = ""
    told: float | None = None


@dataclass(frozen=True)
class Change:
    """Something changed. what: ticket, operator, offer, command, or staff: something that is not
    the queue's, but concerns whoever is at a desk. id: whose; "" of staff: everybody's.
    """

    company: str
    what: str
    id: str


SEEN_OF_TICKET = ("state", "queue", "priority", "operator")
SEEN_OF_OPERATOR = ("status", "reason", "state", "ticket", "skills")
"""Fields whose change a person would see: it is noted in the journal."""


@dataclass(frozen=True)
class Record:
    """How a ticket or an operator stands after a change that a person would see.

    kind: ticket or operator; id: whose. at: seconds, the queue's own time of the change.
    details, plain JSON: of a ticket state, queue, priority, kind, operator, entered, outcome, token
    and number; of an operator operator (his login), shown, status, reason, state, ticket, skills
    and since. Who is forgotten is offline, idle and without skills.
    """

    company: str
    kind: str
    id: str
    at: float
    details: Mapping[str, Any]


class QueueDown(Exception):
    """The place where the queue is kept does not answer."""


class AgentQueue(Protocol):
    """What a queue can do. Each change is one atomic step; one that comes too late does nothing
    and says so (False, None). Every method may raise QueueDown.
    """

    # ------------------------------------------------------------------ tickets

    def enter(self, ticket: Ticket, now: float) -> Ticket:
        """Put a ticket into its queue and return it as it stands; offer it at once if one is free.

        One that is there already keeps its place: waiting and offered stay as they are (context,
        leg and language are renewed; another queue moves it, a higher priority raises it), away
        and broken after its time become waiting again. A new ticket of a number that hung up in the
        same queue less than `redial` seconds ago gets that one's `entered`.
        """

    def away(self, ticket: str, now: float, back_to: str = "") -> bool:
        """Let a caller go into the IVR with his place kept; an offer that does not ring yet is
        taken back. False when he is being rung or talks. back_to: from a talk (which ends with it,
        the operator goes to wrap-up and the ticket is kept for him when it comes back).
        """

    def leave(self, ticket: str, outcome: str, now: float) -> bool:
        """End a ticket: abandoned, called_back or deflected. A talking one ends as answered."""

    def raise_to(self, ticket: str, priority: str, now: float) -> bool:
        """Give a ticket a higher priority for the rest of its life, in whatever state it is; one
        that it has already, or a lower one, changes nothing. False: it is over, or not known.
        """

    def move(self, ticket: str, queue: str, now: float, was: str) -> bool:
        """Let a caller who waits, is away or offered go on in another queue, at the place of his
        first entry. False: he does none of it, or is not in the queue `was`.
        """

    def lift(self, ticket: str, priority: str, now: float, was: str) -> bool:
        """Give a ticket a higher priority that can be taken back. False: it is over, or its
        priority is not `was`, or this one is not higher.
        """

    def withdraw(self, ticket: str, now: float, was: str) -> bool:
        """Take a caller out of his wait in the queue `was`: he is away, his place kept. False: he
        does not wait there, comes first by himself, or is a call-back.
        """

    def lower(self, ticket: str, now: float, was: str) -> bool:
        """Take back what `lift` gave: the ticket has what it would have without. False: nobody
        has lifted it, or its priority is not `was`.
        """

    def give(self, ticket: str, operator: str, now: float, seconds: float) -> bool:
        """Offer a waiting ticket to this operator at once, or keep it for him for so long while he
        is busy. False: it does not wait, he is not ready, or it is too urgent to be kept.
        """

    def release(self, ticket: str, operator: str, now: float) -> bool:
        """Let a ticket that is kept for this operator wait for anybody. False: it is not."""

    def promise(self, ticket: str, seconds: float, now: float) -> None:
        """Note the wait that the caller was told."""

    def ticket(self, ticket: str) -> Ticket | None:
        """Return a ticket; done ones are known for a day."""

    def waiting(self, company: str, queue: str = "") -> list[Ticket]:
        """Return the tickets that are not done, of one queue or all, in the order of service."""

    def place(
        self, company: str, queue: str, now: float, priority: str = "normal", ticket: str = ""
    ) -> Place:
        """Return where a ticket stands, or a new one of this priority would."""

    # ------------------------------------------------------------------ operators

    def sign_in(self, operator: Operator, now: float) -> Operator:
        """Take note of an operator (skills, name, endpoint, tab); the newest tab has the say.

        Who is known already keeps status, state and ticket. Returns him as he stands.
        """

    def set_status(
        self,
        company: str,
        name: str,
        status: str,
        now: float,
        reason: str = "",
        limit: float = 0.0,
        tab: str = "",
        version: int | None = None,
        by: str = "",
    ) -> Operator | None:
        """Change what the operator chose; None (nothing changed) for an older version, another
        tab, or somebody unknown. limit: seconds after which a pause is over its time. by: who
        chose it for him. Ready while in wrap-up ends the wrap-up, unless somebody else chose it.
        Paused or offline with an offer open: the ticket goes back. Offline in a talk: takes effect
        after it.
        """  # fmt: skip

    def set_skills(
        self, company: str, name: str, skills: Mapping[str, int], now: float, was: Mapping[str, int]
    ) -> Operator | None:
        """Change what an operator serves; who waits is matched anew. None: nobody knows him, or
        his skills are not `was`.
        """

    def operator(self, company: str, name: str) -> Operator | None:
        """Return an operator."""

    def operators(self, company: str) -> list[Operator]:
        """Return all operators who are known (offline ones until they are forgotten, a day)."""

    def finish(self, company: str, name: str, now: float) -> bool:
        """End the wrap-up early."""

    def extend(self, company: str, name: str, seconds: float, now: float) -> bool:
        """Give the wrap-up more time, counted from now."""

    # ------------------------------------------------------------------ offers and talks

    def ring(self, token: str, now: float) -> Ticket | None:
        """Claim an offer that is about to be dialled (offered -> ringing); None: too late."""

    def answered(self, token: str, now: float) -> bool:
        """The operator answered (ringing or offered -> talking). False: too late."""

    def unanswered(self, token: str, now: float, why: str = "no_answer") -> bool:
        """The operator did not answer (no_answer), declined, or could not be reached (failed).

        The ticket is waiting again, raised, in its old place; the operator is paused with the
        reason (failed: disconnected) after `unanswered` misses in a row.
        """

    def ended(self, ticket: str, now: float) -> bool:
        """The talk is over: the ticket is done (answered), the operator in wrap-up."""

    def dropped(self, ticket: str, now: float) -> bool:
        """The operator vanished in the talk: the ticket is broken, the operator disconnected.

        After `back` seconds `tick` makes the ticket waiting again, raised, at its old place.
        """

    def returned(self, company: str, name: str, now: float) -> Offer | None:
        """A disconnected operator is there again; the offer of his broken talk if there is one.

        He is idle with the status he had otherwise.
        """

    def transfer(self, ticket: str, now: float, queue: str = "", operator: str = "") -> bool:
        """End a talk by passing the caller on: into `queue` (raised, place of first entry), or to
        `operator` (kept for him for `ring` seconds, then anybody of the queue). The first operator
        goes to wrap-up.
        """

    def take(self, ticket: str, operator: str, now: float) -> Offer | None:
        """Offer a waiting ticket to this operator out of turn, if he is ready and idle."""

    def consult(self, company: str, name: str, other: str, token: str, now: float) -> bool:
        """Reserve an idle, ready `other` for a talk among operators; False: he is not free."""

    def consulted(self, token: str, now: float, ticket: str = "") -> bool:
        """The talk among operators is over. ticket: the caller stays with the one consulted, who
        becomes its operator; the first one goes to wrap-up.
        """

    def take_over(self, ticket: str, operator: str, token: str, now: float) -> bool:
        """Give a talk to another operator, who is idle: he goes on with the caller under `token`,
        the first one goes to wrap-up. False: it is no talk any more, or he is not idle.
        """

    # ------------------------------------------------------------------ time and news

    def tick(self, now: float) -> float | None:
        """Do all that is due (leases, relaxations, ends of wrap-up, broken talks, places kept too
        long); return when the next thing is due, None: nothing is. Any process may call it.
        """

    def offers(self) -> list[Offer]:
        """Return the offers that nobody has claimed by `ring` yet."""

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` (in some thread, quickly) after each change; returns how to stop it.

        News can be lost when the connection breaks: after one, Change("", "all", "") comes.
        """

    def send(self, command: Mapping[str, Any]) -> None:
        """Ask the matchmaker for something; see `ivr.matchmaker` for the commands."""

    def tell(self, company: str, name: str = "") -> None:
        """Let the desks know that something changed for this operator, "": for everybody."""

    def commands(self) -> list[dict[str, Any]]:
        """Take the commands that wait, oldest first; each is taken once."""

    def audit(self, company: str, now: float) -> list[str]:
        """Return every invariant that does not hold, one sentence each; nothing when all do."""
