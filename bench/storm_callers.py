"""Who calls in a storm, and what each of them does: drawn once, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.trace import lognormal, pick

SHARES = {
    "hit": 0.62, "unknown": 0.12, "reading": 0.12, "danger": 0.03, "priority": 0.02, "other": 0.09,
}  # fmt: skip
"""Ours, after what operators tell of such hours: most callers ask why there is no light."""
PATIENCE = 300.0
"""Seconds that callers wait in a queue on average before they hang up."""
TALK = 150.0
HIT_STREET, CALM_STREET, HOSPITAL_STREET = "Шевченка", "Морська", "Пастера"

HIT = {
    (): 0.42,  # heard it and hangs up
    ("5",): 0.33,  # a message when it is over
    ("0", "6", "1"): 0.10,  # insists; where there is no place, a call-back
    ("0", "5"): 0.08,
    ("0",): 0.07,
}
"""What a caller does who has heard of his event: keys, one for each question."""
UNKNOWN = {
    ("1", "2", "@", "1", "1", "1", "1", "1"): 0.45,  # reports it by his account number
    (): 0.25,
    ("0", "6", "1"): 0.15,
    ("0",): 0.15,
}
OTHER = {
    ("3", "1"): 0.3,
    ("4", "2", "0", "6", "1"): 0.15,
    ("0", "6", "1"): 0.25,
    ("0",): 0.2,
    ("7", "6", "1"): 0.1,
}
READING = ("2", "1", "#reading", "1", "2")
DANGER = ("1", "1")


@dataclass
class Caller:
    """One caller. at: seconds from the beginning. keys: what he answers, question by question.

    listens: share of each prompt he hears out before he presses. account: what he keys for "@".
    """

    name: str
    kind: str
    at: float
    number: str | None
    keys: tuple[str, ...]
    listens: float
    patience: float
    account: str = ""
    reading: str = ""
    # what became of him
    told_after: float | None = None
    began_reading: float | None = None
    read_for: float | None = None
    queued_at: float | None = None
    queue: str = ""
    reached_after: float | None = None
    by: str = ""
    ended: str = ""
    last: list[str] = field(default_factory=list)


def callers(count: int, seconds: float, seed: int) -> list[Caller]:
    """Draw so many callers in so many seconds."""
    chance = random.Random(seed)
    kinds = [pick(chance, SHARES) for _ in range(count)]
    made = []
    for number, kind in enumerate(kinds):
        keys = _keys(kind, chance)
        made.append(
            Caller(
                name=f"storm-{number}",
                kind=kind,
                at=chance.uniform(0, seconds),
                number=_number(kind, number),
                keys=keys,
                listens=chance.uniform(0.3, 1.0),
                patience=max(20.0, lognormal(chance, PATIENCE)),
                account=_account(number),
                reading=f"{2304 + chance.randint(20, 150):05}#",
            )
        )
    return sorted(made, key=lambda caller: caller.at)


def _keys(kind: str, chance: random.Random) -> tuple[str, ...]:
    plans = {"hit": HIT, "unknown": UNKNOWN, "other": OTHER}
    if kind in plans:
        plan = plans[kind]
        return chance.choices(list(plan), list(plan.values()))[0]
    return {"reading": READING, "danger": DANGER, "priority": ()}[kind]


def _account(number: int) -> str:
    return f"{500_000_000 + number}"


def _number(kind: str, number: int) -> str | None:
    if kind == "unknown" and number % 3 == 0:
        return None
    return f"+38067{3_000_000 + number}"


def accounts(people: Sequence[Caller]) -> list[dict[str, Any]]:
    """Return the accounts of a World; the telephone of whoever is unknown is nobody's."""
    streets = {"hit": HIT_STREET, "priority": HOSPITAL_STREET}
    return [
        {
            "account": caller.account,
            "kind": "priority_site" if caller.kind == "priority" else "household",
            "address": {
                "settlement": "Одеса",
                "street": streets.get(caller.kind, CALM_STREET),
                "house": str(1 + index % 90),
            },
            "phones": [caller.number] if caller.number and caller.kind != "unknown" else [],
            "meters": [
                {
                    "number": f"{90_000_000 + index}",
                    "digits": "5",
                    "registers": [
                        {
                            "name": "single", "previous": "02304", "on": "2026-10-01",
                            "per_day": "3.0",
                        }
                    ],
                }
            ],
            "permitted_kw": "10",
        }
        for index, caller in enumerate(people)
    ]  # fmt: skip
