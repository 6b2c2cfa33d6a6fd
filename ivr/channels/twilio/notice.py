"""Calls to people who asked to be told something, over Twilio's REST.

Whoever answers is asked for at /twilio/notice/ID, where the flow `restored` begins. How a call goes
is looked up until it is over, so that no lost webhook matters.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException

from ivr.channels.twilio import dialling
from ivr.channels.twilio.errands import REFUSED
from ivr.channels.twilio.settings import TwilioSettings
from ivr.outbox import Permanent
from ivr.services.telling import NoLine

if TYPE_CHECKING:
    from twilio.rest import Client

    from ivr.destination import Destination

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks."""
TALK = 120.0
"""Seconds after the ringing in which its end is waited for."""


def given(settings: TwilioSettings, number: str, source: str, about: str, ring: float) -> Any:
    """Return what `calls.create` takes. Machines are not told from people: detecting costs."""
    url = dialling.address(settings, f"notice/{int(about)}")
    return {
        "to": dialling.checked(dialling.E164, number),
        "from_": dialling.checked(dialling.E164, source),
        "timeout": round(ring),
        "url": url,
        "fallback_url": url,
        "status_callback": dialling.address(settings, "status"),
        "status_callback_event": ["completed"],
    }


class TwilioDialler:
    """Dials from the company's number at Twilio. Thread-safe."""

    def __init__(
        self,
        settings: TwilioSettings,
        client: Client,
        look: float = LOOK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._client = client
        self._look = look
        self._sleep = sleep

    def start(self) -> None:
        """Nothing: there is no connection to keep."""

    def stop(self) -> None:
        """Nothing; the calls go on."""

    def call(self, target: Destination, source: str, about: str, token: str, ring: float) -> None:
        """Call, and return when the call is over, or when nothing was heard of it for long."""
        end = time.monotonic() + ring + TALK
        sid = self._create(given(self._settings, target.number, source, about, ring), token)
        while sid and time.monotonic() < end:
            self._sleep(self._look)
            if self._status(sid) in dialling.OVER:
                return
        if not sid:  # whether it rings is unknown: as long as it may
            self._sleep(ring)

    def _create(self, request: dict[str, Any], token: str) -> str:
        """Ask for the call; "" where it may have been made or not."""
        try:
            return str(self._client.calls.create(**request).sid)
        except TwilioRestException as reason:
            text = f"HTTP {reason.status}, Twilio error {reason.code}"
            if reason.status in REFUSED:
                raise Permanent(text) from reason
            if reason.status < 500:
                raise NoLine(text) from reason
            log.warning("notice %s: %s", token, text)
        except requests.ConnectTimeout as reason:
            raise NoLine("Twilio is not reached") from reason
        except requests.ReadTimeout:
            log.warning("notice %s: Twilio did not answer in time", token)
        except requests.ConnectionError as reason:
            raise NoLine("Twilio is not reached") from reason
        return ""

    def _status(self, sid: str) -> str:
        try:
            return str(self._client.calls(sid).fetch().status)
        except (TwilioException, requests.RequestException) as reason:
            log.warning("call %s: how it goes is unknown: %s", sid, type(reason).__name__)
            return ""
