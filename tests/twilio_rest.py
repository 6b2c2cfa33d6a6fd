"""A bare REST server in Twilio's place: notes what is asked of it, and fails as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "AC" + "0" * 32
HANG_UP = (0, 0)
"""A fault: the connection ends without an answer."""


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until `true()`; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return answer


class Rest:
    """Calls by their SID. asked: (method, path below the account, form) of every request.

    faults: (HTTP status, Twilio's code) of the next requests, in turn. over: SIDs that are gone.
    gate: while cleared, no request is answered.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.faults: deque[tuple[int, int]] = deque()
        self.over: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        rest = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                rest.answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                rest.answer(self, {key: value[0] for key, value in parse_qs(body).items()})

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        path = handler.path.split(ACCOUNT, 1)[1].removesuffix(".json")
        self.asked.append((handler.command, path, form))
        self.gate.wait(20)
        status, code = self.faults.popleft() if self.faults else (200, 0)
        if self.broken or status == 0:
            handler.close_connection = True
            return
        parts = path.strip("/").split("/")
        sid = parts[1] if len(parts) > 1 else "CA" + f"{len(self.asked):032x}"
        if status == 200 and handler.command == "POST" and sid in self.over:
            status, code = 404, 20404
        state = "completed" if sid in self.over else "in-progress"
        found: dict[str, Any] = {"sid": sid, "status": state}
        body = json.dumps(
            found if status == 200 else {"code": code, "message": "", "status": status}
        )
        handler.send_response(201 if path == "/Calls" and status == 200 else status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    def posts(self, path: str = "") -> list[dict[str, str]]:
        """Return the forms posted to a path, or to all."""
        return [form for method, at, form in self.asked if method == "POST" and path in ("", at)]
