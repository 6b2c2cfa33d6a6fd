"""What is known of an outage: which event hits an account, and what of it may be spoken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from ivr.services import SERVICES, Inquiry, outage_events
from ivr.store import places
from ivr.store.models import Account, Contact, OutboxEntry, Ticket
from ivr.store.supply import OutageArea, OutageEvent, OutageReport, Subscription
from ivr.terms import OutageTerms

KYIV = ZoneInfo("Europe/Kyiv")
NOON = datetime(2026, 10, 31, 12, 0, tzinfo=KYIV)
TERMS = OutageTerms()


def an_event(kind="emergency", since=-60, restore=60, age=5, **fields):
    """An open event; since, restore: minutes from noon. age: minutes of its data."""
    given = {
        "id": 1,
        "company": "odesa",
        "number": "E1",
        "kind": kind,
        "since": NOON + timedelta(minutes=since),
        "restore_by": None if restore is None else NOON + timedelta(minutes=restore),
        "updated_at": NOON - timedelta(minutes=age),
        "state": "open",
        **fields,
    }
    return OutageEvent(**given)


def facts(event, now=NOON):
    return outage_events.facts(event, now, KYIV, TERMS)


# ---------------------------------------------------------------------- what is told


def test_a_fresh_time_of_today_is_told_without_its_date():
    told = facts(an_event(cause="storm"))
    assert told["event_what"] == "outage_accident"
    assert (told["since"], told["since_time"]) == ("since_today", "11:00")
    assert (told["restore"], told["restore_time"]) == ("restore_today", "13:00")
    assert (told["data"], told["age"]) == ("data_minutes", 5)
    assert told["cause"] == "cause_storm"


def test_times_of_another_day_have_their_date():
    told = facts(an_event(since=-24 * 60, restore=13 * 60))
    assert (told["since"], told["since_date"]) == ("since_day", "2026-10-30")
    assert (told["restore"], told["restore_date"]) == ("restore_day", "2026-11-01")


@pytest.mark.parametrize(
    ("age", "prompt", "said"),
    [
        (0, "data_now", None),
        (1, "data_minute", 1),
        (2, "data_minutes", 2),
        (11, "data_minutes", 11),
        (21, "data_minute", 21),
        (59, "data_minutes", 59),
        (60, "data_hours", 1),
        (23 * 60 + 59, "data_hours", 23),
        (24 * 60, "data_days", 1),
        (-3, "data_now", None),
    ],
)
def test_the_age_of_the_data_is_told(age, prompt, said):
    told = facts(an_event(age=age))
    assert (told["data"], told["age"]) == (prompt, said)


@pytest.mark.parametrize(
    ("event", "restore"),
    [
        (an_event(restore=None), "restore_unknown"),
        (an_event(restore=0), "restore_new"),
        (an_event(restore=-1), "restore_new"),
        (an_event(age=30), "restore_today"),
        (an_event(age=31), "restore_new"),
        (an_event("planned", restore=None), "works_end_unknown"),
        (an_event("planned", age=24 * 60), "works_end_today"),
        (an_event("planned", age=8 * 24 * 60), "restore_new"),
    ],
)
def test_what_is_no_fact_is_not_told_as_one(event, restore):
    told = facts(event)
    assert told["restore"] == restore
    if restore in ("restore_new", "restore_unknown", "works_end_unknown"):
        assert told["restore_time"] is None
        assert told["restore_date"] is None


def test_a_cause_outside_the_list_and_a_beginning_that_lies_ahead_are_not_told():
    told = facts(an_event(cause="aliens", since=10))
    assert told["cause"] == ""
    assert told["since"] == ""
    assert told["since_time"] is None


minutes = st.integers(-3 * 24 * 60, 3 * 24 * 60)


@given(
    kind=st.sampled_from(["emergency", "planned"]),
    since=minutes,
    restore=st.none() | minutes,
    age=st.integers(0, 10 * 24 * 60),
    zone=st.sampled_from(["Europe/Kyiv", "Europe/Moscow", "Asia/Ho_Chi_Minh"]),
)
def test_a_time_that_is_over_or_stale_is_never_among_the_values(kind, since, restore, age, zone):
    event = an_event(kind, since=since, restore=restore, age=age)
    told = outage_events.facts(event, NOON, ZoneInfo(zone), TERMS)
    longest = TERMS.announced * 60 if kind == "planned" else TERMS.fresh
    holds = restore is not None and restore > 0 and age <= longest
    assert (told["restore_time"] is not None) == holds
    assert (told["restore_date"] is not None) == holds
    if holds:
        local = event.restore_by.astimezone(ZoneInfo(zone))
        assert told["restore_time"] == f"{local:%H:%M}"
        assert told["restore_date"] == local.date().isoformat()
    else:
        assert told["restore"] in ("restore_new", "restore_unknown", "works_end_unknown")


@given(now=st.datetimes(datetime(2026, 10, 24), datetime(2026, 10, 27)), age=st.integers(0, 90))
def test_the_night_the_clocks_change_makes_no_data_older(now, age):
    now = now.replace(tzinfo=UTC)
    event = an_event(updated_at=now - timedelta(minutes=age), restore_by=now + timedelta(hours=2))
    told = outage_events.facts(event, now, KYIV, TERMS)
    assert (told["restore_time"] is not None) == (age <= TERMS.fresh)


# ---------------------------------------------------------------------- which event


HOUSE = Account(
    company="odesa", number="1", kind="household", settlement="м. Одеса", street="вул. П'ятницька",
    house="27-А", substation="TP-1",
)  # fmt: skip
OTHER = Account(company="odesa", number="2", kind="household", settlement="м. Одеса")


@pytest.mark.parametrize(
    ("area", "hit"),
    [
        ({"street": "п’ятницька"}, True),
        ({"street": "Пʼятницька вул."}, True),
        ({"street": "П`ЯТНИЦЬКА", "settlement": "Одеса"}, True),
        ({"street": "П'ятницька", "settlement": "Київ"}, False),
        ({"street": "провулок П'ятницький"}, False),
        ({"street": "П'ятницька", "houses": ["27а"]}, True),
        ({"street": "П'ятницька", "houses": ["27"]}, False),
        ({"settlement": "одеса"}, True),
        ({"substation": "TP-1"}, True),
        ({"substation": "TP-1", "street": "Садова"}, False),
        ({"account": "1"}, True),
        ({"account": "2"}, False),
        ({}, False),
    ],
)
def test_an_area_hits_where_everything_it_names_is_the_accounts(area, hit):
    assert outage_events.covers(OutageArea(**{"houses": [], **area}), HOUSE) is hit


@pytest.mark.parametrize(
    "name",
    [
        "Садова",
        "вул. Садова",
        "ул.Садова",
        "вулиця  САДОВА",
        "Садова вул.",
        "«Садова»",
        "st. Садова",
    ],
)
def test_one_street_is_written_in_many_ways(name):
    assert places.street(name) == "садова"


@pytest.mark.parametrize("name", ["Улічна", "Вульвівська", "Урамська", "вул.", "Street"])
def test_a_name_that_only_begins_like_the_word_stays(name):
    assert places.street(name) == name.casefold()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (an_event(restore=30, age=20), an_event("planned", id=2, restore=None, age=0)),
        (an_event(restore=90, age=20), an_event(id=2, restore=60, age=0)),
        (an_event(restore=None, age=20), an_event(id=2, restore=600, age=0)),
        (an_event(restore=-1, age=20), an_event(id=2, restore=600, age=0)),
        (an_event(restore=30, age=20), an_event(id=2, restore=None, age=31)),
        (an_event(restore=30, age=10), an_event(id=2, restore=30, age=20)),
        (an_event(restore=None, age=31), an_event(id=2, restore=None, age=40)),
        (an_event(id=1), an_event(id=2)),
    ],
)
def test_of_the_events_of_one_address_one_is_told_whatever_their_order(one, other):
    for hits in ([one, other], [other, one]):
        found = outage_events.chosen([(HOUSE, event) for event in hits], NOON, TERMS)
        assert found == (HOUSE, one)


def test_the_first_account_that_is_hit_is_told_of():
    works, accident = an_event("planned", id=9), an_event(id=1)
    over = an_event("planned", id=2, restore=-1)
    hits = [(OTHER, over), (HOUSE, works), (OTHER, accident)]
    assert outage_events.chosen(hits[1:], NOON, TERMS) == (HOUSE, works)
    assert outage_events.chosen(hits[:1], NOON, TERMS) is None


@pytest.mark.parametrize(
    ("event", "present"),
    [
        (an_event("planned", since=1), False),
        (an_event("planned", since=0), True),
        (an_event("planned", restore=0), False),
        (an_event("planned", restore=None), True),
        (an_event(restore=-500), True),
        (an_event(since=1), False),
        (an_event(since=0), True),
        (an_event(state="closed"), False),
    ],
)
def test_events_are_present_from_their_beginning_to_their_end(event, present):
    assert outage_events.present(event, NOON) is present


# ---------------------------------------------------------------------- the services


@pytest.fixture
def ask(house, demo_store, clock, caller):
    """Asks a service about the caller of account 100200301; counts the statements it took."""
    clock.now = NOON.astimezone(UTC)

    def answer(service, number=caller.number, call="call-1", key="1", with_=None, **slots):
        with demo_store.session() as db:
            return SERVICES[service].answer(
                Inquiry(
                    caller=replace(caller, number=number, call=call),
                    company=house.companies["odesa"],
                    now=clock.now,
                    slots=slots,
                    arguments=with_ or {},
                    key=f"{call}/{key}",
                    db=db,
                    language="uk",
                )
            )

    return answer


def put(store, *events):
    with store.session() as db:
        db.add_all(events)


def area(**fields):
    return OutageArea(company="odesa", **fields)


def test_before_the_menu_two_queries_are_enough(ask, demo_store):
    statements = []
    with demo_store.connection() as connection:
        sqlalchemy_event.listen(
            connection.engine,
            "before_cursor_execute",
            lambda _c, _x, statement, *_: statements.append(statement),
        )
        result = ask("outages.hit", number="+380671110002")
    assert result.outcome == "hit"
    assert len([each for each in statements if each.startswith("SELECT")]) == 2


def test_the_address_is_named_where_the_telephone_has_several(ask, demo_store):
    put(demo_store, an_event(id=None, number="E2", areas=[area(street="Шевченка")]))
    assert ask("outages.hit").values["event_place"] == ""
    several = ask("outages.hit", number="+380671110002").values
    assert several["event_place"] == "account_place"
    assert several["street"] == "Садова"


def test_of_several_addresses_the_one_kept_first_is_told_of(ask, demo_store):
    # The account kept later has the smaller id, and the event that is known for longer.
    put(
        demo_store,
        an_event(id=None, number="E2", restore=600, areas=[area(account="100200301")]),
        an_event(id=None, number="E3", areas=[area(account="100200305")]),
    )
    with demo_store.session() as db:
        for number in ("100200305", "100200301"):
            account = db.scalar(select(Account).where(Account.number == number))
            db.add(
                Contact(
                    company="odesa", number="+380660000001", account=account, source="import",
                    proved=True, created_at=NOON,
                )
            )  # fmt: skip
            db.flush()
    assert ask("outages.hit", number="+380660000001").values["event_account"] == "100200305"


def test_an_event_of_another_company_or_a_closed_one_hits_nobody(ask, demo_store):
    put(
        demo_store,
        an_event(id=None, number="E3", company="kazan",
                 areas=[OutageArea(company="kazan", street="Шевченка")]),
        an_event(id=None, number="E4", state="closed", areas=[area(street="Шевченка")]),
    )  # fmt: skip
    assert ask("outages.hit").outcome == "none"
    assert ask("outages.hit", number=None).outcome == "none"


def test_who_only_heard_the_event_is_not_counted_who_reports_is_once(ask, demo_store):
    ask("outages.hit", number="+380671110002")
    for key in "123":
        ask("outages.known", key=key, number="+380671110002", account="100200302")
    with demo_store.session() as db:
        reports = db.scalars(select(OutageReport)).all()
        assert [(row.event.number, row.ticket_id) for row in reports] == [("E1", None)]


def test_one_danger_ticket_a_call_with_the_account_of_the_telephone(ask, demo_store):
    first = ask("outages.danger", key="1").values
    assert ask("outages.danger", key="2").values == first
    ask("outages.danger", call="call-2", number="+380671110002")
    ask("outages.danger", call="call-3", number=None)
    with demo_store.session() as db:
        known, several, withheld = db.scalars(select(Ticket).order_by(Ticket.id)).all()
        assert known.account.number == "100200301"
        assert (known.caller_number, known.created_at) == ("+380671110001", NOON)
        assert several.account is None
        assert several.details == {"accounts": ["100200302", "100200303"]}
        assert (withheld.account, withheld.caller_number) == (None, None)


def test_a_subscription_to_an_event_that_was_closed_meanwhile_is_told_at_once(ask, demo_store):
    known = ask("outages.hit", number="+380671110002").values
    with demo_store.session() as db:
        db.get(OutageEvent, known["event"]).state = "closed"
    result = ask("subscriptions.own", number="+380671110002", **known)
    assert result.outcome == "sms"
    with demo_store.session() as db:
        kinds = db.scalars(select(OutboxEntry.kind)).all()
        assert "restored" in kinds


def test_a_repeated_turn_subscribes_once_and_says_the_same(ask, demo_store):
    known = ask("outages.hit", number="+380671110002").values
    first = ask("subscriptions.own", number="+380671110002", **known)
    assert ask("subscriptions.own", number="+380671110002", **known) == first
    later = ask("subscriptions.own", number="+380671110002", key="9", **known)
    assert later.outcome == "already"
    with demo_store.session() as db:
        rows = db.scalars(select(Subscription)).all()
        assert [(row.number, row.way, row.state) for row in rows] == [
            ("+380671110002", "sms", "waiting")
        ]


def test_who_was_told_once_waits_again_when_the_event_is_open_again(ask, demo_store):
    known = ask("outages.hit", number="+380671110002").values
    ask("subscriptions.own", number="+380671110002", **known)
    with demo_store.session() as db:
        db.scalar(select(Subscription)).state = "told"
    assert ask("subscriptions.own", number="+380671110002", key="9", **known).outcome == "sms"
    with demo_store.session() as db:
        assert db.scalar(select(Subscription)).state == "waiting"
