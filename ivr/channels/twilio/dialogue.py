"""The dialogue over Twilio: what a webhook says becomes events, and the turn that follows TwiML.

Every webhook may come twice, late, out of order or to another process: what is over already is not
done again, and the answer is the turn that is open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import redis
from sqlalchemy.exc import SQLAlchemyError

from ivr.channels.heard import answer, taken
from ivr.channels.twilio import hearing, recogniser, twiml
from ivr.channels.twilio.hearing import Form
from ivr.channels.twilio.live import HeldCall, LiveCalls, Reports
from ivr.channels.twilio.recogniser import Listening
from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.slow import Work
from ivr.channels.twilio.sounds import Speaker
from ivr.channels.twilio.twiml import Links, Spoken
from ivr.errors import StaleTurn
from ivr.grammar import Vocabulary
from ivr.model import Ask, Caller, Enqueue, Event, Hangup, Record, Say, Turn

logger = logging.getLogger(__name__)

ONE_MOMENT = Say("pause_guessing")
TROUBLE = (Say("service_failed"), Say("goodbye"))
PAUSE = 2
"""Seconds between two looks at a turn that takes long."""
MOST_PAUSES = 12
"""Looks after which the caller hears an apology: about a minute."""


class Runner(Protocol):
    """What a call needs of `ivr.runner`."""

    def open(self, caller: Caller) -> Turn:
        """Return the first turn of a new call, the open turn of a known one."""

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Return what to perform after `event`; StaleTurn when `turn` is over."""

    def turn(self, call: str, number: int = 0) -> Turn:
        """Return the open turn, which may be `number`; StaleTurn for an unknown call."""

    def company(self, call: str, number: int = 0) -> str:
        """Return the company that a call is for, "" where the call is not known."""

    def here(self, call: str, leg: str = "", node: str = "") -> bool:
        """Put the caller, who now stands waiting, into the queue; False when it is out of reach."""

    def broken(self, call: str, unreached: bool = False) -> bool:
        """Tell whether the operator vanished in the talk; `unreached`: or his telephone is lost."""

    def close(self, call: str, by: str = "caller") -> None:
        """Take note that the caller hung up, or what else ended his call."""

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile of a dialled number."""


@dataclass(frozen=True)
class House:
    """What all calls share.

    region: of numbers that come without a country; regions: the same by company. languages: the
    first one of each company.
    ring_group, ring_seconds: SIP addresses that ring, one after the other, while the queue is out
    of reach. message_late: seconds that Twilio's word of a message may come after the call's end.
    fetch: keeps in mind that a recording is to be fetched: (company, call, file, Twilio's sid).
    vocabulary: what callers may say, for hints to Twilio's recogniser.
    """

    settings: TwilioSettings
    runner: Runner
    speaker: Speaker
    live: LiveCalls
    reports: Reports
    work: Work
    clock: Callable[[], datetime]
    fetch: Callable[[str, str, str, str], None]
    region: str = "UA"
    regions: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    ring_group: tuple[str, ...] = ()
    ring_seconds: int = 20
    message_late: float = 0.0
    vocabulary: Vocabulary = field(default_factory=dict)


class Dialogue:
    """Questions and answers. Thread-safe: everything of a call is in its session."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._runner = house.runner

    # ------------------------------------------------------------------ the dialogue

    def voice(self, form: Form) -> str:
        """A call comes in, or comes again because its first answer was lost."""
        call = hearing.call_of(form)
        return self._slowly(call, 0, form, "", [Event("answered")])

    def notice(self, about: int, form: Form) -> str:
        """Somebody answers whom press2 called, or Twilio could not use another answer of his call.

        about: id of his subscription.
        """
        call = hearing.call_of(form)
        try:
            return self._back(call, self._runner.turn(call))
        except StaleTurn:
            return self._slowly(call, 0, hearing.told_of(form, about), "", [Event("answered")])

    def turn(self, call: str, number: int, form: Form, query: Form) -> str:
        """The caller answered turn `number`, or said nothing."""
        place = place_of(query)
        if "slow" in query:
            return self._look(call, number, form, place, number_in(query, "slow") or 1)
        turn = self._open(call, form, number)
        if turn.number != number:
            return self._say(call, turn, place)
        if isinstance(turn.need, Ask) and "rest" in query and not hearing.answers(turn, form):
            seconds = min(60, number_in(query, "rest") or 1)
            return twiml.rest(turn, seconds, self._links(call, place), self._listening(turn))
        events = self._events(call, turn, form)
        if not events:
            return self._say(call, turn, place)
        return self._slowly(call, number, form, place, events)

    def _events(self, call: str, turn: Turn, form: Form) -> list[Event]:
        """Return what a form says in answer to a turn, all keys in one event; [] for nothing."""
        keys = hearing.keys_of(form)
        match turn.need:
            case Ask() as ask:
                speech = None if keys else hearing.speech_of(turn, form)
                return [speech or answer(ask, keys)]
            case Record():
                return [hearing.recorded(turn, call, form)]
            case Enqueue() if keys:
                return [Event("keys", text=keys[0])]
        return []

    def _walk(self, call: str, number: int, events: list[Event], form: Form) -> Turn:
        """Hand events over to the turn that they answer, if it is open still."""
        first = events[0]
        if first.kind == "answered":
            return self._runner.open(self._caller(form))
        turn = self._open(call, form, number)
        told = first.kind == "operator"
        if turn.number != number or (told and not isinstance(turn.need, Enqueue)):
            return turn
        if first.kind == "recorded" and first.text:
            with suppress(SQLAlchemyError, TimeoutError):  # Twilio tells of it once more
                self._fetch(call, first.text, form)
        if first.kind == "keys":
            return self._keyed(call, turn, first.text, form)
        return self._advance(call, number, first, form)

    def _keyed(self, call: str, turn: Turn, keys: str, form: Form) -> Turn:
        """Hand keys over: what a question does not take is for the next one, or for the wait."""
        while isinstance(turn.need, Ask | Enqueue):
            count, event = 1, Event("keys", text=keys[:1])
            if isinstance(turn.need, Ask):
                count = taken(turn.need.entry, keys)
                event = answer(turn.need, keys[:count])
            else:
                self._runner.here(call, "", NODE)  # who presses it while words are spoken is there
            keys = keys[count:]
            number = turn.number
            try:
                turn = self._runner.advance(call, event, number)
            except StaleTurn:  # the same webhook came twice: the other one hands the rest over
                return self._open(call, form)
            if not keys or turn.number == number:
                break
        return turn

    def _advance(self, call: str, number: int, event: Event, form: Form) -> Turn:
        try:
            return self._runner.advance(call, event, number)
        except StaleTurn:
            return self._open(call, form)

    def _open(self, call: str, form: Form, number: int = 0) -> Turn:
        """Return the open turn; a call that nobody knows any more begins anew."""
        try:
            return self._runner.turn(call, number)
        except StaleTurn:
            logger.warning("call %s is not known; it begins anew", call)
            return self._runner.open(replace(self._caller(form), call=call))

    def _caller(self, form: Form) -> Caller:
        house = self._house
        return hearing.caller_of(form, self._runner, house.region, house.regions, house.clock())

    # ------------------------------------------------------------------ turns that take long

    def _slowly(self, call: str, number: int, form: Form, place: str, events: list[Event]) -> str:
        turn = self._house.work.do(
            (call, number), events, lambda: self._walk(call, number, events, form)
        )
        if turn is not None:
            answer = self._answer if events[0].kind == "operator" else self._say
            return answer(call, turn, place)
        return self._one_moment(call, number, place, 1, form)

    def _look(self, call: str, number: int, form: Form, place: str, looks: int) -> str:
        """He was asked to be patient: go on with him if his turn is done."""
        turn, busy = self._house.work.look(
            (call, number), lambda events: self._walk(call, number, events, form)
        )
        if turn is None and busy and not self._moved(call, number):
            if looks < MOST_PAUSES:
                return self._one_moment(call, number, place, looks + 1, form)
            logger.error("call %s: turn %d took too long", call, number)
            return self._give_up(call, form)
        return self._answer(call, turn or self._open(call, form), place)

    def _moved(self, call: str, number: int) -> bool:
        try:
            return self._runner.turn(call).number != number
        except StaleTurn:
            return False

    def _one_moment(self, call: str, number: int, place: str, looks: int, form: Form) -> str:
        says = [ONE_MOMENT] if looks == 1 else []
        spoken = self._house.speaker.say(says, self._language(call, form))
        query = {"waits": 1} if place == "queue" else {}
        url = self._links(call, place).to("turn", number, slow=looks, **query)
        return twiml.moment(spoken, PAUSE, url)

    def _give_up(self, call: str, form: Form) -> str:
        language = self._language(call, form)
        self._runner.close(call, "failure")
        return twiml.goodbye(self._house.speaker.say(TROUBLE, language))

    def _language(self, call: str, form: Form) -> str:
        try:
            return self._runner.turn(call).language
        except StaleTurn:
            company = self._caller(form).company
            return self._house.languages.get(company, "uk")

    def _fetch(self, call: str, name: str, form: Form) -> None:
        sid = form.get("RecordingSid", "")
        if not hearing.RECORDING.fullmatch(sid) or not hearing.FILE.fullmatch(name):
            logger.error("a recording without a name or a sid is left at Twilio: %.80r", call)
            return
        self._house.fetch(self._caller(form).company, call, name, sid)

    # ------------------------------------------------------------------ answers

    def _say(self, call: str, turn: Turn, place: str) -> str:
        """Render a turn where the caller is: "" in a document, in the "queue", or "held"."""
        links = self._links(call, place)
        if isinstance(turn.need, Enqueue) and place:
            return twiml.words(turn, self._house.speaker.of(turn, self._company(call, turn)), links)
        if place == "queue":
            return twiml.leave()
        if place == "held" and not isinstance(turn.need, Enqueue):
            self._note(call, HeldCall(turn.number))
        listening = self._listening(turn)
        spoken = () if isinstance(turn.need, Enqueue) else self._spoken(call, turn, listening)
        return twiml.render(turn, spoken, links, self._house.settings, listening)

    def _back(self, call: str, turn: Turn, place: str = "") -> str:
        """Render a turn for a caller who comes out of a queue, or from an operator.

        A webhook that comes late does not say where he is now: he is further on already.
        """
        try:
            held = self._house.live.get(call)
            over = held is None and isinstance(turn.need, Hangup)
            if not over and (held is None or held.turn < turn.number):
                self._house.live.put(call, HeldCall(turn.number))
        except redis.RedisError as reason:
            logger.warning("call %s: where he is was not noted: %s", call, reason)
        return self._say(call, turn, place)

    def _answer(self, call: str, turn: Turn, place: str) -> str:
        return self._say(call, turn, place) if place else self._back(call, turn)

    def _listening(self, turn: Turn) -> Listening | None:
        settings = self._house.settings
        if not settings.speech:
            return None
        return recogniser.listening(turn, self._house.vocabulary, settings.speech_model)

    def _spoken(self, call: str, turn: Turn, listening: Listening | None) -> Sequence[Spoken]:
        """Return what a turn says; nobody is asked to speak where nobody listens."""
        says = [say for say in turn.says if listening or not say.invites]
        company = self._company(call, turn)
        return self._house.speaker.say(says, turn.language, turn.slow, company)

    def _company(self, call: str, turn: Turn) -> str:
        return self._runner.company(call, turn.number)

    def _links(self, call: str, place: str) -> Links:
        return Links(self._house.settings.public_url, call, place == "held")

    def _note(self, call: str, held: HeldCall) -> None:
        try:
            self._house.live.put(call, held)
        except redis.RedisError as reason:
            logger.warning("call %s: where he is was not noted: %s", call, reason)


def number_in(query: Form, name: str) -> int:
    """Return a number of an address, 0 where it has none."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def place_of(query: Form) -> str:
    """Return where the caller is: "" in a document, in Twilio's "queue", or "held" beside it."""
    if "held" in query:
        return "held"
    return "queue" if "waits" in query else ""
