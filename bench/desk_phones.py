"""The operators' telephones: one UDP port that speaks just enough SIP to be rung, answer, hang up.

Each notes how long after its operator became free it rang: the arrival of the INVITE by the
kernel's clock. It answers at once and hangs up after a talk; who hung up is free in that moment.
"""

from __future__ import annotations

import heapq
import random
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

SO_TIMESTAMPNS = 35
HEADER = re.compile(r"^([\w-]+)\s*:\s*(.*)$")
CONTENT = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
"""


@dataclass(frozen=True)
class Message:
    """A SIP message. start: its first line. headers: the last of a name counts, but Via."""

    start: str
    headers: dict[str, str]
    vias: list[str]
    address: tuple[str, int]

    @property
    def method(self) -> str:
        """INVITE, or "" for a response."""
        word = self.start.split()[0]
        return "" if word.startswith("SIP/") else word

    @property
    def user(self) -> str:
        """The user part of the address that is called."""
        found = re.match(r"\w+ sip:([\w-]+)@", self.start)
        return found[1] if found else ""


def parse(packet: bytes, address: tuple[str, int]) -> Message | None:
    """Read a packet; None: not SIP."""
    head = packet.decode("utf-8", "replace").partition("\r\n\r\n")[0].split("\r\n")
    headers, vias = {}, []
    for line in head[1:]:
        if found := HEADER.match(line):
            headers[found[1].lower()] = found[2]
            if found[1].lower() in {"via", "v"}:
                vias.append(found[2])
    return Message(head[0], headers, vias, address) if head[0].strip() else None


@dataclass
class Phone:
    """One operator's telephone. free: when he became free, ns, 0 while he is not."""

    name: str
    free: int = 0
    call: Message | None = None


class DeskPhones(threading.Thread):
    """All telephones. rung: seconds from free to ringing, in order. media: port named in the SDP.

    talk: seconds, drawn for each. hung_up: told the name of each whose talk ended; without it he is
    free then.
    """

    def __init__(
        self, names: list[str], media: int, talk: tuple[float, float], seed: int = 1
    ) -> None:
        super().__init__(daemon=True, name="desk-phones")
        self.phones = {name: Phone(name) for name in names}
        self.media, self.talk = media, talk
        self.chance = random.Random(seed)
        self.rung: list[float] = []
        self.rings = 0
        self.hung_up: Callable[[str], None] | None = None
        self.later: list[tuple[float, int, Phone]] = []
        self.serial = count(1)
        self.over = threading.Event()
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.port: int = self.socket.getsockname()[1]

    def begin(self, hung_up: Callable[[str], None] | None) -> None:
        """Forget what was measured. hung_up: as above."""
        self.hung_up = hung_up
        for phone in self.phones.values():
            phone.free = 0
        self.rung.clear()

    def freed(self, name: str, at: int = 0) -> None:
        """Note that an operator is free from now on."""
        self.phones[name].free = at or time.time_ns()

    def run(self) -> None:
        """Answer until `over`."""
        while not self.over.is_set():
            wait = min(self.later[0][0] - time.monotonic(), 0.2) if self.later else 0.2
            if select.select([self.socket], [], [], max(wait, 0))[0]:
                packet, extra, _, address = self.socket.recvmsg(65535, 64)
                seconds, rest = struct.unpack("qq", extra[0][2])
                if message := parse(packet, address):
                    self.hear(message, seconds * 1_000_000_000 + rest)
            while self.later and self.later[0][0] <= time.monotonic():
                self.hang_up(heapq.heappop(self.later)[2])

    def hear(self, message: Message, at: int) -> None:
        """Act on a message."""
        if message.method == "INVITE" and message.user in self.phones:
            self.ring(self.phones[message.user], message, at)
        elif message.method in {"BYE", "CANCEL", "OPTIONS", "UPDATE"}:
            self.answer(message, "200 OK")
            self.forget(message)

    def ring(self, phone: Phone, message: Message, at: int) -> None:
        """Note the ringing, answer."""
        if phone.call is not None:
            same = phone.call.headers["call-id"] == message.headers["call-id"]
            if not same or ";tag=" in message.headers["to"]:  # one busy, or a second INVITE within
                self.answer(message, "200 OK" if same else "486 Busy Here", content=same)
            return
        phone.call = message
        self.rings += 1
        if phone.free:
            self.rung.append((at - phone.free) / 1e9)
            phone.free = 0
        self.answer(message, "180 Ringing")
        self.answer(message, "200 OK", content=True)
        ends = time.monotonic() + self.chance.uniform(*self.talk)
        heapq.heappush(self.later, (ends, next(self.serial), phone))

    def forget(self, message: Message) -> None:
        """Let go of a call that the other side ended."""
        for phone in self.phones.values():
            if phone.call and phone.call.headers["call-id"] == message.headers.get("call-id"):
                phone.call = None

    def hang_up(self, phone: Phone) -> None:
        """End the talk: the operator is free."""
        call, phone.call = phone.call, None
        if call is None:
            return
        target = call.headers["contact"].partition("<")[2].partition(">")[0]
        lines = [
            f"BYE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{next(self.serial)}{phone.name}",
            f"From: {call.headers['to']};tag={phone.name}",
            f"To: {call.headers['from']}",
            f"Call-ID: {call.headers['call-id']}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
            "",
            "",
        ]
        if self.hung_up is None:
            phone.free = time.time_ns()
        self.socket.sendto("\r\n".join(lines).encode(), call.address)
        if self.hung_up is not None:
            self.hung_up(phone.name)

    def answer(self, message: Message, status: str, *, content: bool = False) -> None:
        """Send a response."""
        body = CONTENT.format(port=self.media).replace("\n", "\r\n") if content else ""
        to = message.headers["to"]
        tag = "" if ";tag=" in to else f";tag={message.user or 'phone'}"
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {via}" for via in message.vias),
            f"From: {message.headers['from']}",
            f"To: {to}{tag}",
            f"Call-ID: {message.headers['call-id']}",
            f"CSeq: {message.headers['cseq']}",
            f"Contact: <sip:{message.user or 'phone'}@127.0.0.1:{self.port}>",
            *(["Content-Type: application/sdp"] if content else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        self.socket.sendto("\r\n".join(lines).encode(), message.address)
