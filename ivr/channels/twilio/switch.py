"""The switch that is Twilio: takes callers out of the wait, and dials, through REST.

Nothing here waits for Twilio: what the matchmaker wants is put into lanes (`lanes.py`) and what
came of it is reported. A request that waits in a lane counts as done (`whereabouts.py`), so that a
re-sync does not ask for it twice, and is gone with this process, so that the next one's does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.channels.twilio import dialling
from ivr.channels.twilio.lanes import CallOver, Lanes, Patience, Refused, Unreached
from ivr.channels.twilio.live import HeldCall, LiveCalls
from ivr.channels.twilio.rounds import PAUSE, Rounds
from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.whereabouts import Whereabouts
from ivr.matchmaker import Listener, LiveCall, SwitchDown
from ivr.matchmaker.switch import OUTSIDE

if TYPE_CHECKING:
    from twilio.rest import Client

    from ivr.destination import Destination

logger = logging.getLogger(__name__)

INSIST = 30.0
"""Seconds in which a request that is no ringing is tried again."""


class Told(Protocol):
    """What the web processes report, and what all dispatchers are to hear."""

    def publish(self, kind: str, **values: str) -> None:
        """Tell every dispatcher."""

    def listen(self, listener: Listener, stop: threading.Event) -> None:
        """Tell a listener every report from now on, until `stop`."""


class TwilioSwitch:
    """Twilio as the matchmaker sees it: one exchange, named `NODE`. Thread-safe.

    numbers: by company, its own number at Twilio, which call-backs come from. pause, clock: of the
    rounds after calls that nobody heard of.
    """

    def __init__(
        self,
        settings: TwilioSettings,
        client: Client,
        live: LiveCalls,
        reports: Told,
        numbers: Mapping[str, str] = MappingProxyType({}),
        pause: float = PAUSE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = client
        self._reports = reports
        self._numbers = numbers
        self._lanes = Lanes()
        self._patience = Patience(self._resync)
        self._whereabouts = Whereabouts(live, self._resync)
        self._rounds = Rounds(
            client, self._patience, self._whereabouts, self._tell_gone, pause, clock
        )
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, listener: Listener) -> None:
        """Begin to work, and report to `listener` from now on."""
        self._listener = listener
        self._lanes.start()
        listens = partial(self._reports.listen, listener, self._over)
        rounds = partial(self._rounds.run, self._over)
        for name, task in (("twilio-reports", listens), ("twilio-rounds", rounds)):
            self._threads.append(threading.Thread(target=task, name=name, daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        """End; the calls go on."""
        self._over.set()
        self._patience.stop()
        self._lanes.stop()
        for thread in self._threads:
            thread.join()

    # ------------------------------------------------------------------ what is to be done

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Take the caller out of the wait and ring the operator for `ring` seconds."""

        def update(turn: int) -> dict[str, str]:
            document = dialling.connect(
                self._settings, ticket.id, turn, operator.endpoint, operator.node, offer.token,
                ring, recording, ticket.number,
            )  # fmt: skip
            return {"twiml": document}

        update(0)  # what may not be sent is refused before anything is done
        undone = partial(self._listener.unanswered, offer.token)
        self._lead(ticket, HeldCall(0, "operator", offer.token), ring, update, undone)

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Lead the caller back to his flow with Event("operator", outcome).

        An announcement is kept until Twilio fetches the next piece of music, half a minute at most.
        """
        path = f"told/{dialling.checked(dialling.CALL, ticket.id)}"
        word = dialling.checked(dialling.OUTCOME, outcome)
        if outcome == "announce":
            self._whereabouts.pend(ticket.id, outcome)
            return

        def update(turn: int) -> dict[str, str]:
            return {"url": dialling.address(self._settings, f"{path}/{turn}", outcome=word)}

        self._lead(ticket, HeldCall(0, "flow"), INSIST, update)

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = OUTSIDE) -> None:
        """Take the caller from the operator, or out of the wait, and dial an outside number."""

        def update(turn: int) -> dict[str, str]:
            document = dialling.send_out(
                self._settings, ticket.id, turn, destination.number, ticket.dialled, ring
            )
            return {"twiml": document}

        self._lead(ticket, HeldCall(0, "outside"), INSIST, update)

    def hang_up(self, ticket: Ticket) -> None:
        """End the caller's call, or a call-back."""
        self._ask(ticket, lambda sid: self._client.calls(sid).update(status="completed"))

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Stop or go on recording the talk, where Twilio records it."""
        status = "paused" if paused else "in-progress"
        self._ask(
            ticket,
            lambda sid: self._client.calls(sid).recordings("Twilio.CURRENT").update(status=status),
            over=lambda: logger.warning("call %s: nothing is recorded", ticket.id),
        )

    def ears(self) -> None:
        """Return nothing: Twilio lets nobody listen to a talk between two legs of a <Dial>."""

    def call_back(
        self,
        ticket: Ticket,
        operator: Operator,
        offer: Offer,
        destination: Destination,
        ring: float,
        recording: str,
    ) -> None:
        """Ring the operator for `ring` seconds; when he is there, dial the customer."""
        self._reachable()
        source = ticket.dialled or self._numbers.get(ticket.company, "")
        if not dialling.E164.fullmatch(source):
            logger.error("%s: %s has no number to call from", ticket.id, ticket.company)
            failed = partial(self._listener.called_back, offer.token, "failed")
            self._lanes.put(ticket.id, failed)
            return
        given = dialling.call_back(
            self._settings, ticket.id, operator.endpoint, operator.node, offer.token, ring,
            recording, destination.number, source,
        )  # fmt: skip
        held = HeldCall(0, "operator", offer.token)
        self._later(ticket.id, held, lambda: self._originate(ticket.id, held, given, ring))

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Nothing: the desk makes the tokens of Twilio's browser phones."""

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Nothing: tokens end by themselves."""

    # ------------------------------------------------------------------ what there is

    def calls(self) -> list[LiveCall]:
        """Return every call, as it was last known where that cannot be read now."""
        return self._whereabouts.calls()

    def nodes(self) -> Mapping[str, float]:
        """Return Twilio while REST is not known to be out of reach and its calls can be read."""
        return {NODE: 0.0} if self._patience.up and self._whereabouts.readable else {}

    # ------------------------------------------------------------------ requests

    def _lead(
        self,
        ticket: Ticket,
        to: HeldCall,
        seconds: float,
        update: Callable[[int], dict[str, str]],
        undone: Callable[[str], None] = lambda why: None,
    ) -> None:
        """Send the caller to another document. update: made from the number of his open turn.

        undone: called with failed, or unreached, where he stays where he is.
        """
        self._reachable()
        end = time.monotonic() + seconds
        self._later(ticket.id, to, lambda: self._move(ticket.id, to, end, update, undone))

    def _move(
        self,
        call: str,
        to: HeldCall,
        end: float,
        update: Callable[[int], dict[str, str]],
        undone: Callable[[str], None],
    ) -> None:
        before = self._whereabouts.of(call)
        given = update(before.turn)
        if time.monotonic() >= end:
            logger.warning("call %s was not led elsewhere: its time is over", call)
            undone("unreached")
            return
        after = replace(before, where=to.where, token=to.token, talking=False, asked=False)
        asked = replace(after, asked=True)
        self._whereabouts.put(call, asked)
        try:
            self._patience.insist(
                lambda: self._client.calls(call).update(**given),
                end - time.monotonic(),
                again=lambda: not self._whereabouts.of(call).talking,
            )
        except CallOver:
            self._is_over(call)
        except (Refused, Unreached) as reason:
            logger.warning("call %s was not led elsewhere: %s", call, reason)
            self._whereabouts.change(call, asked, before)
            undone("failed" if isinstance(reason, Refused) else "unreached")
        else:
            self._whereabouts.change(call, asked, after)

    def _originate(self, call: str, held: HeldCall, given: dict[str, Any], ring: float) -> None:
        self._whereabouts.put(call, held)
        try:
            made = self._patience.insist(
                lambda: self._client.calls.create(**given), ring, twice=False
            )
        except (CallOver, Refused) as reason:
            logger.error("%s was not dialled: Twilio refuses it (%s)", call, reason)
            self._whereabouts.drop(call)
            self._listener.called_back(held.token, "failed")
        except Unreached as reason:
            logger.warning("%s was not dialled: %s", call, reason)
            if reason.nothing:  # else it may ring: its reports tell, or the end of the ringing
                self._whereabouts.drop(call)
                self._listener.called_back(held.token, "lost")
        else:
            known = self._whereabouts.of(call)
            if made is not None and known.token == held.token:
                self._whereabouts.put(call, replace(known, sid=str(made.sid)))

    def _ask(
        self,
        ticket: Ticket,
        request: Callable[[str], object],
        over: Callable[[], None] | None = None,
    ) -> None:
        """Ask something about a call. request: given Twilio's name of it."""
        self._reachable()
        call = dialling.checked(dialling.CALL, ticket.id)

        def job() -> None:
            sid = self._whereabouts.of(call).sid or call
            try:
                self._patience.insist(lambda: request(sid), INSIST)
            except CallOver:
                (over or partial(self._is_over, call))()
            except (Refused, Unreached) as reason:
                logger.warning("call %s: Twilio did not do it: %s", call, reason)

        self._lanes.put(call, job)

    def _is_over(self, call: str) -> None:
        logger.info("call %s: gone before Twilio was asked", call)
        self._whereabouts.drop(call)
        self._listener.gone(call)

    def _later(self, call: str, to: HeldCall, job: Callable[[], None]) -> None:
        """Have a job done that leads a call elsewhere; until then it counts as being there."""
        settled = self._whereabouts.expect(call, to)

        def work() -> None:
            try:
                job()
            finally:
                settled()

        self._lanes.put(call, work)

    def _reachable(self) -> None:
        if not self._patience.up:
            raise SwitchDown("Twilio's REST is out of reach")

    def _resync(self) -> None:
        self._listener.resync()

    def _tell_gone(self, call: str) -> None:
        """Tell every dispatcher: which of them acts is not known here."""
        self._reports.publish("gone", call=call)
