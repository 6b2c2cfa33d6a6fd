"""A line through the Twilio channel: this file is Twilio's side, simulated.

Call scripts run through the real webhooks, signed, one request after the other; the documents that
come back are performed here on simulated time. What the caller hears is read back from the names
of the sounds, so a wrong or missing piece shows as a wrong text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from werkzeug.test import Client

from ivr.channels.line import BARGE_IN, KEY, Clock, Heard, Line, Said
from ivr.channels.named_voice import NamedVoice, readable
from ivr.channels.operators import Operators
from ivr.channels.twilio.calls import Calls
from ivr.channels.twilio.dialogue import House
from ivr.channels.twilio.live import HeldCall, MemoryLiveCalls
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import Signature
from ivr.channels.twilio.slow import MemoryMarks, Work
from ivr.channels.twilio.sounds import Sounds, Speaker
from ivr.channels.twilio.twiml import EMPTY
from ivr.channels.twilio.webhooks import Webhooks, application
from ivr.company import Company
from ivr.errors import CallerGone, Press2Error
from ivr.model import Caller
from ivr.prompts import Catalogue, seconds, vocabulary
from ivr.runner import Runner

SETTINGS = TwilioSettings(
    account_sid="AC" + "0" * 32,
    auth_token="of the simulated line",  # noqa: S106 - it opens nothing
    public_url="https://line.example",
    speech=True,
)
DIALLED = {"ended": "completed", "dropped": "completed", "no_answer": "no-answer"}
"""DialCallStatus by what an operator did; anything else comes from the matchmaker."""
TOKEN = "script"  # noqa: S105 - proves nothing
"""Of every offer; the simulated operators are rung without Twilio."""
Node = ElementTree.Element


class TwilioExchange:
    """Makes lines, each over the webhooks of its own runner."""

    def __init__(
        self, catalogues: Mapping[str, Catalogue], companies: Mapping[str, Company]
    ) -> None:
        self._catalogues = catalogues
        self._companies = companies
        self._voice = NamedVoice(catalogues)
        nowhere = Path("/nonexistent")
        self._sounds = Sounds(nowhere, nowhere, SETTINGS.public_url, SETTINGS.auth_token)
        self._work = Work(MemoryMarks(), patience=60.0, workers=1)

    def line(self, runner: Runner, clock: Clock, operators: Operators) -> TwilioLine:
        """Return a line to webhooks over `runner`."""
        live = MemoryLiveCalls(lambda: clock().timestamp())
        house = House(
            settings=SETTINGS,
            runner=runner,
            speaker=Speaker(SETTINGS, self._voice, self._sounds, self._catalogues),
            live=live,
            reports=Unheard(),
            work=self._work,
            clock=clock,
            fetch=lambda company, call, name, sid: None,
            regions={name: each.region for name, each in self._companies.items()},
            languages={name: each.languages[0] for name, each in self._companies.items()},
            vocabulary=vocabulary(self._catalogues),
        )
        signature = Signature(SETTINGS.auth_token, SETTINGS.public_url)
        hooks = Webhooks(Calls(house), signature, lambda: EMPTY, lambda form, query: None)
        client = Client(application(hooks))
        return TwilioLine(client, signature, live, runner, self._voice, clock, operators)

    def close(self) -> None:
        """End its threads."""
        self._work.close()


class Unheard:
    """Reports for a dispatcher: the simulated operators know already."""

    def publish(self, kind: str, **values: str) -> None:
        """Drop it."""


class TwilioLine(Line):
    """One call. Documents are performed until one waits for the caller, or the call is over."""

    def __init__(
        self,
        client: Client,
        signature: Signature,
        live: MemoryLiveCalls,
        runner: Runner,
        voice: NamedVoice,
        clock: Clock,
        operators: Operators,
    ) -> None:
        self.heard = Heard()
        self._client = client
        self._signature = signature
        self._live = live
        self._runner = runner
        self._voice = voice
        self._clock = clock
        self._operators = operators
        self._verbs: list[Node] = []
        self._gather: Node | None = None
        self._record: Node | None = None
        self._enqueued: Node | None = None
        self._music = False
        self._ahead = ""
        self._speech = 0.0

    # ------------------------------------------------------------------ the caller

    def dial(self, caller: Caller) -> None:
        """Call."""
        self._caller = caller
        self._ask("/twilio/voice")
        self._go_on()

    def press(self, keys: str) -> None:
        """Press keys, cutting the prompt short."""
        if self._gather is None:
            return
        if self._music:
            self._clock.pass_(KEY * len(keys))
            if not self._operators.hears_keys(self._call):
                return
        else:
            self._clock.pass_(min(self._speech, BARGE_IN) + KEY * len(keys))
        self._ahead = keys
        self._give()
        self._go_on()

    def speak(self, text: str, confidence: float) -> None:
        """Say something, as Twilio's recogniser heard it; a silence where it does not listen."""
        listens = self._gather is not None and "speech" in self._gather.get("input", "")
        if self._record is None and not listens:
            self.silence()
            return
        self._clock.pass_(min(self._speech, BARGE_IN) + seconds(text))
        if self._record is not None:
            self._recorded(math.ceil(seconds(text)))
        else:
            self._answer({"SpeechResult": text, "Confidence": str(confidence)})
            self._go_on()

    def silence(self) -> None:
        """Do nothing until the question times out."""
        if self._record is not None:
            self._clock.pass_(self._speech)
            self._record, self._speech = None, 0.0
            self._go_on()
        elif self._gather is not None and not self._waits:
            self._fall_silent()

    def _fall_silent(self) -> None:
        """Let the time of a Gather pass, and of the one that goes on listening for it."""
        number = self._runner.turn(self._call).number
        while self._gather is not None and self._runner.turn(self._call).number == number:
            self._clock.pass_(self._speech + float(self._gather.get("timeout", 5)))
            self._speech = 0.0
            self._answer({"Digits": ""})
            self._go_on()

    def wait(self, seconds: float) -> None:
        """Wait in a queue."""
        self._stand()
        for outcome in self._operators.pass_(seconds):
            self._come_back(outcome)
            self._stand()

    def operator(self, word: str) -> None:
        """The operator answers, ...; when the talk is over Twilio asks what comes next."""
        self._stand()
        if self._waits:
            self._come_back(self._operators.act(self._call, word))

    def hang_up(self) -> None:
        """Hang up."""
        self._stand()
        if self.heard.ended is None:
            self.heard.ended = "operator" if self._operators.talk(self._call) else "caller"
            self._post("/twilio/status", {"CallStatus": "completed"})
            self._look()

    # ------------------------------------------------------------------ waiting

    @property
    def _call(self) -> str:
        return self._caller.call

    @property
    def _waits(self) -> bool:
        return self.heard.ended is None and self._enqueued is not None

    def _stand(self) -> None:
        """Hear to its end what is said before the wait, and stand in the queue."""
        while self._waits and not self._music:
            self._clock.pass_(self._speech)
            self._speech, self._gather = 0.0, None
            self._go_on()

    def _come_back(self, outcome: str) -> None:
        """Go on after what an operator did, or the matchmaker told."""
        if not outcome or not self._waits:
            return
        number = self._runner.turn(self._call).number
        if outcome == "announce":
            self._live.pend(self._call, outcome)
            self._ask(f"/twilio/wait/{self._call}/{number}?said=1")
        elif outcome in DIALLED:
            self._enqueued = None
            self._live.put(self._call, HeldCall(number, "operator", TOKEN))
            over = f"/twilio/over/{self._call}/{number}?token={TOKEN}"
            self._ask(over, {"DialCallStatus": DIALLED[outcome]})
        else:
            self._enqueued = None
            self._ask(f"/twilio/told/{self._call}/{number}?outcome={outcome}")
        self._go_on()
        if outcome == "dropped":
            self._speech = 0.0  # the operator's seconds to come back run while it is said

    # ------------------------------------------------------------------ Twilio

    def _post(self, path: str, more: Mapping[str, str]) -> bytes:
        """Send one signed webhook; what it answered."""
        number = self._caller.number
        form = {
            "CallSid": self._call,
            "AccountSid": SETTINGS.account_sid,
            "From": number or "anonymous",
            "To": self._caller.dialled or "",
            "CallStatus": "in-progress",
            **more,
        }
        response = self._client.post(
            path,
            data=form,
            headers={"X-Twilio-Signature": self._signature.of(SETTINGS.public_url + path, form)},
        )
        if response.status_code >= 300:
            raise CallerGone(f"{path} answered {response.status_code}")
        return response.get_data()

    def _ask(self, path: str, more: Mapping[str, str] | None = None) -> None:
        """Take the document of a webhook to perform next."""
        document = self._post(path, more or {})
        self._verbs = list(ElementTree.fromstring(document))  # noqa: S314 - our own answer
        self._gather = self._record = None
        self._music = False

    def _follow(self, url: str, more: Mapping[str, str] | None = None) -> None:
        self._ask(url.removeprefix(SETTINGS.public_url), more)

    def _go_on(self) -> None:
        """Perform verbs until one waits for the caller or the call is over."""
        while self.heard.ended is None and self._gather is None and self._record is None:
            if not self._verbs:
                raise CallerGone(f"a document of call {self._call} ended without an end")
            self._perform(self._verbs.pop(0))
        self.heard.language = self._runner.turn(self._call).language
        if self._waits and self._music:
            self._operators.stands(self._call)
        self._look()

    def _perform(self, verb: Node) -> None:
        match verb.tag:
            case "Play" | "Say":
                self._hear(verb)
            case "Gather":
                self._listen(verb)
            case "Record":
                self._record, self._ahead = verb, ""
            case "Redirect":
                self._follow(verb.text or "")
            case "Enqueue":
                self._enqueued = verb
                self._follow(verb.get("waitUrl", ""))
            case "Leave" if self._enqueued is not None:
                action = self._enqueued.get("action", "")
                self._enqueued = None
                self._follow(action, {"QueueResult": "leave"})
            case "Hangup":
                self._clock.pass_(self._speech)
                self._speech = 0.0
                self.heard.ended = _reason(self._runner, self._call)
            case _:
                raise Press2Error(f"<{verb.tag}> is unknown to this line")

    def _listen(self, gather: Node) -> None:
        """Open a Gather: keys that wait already cut its words, else the caller may."""
        self._gather = gather
        for verb in gather:
            if verb.tag == "Pause":
                self._music = True
            else:
                self._hear(verb)
        if self._ahead and not (self._music and self._operators.talk(self._call)):
            self._give()

    def _hear(self, verb: Node) -> None:
        if verb.tag == "Say":
            text, language = verb.text or "", str(verb.get("language", ""))[:2]
        else:
            parts = urlsplit(verb.text or "").path.rpartition("/")[2].removesuffix(".wav")
            names = [part.replace(".", "/") for part in parts.split("+")]
            text = readable(self._voice.text(name) for name in names)
            language = names[0].partition("/")[0]
        if text:
            self._speech += seconds(text)
            self.heard.said.append(Said(text, language))

    def _give(self) -> None:
        """End the Gather with the keys it takes; those after them stay for the next one."""
        assert self._gather is not None  # noqa: S101 - its callers have looked
        keys = self._ahead
        if self._gather.get("numDigits") == "1":
            self._ahead = keys[1:]
            self._answer({"Digits": keys[0]})
            return
        mark = keys.find("#")
        if mark < 0:
            self._ahead = ""
            self._answer({"Digits": keys})
        else:
            self._ahead = keys[mark + 1 :]
            self._answer({"Digits": keys[:mark], "FinishedOnKey": "#"})

    def _answer(self, form: Mapping[str, str]) -> None:
        assert self._gather is not None  # noqa: S101 - its callers have looked
        self._speech = 0.0
        self._follow(self._gather.get("action", ""), form)

    def _recorded(self, length: int) -> None:
        assert self._record is not None  # noqa: S101 - its callers have looked
        action = self._record.get("action", "")
        self._record, self._speech = None, 0.0
        sid = f"RE{0:032x}"
        recording = {"RecordingUrl": f"{SETTINGS.api_url}/{sid}", "RecordingSid": sid}
        self._follow(action, {**recording, "RecordingDuration": str(length)})
        self._go_on()

    def _look(self) -> None:
        self.heard.place = self._operators.queue.ticket(self._call)


def _reason(runner: Runner, call: str) -> str:
    """Return why the flow ended the call."""
    need = runner.turn(call).need
    return str(getattr(need, "reason", "failed"))
