"""Somebody's system that is told of alerts: keeps what it is sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a" * 40


class Hook(ThreadingHTTPServer):
    """Answers 204 to what is signed with `SECRET`, 401 to all else. got: (when, key, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[float, str, dict[str, Any]]] = []
        self.refused = 0
        self.url = f"http://127.0.0.1:{self.server_port}/duty"
        self._thread = threading.Thread(target=self.serve_forever)

    def __enter__(self) -> Hook:
        self._thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def told(self) -> list[tuple[str, str, str]]:
        """State, kind and target of each body, once."""
        bodies = {key: body["document"] for _, key, body in self.got}
        return [(each["state"], each["kind"], each["target"]) for each in bodies.values()]


class Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        signed = self.headers["Press2-Timestamp"].encode() + b"." + content
        right = "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        known = hmac.compare_digest(right, self.headers["Press2-Signature"])
        if known:
            told = time.time(), self.headers["Idempotency-Key"], json.loads(content)
            self.server.got.append(told)
        else:
            self.server.refused += 1
        self.send_response(204 if known else 401)
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        pass
