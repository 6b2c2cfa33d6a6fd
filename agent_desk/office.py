"""What the desk works with, and who is asking: handed over by the factory, found by every view."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, g

from agent_desk.tokens import Token
from ivr.agent_queue.model import AgentQueue, Operator
from ivr.company import Company
from ivr.judge import Judge, of_program
from ivr.store.database import Store
from ivr.store.models import SignIn, User

if TYPE_CHECKING:
    from agent_desk.answer_base import AnswerBase
    from agent_desk.live import Live
    from ivr.board import Feed
    from ivr.erasure.customer import Parts
    from ivr.storm.figures import Figures

ROLES = ("operator", "supervisor", "administrator")
"""Each may do what the ones before it may."""


@dataclass(frozen=True)
class Office:
    """The parts and settings of the operators' desk.

    var: folder with the recordings and the key of the sessions. realm: of SIP digests.
    node: the exchange that rings the desks' telephones: an Asterisk, whose WebSocket they use at
    `websocket_port` of the host of the page, or, with twilio_token, Twilio.
    twilio_token: makes the token of Twilio's browser phone from its endpoint ("op-olena") and the
    seconds it lives; None: the telephones are SIP. phone_report: tells the matchmaker what the page
    of such a telephone says, as an Asterisk does of SIP (a method of its Listener, and its values).
    desks: how many may be open at once. hours: length of a shift.
    secure: pages come over TLS. limits: where throttling counts ("memory://" or a Redis URL).
    tokens: of those who may use the API. clock: seconds since 1970.
    silent: languages that nothing here speaks: what is said in them must be recorded first.
    erasing: what erasures walk through; None: nobody is erased here.
    figures: counts of each storm, which go on from look to look. board: the wallboard's figures.
    webhook: the host that is told of alerts, "": none is.
    judge: checks flows before calls get them.
    """

    store: Store
    queue: AgentQueue
    companies: Mapping[str, Company]
    answers: AnswerBase
    live: Live
    var: Path
    realm: str = "asterisk"
    node: str = ""
    websocket_port: int = 8088
    desks: int = 300
    hours: int = 12
    secure: bool = False
    limits: str = "memory://"
    erasing: Parts | None = None
    twilio_token: Callable[[str, int], str] | None = None
    phone_report: Callable[..., None] | None = None
    tokens: tuple[Token, ...] = ()
    clock: Callable[[], float] = time.time
    quality: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    figures: dict[int, Figures] = field(default_factory=dict)
    board: Feed | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    webhook: str = ""
    judge: Judge = field(default_factory=of_program)

    @property
    def recordings(self) -> Path:
        """Folder of the recordings and voice messages."""
        return self.var / "recordings"

    def now(self) -> datetime:
        """Return the present as an aware datetime."""
        return datetime.fromtimestamp(self.clock(), UTC)


@dataclass(frozen=True)
class Shift:
    """Somebody at the desk: the user and the sign-in that proved him."""

    id: int
    user: User
    began: datetime
    ends: datetime

    @staticmethod
    def of(row: SignIn) -> Shift:
        """Return the shift of a sign-in."""
        return Shift(row.id, row.user, row.created_at, row.ends_at)

    @property
    def login(self) -> str:
        """His name in the queue."""
        return self.user.login

    @property
    def company(self) -> str:
        """Id of the company he works for."""
        return self.user.company

    def may(self, role: str) -> bool:
        """Tell whether he has a role or a higher one."""
        return ROLES.index(self.user.role) >= ROLES.index(role)


def office() -> Office:
    """Return the parts of the application that answers this request."""
    return cast(Office, current_app.extensions["office"])


def shift() -> Shift:
    """Return who is asking; only behind the sign-in."""
    return cast(Shift, g.shift)


def company() -> Company:
    """Return the profile of the company he works for."""
    return office().companies[shift().company]


def operator() -> Operator | None:
    """Return what the queue knows of who is asking."""
    return office().queue.operator(shift().company, shift().login)
