"""What Twilio posts, as callers and events: every form in which it may come."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

import pytest

from ivr.channels.twilio import hearing
from ivr.channels.twilio.signature import form as read
from ivr.channels.twilio.webhooks import readable
from ivr.model import Ask, Enqueue, Event, Record, Turn

NOW = datetime(2026, 10, 31, 6, 30, tzinfo=UTC)
KEY, NUMBER = Ask("key", 5, 3), Ask("number", 5, 3)
GRAMMAR = "lang=uk+ru words=yes.no keys=12"
LISTENS = Turn(4, (), Ask("key", 5, 3, grammar=GRAMMAR), "uk")
SPOKEN_NUMBER = Ask("number", 5, 3, grammar="lang=uk digits=4-9")


class Numbers:
    """One number of a company in Vietnam; every other one is odesa's."""

    def company_of(self, dialled):
        return {"+842871099999": "hcmc"}.get(dialled, "odesa")


def caller(**form):
    regions = {"odesa": "UA", "hcmc": "VN"}
    return hearing.caller_of({"CallSid": "CA1", **form}, Numbers(), "UA", regions, NOW)


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("+380671110001", "+380671110001"),
        ("380671110001", "+380671110001"),
        ("0671110001", "+380671110001"),
        ("067 111-00-01", "+380671110001"),
        ("+12025550123", "+12025550123"),
        (" +380671110001", "+380671110001"),
    ],
)
def test_who_calls(shown, number):
    assert caller(From=shown, To="+380487059090").number == number


@pytest.mark.parametrize(
    "shown",
    [
        "", " ", "+", "anonymous", "Anonymous", "ANONYMOUS", "RESTRICTED", "BLOCKED", "UNKNOWN",
        "UNAVAILABLE", "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253",
        "sip:+380671110001@example.com", "sips:op-olena@example.com", "client:+380671110001",
        "client:olena", "+1", "12", "+" + "9" * 400, "9" * 5000, "+380 67 nothing", "<script>",
        "\ud83d", "+38067\x00111", "٠٦٧١١١٠٠٠١", "' or 1=1 --", "whatsapp:+380671110001",
    ],
)  # fmt: skip
def test_nobody_is_known_to_call(shown):
    assert caller(From=shown, To="+380487059090").number is None


def test_nobody_is_named_at_all():
    one = caller()
    assert (one.number, one.dialled, one.company, one.channel) == (None, None, "odesa", "twilio")
    assert one.arrived == NOW


@pytest.mark.parametrize(
    ("called", "dialled", "company"),
    [
        ({"To": "+380487059090"}, "+380487059090", "odesa"),
        ({"To": "0487059090"}, "+380487059090", "odesa"),
        ({"To": "+842871099999"}, "+842871099999", "hcmc"),
        ({"Called": "+842871099999"}, "+842871099999", "hcmc"),
        ({"To": "", "Called": "+842871099999"}, "+842871099999", "hcmc"),
        ({"To": "sip:+842871099999@press2.sip.twilio.com"}, "+842871099999", "hcmc"),
        ({"To": "sips:0487059090@press2.sip.twilio.com;transport=tls"}, "+380487059090", "odesa"),
        ({"To": "client:olena"}, None, "odesa"),
        ({"To": "anonymous"}, None, "odesa"),
        ({"To": ""}, None, "odesa"),
    ],
)
def test_who_is_called(called, dialled, company):
    one = caller(From="+380671110001", **called)
    assert (one.dialled, one.company) == (dialled, company)


def test_a_number_without_a_country_belongs_to_that_of_the_company():
    assert caller(From="0912345678", To="+842871099999").number == "+84912345678"


@pytest.mark.parametrize("raw", ["9" * 5000, "*" * 5000, "#" * 5000])
def test_a_dialled_number_without_an_end(raw):
    assert len(caller(To=raw).dialled or "") <= 33


@pytest.mark.parametrize(
    "name", ["", "CA 1", "CA/1", "../CA1", "CA1\n", "CA" + "1" * 63, "Ї", "CA1?x=1", "{CA1}"]
)
def test_what_cannot_be_a_call(name):
    assert hearing.call_of({"CallSid": name}) == ""


def test_a_call_without_a_name():
    assert hearing.call_of({}) == ""


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ({"Digits": "2"}, "2"),
        ({"Digits": "2421", "FinishedOnKey": "#"}, "2421#"),
        ({"Digits": "2421", "FinishedOnKey": ""}, "2421"),
        ({"Digits": "", "FinishedOnKey": "#"}, "#"),
        ({"Digits": "2421", "FinishedOnKey": "*"}, "2421"),
        ({"Digits": "2421", "FinishedOnKey": "##"}, "2421"),
        ({"Digits": "2421", "FinishedOnKey": "7"}, "2421"),
        ({"Digits": "*"}, "*"),
        ({"Digits": "1A2b w,3"}, "123"),
        ({"Digits": "١٢"}, ""),
        ({"Digits": "\n2\r"}, "2"),
        ({"Digits": "1" * 5000, "FinishedOnKey": "#"}, "1" * 100 + "#"),
        ({"Digits": "hangup"}, ""),
        ({}, ""),
    ],
)
def test_keys(form, keys):
    assert hearing.keys_of(form) == keys


def speech(text, confidence="0.9", **more):
    form = {"SpeechResult": text, "Confidence": confidence, **more}
    return hearing.speech_of(LISTENS, form)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0", "\x00\x07", "\u200b\u202e"])
def test_no_words(text):
    assert speech(text) is None
    assert hearing.speech_of(LISTENS, {"Confidence": "0.9"}) is None


def test_words():
    found = speech(" дві тисячі\n двадцять ", "0.75")
    heard = {"text": "дві тисячі двадцять", "confidence": 0.75, "values": {"language": "uk"}}
    assert found == Event("speech", **heard)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Так.", "Так."),
        ("п’ять", "п’ять"),
        ("2421", "2421"),
        ("та\x00к\x1b[31m", "так[31m"),
        ("так\u2028ні\r\nні", "так ні ні"),
        ("\u202eтак\ufeff", "так"),
    ],
)
def test_words_hold_nothing_that_is_not_seen(text, heard):
    assert speech(text).text == heard


def test_words_without_an_end():
    assert len(speech("нуль " * 50_000).text) <= hearing.SPOKEN


def test_what_is_no_result_yet_is_not_heard():
    unstable = {"UnstableSpeechResult": "оператор", "StableSpeechResult": "так", "Stability": "0.9"}
    assert hearing.speech_of(LISTENS, unstable) is None
    assert speech("ні", **unstable).text == "ні"


@pytest.mark.parametrize("need", [KEY, NUMBER, Record(120), Enqueue("general")])
def test_nobody_listened(need):
    form = {"SpeechResult": "так", "Confidence": "0.9"}
    assert hearing.speech_of(Turn(4, (), need, "uk"), form) is None


def test_bytes_that_are_no_words():
    body = b"SpeechResult=" + quote_from_bytes("так ".encode() + b"\xff\xfe").encode()
    found = hearing.speech_of(LISTENS, readable(read(body)))
    assert found.text == "так ��"
    found.text.encode("utf-8")


@pytest.mark.parametrize(
    ("given", "share"),
    [
        ("0.5", 0.5), ("1", 1.0), ("7", 1.0), ("1e999", 1.0), (" 0.5 ", 0.5), ("0.0001", 0.0001),
    ],
)  # fmt: skip
def test_how_sure_twilio_is(given, share):
    assert speech("так", given).confidence == share


@pytest.mark.parametrize("given", ["", "0", "0.0", "0e0", "-3", "-inf", "nan", "high", "0,9"])
def test_twilio_does_not_say_how_sure_it_is(given):
    assert speech("так", given).confidence == 1.0


def test_twilio_says_nothing_of_how_sure_it_is():
    assert hearing.speech_of(LISTENS, {"SpeechResult": "так"}).confidence == 1.0


RECORDED = Turn(4, (), Record(120), "uk")
URL = "https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/RE1"


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ({"RecordingUrl": URL, "RecordingDuration": "3"}, "CA1-4.wav"),
        ({"RecordingUrl": URL, "RecordingDuration": "3", "Digits": "hangup"}, "CA1-4.wav"),
        ({"RecordingUrl": URL, "RecordingDuration": "1"}, "CA1-4.wav"),
        ({"RecordingUrl": URL, "RecordingDuration": "0"}, ""),
        ({"RecordingUrl": URL, "RecordingDuration": ""}, ""),
        ({"RecordingUrl": URL, "RecordingDuration": "-5"}, ""),
        ({"RecordingUrl": URL, "RecordingDuration": "٣"}, ""),
        ({"RecordingUrl": URL, "RecordingDuration": "9" * 5000}, ""),
        ({"RecordingUrl": URL}, ""),
        ({"RecordingUrl": "", "RecordingDuration": "3"}, ""),
        ({}, ""),
    ],
)
def test_a_recording(form, file):
    assert hearing.recorded(RECORDED, "CA1", form) == Event("recorded", text=file)


@pytest.mark.parametrize(
    ("need", "form", "answered"),
    [
        (KEY, {"Digits": "2"}, True),
        (KEY, {"Digits": ""}, False),
        (NUMBER, {"Digits": "", "FinishedOnKey": "#"}, True),
        (NUMBER, {"SpeechResult": "сто"}, False),
        (SPOKEN_NUMBER, {"SpeechResult": "сто"}, True),
        (SPOKEN_NUMBER, {"SpeechResult": " "}, False),
        (SPOKEN_NUMBER, {}, False),
        (Record(120), {"RecordingUrl": URL}, True),
        (Record(120), {"Digits": "1"}, False),
        (Enqueue("general"), {"Digits": "6"}, True),
        (Enqueue("general"), {"SpeechResult": "сто"}, False),
    ],
)
def test_a_silence_is_told_from_an_answer(need, form, answered):
    assert hearing.answers(Turn(4, (), need, "uk"), form) is answered
