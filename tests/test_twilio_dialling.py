"""Whom Twilio dials, as documents; and what its posts about that mean."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from ivr.channels.twilio import dialling
from ivr.channels.twilio.live import HeldCall, MemoryLiveCalls, follow
from ivr.channels.twilio.settings import TwilioSettings
from ivr.errors import Press2Error

SIP = TwilioSettings(
    account_sid="AC" + "0" * 32,
    auth_token="secret",
    public_url="https://ivr.example.com/press2",
    sip_address="pbx.example.com:5060",
    sip_password='p&"<w>',
)
CLIENT = replace(SIP, operators="client", sip_address="", sip_password="")
CALL = "CA" + "1" * 32
TOKEN = f"odesa.{'a' * 40}.{CALL}"
FILE = f"talks/2026-10-31/{CALL}-{TOKEN}.wav"
OVER = f"https://ivr.example.com/press2/twilio/over/{CALL}/7?token={TOKEN}"
LEG = f"https://ivr.example.com/press2/twilio/leg?token={TOKEN}&call={CALL}"


def _read(document: object) -> ET.Element:
    return ET.fromstring(str(document))  # noqa: S314 - our own document


def _connect(
    settings: TwilioSettings,
    *,
    call: str = CALL,
    endpoint: str = "op-olena",
    node: str = "pbx1",
    token: str = TOKEN,
    recording: str = FILE,
    number: str | None = "+380671110001",
) -> ET.Element:
    given = (call, 7, endpoint, node, token, 20.0, recording, number)
    (dial,) = _read(dialling.connect(settings, *given))
    return dial


def test_an_operator_behind_our_asterisk() -> None:
    dial = _connect(SIP)
    assert dial.tag == "Dial"
    assert dial.attrib == {"action": OVER, "timeout": "20", "callerId": "+380671110001"}
    (sip,) = dial
    assert sip.attrib == {
        "username": "twilio",
        "password": 'p&"<w>',
        "statusCallback": LEG,
        "statusCallbackEvent": "answered completed",
    }
    assert sip.text == (
        f"sip:op-olena@pbx.example.com:5060?X-Press2-Token={TOKEN}&X-Press2-Call={CALL}"
        f"&X-Press2-Node=pbx1&X-Press2-Record={FILE}"
    )


def test_the_address_keeps_twilio_s_limits_and_needs_no_escape() -> None:
    (sip,) = _connect(SIP, endpoint="op-" + "o" * 32, node="n" * 60)
    uri, _, headers = (sip.text or "").partition("?")
    assert len(uri) < 255 and len(headers) < 1024
    assert re.fullmatch(r"[\w.:@/?=&-]+", sip.text or "")


def test_what_is_not_known_is_left_out() -> None:
    dial = _connect(SIP, node="", recording="", number=None)
    assert "callerId" not in dial.attrib
    assert (dial[0].text or "").endswith(f"X-Press2-Call={CALL}")


@pytest.mark.parametrize("number", ["anonymous", "+266696687x", "380671110001", "+0", ""])
def test_a_number_that_is_none_is_not_shown(number: str) -> None:
    assert "callerId" not in _connect(SIP, number=number).attrib


def test_an_operator_with_a_browser_phone_of_twilio_s() -> None:
    dial = _connect(CLIENT)
    assert dial.attrib["record"] == "record-from-answer"
    recorded = urlsplit(dial.attrib["recordingStatusCallback"])
    assert recorded.path == "/press2/twilio/recording"
    assert parse_qs(recorded.query) == {"call": [CALL], "name": [FILE]}
    (client,) = dial
    assert client.attrib == {"statusCallback": LEG, "statusCallbackEvent": "answered completed"}
    identity, parameter = client
    assert (identity.tag, identity.text) == ("Identity", "op_olena")
    assert parameter.attrib == {"name": "token", "value": TOKEN}


def test_a_talk_that_is_not_to_be_recorded() -> None:
    assert "record" not in _connect(CLIENT, recording="").attrib


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "op-olena@evil.example.com"},
        {"endpoint": "op-OLENA"},
        {"endpoint": ""},
        {"token": "a&b"},
        {"token": ""},
        {"token": "a\n"},
        {"call": "CA1/../x"},
        {"node": "pbx1;transport=tls"},
        {"recording": "../x.wav"},
        {"recording": "a b.wav"},
    ],
)
def test_nothing_else_is_sent(wrong: dict[str, str]) -> None:
    with pytest.raises(Press2Error):
        _connect(SIP, **wrong)  # type: ignore[arg-type]


def test_to_an_outside_number() -> None:
    document = dialling.send_out(SIP, CALL, 3, "+380671110009", "+380487059090")
    (dial,) = _read(document)
    assert dial.attrib == {
        "action": f"https://ivr.example.com/press2/twilio/out/{CALL}/3",
        "timeout": "60",
        "callerId": "+380487059090",
    }
    assert [(each.tag, each.text) for each in dial] == [("Number", "+380671110009")]
    with pytest.raises(Press2Error):
        dialling.send_out(SIP, CALL, 3, "0671110009", None)


def _call_back(settings: TwilioSettings) -> dict[str, object]:
    return dialling.call_back(
        settings, "callback-17", "op-olena", "pbx1", "odesa.t.callback-17", 20.0,
        "talks/2026-10-31/x.wav", "+380671110009", "+380487059090",
    )  # fmt: skip


def test_a_call_back_rings_the_operator_first() -> None:
    given = _call_back(SIP)
    assert given["to"] == (
        "sip:op-olena@pbx.example.com:5060?X-Press2-Token=odesa.t.callback-17"
        "&X-Press2-Call=callback-17&X-Press2-Node=pbx1&X-Press2-Record=talks/2026-10-31/x.wav"
    )
    assert (given["from_"], given["timeout"]) == ("+380487059090", 20)
    assert (given["sip_auth_username"], given["sip_auth_password"]) == ("twilio", 'p&"<w>')
    asked = parse_qs(urlsplit(str(given["status_callback"])).query)
    assert asked == {
        "kind": ["callback"], "token": ["odesa.t.callback-17"], "call": ["callback-17"],
    }  # fmt: skip
    assert given["status_callback_event"] == ["answered", "completed"]


def test_and_then_the_customer() -> None:
    (dial,) = _read(_call_back(SIP)["twiml"])
    assert dial.attrib["callerId"] == "+380487059090"
    assert urlsplit(dial.attrib["action"]).path == "/press2/twilio/callback"
    (number,) = dial
    assert number.text == "+380671110009"
    asked = parse_qs(urlsplit(number.attrib["statusCallback"]).query)
    assert (asked["kind"], asked["call"]) == (["customer"], ["callback-17"])


def test_a_call_back_from_a_browser_phone_is_recorded_by_twilio() -> None:
    given = _call_back(CLIENT)
    assert given["to"] == "client:op_olena?token=odesa.t.callback-17"
    (dial,) = _read(given["twiml"])
    assert dial.attrib["record"] == "record-from-answer"
    assert "sip_auth_username" not in given


# ---------------------------------------------------------------------- what came of it

T = {"token": "t"}
BACK = {"token": "t", "call": "callback-17"}
LEFT = [
    ("called_back", {"token": "t", "how": "operator_failed"}),
    ("gone", {"call": "callback-17"}),
]


@pytest.mark.parametrize(
    ("kind", "status", "reports"),
    [
        ("", "initiated", []),
        ("", "ringing", []),
        ("", "in-progress", [("answered", T)]),
        ("", "completed", []),
        ("", "busy", [("unanswered", T | {"why": "declined"})]),
        ("", "no-answer", [("unanswered", T | {"why": "no_answer"})]),
        ("", "failed", [("unanswered", T | {"why": "failed"})]),
        ("", "canceled", []),
        ("", "nonsense", []),
        ("callback", "in-progress", []),
        ("callback", "completed", LEFT),
        ("callback", "busy", LEFT),
        ("callback", "no-answer", LEFT),
        ("callback", "failed", LEFT),
        ("callback", "canceled", LEFT),
        ("customer", "ringing", []),
        ("customer", "in-progress", [("called_back", T | {"how": "answered"})]),
        ("customer", "busy", [("called_back", T | {"how": "busy"})]),
        ("customer", "no-answer", [("called_back", T | {"how": "no_answer"})]),
        ("customer", "failed", [("called_back", T | {"how": "failed"})]),
        ("customer", "canceled", [("called_back", T | {"how": "operator_failed"})]),
        ("customer", "completed", []),
    ],
)
def test_the_status_of_a_leg(kind: str, status: str, reports: object) -> None:
    assert dialling.leg_reports(BACK | {"kind": kind}, {"CallStatus": status}) == reports


@pytest.mark.parametrize(
    ("status", "of_operator", "of_customer"),
    [
        ("completed", [("answered", T)], [("called_back", T | {"how": "answered"})]),
        ("busy", [("unanswered", T | {"why": "declined"})], [("called_back", T | {"how": "busy"})]),
        (
            "no-answer",
            [("unanswered", T | {"why": "no_answer"})],
            [("called_back", T | {"how": "no_answer"})],
        ),
        (
            "failed",
            [("unanswered", T | {"why": "failed"})],
            [("called_back", T | {"how": "failed"})],
        ),
        ("canceled", [], [("called_back", T | {"how": "operator_failed"})]),
        ("", [], []),
    ],
)
def test_the_end_of_a_dial(status: str, of_operator: object, of_customer: object) -> None:
    form = {"DialCallStatus": status}
    assert dialling.over_reports(T, form) == of_operator
    assert dialling.callback_reports(BACK, form) == of_customer


def test_live_calls_follow_what_is_reported() -> None:
    live = MemoryLiveCalls()
    live.put("CA1", HeldCall(4, "wait"))
    follow(live, "CA1", dialling.leg_reports(T, {"CallStatus": "in-progress"}))
    held = live.get("CA1")
    assert held is not None
    assert (held.turn, held.where, held.token, held.talking) == (4, "operator", "t", True)
    follow(live, "CA1", dialling.leg_reports({"token": "late"}, {"CallStatus": "in-progress"}))
    assert live.get("CA1") == held
    live.put("callback-17", HeldCall(0, "operator", "t"))
    answered = dialling.leg_reports(BACK | {"kind": "customer"}, {"CallStatus": "in-progress"})
    follow(live, "callback-17", answered)
    assert live.all()["callback-17"].talking
    over = dialling.leg_reports(BACK | {"kind": "callback"}, {"CallStatus": "completed"})
    follow(live, "callback-17", over)
    assert live.get("callback-17") is None
