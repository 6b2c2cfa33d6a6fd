"""A press2 with two lines, Asterisk's and an emulated Twilio's, and the desks behind both.

The person at a Twilio telephone speaks on one frequency and hears what Asterisk sends to Twilio by
SIP, so that who hears whom is measured as for all the others of `desk_house.py`.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Mapping
from pathlib import Path

from desk_house import MUSIC, PATIENCE, House, tone
from running import until
from twilio_emulator import Emulator
from twilio_emulator.call import Call
from twilio_emulator.legs import Leg

PUBLIC = "https://ivr.example.com"
COMPANY_NUMBER = "+380487059090"
ANNA = "+380671110001"
"""Whose number the store knows. The others have one for each call: who rings again within three
minutes has the place he had."""
HERTZ = (560, 820, 1320)
"""Of the voices of those who call in one test, in turn."""
SPEED = 20.0
"""Sounds are so much shorter: 30 seconds of music take one and a half."""
SECRETS = {"PRESS2_TWILIO_TOKEN": "token of the desk's tests", "PRESS2_TWILIO_SIP": "s1p-of-tests"}
TWILIO = """
[desk]
demo_operators = no
[twilio]
account_sid = {account}
auth_token = PRESS2_TWILIO_TOKEN
public_url = {public}
api_url = {api}
operators = sip
sip_address = 127.0.0.1:{{sip}}
sip_password = PRESS2_TWILIO_SIP
"""


def settings(twilio: Emulator) -> str:
    """Return the sections of a press2 whose Twilio this is."""
    return TWILIO.format(account=twilio.account_sid, public=PUBLIC, api=twilio.url)


def long_music(folder: Path) -> Path:
    """Make a folder with the music of the wait: a minute of one tone, two parts for Twilio."""
    folder.mkdir()
    tone(folder / "tone.wav", MUSIC, rate=8000, steady=True)
    with wave.open(str(folder / "tone.wav")) as file:
        sound = file.readframes(file.getnframes())
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(sound * 30)
    return folder


class TwilioTelephone:
    """Somebody who calls over Twilio. call: its id; line: the emulator's side of it."""

    def __init__(self, house: TwilioHouse, number: str, hertz: int) -> None:
        self.house, self.number, self.hertz = house, number, hertz
        self.line: Call
        self.call = ""
        self._questions = 0

    def ring(self) -> TwilioTelephone:
        """Call; returns when the flow has begun."""
        self.line = self.house.twilio.call(self.number, COMPANY_NUMBER)
        self.line.tone = float(self.hertz)
        self.call = self.line.sid
        self._questions = 0
        return self

    def at(self, step: str) -> TwilioTelephone:
        """Wait until the flow asks at this step."""
        return self.through({}, step)

    def through(self, keys: Mapping[str, str], step: str) -> TwilioTelephone:
        """Answer the questions that come with the keys given for them, until `step` asks."""
        while (asked := self._question()) != step:
            self.press(keys.get(asked, ""))
        return self

    def _question(self) -> str:
        self._questions += 1
        wanted = self._questions
        assert until(lambda: len(self.house.questions(self.call)) >= wanted, PATIENCE), (
            f"no question came: {self.house.tail(self.call)}\n{self.line.story()}"
        )
        self.line.wait("Gather", PATIENCE)
        return self.house.questions(self.call)[wanted - 1]

    def press(self, keys: str) -> TwilioTelephone:
        self.line.press(keys)
        return self

    def to_operator(self, keys: str = "0") -> TwilioTelephone:
        """Call and press 0; returns when the ticket is in the queue."""
        return self.ring().at("main.menu").press(keys).waits()

    def waits(self) -> TwilioTelephone:
        """Wait until he stands in a queue."""
        self.line.wait("Enqueue", PATIENCE)
        assert until(lambda: self.house.ticket_state(self.call) not in (None, "away"), PATIENCE), (
            self.house.tail(self.call)
        )
        return self

    def plays(self, name: str, since: int = 0, seconds: float = PATIENCE) -> TwilioTelephone:
        """Wait until a sound was played to him. since: place in what he heard."""
        found = until(lambda: any(name in what for _, what in self.line.heard[since:]), seconds)
        assert found, self.line.story(name)
        return self

    def hears(self, hertz: int, seconds: float = 10) -> bool:
        """Wait until he hears a frequency from the one he talks with."""
        return bool(until(lambda: self.line.hears(hertz), seconds))

    def silent(self, hertz: int, seconds: float = 10) -> bool:
        """Wait until he does not hear a frequency."""
        return bool(until(lambda: not self.line.hears(hertz), seconds))

    def hang_up(self) -> None:
        self.line.hang_up()

    def over(self) -> TwilioTelephone:
        """Wait until his call has come to its end."""
        self.line.wait("completed", PATIENCE)
        return self


class Customer:
    """Somebody who is called back: a telephone that Twilio rings from an operator's call."""

    def __init__(self, leg: Leg, hertz: int) -> None:
        self.leg, self.hertz = leg, hertz
        leg.call.tone = float(hertz)

    def hears(self, hertz: int, seconds: float = 10) -> bool:
        """Wait until he hears a frequency: what the operator's leg brings, once they are joined."""
        return bool(until(lambda: self._joined() and self._operator().hears(hertz), seconds))

    def _joined(self) -> bool:
        return self.leg.peer is not None and self.leg.peer.bridged is self.leg

    def _operator(self) -> Leg:
        assert self.leg.peer
        assert self.leg.peer.leg
        return self.leg.peer.leg


class TwilioHouse(House):
    """A press2 with desks, and the Twilio before it."""

    twilio: Emulator
    numbers: Iterator[str] = iter(f"+3806733300{place:02}" for place in range(100))
    _voices: Iterator[int] = iter(HERTZ)

    def twilio_telephone(self, number: str = "") -> TwilioTelephone:
        """Somebody at a telephone that nobody has used yet, or at the one with this number."""
        return TwilioTelephone(self, number or next(self.numbers), next(self._voices))

    def leg(self, login: str) -> Leg:
        """Wait until Twilio rings an operator."""
        host, port = self.sip
        return self.twilio.leg(f"sip:op-{login}@{host}:{port}", PATIENCE)

    def clear(self) -> None:
        """Let those who still call over Twilio hang up, then send everybody home."""
        for call in self.twilio.calls:
            if call.direction == "inbound":
                call.hang_up()
        for leg in self.twilio.legs:
            if leg.state != "over":
                leg.hang_up()
        self._voices = iter(HERTZ)
        super().clear()
