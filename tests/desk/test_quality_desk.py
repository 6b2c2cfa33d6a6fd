"""The page quality and an operator's own scorecards, over HTTP."""

from __future__ import annotations

import wave
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desk_world import refused

from ivr.store.models import Audit, Conversation, VoiceMessage
from ivr.store.supervision import QualitySample, RecordingMark, Scorecard
from ivr.terms import QualityTerms

AT = datetime(2026, 10, 30, 6, 30, tzinfo=UTC)
"""A day before the clock of the tests."""
POINTS = {each.name: each.points for each in QualityTerms().criteria}
DAYS = "first=2026-10-01&last=2026-10-31"


class Page:
    """The page, asked as its script does."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def ask(self, path: str, **more: Any) -> Any:
        return self.browser.get(f"supervisor/quality/{path}", **more)

    def send(self, path: str, body: Any = None) -> Any:
        return self.browser.send(f"supervisor/quality/{path}", body)


def keep(world: Any, **fields: Any) -> int:
    """Keep a talk of ten seconds with its recording."""
    with world.store.session() as db:
        number = len(db.query(Conversation).all()) + 1
        given = {
            "company": "odesa", "call": f"pbx1-{number}.1", "token": f"t{number}",
            "operator": "olena", "queue": "general", "caller_number": "+380671110001",
            "entered_at": AT, "answered_at": AT, "ended_at": AT + timedelta(seconds=10),
            "code": "outage", "recording": f"talks/{number}.wav",
        }  # fmt: skip
        row = Conversation(**given | fields)
        db.add(row)
        db.flush()
        key = row.id
    path = world.var / "recordings" / f"talks/{key}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(160_000))
    return key


@pytest.fixture
def vira(world: Any) -> Page:
    return Page(world.at("quality"))


def audits(world: Any, what: str) -> list[Audit]:
    return [row for row in world.rows(Audit) if row.what == what]


# ---------------------------------------------------------------------- who may


def test_operators_are_not_let_in(world: Any) -> None:
    key = keep(world)
    olena = Page(world.browser("olena"))
    for path in ("", f"talks?{DAYS}", f"talk/{key}", f"talk/{key}/sound", "results.csv"):
        assert olena.ask(path).status_code == 403
    assert world.browser("olena").get(f"recordings/{key}/sound").status_code == 403
    assert [row.allowed for row in audits(world, "play_recording")] == [False]


def test_a_talk_of_another_company_is_not_there(world: Any, vira: Page) -> None:
    key = keep(world, company="kyiv")
    for path in (f"talk/{key}", f"talk/{key}/sound", f"talk/{key + 1}"):
        refused(vira.ask(path), "gone", 404)
    body = {"points": POINTS, "version": 0}
    refused(vira.send(f"talk/{key}/rate", body), "gone", 404)
    refused(vira.send(f"talk/{key}/mark", {"second": 1, "kind": "good"}), "gone", 404)
    assert vira.ask(f"talks?{DAYS}").json["total"] == 0


# ---------------------------------------------------------------------- found and played


def test_talks_are_found(world: Any, vira: Page) -> None:
    key = keep(world)
    silent = keep(world, recording=None, unrecorded=True, operator="taras")
    found = vira.ask(f"talks?{DAYS}").json
    assert [row["id"] for row in found["rows"]] == [silent, key]
    assert [row["consent"] for row in found["rows"]] == ["refused", "recorded"]
    for asked, expected in (
        ("operator=taras", [silent]), ("consent=recorded", [key]), ("rated=yes", []),
        ("who=0671110001&code=outage", [silent, key]), ("least=11", []),
        ("marked=no&most=10", [silent, key]),
        ("page=1", []),
    ):  # fmt: skip
        rows = vira.ask(f"talks?{DAYS}&{asked}").json["rows"]
        assert [row["id"] for row in rows] == expected, asked
    assert [row.details for row in audits(world, "search_recordings")] == [{"found": 2}]


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ("first=2026-10-31&last=2026-10-01", "quality_days", "after the last"),
        ("first=2020-10-31&last=2026-10-01", "quality_span", "At most a year"),
        ("first=x&last=2026-10-01", "field_day", "first"),
        (f"{DAYS}&operator=nobody", "quality_operator", "nobody"),
        (f"{DAYS}&queue=nowhere", "field", "queue"),
        (f"{DAYS}&code=nothing", "field", "code"),
        (f"{DAYS}&who=ab", "quality_who", "three digits"),
        (f"{DAYS}&least=-1", "field", "least"),
        (f"{DAYS}&least=1e9", "field", "least"),
        (f"{DAYS}&page=-1", "field", "page"),
        (f"{DAYS}&rated=perhaps", "field", "rated"),
        (f"{DAYS}&consent=x", "field", "consent"),
    ],
)
def test_what_cannot_be_searched_for(vira: Page, asked: str, code: str, words: str) -> None:
    answer = vira.browser.get(
        f"supervisor/quality/talks?{asked}", headers={"Accept-Language": "en"}
    )
    told = refused(answer, code, 404 if code == "quality_operator" else 400)
    assert words in told


def test_a_recording_is_played_piece_by_piece_and_each_listening_is_noted(
    world: Any, vira: Page
) -> None:
    key = keep(world)
    whole = vira.ask(f"talk/{key}/sound", buffered=True)
    assert (whole.status_code, whole.mimetype, len(whole.data)) == (200, "audio/wav", 160_044)
    assert whole.headers["Cache-Control"] == "no-store"
    assert whole.headers["Content-Disposition"] == "inline"
    assert whole.headers["Accept-Ranges"] == "bytes"
    piece = vira.ask(f"talk/{key}/sound", headers={"Range": "bytes=1000-1999"}, buffered=True)
    assert (piece.status_code, len(piece.data)) == (206, 1000)
    assert piece.headers["Content-Range"] == "bytes 1000-1999/160044"
    far = vira.ask(f"talk/{key}/sound", headers={"Range": "bytes=999999-"}, buffered=True)
    assert far.status_code == 416
    played = audits(world, "play_recording")
    assert [(row.who, row.call, row.details) for row in played] == [
        ("vira", "pbx1-1.1", {"recording": key})
    ]
    # Another talk, another person and another time are other listenings.
    vira.ask(f"talk/{keep(world)}/sound", buffered=True)
    world.watch.now += 301
    vira.ask(f"talk/{key}/sound", headers={"Range": "bytes=1000-1999"}, buffered=True)
    assert len(audits(world, "play_recording")) == 3


def test_a_recording_outside_the_folder_or_gone(world: Any, vira: Page) -> None:
    (world.var / "secret.wav").write_bytes(b"RIFF")
    for recording in ("../secret.wav", "talks/none.wav", None):
        key = keep(world, recording=recording)
        refused(vira.ask(f"talk/{key}/sound"), "gone", 404)
    assert audits(world, "play_recording") == []


def test_voice_messages_are_in_the_index(world: Any, vira: Page) -> None:
    with world.store.session() as db:
        db.add(
            VoiceMessage(
                company="odesa", call="m", key="m", number="+380671110001", queue="outage",
                path="m.wav", created_at=AT,
            )
        )  # fmt: skip
    rows = vira.ask(f"talks?{DAYS}&who=1110001").json["rows"]
    assert [(row["kind"], row["queue"]) for row in rows] == [("message", "outage")]


# ---------------------------------------------------------------------- marks, cards


def test_marks_and_pauses(world: Any, vira: Page) -> None:
    key = keep(world)
    with world.store.session() as db:
        for second, paused in ((2, True), (4, False)):
            db.add(
                Audit(
                    at=AT + timedelta(seconds=second), company="odesa", who="olena",
                    what="pause_recording", allowed=True, call="pbx1-1.1",
                    details={"paused": paused},
                )
            )  # fmt: skip
    told = vira.send(f"talk/{key}/mark", {"second": 3.5, "kind": "training", "note": "як слід"})
    assert told.json["pauses"] == [[2.0, 4.0]]
    (mark,) = told.json["marks"]
    assert (mark["second"], mark["kind"], mark["note"], mark["who"]) == (
        3.5, "training", "як слід", "vira"
    )  # fmt: skip
    refused(vira.send(f"talk/{key}/mark", {"second": 11, "kind": "good"}), "quality_second", 400)
    refused(vira.send(f"talk/{key}/mark", {"second": 1, "kind": "nice"}), "field", 400)
    assert vira.ask(f"talks?{DAYS}&marked=yes").json["total"] == 1
    assert vira.send(f"mark/{mark['id']}/remove").json["marks"] == []
    refused(vira.send(f"mark/{mark['id']}/remove"), "gone", 404)
    assert world.rows(RecordingMark) == []
    assert world.audit("mark_recording") == [("vira", "mark_recording", True)]
    assert world.audit("unmark_recording") == [("vira", "unmark_recording", True)]


def test_a_talk_is_rated_and_the_second_is_told(world: Any, vira: Page) -> None:
    key = keep(world)
    told = vira.send(f"talk/{key}/rate", {"points": POINTS, "note": "добре", "version": 0}).json
    assert [(card["rater"], card["total"], card["version"]) for card in told["cards"]] == [
        ("vira", 100, 1)
    ]
    stale = vira.send(f"talk/{key}/rate", {"points": POINTS, "version": 0})
    refused(stale, "quality_changed", 409)
    lower = POINTS | {"answer": 20}
    assert vira.send(f"talk/{key}/rate", {"points": lower, "version": 1}).json["apart"] == {}
    world.promote("taras", "administrator")
    admin = Page(world.at("quality", "taras"))
    told = admin.send(f"talk/{key}/rate", {"points": POINTS | {"safety": 0}, "version": 0}).json
    assert (told["apart"]["answer"], told["apart"]["safety"], told["apart"]["total"]) == (5, 10, 95)
    assert told["cards"][1]["failed"]
    done = [(row.who, row.allowed, row.details.get("total")) for row in audits(world, "rate")]
    assert done == [
        ("vira", True, 100), ("vira", False, None), ("vira", True, 95), ("taras", True, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"version": 0}, "field_empty"),
        ({"points": POINTS | {"answer": 26}, "version": 0}, "quality_points"),
        ({"points": POINTS | {"answer": "5"}, "version": 0}, "field"),
        ({"points": POINTS | {"answer": -5}, "version": 0}, "field"),
        ({"points": POINTS | {"charm": 5}, "version": 0}, "quality_points"),
        ({"points": {}, "version": 0}, "quality_missing"),
        ({"points": [1], "version": 0}, "field"),
        ({"points": POINTS}, "field"),
        ({"points": POINTS, "note": 5, "version": 0}, "field"),
    ],
)
def test_cards_that_cannot_be_kept(world: Any, vira: Page, body: Any, code: str) -> None:
    key = keep(world)
    refused(vira.send(f"talk/{key}/rate", body), code, 400)
    assert world.rows(Scorecard) == []


def test_a_card_without_all_points_is_told_which_it_lacks(world: Any, vira: Page) -> None:
    points = {name: most for name, most in POINTS.items() if name not in ("listened", "privacy")}
    answer = vira.browser.send(
        f"supervisor/quality/talk/{keep(world)}/rate?language=en", {"points": points, "version": 0}
    )
    told = refused(answer, "quality_missing", 400)
    assert told.endswith(": Listened, asked the right questions; Privacy kept")
    assert world.rows(Scorecard) == []


def test_nobody_rates_himself(world: Any, vira: Page) -> None:
    key = keep(world, operator="vira")
    assert vira.ask(f"talk/{key}").json["own"]
    answer = vira.send(f"talk/{key}/rate", {"points": POINTS, "version": 0})
    refused(answer, "quality_own", 403)


# ---------------------------------------------------------------------- samples, results


def test_the_sample_of_a_month(world: Any, vira: Page) -> None:
    keys = [keep(world) for _ in range(3)]
    keep(world, code="complaint")
    keep(world, code="complaint", recording=None)
    told = vira.send("sample", {"month": "2026-10"}).json
    assert (told["drawn"], told["short"], told["silent"]) == (4, {"olena": 2}, 1)
    assert sorted(row["why"] for row in told["rows"]) == ["complaint", *["random"] * 3]
    vira.send(f"talk/{keys[0]}/rate", {"points": POINTS, "version": 0})
    rows = vira.ask("sample?month=2026-10").json["rows"]
    assert sum(row["cards"] for row in rows) == 1
    refused(vira.send(f"talk/{keys[0]}/choose"), "quality_listed", 409)
    other = keep(world, answered_at=AT - timedelta(days=60))
    assert vira.send(f"talk/{other}/choose").json == {"month": "2026-08"}
    for month in ("2027-01", "2026-13", "x", "2026-1"):
        refused(vira.send("sample", {"month": month}), "quality_month", 400)
    refused(vira.ask("sample?month="), "quality_month", 400)
    assert len(world.rows(QualitySample)) == 5
    assert audits(world, "draw_sample")[0].details["drawn"] == 4


def test_results_and_their_csv(world: Any, vira: Page) -> None:
    for points in (POINTS, POINTS | {"listened": 0}):
        vira.send(f"talk/{keep(world)}/rate", {"points": points, "version": 0})
    rows = vira.ask("results?first=2026-09&last=2026-10").json["rows"]
    assert [(row["operator"], row["talks"], row["total"]) for row in rows] == [
        ("", 2, 92.5), ("olena", 2, 92.5)
    ]  # fmt: skip
    sheet = vira.ask("results.csv?first=2026-09&last=2026-10&language=uk")
    assert sheet.mimetype == "text/csv"
    lines = sheet.text.lstrip("\ufeff").splitlines()
    assert lines[0].startswith("Місяць,Оператор,Розмов,Не складено,Разом,Вітання й ім'я")
    assert lines[2].startswith("2026-10,olena,2,0,92.5,1.0,1.0,0.5,")
    refused(vira.ask("results?first=2026-10&last=2026-09"), "quality_months", 400)
    refused(vira.ask("results?first=&last="), "quality_month", 400)


# ---------------------------------------------------------------------- the operator's own


def test_an_operator_reads_and_answers_his_own_cards(world: Any, vira: Page) -> None:
    key = keep(world)
    vira.send(f"talk/{key}/rate", {"points": POINTS, "note": "молодець", "version": 0})
    olena, taras = world.desk("olena"), world.desk("taras")
    (card,) = olena.get("scorecards").json["cards"]
    assert (card["total"], card["note"], card["answerable"], card["playable"]) == (
        100, "молодець", True, False
    )  # fmt: skip
    assert taras.get("scorecards").json["cards"] == []
    path, body = f"scorecards/{card['id']}/answer", {"text": "дякую", "version": 1}
    assert taras.send(path, body).status_code == 404
    assert olena.send(path, body).json["answer"] == "дякую"
    assert olena.send(path, body).json["error"] == "quality_changed"
    assert olena.send(path, {"text": " ", "version": 2}).json["error"] == "field_empty"
    assert olena.send(path, {"text": "дуже дякую", "version": 2}).status_code == 200
    world.watch.now += 25 * 3600
    olena = world.desk("olena")
    assert olena.send(path, {"text": "ще", "version": 3}).json["error"] == "quality_answered"
    told = Page(world.at("quality")).ask(f"talk/{key}").json["cards"][0]
    assert told["answer"] == "дуже дякую"
    assert audits(world, "answer_card")[1].who == "olena"


def test_an_operator_hears_his_own_rated_talk_where_the_company_says_so(
    world: Any, vira: Page
) -> None:
    key = keep(world)
    vira.send(f"talk/{key}/rate", {"points": POINTS, "version": 0})
    olena = world.desk("olena")
    assert olena.get("scorecards/1/sound").status_code == 403
    profile = world.office.companies["odesa"]
    quality = replace(profile.terms.quality, own=True)
    changed = replace(profile, terms=replace(profile.terms, quality=quality))
    object.__setattr__(world.office, "companies", {"odesa": changed})
    assert olena.get("scorecards").json["cards"][0]["playable"]
    assert olena.get("scorecards/1/sound", buffered=True).status_code == 200
    assert world.desk("taras").get("scorecards/1/sound").status_code == 404
    assert olena.get(f"recordings/{key}/sound").status_code == 403
    played = [(row.who, row.allowed) for row in audits(world, "play_recording")]
    assert played == [("olena", False), ("olena", True), ("olena", False)]
