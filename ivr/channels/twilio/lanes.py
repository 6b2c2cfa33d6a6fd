"""Requests to Twilio's REST that nobody waits for: in order for each call, with patience.

Threads take them from lanes; all requests of one call go through one lane. What Twilio puts off or
what is lost on the way is tried again for as long as it makes sense.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import zlib
from collections.abc import Callable
from typing import TypeVar

import requests
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from urllib3.exceptions import MaxRetryError, NewConnectionError

logger = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[], None]

LANES = 8
PAUSES = (0.3, 1.0, 3.0, 6.0, 10.0)
"""Seconds before each new try, less a random part: many calls are put off at one moment."""
OVER_CODES = (20404, 21220)
"""Twilio's codes for a call that is not known, or not in progress any more."""
NOT_DONE = (429, 503)
"""HTTP statuses with which Twilio says that it did nothing."""
NOT_ANSWERED = (401, 403)
"""... and those of an account that is refused altogether: nothing can be concluded of a call."""
SILENT = 3
"""Requests in a row without an answer, after which Twilio is out of reach."""


class CallOver(Exception):
    """Twilio does not know the call, or it is over."""


class Refused(Exception):
    """Twilio does not do this."""


class Unreached(Exception):
    """Twilio gave no answer, or asks for patience. nothing: it is sure that nothing was done."""

    def __init__(self, why: str, nothing: bool) -> None:
        super().__init__(why)
        self.nothing = nothing


class Lanes:
    """Threads that do jobs; those of one call in the order in which they were given."""

    def __init__(self, count: int = LANES) -> None:
        self._waiting: list[queue.SimpleQueue[Job | None]] = [
            queue.SimpleQueue() for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"twilio-{number}", daemon=True)
            for number, lane in enumerate(self._waiting)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End when what waits is done."""
        for lane in self._waiting:
            lane.put(None)
        for thread in self._threads:
            thread.join()

    def put(self, call: str, job: Job) -> None:
        """Have a job of a call done."""
        self._waiting[zlib.crc32(call.encode()) % len(self._waiting)].put(job)

    @staticmethod
    def _work(lane: queue.SimpleQueue[Job | None]) -> None:
        while (job := lane.get()) is not None:
            try:
                job()
            except Exception:
                logger.exception("a request to Twilio was not made")


class Patience:
    """Makes requests, again where that helps. found: called when Twilio answers again.

    up: Twilio is not known to be out of reach.
    """

    def __init__(self, found: Callable[[], None]) -> None:
        self._found = found
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._silent = 0

    @property
    def up(self) -> bool:
        """Whether Twilio is not known to be out of reach."""
        return self._silent < SILENT

    def stop(self) -> None:
        """Let nothing be tried again."""
        self._stopping.set()

    def once(self, request: Callable[[], T]) -> T:
        """Make a request. CallOver, Refused or Unreached tell why it was not done."""
        try:
            answer = request()
        except (TwilioRestException, TwilioServiceException) as error:
            raise self._meant(error) from error
        except (requests.RequestException, ValueError) as error:
            self._heard(False)
            raise Unreached(type(error).__name__, _never_sent(error)) from error
        self._heard(True)
        return answer

    def insist(
        self,
        request: Callable[[], T],
        seconds: float,
        again: Callable[[], bool] = lambda: True,
        twice: bool = True,
    ) -> T | None:
        """Make a request, and again while Twilio gives no answer, for `seconds`.

        again: asked before each new try whether it is still wanted; None is returned when not.
        twice: it may be made though an earlier one may have been carried out.
        """
        end = time.monotonic() + seconds
        for pause in PAUSES:
            try:
                return self.once(request)
            except Unreached as reason:
                pause *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                late = time.monotonic() + pause >= end
                if late or not (twice or reason.nothing) or self._stopping.wait(pause):
                    raise
            if not again():
                return None
        return self.once(request)

    def _meant(self, error: TwilioRestException | TwilioServiceException) -> Exception:
        """Return what Twilio's answer means."""
        status, code = int(error.status), error.code
        answered = status < 500 and status not in (*NOT_DONE, *NOT_ANSWERED)
        # A busy account is an answer, too: whoever is told to wait has been heard.
        self._heard(answered or status == 429)
        if status == 404 or code in OVER_CODES:
            return CallOver(f"{status}/{code}")
        if answered:
            return Refused(f"{status}/{code}")
        if status in NOT_ANSWERED:
            logger.error("Twilio refuses the account (%s): look at [twilio]", status)
        return Unreached(f"{status}/{code}", status in (*NOT_DONE, *NOT_ANSWERED))

    def _heard(self, answer: bool) -> None:
        with self._lock:
            before, self._silent = self.up, 0 if answer else self._silent + 1
        if before and not self.up:
            logger.error("Twilio's REST is out of reach; those it holds wait")
        elif not before and self.up:
            logger.warning("Twilio's REST answers again")
            self._found()


def _never_sent(error: Exception) -> bool:
    """Tell whether a request that failed cannot have reached anybody."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
