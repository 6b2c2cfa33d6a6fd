"""Small programs that answer the emulator's webhooks."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Callable

from twilio.request_validator import RequestValidator
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
