"""One call's events, folded into its facts: pure, the same rows whenever it is done anew.

Events come in the order of their ids. The runner, the matchmaker and the queue's journal write them
by different ways, so events of two writers may be a second out of order; whatever is read from more
than one of them is decided by the times of the events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.facts.flows import Runs
from ivr.facts.model import (
    AFTER_TALK,
    LEFT_TO_PEOPLE,
    QUEUE_FLOW,
    TASKS,
    TOPIC_OF_CODE,
    TOPIC_OF_FLOW,
    TOPIC_OF_QUEUE,
    Happening,
)
from ivr.facts.visits import Stay, Visit, seconds, stay
from ivr.model import SYNTHETIC

Row = dict[str, Any]


@dataclass(frozen=True)
class Wrap:
    """An operator's wrap-up of a ticket."""

    operator: str
    began: datetime
    seconds: float


@dataclass(frozen=True)
class Surroundings:
    """What a fold knows besides the events of the call. zone, language: of the company.

    codes: wrap-up codes of the call's talks, in order. wraps: wrap-ups of the ticket, in order.
    storms: (began, ended) of the company's storms; None: not over.
    """

    company: str
    zone: ZoneInfo
    language: str
    codes: Sequence[str] = ()
    wraps: Sequence[Wrap] = ()
    storms: Sequence[tuple[datetime, datetime | None]] = ()

    def day_of(self, at: datetime) -> Row:
        """Return the local day of a moment and the UTC instant at which its half hour began."""
        local = at.astimezone(self.zone)
        # Minutes of offsets are whole half hours nearly everywhere; of the others the hour counts.
        past = timedelta(
            minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond
        )
        return {"day": local.date(), "interval": (at - past).astimezone(UTC)}

    def stormy(self, at: datetime) -> bool:
        """Tell whether storm mode was on."""
        return any(began <= at and (ended is None or at < ended) for began, ended in self.storms)


@dataclass(frozen=True)
class Facts:
    """The rows of one call, or of one call-back (visits only). call: None while it is not over."""

    call: Row | None = None
    visits: Sequence[Row] = ()
    flows: Sequence[Row] = ()


def fold(happenings: Sequence[Happening], known: Surroundings) -> Facts:
    """Return the facts of one call, from all of its events in the order of their ids."""
    records = [each for each in happenings if each.kind == "ticket"]
    first = next((each for each in happenings if begins(each)), None)
    if first is None:
        called_back = bool(records) and records[0].details["kind"] == "callback"
        return Facts(visits=_visits(stay(records), known, None)) if called_back else Facts()
    waits = stay(records, first.at)
    call = _Call(first, waits, happenings, known)
    for happening in happenings:
        call.take(happening)
        if call.ended is not None:
            ours = call.entrance == SYNTHETIC  # nobody waited: no load, no service level
            visits = [] if ours else _visits(waits, known, call)
            return Facts(call.row(), visits, call.flow_rows())
    return Facts()


def begins(happening: Happening) -> bool:
    """Tell whether this is the beginning of a call; an operator's answer has the same kind."""
    return happening.kind == "answered" and "operator" not in happening.details


class _Call:
    """What the events of a call said so far.

    The runner's events are in their order. What the matchmaker and the queue tell besides is put
    between them by its time: talks, when operators answered; outside, when he was passed on to a
    number.
    """

    def __init__(
        self,
        first: Happening,
        waits: Stay,
        happenings: Sequence[Happening],
        known: Surroundings,
    ) -> None:
        self.known = known
        self.first = first
        self.waits = waits
        answers = {visit.answered for visit in waits.visits if visit.answered}
        answers |= {h.at for h in happenings if h.kind == "answered" and not begins(h)}
        self.talks = sorted(answers)
        self.outside = max((h.at for h in happenings if passes_on(h)), default=None)
        self.put_down = any(h.kind == "hung_up" for h in happenings)
        self.to_come = list(self.talks)
        self.entrance = str(first.details.get("entrance") or "main")
        self.runs = Runs(first.flow or self.entrance, first.at)
        self.ended: datetime | None = None
        self.reason = ""
        self.gone = ""  # what the event of the hang-up says
        self.standing = False  # the open turn lets him wait for an operator
        self.flow = ""
        self.language = known.language
        self.account: str | None = None
        self.asked = False
        self.tasks: dict[str, None] = {}
        self.topics: list[str] = []
        self.queues: list[str] = []
        self.readings = 0
        self.survey: int | None = None
        self.last_prompt = ""
        self.told: list[tuple[datetime, float]] = []

    # ------------------------------------------------------------------ reading

    def take(self, happening: Happening) -> None:
        """Take the next event."""
        read = _READERS.get(happening.kind)
        if read is None or (happening.kind == "answered" and happening is not self.first):
            return
        while self.to_come and (self.to_come[0] <= happening.at or happening.kind == "ended"):
            self.to_come.pop(0)
            self.runs.served()
        self._turn(happening)
        read(self, happening)

    def _turn(self, happening: Happening) -> None:
        """Read where the dialogue is, and what its turn changed."""
        details = happening.details
        ways = details.get("ways")
        if ways:
            self.runs.walk(ways, happening.at)
            for way in ways:
                self._way(way)
        self.flow = happening.flow
        self.runs.stands(happening.flow, happening.step)
        learnt = details.get("known")
        if learnt:
            self.language = learnt.get("language") or self.language
            if "account" in learnt:
                account = learnt["account"]
                self.account = account if isinstance(account, str) else None

    def _way(self, way: str) -> None:
        if way == f"+{QUEUE_FLOW}":
            self.asked = True
        elif way.startswith("+") and (topic := TOPIC_OF_FLOW.get(way[1:])):
            self.topics.append(topic)

    def began(self, _: Happening) -> None:
        """The call begins."""

    def heard(self, happening: Happening) -> None:
        """The caller, an operator or nobody answered the open turn."""
        details = happening.details
        if not details.get("ways"):
            self.runs.cause = ""
        if details.get("kind") == "hangup":
            self.gone = str(details.get("text") or "caller")
            return
        self.standing = False
        if details.get("outcome") == "unavailable" and (self.outside or self._none) < happening.at:
            self.outside = None

    def said(self, happening: Happening) -> None:
        """Something was said."""
        if prompts := happening.details.get("prompts"):
            self.last_prompt = str(prompts[-1])

    def looked_up(self, happening: Happening) -> None:
        """A service answered."""
        about = str(happening.details.get("service")), str(happening.details.get("outcome"))
        if task := TASKS.get(about):
            self.tasks[task] = None
            self.readings += task == "reading"

    def was_told(self, happening: Happening) -> None:
        """He was told how long it takes."""
        self.told.append((happening.at, float(happening.details["seconds"])))

    def queued(self, happening: Happening) -> None:
        """From here on he waits."""
        self.standing = True
        self.queues.append(str(happening.details.get("queue") or ""))

    def rated(self, happening: Happening) -> None:
        """He said how the talk was."""
        self.survey = int(happening.details["rating"])

    def ends(self, happening: Happening) -> None:
        """The call is over."""
        self.ended = happening.at
        self.reason = str(happening.details.get("reason") or "failed")
        lost = self.gone not in ("", "caller")
        self.runs.end(self.gone if lost else self.reason, happening.at)

    _none = datetime.max.replace(tzinfo=UTC)

    # ------------------------------------------------------------------ why it ended

    def why(self) -> tuple[str, str]:
        """Return why the call ended, and who ended it."""
        if self.reason == "exchange_lost" or self.gone == "exchange_lost":
            return "exchange_lost", "network"
        if self.gone == "limit" or self.reason == "limit":
            return "limit", "system"
        if self.gone == "network":
            return "network", "network"
        if self.gone == "failure":
            return "failure", "system"
        if self.reason == "caller":
            return self._hung_up()
        if self.reason == "operator":
            return ("transferred_out" if self._outside() else "operator_hung_up"), "operator"
        if self.reason == "callback":
            return "callback", "system"
        if self.reason == "completed":
            return self._completed(), "system"
        return "failure", "system"

    def _hung_up(self) -> tuple[str, str]:
        """The caller did, as far as his exchange knows."""
        if self.standing:
            if self._outside():
                return "transferred_out", "caller"
            if not self._talks():
                return "caller_in_queue", "caller"
            if self.put_down:
                return "operator_hung_up", "operator"
            return "caller_in_talk", "caller"
        if self.talks and self.flow in (AFTER_TALK, QUEUE_FLOW):
            return ("transferred_out" if self._outside() else "operator_hung_up"), "operator"
        if self.talks:
            return "caller_after_talk", "caller"
        if self.tasks:
            return "caller_after_task", "caller"
        menu = self.flow == self.runs.runs[0].flow
        return ("caller_in_menu" if menu else "caller_in_question"), "caller"

    def _talks(self) -> bool:
        """Tell whether he was in a talk when it ended, and not waiting, perhaps again."""
        visits = self.waits.visits
        return bool(visits[-1].answered) if visits else bool(self.talks)

    def _outside(self) -> bool:
        """Tell whether he talked to somebody outside last."""
        return self.outside is not None and self.outside >= max(self.talks, default=self.outside)

    def _completed(self) -> str:
        if self.runs.runs[0].result in ("silence", "no_match"):
            return self.runs.runs[0].result
        served = bool(self.talks) or bool(self.tasks)
        return "unserved" if self.asked and not served else "completed"

    # ------------------------------------------------------------------ the rows

    def row(self) -> Row:
        """Return the fact of the call."""
        assert self.ended is not None  # noqa: S101 - its caller has looked
        details, began = self.first.details, self.first.at
        why, ended_by = self.why()
        served = bool(self.talks)
        return {
            "call": self.first.call,
            "company": self.known.company,
            "began": began,
            "ended": max(began, self.ended),
            **self.known.day_of(began),
            "number": details.get("from"),
            "dialled": details.get("to"),
            "channel": str(details.get("channel") or ""),
            "language": self.language,
            "entrance": self.entrance,
            "account": self.account,
            "topic": self.topic(),
            "tasks": list(self.tasks),
            "automatic": not served and not LEFT_TO_PEOPLE.issuperset(self.tasks),
            "served": served,
            "readings": self.readings,
            "ended_by": ended_by,
            "why": why,
            "last_prompt": self.last_prompt,
            "survey": self.survey,
            "storm": self.known.stormy(began),
            "release": details.get("release"),
        }

    def topic(self) -> str:
        """Return what the call was about: an operator says it best, then what he asked for last."""
        for code in reversed(self.known.codes):
            return TOPIC_OF_CODE.get(code, "other")
        if self.topics:
            return self.topics[-1]
        queues = [visit.queue for visit in self.waits.visits] or self.queues
        found = [TOPIC_OF_QUEUE[queue] for queue in queues if queue in TOPIC_OF_QUEUE]
        return found[-1] if found else "other"

    def flow_rows(self) -> list[Row]:
        """Return the facts of its flows."""
        return [
            {
                "call": self.first.call,
                "number": number,
                "company": self.known.company,
                "day": self.known.day_of(run.began)["day"],
                "flow": run.flow,
                "language": self.language,
                "result": run.result,
                "step": run.step,
                "seconds": seconds(run.began, run.ended or run.began),
            }
            for number, run in enumerate(self.runs.runs, 1)
        ]


_READERS: Mapping[str, Callable[[_Call, Happening], None]] = {
    "answered": _Call.began,
    "heard": _Call.heard,
    "said": _Call.said,
    "looked_up": _Call.looked_up,
    "told": _Call.was_told,
    "queued": _Call.queued,
    "rated": _Call.rated,
    "ended": _Call.ends,
}


READ = (*_READERS, "ticket", "transferred", "put_through", "hung_up")
"""Kinds of events that the facts of a call are made of."""


def passes_on(happening: Happening) -> bool:
    """Tell whether he was passed on, or put through, to a number outside."""
    if happening.kind == "transferred":
        return happening.details.get("to") == "number"
    return happening.kind == "put_through"


def _visits(waits: Stay, known: Surroundings, call: _Call | None) -> list[Row]:
    """Return the facts of a ticket's visits that are over, with what happened after each talk."""
    over = [visit for visit in waits.visits if visit.over is not None]
    wraps = _wraps(over, known.wraps)
    return [
        {
            "call": waits.ticket,
            "number": number,
            "company": known.company,
            "queue": visit.queue,
            "kind": visit.kind,
            "priority": visit.priority,
            "language": call.language if call else "",
            "dialled": call.first.details.get("to") if call else None,
            "entered": visit.entered,
            **known.day_of(visit.entered),
            "outcome": visit.outcome,
            "waited": seconds(visit.entered, visit.answered) if visit.answered else None,
            "left": None if visit.answered else seconds(visit.entered, visit.over or visit.entered),
            "operator": visit.operator or None,
            "talk": visit.talk if visit.answered else None,
            "wrap": wraps.get(number),
            "told": _told(call.told if call else (), over, number),
            "storm": known.stormy(visit.entered),
        }
        for number, visit in enumerate(over, 1)
    ]


def _wraps(visits: Sequence[Visit], wraps: Sequence[Wrap]) -> dict[int, float]:
    """Give each wrap-up to the last talk of its operator that began before it; by visit number."""
    found: dict[int, float] = {}
    for wrap in wraps:
        talks = [
            number
            for number, visit in enumerate(visits, 1)
            if visit.operator == wrap.operator and visit.answered and visit.answered <= wrap.began
        ]
        if talks:
            found[talks[-1]] = round(found.get(talks[-1], 0.0) + wrap.seconds, 3)
    return found


def _told(
    told: Sequence[tuple[datetime, float]], visits: Sequence[Visit], number: int
) -> float | None:
    """Return the first wait that was promised for a visit: after the one before had ended."""
    visit = visits[number - 1]
    since = visits[number - 2].over if number > 1 else None
    until = visit.answered or visit.over
    for at, promised in told:
        if (since is None or at >= since) and (until is None or at <= until):
            return promised
    return None
