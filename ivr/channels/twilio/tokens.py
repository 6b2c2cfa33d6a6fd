"""Access tokens, with which an operator's page becomes a telephone of Twilio (its Voice SDK)."""

from __future__ import annotations

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from ivr.channels.twilio.settings import TwilioSettings

LONGEST = 24 * 3600
"""Seconds a token may live; Twilio takes no longer ones."""


def identity(endpoint: str) -> str:
    """Return the name under which Twilio knows an operator's telephone: "op_olena" of "op-olena".

    Twilio rings no name that has anything but letters, digits and underscores in it.
    """
    return endpoint.replace("-", "_")


def access_token(settings: TwilioSettings, identity: str, seconds: int) -> str:
    """Return a token (JWT, HS256) that lets a page be rung as `identity`, and call nobody.

    seconds: how long it may register or take a call, 1 to LONGEST; a call that goes on is not cut.
    """
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"a token lives 1 to {LONGEST} seconds, not {seconds}")
    token = AccessToken(
        settings.account_sid, settings.api_key, settings.api_secret, identity=identity, ttl=seconds
    )
    token.add_grant(VoiceGrant(incoming_allow=True))
    text: str = token.to_jwt()
    return text
