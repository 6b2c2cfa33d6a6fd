"""What waits for a person: keys and words of <Gather>, the voice of <Record>."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .twiml import Verb

if TYPE_CHECKING:
    from .call import Call


class Gathering:
    """The input of one <Gather> (twilio.com/docs/voice/twiml/gather).

    touched: a key or a word came, prompts stop. speaking: an utterance goes on. done: nothing more
    is taken.
    """

    def __init__(self, call: Call, verb: Verb) -> None:
        self.call, self.verb = call, verb
        self.input = verb.get("input", "dtmf").split()
        self.finish_key = verb.get("finishOnKey", "#")
        self.most = verb.number("numDigits", 10**6)
        self.digits, self.finished_by = "", ""
        self.spoken: tuple[str | bytes, float | None] | None = None
        self.speaking = False
        self.done = False
        self.touched = asyncio.Event()

    def take_ahead(self) -> None:
        """Take the keys that were pressed before."""
        ahead, self.call.ahead = self.call.ahead, []
        for place, key in enumerate(ahead):
            if self.done or not self.key(key):
                self.call.ahead = ahead[place:]
                return

    def key(self, key: str) -> bool:
        """Take one key; whether it was for this one."""
        if self.done:
            return False
        if "dtmf" not in self.input:
            return True
        if self.speaking and not self.call.emulator.keys_beat_words:
            # "the first detected input (speech or dtmf) will take precedence"
            return False
        self.speaking = False
        if key == self.finish_key and not self.digits:
            # "finishOnKey only works when a digit sequence precedes it."
            if self.call.emulator.lone_finish_key_ends:
                self.finished_by = key
                self._end()
        elif key == self.finish_key:
            self.finished_by = key
            self._end()
        else:
            self.digits += key
            if len(self.digits) >= self.most:
                self._end()
        self.touched.set()
        return True

    def begin(self) -> None:
        """Hear that he speaks, when the verb listens and no key came first."""
        if "speech" in self.input and not self.done and not self.digits:
            self.speaking = True
            self.touched.set()

    def speech(self, text: str | bytes, confidence: float | None) -> None:
        """Take the words of an utterance that is over."""
        self.begin()
        if self.speaking and not self.done:
            self.spoken = (text, confidence)
            self._end()

    def silence(self) -> None:
        """Let the timeout be over."""
        if not self.done:
            self._end()

    def _end(self) -> None:
        self.done = True
        self.call.closed(self.verb)
        self.touched.set()

    async def finish(self) -> None:
        """Wait until the input is complete or the timeout passed after the last key."""
        while not self.done:
            self.touched.clear()
            silence = self.call.emulator.real(self.verb.number("timeout", 5))
            try:
                async with asyncio.timeout(None if self.speaking else silence):
                    await self.touched.wait()
            except TimeoutError:
                self._end()

    def answer(self) -> Mapping[str, str | bytes] | None:
        """Return what the action is told; None when there is nothing to tell."""
        if self.spoken is not None:
            words, sure = self.spoken
            # "... as it is not guaranteed to be accurate, or even set, in any of the results."
            told = {} if sure is None else {"Confidence": str(sure)}
            return {"SpeechResult": words, **told}
        empty = not self.digits and not self.finished_by
        if empty and self.verb.get("actionOnEmptyResult") != "true":
            return None
        if "dtmf" not in self.input:
            return {"SpeechResult": ""}
        answer: dict[str, str | bytes] = {"Digits": self.digits}
        if self.call.emulator.finished_on_key:
            answer |= {"FinishedOnKey": self.finished_by, "msg": "Gather End"}
        return answer


class Taping:
    """The voice of one <Record> (twilio.com/docs/voice/twiml/record). seconds: of voice so far."""

    def __init__(self, call: Call, verb: Verb) -> None:
        self.call, self.verb = call, verb
        self.keys = verb.get("finishOnKey", "1234567890*#")
        self.seconds = 0
        self.key_pressed = ""
        self.done = False
        self.began = time.monotonic()
        self.changed = asyncio.Event()
        self.recording = call.emulator.recordings.begin(call, verb, "RecordVerb")

    def key(self, key: str) -> bool:
        if self.done or key not in self.keys:
            return not self.done
        self.key_pressed = key
        self._end()
        return True

    def begin(self) -> None:
        """Nothing changes before the words are over."""

    def speech(self, text: str | bytes, confidence: float | None) -> None:
        """Record about 15 characters a second, at most the maxLength."""
        if self.done:
            return
        most = self.verb.number("maxLength", 3600)
        self.seconds = min(self.seconds + max(1, len(text) // 15), most)
        if self.seconds >= most:
            self._end()
        self.changed.set()

    def silence(self) -> None:
        if not self.done:
            self._end()

    def _end(self) -> None:
        self.done = True
        self.call.closed(self.verb)
        self.changed.set()

    async def finish(self) -> None:
        """Wait for a key, the maxLength or the timeout of silence."""
        while not self.done:
            self.changed.clear()
            try:
                async with asyncio.timeout(self.call.emulator.real(self.verb.number("timeout", 5))):
                    await self.changed.wait()
            except TimeoutError:
                self._end()

    def answer(self, key: str) -> Mapping[str, str | bytes]:
        """Complete the recording and return what the action is told."""
        self.recording.complete(self.seconds)
        return {
            "RecordingUrl": self.recording.url,
            "RecordingSid": self.recording.sid,
            "RecordingDuration": str(self.seconds),
            "Digits": key,
        }

    def absent(self) -> None:
        """Say that nothing was recorded."""
        self.recording.absent()
