"""A reader of Asterisk's manager events, for tests to wait on conditions instead of the clock."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

Event = dict[str, str]
PATIENCE = 20
"""Seconds after which something that should happen has not; never reached in a passing test."""


class Ami:
    """Collects every event from the login on."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.replies = self.socket.makefile("r", encoding="utf-8", errors="replace")
        self.replies.readline()
        self.events: list[Event] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.send(Action="Login", Username=user, Secret=secret)
        self.wait(lambda event: event.get("Response") == "Success")

    def send(self, **fields: str) -> None:
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket.sendall(f"{text}\r\n".encode())

    def read(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # closed while events still came
            self.take()

    def take(self) -> None:
        event: Event = {}
        for line in self.replies:
            name, colon, value = line.rstrip("\r\n").partition(": ")
            if colon:
                event[name] = value
            elif event:
                with self.changed:
                    self.events.append(event)
                    self.changed.notify_all()
                event = {}

    def mark(self) -> int:
        with self.changed:
            return len(self.events)

    def wait(self, wanted: Callable[[Event], bool], after: int = 0) -> tuple[int, Event]:
        """Return the first wanted event after number `after`, and its own number + 1."""
        at = after
        with self.changed:
            while True:
                for event in self.events[at:]:
                    at += 1
                    if wanted(event):
                        return at, event
                if not self.changed.wait(PATIENCE):
                    raise AssertionError(f"never came; the last: {self.events[-5:]}")

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.replies.close()
        self.socket.close()
