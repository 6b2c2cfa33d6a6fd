"""Announcements: what may be said, where and how long; changes, and undoing them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ivr import announcements, prompts
from ivr.actions import lately, undo
from ivr.agent_queue.memory import MemoryQueue
from ivr.errors import Changed, Unfit
from ivr.store.models import Audit
from ivr.store.supervision import Announcement, PromptVersion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = {
    "uk": "Офіс у центрі сьогодні зачинено.",
    "ru": "Офис в центре сегодня закрыт.",
    "en": "The office in the centre is closed today.",
}
QUEUE = MemoryQueue()


@pytest.fixture
def odesa(house):
    return house.companies["odesa"]


@pytest.fixture
def put(demo_store, odesa):
    def on(who="vira", at=NOW, **given):
        wanted = {"place": "greeting", "texts": TEXTS, "until": NOW + HOUR, **given}
        with demo_store.session() as db:
            row = announcements.switch_on(db, odesa, who, at, **wanted)
            return row.id

    return on


@pytest.fixture
def heard(demo_store, odesa):
    def said(at=NOW, place="greeting", language="uk", queue=""):
        with demo_store.session(read_only=True) as db:
            items = announcements.said(db, odesa, at, place, language, queue)
        return [item["announcement"] for item in items]

    return said


@pytest.fixture
def steer(demo_store, odesa):
    """Change, end or take something back in a transaction of its own."""

    def do(what, key, version, who="vira", at=NOW, **given):
        with demo_store.session() as db:
            getattr(announcements, what)(db, odesa, who, at, key, version, **given)

    return do


@pytest.fixture
def take_back(demo_store, odesa):
    def back(nth=0, at=NOW, who="olha"):
        with demo_store.session() as db:
            action = lately(db, odesa.id, NOW - HOUR, "announcement.")[nth]
            undo(db, QUEUE, odesa, action.id, who, at)

    return back


# ---------------------------------------------------------------------- what callers hear


def test_it_is_heard_from_its_start_until_its_end(put, heard):
    put(starts=NOW + HOUR, until=NOW + 2 * HOUR)
    moments = [NOW, NOW + HOUR, NOW + 2 * HOUR - timedelta(seconds=1), NOW + 2 * HOUR]
    assert [bool(heard(at)) for at in moments] == [False, True, True, False]


def test_each_language_hears_its_own(put, heard):
    put()
    assert heard(language="ru") == [TEXTS["ru"]]
    assert heard(place="queue") == []


def test_a_queue_hears_its_own_and_those_of_all_queues(put, heard):
    put(place="queue", queues=["metering"])
    assert heard(place="queue", queue="metering") == [TEXTS["uk"]]
    assert heard(place="queue", queue="general") == heard() == []
    put(place="queue")
    assert len(heard(place="queue", queue="metering")) == 2
    assert len(heard(place="queue", queue="general")) == 1


def test_they_are_heard_in_the_order_in_which_they_begin(put, heard):
    put(starts=NOW + timedelta(minutes=2), texts={**TEXTS, "uk": "Друге."})
    put(starts=NOW + timedelta(minutes=1), texts={**TEXTS, "uk": "Перше."})
    assert heard(NOW + timedelta(minutes=5)) == ["Перше.", "Друге."]


# ---------------------------------------------------------------------- what may be said


@pytest.mark.parametrize(
    ("given", "reason", "details"),
    [
        ({"place": "moon"}, "place", {}),
        ({"queues": ["general"]}, "place", {}),
        ({"place": "queue", "queues": ["nobody"]}, "queue", {"queue": "nobody"}),
        ({"place": "queue", "queues": ["danger"]}, "queue", {"queue": "danger"}),
        ({"texts": {"uk": "Так.", "ru": "Да."}}, "empty", {"language": "en"}),
        ({"texts": {**TEXTS, "ru": " ... 5 "}}, "empty", {"language": "ru"}),
        ({"texts": {**TEXTS, "uk": "Объявление."}}, "letters", {"language": "uk", "letters": "ъ"}),
        ({"texts": {**TEXTS, "en": "Office №5 у центрі"}}, "letters",
         {"language": "en", "letters": "уцентрі"}),
        ({"texts": {**TEXTS, "uk": "Оcь."}}, "letters", {"language": "uk", "letters": "c"}),
        ({"texts": {**TEXTS, "en": "so " * 200}}, "long",
         {"language": "en", "seconds": 43, "most": 25}),
        ({"until": NOW}, "time", {}),
        ({"until": NOW + timedelta(days=15)}, "time", {}),
        ({"starts": NOW + 2 * HOUR}, "time", {}),
        ({"starts": NOW + timedelta(days=40), "until": NOW + timedelta(days=41)}, "time", {}),
        ({"silent": ["en"]}, "recording", {"language": "en"}),
    ],
)  # fmt: skip
def test_what_cannot_be(put, demo_store, given, reason, details):
    with pytest.raises(Unfit) as refused:
        put(**given)
    assert refused.value.reason == f"announcement_{reason}"
    assert refused.value.details == details
    with demo_store.session(read_only=True) as db:
        assert not list(db.scalars(select(Announcement))) + list(db.scalars(select(Audit)))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("uk", "Під'їзд — «центр», 24/7; «ҐЄЇ» та пʼять!"),
        ("ru", "Ещё объявление: 5 %"),
        ("tt", "Сәгать җиде, өй, яңа, һава, үзәк"),
        ("vi", "Trung tâm đóng cửa hôm nay; Điện lực Nghệ An"),
        ("en", "It's closed - sorry."),
        ("uk", "\u0438\u0306"),  # a letter and its accent, typed apart
    ],
)
def test_letters_of_each_language(language, text):
    import unicodedata

    assert announcements.foreign(unicodedata.normalize("NFC", text), language) == ""


def test_no_more_than_a_caller_bears(put):
    for _ in range(announcements.AT_ONCE):
        put()
    with pytest.raises(Unfit, match="many"):
        put()
    put(place="queue")
    put(starts=NOW + HOUR, until=NOW + 2 * HOUR)


def test_a_language_nobody_here_speaks_wants_its_recording(put, demo_store):
    with demo_store.session() as db:
        db.add(
            PromptVersion(
                company="odesa", prompt=prompts.free("en", TEXTS["en"]), language="en", number=1,
                text=TEXTS["en"], digest="", sound=b"", wide=b"", seconds=2.0, level=-20.0,
                peak=-3.0, state="live", made_by="vira", made_at=NOW,
            )
        )  # fmt: skip
    put(silent=["en"])
    with pytest.raises(Unfit, match="recording"):
        put(silent=["en"], texts={**TEXTS, "en": "Other words."})


# ---------------------------------------------------------------------- changes


def test_the_second_who_changes_it_is_told_who_was_faster(put, steer, heard):
    key = put()
    steer("change", key, 1, who="olha", texts={**TEXTS, "uk": "Інше."}, until=NOW + HOUR)
    for what, given in (("switch_off", {}), ("change", {"texts": TEXTS, "until": NOW + HOUR})):
        with pytest.raises(Changed) as refused:
            steer(what, key, 1, **given)
        assert refused.value.who == "olha"
    assert heard() == ["Інше."]
    steer("switch_off", key, 2)
    assert heard() == []
    with pytest.raises(Changed):
        steer("switch_off", key, 3)
    with pytest.raises(Unfit, match="gone"):
        steer("switch_off", key + 9, 1)


def test_what_is_expired_is_not_changed(put, steer):
    key = put()
    with pytest.raises(Changed):
        steer("switch_off", key, 1, at=NOW + 2 * HOUR)


def test_undoing_takes_it_off_puts_it_on_and_gives_the_old_words_back(put, steer, heard, take_back):
    key = put()
    steer("change", key, 1, texts={**TEXTS, "uk": "Інше."}, until=NOW + HOUR)
    steer("switch_off", key, 2)
    take_back()
    assert heard() == ["Інше."]
    take_back(nth=2)
    assert heard() == [TEXTS["uk"]]
    take_back(nth=4)
    assert heard() == []


def test_what_was_changed_since_or_is_over_is_not_undone(put, steer, heard, take_back):
    key = put()
    steer("change", key, 1, who="petro", texts={**TEXTS, "uk": "Інше."}, until=NOW + HOUR)
    with pytest.raises(Changed) as refused:
        take_back(nth=1)
    assert refused.value.who == "petro"
    steer("switch_off", key, 2)
    with pytest.raises(Unfit, match="time"):
        take_back(at=NOW + 2 * HOUR)
    assert heard() == []


def test_who_did_what_is_in_the_audit_log(put, steer, demo_store):
    key = put()
    steer("switch_off", key, 1, who="olha")
    with demo_store.session(read_only=True) as db:
        rows = list(db.scalars(select(Audit).order_by(Audit.id)))
    assert [(row.who, row.what) for row in rows] == [
        ("vira", "announcement.on"), ("olha", "announcement.off"),
    ]  # fmt: skip
    assert rows[0].details["after"]["texts"] == TEXTS
