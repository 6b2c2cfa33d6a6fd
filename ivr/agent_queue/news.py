"""News of changes from Redis: one thread a queue, which connects again by itself."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis

from ivr.agent_queue.keys import CHANGES
from ivr.agent_queue.model import Change

logger = logging.getLogger(__name__)

Listener = Callable[[Change], None]

PAUSE = 0.5
"""Seconds between two attempts to connect."""
PATIENCE = 5.0
"""Seconds of silence until the server is asked whether it is there; after as many it is not."""
EVERYTHING = Change("", "all", "")


class News:
    """Tells listeners of each change. After a break, when some were missed: `EVERYTHING`."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connected = threading.Event()
        self._missed = False

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Begin to tell a listener; returns how to stop. Waits a moment for the connection."""
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._connected.clear()
                self._missed = False
                self._thread = threading.Thread(target=self._run, name="queue-news", daemon=True)
                self._thread.start()
        self._connected.wait(1.0)
        return lambda: self._stop(listener)

    def _stop(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def close(self) -> None:
        """Tell nobody any more; the thread ends."""
        with self._lock:
            self._listeners.clear()

    def _run(self) -> None:
        while self._wanted():
            try:
                self._listen()
            except Exception as reason:  # redis-py also has TypeErrors for a closed connection
                if self._connected.is_set() or not self._missed:
                    logger.warning("no news of the queue (%s); connecting again", reason)
                self._connected.clear()
                self._missed = True
                time.sleep(PAUSE)

    def _wanted(self) -> bool:
        """Tell whether somebody listens; the thread that is told no ends."""
        with self._lock:
            if not self._listeners:
                self._thread = None
            return bool(self._listeners)

    def _listen(self) -> None:
        """Hand on what comes. Each "subscribe" is a connection: the client renews them, too."""
        client: Any = self._client
        heard = time.monotonic()
        with client.pubsub() as pubsub:
            pubsub.subscribe(CHANGES)
            while self._listeners:
                message = pubsub.get_message(timeout=PAUSE)
                if message is None:
                    self._ask(pubsub, heard)
                    continue
                heard = time.monotonic()
                if message["type"] == "message":
                    self._hand_on(message["data"])
                elif message["type"] == "subscribe":
                    self._begin()

    def _begin(self) -> None:
        if self._missed:
            self._tell(EVERYTHING)
        self._missed = True
        self._connected.set()

    @staticmethod
    def _ask(pubsub: Any, heard: float) -> None:
        """Ask a silent server whether it is there; an answer comes as a message."""
        silent = time.monotonic() - heard
        if silent > 2 * PATIENCE:
            raise redis.ConnectionError("the server is silent")
        if silent > PATIENCE:
            pubsub.ping()

    def _hand_on(self, data: bytes) -> None:
        news = json.loads(data)
        for what, name in news["changes"]:
            self._tell(Change(news["company"], what, name))

    def _tell(self, change: Change) -> None:
        for listener in list(self._listeners):
            try:
                listener(change)
            except Exception:
                logger.exception("a listener failed at %s", change)
