"""Which alerts there are: told after `hold` seconds of wrong, over after `clear` seconds of right.

Both without a break. What is near its bound (`ivr.alerts.rules`) counts as right for what is not
told yet, and as wrong for what is; so a value that swings around its bound is one alert, and in
`hold + clear` seconds of one kind and target at most one begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from ivr.alerts.rules import ALARM, Key, Reading

FEW = 1800.0
"""Seconds with too few calls to tell after which it is over, all the same."""


@dataclass(frozen=True)
class Live:
    """An alert. since: when it began to be wrong. value: when it was told, worst: since then."""

    kind: str
    target: str
    level: str
    since: datetime
    value: float | None
    bound: float | None
    worst: float | None
    storm: str = "off"

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.target


@dataclass(frozen=True)
class Change:
    """An alert was raised, became worse (from a warning to an alarm) or was cleared."""

    what: Literal["raised", "worse", "cleared"]
    alert: Live
    at: datetime


@dataclass
class _Calm:
    """Since when a live alert is right; since when it is right or there are too few to tell."""

    right: float | None = None
    few: float | None = None


class State:
    """The alerts of one company. hold, clear: seconds."""

    def __init__(self, hold: float, clear: float, live: Iterable[Live] = ()) -> None:
        self._hold = hold
        self._clear = clear
        self._live = {each.key: each for each in live}
        self._calm = {key: _Calm() for key in self._live}
        self._wrong: dict[Key, float] = {}

    @property
    def live(self) -> dict[Key, Live]:
        """What is told and not over."""
        return dict(self._live)

    def adopt(self, alerts: Iterable[Live]) -> None:
        """Take over what another process told, where it is not known here."""
        for alert in alerts:
            if alert.key not in self._live:
                self._live[alert.key] = alert
                self._calm[alert.key] = _Calm()
                self._wrong.pop(alert.key, None)

    def step(
        self,
        readings: Iterable[Reading],
        unknown: Collection[str],
        now: float,
        at: datetime,
        storm: str = "off",
    ) -> list[Change]:
        """Take what is read at an instant. What is not read is right, but of `unknown` kinds.

        now: seconds of a clock that never goes back. at: the same instant on the wall.
        """
        read = {each.key: each for each in readings}
        changes = []
        for key in sorted(set(self._live) | set(self._wrong) | set(read)):
            known = None if key[0] in unknown else read.get(key)
            state = "near" if key[0] in unknown else known.state if known else "right"
            if key in self._live:
                changes += self._go_on(key, known, state, now, at)
            elif state == "wrong" and known is not None:
                changes += self._begin(known, now, at, storm)
            else:
                self._wrong.pop(key, None)
        return changes

    def _begin(self, known: Reading, now: float, at: datetime, storm: str) -> list[Change]:
        began = self._wrong.setdefault(known.key, now)
        if now - began < max(self._hold, known.hold):
            return []
        del self._wrong[known.key]
        since = at - timedelta(seconds=now - began)
        alert = Live(
            known.kind, known.target, known.level, since, known.value, known.bound, known.value,
            storm,
        )  # fmt: skip
        self._live[known.key] = alert
        self._calm[known.key] = _Calm()
        return [Change("raised", alert, at)]

    def _go_on(
        self, key: Key, known: Reading | None, state: str, now: float, at: datetime
    ) -> list[Change]:
        calm, alert = self._calm[key], self._live[key]
        calm.right = None if state != "right" else now if calm.right is None else calm.right
        calm.few = None if state not in ("right", "few") else now if calm.few is None else calm.few
        right = calm.right is not None and now - calm.right >= self._clear
        few = calm.few is not None and now - calm.few >= max(FEW, self._clear)
        if right or few:
            del self._live[key], self._calm[key]
            return [Change("cleared", alert, at)]
        if known is None or state != "wrong":
            return []
        worse = known.level == ALARM != alert.level
        level = ALARM if worse else alert.level
        alert = replace(alert, level=level, worst=worst(alert, known.value))
        self._live[key] = alert
        return [Change("worse", alert, at)] if worse else []


def worst(alert: Live, value: float | None) -> float | None:
    """Return the worse of what was the worst and a value: the lower one where little is bad."""
    if alert.worst is None or value is None:
        return value if alert.worst is None else alert.worst
    little = alert.kind == "service_level" or (alert.kind, alert.target) == ("recogniser_down", "")
    return min(alert.worst, value) if little else max(alert.worst, value)
