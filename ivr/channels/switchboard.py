"""The switch of a company whose callers come over Asterisk and over Twilio: both behind one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.channels.twilio.settings import NODE
from ivr.errors import Press2Error
from ivr.matchmaker import Listener, LiveCall, Switch, SwitchDown
from ivr.matchmaker.switch import OUTSIDE, Ears

if TYPE_CHECKING:
    from ivr.destination import Destination


class Exchanges(Switch, Protocol):
    """A switch that reports."""

    def start(self, listener: Listener) -> None:
        """Begin to work, and report to `listener` from now on."""

    def stop(self) -> None:
        """End; the calls go on."""


class Switchboard:
    """Asks whichever of the two holds the call; `ticket.node` tells.

    asterisk: None for a company without one. trunk: Asterisk dials outside, so that call-backs are
    its business, else Twilio's. recorded: Twilio records talks, because operators have its browser
    phones; else every operator's telephone is at an Asterisk, which does.
    """

    def __init__(
        self,
        asterisk: Exchanges | None,
        twilio: Exchanges,
        *,
        trunk: bool = False,
        recorded: bool = False,
    ) -> None:
        self._asterisk = asterisk
        self._twilio = twilio
        self._dials = asterisk if asterisk is not None and trunk and not recorded else twilio
        self._recorded = recorded
        self._both = (twilio,) if asterisk is None else (asterisk, twilio)

    def start(self, listener: Listener) -> None:
        """Let both begin, and report to `listener` from now on."""
        for each in self._both:
            each.start(listener)

    def stop(self) -> None:
        """Let both end; the calls go on."""
        for each in self._both:
            each.stop()

    # ------------------------------------------------------------------ what is to be done

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Take the caller out of the wait and ring the operator for `ring` seconds."""
        if operator.node == NODE and ticket.node != NODE:
            raise Press2Error(f"{ticket.node} cannot ring a browser phone of Twilio's")
        self._holder(ticket).connect(ticket, operator, offer, ring, recording)

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Lead the caller back to his flow with Event("operator", outcome)."""
        self._holder(ticket).tell(ticket, outcome)

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = OUTSIDE) -> None:
        """Take the caller from the operator, or out of the wait, and dial an outside number."""
        self._holder(ticket).send_out(ticket, destination, ring)

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
        self._dials.call_back(ticket, operator, offer, destination, ring, recording)

    def hang_up(self, ticket: Ticket) -> None:
        """End the caller's call, or a call-back."""
        if self._holder(ticket) is self._twilio:
            self._twilio.hang_up(ticket)
        else:
            self._at_asterisk(ticket, lambda switch, ticket: switch.hang_up(ticket))

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Stop or go on recording the talk, where it is recorded."""
        if self._recorded and self._holder(ticket) is self._twilio:
            self._twilio.pause_recording(ticket, paused)
        else:
            self._at_asterisk(ticket, lambda switch, ticket: switch.pause_recording(ticket, paused))

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Let his browser's telephone register until then."""
        if self._asterisk is not None:
            self._asterisk.admit_phone(operator, digest, until)

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Let it register no more."""
        if self._asterisk is not None:
            self._asterisk.dismiss_phone(operator_endpoint, node)

    def ears(self) -> Ears | None:
        """Return what lets supervisors into talks: an Asterisk, where the telephones are at one."""
        return None if self._asterisk is None or self._recorded else self._asterisk.ears()

    # ------------------------------------------------------------------ what there is

    def calls(self) -> list[LiveCall]:
        """Return every caller's channel; SwitchDown where an Asterisk broke off in its answer."""
        return [call for each in self._both for call in each.calls()]

    def nodes(self) -> Mapping[str, float]:
        """Return the exchanges that answer now and when each was started."""
        return {name: at for each in self._both for name, at in each.nodes().items()}

    # ------------------------------------------------------------------ the way there

    def _holder(self, ticket: Ticket) -> Exchanges:
        """Return which one holds a call; that of a call-back has no node."""
        if ticket.kind == "callback":
            return self._dials
        if ticket.node == NODE:
            return self._twilio
        if self._asterisk is None:
            raise SwitchDown(f"no exchange is named {ticket.node}")
        return self._asterisk

    def _at_asterisk(self, ticket: Ticket, do: Callable[[Exchanges, Ticket], None]) -> None:
        """Do something at the Asterisk of a ticket, at all where it names none of them."""
        if self._asterisk is None:
            raise SwitchDown("there is no Asterisk")
        nodes = list(self._asterisk.nodes())
        if ticket.node not in ("", NODE):
            nodes = [ticket.node]
        if not nodes:
            raise SwitchDown("no exchange answers")
        for node in nodes:
            do(self._asterisk, replace(ticket, node=node))
