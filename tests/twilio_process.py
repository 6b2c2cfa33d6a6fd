"""Web processes of the Twilio channel without a network: their parts, and Twilio's side of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from twilio_emulator.twiml import Document, parse
from werkzeug.test import Client, TestResponse

from ivr.channels.named_voice import NamedVoice
from ivr.channels.twilio.calls import Calls
from ivr.channels.twilio.dialogue import House as Parts
from ivr.channels.twilio.live import MemoryLiveCalls
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import Signature
from ivr.channels.twilio.sounds import Sounds, Speaker
from ivr.channels.twilio.twiml import goodbye
from ivr.channels.twilio.webhooks import Webhooks, application
from ivr.events import MemoryLog
from ivr.model import Say
from ivr.runner import Runner

PUBLIC = "https://ivr.example.com"
CALLER, NUMBER = "+380671110001", "+380487059090"
CALL = "CA" + "1" * 32
SID = "RE" + "a" * 32
FIRST = 4
"""Number of the menu's turn: those before it look who calls, for his event, for a storm."""
WAITS = 6
"""Number of the turn of a caller who waits for an operator."""
SETTINGS = TwilioSettings("AC" + "5" * 32, "token of the tests", PUBLIC)
LISTENS = replace(SETTINGS, speech=True)
"""Of an account whose recogniser is switched on."""
SIGNATURE = Signature(SETTINGS.auth_token, PUBLIC)
SPOKEN = ("voice", "turn/{}/1", "wait/{}/1", "left/{}/1", "told/{}/1", "over/{}/1", "out/{}/1",
          "fallback")  # fmt: skip
SILENT = ("status", "recording", "leg", "message")


class Told:
    """Keeps every report."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, dict[str, str]]] = []

    def publish(self, kind: str, **values: str) -> None:
        self.reports.append((kind, values))


class Twilio:
    """Sends webhooks to one process; others may be made over the same sessions and store."""

    def __init__(
        self,
        runner: Runner,
        voice: NamedVoice,
        house: Any,
        settings: TwilioSettings = SETTINGS,
        **parts: Any,
    ) -> None:
        self.runner, self.told = runner, Told()
        self.live: MemoryLiveCalls = parts["live"]
        nowhere = Path("/nonexistent")
        sounds = Sounds(nowhere, nowhere, PUBLIC, SETTINGS.auth_token)
        self.speaker = Speaker(settings, voice, sounds, house.catalogues)
        calls = Calls(
            Parts(
                settings=settings,
                runner=runner,
                speaker=self.speaker,
                reports=self.told,
                languages={name: each.languages[0] for name, each in house.companies.items()},
                vocabulary=house.flows.vocabulary,
                **parts,
            )
        )
        self.messages: list[dict[str, str]] = []
        hooks = Webhooks(
            calls,
            SIGNATURE,
            lambda: goodbye(self.speaker.say([Say("apology")], "uk")),
            lambda form, query: self.messages.append(form | query),
        )
        self.client = Client(application(hooks))
        self.close = parts["work"].close

    def post(self, path: str, body: bytes | None = None, **form: str) -> TestResponse:
        """One signed webhook. path: below /twilio/. body: another one than that of the form."""
        given = {"CallSid": CALL, "From": CALLER, "To": NUMBER, "CallStatus": "in-progress"} | form
        sent = urlencode(given).encode() if body is None else body
        read = _pairs(sent)
        url = f"/twilio/{path}"
        return self.client.post(
            url,
            data=sent,
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": SIGNATURE.of(PUBLIC + url, read)},
        )

    def ask(self, path: str, place: str = "call", **form: str) -> Document:
        """The document of a webhook, which Twilio would run."""
        answer = self.post(path, **form)
        assert answer.status_code == 200, answer.get_data(True)
        assert answer.mimetype == "text/xml"
        return parse(answer.get_data(), f"{PUBLIC}/twilio/{path}", place)

    def to_a_reading(self) -> int:
        """Go on to the question after the value; the number of its turn."""
        self.ask("voice")
        self.keys("2")
        self.keys("1")
        return self.keys("2421")

    def keys(self, keys: str) -> int:
        """Answer the open turn; the number of the next one."""
        self.ask(f"turn/{CALL}/{self.open}", Digits=keys)
        return self.open

    def says(self, text: str, confidence: str = "0.9", **form: str) -> Document:
        """Answer the open turn by speech; the document of the next one."""
        told = {"SpeechResult": text, "Confidence": confidence} | form
        return self.ask(f"turn/{CALL}/{self.open}", **told)

    @property
    def open(self) -> int:
        return self.runner.turn(CALL).number


def _pairs(body: bytes) -> list[tuple[str, str]]:
    text = body.decode(errors="surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def verbs(document: Document) -> list[str]:
    return [verb.name for verb in document.verbs]


def played(document: Document) -> str:
    """The names of all sounds, one text."""
    inside = [each for verb in document.verbs for each in (verb, *verb.children)]
    return "+".join(each.text.rpartition("/")[2] for each in inside if each.name == "Play")


def kinds(log: MemoryLog) -> list[str]:
    return [entry.kind for entry in log.entries]
