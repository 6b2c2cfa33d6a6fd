"""A leg that really calls by SIP, as twilio.com/docs/voice/twiml/sip tells."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from . import tones
from .legs import Leg

sys.path.append(str(Path(__file__).parents[1] / "asterisk"))
from sip_phone import Dialog, Message, SipPhone, new_branch  # noqa: E402 - beside the tests of Asterisk

if TYPE_CHECKING:
    from .call import Call

HOW = {486: "busy", 600: "busy", 603: "busy", 408: "no-answer", 480: "no-answer", 487: "canceled"}
ANSWER = 5.0
"""Seconds after which an INVITE without any reply has failed."""
LEAVE = 2.0
"""Seconds for the last exchange of a call."""


class Trunk(SipPhone):
    """Twilio's end of one call by SIP."""

    def __init__(self, leg: SipLeg, server: tuple[str, int], uri: str, lines: list[str]) -> None:
        self.leg, self.uri, self.lines = leg, uri, lines
        self.branch = ""
        self.first = ""
        self.asked_at = self.again_at = float("inf")
        self.leave_at = float("inf")
        self.left = False
        self.proven = False
        self.ear: deque[bytes] = deque(maxlen=20)
        self.frames = 0
        caller = leg.call.from_.removeprefix("client:") or "anonymous"
        super().__init__(server, caller, leg.password, account=leg.username, answers=False)
        local = f"<sip:{self.user}@sip.twilio.com>;tag={secrets.token_hex(4)}"
        self.dialog = Dialog(secrets.token_hex(12), local, f"<{uri}>", uri)
        with self.changed:
            self.dialogs.append(self.dialog)
            self.ask_in()

    # ------------------------------------------------------------------ what Twilio does

    def ask_in(self) -> None:
        """Send the INVITE."""
        self.branch = new_branch()
        body = self.offer(self.dialog)
        more = [f"Contact: <sip:{self.user}@{self.here}>", "Content-Type: application/sdp"]
        self.first = self.request("INVITE", [*self.lines, *more], body)
        self.again_at, self.asked_at = time.monotonic() + 0.5, time.monotonic()
        self.post(self.first)

    def leave(self) -> None:
        """Say CANCEL or BYE; the thread ends soon."""
        with self.changed:
            if self.left:
                return
            self.left, self.leave_at = True, time.monotonic() + LEAVE
            if self.dialog.state == "talking":
                self.bye()
            elif self.dialog.state == "ringing":
                self.post(self.request("CANCEL", []))
            else:
                self.thread_over = True

    def bye(self) -> None:
        self.dialog.number += 1
        self.branch = new_branch()
        self.dialog.state = "over"
        self.post(self.request("BYE", [], uri=self.dialog.target))

    def request(self, method: str, lines: list[str], body: str = "", uri: str = "") -> str:
        head = [
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.here};rport;branch={self.branch}",
            f"From: {self.dialog.local}",
            f"To: {self.dialog.remote}",
            f"Call-ID: {self.dialog.call_id}",
            f"CSeq: {self.dialog.number} {method}",
            "Max-Forwards: 70",
            "User-Agent: Twilio Gateway",
            *lines,
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*head, "", body])

    def post(self, text: str) -> None:
        self.sip.sendto(text.encode(), self.server)

    # ------------------------------------------------------------------ what comes back

    def take(self, message: Message) -> None:
        """Take in one message."""
        super().take(message)
        if message.headers.get("call-id") != self.dialog.call_id:
            return
        if message.status and message.method == "INVITE":
            self.progress(message)
        elif message.method == "BYE":
            if not message.status:
                self.leg.tell(self.leg.far_bye)
            self.thread_over = True

    def progress(self, reply: Message) -> None:
        """Follow the replies to the INVITE."""
        if int(reply.headers["cseq"].split()[0]) != self.dialog.number:
            return
        self.again_at = self.asked_at = float("inf")
        if reply.status in (180, 183):
            self.leg.tell(self.leg.ringing)
        if reply.status < 200:
            return
        if self.dialog.state != "ringing":
            if reply.status < 300:
                self.acknowledge(reply)
            return
        self.acknowledge(reply)
        if reply.status in (401, 407) and not self.proven and self.leg.username:
            self.prove(reply)
        elif reply.status >= 300:
            self.dialog.state, self.thread_over = "refused", True
            self.leg.tell(self.leg.refused, reply)
        else:
            self.dialog.state, self.dialog.rtp = "talking", self.where(reply)
            if self.left:
                self.bye()
            self.leg.tell(self.leg.accepted, reply)

    def prove(self, reply: Message) -> None:
        """Answer the digest challenge with the username and password of the noun."""
        self.proven = True
        name = "www-authenticate" if reply.status == 401 else "proxy-authenticate"
        reply.headers["www-authenticate"] = reply.headers[name]
        line = self.proof(reply, "INVITE", self.uri)
        if reply.status == 407:
            line = line.replace("Authorization", "Proxy-Authorization", 1)
        self.dialog.remote = f"<{self.uri}>"
        self.dialog.number += 1
        self.lines.append(line)
        self.ask_in()

    def acknowledge(self, reply: Message) -> None:
        self.dialog.remote = reply.headers["to"]
        if reply.status < 300:
            self.dialog.target = self.target(reply)
            self.branch = new_branch()
        self.post(self.request("ACK", [], uri=self.dialog.target if reply.status < 300 else ""))

    # ------------------------------------------------------------------ sound and time

    def voice(self, dialog: Dialog) -> bytes:
        """Send the tone of whoever talks with the far side."""
        self.frames += 1
        return tones.frame(int(self.leg.voice()), self.frames)

    def listen(self, dialog: Dialog, sound: bytes) -> None:
        if sound[1] & 0x7F == 8:
            self.ear.append(sound[12:])
            self.leg.packets += 1

    def speak(self) -> None:
        """Be called every 20 ms."""
        now = time.monotonic()
        if now >= self.again_at:
            self.again_at = now + 1
            self.post(self.first)
        if now >= self.leave_at:
            self.thread_over = True
        elif now - self.asked_at > ANSWER:
            self.thread_over = True
            self.leg.tell(self.leg.unreachable)
        super().speak()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.sip.close()
            self.media.close()


class SipLeg(Leg):
    """Calls a SIP address. packets: of RTP that came."""

    def __init__(self, call: Call, address: str, username: str, password: str) -> None:
        super().__init__(call)
        self.address, self.username, self.password = address, username, password
        self.packets = 0
        self.trunk: Trunk | None = None
        self._keys = asyncio.Lock()

    async def ring(self) -> None:
        """Send the INVITE with the headers of the address and Twilio's own."""
        uri, _, query = self.address.partition("?")
        headers = [f"{name}: {value}" for name, value in parse_qsl(query, keep_blank_values=True)]
        headers += [
            f"X-Twilio-CallSid: {self.call.sid}",
            f"X-Twilio-AccountSid: {self.emulator.account_sid}",
            "X-Twilio-ApiVersion: 2010-04-01",
        ]
        found = re.fullmatch(r"sips?:[^@]+@([^:;]+)(?::([0-9]+))?.*", uri)
        assert found, uri
        server = (found[1], int(found[2] or 5060))
        self.trunk = Trunk(self, server, uri, headers)
        self.sip_call_id = self.trunk.dialog.call_id
        self.emulator.phones.append(self.trunk)

    def tell(self, function: object, *arguments: object) -> None:
        """Hand something of the telephone's thread over to the emulator's."""
        self.emulator.soon(function, *arguments)

    def ringing(self) -> None:
        if self.call.status == "queued":
            self.call.become("ringing")

    def accepted(self, reply: Message) -> None:
        self.response = reply.status
        self._extra(reply)
        self._settle("answered")

    def refused(self, reply: Message) -> None:
        self._extra(reply)
        self._settle(HOW.get(reply.status, "failed"))
        self.response = reply.status

    def unreachable(self) -> None:
        self._settle("failed")
        self.response = 408

    def far_bye(self) -> None:
        """Take the far side's BYE."""
        self._over()

    def _extra(self, reply: Message) -> None:
        self.sip_headers = {
            "-".join(part.capitalize() for part in name.split("-")): value
            for name, value in reply.headers.items()
            if name.startswith("x-")
        }

    def drop(self) -> None:
        """Hang up on it, or ring no more."""
        super().drop()
        if self.trunk is not None:
            self.trunk.leave()

    def key(self, key: str) -> None:
        """Send a key as an event of RTP."""
        super().key(key)
        self.emulator.background(self._send_key(key))

    async def _send_key(self, key: str) -> None:
        async with self._keys:
            if self.trunk is not None and self.state == "talking":
                await asyncio.to_thread(self.trunk.press, self.trunk.dialog, key)

    def voice(self) -> float:
        """Return the tone to send: of whoever is joined with it, by its <Dial> or by another."""
        far = self.call.bridged.call if self.call.bridged else self.call
        return (self.peer or far).tone

    def hears(self, frequency: float) -> bool:
        """Whether the far side sends this tone now (0.4 s of it)."""
        if self.trunk is None:
            return False
        with self.trunk.changed:
            sound = b"".join(self.trunk.ear)
        return len(sound) >= 10 * tones.FRAME and tones.share(sound, frequency) > 0.5
