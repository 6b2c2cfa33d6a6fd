"""What is wrong at an instant: figures and measures against the bounds of the profile.

Queues are judged by the marks of the wallboard (`ivr.board.marks`), so that both say the same. What
is better than its bound by less than a band is `near`: that raises nothing, and ends nothing.

    kind             target    wrong                                     near
    service_level    queue, "" the marks say so                          less than 5 points better
    lost             queue, "" the marks say so                          over 80 % of the bound
    waiting          queue     the marks say so                          over 80 % of the bound
    longest          queue     the marks say so                          over 80 % of the bound
    no_operators     queue     somebody waits or was turned away, nobody serves, it is open
    unmatched        queue     somebody is offered to an operator, and nobody connects them
    recogniser_down  ""        one does not answer (alarm: none does)
                     busy      all are busy                              over 90 % of them
    outbox_stuck     ""        an entry is late for too long             over 80 % of the bound
    disk_full        ""        fuller than the bound (alarm: half of     less than 2 points emptier
                               the rest, too)
    calls_fail       ""        no call to ourselves succeeded in time
    matchmaker       ""        nobody's `app.py dispatch` acts
    figures_old      ""        the store or its log is not read
                     measures  nothing was measured: nobody's `app.py jobs` has Redis and the store
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ivr.board.marks import BAD
from ivr.board.visits import NAMES as COUNTS
from ivr.board.visits import Tally
from ivr.company import Company
from ivr.opening import Opening

ALARM, WARNING = "alarm", "warning"
POINTS = 0.05
"""Of the service level, that it must be above its bound before it is right."""
BAND = 0.8
"""Share of a bound below which a count or a wait is right."""
CALM = 0.9
"""Share of the recognisers up to which they are not all busy."""
SPACE = 0.02
"""Of the disk, that it must be emptier than its bound."""
OLD = 15.0
"""Seconds after which figures are old."""
SILENT = 150.0
"""Seconds without a measure; one comes each minute."""
UNMATCHED = 10.0
"""Seconds without a matchmaker, or beside each other, after which callers and operators are stuck;
an offer is claimed in a fraction of one.
"""
OF_FIGURES = (
    "service_level", "lost", "waiting", "longest", "no_operators", "recogniser_down", "unmatched",
)  # fmt: skip
"""Kinds that nothing is known of while the figures are old."""

Key = tuple[str, str]
"""Kind and target."""


@dataclass(frozen=True)
class Measures:
    """What the figures do not tell; None: unknown.

    outbox: seconds that the oldest entry is late. disk: share that is full. called: seconds since a
    call to ourselves succeeded. figures: seconds since the log was last read,
    told: since it last had a measure. matched: since a matchmaker held its lease.
    """

    outbox: float | None = None
    disk: float | None = None
    called: float | None = None
    figures: float | None = None
    told: float | None = None
    matched: float | None = None


@dataclass(frozen=True)
class Reading:
    """One thing that can be wrong, as it is now.

    state: few is neither right nor wrong, there were too few calls to tell. value, bound: seconds,
    shares 0 to 1, or counts; None where there is nothing to count. hold: seconds it must be wrong,
    where that is more than the profile says.
    """

    kind: str
    target: str
    state: Literal["wrong", "near", "few", "right"]
    level: str
    value: float | None
    bound: float | None
    hold: float = 0.0

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.target


def look(
    figures: Mapping[str, Any],
    measures: Measures,
    company: Company,
    opening: Opening,
    now: datetime,
) -> list[Reading]:
    """Judge everything but the kinds that the profile keeps quiet.

    figures: of `ivr.board.Board`, {} while there are none. opening: with the changes of hours.
    """
    found = [*_measured(measures, company)]
    if figures and not (measures.figures is not None and measures.figures >= OLD):
        found += _queues(figures, company, opening, now)
        found += _recognisers(figures)
    return [each for each in found if each.kind not in company.terms.alerts.quiet]


def unknown(figures: Mapping[str, Any], measures: Measures) -> frozenset[str]:
    """Return the kinds that cannot be judged now; alerts of them stay as they are."""
    kinds = set()
    if not figures or (measures.figures is not None and measures.figures >= OLD):
        kinds |= set(OF_FIGURES)
    elif not figures["speech"]:
        kinds.add("recogniser_down")
    given = {
        "outbox_stuck": measures.outbox, "disk_full": measures.disk,
        "matchmaker": measures.matched,
    }  # fmt: skip
    return frozenset(kinds | {kind for kind, value in given.items() if value is None})


def _state(wrong: bool, near: bool = False) -> Literal["wrong", "near", "right"]:
    return "wrong" if wrong else "near" if near else "right"


def _queues(
    figures: Mapping[str, Any], company: Company, opening: Opening, now: datetime
) -> Iterator[Reading]:
    terms = company.terms.alerts
    for name, queue in figures["queues"].items():
        why, waiting, longest = queue["why"], queue["waiting"], queue["longest"]
        bound = 60.0 * terms.longest
        yield from _half_hour(name, queue, company)
        yield Reading(
            "waiting", name, _state(why.get("waiting") == BAD, waiting > BAND * terms.waiting),
            ALARM, waiting, terms.waiting,
        )  # fmt: skip
        yield Reading(
            "longest", name, _state(why.get("longest") == BAD, longest > BAND * bound), ALARM,
            longest, bound,
        )  # fmt: skip
        unserved = why.get("unserved") == BAD and opening.is_open(name, now)
        asked = waiting + queue["turned"]
        yield Reading("no_operators", name, _state(unserved), ALARM, asked, None)
        stuck = _state(queue["unclaimed"] > 0)
        yield Reading("unmatched", name, stuck, ALARM, waiting, None, hold=UNMATCHED)
    yield from _half_hour("", figures["all"], company)


def _half_hour(name: str, queue: Mapping[str, Any], company: Company) -> Iterator[Reading]:
    """Judge what became of the calls of this half hour; the next begins with too few to tell."""
    terms, why = company.terms.alerts, queue["why"]
    half = Tally(**{count: queue["half"][count] for count in COUNTS})
    level, loss = queue["level_half"], half.loss(company.terms.service_level)
    few = half.judged(company.terms.service_level) < terms.calls
    low = level is not None and level < min(1.0, terms.service + POINTS)
    judged = _state(why.get("service") == BAD, low)
    state = "few" if few or level is None else judged
    yield Reading("service_level", name, state, ALARM, level, terms.service)
    judged = _state(why.get("lost") == BAD, loss is not None and loss > BAND * terms.lost)
    state = "few" if few or loss is None else judged
    yield Reading("lost", name, state, ALARM, loss, terms.lost)


def _recognisers(figures: Mapping[str, Any]) -> Iterator[Reading]:
    speech = figures["speech"]
    if not speech or not speech["of"]:
        return
    up, of, busy, limit = (speech[name] for name in ("up", "of", "busy", "limit"))
    level = WARNING if up else ALARM
    yield Reading("recogniser_down", "", _state(up < of), level, up, of)
    full, near = limit > 0 and busy >= limit, busy > CALM * limit
    yield Reading("recogniser_down", "busy", _state(full, near), WARNING, busy, limit)


def _measured(measures: Measures, company: Company) -> Iterator[Reading]:
    terms = company.terms.alerts
    if measures.figures is not None:
        state = _state(measures.figures >= OLD)
        yield Reading("figures_old", "", state, ALARM, measures.figures, OLD)
        if measures.told is not None:
            read = state == "right"
            state = _state(read and measures.told >= SILENT, not read)
            yield Reading("figures_old", "measures", state, ALARM, measures.told, SILENT)
    if measures.matched is not None:
        state = _state(measures.matched >= UNMATCHED)
        yield Reading("matchmaker", "", state, ALARM, measures.matched, UNMATCHED)
    if measures.outbox is not None:
        bound = 60.0 * terms.outbox
        state = _state(measures.outbox >= bound, measures.outbox > BAND * bound)
        yield Reading("outbox_stuck", "", state, WARNING, measures.outbox, bound)
    if measures.disk is not None:
        full = measures.disk
        level = ALARM if full >= (1 + terms.disk) / 2 else WARNING
        state = _state(full >= terms.disk, full > terms.disk - SPACE)
        yield Reading("disk_full", "", state, level, full, terms.disk)
    if measures.called is not None:
        state = _state(measures.called >= terms.synthetic)
        yield Reading("calls_fail", "", state, ALARM, measures.called, terms.synthetic)
