"""Looks after calls at Twilio of which nobody heard for long: a webhook with their end was lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.channels.twilio.dialling import OVER
from ivr.channels.twilio.lanes import CallOver, Patience, Refused, Unreached
from ivr.channels.twilio.live import HeldCall
from ivr.channels.twilio.whereabouts import Whereabouts

if TYPE_CHECKING:
    from twilio.rest import Client

logger = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds between two rounds."""
UNHEARD = 180.0
"""Seconds after which Twilio is asked whether a call goes on. Who waits is heard of every 30."""
AT_ONCE = 5
"""Calls asked for in one round."""


class Rounds:
    """Makes rounds until told to stop. gone: called with a call that is over. clock: epoch seconds.

    While Twilio is out of reach a round asks whether it answers again, and nothing else.
    """

    def __init__(
        self,
        client: Client,
        patience: Patience,
        whereabouts: Whereabouts,
        gone: Callable[[str], None],
        pause: float = PAUSE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._patience = patience
        self._whereabouts = whereabouts
        self._gone = gone
        self._pause = pause
        self._clock = clock
        self._asked: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Make rounds until `stop`."""
        while not stop.wait(self._pause):
            try:
                self._round()
            except (CallOver, Refused, Unreached) as reason:
                logger.debug("a look at the calls was cut short: %r", reason)
            except Exception:
                logger.exception("a look at the calls failed")

    def _round(self) -> None:
        calls = self._whereabouts.read()
        if not self._patience.up:
            self._patience.once(self._client.api.v2010.account.fetch)
        elif self._whereabouts.readable:
            now = self._clock()
            self._asked = {call: at for call, at in self._asked.items() if call in calls}
            heard = {
                call: max(held.since, self._asked.get(call, 0)) for call, held in calls.items()
            }
            unheard = [call for call, at in heard.items() if now - at > UNHEARD]
            for call in unheard[:AT_ONCE]:
                self._ask(call, calls[call], now)

    def _ask(self, call: str, held: HeldCall, now: float) -> None:
        if self._goes_on(call, held):
            self._asked[call] = now
        else:
            self._whereabouts.drop(call)
            self._gone(call)

    def _goes_on(self, call: str, held: HeldCall) -> bool:
        if not held.sid and not call.startswith("CA"):
            return False  # a call-back of which Twilio never told
        try:
            found = self._patience.once(self._client.calls(held.sid or call).fetch)
        except CallOver:
            return False
        return str(found.status) not in OVER
