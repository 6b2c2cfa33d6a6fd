"""After a restoration: who is told, how, when, once; and what he says to it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr import composition, config, outbox, parts
from ivr.channels.console import ConsoleLine
from ivr.channels.line import Clock
from ivr.channels.operators import Operators
from ivr.events import MemoryLog
from ivr.model import Caller, Hangup, Result
from ivr.outbox import Permanent
from ivr.runner import Runner
from ivr.services import SERVICES, notices, restoration, telling
from ivr.sessions import MemorySessions
from ivr.store.database import Store
from ivr.store.models import Account, OutboxEntry, Ticket
from ivr.store.supply import OutageArea, OutageEvent, Subscription

HOME = Path(__file__).parents[1]
EVENING = datetime(2026, 10, 31, 15, 20, tzinfo=UTC)
"""17:20 in Odesa."""
NIGHT = datetime(2026, 10, 31, 21, 30, tzinfo=UTC)
MOBILE, LANDLINE = "+380671110001", "+380487110009"
ACCOUNT = "100200301"


@pytest.fixture
def odesa(house: Any) -> Any:
    return house.companies["odesa"]


@pytest.fixture
def event(demo_store: Store) -> int:
    """An accident in the street of the account."""
    with demo_store.session() as db:
        account = db.scalars(select(Account).where(Account.number == ACCOUNT)).one()
        row = OutageEvent(
            company="odesa", number="E7", kind="emergency", since=EVENING - timedelta(hours=2),
            updated_at=EVENING, areas=[OutageArea(company="odesa", street=account.street)],
        )  # fmt: skip
        db.add(row)
        db.flush()
        return row.id


@pytest.fixture
def subscribe(demo_store: Store, event: int) -> Callable[..., int]:
    def add(number: str = MOBILE, way: str = "sms", account: str = ACCOUNT, **more: Any) -> int:
        with demo_store.session() as db:
            owned = db.scalar(select(Account).where(Account.number == account))
            given = {"language": "uk", "account": owned, **more}
            row = Subscription(
                company="odesa", event_id=event, number=number, way=way, call="c",
                key=f"k{number}", created_at=EVENING, **given,
            )  # fmt: skip
            db.add(row)
            db.flush()
            return row.id

    return add


@pytest.fixture
def close(demo_store: Store, odesa: Any, event: int) -> Callable[[datetime], None]:
    def end(now: datetime) -> None:
        with demo_store.session() as db:
            restoration.close(db, odesa, db.get_one(OutageEvent, event), now)

    return end


def entries(store: Store) -> list[tuple[str, str]]:
    with store.session(read_only=True) as db:
        rows = db.scalars(select(OutboxEntry).order_by(OutboxEntry.id))
        return [(row.kind, row.state) for row in rows if row.kind != "feed"]


def entry(store: Store, kind: str) -> OutboxEntry:
    with store.session(read_only=True) as db:
        return db.scalars(select(OutboxEntry).where(OutboxEntry.kind == kind)).one()


def state(store: Store, subscription: int) -> str:
    with store.session(read_only=True) as db:
        return db.get_one(Subscription, subscription).state


class Post:
    """What `jobs` runs: the handlers over a sender and a dialler that note what they did.

    answers: called for each call with the id of the subscription.
    """

    def __init__(self, store: Store, companies: Any, clock: Clock, **means: Any) -> None:
        self.store, self.clock = store, clock
        self.sent: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.answers: Callable[[str], None] = lambda about: None
        self.trouble: Exception | None = None
        given = telling.Means(**{"sms": True, "lines": 3, **means})
        self.handlers: dict[str, Any] = {"restored": telling.Told(store, companies, clock, given)}
        if given.sms:
            self.handlers["sms"] = telling.Sms(store, companies, clock, self.send)
        if given.lines:
            self.handlers["notice_call"] = telling.Calls(store, companies, clock, self, given)

    def send(self, parcel: Any) -> dict[str, Any]:
        if self.trouble:
            raise self.trouble
        self.sent.append(dict(parcel.payload))
        return {"sid": "SM1"}

    def call(self, target: Any, source: str, about: str, token: str, ring: float) -> None:
        if self.trouble:
            raise self.trouble
        assert (source, ring) == ("+380487059090", 40)
        assert token.isalnum()
        self.calls.append((target.number, about))
        self.answers(about)

    def work(self) -> None:
        """Deliver what is due, and what that leads to."""
        for _ in range(2):
            outbox.deliver(self.store, self.handlers, self.clock)


@pytest.fixture
def post(demo_store: Store, house: Any) -> Callable[..., Post]:
    def make(now: datetime = EVENING, **means: Any) -> Post:
        return Post(demo_store, house.companies, Clock(now), **means)

    return make


# ---------------------------------------------------------------------- closing


def test_closing_puts_one_entry_a_subscription_once(
    demo_store: Store, subscribe: Any, close: Any, event: int
) -> None:
    subscribe(), subscribe(LANDLINE, "call")
    told = subscribe("+380671110002")
    with demo_store.session() as db:
        db.get_one(Subscription, told).state = "told"
    close(EVENING)
    close(EVENING + timedelta(minutes=5))
    assert entries(demo_store) == [("restored", "due"), ("restored", "due")]
    with demo_store.session() as db:
        row = db.get_one(OutageEvent, event)
        assert (row.state, row.restored_at) == ("closed", EVENING)


def test_a_time_of_restoration_that_is_known_is_kept(
    demo_store: Store, odesa: Any, event: int
) -> None:
    with demo_store.session() as db:
        row = db.get_one(OutageEvent, event)
        row.restored_at = EVENING - timedelta(minutes=20)
        restoration.close(db, odesa, row, EVENING)
        assert row.restored_at == EVENING - timedelta(minutes=20)


def test_an_event_that_is_opened_again_takes_the_news_back(
    demo_store: Store, subscribe: Any, close: Any, event: int, post: Any
) -> None:
    subscription = subscribe()
    close(EVENING)
    with demo_store.session() as db:
        restoration.reopen(db, db.get_one(OutageEvent, event))
    assert entries(demo_store) == []
    later = EVENING + timedelta(hours=1)
    close(later)
    house = post(later)
    house.work()
    assert [sent["values"]["time"] for sent in house.sent] == ["18:20"]
    assert state(demo_store, subscription) == "told"


def test_news_that_is_in_somebodys_hands_when_the_event_is_opened_again(
    demo_store: Store, subscribe: Any, close: Any, event: int, post: Any
) -> None:
    subscription = subscribe()
    close(EVENING)
    house = post()
    house.trouble = outbox.Trouble("Twilio is away")
    house.work()
    with demo_store.session() as db:
        restoration.reopen(db, db.get_one(OutageEvent, event))
    house.trouble = None
    house.clock.pass_(60)
    house.work()
    assert (house.sent, state(demo_store, subscription)) == ([], "waiting")
    close(house.clock())
    house.work()
    assert len(house.sent) == 1


# ---------------------------------------------------------------------- messages


def test_a_message_goes_at_once_even_at_night(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe(language="ru")
    close(NIGHT)
    house = post(NIGHT)
    house.work()
    house.work()
    (sent,) = house.sent
    assert (sent["to"], sent["language"], sent["text"]) == (MOBILE, "ru", "restored")
    assert sent["values"]["time"] == "23:30"
    assert sent["values"]["number"] == "+380487059090"
    assert state(demo_store, subscription) == "told"
    assert entry(demo_store, "sms").until == NIGHT + timedelta(hours=12)


@pytest.mark.parametrize("language", ["uk", "ru", "en", "vi", "tt"])
def test_the_message_fits_into_two_parts(house: Any, language: str) -> None:
    texts = notices.load(HOME / "prompts" / "sms")
    values = {"day": "31", "month": "10", "time": "17:20", "number": "+380487059090"}
    for company in house.companies.values():
        assert len(texts.write(company, language, "restored", values)) <= 134


def test_a_message_that_is_refused_for_good(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe()
    close(EVENING)
    house = post()
    house.trouble = Permanent("HTTP 400, Twilio error 21211")
    house.work()
    assert state(demo_store, subscription) == "failed"
    assert entries(demo_store) == [("restored", "done"), ("sms", "dead")]


def test_without_a_sender_a_mobile_number_is_called(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe()
    close(EVENING)
    house = post(sms=False)
    house.work()
    assert house.calls == [(MOBILE, str(subscription))]


def test_a_company_that_sends_none_calls(
    demo_store: Store, subscribe: Any, close: Any, house: Any
) -> None:
    subscribe()
    close(EVENING)
    quiet = {"odesa": replace(house.companies["odesa"], notices={})}
    post = Post(demo_store, quiet, Clock(EVENING))
    post.work()
    assert (len(post.calls), post.sent) == (1, [])


def test_neither_a_sender_nor_a_line(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe()
    close(EVENING)
    post(sms=False, lines=0).work()
    assert state(demo_store, subscription) == "failed"
    assert entries(demo_store) == [("restored", "dead")]


@pytest.mark.parametrize("number", ["+380900000001", "+442071838750", "+38067"])
def test_numbers_that_may_not_be_dialled(
    demo_store: Store, subscribe: Any, close: Any, post: Any, number: str
) -> None:
    subscription = subscribe(number, "call")
    close(EVENING)
    house = post()
    house.work()
    assert (house.calls, house.sent) == ([], [])
    assert state(demo_store, subscription) == "failed"


# ---------------------------------------------------------------------- calls


@pytest.fixture
def picks_up(demo_store: Store) -> Callable[..., Any]:
    """Makes a telephone whose owner answers, presses keys and hangs up."""

    def make(house: Any, now: datetime, *keys: str) -> Callable[[str], None]:
        clock = Clock(now)

        def answer(about: str) -> None:
            line = ring(demo_store, house, clock, about)
            for key in keys:
                line.press(key) if key != "silence" else line.silence()
            line.hang_up()

        return answer

    return make


def ring(store: Store, house: Any, clock: Clock, about: str) -> ConsoleLine:
    """Call somebody on the console: the flow `restored` begins; "": he rings himself."""
    log = MemoryLog()
    operators = Operators(house.companies["odesa"], house.companies, store, log, clock)
    runner = Runner(
        house.flows, house.companies, SERVICES, store, MemorySessions(), log, clock, "odesa",
        queue=operators.queue,
    )  # fmt: skip
    line = ConsoleLine(runner, house.catalogues, clock, operators)
    caller = Caller(
        call=f"pbx1-{about}", company="odesa", number=MOBILE, dialled="+380487059090",
        channel="console", arrived=clock(), entrance="restored" if about else "main",
        about=about,
    )  # fmt: skip
    line.dial(caller)
    return line


def texts(line: ConsoleLine) -> str:
    return " ".join(said.text for said in line.heard.said)


@pytest.mark.parametrize(
    ("keys", "after"),
    [(("1",), "still_out"), (("2",), "answered"), ((), "told"), (("*",), "answered"),
     (("silence", "silence", "silence"), "answered"), (("7", "1"), "still_out")],
)  # fmt: skip
def test_a_call_and_what_he_says(
    demo_store: Store, house: Any, subscribe: Any, close: Any, post: Any, picks_up: Any,
    keys: Any, after: str,
) -> None:  # fmt: skip
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    jobs.answers = picks_up(house, EVENING, *keys)
    jobs.work()
    jobs.work()
    assert len(jobs.calls) == 1
    assert state(demo_store, subscription) == after
    assert entries(demo_store) == [("restored", "done"), ("notice_call", "done")]


def test_no_supply_still_is_a_nested_fault(
    demo_store: Store, house: Any, subscribe: Any, close: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    for _ in range(2):  # called twice: the first one was cut off
        line = ring(demo_store, house, Clock(EVENING), str(subscription))
        line.press("1")
        assert line.heard.ended == "completed"
    with demo_store.session(read_only=True) as db:
        ticket = db.scalars(select(Ticket)).one()
        assert ticket.account is not None and ticket.receipt is not None
        assert (ticket.type, ticket.account.number) == ("nested_fault", ACCOUNT)
        assert ticket.details == {"event": "E7"}
        number = str(ticket.receipt.number)
    spoken = texts(line)
    assert "відновлено" in spoken and "Шевченка" in spoken
    assert ACCOUNT not in spoken
    assert number


def test_it_is_told_in_his_language(
    demo_store: Store, house: Any, subscribe: Any, close: Any
) -> None:
    subscription = subscribe(LANDLINE, "call", language="ru", account="")
    close(EVENING)
    line = ring(demo_store, house, Clock(EVENING), str(subscription))
    assert {said.language for said in line.heard.said} == {"ru"}
    line.press("2")
    assert "До свидания" in texts(line)


def test_key_0_is_an_operator(demo_store: Store, house: Any, subscribe: Any, close: Any) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    line = ring(demo_store, house, Clock(EVENING), str(subscription))
    line.press("0")
    assert "операто" in texts(line)


def test_back_from_the_operators_to_the_question(
    demo_store: Store, house: Any, subscribe: Any, close: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    line = ring(demo_store, house, Clock(EVENING), str(subscription))
    line.press("0")
    line.press("*")
    line.press("1")
    assert (line.heard.ended, state(demo_store, subscription)) == ("completed", "still_out")


@pytest.mark.parametrize(
    "name", ["restoration.announce", "restoration.still_out", "restoration.heard"]
)
def test_a_store_that_fails_is_spoken_of(talk: Any, name: str) -> None:
    known = {"restoration.announce": "restored", "restoration.still_out": "registered"}
    answers = {each: Result(outcome) for each, outcome in known.items() if each != name}
    operators = Result("nobody_outage")
    call = talk("restored", answers={**answers, name: Result("failed"), "queues.ask": operators})
    if name != "restoration.announce":
        call.press("1" if name == "restoration.still_out" else "2")
    assert "service_failed" in call.said
    assert call.at == "operator.offer"


def test_nobody_at_the_telephones(talk: Any) -> None:
    answers = {
        "restoration.announce": Result("restored", {"place": "", "restored_at": "17:20"}),
        "queues.ask": Result("down"),
    }
    call = talk("restored", answers=answers).press("0").operator("unavailable")
    assert call.said[-2:] == ["operator_nobody", "restored_call_us"]
    assert call.need == Hangup("completed")


def test_opened_again_while_it_rang(
    demo_store: Store, house: Any, subscribe: Any, event: int
) -> None:
    subscription = subscribe(LANDLINE, "call")
    line = ring(demo_store, house, Clock(EVENING), str(subscription))
    assert line.heard.ended == "completed"
    assert "тривають" in texts(line)
    assert state(demo_store, subscription) == "waiting"


def test_a_call_about_nothing_ends_with_an_apology_and_an_operator(
    demo_store: Store, house: Any
) -> None:
    for about in ("99", "x"):
        line = ring(demo_store, house, Clock(EVENING), about)
        assert "несправність" in texts(line)


def test_nobody_answers_three_times(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    for tries in (1, 2, 3):
        jobs.work()
        jobs.work()
        assert len(jobs.calls) == tries
        jobs.clock.pass_(300)
    jobs.work()
    assert len(jobs.calls) == 3
    assert (jobs.sent, state(demo_store, subscription)) == ([], "failed")


def test_a_mobile_that_is_not_answered_gets_a_message(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe(MOBILE, "call")
    close(EVENING)
    jobs = post()
    for _ in range(5):
        jobs.work()
        jobs.clock.pass_(300)
    assert (len(jobs.calls), len(jobs.sent)) == (3, 1)
    assert state(demo_store, subscription) == "told"


def test_nobody_is_called_at_night(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscribe(LANDLINE, "call")
    close(NIGHT)
    jobs = post(NIGHT)
    jobs.work()
    assert jobs.calls == []
    assert entry(demo_store, "notice_call").next_at == datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    jobs.clock.now = datetime(2026, 11, 1, 6, 0, 1, tzinfo=UTC)
    jobs.work()
    assert len(jobs.calls) == 1


def test_but_who_said_so_is(demo_store: Store, subscribe: Any, close: Any, post: Any) -> None:
    subscribe(LANDLINE, "call", at_night=True)
    close(NIGHT)
    jobs = post(NIGHT)
    jobs.work()
    assert len(jobs.calls) == 1


def test_a_morning_that_is_too_late(
    demo_store: Store, house: Any, subscribe: Any, odesa: Any, event: int
) -> None:
    terms = replace(odesa.terms, restoration=replace(odesa.terms.restoration, worth=2))
    short = replace(odesa, terms=terms)
    subscription = subscribe(LANDLINE, "call")
    with demo_store.session() as db:
        restoration.close(db, short, db.get_one(OutageEvent, event), NIGHT)
    Post(demo_store, {"odesa": short}, Clock(NIGHT)).work()
    assert state(demo_store, subscription) == "failed"


def test_an_exchange_that_is_away_costs_no_try(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    jobs.trouble = telling.NoLine("away")
    for _ in range(5):
        jobs.work()
        jobs.clock.pass_(31)
    assert entry(demo_store, "notice_call").tries == 0
    jobs.trouble = None
    jobs.work()
    assert len(jobs.calls) == 1


def test_a_number_that_can_never_be_called(
    demo_store: Store, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    jobs.trouble = Permanent("HTTP 400, Twilio error 21211")
    jobs.work()
    assert state(demo_store, subscription) == "failed"


def test_whoever_dies_while_it_rings_costs_one_try_at_most(
    demo_store: Store, house: Any, subscribe: Any, close: Any, post: Any, picks_up: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    outbox.deliver(demo_store, {"restored": jobs.handlers["restored"]}, jobs.clock)
    for _ in range(3):  # dialled, and dies before it is known how that ended
        assert outbox.claim(demo_store, "notice_call", jobs.clock()) is not None
        jobs.clock.pass_(outbox.LEASE.total_seconds() + 1)
    jobs.work()
    assert jobs.calls == [], "three tries are three tries"
    assert state(demo_store, subscription) == "failed"


def test_whoever_was_told_before_it_died_is_not_called_again(
    demo_store: Store, house: Any, subscribe: Any, close: Any, post: Any
) -> None:
    subscription = subscribe(LANDLINE, "call")
    close(EVENING)
    jobs = post()
    outbox.deliver(demo_store, {"restored": jobs.handlers["restored"]}, jobs.clock)
    assert outbox.claim(demo_store, "notice_call", jobs.clock()) is not None
    ring(demo_store, house, Clock(EVENING), str(subscription)).press("2")
    jobs.clock.pass_(outbox.LEASE.total_seconds() + 1)
    jobs.work()
    assert (jobs.calls, state(demo_store, subscription)) == ([], "answered")
    assert entries(demo_store)[-1] == ("notice_call", "done")


def test_only_so_many_calls_at_once(
    demo_store: Store, house: Any, subscribe: Any, close: Any, post: Any
) -> None:
    """Four hands, as of two processes, and two lines."""
    for number in range(6):
        subscribe(f"+38048711001{number}", "call")
    close(EVENING)
    jobs = post(lines=2)
    outbox.deliver(demo_store, {"restored": jobs.handlers["restored"]}, jobs.clock)
    at_once, most, lock, go = [0], [0], threading.Lock(), threading.Event()

    def talk(_about: str) -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        go.wait(0.3)
        with lock:
            at_once[0] -= 1

    jobs.answers = talk
    hands = [threading.Thread(target=jobs.work) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert most[0] <= 2
    for _ in range(8):
        jobs.clock.pass_(6)
        jobs.work()
    assert len({number for number, _ in jobs.calls}) == 6


# ---------------------------------------------------------------------- nested faults of who rings


@pytest.fixture
def account(demo_store: Store) -> Iterator[Callable[[str], Any]]:
    def ask(number: str, now: datetime, odesa: Any) -> bool:
        with demo_store.session(read_only=True) as db:
            row = db.scalars(select(Account).where(Account.number == number)).one()
            return restoration.nested(db, odesa, row, now)

    yield ask


def test_who_rings_after_the_restoration_has_a_nested_fault(
    account: Any, odesa: Any, close: Any, event: int
) -> None:
    assert not account(ACCOUNT, EVENING, odesa)
    close(EVENING)
    assert account(ACCOUNT, EVENING + timedelta(hours=1), odesa)
    assert not account("100200302", EVENING + timedelta(hours=1), odesa)
    assert not account(ACCOUNT, EVENING + timedelta(hours=25), odesa)


def test_he_rings_and_reports_it(demo_store: Store, house: Any, subscribe: Any, close: Any) -> None:
    subscription = subscribe()
    close(EVENING)
    later = EVENING + timedelta(minutes=30)
    line = ring(demo_store, house, Clock(later), "")
    line.press("1211")  # no supply, this account, the whole house
    with demo_store.session(read_only=True) as db:
        assert [row.type for row in db.scalars(select(Ticket))] == ["nested_fault"]
    # He is called all the same, and it is one fault.
    ring(demo_store, house, Clock(later), str(subscription)).press("1")
    with demo_store.session(read_only=True) as db:
        assert [row.type for row in db.scalars(select(Ticket))] == ["nested_fault"]


def test_also_who_asked_with_an_account_outside_the_area(
    demo_store: Store, account: Any, odesa: Any, subscribe: Any, close: Any
) -> None:
    subscribe(account="100200302")
    close(EVENING)
    assert account("100200302", EVENING + timedelta(hours=1), odesa)


def test_how_a_number_is_told(odesa: Any) -> None:
    ways = [restoration.way(odesa, number) for number in (MOBILE, LANDLINE, "+442071838750")]
    assert ways == ["sms", "call", ""]
    assert restoration.way(replace(odesa, notices={}), MOBILE) == "call"


# ---------------------------------------------------------------------- what is set up


TWILIO = f"""
[twilio]
account_sid = AC{"5" * 32}
auth_token = T
public_url = https://ivr.example.com
sip_address = pbx.example.com
sip_password = T
"""


@pytest.mark.parametrize(
    ("settings", "dialler"),
    [
        ("", None),
        ("[asterisk]\ntrunk_host = 127.0.0.9", "AsteriskDialler"),
        (f"[asterisk]\ntrunk_host = 127.0.0.9\n{TWILIO}", "AsteriskDialler"),
        (TWILIO, "TwilioDialler"),
        (f"[press2]\nnotice_lines = 0\n{TWILIO}", None),
    ],
)
def test_who_dials(
    demo_store: Store, tmp_path: Path, monkeypatch: Any, settings: str, dialler: str | None
) -> None:
    monkeypatch.setenv(parts.AMI_SECRET, "made")
    path = tmp_path / "telephony.conf"
    path.write_text(settings)
    given = config.load(path, {"T": "secret"})
    with composition.telling_of(given, demo_store, {}) as handlers:
        calls = handlers.get("notice_call")
        assert (type(calls._dialler).__name__ if calls else None) == dialler  # type: ignore[attr-defined]
        assert ("restored" in handlers, "sms" in handlers) == (True, False)
