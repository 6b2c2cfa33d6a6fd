"""<Dial> and its nouns (twilio.com/docs/voice/twiml/dial, /sip, /number, /client, /queue)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from .legs import Leg, reach
from .sip_leg import SipLeg
from .twiml import Document, Verb

if TYPE_CHECKING:
    from .call import Call
    from .recordings import Recording

STATUS = {"answered": "completed"}


class Dialling:
    """One <Dial> in progress."""

    def __init__(self, call: Call, verb: Verb) -> None:
        self.call, self.verb = call, verb
        self.nouns = verb.children or (Verb("Number", {}, verb.text, (), verb.base),)
        self.legs: list[Leg] = []
        self.status, self.bridged = "no-answer", False
        self.winner: Leg | None = None
        self.recording: Recording | None = None
        self.talk_began = 0.0

    def leg(self, noun: Verb) -> Leg:
        """Make the call to one noun."""
        from .call import Call  # noqa: PLC0415 - calls dial

        emulator = self.call.emulator
        identity = next((child.text for child in noun.children if child.name == "Identity"), "")
        to = f"client:{identity or noun.text}" if noun.name == "Client" else noun.text
        child = Call(
            emulator,
            self.verb.get("callerId", self.call.from_),
            to.partition("?")[0],
            "outbound-dial",
            parent=self.call,
        )
        child.callback = (noun.url("statusCallback"), noun.get("statusCallbackMethod", "POST"))
        child.events = tuple(noun.get("statusCallbackEvent", "completed").split())
        emulator.calls.append(child)
        emulator.by_sid[child.sid] = child
        if noun.name == "Sip":
            return SipLeg(child, to, noun.get("username"), noun.get("password"))
        leg = Leg(child)
        leg.parameters = {
            given.get("name"): given.get("value")
            for given in noun.children
            if given.name == "Parameter"
        }
        return leg

    async def ring(self) -> None:
        """Ring all nouns; the first that answers and stays wins."""
        seconds = self.call.emulator.real(self.verb.number("timeout", 30))
        self.legs = [self.leg(noun) for noun in self.nouns]
        self.call.hear("ring", ", ".join(leg.to for leg in self.legs))
        self._record("ringing")
        if self.verb.get("sequential") == "true":
            for leg, noun in zip(self.legs, self.nouns, strict=True):
                if await self._reach(leg, noun, seconds):
                    return
            return
        tasks = [
            asyncio.create_task(self._reach(leg, noun, seconds))
            for leg, noun in zip(self.legs, self.nouns, strict=True)
        ]
        try:
            for task in asyncio.as_completed(tasks):
                if await task:
                    return
        finally:
            for task in tasks:
                task.cancel()
            for leg in self.legs:
                if leg is not self.winner:
                    leg.drop()
                    leg.call.finish("canceled")

    async def _reach(self, leg: Leg, noun: Verb, seconds: float) -> bool:
        how = await reach(leg.call, leg, seconds)
        if how != "answered":
            self.status = how
            return False
        if self.winner is None and await self._screened(leg, noun):
            self.winner = self.winner or leg
        return self.winner is leg

    async def _screened(self, leg: Leg, noun: Verb) -> bool:
        """Run the noun's document for the person called, before the two are joined."""
        from .interpreter import perform  # noqa: PLC0415 - verbs dial

        if "url" not in noun.attributes:
            return True

        async def document() -> Document:
            return await leg.call.fetch(noun.url("url"), {}, noun.get("method", "POST"), "noun")

        async def run() -> str:
            return await perform(leg.call, await document())

        screen = asyncio.create_task(run())
        gone = asyncio.create_task(leg.ended.wait())
        await asyncio.wait({screen, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not screen.done():
            screen.cancel()
        if leg.ended.is_set() or screen.result() == "over":
            leg.call.finish("completed")
            self.status = "completed"
            return False
        return True

    async def talk(self, leg: Leg) -> None:
        """Join the two until one of them hangs up."""
        self.call.answer()
        self.bridged, self.talk_began = True, time.monotonic()
        self.call.bridged, leg.call.bridged = leg, None
        leg.peer = self.call
        self.call.hear("talk", leg.to)
        self._record("answer")
        self.call.opened(self.verb)
        try:
            async with asyncio.timeout(
                self.call.emulator.real(self.verb.number("timeLimit", 14400))
            ):
                await leg.ended.wait()
        except TimeoutError:
            leg.drop()
        finally:
            self.status = "completed"
            self.call.bridged = None
            self.call.closed(self.verb)

    def _record(self, since: str) -> None:
        wanted = self.verb.get("record", "do-not-record").replace("true", "record-from-answer")
        if wanted.startswith(f"record-from-{since}"):
            self.recording = self.call.emulator.recordings.begin(self.call, self.verb, "DialVerb")

    def end(self) -> dict[str, str]:
        """Hang up on all legs; what the action is told."""
        for leg in self.legs:
            leg.drop()
            leg.call.finish("completed" if leg.call.answered else "canceled")
        seconds = int(time.monotonic() - self.talk_began) if self.bridged else 0
        told = {
            "DialCallStatus": self.status,
            "DialBridged": "true" if self.bridged else "false",
        }
        leg = self.winner or (self.legs[-1] if self.legs else None)
        if leg is not None:
            told["DialCallSid"] = leg.call.sid
            if isinstance(leg, SipLeg):
                told["DialSipCallId"] = leg.sip_call_id
                told["DialSipResponseCode"] = str(leg.response)
                told |= {f"DialSipHeader_{name}": text for name, text in leg.sip_headers.items()}
        if self.bridged:
            told["DialCallDuration"] = str(seconds)
        if self.recording is not None:
            self.recording.complete(max(1, seconds))
            told |= {"RecordingUrl": self.recording.url, "RecordingSid": self.recording.sid}
            told["RecordingDuration"] = str(self.recording.seconds)
        return told


async def dial(call: Call, verb: Verb, place: str) -> Document | str | None:
    """Connect the call; its action is told how it went."""
    if verb.children and verb.children[0].name == "Queue":
        return await _dequeue(call, verb, verb.children[0])
    if verb.get("answerOnBridge") != "true":
        call.answer()
    dialling = Dialling(call, verb)
    call.hangs_up_on_star = verb.get("hangupOnStar") == "true"
    url, method = verb.url("action"), verb.get("method", "POST")
    call.opened(verb)
    try:
        await dialling.ring()
        call.closed(verb)
        if dialling.winner is not None:
            await dialling.talk(dialling.winner)
    except asyncio.CancelledError:
        if not dialling.bridged:
            dialling.status = "canceled"
        told = dialling.end()
        if call.ending == "hangup":
            call.tell(url, told, method)
        raise
    finally:
        call.closed(verb)
    told = dialling.end()
    return await call.fetch(url, told, method) if url else None


async def _dequeue(call: Call, verb: Verb, noun: Verb) -> Document | None:
    """Talk with the first one of a queue."""
    call.answer()
    queue = call.emulator.queue(noun.text)
    waiting = next((member for member in queue.members if member.taken), None)
    told = {"DialCallStatus": "no-answer", "DialBridged": "false"}
    if waiting is not None and waiting.taken is not None:
        over = asyncio.Event()
        waiting.taken.set_result(over)
        call.opened(verb)
        other = asyncio.create_task(waiting.call.over.wait())
        try:
            await other
        finally:
            other.cancel()
            over.set()
            call.closed(verb)
        told = {"DialCallStatus": "completed", "DialBridged": "true"}
        told["DialCallSid"] = waiting.call.sid
    url = verb.url("action")
    return await call.fetch(url, told, verb.get("method", "POST")) if url else None
