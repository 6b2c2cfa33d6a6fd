"""The routes below /twilio: signatures, bodies, calls and parameters that Twilio never sends."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy.exc import OperationalError
from twilio_process import (
    CALL,
    CALLER,
    FIRST,
    LISTENS,
    NUMBER,
    PUBLIC,
    SETTINGS,
    SID,
    SIGNATURE,
    SILENT,
    SPOKEN,
    Twilio,
    played,
    verbs,
)

from ivr.channels.twilio.signature import FIELDS, Signature
from ivr.channels.twilio.webhooks import LARGEST

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
    twilio = process(settings=LISTENS, hears={"twilio": ("uk",)})
    twilio.ask("voice")
    body = urlencode({"CallSid": CALL, "From": CALLER, "To": NUMBER, "Confidence": "0.9"}).encode()
    answer = twilio.post(f"turn/{CALL}/{FIRST}", body + b"&SpeechResult=%d1%8f%ff%fe%00")
    assert answer.status_code == 200
    heard = [entry.details["text"] for entry in log.entries if entry.kind == "heard"]
    assert heard == ["я��"]


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
