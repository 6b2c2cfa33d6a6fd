"""Turns as TwiML: each document is compared, and read by the emulator's rules."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from twilio_emulator.twiml import parse

from ivr.channels.twilio import twiml
from ivr.channels.twilio.recogniser import Listening
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.twiml import Links, Spoken
from ivr.model import Ask, Enqueue, Hangup, Lookup, Record, Say, Turn

PUBLIC = "https://ivr.example.com/telephony"
SETTINGS = TwilioSettings("AC" + "0" * 32, "token", PUBLIC)
LINKS = Links(PUBLIC, "CA1")
HELD = Links(PUBLIC, "CA1", held=True)
A = Spoken(url="https://ivr.example.com/a.wav")
B = Spoken(url="https://ivr.example.com/b.wav")
WORDS = Spoken(text='Zoë & "Ko" <1>', voice="Google.vi-VN-Standard-A", language="vi")
TURN_URL = f"{PUBLIC}/twilio/turn/CA1/7"
WAIT_URL = f"{PUBLIC}/twilio/wait/CA1/7"
CALLBACK = f"{PUBLIC}/twilio/recording?call=CA1&name=CA1-7.wav"
KEY = Ask("key", 5, 3)
NUMBER = Ask("number", 5, 3)
POST = {"method": "POST"}
GATHER = {"input": "dtmf", "action": TURN_URL, "actionOnEmptyResult": "true", **POST}
ONE = GATHER | {"numDigits": "1", "finishOnKey": "", "timeout": "5"}
MANY = GATHER | {"finishOnKey": "#", "timeout": "3", "action": f"{TURN_URL}?rest=2"}
IN_QUEUE = {
    "input": "dtmf", "numDigits": "1", "finishOnKey": "", "timeout": "1",
    "action": f"{TURN_URL}?waits=1", **POST,
}  # fmt: skip
RECORD = {
    "action": TURN_URL, "maxLength": "120", "timeout": "5", "finishOnKey": "#", "playBeep": "true",
    "trim": "do-not-trim", "recordingStatusCallback": CALLBACK,
    "recordingStatusCallbackEvent": "completed", "recordingStatusCallbackMethod": "POST", **POST,
}  # fmt: skip
PLAY_A = ("Play", {}, A.url)
PLAY_B = ("Play", {}, B.url)
SAY_WORDS = ("Say", {"voice": WORDS.voice, "language": "vi-VN"}, WORDS.text)


def turn(need, language="uk"):
    return Turn(7, (Say("any"),), need, language)


def tree(document, place="call"):
    """The document as tuples (verb, attributes, text or children), once Twilio would run it."""
    parse(document.encode(), f"{PUBLIC}/twilio/voice", place)

    def of(node):
        return node.tag, dict(node.attrib), [of(child) for child in node] or (node.text or "")

    return [of(node) for node in ElementTree.fromstring(document)]  # noqa: S314


def rendered(need, spoken=(), links=LINKS, listening=None, language="uk"):
    return tree(twiml.render(turn(need, language), spoken, links, SETTINGS, listening))


TABLE = {
    "a key": (KEY, [A], [("Gather", ONE, [PLAY_A])]),
    "a key, two sounds": (KEY, [A, B], [("Gather", ONE, [PLAY_A, PLAY_B])]),
    "a key, nothing said": (KEY, [], [("Gather", ONE, "")]),
    "a key, Twilio's voice": (KEY, [WORDS], [("Gather", ONE, [SAY_WORDS])]),
    "a voice of no language of its own": (
        KEY, [Spoken(text="Сәлам", voice="alice", language="tt")],
        [("Gather", ONE, [("Say", {"voice": "alice"}, "Сәлам")])],
    ),
    "parts of a second": (Ask("key", 2.4, 0.2), [], [("Gather", ONE | {"timeout": "3"}, "")]),
    "no time at all": (Ask("key", 0, 0), [], [("Gather", ONE | {"timeout": "1"}, "")]),
    "a number": (NUMBER, [A], [("Gather", MANY, [PLAY_A])]),
    "a number, its keys as slow as the first": (
        Ask("number", 3, 3), [A],
        [("Gather", MANY | {"timeout": "3", "action": TURN_URL}, [PLAY_A])],
    ),
    "a number, its first key sooner than the next": (
        Ask("number", 2, 4), [A],
        [("Gather", MANY | {"timeout": "2", "action": TURN_URL}, [PLAY_A])],
    ),
    "a number, keys typed ahead": (
        Ask("number", 5, 3, typed="24"), [A],
        [("Gather", MANY | {"action": TURN_URL}, "")],
    ),
    "a recording": (
        Record(120), [A],
        [PLAY_A, ("Record", RECORD, ""), ("Redirect", POST, f"{TURN_URL}?nothing=1")],
    ),
    "an end": (Hangup(), [A, B], [PLAY_A, PLAY_B, ("Hangup", {}, "")]),
    "an end without words": (Hangup("failed"), [], [("Hangup", {}, "")]),
    "the queue": (
        Enqueue("general"), [],
        [("Enqueue", {"action": f"{PUBLIC}/twilio/left/CA1/7", "waitUrl": WAIT_URL,
                      "waitUrlMethod": "POST", **POST}, "press2")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_turn_as_a_document(name):
    need, spoken, expected = TABLE[name]
    assert rendered(need, spoken) == expected


HEARD = {"input": "dtmf speech", "language": "uk-UA", "profanityFilter": "false"}


def test_twilio_listens_beside_a_key():
    [document] = rendered(KEY, [A], listening=Listening("uk-UA", 1, "один,два"))
    heard = HEARD | {"hints": "один,два", "speechTimeout": "1"}
    assert document == ("Gather", ONE | heard, [PLAY_A])


def test_twilio_listens_beside_a_number():
    [document] = rendered(NUMBER, [A], listening=Listening("uk-UA", 2, "один"))
    heard = HEARD | {"hints": "один", "speechTimeout": "2"}
    assert document == ("Gather", MANY | heard, [PLAY_A])


def test_twilio_listens_with_a_model_of_the_settings():
    [(_, gather, _)] = rendered(KEY, [A], listening=Listening("ru-RU", model="googlev2_telephony"))
    model = {"language": "ru-RU", "speechModel": "googlev2_telephony", "speechTimeout": "1"}
    assert gather == ONE | HEARD | model


def test_a_number_that_is_listened_for_once_more_may_still_be_said():
    document = twiml.rest(turn(NUMBER), 2, LINKS, Listening("uk-UA", 2, "один"))
    heard = HEARD | {"hints": "один", "speechTimeout": "2", "timeout": "2", "action": TURN_URL}
    assert tree(document) == [("Gather", MANY | heard, "")]


def test_who_waits_outside_the_queue_is_led_to_its_music():
    assert rendered(Enqueue("general"), links=HELD) == [("Redirect", POST, f"{WAIT_URL}?held=1")]


def test_a_question_of_one_held_outside_keeps_that_in_mind():
    [(_, gather, _)] = rendered(KEY, [A], links=HELD)
    assert gather["action"] == f"{TURN_URL}?held=1"


def test_a_number_is_listened_for_once_more():
    document = twiml.rest(turn(NUMBER), 2, LINKS)
    assert tree(document) == [("Gather", MANY | {"timeout": "2", "action": TURN_URL}, "")]


def test_words_for_who_waits():
    assert tree(twiml.words(turn(Enqueue("general")), [A], LINKS), "wait") == [
        ("Gather", IN_QUEUE, [PLAY_A]),
        ("Redirect", POST, f"{WAIT_URL}?said=1"),
    ]


def test_no_words_for_who_waits():
    document = twiml.words(turn(Enqueue("general")), [], LINKS)
    assert tree(document, "wait") == [("Redirect", POST, f"{WAIT_URL}?said=1")]


def test_music():
    assert tree(twiml.music(turn(Enqueue("general")), A.url, 4, LINKS), "wait") == [
        ("Gather", IN_QUEUE, [PLAY_A]),
        ("Redirect", POST, f"{WAIT_URL}?said=1&part=5"),
    ]


def test_silence_where_there_is_no_music():
    [(_, _, inside), _] = tree(twiml.music(turn(Enqueue("general")), "", 0, LINKS), "wait")
    assert inside == [("Pause", {"length": "20"}, "")]


def test_music_outside_the_queue():
    [(_, gather, _), (_, _, again)] = tree(twiml.music(turn(Enqueue("g")), A.url, 0, HELD))
    assert gather["action"] == f"{TURN_URL}?waits=1&held=1"
    assert again == f"{WAIT_URL}?said=1&part=1&held=1"


def test_out_of_the_queue():
    assert tree(twiml.leave(), "wait") == [("Leave", {}, "")]


@pytest.mark.parametrize("place", ["call", "wait"])
def test_one_moment(place):
    document = twiml.moment([A], 2, f"{TURN_URL}?slow=1")
    assert tree(document, place) == [
        PLAY_A,
        ("Pause", {"length": "2"}, ""),
        ("Redirect", POST, f"{TURN_URL}?slow=1"),
    ]


def test_a_goodbye_of_a_call_that_failed():
    assert tree(twiml.goodbye([A])) == [PLAY_A, ("Hangup", {}, "")]
    assert tree(twiml.goodbye([])) == [("Hangup", {}, "")]


def test_a_telephone_of_the_ring_group():
    address = "sips:night@pbx.example.com:5061"
    document = twiml.ring(turn(Enqueue("general")), [A], LINKS, address, 20, 1)
    [say, (name, dial, phones)] = tree(document)
    assert (say, name) == (PLAY_A, "Dial")
    over = f"{PUBLIC}/twilio/over/CA1/7?phone=1"
    assert dial == {"action": over, "timeout": "20", **POST}
    assert phones == [("Sip", {}, address)]


def test_an_empty_document_changes_nothing():
    assert tree(twiml.EMPTY) == []


def test_a_strange_name_of_a_call_stays_one_part_of_the_address():
    links = Links(PUBLIC, 'a/b?c=1&d#e\n"<')
    path = "/twilio/turn/a%2Fb%3Fc%3D1%26d%23e%0A%22%3C/7"
    [(_, gather, _)] = rendered(KEY, [], links)
    assert gather["action"] == PUBLIC + path


def test_a_service_is_nothing_that_a_channel_performs():
    with pytest.raises(TypeError):
        twiml.render(turn(Lookup("readings.check")), [], LINKS, SETTINGS)
