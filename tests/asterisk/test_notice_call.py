"""press2 calls somebody because the supply is back: a real Asterisk, a worker, a telephone."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hall import until
from sqlalchemy import select

from ivr import company, outbox, prompts
from ivr.channels.ami_notice import AsteriskDialler
from ivr.channels.ami_wire import Exchange
from ivr.services import restoration, telling
from ivr.speech import build
from ivr.speech.synthesis import Synthesiser
from ivr.store.database import open_store
from ivr.store.models import OutboxEntry, Ticket
from ivr.store.supply import OutageArea, OutageEvent, Subscription
from ivr.store.world import load_demo

pytestmark = pytest.mark.asterisk

LANDLINE = "+380487110009"
MEANS = telling.Means(sms=False, lines=2)


class Jobs:
    """What `app.py jobs` runs of it, over the store that the worker uses."""

    def __init__(self, pbx, store, companies) -> None:
        settings = pbx.asterisk.settings
        exchange = Exchange("pbx1", "127.0.0.1", settings.ami_port, "press2", settings.ami_secret)
        self.store, self.companies = store, companies
        self.dialler = AsteriskDialler([exchange], settings.trunks[0].name)
        self.dialler.start()
        until(lambda: self.dialler._wires[0].up)

    def work(self) -> None:
        parts = (self.store, self.companies, now)
        told = telling.Told(*parts, MEANS)
        outbox.deliver(self.store, {restoration.RESTORED: told}, now)
        calls = telling.Calls(*parts, self.dialler, MEANS)
        outbox.deliver(self.store, {restoration.CALL: calls}, now)

    def begin(self) -> threading.Thread:
        thread = threading.Thread(target=self.work)
        thread.start()
        return thread

    def row(self) -> Subscription:
        with self.store.session(read_only=True) as db:
            return db.scalars(select(Subscription)).one()

    def entry(self) -> OutboxEntry:
        wanted = select(OutboxEntry).where(OutboxEntry.kind == restoration.CALL)
        with self.store.session(read_only=True) as db:
            return db.scalars(wanted).one()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def jobs(pbx, asterisk, redis_server, tmp_path, pytestconfig):
    """A closed event with somebody who waits for a call about it, and a worker."""
    home = pytestconfig.rootpath
    catalogues = {"uk": prompts.load(home / "prompts")["uk"]}
    built = home / "var/sounds"
    build.run(catalogues, home / "prompts", built, Synthesiser(), sys.stderr)
    for sound in (built / "uk").iterdir():
        if not (asterisk[2] / "uk" / sound.name).exists():
            (asterisk[2] / "uk" / sound.name).symlink_to(sound)
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    load_demo(store)
    odesa = company.load(home / "flows" / "companies")["odesa"]
    terms = replace(odesa.terms, restoration=replace(odesa.terms.restoration, ring=5))
    odesa = replace(odesa, terms=terms, calling=replace(odesa.calling, between=1))
    with store.session() as db:
        event = OutageEvent(
            company="odesa", number="E1", kind="emergency", since=now() - timedelta(hours=1),
            updated_at=now(), areas=[OutageArea(company="odesa", street="Садова")],
        )  # fmt: skip
        db.add(event)
        db.flush()
        db.add(
            Subscription(
                company="odesa",
                event_id=event.id,
                number=LANDLINE,
                way="call",
                language="uk",
                call="c",
                key="k",
                created_at=now(),
                at_night=True,
            )  # fmt: skip
        )
        db.flush()
        restoration.close(db, odesa, event, now())
    pbx.start_worker(0, "real_worker.py", redis_server.url)
    jobs = Jobs(pbx, store, {"odesa": odesa})
    yield jobs
    jobs.dialler.stop()
    store.close()


def test_he_answers_and_has_no_supply_still(jobs, outside, pbx):
    work = jobs.begin()
    dialog = outside.rung()
    assert dialog.invite.first.startswith(f"INVITE sip:{LANDLINE}@")
    assert "+380487059090" in dialog.invite.headers["from"], "the company's number calls"
    outside.until(lambda: dialog.heard > 50)
    until(lambda: jobs.row().state == "told")
    outside.press(dialog, "1")
    until(lambda: jobs.row().state == "still_out")
    with jobs.store.session(read_only=True) as db:
        (ticket,) = db.scalars(select(Ticket))
        assert (ticket.type, ticket.caller_number) == ("nested_fault", LANDLINE)
        assert ticket.call.startswith("pbx1-notice")
    outside.until(lambda: dialog.state == "over", 40)
    work.join(10)
    assert jobs.entry().state == "done"
    assert "broke" not in pbx.logs()


def test_not_answered_and_answered_the_second_time(jobs, outside):
    outside.answers = False
    work = jobs.begin()
    first = outside.rung()
    work.join(20)
    assert first.state != "talking"
    assert (jobs.row().state, jobs.entry().state) == ("waiting", "due")
    outside.answers = True
    time.sleep(1.1)
    work = jobs.begin()
    second = outside.rung(2)
    until(lambda: jobs.row().state == "told")
    outside.press(second, "2")
    until(lambda: jobs.row().state == "answered")
    work.join(40)
    assert jobs.entry().state == "done"


def test_busy_is_known_at_once(jobs, outside):
    outside.answers = False
    began = time.monotonic()
    work = jobs.begin()
    outside.refuse(outside.rung())
    work.join(20)
    assert time.monotonic() - began < 4
    assert (jobs.row().state, jobs.entry().last_error) == ("waiting", "nobody answered")


def test_who_hangs_up_at_once_was_told(jobs, outside):
    work = jobs.begin()
    dialog = outside.rung()
    until(lambda: jobs.row().state == "told")
    outside.hang_up(dialog)
    work.join(10)
    assert (jobs.row().state, jobs.entry().state) == ("told", "done")


def test_key_0_leads_to_an_operator(jobs, outside, pbx):
    """Nobody is on duty: he hears so, with what he can do instead."""
    work = jobs.begin()
    dialog = outside.rung()
    outside.until(lambda: dialog.heard > 50)
    outside.press(dialog, "0")
    until(lambda: "operator." in pbx.logs())
    outside.hang_up(dialog)
    work.join(10)
    assert jobs.row().state == "told"


def test_no_exchange_no_try(jobs):
    jobs.dialler.stop()
    jobs.dialler._wires.clear()
    jobs.work()
    assert (jobs.entry().state, jobs.entry().tries, jobs.row().state) == ("due", 0, "waiting")
