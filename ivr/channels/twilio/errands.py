"""What a refusal by Twilio's REST interface means for an entry of the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)

from ivr import outbox

REFUSED = (400, 410, 422)
"""Statuses of a request that will be refused again: its number, its text, its sender."""


@contextmanager
def errand() -> Iterator[None]:
    """Turn what the client raises into `Permanent` or `Trouble`, without numbers of people in it.

    Twilio asks not to build on its error codes, which change: the HTTP status decides. 429 and 5xx
    pass; so do 401, 403 and 404, which come of settings that somebody will mend.
    """
    try:
        yield
    except (TwilioRestException, TwilioServiceException) as reason:
        text = f"HTTP {reason.status}, Twilio error {reason.code}"
        raise (outbox.Permanent if reason.status in REFUSED else outbox.Trouble)(text) from reason
    except TwilioException as reason:  # of a list, with the answer among its arguments
        status = getattr(reason.args[-1] if reason.args else None, "status_code", "unknown")
        raise outbox.Trouble(f"HTTP {status} for a list") from reason
    except requests.RequestException as reason:
        raise outbox.Trouble(f"Twilio is not reached: {type(reason).__name__}") from reason
