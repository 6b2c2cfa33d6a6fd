"""A turn as TwiML: pure functions, each of which returns one whole document.

What Twilio does with a verb is told at https://www.twilio.com/docs/voice/twiml. All URLs are
absolute, below the public one, because a document may be fetched for another one's sake.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from ivr.channels.twilio.recogniser import LOCALES, Listening
from ivr.channels.twilio.settings import TwilioSettings
from ivr.model import Ask, Enqueue, Hangup, Record, Turn

RECORD_SILENCE = 5
"""Seconds of silence that end a recording."""
RESTING = 20
"""Seconds without a sound where there is no music."""
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""Changes nothing: where Twilio reads no answer, or the caller is led elsewhere."""


@dataclass(frozen=True)
class Spoken:
    """One thing the caller hears: a sound of ours, or a text in one of Twilio's voices."""

    url: str = ""
    text: str = ""
    voice: str = ""
    language: str = ""


@dataclass(frozen=True)
class Links:
    """The URLs of one call. held: he waits outside Twilio's queue, because that one is full."""

    public_url: str
    call: str
    held: bool = False

    def to(self, way: str, turn: int, **query: object) -> str:
        """Return the URL of a way at a turn ("turn", "wait", "left", "over", ...)."""
        if self.held:
            query["held"] = 1
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.public_url}/twilio/{way}/{quote(self.call, safe='')}/{turn}{asked}"

    def recording(self, turn: int) -> str:
        """Return the URL that is told when the recording of a turn is ready."""
        query = urlencode({"call": self.call, "name": recording_name(self.call, turn)})
        return f"{self.public_url}/twilio/recording?{query}"


def recording_name(call: str, turn: int) -> str:
    """Return the file of what a caller says in a turn."""
    return f"{call}-{turn}.wav"


def render(
    turn: Turn,
    spoken: Sequence[Spoken],
    links: Links,
    settings: TwilioSettings,
    listening: Listening | None = None,
) -> str:
    """Return the document of a turn for a caller who does not stand in Twilio's queue.

    listening: to what he says beside his keys; None: keys only.
    """
    response = VoiceResponse()
    match turn.need:
        case Ask() as ask:
            _ask(response, turn, ask, spoken, links, listening)
        case Record() as record:
            _record(response, turn, record, spoken, links)
        case Enqueue():
            _enqueue(response, turn, links, settings)
        case Hangup():
            _speak(response, spoken)
            response.hangup()
        case need:
            raise TypeError(f"a turn needs {need}, which a channel cannot perform")
    return str(response)


def _speak(parent: VoiceResponse | Gather, spoken: Sequence[Spoken]) -> None:
    for each in spoken:
        if each.url:
            parent.play(each.url)
        else:
            parent.say(each.text, voice=each.voice, language=LOCALES.get(each.language))


def _ask(
    response: VoiceResponse,
    turn: Turn,
    ask: Ask,
    spoken: Sequence[Spoken],
    links: Links,
    listening: Listening | None,
) -> None:
    """One Gather. Its time-out is that of a first key and of the next one alike, and ours differ:
    a number whose first key may come later is listened for once more (`rest`).
    """
    if ask.entry == "key":
        how = {"num_digits": 1, "finish_on_key": "", "timeout": _whole(ask.timeout)}
        left = 0
    else:
        wait = ask.between if ask.typed else min(ask.between, ask.timeout)
        left = 0 if ask.typed else max(0, math.ceil(ask.timeout - wait))
        how = {"finish_on_key": "#", "timeout": _whole(wait)}
    query = {"rest": left} if left else {}
    gather = _gather(turn, links, listening, how, query)
    if not ask.typed:
        _speak(gather, spoken)
    response.append(gather)


def rest(turn: Turn, seconds: int, links: Links, listening: Listening | None = None) -> str:
    """Return the document that goes on listening for a number, without a word."""
    response = VoiceResponse()
    how = {"finish_on_key": "#", "timeout": _whole(seconds)}
    response.append(_gather(turn, links, listening, how, {}))
    return str(response)


def _gather(
    turn: Turn,
    links: Links,
    listening: Listening | None,
    how: Mapping[str, object],
    query: Mapping[str, object],
) -> Gather:
    """What is said ends it as well; it cuts the words short (`bargeIn`, which no page of Twilio's
    documents, stays away), and what came first counts, keys or words.
    """
    heard: dict[str, object] = {"input": "dtmf"}
    if listening:
        heard = {
            "input": "dtmf speech",
            "language": listening.locale,
            "speech_timeout": listening.pause,
            "speech_model": listening.model or None,
            "profanity_filter": False,
            "hints": listening.hints or None,
        }
    action = links.to("turn", turn.number, **query)
    return Gather(
        **heard, **how, action=action, method="POST", action_on_empty_result=True
    )  # fmt: skip


def _record(
    response: VoiceResponse, turn: Turn, record: Record, spoken: Sequence[Spoken], links: Links
) -> None:
    _speak(response, spoken)
    response.record(
        action=links.to("turn", turn.number),
        method="POST",
        max_length=_whole(record.limit),
        timeout=RECORD_SILENCE,
        finish_on_key="#",
        play_beep=True,
        trim="do-not-trim",
        recording_status_callback=links.recording(turn.number),
        recording_status_callback_event="completed",
        recording_status_callback_method="POST",
    )
    # Twilio goes on here where he said nothing.
    response.redirect(links.to("turn", turn.number, nothing=1), method="POST")


def _enqueue(response: VoiceResponse, turn: Turn, links: Links, settings: TwilioSettings) -> None:
    if links.held:
        response.redirect(links.to("wait", turn.number), method="POST")
        return
    response.enqueue(
        settings.queue,
        action=links.to("left", turn.number),
        method="POST",
        wait_url=links.to("wait", turn.number),
        wait_url_method="POST",
    )


def words(turn: Turn, spoken: Sequence[Spoken], links: Links) -> str:
    """Return what a caller hears before he waits on; a key cuts it."""
    response = VoiceResponse()
    if spoken:
        gather = _key(turn, links)
        _speak(gather, spoken)
        response.append(gather)
    response.redirect(links.to("wait", turn.number, said=1), method="POST")
    return str(response)


def music(turn: Turn, url: str, part: int, links: Links) -> str:
    """Return one part of the music; Twilio asks for the next one when it is over."""
    response = VoiceResponse()
    gather = _key(turn, links)
    if url:
        gather.play(url)
    else:
        gather.pause(length=RESTING)
    response.append(gather)
    response.redirect(links.to("wait", turn.number, said=1, part=part + 1), method="POST")
    return str(response)


def _key(turn: Turn, links: Links) -> Gather:
    """Listen for one key of a caller who waits; silence goes on with the document."""
    return Gather(
        input="dtmf",
        num_digits=1,
        finish_on_key="",
        timeout=1,
        action=links.to("turn", turn.number, waits=1),
        method="POST",
    )


def leave() -> str:
    """Return the document that takes the caller out of Twilio's queue."""
    response = VoiceResponse()
    response.leave()
    return str(response)


def ring(
    turn: Turn, spoken: Sequence[Spoken], links: Links, address: str, seconds: int, phone: int
) -> str:
    """Return the document that rings one telephone of a fixed group, a SIP address.

    phone: its place in the group. Twilio rings one by SIP at a time, whatever else an account may.
    """
    response = VoiceResponse()
    _speak(response, spoken)
    action = links.to("over", turn.number, phone=phone)
    dial = Dial(action=action, method="POST", timeout=seconds)
    dial.sip(address)
    response.append(dial)
    return str(response)


def moment(spoken: Sequence[Spoken], seconds: int, url: str) -> str:
    """Return the document of a caller who is to be patient: Twilio asks again at `url`."""
    response = VoiceResponse()
    _speak(response, spoken)
    response.pause(length=seconds)
    response.redirect(url, method="POST")
    return str(response)


def goodbye(spoken: Sequence[Spoken]) -> str:
    """Return the document of a call that nothing can be done for any more."""
    response = VoiceResponse()
    _speak(response, spoken)
    response.hangup()
    return str(response)


def _whole(seconds: float) -> int:
    """Return a time as Twilio takes it: whole seconds, at least one."""
    return max(1, math.ceil(seconds))
