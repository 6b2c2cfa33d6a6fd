"""The callers' end of the media: hears every prompt as RTP and answers with RFC 4733 key presses.

SIPp places the calls and names one UDP port of this process in each SDP, so one loop sees all calls
(told apart by Asterisk's port and SSRC) and knows both moments of a turn: when the end of the last
key of an answer was sent, and, by the kernel's clock of arrival, when the next prompt began.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

EVENT = 101
"""RTP payload type of key presses, as in SIPp's SDP."""
PCMA = 8
KEYS = "0123456789*#"
FRAME = 0.020
LISTENS = 25
"""Frames of a prompt a caller hears before he presses a key: half a second."""
PRESSED = 3
"""Frames a key is held."""
PAUSE = 0.060
"""Seconds between two keys of a number."""
SO_RCVBUFFORCE = 33  # socket(7); Python has no name for it
SO_TIMESTAMPNS = 35
BUFFER = 32 << 20


@dataclass
class Call:
    """One call as its telephone sees it.

    answered: answers given. frames: of the prompt that plays, so far. turns: seconds from key to
    prompt, one an answer. ended: when the last key of an answer was let go, 0 while none waits.
    first: arrival of the first frame after that, not yet known to be the new prompt's.
    """

    ssrc: bytes
    address: tuple[str, int]
    answered: int = 0
    place: int = 0
    frames: int = 0
    ended: int = 0
    first: int = 0
    silent: bool = False
    sequence: int = 1
    stamp: int = 8000
    turns: list[float] = field(default_factory=list)


class Telephones:
    """Every telephone of a run. answers: the keys of each answer of a call, in order."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers
        self.calls: dict[int, Call] = {}
        self.over: list[Call] = []
        self.later: list[tuple[float, int, Call, bool]] = []
        self.serial = count()
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        try:  # root only
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except OSError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.port: int = self.socket.getsockname()[1]

    def serve(self, stop: Path) -> None:
        """Answer until the file `stop` exists."""
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        while not stop.exists():
            until = time.monotonic() + 0.5
            while (now := time.monotonic()) < until:
                due = self.later[0][0] if self.later else until
                if poller.poll(max(0.0, min(due, until) - now) * 1000):
                    self.receive()
                self.press_due()

    def receive(self) -> None:
        """Take the packets that wait, some hundred at most."""
        take = self.socket.recvmsg
        try:
            for _ in range(256):
                packet, extra, _, address = take(512, 64)
                if packet[1] & 0x7F == PCMA:
                    seconds, rest = struct.unpack("qq", extra[0][2])
                    self.hear(packet[8:12], address, seconds * 1_000_000_000 + rest)
        except BlockingIOError:
            return

    def hear(self, ssrc: bytes, address: tuple[str, int], at: int) -> None:
        """Note a frame of audio. at: nanoseconds."""
        call = self.calls.get(address[1])
        if call is None or call.ssrc != ssrc:
            if call is not None:
                self.over.append(call)
            call = self.calls[address[1]] = Call(ssrc, address)
        if call.silent:
            return
        if call.ended:
            self.measure(call, at)
            return
        call.frames += 1
        if call.answered == len(self.answers):
            return
        if call.frames == LISTENS:
            self.key(call, end=False)
        elif call.frames == LISTENS + PRESSED:
            self.key(call, end=True)

    def measure(self, call: Call, at: int) -> None:
        """Note the moment a prompt began.

        A frame of the old prompt may have left before Asterisk saw the end of the key: then the
        next frame does not follow after a frame's time, for the new prompt has a beat of its own.
        """
        if at < call.ended:
            return
        if not call.first:
            call.first = at
            return
        if at - call.first < 0.75 * FRAME * 1e9:
            call.first = at
            return
        call.turns.append((call.first - call.ended) / 1e9)
        call.ended = call.first = 0
        call.frames = 2

    def key(self, call: Call, end: bool) -> None:
        """Send the beginning or the end of the next key; a number goes on by the clock."""
        keys = self.answers[call.answered]
        code = KEYS.index(keys[call.place])
        marker = 0 if end else 0x80
        duration = PRESSED * 160 if end else 160
        payload = struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)
        last = end and call.place == len(keys) - 1
        if last:
            call.ended = time.time_ns()
        for _ in range(3 if end else 1):
            head = struct.pack("!BBHII", 0x80, marker | EVENT, call.sequence, call.stamp, 1)
            self.socket.sendto(head + payload, call.address)
            call.sequence += 1
        if not end:
            if call.silent:
                self.at(PRESSED * FRAME, call, end=True)
            return
        call.stamp += 960
        call.place += 1
        call.silent = not last
        if last:
            call.place = 0
            call.answered += 1
        else:
            self.at(PAUSE, call, end=False)

    def at(self, seconds: float, call: Call, end: bool) -> None:
        """Press or let go in some seconds."""
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.serial), call, end))

    def press_due(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            _, _, call, end = heapq.heappop(self.later)
            self.key(call, end)

    def turns(self) -> list[list[float]]:
        """Return the seconds from key to prompt of every call, one an answer."""
        return [call.turns for call in (*self.over, *self.calls.values())]


def main(folder: str, *answers: str) -> None:
    """Say the port in the file `port`; at the file `stop` leave the turns in `turns.json`."""
    telephones = Telephones(answers)
    part = Path(folder, "port.part")
    part.write_text(str(telephones.port))
    part.rename(Path(folder, "port"))
    telephones.serve(Path(folder, "stop"))
    Path(folder, "turns.json").write_text(json.dumps(telephones.turns()))


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
