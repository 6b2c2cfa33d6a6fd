"""What a company promises and how it decides, beyond its queues: sections of its profile.

Each is a frozen dataclass with the defaults; `read` fills them from the plain document of
`flows/companies/NAME.yaml` and complains about the key that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ivr.listening import Hearing

_STRICT = ConfigDict(extra="forbid")
Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Weekday = Annotated[int, Field(ge=1, le=7)]
Span = tuple[Clock, Clock]
"""First and last local time of one day."""
PLACES = ("flat", "stairwell", "facade", "pole")
"""Where a meter hangs."""
Place = Literal["flat", "stairwell", "facade", "pole"]
REASONS = (
    "common_place", "access", "documents", "season", "technical", "payment", "applicant",
)  # fmt: skip
"""Why something that was applied for is refused or put off, each a prompt `reason_...`."""
Reason = Literal[
    "common_place", "access", "documents", "season", "technical", "payment", "applicant"
]


@dataclass(frozen=True, config=_STRICT)
class Contacts:
    """Numbers that callers are told or put through to. dispatcher: for danger; "" where there is
    none. supplier: who answers questions about bills.
    """

    dispatcher: Phone | Literal[""] = ""
    supplier: Phone | str = ""


@dataclass(frozen=True, config=_STRICT)
class OutageTerms:
    """Keys 1 and 3. fresh: minutes for which what was said of an accident is told as a fact.

    announced: hours for which the announced end of planned works is. group, within: so many reports
    of one substation or street within so many minutes make a suspected event for the dispatcher.
    repeat: hours in which a further report of an account has the ticket it has already.
    ahead: days ahead of which announced works are told.
    """

    fresh: Positive = 30
    announced: Positive = 168
    group: Count = 3
    within: Positive = 15
    repeat: Positive = 6
    ahead: Count = 14


@dataclass(frozen=True, config=_STRICT)
class DangerTerms:
    """Somebody in danger whom no operator answers, in seconds; only with a dispatcher's number.

    after: in the queue until the dispatcher's telephone rings. ring: how long it rings. again:
    from one time to the next, while still nobody has answered him.
    """

    after: Positive = 20
    ring: Positive = 30
    again: Positive = 60


@dataclass(frozen=True, config=_STRICT)
class Visits:
    """Visits of a crew, which callers may move by themselves.

    weekdays: 1 Monday ... 7 Sunday. windows: local first and last time of day of each window.
    seats: visits in one window. days: how many days ahead. notice: hours before a visit begins in
    which it cannot be moved by the caller any more, and after which the first slot begins.
    proof: an unknown telephone gives the meter's last digits to move a visit; else the number of
    the application is enough. moves: times a day that callers may move one visit.
    """

    weekdays: tuple[Weekday, ...] = (1, 2, 3, 4, 5)
    windows: tuple[Span, ...] = (("09:00", "13:00"), ("13:00", "17:00"))
    seats: Count = 5
    days: Count = 21
    notice: Annotated[float, Field(ge=0)] = 24
    proof: bool = False
    moves: Count = 3


@dataclass(frozen=True, config=_STRICT)
class OfficeHours:
    """When an office is open: the same hours on each of these weekdays."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    open: Span


@dataclass(frozen=True, config=_STRICT)
class Office:
    """An office of the company. id: never changes, bookings go by it.

    address: by language, as it is spoken and written; every language of the company.
    slot: minutes of one appointment. seats: appointments at once. days: how many days ahead.
    notice: minutes from a call to the first appointment.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    settlement: str
    address: Annotated[Mapping[str, str], Field(min_length=1)]
    hours: Annotated[tuple[OfficeHours, ...], Field(min_length=1)]
    slot: Count = 30
    seats: Count = 1
    days: Count = 14
    notice: Annotated[float, Field(ge=0)] = 60


@dataclass(frozen=True, config=_STRICT)
class Meters:
    """Meters to be replaced or mended.

    refuse, postpone: reason by place of the meter, where a replacement there is refused or put off.
    replacement_days, fault_days: working days until somebody comes.
    """

    refuse: Mapping[Place, Reason] = Field(default_factory=dict)
    postpone: Mapping[Place, Reason] = Field(default_factory=dict)
    replacement_days: Count = 30
    fault_days: Count = 5


@dataclass(frozen=True, config=_STRICT)
class Requests:
    """Requests of other kinds.

    complaint_days: calendar days in which a complaint is answered. bookings: appointments that one
    telephone may have at a time. documents: where papers are sent, a link or an e-mail address.
    """

    complaint_days: Count = 30
    bookings: Count = 2
    documents: str = ""


@dataclass(frozen=True, config=_STRICT)
class StormTerms:
    """Storm mode: when it is proposed, and what holds while it is on (`docs/storm.md`).

    Proposed when the calls of the last `span` minutes are more than `arrivals` times what the same
    minutes of the last `days` days brought (never fewer than `least`; `calls` where nothing is
    known yet), when a new caller of `measured` would wait for more than `wait` minutes, or when an
    open event hits more than `customers`. Calm is a wait under `calm` and half of those calls; a
    proposal ends after `calm_for` minutes of it.
    automatic: switched on, and after a calm off, by the rule alone.
    hours: until a storm ends by itself. cap: expected wait in minutes above which nobody new waits.
    gates: queues in which nobody waits at all, only who is served at once.
    callbacks: place (each at its place, as ever), calm (after the storm; danger and priority sites
    as ever) or spread (one in the queues for every `share` operators).
    wrap_up: seconds after a talk at most. messages: prompts to choose from, the first is the usual.
    lines: calls the trunk carries at once; for the page, the trunk itself holds them off.
    """

    arrivals: Positive = 3
    span: Positive = 5
    days: Count = 7
    least: Count = 20
    calls: Count = 60
    measured: tuple[str, ...] = ("outage", "general")
    wait: Positive = 10
    customers: Count = 5000
    calm: Positive = 5
    calm_for: Positive = 15
    automatic: bool = False
    hours: Annotated[float, Field(ge=0.25, le=72)] = 6
    cap: Positive = 20
    gates: tuple[str, ...] = ("connection",)
    callbacks: Literal["place", "calm", "spread"] = "place"
    share: Count = 4
    wrap_up: Annotated[float, Field(ge=0)] = 10
    messages: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "storm_general",
        "storm_weather",
        "storm_grid",
    )
    lines: Count = 250

    def __post_init__(self) -> None:
        """Refuse what would make a proposal come and go."""
        if self.calm >= self.wait:
            raise ValueError(f"`calm` ({self.calm:g}) must be below `wait` ({self.wait:g})")
        if never := {"danger", "outage"} & set(self.gates):
            raise ValueError(f"`gates`: {min(never)} can never be one")


@dataclass(frozen=True, config=_STRICT)
class SpeechTerms:
    """Answers by speech beside the keys (`docs/speech.md`).

    heard: off takes keys only from every caller of the company. accept, confirm: confidence from
    which an answer is taken, and from which the caller is asked whether it was heard right.
    together: languages that callers mix, each group listened for at once. misses: answers of a
    question, noisy: of a call, not understood before only keys are taken. without: telephones that
    are always asked for keys. kept: share of calls in which the caller is asked whether what he
    said may be kept to make recognition better, 0: none; days: how long it then is.
    """

    heard: bool = True
    accept: Share = 0.75
    confirm: Share = 0.45
    together: tuple[tuple[str, ...], ...] = (("uk", "ru"),)
    misses: Count = 2
    noisy: Count = 4
    without: tuple[Phone, ...] = ()
    kept: Share = 0
    days: Count = 90

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing to be asked."""
        if self.confirm > self.accept:
            raise ValueError(f"`confirm` ({self.confirm:g}) is above `accept` ({self.accept:g})")

    def hearing(self) -> Hearing:
        """Return what the engine needs of it."""
        return Hearing(self.accept, self.confirm, self.together, self.misses, self.noisy)


FEED = ("ticket", "reading", "report", "suspected", "priority", "booking")
"""Documents that the company's own systems may be told of (`ivr.services.feed`)."""
Fed = Literal["ticket", "reading", "report", "suspected", "priority", "booking"]


@dataclass(frozen=True, config=_STRICT)
class RestorationTerms:
    """Telling those who asked that the supply is back.

    hours: first and last local time of day at which people are called for it; SMS go at any hour.
    worth: hours after which the news is none. ring: seconds a telephone rings. nested: hours in
    which "no supply" again is a fault behind the one that was mended.
    """

    hours: tuple[Hour, Hour] = ("08:00", "21:00")
    worth: Positive = 12
    ring: Annotated[int, Field(ge=5, le=60)] = 40
    nested: Positive = 24


@dataclass(frozen=True, config=_STRICT)
class CallbackTerms:
    """How soon somebody must be called back.

    hours: until a promise is late, 0: no such rule. red: share of them after which it is pressing.
    clock: "wall" counts every hour, "open" only those in which its queue is open.
    """

    hours: Annotated[float, Field(ge=0)] = 0
    red: Annotated[float, Field(gt=0, lt=1)] = 0.75
    clock: Literal["wall", "open"] = "wall"


@dataclass(frozen=True, config=_STRICT)
class ServiceTerms:
    """How well callers are served, as the regulator counts it (`docs/reports.md`).

    within: seconds in which a caller is to be answered, target: the share of them. lost: the share
    that may hang up in the queue. short: who hangs up sooner than this (seconds) is a short
    abandon. clock: where the seconds begin, at the entry into the queue or at the answer of the
    call. denominator: of whom the share is taken: everybody who was offered to a queue, the same
    without short abandons, or the answered only. night: first and last local time of the night.
    """

    within: Positive = 30
    target: Share = 0.75
    lost: Share = 0.1
    short: Annotated[float, Field(ge=0)] = 5
    clock: Literal["queue", "call"] = "queue"
    denominator: Literal["offered", "without_short", "answered"] = "offered"
    night: tuple[Hour, Hour] = ("22:00", "06:00")


@dataclass(frozen=True, config=_STRICT)
class StaffingTerms:
    """How many operators are needed (`docs/staffing.md`).

    shrinkage: share of paid time in which nobody takes calls. least: operators at any hour, also at
    night, so that one may rest. patience: seconds callers wait on average before they hang up,
    where the log does not tell yet. days: how many days of the same type a forecast looks at.
    """

    shrinkage: Annotated[float, Field(ge=0, lt=1)] = 0.3
    least: Annotated[int, Field(ge=0)] = 2
    patience: Positive = 180
    days: Count = 8


@dataclass(frozen=True, config=_STRICT)
class Criterion:
    """One line of a scorecard. points: at most. fail: without it the whole card is 0."""

    name: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    points: Count
    fail: bool = False


@dataclass(frozen=True, config=_STRICT)
class QualityTerms:
    """Rating of talks (`docs/quality.md`). sample: talks of each operator a month, drawn by chance.

    complaints: wrap-up codes of talks that are all rated. own: operators may hear their own talks
    that were rated. criteria: of the scorecard, 100 points.
    """

    sample: Annotated[int, Field(ge=0)] = 5
    complaints: tuple[str, ...] = ("complaint",)
    own: bool = False
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)] = (
        Criterion("greeting", 5),
        Criterion("identified", 15),
        Criterion("listened", 15),
        Criterion("answer", 25),
        Criterion("registered", 15),
        Criterion("safety", 10, fail=True),
        Criterion("privacy", 10, fail=True),
        Criterion("closing", 5),
    )

    def __post_init__(self) -> None:
        """Refuse a card that is not of 100 points."""
        if (total := sum(each.points for each in self.criteria)) != 100:
            raise ValueError(f"`criteria` have {total} points together, must have 100")


@dataclass(frozen=True, config=_STRICT)
class RetentionTerms:
    """Days that things are kept, 0: for ever (`docs/retention.md`).

    recordings: of talks, by_queue: of single queues. messages: voice messages that were dealt with.
    events: the log. numbers: telephone numbers in the log, which is kept without them after that.
    audit: the audit log. erased: what stays, without the number, of a customer who is erased.
    """

    recordings: Annotated[int, Field(ge=0)] = 180
    by_queue: Mapping[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    messages: Annotated[int, Field(ge=0)] = 90
    events: Annotated[int, Field(ge=0)] = 1830
    numbers: Annotated[int, Field(ge=0)] = 1100
    audit: Annotated[int, Field(ge=0)] = 1830
    erased: tuple[Literal["readings", "tickets"], ...] = ("readings", "tickets")


ALERTS = (
    "service_level", "lost", "waiting", "longest", "no_operators", "recogniser_down",
    "outbox_stuck", "disk_full", "calls_fail", "figures_old", "matchmaker", "unmatched",
)  # fmt: skip
"""What supervisors are alarmed of (`ivr.alerts`)."""
Alarmed = Literal[
    "service_level", "lost", "waiting", "longest", "no_operators", "recogniser_down",
    "outbox_stuck", "disk_full", "calls_fail", "figures_old", "matchmaker", "unmatched",
]  # fmt: skip


@dataclass(frozen=True, config=_STRICT)
class AlertTerms:
    """When supervisors are alarmed (`docs/alerts.md`).

    service: service level of the last half hour below which something is wrong, lost: share that
    hung up in it above which it is, calls: with at least so many calls in it. waiting: callers in a
    queue; longest: minutes one of them waits. hold: seconds something must be wrong before it is
    told, clear: seconds it must be right before it is over. outbox: minutes an entry of the outbox
    is late. disk: share that is full. synthetic: seconds since a call to ourselves last succeeded.
    quiet: kinds that are not told.
    """

    service: Share = 0.6
    lost: Share = 0.1
    calls: Count = 10
    waiting: Count = 30
    longest: Positive = 5
    hold: Annotated[float, Field(ge=0)] = 2
    clear: Annotated[float, Field(ge=0)] = 60
    outbox: Positive = 15
    disk: Annotated[float, Field(gt=0, lt=1)] = 0.9
    synthetic: Positive = 90
    quiet: tuple[Alarmed, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class SurveyTerms:
    """One question after a talk, answered 1 to 5. share: of talks it is asked after, 0: none."""

    share: Share = 0


@dataclass(frozen=True, config=_STRICT)
class ListeningTerms:
    """Supervisors in talks (`docs/supervisor.md`). shown: whether the operator sees who listens."""

    shown: bool = True


@dataclass(frozen=True, config=_STRICT)
class Terms:
    """All of these sections of one company. feed: the documents its systems are told of."""

    contacts: Contacts = Field(default_factory=Contacts)
    danger: DangerTerms = Field(default_factory=DangerTerms)
    outages: OutageTerms = Field(default_factory=OutageTerms)
    restoration: RestorationTerms = Field(default_factory=RestorationTerms)
    storm: StormTerms = Field(default_factory=StormTerms)
    visits: Visits = Field(default_factory=Visits)
    offices: tuple[Office, ...] = ()
    meters: Meters = Field(default_factory=Meters)
    requests: Requests = Field(default_factory=Requests)
    feed: tuple[Fed, ...] = ()
    callbacks: CallbackTerms = Field(default_factory=CallbackTerms)
    speech: SpeechTerms = Field(default_factory=SpeechTerms)
    service_level: ServiceTerms = Field(default_factory=ServiceTerms)
    staffing: StaffingTerms = Field(default_factory=StaffingTerms)
    quality: QualityTerms = Field(default_factory=QualityTerms)
    retention: RetentionTerms = Field(default_factory=RetentionTerms)
    alerts: AlertTerms = Field(default_factory=AlertTerms)
    survey: SurveyTerms = Field(default_factory=SurveyTerms)
    listening: ListeningTerms = Field(default_factory=ListeningTerms)


SECTIONS = tuple(Terms.__dataclass_fields__)
"""Keys of a profile that are read here."""
_TERMS = TypeAdapter(Terms)


def read(document: Mapping[str, Any]) -> Terms:
    """Read the sections of a profile. ValueError names the key and what is wrong with it."""
    given = {section: document[section] for section in SECTIONS if section in document}
    try:
        return _TERMS.validate_python(given)
    except ValidationError as reason:
        first = reason.errors()[0]
        place = ": ".join(str(part) for part in first["loc"])
        raise ValueError(f"`{place}`: {first['msg'].lower()}, found {first['input']!r}") from None
