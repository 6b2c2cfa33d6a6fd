"""Notices to callers: when there is one, once, to whom, and texts that fit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr import callbacks, company, outbox
from ivr.channels.console import ConsoleLine
from ivr.channels.line import Clock
from ivr.channels.operators import Operators
from ivr.company import Company
from ivr.errors import FlowError, PromptError
from ivr.events import MemoryLog
from ivr.model import Caller
from ivr.runner import Runner
from ivr.services import SERVICES, Inquiry, notices
from ivr.sessions import MemorySessions
from ivr.store.database import Store
from ivr.store.models import Callback, OutboxEntry, Receipt

HOME = Path(__file__).parents[1]
NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 10, 31, 20, 30, tzinfo=UTC)
NUMBER = "+380671110009"
LANGUAGES = ("uk", "ru", "en", "vi", "tt")
TWO_PARTS = 134
"""Characters of UCS-2 in an SMS of two parts (3GPP TS 23.040: 67 each)."""


def entries(store: Store) -> list[OutboxEntry]:
    with store.session(read_only=True) as db:
        return list(db.scalars(select(OutboxEntry).order_by(OutboxEntry.id)))


def wanting(house: Any, *wanted: str) -> Company:
    return replace(house.companies["odesa"], notices=dict.fromkeys(wanted, "sms"))


# ---------------------------------------------------------------------- called back in vain


def failed(store: Store, number: str = NUMBER, key: str = "k") -> Callback:
    with store.session() as db:
        row = callbacks.promise(
            db, company="odesa", number=number, queue="general", language="ru", call="c",
            key=key, now=NOW,
        )  # fmt: skip
        callbacks.give_up(db, row, NOW, "no_answer")
        return row


def test_who_was_not_reached_is_told_once(demo_store: Store, house: Any) -> None:
    row = failed(demo_store)
    for _ in range(2):
        with demo_store.session() as db:
            notices.unreached(db, wanting(house, "unreached"), row, NOW)
    (entry,) = entries(demo_store)
    assert (entry.kind, entry.until) == ("sms", NOW + timedelta(hours=24))
    assert entry.payload == {
        "to": NUMBER, "language": "ru", "text": "unreached", "hours": True,
        "values": {"day": "31", "month": "10", "time": "12:00", "number": "+380487059090"},
    }  # fmt: skip


@pytest.mark.parametrize("number", ["+380487110009", "+442071838750"])
def test_no_message_to_a_landline_or_abroad(demo_store: Store, house: Any, number: str) -> None:
    row = failed(demo_store, number)
    with demo_store.session() as db:
        notices.unreached(db, wanting(house, "unreached"), row, NOW)
    assert entries(demo_store) == []


def test_none_where_the_company_wants_none_or_has_no_number(demo_store: Store, house: Any) -> None:
    row = failed(demo_store)
    with demo_store.session() as db:
        notices.unreached(db, wanting(house, "callback"), row, NOW)
        notices.unreached(db, replace(wanting(house, "unreached"), numbers=()), row, NOW)
    assert entries(demo_store) == []


def test_who_rings_himself_before_it_is_sent_gets_none(demo_store: Store, house: Any) -> None:
    row, odesa = failed(demo_store), wanting(house, "unreached")
    with demo_store.session() as db:
        notices.unreached(db, odesa, row, NOW)
        assert callbacks.served(db, "odesa", NUMBER, odesa.calling, NOW)
    assert entries(demo_store) == []


# ---------------------------------------------------------------------- services


@pytest.fixture
def ask(house: Any, demo_store: Store, clock: Clock, caller: Caller) -> Callable[..., Inquiry]:
    """Asks the service `name` in a transaction of its own."""

    def inquire(
        name: str, *wanted: str, key: str = "call-1/3", number: str = NUMBER, **slots: Any
    ) -> str:
        with demo_store.session() as db:
            inquiry = Inquiry(
                caller=replace(caller, number=number), company=wanting(house, *wanted),
                now=clock(), slots=slots, arguments={}, key=key, db=db, language="uk",
            )  # fmt: skip
            return SERVICES[name].answer(inquiry).outcome

    return inquire


def test_a_promise_is_confirmed_once(ask: Any, demo_store: Store, clock: Clock) -> None:
    clock.now = NOW
    for _ in range(2):
        promised = ask("callbacks.promise", "callback", callback_number=NUMBER, queue="general")
        assert promised == "noted"
    (entry,) = entries(demo_store)
    assert (entry.payload["text"], entry.payload["hours"]) == ("promised", False)
    assert entry.payload["values"] == {"first": "08:00", "last": "20:00"}
    assert entry.until == NOW + timedelta(hours=1)
    again = ask("callbacks.promise", "callback", key="call-2/3", callback_number=NUMBER, queue="x")
    assert again == "already" and len(entries(demo_store)) == 1


def test_a_promise_of_the_night(ask: Any, demo_store: Store, clock: Clock) -> None:
    clock.now = NIGHT
    ask(
        "callbacks.promise", "callback", callback_number=NUMBER, queue="general",
        entered=NIGHT.timestamp() - 60,
    )  # fmt: skip
    (entry,) = entries(demo_store)
    assert (entry.payload["text"], entry.payload["values"]) == ("promised_soon", {})


def test_no_confirmation_where_none_is_wanted(ask: Any, demo_store: Store, clock: Clock) -> None:
    clock.now = NOW
    ask("callbacks.promise", "unreached", callback_number=NUMBER, queue="general")
    assert entries(demo_store) == []


@pytest.fixture
def inquiry(house: Any, demo_store: Store, clock: Clock, caller: Caller) -> Any:
    def make(db: Any, number: str | None = NUMBER, *wanted: str) -> Inquiry:
        return Inquiry(
            caller=replace(caller, number=number), company=wanting(house, *wanted), now=clock(),
            slots={}, arguments={}, key="call-1/9", db=db, language="uk",
        )  # fmt: skip

    return make


def received(store: Store, inquiry: Any, receipt: str, number: str | None = NUMBER) -> None:
    with store.session() as db:
        notices.reading(inquiry(db, number, "reading"), receipt)


def test_the_readings_of_a_call_are_one_message(
    demo_store: Store, inquiry: Any, clock: Clock
) -> None:
    received(demo_store, inquiry, "100123")
    received(demo_store, inquiry, "100123")
    clock.pass_(60)
    received(demo_store, inquiry, "100124")
    (entry,) = entries(demo_store)
    assert entry.payload["values"]["receipts"] == ["100123", "100124"]
    assert entry.next_at == clock() + notices.GATHER


def test_a_reading_after_the_message_was_sent_gets_its_own(
    demo_store: Store, inquiry: Any, clock: Clock
) -> None:
    received(demo_store, inquiry, "100123")
    clock.pass_(notices.GATHER.total_seconds())
    assert outbox.deliver(demo_store, {"sms": lambda parcel: {}}, clock) == 1
    for _ in range(2):
        received(demo_store, inquiry, "100123")
        received(demo_store, inquiry, "100124")
    assert [entry.payload["values"]["receipts"] for entry in entries(demo_store)] == [
        ["100123"],
        ["100124"],
    ]


def test_a_message_holds_so_many_receipts(demo_store: Store, inquiry: Any) -> None:
    for receipt in range(100_001, 100_001 + notices.MOST + 1):
        received(demo_store, inquiry, str(receipt))
    numbers = [len(entry.payload["values"]["receipts"]) for entry in entries(demo_store)]
    assert numbers == [notices.MOST, 1]


@pytest.mark.parametrize("number", [None, "", "anonymous", "+380487110009", "+266696687"])
def test_no_receipt_to_what_is_no_mobile_number(
    demo_store: Store, inquiry: Any, number: str | None
) -> None:
    received(demo_store, inquiry, "100123", number)
    assert entries(demo_store) == []


def test_a_reading_is_confirmed_with_its_receipt(
    house: Any, demo_store: Store, caller: Caller, clock: Clock
) -> None:
    """A whole call on the console, with a company that sends receipts."""
    companies = {**house.companies, "odesa": wanting(house, "reading")}
    log = MemoryLog()
    operators = Operators(companies["odesa"], companies, demo_store, log, clock)
    runner = Runner(
        house.flows, companies, SERVICES, demo_store, MemorySessions(), log, clock, "odesa",
        queue=operators.queue,
    )  # fmt: skip
    line = ConsoleLine(runner, house.catalogues, clock, operators)
    line.dial(caller)
    for keys in ("2", "1", "02450#", "1"):
        line.press(keys)
    (entry,) = entries(demo_store)
    with demo_store.session(read_only=True) as db:
        receipt = db.scalars(select(Receipt)).one()
    assert (entry.payload["to"], entry.payload["language"]) == (caller.number, "uk")
    assert entry.payload["values"]["receipts"] == [str(receipt.number)]


# ---------------------------------------------------------------------- profiles and texts


def test_shipped_profiles_tell_only_what_was_asked_for(house: Any) -> None:
    for profile in house.companies.values():
        # Where anybody may move a visit, its owner is warned unasked.
        unasked = set() if profile.terms.visits.proof else {"visit"}
        assert set(profile.notices) == {"unreached", "request", "restored"} | unasked


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("notices: {reading: email}", "`notices: reading` is sms, or not there; found 'email'"),
        ("notices: {weather: sms}", "`notices`: unknown key `weather`"),
        ("notices: sms", "`notices` must be a mapping"),
    ],
)
def test_profiles_that_want_what_there_is_not(tmp_path: Path, line: str, why: str) -> None:
    text = (HOME / "flows" / "companies" / "kazan.yaml").read_text(encoding="utf-8")
    lines = [each for each in text.splitlines() if not each.startswith("notices:")]
    path = tmp_path / "kazan.yaml"
    path.write_text("\n".join([*lines, line]), encoding="utf-8")
    with pytest.raises(FlowError, match=why):
        company.read(path)


@pytest.fixture(scope="module")
def texts() -> notices.Texts:
    return notices.load(HOME / "prompts" / "sms")


LONGEST: dict[str, dict[str, Any]] = {
    "unreached": {"day": "31", "month": "10", "time": "20:00", "number": "+8423800001000"},
    "promised": {"first": "08:00", "last": "20:00"},
    "promised_soon": {},
    "promised_later": {"day": "31", "month": "10", "time": "20:00"},
    "reading": {
        "day": "31",
        "month": "10",
        "time": "20:00",
        "receipts": ["1000000"] * notices.MOST,
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", LONGEST)
def test_every_message_fits_two_parts(
    house: Any, texts: notices.Texts, language: str, text: str
) -> None:
    for profile in house.companies.values():
        message = texts.write(profile, language, text, LONGEST[text])
        assert len(message) <= TWO_PARTS, message
        assert message == message.strip() and "{" not in message


def test_every_language_of_a_company_has_messages(house: Any) -> None:
    have = {path.stem for path in (HOME / "prompts" / "sms").glob("*.yaml")}
    assert have == set(LANGUAGES)
    assert all(have >= set(profile.languages) for profile in house.companies.values())


def test_a_name_that_stands_nowhere_is_the_profiles(house: Any, texts: notices.Texts) -> None:
    other = replace(house.companies["odesa"], id="lviv", name="Львівобленерго")
    assert texts.write(other, "uk", "promised_soon", {}).startswith("Львівобленерго: ")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "holds no messages"),
        ({"uk": "a: 'x'", "ru": "b: 'x'"}, "uk.yaml: a: not there, or with other"),
        ({"uk": "a: '{x}'", "ru": "a: '{y}'"}, "a: not there, or with other placeholders"),
        ({"uk": "a: '{x'"}, "a: "),
        ({"uk": "- a"}, "is not a mapping"),
        ({"uk": "a: [b]"}, "is not a mapping"),
        ({"uk": "a: 'x"}, "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for language, text in files.items():
        (tmp_path / f"{language}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=why):
        notices.load(tmp_path)
