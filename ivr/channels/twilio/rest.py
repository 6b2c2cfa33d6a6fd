"""Twilio's REST interface, reached where the settings say."""

from __future__ import annotations

import threading
from typing import Any

from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from ivr.channels.twilio.settings import TwilioSettings

USUAL = "https://api.twilio.com"
SECONDS = 8.0
"""A request may take; nobody who talks waits for one."""


class Gateway(HttpClient):  # type: ignore[misc]
    """Sends what is meant for Twilio's usual address to `api_url`, such as a proxy of the house.

    Each thread has a connection of its own: the library's client keeps the answer to its newest
    request in itself before it returns it, and two threads would get each other's.
    """

    def __init__(self, api_url: str) -> None:
        super().__init__(None, False, SECONDS)
        self._api_url = api_url.rstrip("/")
        self._here = threading.local()

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Response:
        """Make one request."""
        if not hasattr(self._here, "client"):
            self._here.client = TwilioHttpClient(timeout=SECONDS)
        response: Response = self._here.client.request(
            method, self._api_url + url.removeprefix(USUAL), *arguments, **named
        )
        return response


def client(settings: TwilioSettings) -> Client:
    """Return a client of the account; safe to share between threads.

    Its methods raise `twilio.base.exceptions.TwilioRestException` for what Twilio refuses (`list`
    a plain `TwilioException`) and `requests.RequestException` where it is not reached.
    """
    gateway = Gateway(settings.api_url)
    return Client(settings.account_sid, settings.auth_token, http_client=gateway)
