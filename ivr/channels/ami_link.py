"""One connection to Asterisk's manager interface (AMI): pyst2's, made safe.

Of pyst2's `Manager` the words of the protocol are kept. Its threads, queues and parser are
replaced: they die of a surprising line, lose answers between threads and wait for ever. Whatever is
wrong ends the connection, and whoever holds it makes another.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import queue
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import BinaryIO

from asterisk.manager import Manager, ManagerException, ManagerMsg

from ivr.errors import Press2Error

log = logging.getLogger(__name__)

EOL = "\r\n"
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
"""An Asterisk that does not answer an action for so long is taken for dead."""
PING_SECONDS = 5.0
LINE_LIMIT = 65536
"""Bytes of one line that is read."""
ACTION_LINE = 1000
"""Bytes of one line that is sent; manager.c reads 1024."""

Report = Callable[["Message"], None]


class LinkLost(ManagerException):  # type: ignore[misc]
    """There is no connection to the manager interface, or not any more."""


def event_mark(secret: str) -> str:
    """Return the word by which our dialplan's events are known from forged ones."""
    return hashlib.sha256(f"press2 events {secret}".encode()).hexdigest()[:24]


class Message(ManagerMsg):  # type: ignore[misc]
    """One message of AMI. The first value of a header counts.

    A caller's number may hold a line end and so add headers of its own; those that stand before
    it cannot be replaced by them. variables: of the channel (`channelvars` of manager.conf).
    """

    def parse(self, response: Iterable[str]) -> None:
        """Read the lines of the message."""
        self.variables: dict[str, str] = {}
        self.kind = ""
        for line in response:
            name, colon, value = line.partition(":")
            value = value.strip()
            self.kind = self.kind or name
            if colon and name.startswith("ChanVariable"):
                variable, _, held = value.partition("=")
                self.variables.setdefault(variable, held)
            elif colon:
                self.headers.setdefault(name, value)

    def get(self, header: str) -> str:
        """Return a header, "" when the message has none of that name."""
        return str(self.headers.get(header, ""))

    @property
    def refused(self) -> bool:
        """Whether it says that an action was not done."""
        return self.get("Response") not in {"Success", "Goodbye"}


class Answer:
    """What comes back for one action. whole: the last line of it is here."""

    def __init__(self, *, listing: bool = False) -> None:
        self.listing = listing
        self.head: Message | None = None
        self.entries: list[Message] = []
        self.whole = threading.Event()

    def take(self, message: Message) -> bool:
        """Keep `message` if it belongs here; False for an event that is nobody's answer."""
        if message.kind == "Response":
            self.head = message
            if message.refused or not self.listing:
                self.whole.set()
        elif not self.listing:
            return False
        elif message.get("EventList") == "Complete":
            self.whole.set()
        else:
            self.entries.append(message)
        return True


class Link(Manager):  # type: ignore[misc]
    """A connection that is signed in. Any thread may `do` an action.

    One thread reads; whoever calls `event_dispatch` reports. Both end with the connection.
    """

    def __init__(self, address: tuple[str, int], user: str, secret: str) -> None:
        # Not pyst2's own: its threads and queues are not used, and `__del__` would want them.
        self._writing = threading.Lock()
        self._answers: dict[str, Answer] = {}
        self._number, self._name = count(1), secrets.token_hex(8)
        self._events: queue.SimpleQueue[Message | Callable[[], None] | None] = queue.SimpleQueue()
        self._broken = threading.Event()
        self.connect(*address)
        try:
            self.login(user, secret)
        except LinkLost:
            self.close()
            raise

    def __del__(self) -> None:
        """Do nothing: who opened it closes it."""

    # ------------------------------------------------------------------ the connection

    def connect(self, host: str, port: int = 5038) -> None:
        """Connect, without signing in."""
        try:
            self._socket = socket.create_connection((host, port), CONNECT_SECONDS)
        except OSError as error:
            raise LinkLost(f"{host}:{port}: {error.strerror or error}") from error
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message_thread = threading.Thread(
            target=self.message_loop, name="ami-read", daemon=True
        )
        self.message_thread.start()

    def login(self, username: str, secret: str) -> Message:
        """Sign in."""
        answer = self.send_action(Action="Login", Username=username, Secret=secret)
        if answer.refused:
            raise LinkLost(f"AMI refuses the user {username}")
        return answer

    def connected(self) -> bool:
        """Tell whether the connection stands."""
        return not self._broken.is_set()

    def close(self) -> None:
        """End the connection; from any thread, and more than once."""
        self._broken.set()
        with contextlib.suppress(OSError):  # the other side may have been quicker
            self._socket.shutdown(socket.SHUT_RDWR)

    def event_dispatch(self, report: Report) -> None:
        """Report each event until the connection ends; those since the sign-in come first.

        Raises LinkLost when Asterisk, with nothing to report, answers no ping either.
        """
        while True:
            try:
                message = self._events.get(timeout=PING_SECONDS)
            except queue.Empty:
                self.send_action(Action="Ping")
                continue
            if message is None:
                return
            try:
                if isinstance(message, Message):
                    report(message)
                else:
                    message()
            except Exception:
                log.exception("AMI: %s was not taken in", message)

    # ------------------------------------------------------------------ asking

    def send_action(self, cdict: Mapping[str, str] | None = None, **kwargs: str) -> Message:
        """Do one action and return the answer."""
        head = self.do(Answer(), {**(cdict or {}), **kwargs}).head
        return head or Message([])

    def later(self, task: Callable[[], None]) -> None:
        """Have `task` done in the thread that reports events, after those that came before."""
        self._events.put(task)

    def do(
        self, answer: Answer, fields: Mapping[str, str], variables: Mapping[str, str] | None = None
    ) -> Answer:
        """Do one action and return `answer`, filled; it may say that Asterisk refuses.

        variables: of a channel to be made, for Originate. Raises LinkLost when the connection is
        lost, Press2Error for a value that would become a line of its own.
        """
        identity = fields.get("ActionID") or f"{self._name}-{next(self._number)}"
        lines = [*{**fields, "ActionID": identity}.items()]
        lines += [("Variable", f"{name}={value}") for name, value in (variables or {}).items()]
        text = "".join(line(name, value) for name, value in lines) + EOL
        self._answers[identity] = answer
        try:
            with self._writing:
                self._socket.sendall(text.encode())
            if not answer.whole.wait(ANSWER_SECONDS):
                log.warning("AMI gave no answer to %s; connecting anew", fields.get("Action"))
                self.close()
        except OSError as error:
            raise LinkLost("the connection is lost") from error
        finally:
            self._answers.pop(identity, None)
        if not answer.whole.is_set() or answer.head is None:
            raise LinkLost("the connection is lost")
        return answer

    # ------------------------------------------------------------------ reading

    def message_loop(self) -> None:
        """Read until the connection ends, by whichever side."""
        lines: list[str] = []
        try:
            with self._socket, self._socket.makefile("rb") as stream:
                stream.readline(LINE_LIMIT)  # "Asterisk Call Manager/..."
                while text := whole_line(stream):
                    if text != EOL:
                        lines.append(text)
                    elif lines:
                        self._take(Message(lines))
                        lines = []
        except OSError as error:
            log.debug("AMI: %s", error)
        finally:
            self._broken.set()
            for answer in list(self._answers.values()):
                answer.whole.set()
            self._events.put(None)

    def _take(self, message: Message) -> None:
        answer = self._answers.get(message.get("ActionID"))
        if (answer is None or not answer.take(message)) and message.kind == "Event":
            self._events.put(message)


def whole_line(stream: BinaryIO) -> str:
    r"""Return the next line, "" at the end. Only \r\n ends one: a value may hold a bare \n."""
    raw = b""
    while part := stream.readline(LINE_LIMIT):
        raw += part
        if raw.endswith(b"\r\n"):
            return str(raw, errors="replace")
        if len(raw) > LINE_LIMIT:
            raise OSError("a line without an end")
    return ""


def line(name: str, value: str) -> str:
    """Return one line of an action; Press2Error for what would be more or would be cut off."""
    text = f"{name}: {value}"
    if not text.isprintable():
        raise Press2Error(f"AMI: {name} holds a control character; it was not sent")
    if len(text.encode()) > ACTION_LINE:
        raise Press2Error(f"AMI: {name} is too long; it was not sent")
    return text + EOL
