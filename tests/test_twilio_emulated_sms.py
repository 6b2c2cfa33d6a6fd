"""Messages through the emulator of Twilio: sent once, also where the first try's end is unknown."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from twilio_emulator.emulator import Emulator

from ivr import outbox
from ivr.channels.line import Clock
from ivr.channels.twilio import rest
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.sms import Sms
from ivr.services import notices
from ivr.store.database import Store, memory_store
from ivr.store.models import OutboxEntry

HOME = Path(__file__).parents[1]
NUMBER = "+380671110009"


@pytest.fixture
def twilio() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.messages.on_message = lambda message: None
        yield emulator


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    yield store
    store.close()


def test_through_trouble_and_a_dead_worker(twilio: Emulator, store: Store, house: Any) -> None:
    clock = Clock(datetime.now(UTC))
    settings = TwilioSettings(
        twilio.account_sid, twilio.auth_token, "https://ivr.example.com", api_url=twilio.url,
        sms_from="+380440000001",
    )  # fmt: skip
    texts = notices.load(HOME / "prompts" / "sms")
    sms = Sms(settings, rest.client(settings), house.companies, texts, clock)
    payload = {"to": NUMBER, "language": "uk", "text": "promised_soon", "values": {}}
    with store.session() as db:
        outbox.put(
            db, company="odesa", kind="sms", key="k", payload=payload, now=clock(),
            until=clock() + timedelta(hours=1),
        )  # fmt: skip

    def row() -> OutboxEntry:
        with store.session(read_only=True) as db:
            return db.scalars(select(OutboxEntry)).one()

    twilio.refuse_rest(429, 20429)
    outbox.deliver(store, {"sms": sms}, clock)
    assert row().last_error == "HTTP 429, Twilio error 20429"
    clock.now = row().next_at
    parcel = outbox.claim(store, "sms", clock())
    assert parcel is not None
    sms(parcel)  # and dies before it is noted
    clock.pass_(outbox.LEASE.total_seconds())
    outbox.deliver(store, {"sms": sms}, clock)
    (message,) = twilio.messages.sent
    assert (row().state, row().details["sid"]) == ("done", message.sid)
    assert message.callback == "https://ivr.example.com/twilio/message?id=1"
