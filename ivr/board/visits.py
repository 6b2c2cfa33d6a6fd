"""Visits to a queue: one from each entry to an answer or another end, and how many ended how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from ivr.terms import ServiceTerms

ENDS = {"called_back": "called_back", "deflected": "deflected"}
"""Outcomes of a ticket that are counted under their own name."""


@dataclass(frozen=True)
class Visit:
    """One that goes on. entered: seconds since 1970.

    since: where the clock of the service level begins. half: the half hour that it is counted in.
    offered: it is counted; not when an operator had answered the caller before.
    """

    queue: str
    entered: float
    since: float
    half: int
    offered: bool = True

    def waited(self, now: float) -> float:
        """Return how long he has waited by the clock of the service level, in seconds."""
        return round(max(0.0, now - self.since), 3)


@dataclass
class Tally:
    """Visits that began in one half hour. offered: all. within: of the answered, in time.

    lost: hung up; short: hung up sooner than it takes to count. late: those that go on and can be
    in time no more. called_back, deflected: left for a call-back, or for something else.
    """

    offered: int = 0
    answered: int = 0
    within: int = 0
    lost: int = 0
    short: int = 0
    called_back: int = 0
    deflected: int = 0
    late: int = 0

    def end(self, visit: Visit, outcome: str, now: float, terms: ServiceTerms) -> None:
        """Count the end of a visit. Short is who was in the queue for a moment, by any clock."""
        if outcome == "answered":
            self.answered += 1
            self.within += visit.waited(now) <= terms.within
        elif outcome == "abandoned":
            short = round(now - visit.entered, 3) < terms.short
            self.short += short
            self.lost += not short
        elif outcome in ENDS:
            setattr(self, outcome, getattr(self, outcome) + 1)

    def level(self, terms: ServiceTerms) -> float | None:
        """Return the share that was answered in time, None while there is nobody to take it of."""
        whole = self.of(terms)
        return round(self.within / whole, 4) if whole else None

    def of(self, terms: ServiceTerms) -> int:
        """Return of how many the level is taken, by the denominator of the profile.

        Their visits are decided: they ended, or have lasted too long already.
        """
        return {
            "offered": self.decided + self.short,
            "without_short": self.decided,
            "answered": self.answered,
        }[terms.denominator]

    @property
    def decided(self) -> int:
        """How many are over or too late, short ones left out."""
        return self.answered + self.lost + self.called_back + self.deflected + self.late

    def judged(self, terms: ServiceTerms) -> int:
        """Return how many are judged: the decided, with the short ones where they count."""
        return self.decided + (0 if terms.denominator == "without_short" else self.short)

    def loss(self, terms: ServiceTerms) -> float | None:
        """Return the share of those decided that hung up. Short ones are in it and among them, or
        in neither where the level is taken without them.
        """
        whole = self.judged(terms)
        short = whole - self.decided
        return round((self.lost + short) / whole, 4) if whole else None


NAMES = tuple(each.name for each in fields(Tally))


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    whole = Tally()
    for tally in tallies:
        for name in NAMES:
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
    return whole


def with_late(tally: Tally, late: int) -> Tally:
    """Return a tally with those that wait too long at this moment."""
    return replace(tally, late=late)
