"""What callers said is kept with their consent, and only so."""

import json
import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from waiting import until

from ivr import utterances
from ivr.events import MemoryLog, write
from ivr.flow import AskStep, LookupStep
from ivr.model import Ask, Event, Hangup, Turn
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions
from ivr.store.database import open_store
from ivr.store.models import Audit
from ivr.utterances import Keeper, Swept, chosen, held, keeps, sweep

UNTIL_OVER = timedelta(hours=2)
TO_THE_END = ("показання", "так", "двадцять чотири двадцять п'ять", "ні",
              "двадцять чотири двадцять один", "так", "ні")  # fmt: skip
"""A reading, corrected once, up to the question whether it may be kept."""


def _with(company, **terms):
    """A company with other terms of speech."""
    speech = replace(company.terms.speech, **terms)
    return replace(company, terms=replace(company.terms, speech=speech))


@pytest.fixture
def companies(house):
    return {name: _with(each, kept=1.0, days=30) for name, each in house.companies.items()}


class Call:
    """A call in which the recogniser writes what it is told to."""

    def __init__(self, companies, flows, store, folder, clock, caller):
        self.log = MemoryLog()
        self.clock = clock
        self._store, self._folder, self._caller = store, folder, caller
        self._name = keeps(companies)
        self._runner = Runner(
            flows, companies, SERVICES, store, MemorySessions(), self.log, clock, "odesa",
            hears={"agi": ("uk", "ru")},
        )  # fmt: skip
        self.turn = self._runner.open(caller)

    def say(self, *texts, confidence=0.9):
        for words in texts:
            assert isinstance(self.turn.need, Ask) and self.turn.need.grammar
            if name := self._name(self._caller, self.turn):
                path = self._folder / "pending" / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(words.encode())
                self._touch(path)
            values = {"language": "uk", "ms": 200}
            self._give(Event("speech", text=words, confidence=confidence, values=values))
        return self

    def press(self, *keys):
        for each in keys:
            self._give(Event("keys", text=each, ended="#" in each))
        return self

    def silence(self, times):
        for _ in range(times):
            self._give(Event("silence"))
        return self

    def _give(self, event):
        self.clock.pass_(5)
        self.turn = self._runner.advance(self._caller.call, event, self.turn.number)

    def _touch(self, path):
        moment = self.clock().timestamp()
        os.utime(path, (moment, moment))

    def over(self):
        """Hang up if he has not yet; the log reaches the store."""
        self._runner.close(self._caller.call)
        write(self._store, self.log.entries)

    @property
    def said(self):
        return [say.prompt for say in self.turn.says]


@pytest.fixture
def call(companies, house, demo_store, tmp_path, clock, caller):
    """Make a call over Asterisk. terms: of speech, of the company."""

    def make(channel="agi", **terms):
        known = {name: _with(each, **terms) for name, each in companies.items()}
        ringing = replace(caller, channel=channel, call="press2-1762.7", arrived=clock())
        return Call(known, house.flows, demo_store, tmp_path, clock, ringing)

    return make


@pytest.fixture
def swept(companies, demo_store, tmp_path, clock):
    """Sweep, so much later."""

    def run(later=timedelta(0), **more):
        return sweep(demo_store, tmp_path, companies, clock() + later, **more)

    return run


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _consents(store):
    with store.session(read_only=True) as db:
        rows = db.scalars(select(Audit).where(Audit.what == utterances.CONSENT)).all()
    return [(row.company, row.call, row.allowed) for row in rows]


# ---------------------------------------------------------------------- which calls


def test_the_same_calls_are_chosen_everywhere_and_about_as_many_as_was_said(companies, caller):
    odesa = _with(companies["odesa"], kept=0.05)
    ringing = [replace(caller, channel="agi", call=f"press2-{n}.1") for n in range(4000)]
    picked = [chosen(each, odesa) for each in ringing]
    assert picked == [chosen(each, odesa) for each in ringing]
    assert 140 < sum(picked) < 260
    assert not any(chosen(each, _with(odesa, kept=0)) for each in ringing)
    assert all(chosen(each, _with(odesa, kept=1)) for each in ringing)


def test_only_where_the_recogniser_is_our_own(companies, caller):
    for channel in ("twilio", "console"):
        assert not chosen(replace(caller, channel=channel), companies["odesa"])


def test_the_name_of_a_file_is_call_and_turn_in_letters_a_recogniser_takes(companies, caller):
    name = keeps(companies)
    turn = Turn(7, (), Ask("key", 6, 5), "uk")
    assert name(replace(caller, channel="agi", call="press2-1762.7"), turn) == "press2-1762.7-7"
    odd = replace(caller, channel="agi", call="вузол/../a b;1")
    assert name(odd, turn) == "______.._a_b_1-7"
    assert name(replace(odd, channel="twilio"), turn) == ""


# ---------------------------------------------------------------------- asking


def test_yes_is_stored_before_it_is_thanked_for(call, demo_store):
    talk = call().say(*TO_THE_END)
    assert talk.said == ["keep_speech"]
    assert _consents(demo_store) == []
    talk.say("так")
    assert talk.said == ["speech_kept", "goodbye"]
    assert isinstance(talk.turn.need, Hangup)
    assert _consents(demo_store) == [("odesa", "press2-1762.7", True)]


def test_yes_of_a_repeated_turn_is_stored_once(demo_store, caller, clock):
    for _ in range(2):
        with demo_store.session() as db:
            utterances.consent(db, caller, clock(), "uk")
    assert len(_consents(demo_store)) == 1


@pytest.mark.parametrize(
    ("answer", "spoken"),
    [
        (lambda call: call.say("ні"), 1),
        (lambda call: call.press("2"), 0),
        (lambda call: call.press("*"), 0),
        (lambda call: call.silence(3), 0),
    ],
    ids=["no", "key 2", "star", "silence"],
)
def test_no_is_goodbye_and_nothing_is_kept(call, swept, demo_store, tmp_path, answer, spoken):
    talk = answer(call().say(*TO_THE_END))
    assert talk.said[-1] == "goodbye" and "speech_kept" not in talk.said
    talk.over()
    assert _consents(demo_store) == []
    assert swept() == Swept()
    assert swept(UNTIL_OVER).unasked == len(TO_THE_END) + spoken
    assert _names(tmp_path) == []


def test_who_hangs_up_has_not_consented(call, swept, demo_store, tmp_path):
    talk = call().say(*TO_THE_END)
    talk.over()
    assert _consents(demo_store) == []
    assert swept(UNTIL_OVER) == Swept(unasked=len(TO_THE_END))
    assert _names(tmp_path) == []


def test_who_is_in_no_chosen_call_is_not_asked_and_nothing_is_written(call, tmp_path):
    talk = call(kept=0).say(*TO_THE_END)
    assert talk.said == ["goodbye"]
    assert _names(tmp_path) == []


def test_who_only_pressed_keys_is_not_asked(call):
    assert call().press("2", "1", "2421#", "1", "2").said == ["goodbye"]


def test_who_was_never_understood_is_not_asked(call):
    talk = call().say("казна що").press("2", "1", "2421#", "1", "2")
    assert talk.said == ["goodbye"]


# ---------------------------------------------------------------------- keeping


def test_what_is_kept_has_what_was_heard_and_what_was_confirmed(call, swept, tmp_path):
    talk = call().say(*TO_THE_END, "так")
    talk.over()
    assert swept() == Swept(kept=len(TO_THE_END) + 1)
    assert not any((tmp_path / "pending").iterdir())
    lines = [json.loads(path.read_text()) for path in (tmp_path / "kept" / "uk").glob("*.json")]
    lines.sort(key=lambda line: line["when"])
    assert [(line["question"], line["heard"], line["confirmed"]) for line in lines] == [
        ("main.menu", "показання", "reading"),
        ("identify.this_one", "так", "yes"),
        ("reading.enter", "двадцять чотири двадцять п'ять", "2421"),
        ("reading.read_back", "ні", "no"),
        ("reading.enter", "двадцять чотири двадцять один", "2421"),
        ("reading.read_back", "так", "yes"),
        ("reading.another", "ні", "no"),
        ("main.keep_speech", "так", "yes"),
    ]
    for line in lines:
        assert (tmp_path / "kept" / "uk" / line["file"]).read_text() == line["heard"]
        assert list(line) == [
            "file", "company", "call", "question", "language", "heard", "confidence", "confirmed",
            "when",
        ]  # fmt: skip
    first = lines[0]
    assert (first["company"], first["language"], first["confidence"]) == ("odesa", "uk", 0.9)
    assert first["when"] == "2026-10-31T06:30:05+00:00"


def test_what_was_not_heard_is_kept_with_what_he_keyed_instead(call, swept, tmp_path):
    talk = call().say("показання", "так").say("дві тисячі двадцять один", confidence=0.1)
    talk.press("2421#", "1", "2", "1").over()
    assert swept().kept == 3
    lines = [json.loads(path.read_text()) for path in tmp_path.rglob("*.json")]
    assert {"heard": "дві тисячі двадцять один", "confirmed": "2421"}.items() <= next(
        line for line in lines if line["question"] == "reading.enter"
    ).items()


def test_no_telephone_number_is_kept(call, swept, tmp_path):
    talk = call().say("передзвоніть", "ні").say("нуль шість сім один один один нуль нуль нуль два")
    talk.press("*", "*", "2", "*", "2", "1", "2421#", "1", "2", "1").over()
    assert swept().unasked == 1
    kept = [path.read_text() for path in tmp_path.rglob("*.json")]
    assert kept and not any("callback.enter" in line or "067" in line for line in kept)


def test_the_questions_for_telephones_are_those_whose_answer_is_checked_as_one(house):
    found = {
        f"{flow.name}.{name}"
        for flow in house.flows.flows.values()
        for name, step in flow.steps.items()
        if isinstance(step, AskStep)
        and isinstance(target := flow.steps.get(step.to), LookupStep)
        and target.service == "callbacks.check"
    }
    assert found == utterances.TELEPHONES


def test_the_log_may_come_late(call, swept, demo_store, tmp_path):
    talk = call().say(*TO_THE_END, "так")
    assert swept() == Swept()
    assert len(_names(tmp_path)) == len(TO_THE_END) + 1
    talk.over()
    assert swept().kept == len(TO_THE_END) + 1


def test_what_the_log_knows_nothing_of_is_deleted(call, swept, tmp_path):
    call().say(*TO_THE_END, "так")  # its events are lost
    assert swept(timedelta(minutes=6)) == Swept(unasked=len(TO_THE_END) + 1)
    assert _names(tmp_path) == []


def test_a_file_that_is_missing_is_no_error(call, swept, tmp_path):
    call().say(*TO_THE_END, "так").over()
    next((tmp_path / "pending").iterdir()).unlink()
    assert swept() == Swept(kept=len(TO_THE_END))
    assert swept() == Swept()


def test_the_work_of_a_round_is_bounded(swept, tmp_path, clock):
    pending = tmp_path / "pending"
    pending.mkdir()
    for number in range(50):
        path = pending / f"press2-{number}.1-3.wav"
        path.write_bytes(b"")
        os.utime(path, (clock().timestamp(),) * 2)
    assert swept(UNTIL_OVER, batch=20).unasked == 20
    assert swept(UNTIL_OVER, batch=20).unasked == 20
    assert swept(UNTIL_OVER, batch=20).unasked == 10


def test_other_files_in_the_way_go_too(swept, tmp_path, clock):
    (tmp_path / "pending" / "folder").mkdir(parents=True)
    for name in ("x.wav.part", "-.wav", "noise", "٣-٤.wav"):
        path = tmp_path / "pending" / name
        path.write_bytes(b"")
        os.utime(path, (clock().timestamp(),) * 2)
    assert swept() == Swept()
    assert swept(UNTIL_OVER).unasked == 4


def test_no_folder_yet(swept, tmp_path):
    assert swept() == Swept()
    assert held(tmp_path, {}, "odesa") == []


# ---------------------------------------------------------------------- how long, and erasing


@pytest.fixture
def kept(call, swept, tmp_path):
    """A call of which eight answers are kept."""
    talk = call().say(*TO_THE_END, "так")
    talk.over()
    assert swept().kept == 8
    return tmp_path


def test_kept_for_so_many_days(kept, swept, clock):
    assert swept(timedelta(days=29)) == Swept()
    assert swept(timedelta(days=31), batch=5) == Swept(expired=5)
    assert swept(timedelta(days=31)) == Swept(expired=3)
    assert _names(kept) == []


def test_what_a_company_that_is_gone_kept_goes_after_the_usual_days(kept, demo_store, clock):
    assert sweep(demo_store, kept, {}, clock() + timedelta(days=89)) == Swept()
    assert sweep(demo_store, kept, {}, clock() + timedelta(days=91)) == Swept(expired=8)


def test_what_is_kept_is_listed_by_call(kept, companies, clock):
    (row,) = held(kept, companies, "odesa")
    assert (row.call, row.language, row.files) == ("press2-1762.7", "uk", 8)
    assert timedelta(days=29) < row.until - clock() < timedelta(days=30)
    assert held(kept, companies, "kazan") == []


@pytest.mark.parametrize("whose", ["press2-1762.7", "+380671110001"])
def test_a_call_is_forgotten_by_its_id_or_the_telephone(kept, demo_store, clock, whose):
    count = utterances.forget(demo_store, kept, "odesa", whose, "shell:vira", clock())
    assert (count, _names(kept)) == (8, [])
    with demo_store.session(read_only=True) as db:
        row = db.scalars(select(Audit).where(Audit.what == utterances.FORGOTTEN)).one()
    assert (row.call, row.who) == ("press2-1762.7", "shell:vira")


def test_others_are_not_forgotten(kept, demo_store, clock):
    for company, whose in (("odesa", "press2-1762"), ("odesa", "+380671110009"),
                           ("kazan", "press2-1762.7")):  # fmt: skip
        assert utterances.forget(demo_store, kept, company, whose, "shell:vira", clock()) == 0
    assert len(_names(kept)) == 16


def test_a_call_is_forgotten_before_it_was_swept(call, demo_store, tmp_path, swept, clock):
    call().say(*TO_THE_END, "так").over()
    assert utterances.forget(demo_store, tmp_path, "odesa", "press2-1762.7", "x", clock()) == 8
    assert swept() == Swept()


# ---------------------------------------------------------------------- the thread


def test_the_keeper_sweeps_until_it_is_stopped(call, companies, demo_store, tmp_path, clock):
    call().say(*TO_THE_END, "так").over()
    stopping = threading.Event()
    keeper = Keeper(demo_store, tmp_path, companies, clock, stopping, every=0.01)
    keeper.start()
    assert until(lambda: len(_names(tmp_path / "kept")) == 16)
    stopping.set()
    keeper.join()


def test_a_store_that_does_not_answer_is_tried_again(call, companies, tmp_path, clock, caplog):
    call().say(*TO_THE_END, "так")
    nowhere = open_store(f"sqlite:///{tmp_path}/none.db", migrate=True)
    with nowhere.session() as db:
        db.execute(text("DROP TABLE audit"))
    Keeper(nowhere, tmp_path, companies, clock, threading.Event()).round()
    nowhere.close()
    assert "the utterances wait: OperationalError" in caplog.text
    assert len(_names(tmp_path / "pending")) == 8
