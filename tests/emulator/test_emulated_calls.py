"""The emulated Twilio with one caller: documents, Gather, sounds, Record."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio_emulator import Emulator
from twilio_emulator.program import CALLER, HOUSE, PUBLIC, Program, tone, wav
from werkzeug.wrappers import Request, Response


def test_a_call_is_answered_gathers_and_ends(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": '<Gather action="turn/1" numDigits="4"><Play>hello.wav</Play></Gather>',
        "/hello.wav": wav(60),
        "/turn/1": lambda request: f"<Say>{request.form['Digits']}</Say><Redirect>/bye</Redirect>",
        "/bye": "<Hangup/>",
        "/status": Response(status=204),
    }
    call = twilio.call(CALLER, HOUSE, ForwardedFrom="+380482223344")
    call.wait(lambda call: call.heard).press("2421#")
    call.wait("completed")
    assert call.heard == [("play", f"{PUBLIC}/hello.wav"), ("say", "2421")]
    voice = program.told("/voice")[0]
    assert voice["CallStatus"] == "ringing"
    assert (voice["From"], voice["Called"], voice["Direction"]) == (CALLER, HOUSE, "inbound")
    assert voice["ForwardedFrom"] == "+380482223344"
    assert program.told("/turn/1")[0]["FinishedOnKey"] == ""
    twilio.until(lambda: program.told("/status"))
    assert program.told("/status")[0]["CallStatus"] == "completed"
    assert twilio.media.fetched == {f"{PUBLIC}/hello.wav": 1}
    twilio.check()


# ------------------------------------------------------------------ documents


@pytest.mark.parametrize(
    ("twiml", "words"),
    [
        ("<Sing>la</Sing>", "<Sing> is no verb"),
        ("<Gather bargeIn='true'/>", "no attribute bargeIn"),
        ("<Gather timeout='0'/>", "bad value"),
        ("<Gather timeout='auto'/>", "bad value"),
        ("<Gather finishOnKey='#*'/>", "bad value"),
        ("<Gather numDigits='-1'/>", "bad value"),
        ("<Gather input='dtmf,speech'/>", "bad value"),
        ("<Gather input='speech' language='uk'/>", "bad value"),
        ("<Gather input='speech' language='tt-RU'/>", "bad value"),
        ("<Gather input='speech' speechTimeout='0'/>", "bad value"),
        ("<Gather input='speech' speechTimeout='1.5'/>", "bad value"),
        ("<Gather input='speech' speechModel='whisper'/>", "bad value"),
        ("<Gather input='speech' profanityFilter='no'/>", "bad value"),
        ("<Gather input='speech' speechModel='default' speechTimeout='auto'/>", "cannot be used"),
        ("<Gather input='speech' enhanced='true'/>", "phone_call alone"),
        (f"<Gather input='speech' hints='{'так,' * 500}ні'/>", "bad value"),
        (f"<Gather input='speech' hints='{'х' * 101}'/>", "bad value"),
        ("<Gather input='speech' hints='так,,ні'/>", "bad value"),
        ("<Gather input='speech' hints='немає  світла'/>", "bad value"),
        ("<Gather input='speech' hints='$5, $OOV_CLASS_DIGIT_SEQUENCE'/>", "bad value"),
        ("<Gather method='PUT'/>", "bad value"),
        ("<Gather><Gather/></Gather>", "not allowed in <Gather>"),
        ("<Gather>press one</Gather>", "words in <Gather>"),
        ("<Play/>", "needs an address"),
        ("<Play>ftp://example.com/x.wav</Play>", "is no address"),
        ("<Say language='uk'>x</Say>", "bad value"),
        ("<Say voice='Natasha'>x</Say>", "bad value"),
        ("<Say voice='Google.uk-UA-Wavenet-A' language='ru-RU'>x</Say>", "does not speak"),
        ("<Say></Say>", "is empty"),
        ("<Pause length='0.5'/>", "bad value"),
        ("<Record maxLength='1'/>", "bad value"),
        ("<Record recordingStatusCallbackEvent='completed,absent'/>", "bad value"),
        (f"<Enqueue>{'q' * 65}</Enqueue>", "more than 64"),
        ("<Leave/>", "not allowed in a document of a call"),
        ("<Redirect></Redirect>", "is empty"),
        ("<Hangup reason='busy'/>", "no attribute reason"),
        ("<Dial><Say>x</Say></Dial>", "not allowed in <Dial>"),
        ("<Dial timeout='601'><Number>+380671110002</Number></Dial>", "bad value"),
        ("<Dial>0671110002</Dial>", "E.164"),
        ("<Dial><Sip>op@pbx</Sip></Dial>", "no SIP address"),
        ("<Dial><Sip>sip:op@pbx?Token=1</Sip></Dial>", "'Token' is not passed on"),
        ("<Dial><Sip>sip:a@b</Sip><Client>c</Client></Dial>", "stand alone"),
        ("<Dial><Client><Parameter name='a' value='b'/></Client></Dial>", "one identity"),
        (
            "<Dial><Client statusCallbackEvent='answered,completed'>c</Client></Dial>",
            "bad value",
        ),
        ("<Say>x</Say", "parse failure"),
        (f"<Say>{'x' * 70000}</Say>", "TwiML of"),
    ],
)
def test_what_is_not_documented_is_a_fault_and_ends_the_call(
    twilio: Emulator, program: Program, twiml: str, words: str
) -> None:
    program.pages["/voice"] = twiml
    call = twilio.call(CALLER, HOUSE)
    twilio.until(lambda: call.status in ("completed", "no-answer"))
    assert [words in fault.words for fault in twilio.faults] == [True], twilio.faults
    assert call.heard[-1][0] == "error"
    with pytest.raises(AssertionError):
        twilio.check()


def test_everything_documented_is_no_fault(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = (
        "<Gather input='dtmf speech' language='uk-UA' hints='світло, показник' timeout='1'"
        " speechTimeout='auto' finishOnKey='' actionOnEmptyResult='false' profanityFilter='false'>"
        "<Say voice='Google.uk-UA-Wavenet-A' language='uk-UA'>так</Say><Pause/></Gather>"
        "<Gather input='speech' speechModel='googlev2_telephony' speechTimeout='2' timeout='1'"
        " hints='$OOV_CLASS_DIGIT_SEQUENCE'/>"
        "<Say>one <break time='1s'/> two</Say><Play digits='1w2'/>"
    )
    call = twilio.call(CALLER, HOUSE)
    call.wait("Gather").silence()
    call.wait(lambda call: call.open and call.open.get("speechModel")).silence()
    call.wait("completed")
    assert [kind for kind, _ in call.heard][-2:] == ["say", "digits"]
    twilio.check()


def test_an_answer_that_is_no_xml_is_a_fault(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = Response("<Response/>", mimetype="text/html")
    call = twilio.call(CALLER, HOUSE)
    call.wait(lambda call: call.heard)
    assert twilio.faults[0].code == 12300


# ------------------------------------------------------------------ Gather


def gather(program: Program, attributes: str, prompt: str = "") -> None:
    program.pages |= {
        "/voice": f"<Gather action='/got' {attributes}>{prompt}</Gather><Say>nothing</Say>",
        "/got": "<Say>got</Say>",
    }


def test_silence_falls_through(twilio: Emulator, program: Program) -> None:
    gather(program, "timeout='1'")
    twilio.haste = 20
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("say", "nothing")]
    assert not program.told("/got")


def test_silence_is_told_when_wanted(twilio: Emulator, program: Program) -> None:
    gather(program, "actionOnEmptyResult='true'")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.silence()
    call.wait("completed")
    assert program.told("/got")[0]["Digits"] == ""


def test_finish_key(twilio: Emulator, program: Program) -> None:
    gather(program, "")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("12#")
    call.wait("completed")
    (told,) = program.told("/got")
    assert (told["Digits"], told["FinishedOnKey"]) == ("12", "#")


def test_the_undocumented_parameter_can_be_left_out(twilio: Emulator, program: Program) -> None:
    gather(program, "")
    twilio.finished_on_key = False
    twilio.call(CALLER, HOUSE).wait("Gather").press("12#")
    twilio.until(lambda: program.told("/got"))
    assert "FinishedOnKey" not in program.told("/got")[0]


def test_a_finish_key_alone_does_not_end(twilio: Emulator, program: Program) -> None:
    gather(program, "")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("#")
    assert call.open
    call.press("5#")
    call.wait("completed")
    assert program.told("/got")[0]["Digits"] == "5"


def test_without_a_finish_key_all_keys_count(twilio: Emulator, program: Program) -> None:
    gather(program, "finishOnKey='' numDigits='3'")
    twilio.call(CALLER, HOUSE).wait("Gather").press("1#*")
    twilio.until(lambda: program.told("/got"))
    assert program.told("/got")[0]["Digits"] == "1#*"


def test_keys_stop_the_prompt_and_wait_for_the_next_one(twilio: Emulator, program: Program) -> None:
    twilio.speed = 1
    program.pages |= {
        "/voice": "<Gather numDigits='1' action='/next'><Pause length='60'/></Gather>",
        "/next": "<Gather numDigits='2' action='/end'><Pause length='60'/></Gather>",
        "/end": "<Hangup/>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("123")
    call.wait("completed")
    assert program.told("/end")[0]["Digits"] == "23"


def test_keys_pressed_ahead_can_be_lost(twilio: Emulator, program: Program) -> None:
    twilio.type_ahead = False
    program.pages |= {
        "/voice": "<Gather numDigits='1' action='/next'/>",
        "/next": "<Gather numDigits='2' action='/end'/>",
        "/end": "<Hangup/>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("123")
    call.wait(lambda call: call.open and call.open.url("action").endswith("/end")).press("45")
    call.wait("completed")
    assert program.told("/end")[0]["Digits"] == "45"


def test_words_are_told_with_confidence(twilio: Emulator, program: Program) -> None:
    gather(program, "input='dtmf speech' language='uk-UA'", "<Pause length='30'/>")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.say("немає світла", 0.75)
    call.wait("completed")
    (told,) = program.told("/got")
    assert (told["SpeechResult"], told["Confidence"]) == ("немає світла", "0.75")


def test_how_sure_the_recogniser_is_may_not_be_told(twilio: Emulator, program: Program) -> None:
    gather(program, "input='speech'")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.say("так", None)
    call.wait("completed")
    (hook,) = [hook for hook in call.requests if hook.path == "/got"]
    assert "Confidence" not in hook.params


def test_words_are_for_no_gather_that_does_not_listen(twilio: Emulator, program: Program) -> None:
    gather(program, "input='dtmf' numDigits='1'", "<Pause length='30'/>")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.begin_to_speak()
    call.say("світло")
    call.press("1")
    call.wait("completed")
    assert program.told("/got")[0]["Digits"] == "1"


def test_words_cut_the_prompt_and_a_key_after_them_waits(
    twilio: Emulator, program: Program
) -> None:
    gather(program, "input='dtmf speech' numDigits='1'", "<Pause length='3000'/><Say>more</Say>")
    program.pages["/got"] = "<Gather numDigits='1' action='/end'/>"
    program.pages["/end"] = "<Hangup/>"
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.begin_to_speak()
    call.press("7")
    call.say("світло")
    call.wait("completed")
    assert program.told("/got")[0]["SpeechResult"] == "світло"
    assert "Digits" not in program.told("/got")[0]
    assert program.told("/end")[0]["Digits"] == "7"
    assert ("say", "more") not in call.heard


def test_a_key_may_beat_words_that_began_before_it(twilio: Emulator, program: Program) -> None:
    twilio.keys_beat_words = True
    gather(program, "input='dtmf speech' numDigits='1'")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.begin_to_speak()
    call.press("7")
    call.wait("completed")
    assert program.told("/got")[0]["Digits"] == "7"


def test_a_key_that_came_first_is_not_spoiled_by_words(twilio: Emulator, program: Program) -> None:
    gather(program, "input='dtmf speech'")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("24")
    call.say("світло")
    call.press("#")
    call.wait("completed")
    assert program.told("/got")[0]["Digits"] == "24"
    assert "SpeechResult" not in program.told("/got")[0]


def test_bytes_that_are_no_utf8_are_sent_and_signed(twilio: Emulator, program: Program) -> None:
    gather(program, "input='speech'")
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.say(b"\xff\xfe")
    call.wait("completed")
    (hook,) = [hook for hook in call.requests if hook.path == "/got"]
    assert hook.params["SpeechResult"] == b"\xff\xfe"
    assert program.signed.pop(1) is False  # what was signed are the bytes that were sent


# ------------------------------------------------------------------ sounds


def test_a_sound_is_fetched_once_while_it_is_fresh(twilio: Emulator, program: Program) -> None:
    fresh = wav(1, **{"Cache-Control": "public, max-age=3600"})
    program.pages |= {"/voice": "<Play loop='3'>/a.wav</Play>", "/a.wav": fresh}
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("play", f"{PUBLIC}/a.wav")] * 3
    assert twilio.media.asked[f"{PUBLIC}/a.wav"] == 1


def test_a_stale_sound_is_asked_for_again(twilio: Emulator, program: Program) -> None:
    def sound(request: Request) -> Response:
        answer = wav(1, **{"Cache-Control": "no-cache", "ETag": '"1"'})
        return answer.make_conditional(request.environ)

    program.pages |= {"/voice": "<Play loop='3'>/a.wav</Play>", "/a.wav": sound}
    twilio.call(CALLER, HOUSE).wait("completed")
    assert twilio.media.asked[f"{PUBLIC}/a.wav"] == 3
    assert twilio.media.fetched[f"{PUBLIC}/a.wav"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        Response(status=404),
        Response(tone(1), mimetype="text/plain"),
        Response(b"RIFF....", mimetype="audio/wav"),
        Response(tone(1)[:-100], mimetype="audio/wav"),
    ],
)
def test_a_sound_that_cannot_be_played_is_a_fault(
    twilio: Emulator, program: Program, bad: Response
) -> None:
    program.pages |= {"/voice": "<Play>/a.wav</Play>", "/a.wav": bad}
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert [kind for kind, _ in call.heard] == ["error"]
    assert len(twilio.faults) == 1


# ------------------------------------------------------------------ Record


def record(program: Program, attributes: str = "") -> None:
    program.pages |= {
        "/voice": "<Record action='/kept' recordingStatusCallback='/recording'"
        f" recordingStatusCallbackEvent='completed absent' {attributes}/><Say>nothing</Say>",
        "/kept": "<Hangup/>",
        "/recording": Response(status=204),
    }


def test_a_recording_ends_with_a_key_and_can_be_had(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    record(program)
    call = twilio.call(CALLER, HOUSE).wait("Record")
    call.say("x" * 45)
    call.press("1")
    call.wait("completed")
    (kept,) = program.told("/kept")
    assert (kept["RecordingDuration"], kept["Digits"]) == ("3", "1")
    twilio.until(lambda: program.told("/recording"))
    (told,) = program.told("/recording")
    assert told["RecordingStatus"] == "completed"
    (one,) = rest.recordings.list(call_sid=call.sid)
    assert (one.sid, one.duration) == (kept["RecordingSid"], "3")
    path = kept["RecordingUrl"].removeprefix("https://api.twilio.com")
    sound = rest.http_client.request(
        "GET", f"https://api.twilio.com{path}.wav", auth=(twilio.account_sid, twilio.auth_token)
    )
    assert sound.status_code == 200
    assert rest.recordings(one.sid).delete()
    with pytest.raises(TwilioRestException) as gone:
        rest.recordings(one.sid).fetch()
    assert gone.value.code == 20404


def test_an_empty_recording_falls_through(twilio: Emulator, program: Program) -> None:
    record(program)
    call = twilio.call(CALLER, HOUSE).wait("Record")
    call.silence()
    call.wait("completed")
    assert call.heard == [("beep", ""), ("say", "nothing")]
    twilio.until(lambda: program.told("/recording"))
    assert program.told("/recording")[0]["RecordingStatus"] == "absent"
    assert not program.told("/kept")


def test_a_hang_up_ends_a_recording(twilio: Emulator, program: Program) -> None:
    record(program)
    call = twilio.call(CALLER, HOUSE).wait("Record")
    call.say("x" * 45)
    call.hang_up()
    twilio.until(lambda: program.told("/kept"))
    assert program.told("/kept")[0]["Digits"] == "hangup"
    assert program.told("/kept")[0]["CallStatus"] == "completed"
