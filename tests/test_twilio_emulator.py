"""The emulator of Twilio itself, with small programs that answer its webhooks."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Callable, Iterator

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio_emulator import Emulator
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
