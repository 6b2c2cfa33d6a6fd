"""After a restoration, over Twilio: `app.py jobs` and `app.py web` before the emulator."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from running import until
from sqlalchemy import delete, select
from twilio_emulator import Emulator
from twilio_house import COMPANY_NUMBER, HOME, PUBLIC, House

from ivr import company, outbox
from ivr.services import restoration
from ivr.store.database import Store, open_store
from ivr.store.models import OutboxEntry, Ticket
from ivr.store.supply import OutageArea, OutageEvent, Subscription

LANDLINE, MOBILE = "+380487110009", "+380671110001"


class Notices:
    """The store of the house, and its processes `app.py jobs`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.store: Store = open_store(f"sqlite:///{house.store}")
        self.odesa = company.load(HOME / "flows" / "companies")["odesa"]

    def clear(self) -> None:
        with self.store.session() as db:
            for table in (Subscription, OutageArea, OutageEvent, OutboxEntry, Ticket):
                db.execute(delete(table))

    def closed(self, *subscribers: tuple[str, str]) -> None:
        """Close an event for which these waited: (number, way)."""
        now = datetime.now(UTC)
        with self.store.session() as db:
            event = OutageEvent(
                company="odesa", number="E1", kind="emergency", since=now - timedelta(hours=1),
                updated_at=now, areas=[OutageArea(company="odesa", street="Садова")],
            )  # fmt: skip
            db.add(event)
            db.flush()
            for number, way in subscribers:
                db.add(
                    Subscription(
                        company="odesa",
                        event_id=event.id,
                        number=number,
                        way=way,
                        language="uk",
                        call="c",
                        key=f"k{number}",
                        created_at=now,
                        at_night=True,
                    )  # fmt: skip
                )
            db.flush()
            restoration.close(db, self.odesa, event, now)

    def jobs(self, name: str = "jobs", sender: str = "") -> subprocess.Popen[bytes]:
        """Start `app.py jobs`. sender: of SMS, "" for none."""
        conf = self.house.folder / f"{name}.conf"
        text = (self.house.folder / "web.conf").read_text()
        conf.write_text(text + (f"sms_from = {sender}\n" if sender else ""))
        with (self.house.folder / f"{name}.log").open("ab") as log:
            self.house.processes[name] = subprocess.Popen(
                [sys.executable, str(HOME / "app.py"), "jobs"],
                cwd=self.house.folder, env={**self.house.environ, "PRESS2_CONF": str(conf)},
                stdout=log, stderr=log,
            )  # fmt: skip
        return self.house.processes[name]

    def states(self) -> list[str]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(Subscription.state).order_by(Subscription.id)))

    def entry(self) -> OutboxEntry:
        with self.store.session(read_only=True) as db:
            wanted = select(OutboxEntry).where(OutboxEntry.kind == restoration.CALL)
            return db.scalars(wanted).one()

    def error(self) -> str:
        """The last error of the call, "" while there is none."""
        with self.store.session(read_only=True) as db:
            wanted = select(OutboxEntry.last_error).where(OutboxEntry.kind == restoration.CALL)
            return db.scalar(wanted) or ""

    def tickets(self) -> list[Ticket]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(Ticket)))


@pytest.fixture
def notices(twilio_house: House) -> Iterator[Notices]:
    found = Notices(twilio_house)
    found.clear()
    yield found
    for name in [name for name in twilio_house.processes if name.startswith("jobs")]:
        twilio_house.kill(name)
    found.clear()
    found.store.close()


def made(twilio: Emulator) -> list[dict[str, str]]:
    """The calls that REST was asked for."""
    return [
        form
        for method, path, form in twilio.rest_requests
        if method == "POST" and path.endswith("/Calls.json")
    ]


def calls_to(twilio: Emulator, number: str) -> list[Any]:
    return [call for call in twilio.calls if call.to == number]


def test_he_is_called_and_has_no_supply_still(notices: Notices, twilio: Emulator) -> None:
    notices.closed((LANDLINE, "call"))
    notices.jobs()
    leg = twilio.leg(LANDLINE, 30).answer()
    call = leg.call
    call.wait("Gather")
    assert notices.states() == ["told"]
    call.press("1")
    assert until(lambda: notices.states() == ["still_out"])
    call.wait("completed")
    (ticket,) = notices.tickets()
    assert (ticket.type, ticket.caller_number, ticket.call) == ("nested_fault", LANDLINE, call.sid)
    assert until(lambda: notices.entry().state == "done", 20)
    (form,) = made(twilio)
    assert (form["To"], form["From"]) == (LANDLINE, COMPANY_NUMBER)
    assert form["Url"].startswith(f"{PUBLIC}/twilio/notice/")
    assert "MachineDetection" not in form


def test_busy_then_answered(notices: Notices, twilio: Emulator) -> None:
    notices.closed((LANDLINE, "call"))
    answers = iter(["busy", "answered"])
    twilio.on_dial = lambda leg: next(answers)
    notices.jobs()
    assert until(lambda: notices.error() == "nobody answered", 30)
    with notices.store.session() as db:  # five minutes pass
        row = outbox.of_key(db, notices.entry().key)
        assert row is not None
        row.next_at = datetime.now(UTC)
    assert until(lambda: notices.states() == ["told"], 20)
    call = calls_to(twilio, LANDLINE)[-1]
    call.wait("Gather").press("2")
    assert until(lambda: notices.states() == ["answered"])
    call.wait("completed")


def test_a_number_that_twilio_refuses(notices: Notices, twilio: Emulator) -> None:
    notices.closed((LANDLINE, "call"))
    twilio.refuse_rest(400, 21211)
    notices.jobs()
    assert until(lambda: notices.states() == ["failed"], 30)
    assert notices.entry().details["told"] == "no"


def test_twilio_is_not_reached_and_comes_back(notices: Notices, twilio: Emulator) -> None:
    notices.closed((LANDLINE, "call"))
    twilio.refuse_rest(429, 20429)
    notices.jobs()
    assert until(lambda: len(made(twilio)) == 1, 30)
    assert until(lambda: notices.entry().claim is None and notices.entry().tries == 0)
    assert notices.states() == ["waiting"]


def test_jobs_is_killed_while_his_telephone_rings(notices: Notices, twilio: Emulator) -> None:
    """He answers all the same, is told, and not called again by whoever takes over."""
    notices.closed((LANDLINE, "call"))
    notices.jobs()
    leg = twilio.leg(LANDLINE, 30)
    notices.house.kill("jobs")
    call = leg.answer().call
    call.wait("Gather").press("2")
    assert until(lambda: notices.states() == ["answered"])
    notices.jobs("jobs2")
    with notices.store.session() as db:  # the claim of the killed one runs out
        row = outbox.of_key(db, notices.entry().key)
        assert row is not None and row.state == "due"
        row.next_at = datetime.now(UTC)
    assert until(lambda: notices.entry().state == "done", 20)
    assert len(made(twilio)) == 1
    call.wait("completed")


def test_jobs_is_killed_and_he_did_not_answer(notices: Notices, twilio: Emulator) -> None:
    """Nobody is forgotten: he is called once more."""
    notices.closed((LANDLINE, "call"))
    notices.jobs()
    leg = twilio.leg(LANDLINE, 30)
    notices.house.kill("jobs")
    leg.no_answer()
    notices.jobs("jobs2")
    with notices.store.session() as db:
        row = outbox.of_key(db, notices.entry().key)
        assert row is not None and row.state == "due"
        row.next_at = datetime.now(UTC)
    call = twilio.leg(LANDLINE, 30).answer().call
    call.wait("Gather").press("2")
    assert until(lambda: notices.states() == ["answered"])
    assert until(lambda: notices.entry().state == "done", 20)
    assert len(made(twilio)) == 2
    call.wait("completed")


def test_forty_messages_within_two_minutes(notices: Notices, twilio: Emulator) -> None:
    notices.jobs(sender="+380440000001")
    assert until(lambda: _listens(notices), 30)
    began = time.monotonic()
    notices.closed(*((f"+3806711100{number:02}", "sms") for number in range(40)))
    assert until(lambda: len(twilio.messages.sent) == 40, 120)
    assert time.monotonic() - began < 120
    bodies = {message.body for message in twilio.messages.sent}
    assert len(bodies) == 1 and COMPANY_NUMBER in bodies.pop()
    assert until(lambda: set(notices.states()) == {"told"})


def _listens(notices: Notices) -> bool:
    process = notices.house.processes["jobs"]
    return process.poll() is None


def test_without_a_sender_mobiles_are_called_three_at_once(
    notices: Notices, twilio: Emulator
) -> None:
    numbers = [f"+38067111000{number}" for number in range(6)]
    notices.closed(*((number, "sms") for number in numbers))
    rings: Callable[[], int] = lambda: sum(call.status == "ringing" for call in twilio.calls)  # noqa: E731
    notices.jobs()
    assert until(lambda: rings() == 3, 30)
    time.sleep(2)
    assert len(made(twilio)) == 3
    for leg in [leg for leg in twilio.legs if leg.state == "ringing"]:
        leg.busy()
    assert until(lambda: len(made(twilio)) == 6, 30)
    for leg in [leg for leg in twilio.legs if leg.state == "ringing"]:
        leg.busy()


def test_the_address_is_signed_as_all_are(notices: Notices, twilio: Emulator) -> None:
    answer = requests.post(
        f"{notices.house.url()}/twilio/notice/1", data={"CallSid": "CA1"}, timeout=10
    )
    assert answer.status_code == 403
