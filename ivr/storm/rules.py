"""When a storm is proposed and when a proposal ends: a pure decision over measured figures.

Hysteresis: what proposes is high, what counts as calm is low, and calm has to last. What a person
refused or ended is proposed again only after it was calm for that long, or for another event; so
in any `calm_for` minutes there is at most one proposal, whatever the figures do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ivr.terms import StormTerms

STATES = ("proposed", "on", "off", "expired", "refused", "withdrawn")
"""Of a storm; the last four are over. withdrawn: a proposal that calm has ended."""
LIVE = ("proposed", "on")
RULE = "rule"
"""Who did it, where no person did."""
REASONS = ("arrivals", "wait", "customers")


@dataclass(frozen=True)
class Measured:
    """The figures of one moment.

    calls: that came in the last `span` minutes. forecast: of the same minutes, None: not known.
    wait: seconds a new caller would wait. queue: where that is. events: number -> customers of open
    events that hit more than `customers`.
    """

    calls: int = 0
    forecast: float | None = None
    wait: float = 0.0
    queue: str = ""
    events: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a plain document."""
        return {**asdict(self), "events": dict(self.events)}


@dataclass(frozen=True)
class Memory:
    """What is remembered of the last storm of a company; state "": there was none.

    calm_since: since when it is calm, None while it is not. seen: events that were counted.
    """

    state: str = ""
    until: datetime | None = None
    by_rule: bool = False
    calm_since: datetime | None = None
    seen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What is to be done: propose, start, withdraw, end, expire or "" (only remember).

    `start` is a proposal that the rule itself switches on.
    """

    do: str
    memory: Memory
    reasons: tuple[str, ...] = ()


def threshold(terms: StormTerms, forecast: float | None) -> float:
    """Return the calls above which a storm is proposed."""
    if forecast is None:
        return float(terms.calls)
    return max(float(terms.least), terms.arrivals * forecast)


def reasons(terms: StormTerms, measured: Measured, seen: frozenset[str]) -> tuple[str, ...]:
    """Return what speaks for a storm, of `REASONS`. seen: events that count no more."""
    found = {
        "arrivals": measured.calls > threshold(terms, measured.forecast),
        "wait": measured.wait > terms.wait * 60,
        "customers": any(
            count > terms.customers and name not in seen for name, count in measured.events.items()
        ),
    }
    return tuple(reason for reason in REASONS if found[reason])


def calm(terms: StormTerms, measured: Measured) -> bool:
    """Tell whether nothing speaks for a storm any more, by a wide margin."""
    few = measured.calls <= threshold(terms, measured.forecast) / 2
    return few and measured.wait < terms.calm * 60


def judge(terms: StormTerms, memory: Memory, measured: Measured, now: datetime) -> Verdict:
    """Decide what the figures of this moment mean after what is remembered."""
    lasting = timedelta(minutes=terms.calm_for)
    live = memory.state in LIVE
    rested = memory.calm_since is not None and now - memory.calm_since >= lasting
    if live or not rested:  # once it has rested after the end, that is known for good
        since = (memory.calm_since or now) if calm(terms, measured) else None
        memory = replace(memory, calm_since=since)
        rested = since is not None and now - since >= lasting
    seen = memory.seen | measured.events.keys()
    known = replace(memory, seen=seen)
    if memory.state == "on" and memory.until is not None and now >= memory.until:
        return Verdict("expire", replace(known, state="expired"))
    if live:
        return _live(known, rested, measured, terms)
    return _over(memory, seen, rested, measured, terms)


def _live(known: Memory, rested: bool, measured: Measured, terms: StormTerms) -> Verdict:
    why = reasons(terms, measured, known.seen)
    if known.state == "proposed" and rested:
        return Verdict("withdraw", replace(known, state="withdrawn"), why)
    if known.state == "on" and known.by_rule and rested:
        return Verdict("end", replace(known, state="off"), why)
    return Verdict("", known, why)


def _over(
    memory: Memory,
    seen: frozenset[str],
    rested: bool,
    measured: Measured,
    terms: StormTerms,
) -> Verdict:
    """A new one only when the last has rested, had simply run out, or for an event not seen yet."""
    why = reasons(terms, measured, memory.seen)
    free = rested or memory.state in ("", "expired", "withdrawn")
    if not (why if free else "customers" in why):
        return Verdict("", replace(memory, seen=seen), why)
    do = "start" if terms.automatic else "propose"
    state = "on" if terms.automatic else "proposed"
    return Verdict(do, Memory(state, None, terms.automatic, None, seen), why)


def told(reasons: Sequence[str], measured: Measured) -> str:
    """Return the reason of a proposal as it is kept: words and figures."""
    figures = {
        "arrivals": f"calls={measured.calls}",
        "wait": f"wait={measured.wait / 60:.0f}min",
        "customers": f"customers={max(measured.events.values(), default=0)}",
    }
    return " ".join(figures[reason] for reason in reasons)
