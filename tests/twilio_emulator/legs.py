"""The other sides that Twilio rings: telephones and browser phones, moved by the test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .call import Call

HOW = {"busy": 486, "no-answer": 480, "failed": 404, "canceled": 487, "answered": 200}


class Leg:
    """One telephone that rings. state: ringing, talking, over.

    to: "+38067...", "client:op-olena" or "sip:...". call: Twilio's call to it; its `heard`,
    `press`, `say` and `requests` are the far person's.
    """

    def __init__(self, call: Call) -> None:
        self.call, self.to = call, call.to
        self.emulator = call.emulator
        self.state = "ringing"
        self.settled: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.parameters: dict[str, str] = {}
        """Of a <Client>: what its <Parameter>s tell the browser."""
        self.keys = ""
        """Keys that the caller pressed during the talk."""
        self.peer: Call | None = None
        self.response = 0
        self.sip_call_id = ""
        self.sip_headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Leg {self.to} {self.state}>"

    # ------------------------------------------------------------------ what its person does

    def answer(self) -> Leg:
        """Take the call."""
        self.emulator.do(self._settle, "answered")
        return self

    def busy(self) -> None:
        """Refuse it."""
        self.emulator.do(self._settle, "busy")

    def fail(self) -> None:
        """Be a number that does not exist."""
        self.emulator.do(self._settle, "failed")

    def no_answer(self) -> None:
        """Let the ringing be over in vain now."""
        self.emulator.do(self._settle, "no-answer")

    def hang_up(self) -> None:
        """End the talk."""
        self.emulator.do(self._over)

    def press(self, keys: str) -> None:
        self.call.press(keys)

    def wait(self, state: str, seconds: float = 10.0) -> Leg:
        """Wait for a state."""
        self.emulator.until(lambda: self.state == state, seconds, lambda: f"{self!r}, not {state}")
        return self

    # ------------------------------------------------------------------ Twilio's side

    async def ring(self) -> None:
        """Begin to ring."""
        self.call.become("ringing")
        rule = self.emulator.on_dial
        if rule is not None:
            how = rule(self)
            if how:
                self._settle(how)

    def _settle(self, how: str) -> None:
        if not self.settled.done():
            assert how in HOW, how
            self.response = HOW[how]
            self.state = "talking" if how == "answered" else "over"
            self.settled.set_result(how)
            if how != "answered":
                self.ended.set()
            self.emulator.note(None)

    def _over(self) -> None:
        if self.state == "ringing":
            self._settle("busy")
        self.state = "over"
        self.ended.set()
        self.emulator.note(None)
        self.call.stop("hangup")

    def drop(self) -> None:
        """Hang up on it, or ring no more."""
        self._settle("canceled")
        self.state = "over"
        self.ended.set()
        self.emulator.note(None)

    def key(self, key: str) -> None:
        """Take a key of the other party."""
        self.keys += key
        if key == "*" and self.peer is not None and self.peer.hangs_up_on_star:
            self.drop()
        self.emulator.note(None)

    def hears(self, frequency: float) -> bool:
        """Whether the caller hears this tone from here: only telephones by SIP have sound."""
        return False


async def reach(call: Call, leg: Leg, seconds: float) -> str:
    """Ring until it is settled; "answered", "busy", "no-answer", "failed" or "canceled"."""
    call.leg = leg
    call.emulator.legs.append(leg)
    call.become("queued")
    try:
        async with asyncio.timeout(seconds):
            await leg.ring()
            how = await asyncio.shield(leg.settled)
    except TimeoutError:
        how = "no-answer"
        leg.response = HOW[how]
    if how == "answered":
        call.answer()
    else:
        call.finish(how)
    return how
