"""What Twilio posts, as callers and events: pure functions of a webhook's form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from ivr.channels.heard import dialled_keys, e164
from ivr.channels.twilio.twiml import recording_name
from ivr.model import Ask, Caller, Event, Record, Turn

Form = Mapping[str, str]
NOBODY = frozenset(
    ("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253")
)  # fmt: skip
"""What Twilio writes for withheld numbers: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, ... as keys.
https://help.twilio.com/articles/223179988"""
NUMBER = re.compile(r"[+0-9 ().-]{3,32}")
"""A caller's number; letters would be read as the keys they stand on."""
CALL = re.compile(r"[A-Za-z0-9-]{1,64}")
RECORDING = re.compile(r"RE[0-9a-fA-F]{32}")
FILE = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
SPOKEN = 1000
"""Characters of a speech result that are looked at; Twilio listens for a minute at most."""
ABOUT = "press2-about"
"""Of a form: what somebody was called for; a name that Twilio has none of."""
RESTORED = "restored"
"""Flow of who was called because the supply is back."""
OVER = frozenset(("completed", "busy", "failed", "no-answer", "canceled"))
"""CallStatus of a call that is over."""
TALKED = frozenset(("completed", "answered"))
"""DialCallStatus of a dial that was answered."""


class Directory(Protocol):
    """Knows which company a dialled number belongs to."""

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile of a dialled number."""


def caller_of(
    form: Form, runner: Directory, region: str, regions: Mapping[str, str], now: datetime
) -> Caller:
    """Return who calls. region: of numbers that come without a country; regions: by company.

    A caller by SIP or by a browser has no number that anybody vouches for. Who was called counts as
    a caller of the company's number that he sees.
    """
    shown, to = form.get("From", ""), form.get("To") or form.get("Called") or ""
    if form.get("Direction", "").startswith("outbound"):
        shown, to = to, shown
    dialled = _dialled(to, region)
    company = runner.company_of(dialled)
    about = form.get(ABOUT, "")
    number = None
    if NUMBER.fullmatch(shown) and shown not in NOBODY:
        number = e164(shown, regions.get(company, region))
    return Caller(
        call=call_of(form),
        company=company,
        number=number,
        dialled=dialled,
        channel="twilio",
        arrived=now,
        entrance=RESTORED if about else "main",
        about=about,
    )


def told_of(form: Form, about: int) -> Form:
    """Return a form of the call of somebody who was called, with what he is told of."""
    return {**form, ABOUT: str(about)}


def call_of(form: Form) -> str:
    """Return the call's id, "" where there is none that can be one."""
    call = form.get("CallSid", "")
    return call if CALL.fullmatch(call) else ""


def _dialled(shown: str, region: str) -> str | None:
    user = re.sub(r"^sips?:([^@]*)@.*$", r"\1", shown)
    raw = re.sub(r"[^0-9+*#]", "", user)[:32]
    return e164(raw, region) or raw or None


def keys_of(form: Form) -> str:
    """Return the keys of a Gather, with the # that ended it; Twilio names that one beside them."""
    ended = "#" if form.get("FinishedOnKey") == "#" else ""
    return dialled_keys(form.get("Digits", ""))[:100] + ended


def speech_of(turn: Turn, form: Form) -> Event | None:
    """Return what Twilio's recogniser understood at a question, None for nothing.

    What is no result yet (`UnstableSpeechResult`) is not looked at.
    """
    if not isinstance(turn.need, Ask) or not turn.need.grammar:
        return None
    raw = form.get("SpeechResult", "")[:SPOKEN]
    text = " ".join("".join(each for each in raw if each.isprintable() or each.isspace()).split())
    if not text:
        return None
    sure = _confidence(form.get("Confidence", ""))
    return Event("speech", text=text, confidence=sure, values={"language": turn.language})


def _confidence(text: str) -> float:
    """Return how sure Twilio is, 1.0 where it does not tell: "not guaranteed to be accurate, or
    even set", and its providers write 0.0 for what they have not set.
    """
    try:
        share = float(text)
    except ValueError:
        return 1.0
    return min(1.0, share) if share > 0 else 1.0


def recorded(turn: Turn, call: str, form: Form) -> Event:
    """Return the event of a recording; one of less than a second says nothing."""
    spoke = form.get("RecordingUrl") and _seconds(form.get("RecordingDuration", "")) >= 1
    return Event("recorded", text=recording_name(call, turn.number) if spoke else "")


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def answers(turn: Turn, form: Form) -> bool:
    """Whether a form holds what a turn waits for, rather than a silence."""
    match turn.need:
        case Ask():
            return bool(keys_of(form) or speech_of(turn, form))
        case Record():
            return bool(form.get("RecordingUrl"))
    return bool(keys_of(form))
