"""What a storm changes for those who serve: shorter wrap-ups, and when call-backs are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ivr.agent_queue.model import Operator
from ivr.matchmaker.means import Means
from ivr.store.models import Callback
from ivr.storm import records
from ivr.storm.records import StormRules

AHEAD = ("danger", "priority_site")
"""Priorities that no storm holds off."""


class Storms:
    """The storms that are on now, as the matchmaker carries them out."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def on(self) -> dict[str, StormRules]:
        """Return the rules of every company that has a storm."""
        now = self._means.clock()
        with self._means.store.session(read_only=True) as db:
            found = {
                name: records.rules_now(db, profile, now)
                for name, profile in self._means.companies.items()
            }
        return {name: rules for name, rules in found.items() if rules is not None}

    # ------------------------------------------------------------------ wrap-ups

    def shorten(self) -> None:
        """End wrap-ups early that the rules of the queue have made, not those somebody extended."""
        for company, rules in self.on().items():
            for operator in self._means.queue.operators(company):
                self._shorten(operator, rules.wrap_up)

    def _shorten(self, operator: Operator, seconds: float) -> None:
        if operator.state != "wrap_up" or not operator.until:
            return
        now, queue = self._means.now(), self._means.queue
        usual = self._usual(operator)
        if operator.until - operator.since > usual + 1.0:  # he asked for more time himself
            return
        left = operator.since + seconds - now
        if left <= 0:
            queue.finish(operator.company, operator.name, now)
        elif operator.until - now > left + 1.0:
            queue.extend(operator.company, operator.name, left, now)

    def _usual(self, operator: Operator) -> float:
        ticket = self._means.queue.ticket(operator.ticket)
        return self._means.rules(operator.company, ticket.queue if ticket else "").wrap_up

    # ------------------------------------------------------------------ call-backs

    def paced(self, wanted: Mapping[str, Callback], here: Collection[str]) -> dict[str, Callback]:
        """Return the due call-backs that may stand in a queue now. here: tickets that do already.

        Danger and priority sites always may. calm: the others after the storm. spread: as many as
        one for every `share` operators of their queue, those with the oldest places first.
        """
        storms, room = self.on(), dict[tuple[str, str], int]()
        kept = {}
        for name, row in sorted(wanted.items(), key=lambda pair: pair[0] not in here):
            rules = storms.get(row.company)
            if rules is None or rules.callbacks == "place" or row.priority in AHEAD:
                kept[name] = row
            elif rules.callbacks == "spread":
                key = row.company, row.queue
                left = room[key] if key in room else self._room(*key, rules.share)
                room[key] = left - 1
                if left > 0:
                    kept[name] = row
        return kept

    def _room(self, company: str, queue: str, share: int) -> int:
        place = self._means.queue.place(company, queue, self._means.now())
        return max(1, place.serving // share) if place.serving else 0
