"""The emulator of Twilio itself, with small programs that answer its webhooks."""

from __future__ import annotations

import io
import re
import threading
import time
import wave
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio_emulator import Emulator, tones
from twilio_emulator.sip_leg import Dialog, Message, SipPhone
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

PUBLIC = "https://ivr.example.com"
CALLER, HOUSE = "+380671110001", "+380487059090"
Answer = str | Response | Callable[[Request], "str | Response"]


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


class Program:
    """Answers each path with TwiML, a Response, or what a function makes of the request."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.signed: list[bool] = []
        self.token = ""
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __call__(self, environ: dict, start_response: object) -> object:
        request = Request(environ)
        self.asked.append((request.full_path.rstrip("?"), request.form.to_dict()))
        if request.method == "POST":
            url = PUBLIC + request.full_path.rstrip("?")
            signature = request.headers.get("X-Twilio-Signature", "")
            self.signed.append(RequestValidator(self.token).validate(url, request.form, signature))
        answer = self.pages.get(request.path, Response(status=404))
        if callable(answer) and not isinstance(answer, Response):
            answer = answer(request)
        if isinstance(answer, str):
            answer = Response(f"<Response>{answer}</Response>", mimetype="text/xml")
        return answer(environ, start_response)

    def told(self, path: str) -> list[dict[str, str]]:
        return [form for asked, form in self.asked if asked.partition("?")[0] == path]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def program() -> Iterator[Program]:
    one = Program()
    yield one
    one.close()


@pytest.fixture
def twilio(program: Program) -> Iterator[Emulator]:
    with Emulator(resolve={PUBLIC: program.url}) as emulator:
        program.token = emulator.auth_token
        emulator.number(HOUSE, f"{PUBLIC}/voice", "", f"{PUBLIC}/status")
        yield emulator
        assert not emulator.bugs
    assert all(program.signed)


class Gateway(TwilioHttpClient):
    def __init__(self, url: str) -> None:
        super().__init__(timeout=5)
        self.url = url

    def request(self, method: str, url: str, *rest: object, **named: object) -> object:
        return super().request(
            method, url.replace("https://api.twilio.com", self.url), *rest, **named
        )


@pytest.fixture
def rest(twilio: Emulator) -> Iterator[Client]:
    gateway = Gateway(twilio.url)
    yield Client(twilio.account_sid, twilio.auth_token, http_client=gateway)
    gateway.session.close()


def tone(seconds: float) -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(b"\0\0" * int(8000 * seconds))
    return sound.getvalue()


def wav(seconds: float = 1.0, **headers: str) -> Response:
    return Response(tone(seconds), mimetype="audio/wav", headers=headers)


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


def test_a_waiting_call_is_taken_out_by_rest(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages |= {
        "/voice": '<Enqueue waitUrl="/wait" action="/left">press2</Enqueue>',
        "/wait": "<Pause length='1'/>",
        "/left": "<Say>this is ignored</Say>",
        "/told": "<Say>hello</Say>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Enqueue")
    twilio.until(lambda: len(program.told("/wait")) >= 3)
    assert program.told("/wait")[0]["QueuePosition"] == "1"
    (queue,) = rest.queues.list()
    assert (queue.friendly_name, queue.current_size) == ("press2", 1)
    assert [one.call_sid for one in rest.queues(queue.sid).members.list()] == [call.sid]
    rest.calls(call.sid).update(url=f"{PUBLIC}/told", method="POST")
    call.wait("completed")
    twilio.until(lambda: program.told("/left"))
    assert program.told("/left")[0]["QueueResult"] == "redirected"
    assert ("say", "hello") in call.heard
    assert ("say", "this is ignored") not in call.heard
    with pytest.raises(TwilioRestException) as refused:
        rest.calls(call.sid).update(twiml="<Response><Hangup/></Response>")
    assert (refused.value.status, refused.value.code) == (400, 21220)
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


# ------------------------------------------------------------------ queues


def test_a_caller_leaves_by_a_key(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait' action='/left'>press2</Enqueue>",
        "/wait": "<Gather numDigits='1' action='/key'><Pause length='30'/></Gather>",
        "/key": "<Leave/>",
        "/left": "<Say>bye</Say>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("1")
    call.wait("completed")
    (left,) = program.told("/left")
    assert left["QueueResult"] == "leave"
    assert left["QueueSid"] == twilio.queue("press2").sid
    assert call.heard[-1] == ("say", "bye")


def test_a_full_queue_and_one_who_gives_up(twilio: Emulator, program: Program) -> None:
    twilio.queue_size = 1
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait' action='/left'>press2</Enqueue>",
        "/wait": "<Pause length='30'/>",
        "/left": lambda request: f"<Say>{request.form['QueueResult']}</Say>",
    }
    first = twilio.call(CALLER, HOUSE).wait("Enqueue")
    second = twilio.call("+380671110002", HOUSE).wait("completed")
    assert second.heard == [("say", "queue-full")]
    assert "QueueSid" not in program.told("/left")[0]
    first.hang_up()
    twilio.until(lambda: len(program.told("/left")) == 2)
    assert program.told("/left")[1]["QueueResult"] == "hangup"
    assert twilio.queue("press2").members == []


def test_a_call_among_the_waiting_document_is_no_place_for_dial(
    twilio: Emulator, program: Program
) -> None:
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait'>press2</Enqueue>",
        "/wait": "<Dial>+380671110002</Dial>",
    }
    twilio.call(CALLER, HOUSE).wait("completed")
    assert "not allowed in a document of a wait" in twilio.faults[0].words


# ------------------------------------------------------------------ Dial


CLIENT = (
    "<Dial action='/over' timeout='20' {dial}><Client statusCallback='/leg'"
    " statusCallbackEvent='initiated ringing answered completed'><Identity>op-olena</Identity>"
    "<Parameter name='token' value='t1'/></Client></Dial>"
)


def test_a_browser_phone_answers_and_hangs_up(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": CLIENT.format(dial="record='record-from-answer' recordingStatusCallback='/rec'"),
        "/leg": Response(status=204),
        "/rec": Response(status=204),
        "/over": "<Say>survey</Say>",
    }
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("op-olena")
    assert leg.parameters == {"token": "t1"}
    leg.answer()
    call.wait(lambda call: call.bridged)
    leg.hang_up()
    call.wait("completed")
    (over,) = program.told("/over")
    assert (over["DialCallStatus"], over["DialBridged"]) == ("completed", "true")
    assert over["DialCallSid"] == leg.call.sid
    twilio.until(lambda: len(program.told("/leg")) == 4 and program.told("/rec"))
    statuses = {form["CallStatus"] for form in program.told("/leg")}
    assert statuses == {"initiated", "ringing", "in-progress", "completed"}
    assert program.told("/leg")[0]["ParentCallSid"] == call.sid
    assert call.heard[-1] == ("say", "survey")
    twilio.check()


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
def test_a_telephone_that_does_not_answer(twilio: Emulator, program: Program, how: str) -> None:
    program.pages |= {
        "/voice": "<Dial action='/over' answerOnBridge='true'>+380671110002</Dial>",
        "/over": lambda request: f"<Say>{request.form['DialCallStatus']}</Say>",
    }
    twilio.on_dial = lambda leg: how
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard[-1] == ("say", how)
    assert program.told("/over")[0]["CallStatus"] == "ringing"


def test_the_caller_hangs_up_while_it_rings(twilio: Emulator, program: Program) -> None:
    program.pages |= {"/voice": "<Dial action='/over'>+380671110002</Dial>", "/over": ""}
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("+380671110002")
    call.hang_up()
    leg.wait("over")
    twilio.until(lambda: program.told("/over"))
    assert program.told("/over")[0]["DialCallStatus"] == "canceled"


def test_the_called_person_decides_first(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Dial action='/over'><Number url='/screen'>+380671110002</Number></Dial>",
        "/screen": "<Gather numDigits='1' action='/yes'><Say>take it?</Say></Gather><Hangup/>",
        "/yes": "<Say>joined</Say>",
        "/over": "",
    }
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("+380671110002").answer()
    leg.call.wait("Gather").press("1")
    call.wait(lambda call: call.bridged)
    assert leg.call.heard == [("say", "take it?"), ("say", "joined")]
    call.press("77")
    assert leg.keys == "77"
    call.hang_up()
    leg.wait("over")


# ------------------------------------------------------------------ legs by SIP


class Exchange(SipPhone):
    """A telephone that asks for a password and answers whoever calls."""

    def __init__(self) -> None:
        self.invites: list[Message] = []
        self.tones: deque[bytes] = deque(maxlen=20)
        self.frames = 0
        super().__init__(("127.0.0.1", 9), "op-olena", answers=False)

    def take(self, message: Message) -> None:
        if not message.status:
            port = re.search(r"SIP/2.0/UDP ([\d.]+):(\d+)", message.vias[0])
            assert port
            self.server = (port[1], int(port[2]))
        if not message.status and message.method == "INVITE":
            self.invites.append(message)
            if "authorization" not in message.headers:
                challenge = 'Digest realm="asterisk", nonce="n1", qop="auth", algorithm=MD5'
                text = f"401 Unauthorized\r\nWWW-Authenticate: {challenge}"
                self.reply(message, text)
                return
        super().take(message)

    def voice(self, dialog: Dialog) -> bytes:
        self.frames += 1
        return tones.frame(660, self.frames)

    def listen(self, dialog: Dialog, sound: bytes) -> None:
        self.tones.append(sound[12:])

    def hears(self, frequency: int) -> bool:
        with self.changed:
            sound = b"".join(self.tones)
        return len(sound) > 1600 and tones.share(sound, frequency) > 0.5


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    one = Exchange()
    yield one
    one.close()


def sip(program: Program, exchange: Exchange, more: str = "") -> None:
    program.pages |= {
        "/voice": f"<Dial action='/over' {more}><Sip username='twilio' password='secret'>"
        f"sip:op-olena@{exchange.here}?X-Press2-Token=t1&amp;X-Press2-Node=asterisk</Sip></Dial>",
        "/over": "",
    }


def test_a_telephone_by_sip_is_called_and_both_hear(
    twilio: Emulator, program: Program, exchange: Exchange
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    headers = exchange.invites[-1].headers
    assert (headers["x-press2-token"], headers["x-press2-node"]) == ("t1", "asterisk")
    assert 'username="twilio"' in headers["authorization"]
    assert headers["from"].startswith(f"<sip:{CALLER}@")
    exchange.answer(dialog)
    call.wait(lambda call: call.bridged)
    twilio.until(lambda: call.hears(660) and not call.hears(440))
    twilio.until(lambda: exchange.hears(440))
    call.tone = 880
    twilio.until(lambda: exchange.hears(880) and not exchange.hears(440))
    exchange.hang_up(dialog)
    call.wait("completed")
    (over,) = program.told("/over")
    assert (over["DialCallStatus"], over["DialSipResponseCode"]) == ("completed", "200")
    twilio.check()


def test_a_redirected_caller_says_bye(
    twilio: Emulator, program: Program, exchange: Exchange, rest: Client
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    exchange.answer(dialog)
    call.wait(lambda call: call.bridged)
    rest.calls(call.sid).update(twiml="<Response><Say>sorry</Say></Response>")
    exchange.until(lambda: dialog.state == "over")
    call.wait("completed")
    assert call.heard[-1] == ("say", "sorry")
    assert not program.told("/over")


def test_a_caller_who_gives_up_cancels(
    twilio: Emulator, program: Program, exchange: Exchange
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    call.hang_up()
    exchange.until(lambda: dialog.state == "over")


@pytest.mark.parametrize(
    ("status", "how"),
    [("486 Busy Here", "busy"), ("480 Gone", "no-answer"), ("404 Not Found", "failed")],
)
def test_a_telephone_by_sip_refuses(
    twilio: Emulator, program: Program, exchange: Exchange, status: str, how: str
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    exchange.refuse(exchange.rung(), status)
    call.wait("completed")
    (over,) = program.told("/over")
    assert over["DialCallStatus"] == how
    assert over["DialSipResponseCode"] == status[:3]


# ------------------------------------------------------------------ REST


def test_a_call_is_made_and_told_of(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages |= {
        "/out": "<Gather numDigits='1' action='/yes'><Say>press one</Say></Gather>",
        "/yes": "<Hangup/>",
        "/events": Response(status=204),
    }
    made = rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        url=f"{PUBLIC}/out",
        timeout=20,
        status_callback=f"{PUBLIC}/events",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert made.status == "queued"
    leg = twilio.leg("+380671110002").answer()
    leg.call.wait("Gather").press("1")
    leg.call.wait("completed")
    twilio.until(lambda: len(program.told("/events")) == 4)
    assert program.told("/out")[0]["Direction"] == "outbound-api"
    assert program.told("/out")[0]["CallStatus"] == "in-progress"
    assert rest.calls(made.sid).fetch().status == "completed"
    (listed,) = rest.calls.list(status="completed")
    assert listed.sid == made.sid
    assert rest.calls.list(status="in-progress") == []
    twilio.check()


def test_a_call_nobody_takes(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages["/events"] = Response(status=204)
    twilio.haste = 100
    made = rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        twiml="<Response><Hangup/></Response>",
        timeout=5,
        status_callback=f"{PUBLIC}/events",
    )
    twilio.until(lambda: program.told("/events"))
    assert program.told("/events")[0]["CallStatus"] == "no-answer"
    assert rest.calls(made.sid).fetch().status == "no-answer"


def test_rest_refuses(twilio: Emulator, rest: Client) -> None:
    def code(act: Callable[[], object]) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as refused:
            act()
        return refused.value.status, refused.value.code

    number = "+380671110002"
    long = f"<Response><Say>{'x' * 4000}</Say></Response>"
    assert code(lambda: rest.calls("CA" + "0" * 32).update(status="completed")) == (404, 20404)
    assert code(lambda: rest.calls.create(to=number, from_=HOUSE, url="/x")) == (400, 21205)
    assert code(lambda: rest.calls.create(to=number, from_=HOUSE, twiml=long))[0] == 400
    assert code(lambda: rest.calls.create(to="12", from_=HOUSE, url="https://a/")) == (400, 21211)
    assert code(lambda: rest.calls.create(to=number, from_=number, url="https://a/"))[0] == 400
    stranger = Client(twilio.account_sid, "wrong", http_client=rest.http_client)
    assert code(lambda: stranger.calls("CA" + "0" * 32).fetch()) == (401, 20003)
    twilio.refuse_rest(503, 20503)
    assert code(lambda: rest.queues("QU" + "0" * 32).fetch()) == (503, 20503)
    assert rest.queues.list() == []


def test_lists_have_pages(twilio: Emulator, rest: Client) -> None:
    for number in range(7):
        rest.queues.create(friendly_name=f"q{number}", max_size=5)
    assert len(rest.queues.list(page_size=3)) == 7
    (first, *_) = rest.queues.list(limit=2)
    assert rest.queues(first.sid).update(max_size=2000).max_size == 2000


def test_numbers_are_set_up(twilio: Emulator, program: Program, rest: Client) -> None:
    (number,) = rest.incoming_phone_numbers.list(phone_number=HOUSE)
    changed = rest.incoming_phone_numbers(number.sid).update(
        voice_url=f"{PUBLIC}/other", voice_fallback_url=f"{PUBLIC}/fallback"
    )
    assert (changed.voice_url, changed.voice_method) == (f"{PUBLIC}/other", "POST")
    program.pages["/other"] = "<Reject reason='busy'/>"
    call = twilio.call(CALLER, HOUSE).wait("busy")
    assert call.heard == [("reject", "busy")]


def test_messages_arrive_or_not(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages["/message"] = Response(status=204)

    def send() -> str:
        made = rest.messages.create(
            to="+380671110002", from_=HOUSE, body="Світло є", status_callback=f"{PUBLIC}/message"
        )
        return str(made.sid)

    arrived = send()
    twilio.messages.on_message = lambda message: ("undelivered", 30003)
    lost = send()
    twilio.until(lambda: len(program.told("/message")) == 4)
    last = {form["MessageSid"]: form for form in program.told("/message")}
    assert last[arrived]["MessageStatus"] == "delivered"
    assert (last[lost]["MessageStatus"], last[lost]["ErrorCode"]) == ("undelivered", "30003")
    assert rest.messages(lost).fetch().error_code == 30003
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert {one.sid for one in rest.messages.list(to="+380671110002", date_sent_after=since)} == {
        arrived,
        lost,
    }


def test_a_talk_is_not_recorded_for_a_while(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages["/voice"] = "<Dial record='record-from-answer'>+380671110002</Dial>"
    twilio.on_dial = lambda leg: "answered"
    call = twilio.call(CALLER, HOUSE).wait(lambda call: call.bridged)
    current = rest.calls(call.sid).recordings("Twilio.CURRENT")
    assert current.update(status="paused").status == "paused"
    assert current.update(status="in-progress").status == "in-progress"
    call.hang_up()
    (one,) = twilio.recordings.by_sid.values()
    assert one.changes == ["paused", "in-progress"]
    twilio.until(lambda: one.status == "completed")


# ------------------------------------------------------------------ the network


def test_a_lost_request_is_sent_again(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.lose("/voice")
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("say", "hello")]
    assert [hook.code for hook in call.requests[:2]] == [11205, 0]


def test_a_lost_answer_makes_two_requests(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.lose_answer("/voice")
    twilio.call(CALLER, HOUSE).wait("completed")
    assert len(program.told("/voice")) == 2


def test_what_fails_goes_to_the_fallback(twilio: Emulator, program: Program) -> None:
    twilio.numbers[HOUSE].fallback = (f"{PUBLIC}/fallback", "POST")
    program.pages |= {"/voice": Response(status=500), "/fallback": "<Say>sorry</Say>"}
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("say", "sorry")]
    (told,) = program.told("/fallback")
    assert (told["ErrorCode"], told["ErrorUrl"]) == ("11200", f"{PUBLIC}/voice")
    assert len(program.told("/voice")) == 1


def test_without_a_fallback_an_error_is_spoken(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = Response(status=500)
    call = twilio.call(CALLER, HOUSE)
    call.wait(lambda call: call.status == "no-answer")
    assert [kind for kind, _ in call.heard] == ["error"]
    assert len(twilio.failures) == 1


def test_a_slow_program_is_given_up(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.timeout = 0.2
    twilio.network.delay("/voice", 0.1)
    twilio.call(CALLER, HOUSE).wait("completed")
    gone = threading.Event()
    program.pages["/voice"] = lambda request: str(gone.wait(5))
    call = twilio.call(CALLER, HOUSE)
    call.wait(lambda call: call.heard)
    gone.set()
    assert (call.heard[0][0], call.requests[0].code) == ("error", 11200)


@pytest.mark.parametrize("together", [False, True])
def test_requests_are_repeated(twilio: Emulator, program: Program, together: bool) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.repeat("/voice", 2, together=together)
    twilio.call(CALLER, HOUSE).wait("completed")
    twilio.until(lambda: len(program.told("/voice")) == 3)


def test_requests_come_in_another_order(twilio: Emulator, program: Program) -> None:
    program.pages |= {"/voice": "<Redirect>/turn/1</Redirect>", "/turn/1": "<Hangup/>"}
    twilio.network.reorder("/voice")
    twilio.call(CALLER, HOUSE).wait("completed")
    twilio.until(lambda: len(program.told("/voice")) == 2)
    asked = [path for path, _ in program.asked if path != "/status"]
    assert asked == ["/voice", "/turn/1", "/voice"]


def test_what_is_told_comes_in_another_order(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages["/events"] = Response(status=204)
    twilio.on_dial = lambda leg: "busy"
    twilio.network.reorder("/events")
    rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        twiml="<Response><Hangup/></Response>",
        status_callback=f"{PUBLIC}/events",
        status_callback_event=["initiated", "ringing", "completed"],
    )
    twilio.until(lambda: len(program.told("/events")) == 3)
    statuses = [form["CallStatus"] for form in program.told("/events")]
    assert sorted(statuses) == ["busy", "initiated", "ringing"]
    assert statuses[0] == "ringing"


def test_slow_rest(twilio: Emulator, rest: Client) -> None:
    twilio.slow_rest(0.2)
    began = time.monotonic()
    rest.queues.list()
    assert time.monotonic() - began >= 0.2


def test_one_caller_takes_another_out_of_the_queue(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": lambda request: (
            "<Enqueue action='/left'>press2</Enqueue>"
            if request.form["From"] == CALLER
            else "<Dial><Queue>press2</Queue></Dial>"
        ),
        "/left": "",
    }
    first = twilio.call(CALLER, HOUSE).wait("Enqueue")
    second = twilio.call("+380671110002", HOUSE).wait("Dial")
    second.hang_up()
    first.wait("completed")
    assert program.told("/left")[0]["QueueResult"] == "bridged"


def test_many_calls_at_once(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Gather numDigits='1' action='/wait'><Pause length='60'/></Gather>",
        "/wait": "<Enqueue>press2</Enqueue>",
    }
    calls = [twilio.call(f"+38067{number:07}", HOUSE) for number in range(100)]
    for call in calls:
        call.press("1")
    twilio.until(lambda: len(twilio.queue("press2").members) == 100, 30)
    for call in calls:
        call.hang_up()
    assert all(call.status == "completed" for call in calls)
