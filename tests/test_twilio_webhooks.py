"""The routes below /twilio: signatures, bad input, repeats, and turns that take long."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from twilio_emulator.twiml import Document, parse
from waiting import until
from werkzeug.test import Client, TestResponse

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Ticket
from ivr.channels.line import Clock
from ivr.channels.named_voice import NamedVoice
from ivr.channels.twilio import recordings, slow
from ivr.channels.twilio.calls import MOST_PAUSES, TROUBLE, Calls
from ivr.channels.twilio.calls import House as Parts
from ivr.channels.twilio.live import HeldCall, MemoryLiveCalls
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import FIELDS, Signature
from ivr.channels.twilio.slow import MemoryMarks, Work
from ivr.channels.twilio.sounds import Sounds, Speaker
from ivr.channels.twilio.twiml import goodbye
from ivr.channels.twilio.webhooks import LARGEST, Webhooks, application
from ivr.events import MemoryLog
from ivr.model import Say
from ivr.runner import Runner
from ivr.services import SERVICES, Service
from ivr.sessions import MemorySessions, RedisSessions, Sessions, SturdySessions
from ivr.store.database import Store, memory_store
from ivr.store.models import OutboxEntry, Reading, VoiceMessage
from ivr.store.world import load_world

PUBLIC = "https://ivr.example.com"
CALLER, NUMBER = "+380671110001", "+380487059090"
CALL = "CA" + "1" * 32
SID = "RE" + "a" * 32
FIRST = 2
"""Number of the menu's turn: the first one looks who calls."""
WAITS = 4
"""Number of the turn of a caller who waits for an operator."""
SETTINGS = TwilioSettings("AC" + "5" * 32, "token of the tests", PUBLIC)
SIGNATURE = Signature(SETTINGS.auth_token, PUBLIC)
SPOKEN = ("voice", "turn/{}/1", "wait/{}/1", "left/{}/1", "told/{}/1", "over/{}/1", "out/{}/1",
          "fallback")  # fmt: skip
SILENT = ("status", "recording", "leg", "message")


class Told:
    """Keeps every report."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, dict[str, str]]] = []

    def publish(self, kind: str, **values: str) -> None:
        self.reports.append((kind, values))


class Twilio:
    """Sends webhooks to one process; others may be made over the same sessions and store."""

    def __init__(self, runner: Runner, voice: NamedVoice, house: Any, **parts: Any) -> None:
        self.runner, self.told = runner, Told()
        self.live: MemoryLiveCalls = parts["live"]
        nowhere = Path("/nonexistent")
        sounds = Sounds(nowhere, nowhere, PUBLIC, SETTINGS.auth_token)
        self.speaker = Speaker(SETTINGS, voice, sounds, house.catalogues)
        calls = Calls(
            Parts(
                settings=SETTINGS,
                runner=runner,
                speaker=self.speaker,
                reports=self.told,
                languages={name: each.languages[0] for name, each in house.companies.items()},
                **parts,
            )
        )
        self.messages: list[dict[str, str]] = []
        hooks = Webhooks(
            calls,
            SIGNATURE,
            lambda: goodbye(self.speaker.say([Say("apology")], "uk")),
            lambda form, query: self.messages.append(form | query),
        )
        self.client = Client(application(hooks))
        self.close = parts["work"].close

    def post(self, path: str, body: bytes | None = None, **form: str) -> TestResponse:
        """One signed webhook. path: below /twilio/. body: another one than that of the form."""
        given = {"CallSid": CALL, "From": CALLER, "To": NUMBER, "CallStatus": "in-progress"} | form
        sent = urlencode(given).encode() if body is None else body
        read = _pairs(sent)
        url = f"/twilio/{path}"
        return self.client.post(
            url,
            data=sent,
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": SIGNATURE.of(PUBLIC + url, read)},
        )

    def ask(self, path: str, place: str = "call", **form: str) -> Document:
        """The document of a webhook, which Twilio would run."""
        answer = self.post(path, **form)
        assert answer.status_code == 200, answer.get_data(True)
        assert answer.mimetype == "text/xml"
        return parse(answer.get_data(), f"{PUBLIC}/twilio/{path}", place)

    def to_a_reading(self) -> int:
        """Go on to the question after the value; the number of its turn."""
        self.ask("voice")
        self.keys("2")
        self.keys("1")
        return self.keys("2421")

    def keys(self, keys: str) -> int:
        """Answer the open turn; the number of the next one."""
        self.ask(f"turn/{CALL}/{self.open}", Digits=keys)
        return self.open

    @property
    def open(self) -> int:
        return self.runner.turn(CALL).number


def _pairs(body: bytes) -> list[tuple[str, str]]:
    text = body.decode(errors="surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def verbs(document: Document) -> list[str]:
    return [verb.name for verb in document.verbs]


def played(document: Document) -> str:
    """The names of all sounds, one text."""
    inside = [each for verb in document.verbs for each in (verb, *verb.children)]
    return "+".join(each.text.rpartition("/")[2] for each in inside if each.name == "Play")


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def sessions() -> MemorySessions:
    return MemorySessions()


@pytest.fixture
def queue(house: Any) -> MemoryQueue:
    return MemoryQueue({name: each.queues for name, each in house.companies.items()})


@pytest.fixture
def marks(clock: Clock) -> MemoryMarks:
    return MemoryMarks(lambda: clock().timestamp())


@pytest.fixture
def process(
    worker: Any,
    house: Any,
    demo_store: Store,
    clock: Clock,
    log: MemoryLog,
    sessions: MemorySessions,
    queue: MemoryQueue,
    marks: MemoryMarks,
) -> Iterator[Any]:
    """Makes web processes over one store, one queue and the same sessions."""
    works: list[Work] = []
    live = MemoryLiveCalls(lambda: clock().timestamp())

    def fetch(company: str, call: str, name: str, sid: str) -> None:
        with demo_store.session() as db:
            recordings.keep(db, company, call, name, sid, clock())

    def make(
        patience: float = 60.0,
        services: Any = SERVICES,
        store: Store | None = None,
        queue: MemoryQueue | None = queue,
        sessions: Sessions = sessions,
        **parts: Any,
    ) -> Twilio:
        works.append(Work(marks, patience, workers=4))
        runner = worker(sessions=sessions, log=log, services=services, store=store, queue=queue)
        given = {"live": live, "fetch": fetch, "clock": clock, "work": works[-1]} | parts
        return Twilio(runner, NamedVoice(house.catalogues), house, **given)

    yield make
    for work in works:
        work.close()


@pytest.fixture
def twilio(process: Any) -> Twilio:
    return process()


def kinds(log: MemoryLog) -> list[str]:
    return [entry.kind for entry in log.entries]


# ---------------------------------------------------------------------- whose request it is


def _refused(twilio: Twilio, path: str, sign: Any) -> int:
    form = {"CallSid": CALL, "From": CALLER, "To": NUMBER, "CallStatus": "completed"}
    headers = {"X-Twilio-Signature": given} if (given := sign(f"/twilio/{path}", form)) else {}
    return twilio.client.post(f"/twilio/{path}", data=form, headers=headers).status_code


FORGED = {
    "none": lambda path, form: None,
    "empty": lambda path, form: "",
    "no signature at all": lambda path, form: "x" * 28,
    "of any characters": lambda path, form: "Ї\x80" * 14,
    "too long": lambda path, form: "A" * 10_000,
    "of another account": lambda path, form: Signature("other", PUBLIC).of(PUBLIC + path, form),
    "of another path": lambda path, form: SIGNATURE.of(f"{PUBLIC}/twilio/doctor", form),
    "of another host": lambda path, form: SIGNATURE.of(f"https://evil.example{path}", form),
    "of another query": lambda path, form: SIGNATURE.of(f"{PUBLIC}{path}?a=1", form),
    "of other parameters": lambda path, form: SIGNATURE.of(PUBLIC + path, form | {"Digits": "2"}),
    "of no parameters": lambda path, form: SIGNATURE.of(PUBLIC + path, {}),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_twilio_did_not_sign_is_refused(twilio, log, how):
    for path in (*(path.format(CALL) for path in SPOKEN), *SILENT, "callback"):
        assert _refused(twilio, path, FORGED[how]) == 403
    assert not log.entries
    assert not twilio.told.reports
    assert not twilio.live.all()
    assert not twilio.messages


def test_a_refusal_is_logged_once_a_minute_a_source(twilio, caplog):
    for number in range(50):
        _refused(
            twilio, f"turn/{quote('a' + chr(10) + 'INFO all is well')}/{number}", FORGED["none"]
        )
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert CALLER not in lines[0]
    assert SETTINGS.auth_token not in lines[0]


def test_a_repeated_parameter_is_signed_as_twilio_signs_it(twilio):
    body = urlencode([("CallSid", CALL), ("From", CALLER), ("To", NUMBER), ("a", "2"), ("a", "1")])
    assert twilio.post("voice", body.encode()).status_code == 200


@pytest.mark.parametrize("path", [*SPOKEN, *SILENT, "callback", "doctor"])
def test_nothing_is_got(twilio, log, path):
    url = f"/twilio/{path.format(CALL)}"
    answer = twilio.client.get(url, headers={"X-Twilio-Signature": SIGNATURE.of(PUBLIC + url, {})})
    assert answer.status_code == 405
    assert not log.entries


def test_a_sound_is_got_only(twilio):
    [play] = [verb for verb in twilio.ask("voice").verbs[0].children if verb.name == "Play"][:1]
    assert twilio.client.post(play.text.removeprefix(PUBLIC)).status_code in (403, 405, 413)
    assert twilio.client.get("/twilio/sounds/%D0%87/uk.a.wav").status_code == 404
    assert twilio.client.get("/twilio/sounds/a/..%2F..%2Fetc.passwd.wav").status_code == 404


# ---------------------------------------------------------------------- bodies


class Unread(io.BytesIO):
    """A body that must not be looked at."""

    def read(self, *_size: int | None) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def _body(twilio: Twilio, **environ: Any) -> int:
    return twilio.client.open(
        "/twilio/voice", method="POST", input_stream=Unread(), environ_overrides=environ
    ).status_code


def test_a_large_body_is_refused_unread(twilio):
    assert _body(twilio, CONTENT_LENGTH=str(LARGEST + 1)) == 413
    assert _body(twilio, CONTENT_LENGTH=str(10**12)) == 413


def test_a_body_without_a_length_is_refused_unread(twilio):
    assert _body(twilio, HTTP_TRANSFER_ENCODING="chunked") == 413
    assert _body(twilio, CONTENT_LENGTH="many") == 403, "as an empty one"


def test_the_largest_body_is_read(twilio):
    room = LARGEST - len(urlencode({"CallSid": CALL, "From": CALLER, "To": NUMBER, "x": ""}))
    body = urlencode({"CallSid": CALL, "From": CALLER, "To": NUMBER, "x": "x" * room}).encode()
    assert len(body) == LARGEST
    assert twilio.post("voice", body).status_code == 200


def test_a_body_of_json_is_none_of_twilios(twilio, log):
    answer = twilio.client.post(
        "/twilio/voice",
        data=b'{"CallSid": "CA1"}',
        content_type="application/json",
        headers={"X-Twilio-Signature": SIGNATURE.of(f"{PUBLIC}/twilio/voice", {})},
    )
    assert answer.status_code in (200, 403)
    assert not log.entries


def test_hundreds_of_parameters(twilio, log):
    many = {f"SipHeader_X-{number}": "x" for number in range(FIELDS - 20)}
    assert verbs(twilio.ask("voice", **many)) == ["Gather"]
    log.entries.clear()
    assert (
        twilio.post("voice", **{f"x{number}": "x" for number in range(FIELDS + 1)}).status_code
        == 403
    )
    assert not log.entries


def test_unknown_parameters_change_nothing(twilio):
    plain = twilio.ask("voice")
    assert twilio.ask("voice", Colour="blue", Digits="2", SpeechResult="два", **{"": ""}) == plain


def test_words_that_are_not_utf_8(process, log):
    twilio = process()
    twilio.ask("voice")
    body = urlencode({"CallSid": CALL, "From": CALLER, "To": NUMBER, "Confidence": "0.9"}).encode()
    answer = twilio.post(f"turn/{CALL}/{FIRST}", body + b"&SpeechResult=%d1%8f%ff%fe%00")
    assert answer.status_code == 200
    heard = [entry.details["text"] for entry in log.entries if entry.kind == "heard"]
    assert heard == ["я��\x00"]


# ---------------------------------------------------------------------- calls nobody knows


@pytest.mark.parametrize("path", [*(path for path in SPOKEN if "wait" not in path),
                                  "wait/{}/1?held=1", "turn/{}/3?slow=1"])  # fmt: skip
def test_an_unknown_call_hears_the_menu(twilio, path):
    document = twilio.ask(path.format(CALL), QueueResult="leave", DialCallStatus="completed")
    assert verbs(document) == ["Gather"]
    assert "main_greeting" in played(document)


@pytest.mark.parametrize("path", ["wait/{}/1", "turn/{}/1?waits=1"])
def test_an_unknown_call_in_the_queue_leaves_it(twilio, path):
    assert verbs(twilio.ask(path.format(CALL), "wait", Digits="2")) == ["Leave"]


@pytest.mark.parametrize("path", [*SILENT, "leg?token=T&call=C", "recording?call=C&name=C-1.wav"])
def test_news_of_an_unknown_call_changes_nothing(twilio, log, path):
    answer = twilio.post(path, CallStatus="completed", RecordingSid=SID, MessageStatus="sent")
    assert answer.status_code == 204
    assert not log.entries


@pytest.mark.parametrize("path", SPOKEN)
@pytest.mark.parametrize("name", ["a b", "a\nINFO all is well", "..", "ї", "x" * 65, "{1}"])
def test_a_name_that_no_call_has(twilio, log, caplog, path, name):
    document = twilio.ask(path.format(quote(name, safe="")), CallSid=name)
    assert verbs(document) == ["Play", "Hangup"]
    assert "apology" in played(document)
    assert not log.entries
    assert not any("\n" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("path", ["voice", "fallback"])
def test_a_call_without_a_name(twilio, log, path):
    assert verbs(twilio.ask(path, CallSid="")) == ["Play", "Hangup"]
    assert not log.entries


@pytest.mark.parametrize("number", ["0", "99", "9" * 100])
@pytest.mark.parametrize("path", ["turn", "left", "told", "over", "out"])
def test_a_turn_that_was_never_open(twilio, path, number):
    twilio.ask("voice")
    document = twilio.ask(f"{path}/{CALL}/{number}?outcome=ended", Digits="2")
    assert verbs(document) == ["Gather"]
    assert document.verbs[0].get("action").endswith(f"{CALL}/{FIRST}")
    assert twilio.open == FIRST


@pytest.mark.parametrize("number", ["-1", "1.5", "one", "9" * 5000])
def test_what_is_no_number_of_a_turn(twilio, number):
    assert twilio.post(f"turn/{CALL}/{number}").status_code == 404


@pytest.mark.parametrize("value", ["", "-1", "x", "9" * 5000, "٣", "1e9", "%00"])
def test_numbers_of_an_address_that_are_none(twilio, value):
    twilio.ask("voice")
    query = f"rest={value}&slow={value}&part={value}&phone={value}"
    twilio.ask(f"turn/{CALL}/{FIRST}?{query}")
    twilio.ask(f"turn/{CALL}/{FIRST}?rest={value}")
    twilio.ask(f"wait/{CALL}/{FIRST}?{query}", "wait")
    twilio.ask(f"over/{CALL}/{FIRST}?{query}")


@pytest.mark.parametrize(
    "shown", ["", "anonymous", "+266696687", "+7378742833", "+86282452253", "client:olena"]
)
def test_who_shows_no_number_hears_the_menu(twilio, log, shown):
    assert verbs(twilio.ask("voice", From=shown)) == ["Gather"]
    assert log.entries[0].details["from"] is None


def test_a_webhook_that_fails_is_spoken_and_does_not_tell_what_was_keyed(twilio, caplog):
    twilio.ask("voice")

    def broken(call: str, event: Any, turn: int) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    twilio.runner.advance = broken
    document = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="100200301", FinishedOnKey="#")
    assert verbs(document) == ["Play", "Hangup"]
    assert "apology" in played(document)
    assert "100200301" not in caplog.text
    assert CALLER not in caplog.text


# ---------------------------------------------------------------------- repeats and disorder


def test_every_turn_may_come_twice(twilio, log, demo_store):
    assert twilio.ask("voice") == twilio.ask("voice")
    for keys in KEYED:
        path = f"turn/{CALL}/{twilio.open}"
        assert twilio.ask(path, Digits=keys) == twilio.ask(path, Digits=keys), path
    for _ in range(2):
        assert twilio.post("status", CallStatus="completed").status_code == 204
    with demo_store.session() as db:
        assert [row.value for row in db.scalars(select(Reading))] == ["02421"]
    assert kinds(log).count("answered") == kinds(log).count("ended") == 1


KEYED = ("2", "1", "2421", "1")


def test_an_older_turn_comes_after_a_newer_one(twilio, log):
    number = twilio.to_a_reading()
    heard = kinds(log).count("heard")
    for old in range(FIRST, number):
        document = twilio.ask(f"turn/{CALL}/{old}", Digits="3")
        assert document.verbs[0].get("action").endswith(f"/{number}")
    assert twilio.open == number
    assert kinds(log).count("heard") == heard


def test_a_turn_after_the_hang_up_hears_the_end(twilio, log):
    number = twilio.to_a_reading()
    twilio.post("status", CallStatus="completed")
    before = list(log.entries)
    assert verbs(twilio.ask(f"turn/{CALL}/{number}", Digits="1"))[-1] == "Hangup"
    assert verbs(twilio.ask("voice"))[-1] == "Hangup"
    assert verbs(twilio.ask("fallback"))[-1] == "Hangup"
    assert twilio.live.get(CALL) is None
    assert kinds(log).count("ended") == 1
    assert [entry for entry in log.entries if entry.kind == "heard"] == [
        entry for entry in before if entry.kind == "heard"
    ]


def test_the_log_holds_no_token_of_an_address_that_failed(twilio, caplog):
    failed = f"{PUBLIC}/twilio/over/{CALL}/4?token=secret"
    twilio.ask("fallback", ErrorCode="11200", ErrorUrl=failed)
    assert f"11200' at '{failed.partition('?')[0]}'" in caplog.text
    assert "secret" not in caplog.text


def test_a_call_that_begins_twice_at_once(twilio, log):
    threads = [threading.Thread(target=twilio.ask, args=("voice",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(log).count("answered") == 1
    assert twilio.open == FIRST


def test_two_processes_take_the_same_turn_at_once(process, log, demo_store):
    one, two = process(), process()
    number = one.to_a_reading()
    form = {"Digits": "1"}
    threads = [
        threading.Thread(target=each.ask, args=(f"turn/{CALL}/{number}",), kwargs=form)
        for each in (one, two, one, two)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with demo_store.session() as db:
        assert len(list(db.scalars(select(Reading)))) == 1
    assert one.open == two.open > number


def test_keys_typed_ahead_come_again_to_a_process_that_knows_an_older_turn(process, redis_server):
    one, two = (
        process(sessions=SturdySessions(RedisSessions(client)))
        for client in (redis_server.client(), redis_server.client())
    )
    one.ask("voice")
    one.keys("2")
    two.keys("2")  # another account, whose number is asked for
    number = two.open
    keys = {"Digits": "100200301*100200305*"}  # erased twice: two turns
    one.ask(f"turn/{CALL}/{number}", **keys)
    after = one.open
    assert after == number + 2
    two.ask(f"turn/{CALL}/{number}", **keys)
    assert two.open == one.open == after


# ---------------------------------------------------------------------- waiting


@pytest.fixture
def waiting(twilio: Twilio, queue: MemoryQueue, clock: Clock) -> Twilio:
    """A caller who waits, the second one, while the operator talks with somebody."""
    now = clock().timestamp()
    queue.sign_in(Operator("olena", "odesa", skills={"general": 5}, status="ready"), now)
    talk = queue.enter(Ticket("talk-olena", "odesa", "general", now), now)
    assert queue.answered(talk.token, now)
    queue.enter(Ticket("before", "odesa", "general", now), now)
    twilio.ask("voice")
    document = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="0")
    assert verbs(document) == ["Enqueue"]
    assert twilio.open == WAITS
    twilio.ask(f"wait/{CALL}/{WAITS}", "wait")
    twilio.ask(f"wait/{CALL}/{WAITS}?said=1", "wait")
    ticket = queue.ticket(CALL)
    assert (ticket.channel, ticket.node, ticket.leg, ticket.state) == (
        "twilio",
        "twilio",
        "",
        "waiting",
    )
    return twilio


def test_a_full_queue_at_twilio_lets_the_caller_wait_outside(waiting, queue):
    document = waiting.ask(f"left/{CALL}/{WAITS}", QueueResult="queue-full")
    assert verbs(document) == ["Gather", "Redirect"]
    assert document.verbs[1].text.endswith("?said=1&held=1")
    music = waiting.ask(f"wait/{CALL}/{WAITS}?said=1&held=1")
    assert verbs(music) == ["Gather", "Redirect"]
    reading = waiting.ask(f"turn/{CALL}/{WAITS}?waits=1&held=1", Digits="2")
    assert verbs(reading) == ["Gather"], "no Leave outside a queue"
    assert queue.ticket(CALL).state == "away"


def test_an_announcement_is_heard_once(waiting, queue, clock):
    assert queue.leave("before", "abandoned", clock().timestamp())
    path = f"wait/{CALL}/{WAITS}?said=1&part=3"
    waiting.live.pend(CALL, "announce")
    document = waiting.ask(path, "wait")
    assert "operator_improved" in played(document)
    assert waiting.ask(path, "wait") == document
    after = waiting.ask(f"wait/{CALL}/{waiting.open}?said=1", "wait")
    assert "operator_improved" not in played(after)
    assert waiting.live.pended(CALL) == ""


@pytest.mark.parametrize("outcome", ["", "Announce", "a b", "a" * 41, "\n"])
def test_what_is_no_word_for_a_flow_is_not_told(waiting, outcome):
    waiting.live.pend(CALL, outcome)
    assert verbs(waiting.ask(f"wait/{CALL}/{WAITS}?said=1", "wait")) == ["Gather", "Redirect"]
    document = waiting.ask(f"told/{CALL}/{WAITS}?outcome={quote(outcome)}")
    assert verbs(document) == ["Enqueue"]
    assert waiting.open == WAITS


def test_a_word_that_comes_late_does_not_take_him_from_the_operator(waiting, log):
    talking = HeldCall(waiting.open, "operator", "T1", talking=True)
    waiting.live.put(CALL, talking)
    for path, form in (
        ("turn/{}/2", {"Digits": "0"}),
        ("left/{}/1", {"QueueResult": "leave"}),
        ("told/{}/1?outcome=no_answer", {}),
        ("wait/{}/4?said=1", {}),
    ):
        waiting.post(path.format(CALL), **form)
        assert replace(waiting.live.get(CALL), since=0.0) == talking, path
    over = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed")
    assert verbs(over) == ["Play", "Hangup"]
    assert "goodbye" in played(over)
    assert kinds(log).count("ended") == 1


def test_the_end_of_a_talk_is_told_again_when_its_answer_was_lost(waiting, log):
    waiting.live.put(CALL, HeldCall(waiting.open, "operator", "T1", talking=True))
    first = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed")
    assert waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="completed") == first
    assert kinds(log).count("ended") == 1


def test_an_operator_who_did_not_answer_is_told_again(waiting):
    waiting.live.put(CALL, HeldCall(waiting.open, "operator", "T1"))
    first = waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="no-answer")
    assert verbs(first) == ["Enqueue"]
    assert waiting.ask(f"over/{CALL}/{WAITS}?token=T1", DialCallStatus="no-answer") == first
    assert waiting.open == WAITS + 1


def test_telephones_of_the_ring_group_ring_one_after_another(process):
    group = ("sip:shift@pbx.example.com", "sip:night@pbx.example.com")
    calls = process(ring_group=group, queue=None)
    calls.ask("voice")
    calls.ask(f"turn/{CALL}/{FIRST}", Digits="0")
    number = calls.open
    assert verbs(calls.ask(f"wait/{CALL}/{number}?said=1", "wait")) == ["Leave"]
    document = calls.ask(f"left/{CALL}/{number}", QueueResult="leave")
    rung = []
    while verbs(document)[-1] == "Dial":
        dial = document.verbs[-1]
        rung.append(dial.children[0].text)
        path = dial.get("action").removeprefix(f"{PUBLIC}/twilio/")
        document = calls.ask(path, DialCallStatus="no-answer")
        assert calls.ask(path, DialCallStatus="no-answer") == document
    assert rung == list(group)
    assert verbs(document) == ["Gather"]
    assert "operator_nobody" in played(document)


# ---------------------------------------------------------------------- turns that take long


@pytest.fixture
def stuck() -> Iterator[tuple[threading.Event, dict[str, Service]]]:
    """Services of which one waits for an event; set at the end."""
    free = threading.Event()
    real = SERVICES["readings.window"]

    def slow_window(inquiry: Any) -> Any:
        assert free.wait(30)
        return real.answer(inquiry)

    yield free, {**SERVICES, "readings.window": replace(real, answer=slow_window)}
    free.set()


def _redirected(document: Document) -> str:
    assert verbs(document)[-2:] == ["Pause", "Redirect"]
    return document.verbs[-1].text.removeprefix(f"{PUBLIC}/twilio/")


def test_one_moment_and_then_the_result(process, stuck, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    twilio.ask("voice")
    first = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    assert "pause_guessing" in played(first)
    second = twilio.ask(_redirected(first))
    assert played(second) == "", "he was asked already"
    free.set()
    path = _redirected(second)
    while verbs(found := twilio.ask(path))[0] == "Pause":
        path = _redirected(found)
    assert verbs(found) == ["Gather"]
    assert found.verbs[0].get("action").startswith(f"{PUBLIC}/twilio/turn/{CALL}/")
    assert kinds(log).count("heard") == 1


def test_a_slow_webhook_that_comes_twice_is_worked_on_once(process, stuck, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    twilio.ask("voice")
    for _ in range(3):
        path = _redirected(twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2"))
    free.set()
    while verbs(twilio.ask(path))[0] == "Pause":
        pass
    assert kinds(log).count("heard") == 1


def test_beyond_a_minute_he_hears_an_apology(process, stuck, log, caplog):
    free, services = stuck
    twilio = process(patience=0.001, services=services)
    twilio.ask("voice")
    document = twilio.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    for _ in range(MOST_PAUSES - 1):
        document = twilio.ask(_redirected(document))
    document = twilio.ask(_redirected(document))
    assert verbs(document)[-1] == "Hangup"
    assert all(say.prompt in played(document) for say in TROUBLE)
    free.set()
    assert kinds(log).count("ended") == 1
    assert [record.levelname for record in caplog.records][-1] == "ERROR"


def test_another_process_goes_on_for_one_that_died(process, stuck, house, clock):
    free, services = stuck
    with closing(memory_store()) as store:  # the dead one holds no lock of the store
        with store.session() as session:
            load_world(session, "odesa", house.world)
        dies, lives = process(patience=0.05, services=services, store=store), process()
        _dies(dies, lives, free, clock)
        dies.close()


def _dies(dies: Twilio, lives: Twilio, free: threading.Event, clock: Clock) -> None:
    dies.ask("voice")
    path = _redirected(dies.ask(f"turn/{CALL}/{FIRST}", Digits="2"))
    path = _redirected(lives.ask(path))
    assert lives.open == FIRST, "the first one may still work"
    clock.pass_(slow.DEAD + 1)
    assert verbs(lives.ask(path)) == ["Gather"]
    lives_at = lives.open
    free.set()
    dies.ask(f"turn/{CALL}/{FIRST}", Digits="2")
    assert dies.open == lives_at


def test_what_the_matchmaker_told_may_take_long_as_well(process, stuck, waiting, log):
    free, services = stuck
    twilio = process(patience=0.05, services=services)
    document = twilio.ask(f"told/{CALL}/{WAITS}?outcome=reading")
    path = _redirected(document)
    free.set()
    while verbs(found := twilio.ask(path))[0] == "Pause":
        path = _redirected(found)
    assert verbs(found) == ["Gather"]
    assert twilio.live.get(CALL).where == "flow"


# ---------------------------------------------------------------------- messages and recordings

MESSAGE = {
    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/{SID}",
    "RecordingSid": SID,
    "RecordingDuration": "4",
}


@pytest.fixture
def speaking(process: Any) -> Any:
    """Somebody whom nobody can answer, at the tone of a message: (twilio, number of the turn)."""

    def begin(**parts: Any) -> tuple[Twilio, int]:
        twilio = process(**parts)
        twilio.ask("voice")
        twilio.keys("0")
        document = twilio.ask(f"turn/{CALL}/{twilio.open}", Digits="3")
        assert verbs(document)[-2:] == ["Record", "Redirect"], twilio.runner.turn(CALL)
        return twilio, twilio.open

    return begin


def kept(store: Store) -> tuple[list[str], list[dict[str, Any]]]:
    with store.session() as db:
        return list(db.scalars(select(VoiceMessage.path))), list(
            db.scalars(select(OutboxEntry.payload))
        )


@pytest.fixture
def night(clock: Clock) -> None:
    """Nobody is there."""
    clock.pass_(17 * 3600)


@pytest.mark.usefixtures("night")
def test_a_message_is_kept_once_however_often_it_is_told_of(speaking, demo_store):
    twilio, number = speaking()
    name = f"{CALL}-{number}.wav"
    for _ in range(3):
        document = twilio.ask(f"turn/{CALL}/{number}", **MESSAGE)
        assert "message_kept" in played(document)
        done = twilio.post(
            f"recording?call={CALL}&name={name}", RecordingStatus="completed", **MESSAGE
        )
        assert done.status_code == 204
    assert kept(demo_store) == ([name], [{"call": CALL, "name": name, "sid": SID}])


@pytest.mark.usefixtures("night")
def test_who_says_nothing_is_asked_again(speaking, demo_store):
    twilio, number = speaking()
    assert "message_empty" in played(twilio.ask(f"turn/{CALL}/{number}?nothing=1"))
    assert kept(demo_store) == ([], [])


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("order", ["message first", "end first"])
def test_the_message_of_a_caller_who_hangs_up_is_kept(speaking, demo_store, log, order):
    twilio, number = speaking(message_late=0.2)
    told = [
        lambda: twilio.post(
            f"turn/{CALL}/{number}", Digits="hangup", CallStatus="completed", **MESSAGE
        ),
        lambda: twilio.post("status", CallStatus="completed"),
    ]
    for tell in told if order == "message first" else reversed(told):
        assert tell().status_code < 300
    assert kept(demo_store)[0] == [f"{CALL}-{number}.wav"]
    assert kinds(log).count("ended") == 1


@pytest.mark.usefixtures("night")
def test_a_call_that_ended_at_the_tone_ends_without_a_message(speaking, log):
    twilio, _ = speaking(message_late=0.01)
    twilio.post("status", CallStatus="completed")
    assert until(lambda: "ended" in kinds(log))


@pytest.mark.parametrize("name", ["", "..%2F..%2Fetc%2Fpasswd", "a%0Ab", "%2Fa.wav", ".wav"])
def test_a_recording_of_no_name(twilio, demo_store, name, caplog):
    answer = twilio.post(f"recording?call=a%0Ab&name={name}", RecordingSid=SID)
    assert answer.status_code == 204
    assert kept(demo_store)[1] == []
    assert not any("\n" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("sid", ["", "RE1", "../" + SID, SID + "\n"])
def test_a_recording_of_no_sid(twilio, demo_store, sid):
    assert twilio.post(f"recording?call={CALL}&name=a.wav", RecordingSid=sid).status_code == 204
    assert kept(demo_store)[1] == []
