"""What Twilio knows of one call, and the webhooks that tell it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .network import Webhook
from .twiml import Document, TwimlError, Verb, parse

if TYPE_CHECKING:
    from .call import Call
    from .emulator import Emulator
    from .legs import Leg

API = "2010-04-01"
ENDED = ("completed", "busy", "failed", "no-answer", "canceled")
XML = ("text/xml", "application/xml")
Begin = Callable[[], Coroutine[Any, Any, Document]]
"""Fetches the document with which something begins."""


class Broken(Exception):
    """A document is missing or cannot be run."""

    def __init__(self, code: int, url: str) -> None:
        super().__init__(f"{code} {url}")
        self.code, self.url = code, url


class Line:
    """The facts of one call.

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
        self._order: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._course: asyncio.Task[None] | None = None
        self._turned: Begin | None = None

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
        """Send a webhook whose answer is ignored; those of one kind one after another."""
        if url:
            params = {**self.params(), **more}
            self.emulator.background(self._tell(url, params, method, what))

    async def _tell(
        self, url: str, params: Mapping[str, str | bytes], method: str, what: str
    ) -> None:
        async with self._order[what]:
            await self.emulator.network.send(
                url, params, method=method, what=what, call_sid=self.sid
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

    def hear(self, kind: str, what: str) -> None:
        """Let the person hear something."""
        self.heard.append((kind, what))
        self.emulator.note(None)
