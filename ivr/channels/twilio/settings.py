"""What the Twilio channel needs to know: plain values; whoever puts the parts together fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIP_USER = "twilio"
"""The name under which Twilio calls our Asterisk."""
NODE = "twilio"
"""Of tickets whose call Twilio holds, as Asterisks have names of their own."""


@dataclass(frozen=True)
class TwilioSettings:
    """One account at Twilio.

    public_url: scheme, host and perhaps a path, without a slash at the end; every webhook is below
    it, and its signature covers it. api_url: where Twilio's REST is.
    operators: "sip", rung through our Asterisk at `sip_address` ("pbx.example.com:5060"), or
    "client", rung as Twilio's own browser phones with tokens made by `api_key`.
    sms_from: sender of messages, "" for none. speech: Twilio's recogniser listens too;
    speech_model: which of its models, "" where Twilio shall choose.
    voices: Twilio's voice by language, for texts that have no sound of ours.
    queue: friendly name of the one Twilio queue that holds callers; their order is ours.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    public_url: str
    api_url: str = "https://api.twilio.com"
    operators: str = "sip"
    sip_address: str = ""
    sip_password: str = field(default="", repr=False)
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    sms_from: str = ""
    speech: bool = False
    speech_model: str = ""
    voices: Mapping[str, str] = field(default_factory=dict)
    queue: str = "press2"
