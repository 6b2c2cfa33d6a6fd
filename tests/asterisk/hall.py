"""A house with a queue: callers wait in a real Asterisk, and the test is the matchmaker."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sip_phone import PATIENCE, Dialog, SipPhone

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.asterisk.settings import REALM
from ivr.channels.ami import AsteriskSwitch
from ivr.channels.ami_phones import SIP_PHONE
from ivr.channels.ami_wire import Exchange
from ivr.matchmaker import LiveCall

SECRET = "of-the-shift"


class Reports:
    """The listener: keeps every report, and lets a test wait for one."""

    def __init__(self) -> None:
        self.all: list[tuple[str, ...]] = []
        self.changed = threading.Condition()

    def __getattr__(self, name: str) -> Callable[..., None]:
        def report(*values: str) -> None:
            with self.changed:
                self.all.append((name, *values))
                self.changed.notify_all()

        return report

    def wait(self, *wanted: str, after: int = 0) -> tuple[str, ...]:
        """Return the first report after number `after` that begins with `wanted`."""

        def found() -> tuple[str, ...] | None:
            fits = (each for each in self.all[after:] if each[: len(wanted)] == wanted)
            return next(fits, None)

        with self.changed:
            assert self.changed.wait_for(found, PATIENCE), f"no {wanted} in {self.all}"
        report = found()
        assert report
        return report

    def names(self) -> list[str]:
        return [name for name, *_ in self.all]


@dataclass
class Hall:
    """Callers' and operators' telephones around one Asterisk, and the switch to it."""

    sip: tuple[str, int]
    exchanges: list[Exchange]
    node: str
    pbx: Any
    reports: Reports = field(default_factory=Reports)
    phones: list[SipPhone] = field(default_factory=list)
    make: type[SipPhone] = SipPhone

    def __post_init__(self) -> None:
        self.switch = AsteriskSwitch(self.exchanges, SIP_PHONE)
        self.switch.start(self.reports)
        until(lambda: self.switch.nodes().keys() == {each.name for each in self.exchanges})

    def admit(self, name: str, secret: str = SECRET, until: float = 100.0) -> None:
        """Give an operator's telephone its account, `until` seconds from now."""
        text = f"op-{name}:{REALM}:{secret}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        self.switch.admit_phone(Operator(name, "odesa"), digest, time.time() + until)

    def operator(
        self, name: str, *, at: tuple[str, int] | None = None, until: float = 100.0, **how: bool
    ) -> SipPhone:
        """Sign an operator in and register his telephone, with the exchange `at`."""
        self.admit(name, until=until)
        phone = self.phone(f"op-{name}", SECRET, at=at, **how)
        mark = len(self.reports.all)
        assert phone.register() == 200
        self.reports.wait("phone_found", f"op-{name}", after=mark)
        return phone

    def phone(
        self, user: str = "0671110001", secret: str = "", at: tuple[str, int] | None = None, **how
    ) -> SipPhone:
        phone = self.make(at or self.sip, user, secret, address=(at or self.sip)[0], **how)
        self.phones.append(phone)
        return phone

    def caller(self, dialled: str, keys: str = "2") -> tuple[Dialog, Ticket, SipPhone]:
        """Call, choose the queue and wait in it; the call as the caller and as the queue has it."""
        phone = self.phone()
        mark = len(self.reports.all)
        dialog = phone.call(dialled)
        phone.until(lambda: dialog.heard > 3)
        phone.press(dialog, keys)
        _, call, node, leg = self.reports.wait("waiting", after=mark)
        return dialog, Ticket(call, "odesa", "general", 0.0, node=node, leg=leg), phone

    def connect(
        self,
        ticket: Ticket,
        name: str,
        token: str = "call-1.general.a-1",
        *,
        node: str = "",
        ring: float = 20,
        recording: str = "",
    ) -> None:
        operator = Operator(name, "odesa", endpoint=f"op-{name}", node=node or self.node)
        offer = Offer(token, "odesa", ticket.id, name, 0.0)
        self.switch.connect(ticket, operator, offer, ring, recording)

    def live(self, call: str) -> LiveCall:
        """Return the call as its exchange holds it."""
        return next(live for live in self.switch.calls() if live.call == call)

    def newest(self) -> LiveCall:
        """Return the call that came last; callers of other tests may not have hung up."""
        return max(self.switch.calls(), key=lambda live: int(live.call.rpartition(".")[2]))

    def state(self, ticket: Ticket) -> dict[str, Any]:
        """Return what the scripted runner knows of a call."""
        return json.loads((self.pbx.folder / f"{ticket.id}.json").read_text())

    def told(self, ticket: Ticket, number: int = 1) -> dict[str, Any]:
        """Return what the flow was told after it had let the caller wait."""
        return self.heard(ticket.id, number + 1)[number]

    def heard(self, call: str, number: int) -> list[dict[str, Any]]:
        """Wait until the flow of a call was told `number` things, and return them all."""
        path = self.pbx.folder / f"{call}.json"
        until(lambda: len(json.loads(path.read_text())["heard"]) >= number)
        return json.loads(path.read_text())["heard"]

    def close(self) -> None:
        for phone in self.phones:
            phone.close()
            if phone.secret:
                self.switch.dismiss_phone(phone.user, self.node)
        self.switch.stop()


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Poll until `true()`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
