"""Who listens to the next question: asks the recogniser processes how busy they are.

A worker asks before each question, so it must be cheap (a millisecond) and must never make the
caller wait: all processes are asked at once, over plain sockets with one deadline.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

WAIT = 0.15
"""Seconds within which a process must tell its load; twice that is the longest `pick` takes."""
AVOIDED = 30.0
"""Seconds for which a process that Asterisk did not reach is left alone."""
REST = 3.0
"""Seconds for which a process that did not answer is left alone while others do."""
LONGEST_ANSWER = 4096
"""Bytes of an answer; more is none of ours."""
REQUEST = b"GET /load HTTP/1.1\r\nHost: recogniser\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Server:
    """A recogniser process. name: of its engine in Asterisk."""

    name: str
    host: str
    port: int


@dataclass(frozen=True)
class Picked:
    """The process that listens to a call. instance: which life of it."""

    name: str
    instance: str


@dataclass(frozen=True)
class Refused:
    """Nobody listens. reason: full (all are busy or slow) or down (none answers)."""

    reason: Literal["full", "down"]


@dataclass(frozen=True)
class Load:
    """What a process tells of itself. busy, limit: connections; slow: it lags behind the audio."""

    busy: int
    limit: int
    instance: str
    languages: tuple[str, ...]
    ready: bool
    slow: bool

    @property
    def free(self) -> bool:
        """Whether it takes one more call."""
        return self.ready and not self.slow and self.busy < self.limit


class Recognisers:
    """The recogniser processes that a worker knows; may be used by many threads."""

    def __init__(self, servers: Sequence[Server], wait: float = WAIT) -> None:
        self._servers = tuple(servers)
        self._wait = wait
        self._resting: dict[Server, float] = {}
        self._avoided: dict[str, float] = {}
        self._turn = itertools.count()

    def pick(self, languages: Sequence[str]) -> Picked | Refused:
        """Return the least loaded process that knows the languages, the caller's own first.

        One that knows only his own is second choice. Takes at most twice `wait` seconds.
        """
        now = time.monotonic()
        known = [each for each in self._servers if self._avoided.get(each.name, 0.0) <= now]
        rested = [each for each in known if self._resting.get(each, 0.0) <= now]
        loads = self._ask(rested)
        if not loads and len(rested) < len(known):
            loads = self._ask([each for each in known if each not in rested])
        usable = [each for each in loads.items() if languages[0] in each[1].languages]
        free = [(server, load) for server, load in usable if load.free]
        if not free:
            return Refused("full" if any(load.ready for _, load in usable) else "down")
        turn = next(self._turn)

        def cost(index: int) -> tuple[int, float, int]:
            load = free[index][1]
            missing = len(set(languages) - set(load.languages))
            return missing, load.busy / load.limit, (index + turn) % len(free)

        server, load = free[min(range(len(free)), key=cost)]
        return Picked(server.name, load.instance)

    def alive(self, picked: Picked) -> bool:
        """Whether the process that was picked still lives, and keeps up with what it hears."""
        server = next((each for each in self._servers if each.name == picked.name), None)
        load = self._ask([server]).get(server) if server else None
        return load is not None and load.instance == picked.instance and not load.slow

    def avoid(self, picked: Picked) -> None:
        """Leave a process alone for a while: it answers here, but Asterisk does not reach it."""
        self._avoided[picked.name] = time.monotonic() + AVOIDED

    def loads(self) -> dict[Server, Load | None]:
        """Return the load of every process, None of those that do not answer."""
        told = self._ask(self._servers)
        return {server: told.get(server) for server in self._servers}

    def _ask(self, servers: Sequence[Server]) -> dict[Server, Load]:
        """Ask all of them at once; who does not answer in time is let rest."""
        told = dict(_answers(servers, self._wait)) if servers else {}
        for server in servers:
            if server in told:
                self._resting.pop(server, None)
            else:
                self._resting[server] = time.monotonic() + REST
        return {server: told[server] for server in servers if server in told}


def _answers(servers: Sequence[Server], wait: float) -> Iterator[tuple[Server, Load]]:
    """Yield the loads that arrive within `wait` seconds."""
    deadline = time.monotonic() + wait
    with contextlib.ExitStack() as opened:
        waiting = opened.enter_context(selectors.DefaultSelector())
        received: dict[Server, bytes] = {}
        for each in servers:
            connection = opened.enter_context(_socket(each))
            with contextlib.suppress(OSError):  # an address that is none: it never becomes ready
                connection.connect_ex((each.host, each.port))
            waiting.register(connection, selectors.EVENT_WRITE, (each, connection))
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                server, connection = key.data
                try:
                    if key.events == selectors.EVENT_WRITE:
                        connection.sendall(REQUEST)
                        waiting.modify(connection, selectors.EVENT_READ, key.data)
                        continue
                    piece = connection.recv(LONGEST_ANSWER)
                except OSError:
                    waiting.unregister(connection)
                    continue
                whole = received[server] = received.get(server, b"") + piece
                load = _load(whole)
                if load or not piece or len(whole) >= LONGEST_ANSWER:
                    waiting.unregister(connection)
                if load:
                    yield server, load


def _socket(server: Server) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    return connection


def _load(answer: bytes) -> Load | None:
    """Read an answer of `GET /load`; None while it is not whole, or is not one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return None
    try:
        told: Any = json.loads(body)
        return Load(
            busy=int(told["busy"]),
            limit=max(1, int(told["limit"])),
            instance=str(told["instance"]),
            languages=tuple(map(str, told["languages"])),
            ready=told["ready"] is True,
            slow=told.get("slow") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
