"""Messages through Twilio's REST, with everything that goes wrong on the way."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_rest import ACCOUNT, TOKEN, SmallRest
from sqlalchemy import select

from ivr import outbox
from ivr.callbacks import opening
from ivr.channels.line import Clock
from ivr.channels.twilio import rest
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.sms import Sms, message_status
from ivr.destination import Calling
from ivr.services import notices
from ivr.store.database import Store, memory_store
from ivr.store.models import OutboxEntry

HOME = Path(__file__).parents[1]
NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 10, 31, 20, 30, tzinfo=UTC)
NUMBER = "+380671110009"
VALUES = {"day": "31", "month": "10", "time": "12:00", "number": "+380487059090"}
TEXT = (
    "Одеські електромережі: телефонували вам 31.10 о 12:00, не додзвонилися. "
    "Зателефонуйте нам: +380487059090."
)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def twilio(clock: Clock) -> Iterator[SmallRest]:
    server = SmallRest(now=clock)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    yield store
    store.close()


class Desk:
    """An outbox whose messages go to a server."""

    def __init__(self, store: Store, house: Any, clock: Clock, url: str, **given: Any) -> None:
        self.store, self.clock = store, clock
        settings = TwilioSettings(
            ACCOUNT, TOKEN, "https://ivr.example.com", api_url=url,
            **{"sms_from": "+380440000001", **given},
        )  # fmt: skip
        texts = notices.load(HOME / "prompts" / "sms")
        self.sms = Sms(settings, rest.client(settings), house.companies, texts, clock)

    def put(self, **changes: Any) -> None:
        payload = {
            "to": NUMBER, "language": "uk", "text": "unreached", "values": VALUES, "hours": True,
        }  # fmt: skip
        given = {"company": "odesa", "key": "k", "until": self.clock() + timedelta(hours=24)}
        given |= {name: changes.pop(name) for name in list(changes) if name in given}
        with self.store.session() as db:
            outbox.put(db, kind="sms", payload={**payload, **changes}, now=self.clock(), **given)

    def deliver(self) -> OutboxEntry:
        outbox.deliver(self.store, {"sms": self.sms}, self.clock)
        return self.row

    def again(self) -> OutboxEntry:
        """Deliver when the pause after a failure is over."""
        self.clock.now = self.row.next_at
        return self.deliver()

    @property
    def row(self) -> OutboxEntry:
        with self.store.session(read_only=True) as db:
            return db.scalars(select(OutboxEntry)).one()

    def tell(self, status: str, error: str = "", sid: str = f"SM{0:032x}") -> bool:
        return message_status(self.store, 1, sid, status, error, self.clock())


@pytest.fixture
def desk(store: Store, house: Any, clock: Clock, twilio: SmallRest) -> Desk:
    return Desk(store, house, clock, twilio.url)


def test_a_notice_is_sent_once(desk: Desk, twilio: SmallRest) -> None:
    desk.put()
    row = desk.deliver()
    (message,) = twilio.messages
    assert message["form"] == {
        "To": NUMBER,
        "From": "+380440000001",
        "Body": TEXT,
        "StatusCallback": "https://ivr.example.com/twilio/message?id=1",
        "ValidityPeriod": "14400",
    }
    assert (row.state, row.details) == ("done", {"sid": message["sid"], "status": "queued"})
    assert [asked[0] for asked in twilio.asked] == ["POST"]


def test_twilio_sends_nothing_late(desk: Desk, twilio: SmallRest, clock: Clock) -> None:
    desk.put(until=clock() + timedelta(seconds=90))
    desk.deliver()
    assert twilio.messages[0]["form"]["ValidityPeriod"] == "90"


def test_a_parcel_without_an_end_is_valid_as_long_as_twilio_allows(
    desk: Desk, twilio: SmallRest
) -> None:
    desk.put(until=None)
    desk.deliver()
    assert twilio.messages[0]["form"]["ValidityPeriod"] == "14400"


def test_a_messaging_service_sends(
    store: Store, house: Any, clock: Clock, twilio: SmallRest
) -> None:
    service = "MG" + "a" * 32
    desk = Desk(store, house, clock, twilio.url, sms_from=service)
    desk.put()
    desk.deliver()
    form = twilio.messages[0]["form"]
    assert form["MessagingServiceSid"] == service and "From" not in form


def test_a_language_without_texts_gets_the_companys_first(desk: Desk, twilio: SmallRest) -> None:
    desk.put(language="fi")
    desk.deliver()
    assert twilio.messages[0]["body"] == TEXT


# ---------------------------------------------------------------------- hours


def test_a_notice_waits_for_the_morning(desk: Desk, twilio: SmallRest, clock: Clock) -> None:
    clock.now = NIGHT
    desk.put()
    row = desk.deliver()
    morning = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    assert (row.state, row.tries, row.next_at) == ("due", 0, morning)
    clock.now = morning
    assert desk.deliver().state == "done"
    assert [asked[0] for asked in twilio.asked] == ["POST"]


def test_an_answer_to_what_he_just_did_is_sent_at_night(desk: Desk, clock: Clock) -> None:
    clock.now = NIGHT
    desk.put(hours=False)
    assert desk.deliver().state == "done"


@pytest.mark.parametrize(
    ("local", "opens"),
    [("2026-10-31T22:00", "2026-11-01T08:00"), ("2026-10-31T03:00", "2026-10-31T08:00")],
)
def test_the_next_opening(house: Any, local: str, opens: str) -> None:
    zone = house.companies["odesa"].zone
    moment, wanted = (datetime.fromisoformat(each).replace(tzinfo=zone) for each in (local, opens))
    assert opening(Calling(), moment) == wanted


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"to": "+442071838750"}, "its number is refused: foreign"),
        ({"to": "+380900000000"}, "its number is refused: premium"),
        ({"to": "sip:x@evil"}, "its number is refused: impossible"),
        ({"company": "gone"}, "no company gone"),
        ({"text": "nonsense"}, "message nonsense in uk: no 'nonsense'"),
        ({"values": {}}, "message unreached in uk: no 'day'"),
    ],
)
def test_what_cannot_be_sent_is_dead_without_a_request(
    desk: Desk, twilio: SmallRest, changes: dict[str, Any], why: str
) -> None:
    desk.put(**changes)
    row = desk.deliver()
    assert (row.state, row.last_error, twilio.asked) == ("dead", why, [])


@pytest.mark.parametrize("code", [21211, 21610, 21614])
def test_twilios_no_is_final(desk: Desk, twilio: SmallRest, code: int) -> None:
    twilio.trouble = lambda method, path: (400, {"code": code, "message": f"{NUMBER}: no"})
    desk.put()
    row = desk.deliver()
    assert (row.state, row.last_error) == ("dead", f"HTTP 400, Twilio error {code}")


def test_a_message_that_fails_at_once_is_dead(desk: Desk, twilio: SmallRest) -> None:
    twilio.status = "failed"
    desk.put()
    assert (desk.deliver().state, desk.row.last_error) == ("dead", "failed, Twilio error 30008")


@pytest.mark.parametrize(
    ("status", "code"), [(429, 20429), (503, 20503), (500, 20500), (401, 20003), (404, 20404)]
)
def test_a_busy_twilio_or_a_wrong_password_passes(
    desk: Desk, twilio: SmallRest, status: int, code: int
) -> None:
    twilio.trouble = lambda method, path: (status, {"code": code, "message": "no"})
    desk.put()
    row = desk.deliver()
    assert (row.state, row.last_error) == ("due", f"HTTP {status}, Twilio error {code}")
    twilio.trouble = lambda method, path: None
    assert desk.again().state == "done"
    assert len(twilio.messages) == 1


def test_an_error_in_the_new_form_and_one_that_is_none(desk: Desk, twilio: SmallRest) -> None:
    problem = {"type": "https://x", "title": "Too Many", "status": 429, "code": 20429}
    twilio.trouble = lambda method, path: (429, problem)
    desk.put()
    assert desk.deliver().last_error == "HTTP 429, Twilio error 20429"
    twilio.trouble = lambda method, path: (502, {}) if method == "POST" else None
    assert desk.again().last_error == "HTTP 502, Twilio error 502"
    twilio.trouble = lambda method, path: (502, {})
    assert desk.again().last_error == "HTTP 502 for a list"


def test_a_twilio_that_is_away_costs_a_try(store: Store, house: Any, clock: Clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        desk = Desk(store, house, clock, f"http://127.0.0.1:{taken.getsockname()[1]}")
        desk.put()
        row = desk.deliver()
    assert (row.state, row.last_error) == ("due", "Twilio is not reached: ConnectionError")


# ---------------------------------------------------------------------- unknown outcomes


def _lose_the_answer(twilio: SmallRest) -> None:
    """Make each message, then close the connection without an answer."""

    def lose() -> None:
        raise ConnectionAbortedError

    twilio.after = lose


def test_a_message_whose_answer_was_lost_is_not_sent_again(desk: Desk, twilio: SmallRest) -> None:
    _lose_the_answer(twilio)
    desk.put()
    assert desk.deliver().state == "due"
    assert len(twilio.messages) == 1
    row = desk.again()
    assert (row.state, row.details["sid"]) == ("done", twilio.messages[0]["sid"])
    assert len(twilio.messages) == 1


def test_one_that_failed_meanwhile_is_sent_again(desk: Desk, twilio: SmallRest) -> None:
    _lose_the_answer(twilio)
    desk.put()
    desk.deliver()
    twilio.messages[0]["status"] = "undelivered"
    twilio.after = lambda: None
    assert desk.again().state == "done"
    assert len(twilio.messages) == 2


def test_an_older_message_or_another_text_is_not_taken_for_it(
    desk: Desk, twilio: SmallRest, clock: Clock
) -> None:
    clock.now = NOON - timedelta(hours=2)
    twilio.message({"To": NUMBER, "Body": TEXT})
    clock.now = NOON
    twilio.message({"To": NUMBER, "Body": "something else"})
    twilio.trouble = lambda method, path: (503, {}) if method == "POST" else None
    desk.put()
    desk.deliver()
    twilio.trouble = lambda method, path: None
    assert desk.again().details["sid"] == twilio.messages[2]["sid"]


def test_a_worker_that_died_after_sending_sends_once(
    desk: Desk, twilio: SmallRest, clock: Clock
) -> None:
    desk.put()
    parcel = outbox.claim(desk.store, "sms", clock())
    assert parcel is not None
    desk.sms(parcel)
    clock.pass_(outbox.LEASE.total_seconds())
    assert desk.deliver().state == "done"
    assert len(twilio.messages) == 1


def test_what_cannot_be_looked_up_is_not_sent(desk: Desk, twilio: SmallRest) -> None:
    twilio.trouble = lambda method, path: (503, {"code": 20503, "message": "no"})
    desk.put()
    desk.deliver()
    twilio.trouble = lambda method, path: (503, {}) if method == "GET" else None
    assert desk.again().state == "due"
    assert twilio.messages == []


# ---------------------------------------------------------------------- what Twilio tells


def test_the_way_of_a_message(desk: Desk) -> None:
    desk.put()
    desk.deliver()
    for status in ("sent", "delivered", "sent", "queued"):
        assert desk.tell(status)
    assert (desk.row.state, desk.row.details["status"]) == ("done", "delivered")


@pytest.mark.parametrize("status", ["undelivered", "failed", "canceled"])
def test_what_is_not_delivered_is_dead(desk: Desk, status: str) -> None:
    desk.put()
    desk.deliver()
    assert desk.tell(status, "30005") and desk.tell(status, "30005") and desk.tell("sent")
    row = desk.row
    assert (row.state, row.last_error) == ("dead", f"{status}, Twilio error 30005")
    assert row.details["status"] == status


def test_delivered_after_all_is_the_last_word(desk: Desk) -> None:
    desk.put()
    desk.deliver()
    desk.tell("undelivered", "<script>")
    assert desk.row.last_error == "undelivered, Twilio error none"
    desk.tell("delivered")
    desk.tell("undelivered", "30003")
    assert (desk.row.state, desk.row.last_error) == ("done", "")


def test_a_status_tells_that_a_message_without_an_answer_was_sent(
    desk: Desk, twilio: SmallRest
) -> None:
    twilio.trouble = lambda method, path: (504, {})
    desk.put()
    desk.deliver()
    assert desk.tell("sent")
    assert (desk.row.state, desk.row.details["sid"]) == ("done", f"SM{0:032x}")


def test_the_failure_of_another_message_is_not_its_own(desk: Desk) -> None:
    desk.put()
    desk.deliver()
    assert desk.tell("failed", "30008", sid="SM" + "f" * 32)
    assert desk.row.state == "done"


def test_what_nobody_sent_or_nobody_knows(desk: Desk) -> None:
    assert not desk.tell("delivered")
    desk.put()
    assert not desk.tell("eaten")


def test_tried_again_by_hand_it_is_sent_anew(desk: Desk, twilio: SmallRest, clock: Clock) -> None:
    desk.put()
    desk.deliver()
    desk.tell("undelivered", "30003")
    twilio.messages[0]["status"] = "undelivered"
    assert outbox.retry(desk.store, clock()) == [1]
    assert desk.deliver().details == {"sid": twilio.messages[1]["sid"], "status": "queued"}
