"""One call: what a person at the telephone does and hears, and its way through documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .line import ENDED, Begin, Broken, Line
from .twiml import Document, Verb

ERROR_WORDS = "We are sorry, an application error has occurred. Goodbye."


class Call(Line):
    """A call at Twilio, as the person on the line sees it; its methods are for tests.

    heard: ("play", url), ("say", text), ("pause", seconds), ("digits", keys), ("beep", ""),
    ("ring", number), ("music", queue), ("error", words), ("reject", reason), ("talk", number) in
    order. open: the verb that waits now. requests: its webhooks.
    """

    def __repr__(self) -> str:
        waits = f" at <{self.open.name}>" if self.open else ""
        return f"<Call {self.sid[-6:]} {self.from_} -> {self.to} {self.status}{waits}>"

    # ------------------------------------------------------------------ what a person does

    def press(self, keys: str) -> None:
        """Press keys, one after another."""
        self.emulator.do(self._press, keys)

    def say(self, text: str | bytes, confidence: float | None = 0.9) -> None:
        """Speak; a <Gather> that listens takes `text` for heard, a <Record> records.

        confidence: None where the recogniser tells none.
        """
        self.emulator.do(self._say, text, confidence)

    def begin_to_speak(self) -> None:
        """Utter the first sounds of what a later `say` is the end of."""
        self.emulator.do(self._begin)

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

    def _begin(self) -> None:
        if self.collector is not None:
            self.collector.begin()

    def _say(self, text: str | bytes, confidence: float | None) -> None:
        if self.collector is not None:
            self.collector.speech(text, confidence)

    def _silence(self) -> None:
        if self.collector is not None:
            self.collector.silence()
        elif self.leg is not None and self.status in ("queued", "ringing"):
            self.leg.no_answer()

    # ------------------------------------------------------------------ its life

    async def live(self, begin: Begin) -> None:
        """Run documents until the call is over."""
        self._turned = self._turned or begin
        while self._turned is not None and self.status not in ENDED:
            course, self._turned, self.ending = self._turned, None, ""
            self._course = asyncio.create_task(self._follow(course))
            await asyncio.wait({self._course})
            if not self._course.cancelled() and (error := self._course.exception()):
                self.emulator.bug(error)
        self.finish("completed")

    async def _follow(self, begin: Begin) -> None:
        from .interpreter import perform  # noqa: PLC0415 - the verbs know calls

        for _ in range(10):
            try:
                await perform(self, await begin())
            except Broken as error:
                document = await self._fall_back(error)
                if document is None:
                    break
                begin = _given(document)
            else:
                return
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

    def redirect(self, begin: Begin) -> None:
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


def _given(document: Document) -> Begin:
    async def begin() -> Document:
        return document

    return begin
