"""The switch that is one or several Asterisks, through their manager interfaces.

What `ivr.matchmaker` wants done becomes actions; what Asterisk tells becomes reports to its
listener. The other half is the dialplan (`ivr/asterisk/templates/extensions.conf`): its events
carry a mark that callers cannot know, whatever they put into their names and numbers.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.channels import ami_listening, ami_phones
from ivr.channels.ami_link import Message, event_mark
from ivr.channels.ami_phones import BROWSER_PHONE
from ivr.channels.ami_wire import Exchange, Wire
from ivr.errors import Press2Error
from ivr.matchmaker import Listener, LiveCall, SwitchDown
from ivr.matchmaker.switch import OUTSIDE

if TYPE_CHECKING:
    from ivr.destination import Destination

log = logging.getLogger(__name__)

ENDPOINT = re.compile(r"op-[a-z0-9]{1,32}")
PHONE_CHANNEL = re.compile(rf"PJSIP/({ENDPOINT.pattern})-[0-9a-f]+")
TOKEN = re.compile(r"[\w.-]{1,200}", re.ASCII)
CALL = re.compile(r"[\w.:-]{1,100}", re.ASCII)
OUTCOME = re.compile(r"[a-z_]{1,40}")
DIGEST = re.compile(r"[0-9a-f]{32}")
NUMBER = re.compile(r"\+?[0-9]{2,15}")
RECORDING = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*|")
CONTEXTS = {
    "press2-wait": "wait",
    "press2-operator": "operator",
    "press2-callback": "operator",
    "press2-out": "outside",
    "incoming": "flow",
    "press2": "flow",
    "press2-worker": "flow",
    "press2-ask": "flow",
    "press2-play": "flow",
    "press2-told": "flow",
}
REGISTERED = {"Created", "Reachable", "NonQualified", "Updated", "Unqualified"}
CALLED_BACK = "press2-callback-"
AGAIN_SECONDS = 60.0
"""A telephone that falls silent twice in this time has a fault of its own."""
UNREACHED = {"BUSY": "declined", "NOANSWER": "no_answer", "CANCEL": "no_answer"}


class AsteriskSwitch:
    """Every exchange of the house, through one connection each. Thread-safe.

    phone: what the operators' telephones are.
    """

    def __init__(
        self, exchanges: Sequence[Exchange], phone: Mapping[str, str] = BROWSER_PHONE
    ) -> None:
        self._phone = phone
        self._marks = {exchange.name: event_mark(exchange.secret) for exchange in exchanges}
        self._phones: dict[tuple[str, str], set[str]] = {}
        self._silent: dict[str, float] = {}
        self._wires = {
            exchange.name: Wire(
                exchange,
                partial(self._take, exchange.name),
                partial(self._found, exchange.name),
            )
            for exchange in exchanges
        }

    def start(self, listener: Listener) -> None:
        """Connect, and report to `listener` from now on."""
        self._listener = listener
        for wire in self._wires.values():
            wire.start()

    def stop(self) -> None:
        """Disconnect; the calls go on."""
        for wire in self._wires.values():
            wire.stop()

    # ------------------------------------------------------------------ what is to be done

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Take the caller out of the wait and ring the operator for `ring` seconds."""
        words = [
            checked(ENDPOINT, operator.endpoint),
            operator.node,
            str(round(ring)),
            checked(TOKEN, offer.token),
            checked(RECORDING, recording),
        ]
        self._lead(ticket, "press2-operator", PRESS2_CONNECT=",".join(words))

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Lead the caller back to his flow with Event("operator", outcome)."""
        self._lead(ticket, "press2-told", PRESS2_TOLD=checked(OUTCOME, outcome))

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = OUTSIDE) -> None:
        """Take the caller from the operator, or out of the wait, and dial an outside number."""
        number = checked(NUMBER, destination.number)
        self._lead(ticket, "press2-out", PRESS2_OUT=f"{number},{round(ring)}")

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
        token = checked(TOKEN, offer.token)
        variables = {
            "PJSIP_HEADER(add,X-Press2-Token)": token,
            "PRESS2_TOKEN": token,
            "PRESS2_TICKET": checked(TOKEN, ticket.id),
            "PRESS2_NUMBER": checked(NUMBER, destination.number),
            "PRESS2_FROM": checked(NUMBER, ticket.dialled) if ticket.dialled else "",
            "PRESS2_RING": str(round(ring)),
            "PRESS2_RECORD": checked(RECORDING, recording),
        }
        wire = self._wire(operator.node)
        answer = wire.ask(
            "Originate",
            variables,
            Channel=f"PJSIP/{checked(ENDPOINT, operator.endpoint)}",
            ChannelId=token,
            Context="press2-callback",
            Exten="s",
            Priority="1",
            Timeout=str(round(ring * 1000)),
            CallerID=f"<{destination.number}>",
            Async="true",
            ActionID=f"{CALLED_BACK}{token}",
        )
        if answer.refused:
            wire.later(partial(self._listener.called_back, token, "operator_failed"))

    def hang_up(self, ticket: Ticket) -> None:
        """End the caller's call."""
        self._wire(ticket.node).ask("Hangup", Channel=channel_of(ticket), Cause="16")

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Stop or go on recording the talk.

        Where no exchange holds the caller, any may hold his operator: SwitchDown when none of
        those that answer does and another is away.
        """
        held = ticket.node in self._wires
        wires = [self._wires[ticket.node]] if held else self._up()
        found = [_pause(wire, ticket.token, paused) for wire in wires] if ticket.token else []
        if not held and not any(found) and len(wires) < len(self._wires):
            raise SwitchDown("an exchange is away that may hold the operator of the call")

    # ------------------------------------------------------------------ supervisors in talks

    def listen(
        self,
        supervisor: Operator,
        operator: Operator,
        talk: str,
        token: str,
        mode: str,
        ring: float,
    ) -> None:
        """Ring a supervisor and let him into an operator's talk, at the operator's exchange."""
        wires = self._up()
        found = ami_listening.talk_of(wires, checked(ENDPOINT, operator.endpoint), talk)
        if found is None:
            self._not_there(wires, token, "talk")
            return
        phone = checked(ENDPOINT, supervisor.endpoint)
        if supervisor.node != found.wire.exchange.name:
            self._wire(supervisor.node)
            phone = f"{phone}@node-{supervisor.node}"
        answer = found.wire.ask(
            "Originate",
            ami_listening.variables(found, checked(TOKEN, token), mode),
            Channel=f"PJSIP/{phone}",
            Context=ami_listening.LISTENING,
            Exten="s",
            Priority="1",
            Timeout=str(round(ring * 1000)),
            CallerID=f"<{operator.endpoint.removeprefix('op-')}>",
            Async="true",
            ActionID=f"{ami_listening.ORIGINATED}{token}",
        )
        if answer.refused:
            self._not_there([found.wire], token, "failed")

    def listen_as(self, token: str, mode: str) -> None:
        """Go on listening in another mode; nothing rings."""
        leg = ami_listening.leg_of(self._up(), token)
        how = ami_listening.mode_of(mode)
        if leg is not None:
            ami_listening.lead(leg, ami_listening.LISTENING, "mode", PRESS2_SPY_MODE=how)

    def take_over(self, operator: Operator, talk: str, token: str, recording: str) -> None:
        """Put the supervisor who listens in the operator's place."""
        wires = self._up()
        leg = ami_listening.leg_of(wires, token)
        found = ami_listening.talk_of(wires, checked(ENDPOINT, operator.endpoint), talk)
        if leg is not None and found is not None and found.peer and found.wire is leg.wire:
            told = {"PRESS2_PEER": found.peer, "PRESS2_RECORD": checked(RECORDING, recording)}
            ami_listening.lead(leg, ami_listening.TAKING, "s", **told)

    def leave_talk(self, token: str) -> None:
        """Hang up on a supervisor who listens."""
        leg = ami_listening.leg_of(self._up(), token)
        if leg is not None:
            leg.wire.ask("Hangup", Channel=leg.name, Cause="16")

    def listening(self) -> dict[str, bool]:
        """Return the token of each who is in a talk: True, he has the caller."""
        return ami_listening.tokens(self._up())

    def ears(self) -> AsteriskSwitch:
        """Return what lets supervisors into talks."""
        return self

    def _not_there(self, wires: Sequence[Wire], token: str, why: str) -> None:
        """Report that a listening did not begin."""
        if not wires:
            raise SwitchDown("no exchange answers")
        wires[0].later(partial(self._listener.listening_over, token, why))

    # ------------------------------------------------------------------ telephones

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Let his browser's telephone register until then, with whichever exchange it reaches."""
        endpoint = checked(ENDPOINT, f"op-{operator.name}")
        wires = self._up()
        if not wires:
            raise SwitchDown("no exchange answers")
        for wire in wires:
            ami_phones.admit(wire, endpoint, checked(DIGEST, digest), until, self._phone)
            for late in filter(ENDPOINT.fullmatch, ami_phones.over(wire, time.time())):
                self._dismiss(wire, late)

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Let it register no more, with any exchange."""
        for wire in self._up():
            self._dismiss(wire, checked(ENDPOINT, operator_endpoint))

    def _dismiss(self, wire: Wire, endpoint: str) -> None:
        ami_phones.dismiss(wire, endpoint)
        wire.later(partial(self._reached, wire.exchange.name, endpoint, set()))

    # ------------------------------------------------------------------ what there is

    def calls(self) -> list[LiveCall]:
        """Return every caller's channel of every exchange that answers."""
        return [
            call
            for wire in self._up()
            for channel in wire.list("CoreShowChannels")
            if (call := live_call(channel, wire.exchange.name))
        ]

    def nodes(self) -> Mapping[str, float]:
        """Return the exchanges that answer now and when each was started."""
        return {wire.exchange.name: wire.started for wire in self._up()}

    # ------------------------------------------------------------------ what is told

    def _found(self, node: str) -> None:
        """Reports of this exchange may have been lost: look which telephones it has, then tell."""
        there: dict[str, set[str]] = {}
        for contact in self._wires[node].list("PJSIPShowContacts"):
            there.setdefault(contact.get("Endpoint"), set()).add(contact.get("Uri"))
        known = [endpoint for at, endpoint in self._phones if at == node]
        for endpoint in {*known, *filter(ENDPOINT.fullmatch, there)}:
            self._reached(node, endpoint, there.get(endpoint, set()))
            if endpoint in there:
                self._listener.phone_found(endpoint, node)
        self._listener.resync()

    def _take(self, node: str, message: Message) -> None:
        match message.get("Event"):
            case "UserEvent" if message.get("Mark") == self._marks[node]:
                self._told(node, message)
            case "ContactStatus":
                self._contact(node, message)
            case "OriginateResponse" if message.get("Response") == "Failure":
                before, mark, token = message.get("ActionID").partition(CALLED_BACK)
                if mark and not before:
                    self._listener.called_back(token, "operator_failed")
                before, mark, token = message.get("ActionID").partition(ami_listening.ORIGINATED)
                if mark and not before:
                    self._listener.listening_over(token, ami_listening.why_not(message))

    def _told(self, node: str, message: Message) -> None:
        """Report what the dialplan tells."""
        call, token = message.get("Uniqueid"), message.get("Token")
        match message.get("UserEvent"):
            case "Press2Waiting":
                self._listener.waiting(call, node, message.get("Channel"))
            case "Press2Answered":
                self._listener.answered(token)
            case "Press2Outside":
                self._listener.outside(message.get("Call"))
            case "Press2Lost" if phone := PHONE_CHANNEL.fullmatch(message.get("Channel")):
                self._lost(node, phone[1])
            case "Press2Over" if message.get("Outcome") == "dropped":
                # A caller whom Twilio holds has an id of Twilio's.
                self._listener.dropped(message.get("Call") or call)
            case "Press2Over" if message.get("Outcome") == "no_answer":
                self._listener.unanswered(token, UNREACHED.get(message.get("Status"), "failed"))
            case "Press2CalledBack" if how := called_back(message):
                self._listener.called_back(token, how)
            case "Press2Listening":
                self._listener.listening(token)
            case "Press2ListeningOver":
                self._listener.listening_over(token, ami_listening.why_over(message))
            case "Press2TakenOver":
                self._listener.taken_over(token)
            case "Press2Gone":
                self._listener.gone(message.get("Ticket") or call)

    def _lost(self, node: str, endpoint: str) -> None:
        """Look whether a telephone that fell silent is back; not where it keeps falling silent."""
        now = time.monotonic()
        if now - self._silent.get(endpoint, -AGAIN_SECONDS) >= AGAIN_SECONDS:
            threading.Thread(target=self._watch, args=(node, endpoint), daemon=True).start()
        self._silent[endpoint] = now

    def _watch(self, node: str, endpoint: str) -> None:
        with suppress(SwitchDown):
            wire = self._wire(node)
            if ami_phones.answers_again(wire, endpoint):
                wire.later(partial(self._listener.phone_found, endpoint, node))

    def _contact(self, node: str, message: Message) -> None:
        """Report that an operator's telephone registers, or that the last contact of it is gone."""
        endpoint = message.get("AOR")
        if not ENDPOINT.fullmatch(endpoint):
            return
        contacts = self._phones.get((node, endpoint), set())
        uri = {message.get("URI")}
        registered = message.get("ContactStatus") in REGISTERED
        self._reached(node, endpoint, contacts | uri if registered else contacts - uri)
        if registered:
            self._listener.phone_found(endpoint, node)

    def _reached(self, node: str, endpoint: str, contacts: set[str]) -> None:
        """Take note of where a telephone is reached now; report the loss of its last contact."""
        before = self._phones.pop((node, endpoint), None)
        if contacts:
            self._phones[node, endpoint] = contacts
        elif before:
            self._listener.phone_lost(endpoint, node)

    # ------------------------------------------------------------------ the way there

    def _up(self) -> list[Wire]:
        return [wire for wire in self._wires.values() if wire.up]

    def _wire(self, node: str) -> Wire:
        if node not in self._wires:
            raise SwitchDown(f"no exchange is named {node}")
        return self._wires[node]

    def _lead(self, ticket: Ticket, context: str, **variables: str) -> None:
        """Send the caller to another place of the dialplan; one who is gone is reported as gone."""
        wire = self._wire(ticket.node)
        channel = channel_of(ticket)
        for name, value in variables.items():
            if wire.ask("Setvar", Channel=channel, Variable=name, Value=value).refused:
                break
        else:
            answer = wire.ask("Redirect", Channel=channel, Context=context, Exten="s", Priority="1")
            if not answer.refused:
                return
        log.info("call %s: gone before it could be led to %s", ticket.id, context)
        wire.later(partial(self._listener.gone, ticket.id))


def channel_of(ticket: Ticket) -> str:
    """Return the unique id that Asterisk finds the caller's channel by; no other ever has it."""
    return checked(CALL, ticket.id if ticket.kind == "call" else ticket.token)


def _pause(wire: Wire, token: str, paused: bool) -> bool:
    """Stop or go on recording the legs of an offer; tell whether there was one."""
    legs = [
        channel.get("Channel")
        for channel in wire.list("CoreShowChannels")
        if channel.variables.get("PRESS2_TOKEN") == token
    ]
    for leg in legs:
        wire.ask("MixMonitorMute", Channel=leg, Direction="both", State=str(int(paused)))
    return bool(legs)


def called_back(message: Message) -> str:
    """Return how a call-back went, "" when that was told before: its talk is over now."""
    if message.get("How") == "answered":
        return "answered"
    # CANCEL: the operator hung up before the customer was there.
    outcomes = {
        "ANSWER": "",
        "BUSY": "busy",
        "NOANSWER": "no_answer",
        "CANCEL": "operator_failed",
        "": "operator_failed",
    }
    return outcomes.get(message.get("Status"), "failed")


def live_call(channel: Message, node: str) -> LiveCall | None:
    """Return the call of a caller's channel, None for an operator's telephone and the like."""
    if channel.get("Application") == "AppDial" or channel.get("Context") not in CONTEXTS:
        return None
    where = CONTEXTS[channel.get("Context")]
    return LiveCall(
        call=channel.variables.get("PRESS2_TICKET") or channel.get("Uniqueid"),
        node=node,
        leg=channel.get("Channel"),
        where=where,
        token=channel.variables.get("PRESS2_TOKEN", ""),
        talking=where in ("operator", "outside") and bool(channel.get("BridgeId")),
    )


def checked(form: re.Pattern[str], text: str) -> str:
    """Return `text`; Press2Error when it is not of the form that may reach an action."""
    if not form.fullmatch(text):
        raise Press2Error(f"AMI: {text!r} is not what may be sent")
    return text
