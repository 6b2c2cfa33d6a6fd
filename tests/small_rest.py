"""A server with the few REST paths of Twilio that messages and recordings need, and troubles."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

ACCOUNT = "AC" + "0" * 32
TOKEN = "secret-token"
LOGIN = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()


class QuietServer(ThreadingHTTPServer):
    """Closes a connection without a word where its answer raises."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@dataclass
class SmallRest:
    """messages: made so far. recordings: sid -> sound. asked: (method, path, Authorization).

    trouble: called before each request is answered; a returned status and body are sent instead.
    after: called when a message is made and before its answer goes out.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    messages: list[dict[str, Any]] = field(default_factory=list)
    recordings: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    trouble: Callable[[str, str], tuple[int, dict[str, Any]] | None] = lambda method, path: None
    after: Callable[[], None] = lambda: None
    status: str = "queued"
    moved_to: str = ""
    cut_short: bool = False

    def start(self) -> None:
        rest = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                rest.answer(self, "GET")

            def do_POST(self) -> None:
                rest.answer(self, "POST")

            def do_DELETE(self) -> None:
                rest.answer(self, "DELETE")

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    # ------------------------------------------------------------------ answers

    def answer(self, request: Any, method: str) -> None:
        path = urlsplit(request.path).path
        length = int(request.headers.get("Content-Length") or 0)
        form = dict(parse_qsl(request.rfile.read(length).decode()))
        login = request.headers.get("Authorization", "")
        self.asked.append((method, request.path, login))
        account = f"/2010-04-01/Accounts/{ACCOUNT}"
        if found := self.trouble(method, path):
            self._json(request, *found)
        elif not path.startswith(account):
            self._sound(request, self.recordings.get(path.rpartition("/")[2], b""))
        elif login != LOGIN:
            self._json(request, 401, {"code": 20003, "message": "Authenticate"})
        elif path == f"{account}/Messages.json":
            self._messages(request, method, form)
        else:
            self._recordings(request, method, path.rpartition("/")[2])

    def _messages(self, request: Any, method: str, form: dict[str, str]) -> None:
        if method == "POST":
            message = self.message(form)
            self.after()
            self._json(request, 201, message)
            return
        to = parse_qs(urlsplit(request.path).query)["To"][0]
        found = [each for each in reversed(self.messages) if each["to"] == to]
        self._json(request, 200, {"messages": found, "next_page_uri": None})

    def message(self, form: dict[str, str]) -> dict[str, Any]:
        """Make a message as Twilio shows it; `form` is kept under "form"."""
        message = {
            "sid": f"SM{len(self.messages):032x}", "to": form["To"], "body": form["Body"],
            "status": self.status, "error_code": 30008 if self.status == "failed" else None,
            "date_created": format_datetime(self.now().replace(microsecond=0)), "form": form,
        }  # fmt: skip
        self.messages.append(message)
        return message

    def _recordings(self, request: Any, method: str, name: str) -> None:
        sid = name.removesuffix(".wav").removesuffix(".json")
        sound = self.recordings.get(sid)
        if method == "GET" and self.moved_to:
            request.send_response(307)
            request.send_header("Location", f"{self.moved_to}/media/{sid}")
            request.send_header("Content-Length", "0")
            request.end_headers()
        elif sound is None:
            self._json(request, 404, {"code": 20404, "message": "not found"})
        elif method == "DELETE":
            del self.recordings[sid]
            request.send_response(204)
            request.end_headers()
        else:
            self._sound(request, sound)

    def _sound(self, request: Any, sound: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(sound)))
        request.end_headers()
        request.wfile.write(sound[: len(sound) // 2] if self.cut_short else sound)

    @staticmethod
    def _json(request: Any, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
