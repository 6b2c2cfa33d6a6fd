"""The page announcements over HTTP: what callers hear, hours of days; each is taken back."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from desk_world import refused

from ivr import announcements, hours_changes
from ivr.services import SERVICES, Inquiry
from ivr.store.supervision import Announcement, HoursChange, PromptVersion

TEXTS = {
    "uk": "Офіс у центрі сьогодні зачинено.",
    "ru": "Офис в центре сегодня закрыт.",
    "en": "The office in the centre is closed today.",
}


@pytest.fixture
def vira(world):
    return world.at("announcements")


def heard(world, language="uk", place="greeting", queue=""):
    company = world.office.companies["odesa"]
    with world.store.session(read_only=True) as db:
        found = announcements.said(db, company, world.office.now(), place, language, queue)
    return [each["announcement"] for each in found]


def on(browser, **given):
    wanted = {"place": "greeting", "texts": TEXTS, "until": "2026-10-31T12:00", **given}
    return browser.send("supervisor/announcements/on", wanted)


def undo(browser, what, nth=0):
    rows = browser.get("supervisor/announcements/state").json["actions"]
    action = [each for each in rows if each["what"] == what][nth]["id"]
    return browser.send(f"supervisor/announcements/undo/{action}")


def test_operators_may_not(world):
    olena = world.desk("olena")
    assert olena.get("supervisor/announcements/").status_code == 403
    assert on(olena).status_code == 403
    assert heard(world) == []


def test_on_changed_off_and_each_undone(world, vira):
    answer = on(vira)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json["announcements"]
    assert (row["on"], row["until"], row["by"]) == (True, "2026-10-31T12:00", "Віра")
    assert heard(world) == [TEXTS["uk"]]
    sent = {"id": row["id"], "version": 1, "texts": {**TEXTS, "uk": "Інше."}}
    change = vira.send("supervisor/announcements/change", sent | {"until": "2026-10-31T13:00"})
    assert change.status_code == 200, change.text
    assert heard(world) == ["Інше."]
    assert undo(vira, "announcement_change").status_code == 200
    assert heard(world) == [TEXTS["uk"]]
    off = {"id": row["id"], "version": 3}
    assert vira.send("supervisor/announcements/off", off).status_code == 200
    assert heard(world) == []
    assert undo(vira, "announcement_off").status_code == 200
    assert heard(world) == [TEXTS["uk"]]
    assert refused(vira.send("supervisor/announcements/off", off), "changed_self")
    assert {row[1] for row in world.audit()} >= {
        "announcement.on", "announcement.change", "announcement.off",
    }  # fmt: skip


def test_times_are_the_companys_own(world, vira):
    answer = on(vira, starts="2026-10-31T09:00", until="2026-10-31T10:00")
    (row,) = answer.json["announcements"]
    assert (row["starts"], row["until"], row["on"]) == (
        "2026-10-31T09:00", "2026-10-31T10:00", False,
    )  # fmt: skip
    world.watch.now += 1800  # from half past eight
    assert heard(world) == [TEXTS["uk"]]
    world.watch.now += 3600
    assert heard(world) == []


def test_what_cannot_be_announced(world, vira):
    assert "Ъ".lower() in refused(on(vira, texts={**TEXTS, "uk": "Объект"}), "announcement_letters")
    assert refused(on(vira, texts={"uk": "Так."}), "announcement_empty")
    long = on(vira, texts={**TEXTS, "en": "so " * 200})
    assert f"{announcements.SECONDS:.0f} с" in refused(long, "announcement_long")
    assert refused(on(vira, until="2026-10-31T08:00"), "announcement_time")
    assert on(vira, until="tomorrow").status_code == 400
    assert on(vira, place="moon").status_code == 400
    assert refused(on(vira, place="queue", queues=["danger"]), "announcement_queue")
    assert not world.rows(Announcement)


def tone(seconds=2):
    """A WAV that is loud enough to be speech."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (9000 if n // 20 % 2 else -9000 for n in range(8000 * seconds))
        file.writeframes(b"".join(struct.pack("<h", each) for each in samples))
    return sound.getvalue()


def test_a_language_without_a_voice_wants_a_recording_of_these_words(world, vira):
    object.__setattr__(world.office, "silent", frozenset({"en"}))
    assert refused(on(vira), "announcement_recording")
    headers = {"X-CSRFToken": vira.csrf, "Content-Type": "application/octet-stream"}
    sent = vira.client.post(
        "/desk/supervisor/announcements/upload", headers=headers, data=tone(3),
        query_string={"language": "en", "text": TEXTS["en"]},
    )  # fmt: skip
    assert sent.status_code == 200, sent.text
    assert [row.state for row in world.rows(PromptVersion)] == ["live"]
    assert on(vira).status_code == 200
    assert on(vira).json["announcements"][0]["recorded"] == ["en"]


# ---------------------------------------------------------------------- hours


def hours(browser, service, day, version=0, **span):
    sent = {"service": service, "day": day, "closed": not span, "version": version, **span}
    return browser.send("supervisor/announcements/hours", sent)


def test_a_closed_day_lists_who_has_an_appointment(world, vira, caller):
    company = world.office.companies["odesa"]
    with world.store.session() as db:
        who = replace(caller, number="+380671110001")
        given = {
            "office_choice": {"office_id": "center"},
            "slot_choice": {"starts": "2026-11-02T08:00:00+00:00"},
        }
        inquiry = Inquiry(who, company, world.office.now(), given, {}, "call-1/1", db, "uk")
        assert SERVICES["appointments.book"].answer(inquiry).outcome == "booked"
    answer = hours(vira, "office:center", "2026-11-02")
    (row,) = answer.json["hours"]
    (booked,) = row["unmet"]
    assert (booked["starts"], booked["number"]) == ("2026-11-02T10:00", "+380671110001")
    assert undo(vira, "hours_change").status_code == 200
    assert vira.get("supervisor/announcements/state").json["hours"] == []


def test_other_hours_and_the_usual_ones_again(world, vira):
    assert hours(vira, "general", "2026-11-02", opens="10:00", closes="14:00").status_code == 200
    company = world.office.companies["odesa"]
    noon = datetime(2026, 11, 2, 13, tzinfo=UTC)
    with world.store.session(read_only=True) as db:
        assert not hours_changes.read(db, company, world.office.now()).is_open("general", noon)
    restore = {"service": "general", "day": "2026-11-02", "version": 1}
    assert vira.send("supervisor/announcements/restore", restore).status_code == 200
    with world.store.session(read_only=True) as db:
        assert hours_changes.read(db, company, world.office.now()).is_open("general", noon)


def test_what_cannot_be_set(world, vira):
    assert refused(hours(vira, "general", "2026-10-30"), "hours_past")
    assert refused(hours(vira, "moon", "2026-11-02"), "hours_service")
    assert refused(hours(vira, "danger", "2026-11-02"), "hours_service")
    assert refused(
        hours(vira, "general", "2026-11-02", opens="14:00", closes="14:00"), "hours_span"
    )
    assert hours(vira, "general", "yesterday").status_code == 400
    assert not world.rows(HoursChange)


def test_the_second_of_two_is_told(world, vira):
    hours(vira, "general", "2026-11-02")
    world.hire("olha", "Ольга")
    olha = world.at("announcements", "olha")
    text = refused(hours(olha, "general", "2026-11-02", opens="9:00", closes="14:00"), "changed")
    assert "Віра" in text
