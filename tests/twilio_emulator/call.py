"""One call: what a person at the telephone does and hears, and what Twilio tells of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .network import Webhook
from .twiml import Document, TwimlError, Verb, parse

if TYPE_CHECKING:
    from .emulator import Emulator
    from .legs import Leg

API = "2010-04-01"
ENDED = ("completed", "busy", "failed", "no-answer", "canceled")
ERROR_WORDS = "We are sorry, an application error has occurred. Goodbye."
XML = ("text/xml", "application/xml")


class Broken(Exception):
    """A document is missing or cannot be run."""

    def __init__(self, code: int, url: str) -> None:
        super().__init__(f"{code} {url}")
        self.code, self.url = code, url


class Call:
    """A call at Twilio, as the person on the line sees it; its methods are for tests.

    heard: ("play", url), ("say", text), ("pause", seconds), ("digits", keys), ("beep", ""),
    ("ring", number), ("music", queue), ("error", words), ("reject", reason), ("talk", number) in
    order. open: the verb that waits now. requests: its webhooks.
    status: queued, ringing, in-progress, completed, busy, failed, no-answer, canceled.
    """

    def __init__(
        self,
        emulator: Emulator,
        from_: str,
        to: str,
        direction: str = "inbound",
        *,
        parent: Call | None = None,
        extra: Mapping[str, str | bytes] | None = None,
    ) -> None:
        self.emulator, self.from_, self.to, self.direction = emulator, from_, to, direction
        self.parent, self.extra = parent, dict(extra or {})
        self.sid = emulator.new_sid("CA")
        self.status = "queued" if direction != "inbound" else "ringing"
        self.heard: list[tuple[str, str]] = []
        self.requests: list[Webhook] = []
        self.opening: list[Verb] = []
        self.tone = 440.0
        self.leg: Leg | None = None
        """Of a call that Twilio made: how the other side is reached."""
        self.bridged: Leg | None = None
        """While it talks through <Dial>: the leg at the other end."""
        self.hangs_up_on_star = False
        self.collector: Any = None
        self.ahead: list[str] = []
        self.fallback: tuple[str, str] = ("", "POST")
        self.callback: tuple[str, str] = ("", "POST")
        self.events: tuple[str, ...] = ("completed",)
        self.began = time.monotonic()
        self.created = time.time()
        self.answered: float | None = None
        self.ended: float | None = None
        self.over = asyncio.Event()
        self.ending = ""
        self._sequence = 0
        self._course: asyncio.Task[None] | None = None
        self._turned: Callable[[], Coroutine[Any, Any, Document]] | None = None

    def __repr__(self) -> str:
        waits = f" at <{self.open.name}>" if self.open else ""
        return f"<Call {self.sid[-6:]} {self.from_} -> {self.to} {self.status}{waits}>"

    # ------------------------------------------------------------------ what a person does

    def press(self, keys: str) -> None:
        """Press keys, one after another."""
        self.emulator.do(self._press, keys)

    def say(self, text: str | bytes, confidence: float = 0.9) -> None:
        """Speak; a <Gather> that listens takes `text` for heard, a <Record> records."""
        self.emulator.do(self._say, text, confidence)

    def silence(self) -> None:
        """Let the timeout of what is open pass now: prompts end and nothing is said."""
        self.emulator.do(self._silence)

    def hang_up(self) -> None:
        """Hang up."""
        self.emulator.do(self.stop, "hangup")

    def wait(self, what: Callable[[Call], object] | str, seconds: float = 10.0) -> Call:
        """Wait until a verb is open ("Gather"), a status is there or `what(call)` is true."""

        def true() -> object:
            if callable(what):
                return what(self)
            return self.status == what or any(verb.name == what for verb in self.opening)

        def vain() -> bool:
            return self.status in ENDED and isinstance(what, str)

        self.emulator.until(lambda: true() or vain(), seconds, lambda: self.story(what))
        assert true(), self.story(what)
        return self

    def story(self, what: object = "") -> str:
        """Tell what happened, for the report of a test."""
        hooks = [
            f"  {hook.method} {hook.path} -> {hook.status} {hook.words}" for hook in self.requests
        ]
        heard = [f"  {kind} {what}" for kind, what in self.heard]
        faults = [f"  {fault}" for fault in self.emulator.faults]
        lines = [f"{self!r}: {what} never came; webhooks:", *hooks, "heard:", *heard]
        return "\n".join([*lines, "faults:", *faults])

    def hears(self, frequency: float) -> bool:
        """Whether the sound of the talk has this tone now (legs by SIP)."""
        return bool(self.bridged and self.bridged.hears(frequency))

    def _press(self, keys: str) -> None:
        for key in keys:
            assert key in "0123456789*#", key
            if self.collector is not None and self.collector.key(key):
                continue
            if self.bridged is not None:
                self.bridged.key(key)
            elif self.emulator.type_ahead and self.status not in ENDED:
                self.ahead.append(key)

    def _say(self, text: str | bytes, confidence: float) -> None:
        if self.collector is not None:
            self.collector.speech(text, confidence)

    def _silence(self) -> None:
        if self.collector is not None:
            self.collector.silence()
        elif self.leg is not None and self.status in ("queued", "ringing"):
            self.leg.no_answer()

    # ------------------------------------------------------------------ its life

    def params(self) -> dict[str, str | bytes]:
        """Return the parameters of every webhook of the call."""
        params: dict[str, str | bytes] = {
            "CallSid": self.sid,
            "AccountSid": self.emulator.account_sid,
            "From": self.from_,
            "To": self.to,
            "Caller": self.from_,
            "Called": self.to,
            "CallStatus": self.status,
            "ApiVersion": API,
            "Direction": self.direction,
        }
        for side in ("From", "To", "Caller", "Called"):
            for place in ("City", "State", "Zip", "Country"):
                params[side + place] = ""
        if self.parent is not None:
            params["ParentCallSid"] = self.parent.sid
        return {**params, **self.extra}

    async def send(
        self, url: str, more: Mapping[str, str | bytes], method: str = "POST", what: str = "twiml"
    ) -> Webhook:
        """Send one webhook of the call."""
        params = {**self.params(), **more}
        return await self.emulator.network.send(
            url, params, method=method, what=what, call_sid=self.sid
        )

    def tell(
        self, url: str, more: Mapping[str, str | bytes], method: str = "POST", what: str = "action"
    ) -> None:
        """Send a webhook whose answer is ignored."""
        if url:
            params = {**self.params(), **more}
            self.emulator.background(
                self.emulator.network.send(url, params, method=method, what=what, call_sid=self.sid)
            )

    async def fetch(
        self,
        url: str,
        more: Mapping[str, str | bytes],
        method: str = "POST",
        place: str = "call",
    ) -> Document:
        """Send a webhook and read the document it answers; raise Broken."""
        hook = await self.send(url, more, method)
        if not hook.good:
            self.emulator.failures.append(hook)
            raise Broken(hook.code, hook.url)
        try:
            if hook.content_type not in XML:
                raise TwimlError(12300, f"content type {hook.content_type!r} of {hook.path}")
            return parse(hook.body, hook.url, place)
        except TwimlError as error:
            self.emulator.fault(error, self, hook.url)
            raise Broken(error.code, hook.url) from error

    def answer(self) -> None:
        """Take the call off the hook, once."""
        if self.answered is None and self.status not in ENDED:
            self.answered = time.monotonic()
            self.become("in-progress")

    def become(self, status: str) -> None:
        """Change the status, and tell it where somebody listens."""
        self.status = status
        self.emulator.note(None)
        event = {"queued": "initiated", "in-progress": "answered"}.get(status, status)
        if event in self.events or (status in ENDED and "completed" in self.events):
            self._sequence += 1
            self.tell(self.callback[0], self._progress(event), self.callback[1], "status")

    def _progress(self, event: str) -> dict[str, str | bytes]:
        more: dict[str, str | bytes] = {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._sequence - 1),
            "Timestamp": formatdate(usegmt=False),
        }
        if event == "initiated":
            more["CallStatus"] = "initiated"
        if self.status in ENDED:
            more |= {"CallDuration": str(self.seconds), "Duration": str(-(-self.seconds // 60))}
        return more

    @property
    def seconds(self) -> int:
        """Whole seconds since the answer."""
        if self.answered is None:
            return 0
        return int((self.ended or time.monotonic()) - self.answered)

    async def live(self, begin: Callable[[], Coroutine[Any, Any, Document]]) -> None:
        """Run documents until the call is over."""
        self._turned = begin
        while self._turned is not None and self.status not in ENDED:
            course, self._turned, self.ending = self._turned, None, ""
            self._course = asyncio.create_task(self._follow(course))
            await asyncio.wait({self._course})
            if not self._course.cancelled() and (error := self._course.exception()):
                self.emulator.bug(error)
        self.finish("completed")

    async def _follow(self, begin: Callable[[], Coroutine[Any, Any, Document]]) -> None:
        from .interpreter import perform  # noqa: PLC0415 - the verbs know calls

        try:
            await perform(self, await begin())
        except Broken as error:
            document = await self._fall_back(error)
            if document is None:
                self.hear("error", ERROR_WORDS)
                return
            try:
                await perform(self, document)
            except Broken:
                self.hear("error", ERROR_WORDS)

    async def _fall_back(self, error: Broken) -> Document | None:
        url, method = self.fallback
        if not url:
            return None
        try:
            told = {"ErrorCode": str(error.code), "ErrorUrl": error.url}
            return await self.fetch(url, told, method)
        except Broken:
            return None

    def redirect(self, begin: Callable[[], Coroutine[Any, Any, Document]]) -> None:
        """Leave what runs for another document (REST)."""
        self._turned, self.ending = begin, "redirected"
        if self._course is not None:
            self._course.cancel()

    def stop(self, why: str = "hangup", status: str = "") -> None:
        """End the call. why: "hangup" by the person, "completed" by REST or the far side."""
        if self.status in ENDED or self.ending in ("hangup", "completed"):
            return
        self._turned, self.ending = None, why
        if self.answered is None:
            status = status or ("canceled" if self.direction != "inbound" else "no-answer")
        self.finish(status or "completed")
        if self._course is not None:
            self._course.cancel()

    def finish(self, status: str) -> None:
        """Be over."""
        if self.status not in ENDED:
            self.opening, self.collector = [], None
            self.ended = time.monotonic()
            self.over.set()
            self.become(
                status if self.answered is not None or status != "completed" else "no-answer"
            )
        if self.leg is not None:
            self.leg.drop()

    def hear(self, kind: str, what: str) -> None:
        """Let the person hear something."""
        self.heard.append((kind, what))
        self.emulator.note(None)

    @property
    def open(self) -> Verb | None:
        """The innermost verb that waits."""
        return self.opening[-1] if self.opening else None

    def opened(self, verb: Verb, collector: Any = None) -> None:
        """Begin to wait at a verb."""
        self.opening.append(verb)
        self.collector = collector
        self.emulator.note(None)

    def closed(self, verb: Verb) -> None:
        """Wait there no more."""
        if verb in self.opening:
            self.opening.remove(verb)
            self.collector = None
        self.emulator.note(None)
