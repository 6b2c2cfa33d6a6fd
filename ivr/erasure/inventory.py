"""What every table holds of a customer, and what becomes of it when he is erased.

Each column of text or JSON stands in exactly one of `number`, `account`, `clear`, `mask`, `keep`.
Columns named `call`, `account_id`, `conversation_id` tell whose a row is.
"""

from __future__ import annotations

from dataclasses import dataclass

STAFF = "names of staff, words of the system"
REGISTER = "the company's own register: it comes with the next import; have it taken out there"
STATISTICS = "statistics, without number and account"
LIFE = "the register of those who come first, by decree: have it taken out there"
OUTAGES = "what an outage hits: it comes from the company's systems"
WORDS = {REGISTER: "register", LIFE: "life", OUTAGES: "outages"}
"""What the page calls these reasons."""


@dataclass(frozen=True)
class Holding:
    """What one table holds. why: of what is kept.

    number, account: columns that are a telephone number, an account; emptied (the row is his).
    clear: emptied in his rows. whole: his rows are deleted, and those whose `mask` names him.
    mask, clear: his number and account are cut out of these texts in any row.
    links: `account_id` is emptied in his rows.
    stays: number and account stay, for the reason in `why`.
    """

    why: str = STAFF
    number: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    whole: bool = False
    links: bool = False
    stays: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns out of which he is cut in anybody's rows."""
        return (*self.mask, *self.clear)

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that may name him and are emptied or cut then."""
        return (*self.number, *self.account, *self.texts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is named."""
        return (*self.number, *self.account, *self.clear, *self.mask, *self.keep)


def _kept(*columns: str, why: str = STAFF, stays: bool = False) -> Holding:
    return Holding(why=why, keep=columns, stays=stays)


TABLES: dict[str, Holding] = {
    "account_misses": Holding(number=("number",), keep=("company", "key"), whole=True),
    "accounts": _kept(
        "company", "number", "kind", "settlement", "street", "house", "schedule_queue",
        "substation", why=REGISTER, stays=True,
    ),
    "actions": Holding(
        mask=("target", "before", "after"), keep=("company", "who", "what", "undone_by"),
    ),
    "alerts": _kept("company", "kind", "target", "level", "storm", "taken_by"),
    "aliases": _kept("company", "alias", why=REGISTER, stays=True),
    "announcements": Holding(
        mask=("texts",), keep=("company", "place", "queues", "prompts", "made_by")
    ),
    "applications": _kept(
        "company", "number", "what", "state", "reason", why=REGISTER, stays=True
    ),
    "audit": Holding(
        why="who of the staff did what", mask=("details",),
        keep=("company", "who", "what", "call", "address"),
    ),
    "bookings": Holding(
        why="somebody comes at that hour; without the number", number=("caller_number",),
        mask=("key",), keep=("company", "place", "call"),
    ),
    "call_facts": Holding(
        why=STATISTICS, number=("number",), account=("account",), mask=("dialled",),
        keep=(
            "call", "company", "channel", "language", "entrance", "topic", "tasks", "ended_by",
            "why", "last_prompt",
        ),
    ),
    "callback_clocks": _kept("company"),
    "callbacks": Holding(
        why="promises kept in time, without the number", number=("number",), clear=("context",),
        mask=("key",),
        keep=("company", "queue", "priority", "language", "call", "state", "operator"),
    ),
    "companies": _kept("id", "name"),
    "contacts": Holding(
        why=REGISTER, number=("number",), keep=("company", "source"), whole=True
    ),
    "conversations": Holding(
        why=STATISTICS, number=("caller_number",), clear=("note", "recording"),
        mask=("handed_to",),
        keep=("company", "call", "token", "operator", "queue", "code", "quality"), links=True,
    ),
    "drafts": Holding(mask=("values",), keep=("call", "form", "operator"), whole=True),
    "emergency_schedules": _kept("company", "region", "changed_by"),
    "erasures": _kept("company", "who", "subject", "proof", why="a proof names nobody"),
    "events": Holding(
        why=STATISTICS, mask=("details",),
        keep=("company", "call", "kind", "flow", "step", "source"),
    ),
    "facts_marks": _kept("name"),
    "flow_facts": _kept("call", "company", "flow", "language", "result", "step", why=STATISTICS),
    "flow_files": _kept("digest", "texts"),
    "flow_releases": _kept(
        "company", "title", "changes", "base", "state", "findings", "walked", "made_by",
        "published_by",
    ),
    "help_requests": Holding(clear=("note",), keep=("company", "operator", "call", "taken_by")),
    "hours_changes": Holding(
        mask=("note",), keep=("company", "service", "opens", "closes", "made_by")
    ),
    "listenings": _kept(
        "company", "token", "supervisor", "operator", "call", "mode", "before", "why"
    ),
    "meters": _kept("number", why=REGISTER),
    "operator_spans": _kept("company", "operator", "status", "reason", "state", "ticket", "queue"),
    "outage_areas": _kept(
        "company", "settlement", "street", "houses", "substation", "account", "place",
        why=OUTAGES, stays=True,
    ),
    "outage_events": _kept("company", "number", "kind", "cause", "state", "source"),
    "outage_reports": Holding(
        why="counted to its outage, without number and account", number=("caller_number",),
        clear=("answers",), mask=("key",),
        keep=("company", "call", "substation", "settlement", "street", "scope"), links=True,
    ),
    "outbox": Holding(
        mask=("key", "payload", "last_error", "details"),
        keep=("company", "kind", "state", "claim"), whole=True,
    ),
    "preferences": Holding(number=("number",), keep=("company", "language"), whole=True),
    "priority_phones": _kept("company", "number", why=LIFE, stays=True),
    "priority_sites": _kept(
        "company", "number", "kind", "name", "note", "approved_by", why=LIFE, stays=True
    ),
    "prompt_versions": _kept(
        "company", "prompt", "language", "text", "digest", "state", "findings", "made_by",
        "published_by",
    ),
    "quality_samples": _kept("company", "month", "operator", "why"),
    "readings": Holding(
        why="billed (retention: erased); without the number", number=("caller_number",),
        mask=("key",),
        keep=("company", "value", "state", "flags", "channel", "call", "tries"),
    ),
    "receipts": Holding(why="numbers that were given", mask=("key",), keep=("company",)),
    "recording_marks": Holding(clear=("note",), keep=("who", "kind"), whole=True),
    "registers": _kept("name", "previous", why=REGISTER),
    "schedule_hours": _kept("company", "queue", "starts", "ends"),
    "scorecards": Holding(
        why="how the operator worked", clear=("note", "answer"),
        keep=("company", "operator", "rater", "points", "criteria"),
    ),
    "sign_ins": _kept("token", "address"),
    "staff_messages": Holding(mask=("text",), keep=("company", "sender", "receiver")),
    "staff_messages_seen": _kept("login"),
    "storms": Holding(
        mask=("reason",),
        keep=("company", "state", "regions", "rules", "started_by", "ended_by", "measured"),
    ),
    "subscriptions": Holding(
        number=("number",), mask=("key",), keep=("company", "way", "language", "call", "state"),
        whole=True,
    ),
    "suspected_events": _kept(
        "company", "substation", "settlement", "street", "state", "decided_by"
    ),
    "synthetic_calls": _kept("company", "stage", "details", why="calls of press2 to itself"),
    "tickets": Holding(
        why="registered, and to be answered for (retention: erased); open ones keep what was said",
        number=("caller_number",), mask=("details", "key"),
        keep=("company", "type", "priority", "reason", "call", "state"),
    ),
    "users": _kept("company", "login", "name", "role", "password", "skills", "languages"),
    "visit_facts": Holding(
        why=STATISTICS, mask=("dialled",),
        keep=(
            "call", "company", "queue", "kind", "priority", "language", "outcome", "operator",
        ),
    ),
    "voice_messages": Holding(
        number=("number",), mask=("key",),
        keep=("company", "call", "queue", "path", "state", "handled_by"), whole=True,
    ),
}  # fmt: skip

SAID = frozenset(
    {
        "from", "number", "account", "accounts", "text", "understood", "phone", "name", "address",
        "slots", "values", "context",
    }
)  # fmt: skip
"""Keys of an event's details that hold what a caller is or said; gone from the events of his calls.
A key he pressed stays: it tells nothing but the choice."""
