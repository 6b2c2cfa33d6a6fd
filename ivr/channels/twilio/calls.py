"""What Twilio asks about a call, and the TwiML it gets: one method a webhook.

The dialogue itself is in `dialogue`; here are the wait, the talk with an operator and the end.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import redis

from ivr.channels.twilio import dialling, hearing, twiml
from ivr.channels.twilio.dialogue import Dialogue, number_in, place_of
from ivr.channels.twilio.hearing import Form
from ivr.channels.twilio.live import HeldCall, Report, follow
from ivr.channels.twilio.settings import NODE
from ivr.channels.twilio.twiml import EMPTY, Spoken
from ivr.errors import StaleTurn
from ivr.model import Enqueue, Event, Record, Say, Turn

logger = logging.getLogger(__name__)

QUEUE_DOWN = Say("queue_down")
MOVED = frozenset(
    ("redirected", "redirected-from-bridged", "bridged", "bridging-in-process", "hangup")
)
"""QueueResult of a caller who is led elsewhere: nobody reads the answer."""
FULL = frozenset(("queue-full", "error", "system-error"))
SETTLED = 5.0
"""Seconds in which a caller taken out of the wait may still be asked for there."""
OUTCOME = re.compile(r"[a-z_]{1,40}")


class Calls(Dialogue):
    """Answers for every call."""

    # ------------------------------------------------------------------ waiting

    def wait(self, call: str, number: int, form: Form, query: Form) -> str:
        """The caller stands in Twilio's queue: the words of his turn, then music."""
        place = place_of(query) or "queue"
        turn = self._open(call, form)
        if not isinstance(turn.need, Enqueue) or turn.number != number:
            return self._say(call, turn, place)
        if turn.says and "said" not in query:
            return self._say(call, turn, place)
        if outcome := self._told(call):
            return self._slowly(call, number, form, place, [Event("operator", outcome=outcome)])
        part = number_in(query, "part")
        if self._runner.here(call, "", NODE):
            self._stands(call, turn)
        elif not part:  # who has heard music has a place already: the matchmaker looks after him
            return twiml.leave() if place == "queue" else self._ring(call, turn, form)
        url = self._house.speaker.sounds.music(part)
        return twiml.music(turn, url, part, self._links(call, place))

    def _told(self, call: str) -> str:
        try:
            outcome = self._house.live.pended(call)
        except redis.RedisError:
            return ""
        return outcome if OUTCOME.fullmatch(outcome) else ""

    def _stands(self, call: str, turn: Turn) -> None:
        """Note that he hears music, unless he was taken out of the wait at this moment."""
        try:
            held = self._house.live.get(call)
            now = self._house.clock().timestamp()
            if held and held.where == "operator" and now - held.since < SETTLED:
                return
        except redis.RedisError:
            return
        self._note(call, HeldCall(turn.number, "wait"))

    def left(self, call: str, number: int, form: Form, query: Form) -> str:
        """The caller is out of Twilio's queue."""
        result = form.get("QueueResult", "")
        if result in MOVED:
            return EMPTY
        turn = self._open(call, form)
        if result in FULL:
            logger.warning("call %s: Twilio's queue says %s; he waits without it", call, result)
            return self._back(call, turn, "held")
        if isinstance(turn.need, Enqueue) and turn.number == number:
            return self._ring(call, turn, form)
        return self._back(call, turn)

    def _ring(self, call: str, turn: Turn, form: Form) -> str:
        """Our queue is out of reach: a fixed group of telephones rings."""
        spoken = self._house.speaker.say(
            [QUEUE_DOWN], turn.language, company=self._company(call, turn)
        )
        if self._house.ring_group:
            return self._ring_phone(call, turn, 0, spoken)
        turn = self._advance(call, turn.number, Event("operator", outcome="unavailable"), form)
        return self._back(call, replace(turn, says=(QUEUE_DOWN, *turn.says)))

    def _ring_phone(self, call: str, turn: Turn, phone: int, spoken: Sequence[Spoken]) -> str:
        house = self._house
        address, seconds = house.ring_group[phone], house.ring_seconds
        return twiml.ring(turn, spoken, self._links(call, ""), address, seconds, phone)

    def told(self, call: str, number: int, form: Form, query: Form) -> str:
        """The matchmaker led the caller out of the wait with a word for his flow."""
        outcome = query.get("outcome", "")
        if not OUTCOME.fullmatch(outcome):
            return self._back(call, self._open(call, form))
        # 0: the dispatcher did not know which turn is open.
        number = number or self._open(call, form).number
        return self._slowly(call, number, form, "", [Event("operator", outcome=outcome)])

    # ------------------------------------------------------------------ talking with an operator

    def over(self, call: str, number: int, form: Form, query: Form) -> str:
        """The dial to an operator (or to the ring group) is over."""
        if form.get("CallStatus") in hearing.OVER:
            self.status(form)
            return EMPTY
        token, how = query.get("token", ""), form.get("DialCallStatus", "")
        if token and self._moved_on(call, token):  # or this comes again, its answer was lost
            return self._say(call, self._open(call, form), "")
        event = self._of_dial(call, token, how)
        phone = number_in(query, "phone") + 1
        if event.outcome == "unavailable" and phone < len(self._house.ring_group):
            turn = self._open(call, form)
            if turn.number == number:
                return self._ring_phone(call, turn, phone, ())
        if token:
            for kind, values in dialling.over_reports(query, form):
                self._house.reports.publish(kind, **values)
        return self._slowly(call, number, form, "", [event])

    def _of_dial(self, call: str, token: str, how: str) -> Event:
        # A browser phone of Twilio's that loses its network ends the call like one that hangs up.
        if self._runner.broken(call, self._house.settings.operators == "client"):
            return Event("operator", outcome="dropped")
        if how in hearing.TALKED:
            return Event("operator", outcome="ended")
        if not token:
            return Event("operator", outcome="unavailable")
        return Event("operator", outcome="no_answer", values={"token": token})

    def _moved_on(self, call: str, token: str) -> bool:
        """Whether the caller was led away from this dial, so that its end means nothing."""
        try:
            held = self._house.live.get(call)
        except redis.RedisError:
            return False
        return held is not None and held.token != token

    def _elsewhere(self, call: str) -> bool:
        """Whether an operator has him by now, so that the end of a dial outside means nothing."""
        try:
            held = self._house.live.get(call)
        except redis.RedisError:
            return False
        return held is not None and held.where == "operator"

    def out(self, call: str, number: int, form: Form, query: Form) -> str:
        """The dial to a number outside is over: an operator passed him on, or it was the
        dispatcher's.
        """
        if form.get("CallStatus") in hearing.OVER:
            self.status(form)
            return EMPTY
        if self._elsewhere(call):
            return self._say(call, self._open(call, form), "")
        talked = form.get("DialCallStatus", "") in hearing.TALKED
        self._report(call, dialling.outside_reports(call, talked))
        event = Event("operator", outcome="ended" if talked else "unavailable")
        return self._slowly(call, number, form, "", [event])

    def status(self, form: Form) -> None:
        """The state of a call changed; only its end matters here."""
        call = hearing.call_of(form)
        if not call or form.get("CallStatus") not in hearing.OVER:
            return
        if self._house.message_late and self._speaks(call):
            late = threading.Timer(self._house.message_late, self._runner.close, (call,))
            late.daemon = True
            late.start()
        elif form["CallStatus"] == "failed":
            self._runner.close(call, "network")
        else:
            self._runner.close(call)
        try:
            self._house.live.drop(call)
        except redis.RedisError as reason:
            logger.warning("call %s is over, which was not noted: %s", call, reason)
        self._house.reports.publish("gone", call=call)

    def _speaks(self, call: str) -> bool:
        """Whether he hung up at the end of a message, which Twilio may tell of after the end."""
        try:
            return isinstance(self._runner.turn(call).need, Record)
        except StaleTurn:
            return False

    def recording(self, form: Form, query: Form) -> None:
        """A recording is ready at Twilio: of a caller's words, or of his talk with an operator."""
        if form.get("RecordingStatus", "completed") == "completed":
            self._fetch(query.get("call", ""), query.get("name", ""), form)

    def leg(self, form: Form, query: Form) -> None:
        """The state of an operator's leg, or of a call-back's, changed."""
        self._report(query.get("call", ""), dialling.leg_reports(query, form))

    def called_back(self, form: Form, query: Form) -> str:
        """The dial to a customer who was called back is over, and so is the operator's call."""
        self._report(query.get("call", ""), dialling.callback_reports(query, form))
        return twiml.goodbye([])

    def _report(self, call: str, reports: Sequence[Report]) -> None:
        with suppress(redis.RedisError):
            follow(self._house.live, call, reports)
        for kind, values in reports:
            self._house.reports.publish(kind, **values)

    def fallback(self, form: Form) -> str:
        """Twilio could not use another answer: the open question again, or the beginning."""
        call = hearing.call_of(form)
        address = form.get("ErrorUrl", "?").partition("?")[0]  # its query may hold a token
        code = form.get("ErrorCode", "?")
        logger.warning("call %s: Twilio failed with %.10r at %.200r", call, code, address)
        return self._back(call, self._open(call, form))

    def sound(self, mark: str, names: str) -> bytes | None:
        """Return a sound that one of these answers named, None for any other."""
        return self._house.speaker.sounds.read(mark, names)
