"""The index of recordings, marks, scorecards, samples and their results, over the real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ivr.errors import Changed
from ivr.quality import index, marks, results, samples, scorecards
from ivr.store.database import Store
from ivr.store.models import Account, Audit, Conversation, VoiceMessage
from ivr.store.supervision import QualitySample, Scorecard
from ivr.store.world import load_world
from ivr.terms import Criterion, QualityTerms

START = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
POINTS = {each.name: each.points for each in QualityTerms().criteria}


@pytest.fixture
def store(store: Store, house: Any) -> Store:
    """A store of each kind with the accounts of the demo."""
    with store.session() as db:
        load_world(db, "odesa", house.world)
    return store


@pytest.fixture
def company(house: Any) -> Any:
    return house.companies["odesa"]


def talk(store: Store, count: int = 1, **fields: Any) -> list[int]:
    """Keep talks of olena, an hour apart; every field may be another one."""
    with store.session() as db:
        known = len(db.scalars(select(Conversation.id)).all())
        rows = []
        for number in range(known, known + count):
            at = fields.get("answered_at") or START + timedelta(hours=number)
            given = {
                "company": "odesa", "call": f"pbx1-{number}.1", "token": f"token-{number}",
                "operator": "olena", "queue": "general", "caller_number": "+380671110001",
                "entered_at": at, "answered_at": at, "ended_at": at + timedelta(seconds=95.5),
                "code": "outage", "recording": f"talks/{number}.wav",
            }  # fmt: skip
            rows.append(Conversation(**given | fields))
        db.add_all(rows)
        db.flush()
        return [row.id for row in rows]


def ids(store: Store, company: Any, **wanted: Any) -> list[tuple[str, int]]:
    asked = index.Wanted(**{"first": date(2026, 10, 1), "last": date(2026, 10, 31)} | wanted)
    with store.session(read_only=True) as db:
        found = index.search(db, company, asked)
    assert found.total == len(found.rows)
    return [(row["kind"], row["id"]) for row in found.rows]


# ---------------------------------------------------------------------- the index


def test_talks_are_found_by_what_one_knows_of_them(store: Store, company: Any) -> None:
    with store.session(read_only=True) as db:
        account = db.scalars(select(Account).where(Account.number == "100200301")).one()
    plain = talk(store)[0]
    long = talk(store, ended_at=START + timedelta(hours=1, minutes=20), operator="taras")[0]
    asked = talk(store, recording=None, unrecorded=True, account_id=account.id)[0]
    lost = talk(store, recording=None, queue="outage", caller_number="+380501234567")[0]
    talk(store, company="kyiv")
    with store.session() as db:
        row = db.get(Conversation, plain)
        marks.mark(db, row, "vira", START, 12.34, "good", "привіт")
        rating(db, company, row)
        db.add(
            VoiceMessage(
                company="odesa", call="m", key="m", number="+380671110001", queue="outage",
                path="m.wav", created_at=START,
            )
        )  # fmt: skip
    every = [("talk", lost), ("talk", asked), ("talk", long), ("talk", plain)]
    found = ids(store, company)
    assert [each for each in found if each[0] == "talk"] == every
    assert len(found) == 5
    for wanted, expected in [
        ({"operator": "taras"}, [long]),
        ({"queue": "outage", "kind": "talk"}, [lost]),
        ({"who": "0501234567"}, [lost]),
        ({"who": "100200301"}, [asked]),
        ({"who": "+380 67 111 00 01", "kind": "talk"}, [asked, long, plain]),
        ({"least": 96}, [long]),
        ({"most": 95.6, "operator": "olena"}, [lost, asked, plain]),
        ({"rated": True}, [plain]),
        ({"rated": False}, [lost, asked, long]),
        ({"marked": True}, [plain]),
        ({"consent": "refused"}, [asked]),
        ({"consent": "without"}, [lost]),
        ({"consent": "recorded", "kind": "talk"}, [long, plain]),
        ({"code": "bill"}, []),
        ({"first": date(2026, 10, 6)}, []),
    ]:
        assert ids(store, company, **wanted) == [("talk", each) for each in expected], wanted
    assert [kind for kind, _ in ids(store, company, kind="message")] == ["message"]
    assert ids(store, company, who="0671110001", queue="outage", kind="message")


def test_days_are_the_company_s(store: Store, company: Any) -> None:
    # Half past midnight in Odesa on the 2nd is still the 1st in Greenwich.
    (night,) = talk(store, answered_at=datetime(2026, 10, 1, 21, 30, tzinfo=UTC))
    day = {"first": date(2026, 10, 2), "last": date(2026, 10, 2)}
    assert ids(store, company, **day) == [("talk", night)]


def test_pages(store: Store, company: Any) -> None:
    made = talk(store, index.PAGE + 3)
    wanted = index.Wanted(date(2026, 10, 1), date(2026, 10, 31))
    with store.session(read_only=True) as db:
        pages = [index.search(db, company, wanted, page) for page in range(3)]
    assert [len(page.rows) for page in pages] == [index.PAGE, 3, 0]
    assert {page.total for page in pages} == {index.PAGE + 3}
    assert [row["id"] for page in pages for row in page.rows] == made[::-1]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"first": date(2026, 11, 1)}, "days"),
        ({"first": date(2024, 1, 1)}, "span"),
        ({"who": "ab"}, "who"),
    ],
)
def test_what_cannot_be_searched_for(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        index.Wanted(**{"first": date(2026, 10, 1), "last": date(2026, 10, 31)} | fields)


# ---------------------------------------------------------------------- marks, pauses


def test_marks_stand_within_the_recording(store: Store) -> None:
    key, silent = talk(store)[0], talk(store, recording=None)[0]
    with store.session() as db:
        row = db.get(Conversation, key)
        for second, kind in ((80, "other"), (3.14159, "complaint")):
            marks.mark(db, row, "vira", START, second, kind, "")
        with pytest.raises(ValueError, match="second"):
            marks.mark(db, row, "vira", START, 96, "good", "")
        with pytest.raises(ValueError, match="without"):
            marks.mark(db, db.get(Conversation, silent), "vira", START, 1, "good", "")
        found = marks.marks(db, row)
    assert [(each["second"], each["kind"]) for each in found] == [(3.1, "complaint"), (80, "other")]


def test_pauses_are_those_of_the_audit_log(store: Store) -> None:
    (key,) = talk(store)
    with store.session() as db:
        row = db.get(Conversation, key)
        for second, paused in ((10, True), (12, True), (20.5, False), (60, True), (200, False)):
            db.add(
                Audit(
                    at=row.answered_at + timedelta(seconds=second), company="odesa", who="olena",
                    what=marks.PAUSE, allowed=True, call=row.call, details={"paused": paused},
                )
            )  # fmt: skip
        db.flush()
        assert marks.pauses(db, row) == [(10.0, 20.5), (60.0, None)]


# ---------------------------------------------------------------------- scorecards


def rating(db: Any, company: Any, row: Conversation, **given: Any) -> Scorecard:
    fields = {"rater": "vira", "points": POINTS, "note": "", "at": START, "version": 0} | given
    return scorecards.rate(db, company.terms.quality, row, **fields)


@pytest.mark.parametrize(
    ("changed", "total", "failed"),
    [
        ({}, 100, False),
        ({"greeting": 0, "answer": 12}, 82, False),
        ({"safety": 0}, 0, True),
        ({"safety": 1}, 91, False),
        ({"privacy": 0, "safety": 0}, 0, True),
    ],
)
def test_a_card_adds_up(changed: dict[str, int], total: int, failed: bool) -> None:
    judged = scorecards.judge(QualityTerms().criteria, POINTS | changed)
    assert (judged.total, judged.failed) == (total, failed)


@pytest.mark.parametrize(
    ("points", "word"),
    [
        (POINTS | {"answer": 26}, "answer"),
        (POINTS | {"answer": -1}, "answer"),
        (POINTS | {"charm": 1}, "charm"),
        ({name: 1 for name in POINTS if name != "closing"}, "closing"),
    ],
)
def test_points_are_those_of_the_form(points: dict[str, int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        scorecards.judge(QualityTerms().criteria, points)


def test_two_raters_and_the_difference_between_them(store: Store, company: Any) -> None:
    (key,) = talk(store)
    with store.session() as db:
        row = db.get(Conversation, key)
        rating(db, company, row)
        assert scorecards.apart(scorecards.cards(db, row)) == {}
        rating(db, company, row, rater="oleh", points=POINTS | {"answer": 15, "closing": 3})
        apart = scorecards.apart(scorecards.cards(db, row))
        with pytest.raises(ValueError, match="own"):
            rating(db, company, row, rater="olena")
    assert (apart["answer"], apart["closing"], apart["greeting"], apart["total"]) == (10, 2, 0, 12)


def test_who_changes_an_older_card_is_told(store: Store, company: Any) -> None:
    (key,) = talk(store)
    with store.session() as db:
        row = db.get(Conversation, key)
        assert rating(db, company, row).version == 1
        with pytest.raises(Changed):
            rating(db, company, row)
        card = rating(db, company, row, version=1, points=POINTS | {"listened": 5})
        assert (card.version, card.total) == (2, 90)
        assert card.criteria == POINTS


def test_the_operator_answers(store: Store, company: Any) -> None:
    (key,) = talk(store)
    with store.session() as db:
        card = rating(db, company, db.get(Conversation, key))
        with pytest.raises(Changed):
            scorecards.answer(card, "ні", START, 0)
        scorecards.answer(card, "так", START + timedelta(hours=1), 1)
        scorecards.answer(card, "так, але", START + timedelta(hours=20), 2)
        late = START + timedelta(hours=45)
        assert not scorecards.answerable(card, late)
        with pytest.raises(ValueError, match="answered"):
            scorecards.answer(card, "ні", late, 3)
        # A card that is changed after the answer may be answered anew.
        rating(db, company, db.get(Conversation, key), version=3, at=late)
        scorecards.answer(card, "дякую", late, 4)
    assert card.answer == "дякую"


# ---------------------------------------------------------------------- samples


def drawn(store: Store, company: Any, month: str = "2026-10") -> tuple[samples.Drawn, list[Any]]:
    with store.session() as db:
        done = samples.draw(db, company, month, START + timedelta(days=40))
    with store.session(read_only=True) as db:
        rows = db.scalars(select(QualitySample).order_by(QualitySample.id)).all()
    return done, [(row.conversation_id, row.why) for row in rows]


def test_a_draw_is_by_chance_and_can_be_repeated(store: Store, company: Any) -> None:
    talks = talk(store, 40)
    first, rows = drawn(store, company)
    assert first.drawn == 5 == len(rows)
    assert {key for key, _ in rows} < set(talks)
    assert drawn(store, company) == (samples.Drawn(), rows)
    with store.session() as db:
        for row in db.scalars(select(QualitySample)):
            db.delete(row)
    again, other = drawn(store, company)
    assert sorted(other) == sorted(rows)
    # By chance: not the first five, and other ones in another company or month.
    assert sorted(key for key, _ in rows) != talks[:5]
    with store.session(read_only=True) as db:
        kept = list(db.scalars(select(Conversation)))
    orders = {
        tuple(sorted(kept, key=lambda each: samples.lot(*known, each)))
        for known in (("odesa", "2026-10"), ("odesa", "2026-11"), ("kyiv", "2026-10"))
    }
    assert len(orders) == 3


def test_complaints_are_all_rated_and_the_unrecorded_are_told(store: Store, company: Any) -> None:
    talk(store, 3)
    loud = talk(store, 7, code="complaint")
    talk(store, 2, code="complaint", recording=None)
    talk(store, 4, operator="taras", recording=None)
    talk(store, 1, operator="taras", ended_at=None)
    done, rows = drawn(store, company)
    assert done == samples.Drawn(10, {"olena": 2, "taras": 5}, 2)
    assert [key for key, why in rows if why == "complaint"] == loud


def test_a_draw_in_the_month_goes_on_at_its_end(store: Store, company: Any) -> None:
    talk(store, 2)
    assert drawn(store, company)[0] == samples.Drawn(2, {"olena": 3})
    talk(store, 10)
    done, rows = drawn(store, company)
    assert done == samples.Drawn(3)
    assert len(dict(rows)) == 5


def test_a_talk_is_chosen_once(store: Store, company: Any) -> None:
    keys = talk(store, 7)
    with store.session() as db:
        row = db.get(Conversation, keys[0])
        assert samples.choose(db, row, "2026-10", START)
        assert not samples.choose(db, row, "2026-11", START)
    assert drawn(store, company)[0].drawn == 5
    with store.session(read_only=True) as db:
        listed = samples.listed(db, company, "2026-10")
    assert sorted(each["why"] for each in listed) == ["chosen"] + ["random"] * 5


@pytest.mark.parametrize("month", ["2026-13", "x", "2027-05"])
def test_months_that_cannot_be_drawn(store: Store, company: Any, month: str) -> None:
    with store.session() as db, pytest.raises(ValueError, match="month"):
        samples.draw(db, company, month, START)


def test_jobs_draw_the_month_that_is_over(store: Store, house: Any) -> None:
    import threading

    talk(store, 6)
    only = {"odesa": house.companies["odesa"]}
    # Ten at night on the 31st in Greenwich is the 1st in Odesa.
    for at, count in ((datetime(2026, 10, 31, 20, tzinfo=UTC), 0), (START + timedelta(days=27), 5)):
        samples.Drawer(store, only, lambda at=at: at, threading.Event()).round()
        with store.session(read_only=True) as db:
            assert len(db.scalars(select(QualitySample.id)).all()) == count


# ---------------------------------------------------------------------- results


def test_results_by_month_and_operator(store: Store, company: Any) -> None:
    one, two = talk(store, 2)
    (other,) = talk(store, operator="taras")
    (later,) = talk(store, answered_at=datetime(2026, 10, 31, 22, 30, tzinfo=UTC))
    with store.session() as db:
        rows = {key: db.get(Conversation, key) for key in (one, two, other, later)}
        rating(db, company, rows[one])
        rating(db, company, rows[one], rater="oleh", points=POINTS | {"answer": 5})
        rating(db, company, rows[two], points=POINTS | {"safety": 0})
        rating(db, company, rows[other], points=POINTS | {"greeting": 0})
        rating(db, company, rows[later])
        found = results.results(db, company, "2026-09", "2026-11")
    assert [(each.month, each.operator, each.talks, each.failed, each.total) for each in found] == [
        ("2026-10", "", 3, 1, 61.7),  # (90 + 0 + 95) / 3
        ("2026-10", "olena", 2, 1, 45.0),
        ("2026-10", "taras", 1, 0, 95.0),
        ("2026-11", "", 1, 0, 100.0),
        ("2026-11", "olena", 1, 0, 100.0),
    ]
    olena = found[1]
    assert (olena.criteria["answer"], olena.criteria["safety"]) == (0.8, 0.5)
    lines = results.as_csv(found, {"operator": "Оператор", "all": "усі"}).splitlines()
    assert lines[0].startswith("month,Оператор,talks,failed,total,greeting")
    assert lines[2].startswith("2026-10,olena,2,1,45.0,")


def test_a_card_counts_by_the_form_it_was_rated_by(store: Store, company: Any) -> None:
    (key,) = talk(store)
    short = replace(company.terms.quality, criteria=(Criterion("answer", 100),))
    with store.session() as db:
        scorecards.rate(
            db, short, db.get(Conversation, key),
            rater="vira", points={"answer": 40}, note="", at=START, version=0,
        )  # fmt: skip
        found = results.results(db, company, "2026-10", "2026-10")
    assert found[0].criteria == {"answer": 0.4}


@pytest.mark.parametrize(("first", "last"), [("2026-11", "2026-10"), ("2020-01", "2026-10")])
def test_months_that_have_no_results(store: Store, company: Any, first: str, last: str) -> None:
    with store.session(read_only=True) as db, pytest.raises(ValueError, match="months"):
        results.results(db, company, first, last)
