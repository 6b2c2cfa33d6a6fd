"""Recordings (twilio.com/docs/voice/api/recording)."""

from __future__ import annotations

import math
import struct
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

from .twiml import Verb

if TYPE_CHECKING:
    from .call import Call
    from .emulator import Emulator

RATE = 8000


@dataclass
class Recording:
    """One recording. status: in-progress, paused, stopped, completed, absent, deleted."""

    call: Call
    source: str
    sid: str
    url: str
    callback: tuple[str, str]
    events: tuple[str, ...]
    status: str = "in-progress"
    seconds: int = -1
    began: float = field(default_factory=time.time)
    changes: list[str] = field(default_factory=list)
    """Each status that was set by REST."""

    def become(self, status: str) -> None:
        """Change the status and tell it where somebody listens."""
        self.status = status
        self.call.emulator.note(None)
        if status in self.events and self.callback[0]:
            told = {
                "RecordingSid": self.sid,
                "RecordingUrl": self.url,
                "RecordingStatus": status,
                "RecordingDuration": str(self.seconds),
                "RecordingChannels": "1",
                "RecordingSource": self.source,
                "RecordingStartTime": formatdate(self.began),
                "RecordingTrack": "both",
                "ErrorCode": "0",
            }
            url, method = self.callback
            self.call.emulator.background(
                self.call.emulator.network.send(
                    url,
                    {
                        "AccountSid": self.call.emulator.account_sid,
                        "CallSid": self.call.sid,
                        **told,
                    },
                    method=method,
                    what="recording",
                    call_sid=self.call.sid,
                )
            )

    def complete(self, seconds: int) -> None:
        """End it with so many seconds of sound."""
        if self.status in ("in-progress", "paused", "stopped"):
            self.seconds = seconds
            self.become("completed")

    def absent(self) -> None:
        """End it without a sound."""
        self.become("absent")

    def sound(self) -> bytes:
        """Return a WAV file of its length: a tone of 440 Hz, 16 bits, 8 kHz."""
        count = max(self.seconds, 0) * RATE
        wave = [int(8000 * math.sin(2 * math.pi * 440 * place / RATE)) for place in range(RATE)]
        data = struct.pack(f"<{RATE}h", *wave) * (count // RATE)
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
        head = struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + len(data), b"WAVE")
        return head + form + struct.pack("<4sI", b"data", len(data)) + data


class Recordings:
    """All recordings of the account, by SID; those of a call in order."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.by_sid: dict[str, Recording] = {}

    def __iter__(self) -> object:
        return iter(list(self.by_sid.values()))

    def __len__(self) -> int:
        return len(self.by_sid)

    def begin(self, call: Call, verb: Verb, source: str) -> Recording:
        """Start one for a verb with `recordingStatusCallback`."""
        callback = (
            verb.url("recordingStatusCallback"),
            verb.get("recordingStatusCallbackMethod", "POST"),
        )
        events = tuple(verb.get("recordingStatusCallbackEvent", "completed").split())
        return self.add(call, source, callback, events)

    def add(
        self, call: Call, source: str, callback: tuple[str, str], events: tuple[str, ...]
    ) -> Recording:
        """Start one."""
        sid = self._emulator.new_sid("RE")
        path = f"/2010-04-01/Accounts/{self._emulator.account_sid}/Recordings/{sid}"
        recording = Recording(call, source, sid, self._emulator.media_url + path, callback, events)
        self.by_sid[sid] = recording
        recording.become("in-progress")
        return recording

    def current(self, call: Call) -> Recording | None:
        """Return the one of a call that runs (Twilio.CURRENT)."""
        running = [
            one
            for one in self.by_sid.values()
            if one.call is call and one.status in ("in-progress", "paused")
        ]
        return running[-1] if running else None
