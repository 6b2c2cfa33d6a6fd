"""A recogniser that answers as the test says, where a real one would not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from itertools import count

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

LOAD = {"busy": 0, "limit": 9, "instance": "scripted", "languages": ["uk"], "ready": True}
IDS = count()


def tells(text: str, grammar: str = "answer.uk.1", score: int = 90) -> Callable[..., None]:
    """Return the act of telling a result."""

    def tell(connection: ServerConnection) -> None:
        result = {"text": text, "score": score, "grammar": grammar, "best": 0}
        request = {"request": "set", "id": f"r{next(IDS)}", "params": {"results": [result]}}
        connection.send(json.dumps(request))

    return tell


def closes(connection: ServerConnection) -> None:
    """Close the connection and live on."""
    connection.close()


class ScriptedListener:
    """Acts at the first audio of each question, and at the first one after `speaking` was asked.

    refuses: lets no Asterisk in. speaking: what it tells of a caller when the time is over.
    """

    def __init__(
        self, port: int, *acts: Callable[..., None], refuses: bool = False, speaking: str = "0"
    ) -> None:
        self.acts = list(acts)
        self.refuses = refuses
        self.speaking = speaking
        self.server = serve(self.talk, "127.0.0.1", port, process_request=self.answer)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/load":
            body = json.dumps(LOAD).encode()
            return Response(HTTPStatus.OK, "OK", Headers({"Connection": "close"}), body)
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full") if self.refuses else None

    def talk(self, connection: ServerConnection) -> None:
        due = False
        for message in connection:
            if isinstance(message, bytes):
                if due and self.acts:
                    self.acts.pop(0)(connection)
                due = False
                continue
            told = json.loads(message)
            if "request" not in told:
                continue
            due = told["request"] == "get" or "grammar" in told["params"]
            more = {"params": {"speaking": self.speaking}} if told["request"] == "get" else {}
            if told["request"] == "setup":
                more = {"codecs": told["codecs"][:1]}
            reply = {"response": told["request"], "id": told["id"], **more}
            connection.send(json.dumps(reply))

    def __enter__(self) -> ScriptedListener:
        """Serve."""
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self.server.shutdown()
        self.thread.join()
