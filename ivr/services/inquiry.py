"""What a service is asked with, and the table of all services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.agent_queue.model import AgentQueue
from ivr.company import Company
from ivr.model import Caller, Result
from ivr.store.models import Receipt


@dataclass(frozen=True)
class Inquiry:
    """One question of a call to a service.

    now: aware datetime. slots: what the call knows. key: call, step and turn, the same when a turn
    is repeated. db: an open transaction, committed when the service returns. language: his own.
    queue: where callers wait for operators, None where there is none.
    """

    caller: Caller
    company: Company
    now: datetime
    slots: Mapping[str, Any]
    arguments: Mapping[str, str]
    key: str
    db: Session
    language: str = ""
    queue: AgentQueue | None = None

    @property
    def today(self) -> date:
        """The local day of the company."""
        return self.local(self.now).date()

    def local(self, moment: datetime) -> datetime:
        """Return a moment on the company's clock."""
        return moment.astimezone(self.company.zone)

    def receipt(self, key: str) -> Receipt:
        """Return the registration number of `key`, the same one when asked again."""
        receipt = self.db.scalar(select(Receipt).where(Receipt.key == key))
        if receipt is None:
            receipt = Receipt(company=self.company.id, key=key, created_at=self.now)
            self.db.add(receipt)
            self.db.flush()
        return receipt


@dataclass(frozen=True)
class Service:
    """A registered function and every outcome it can return ("failed" is always possible).

    prompts: ids handed over for placeholders `{slot:prompt}`; {company} stands for a profile's id.
    reads: it never writes, so it need not wait for those that do. words: by slot with a list of
    items, the words (ids) they bring; {language} stands for the languages of a company.
    """

    name: str
    answer: Callable[[Inquiry], Result]
    outcomes: frozenset[str]
    prompts: tuple[str, ...] = ()
    reads: bool = False
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


SERVICES: dict[str, Service] = {}
NO_WORDS: Mapping[str, tuple[str, ...]] = {}


def service(
    name: str,
    *outcomes: str,
    prompts: tuple[str, ...] = (),
    reads: bool = False,
    words: Mapping[str, tuple[str, ...]] = NO_WORDS,
) -> Callable[[Callable[[Inquiry], Result]], Callable[[Inquiry], Result]]:
    """Register a function as the service `name`; the rest as in `Service`."""

    def register(answer: Callable[[Inquiry], Result]) -> Callable[[Inquiry], Result]:
        SERVICES[name] = Service(name, answer, frozenset(outcomes), prompts, reads, words)
        return answer

    return register
