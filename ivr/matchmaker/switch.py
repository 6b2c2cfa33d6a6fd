"""The switch: the side that holds the calls, as the matchmaker sees it.

An Asterisk through AMI, Twilio through REST, both (`ivr.channels.switchboard`), or the simulated
line of a call script. What the switch has to report it reports to a `Listener`, from any thread; no
method of that one waits for the switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ivr.agent_queue.model import Offer, Operator, Ticket

if TYPE_CHECKING:
    from ivr.destination import Destination


OUTSIDE = 60.0
"""Seconds an outside telephone rings."""


class SwitchDown(Exception):
    """The exchange that holds the call does not answer; nothing was done."""


@dataclass(frozen=True)
class LiveCall:
    """One caller's channel as an exchange holds it now.

    call: id of the call (of the ticket). where: wait (music), operator (being connected or
    connected), outside (a number outside is dialled for him, or talks to him), flow (with a
    worker), other. token: of the offer it was connected for, or "". talking: he and the other end
    hear each other.
    """

    call: str
    node: str
    leg: str
    where: str
    token: str = ""
    talking: bool = False


class Switch(Protocol):
    """What the matchmaker asks of an exchange. Each method may raise SwitchDown."""

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        """Take the caller out of the wait and ring the operator for `ring` seconds.

        recording: file below the folder of recordings; "" for none.
        """

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Lead the caller back to his flow with Event("operator", outcome)."""

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

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = OUTSIDE) -> None:
        """Take the caller from the operator, or out of the wait, and dial an outside number.

        It rings for `ring` seconds; then he is led back to his flow as "unavailable", after a talk
        as "ended".
        """

    def hang_up(self, ticket: Ticket) -> None:
        """End the caller's call."""

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        """Let his browser's telephone register until then. digest: MD5 of user:realm:secret."""

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        """Let it register no more."""

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        """Stop or go on recording the talk."""

    def ears(self) -> Ears | None:
        """Return what lets supervisors into talks; None where the exchange cannot."""

    def calls(self) -> list[LiveCall]:
        """Return every caller's channel of every exchange that answers."""

    def nodes(self) -> Mapping[str, float]:
        """Return the exchanges that answer now and when each was started (epoch seconds).

        0.0 where that is not known. A call that is not among `calls()` of one of these is over.
        """


class Ears(Protocol):
    """Lets supervisors into operators' talks. Each method may raise SwitchDown."""

    def listen(
        self,
        supervisor: Operator,
        operator: Operator,
        talk: str,
        token: str,
        mode: str,
        ring: float,
    ) -> None:
        """Ring a supervisor for `ring` seconds and let him into an operator's talk.

        talk: token of that one; token: of this listening. mode: listen, whisper or barge.
        """

    def listen_as(self, token: str, mode: str) -> None:
        """Go on listening in another mode; nothing rings."""

    def take_over(self, operator: Operator, talk: str, token: str, recording: str) -> None:
        """Put the supervisor who listens in the operator's place; the caller's call goes on."""

    def leave_talk(self, token: str) -> None:
        """Hang up on a supervisor who listens."""

    def listening(self) -> dict[str, bool]:
        """Return the token of each who is in a talk, at every exchange that answers: False, he
        listens; True, he has the caller.
        """


class Listener(Protocol):
    """What a switch reports. Any report may come twice, late, or for something unknown."""

    def answered(self, token: str) -> None:
        """The operator answered, and the caller hears him."""

    def unanswered(self, token: str, why: str) -> None:
        """He did not.

        why: no_answer, declined, failed (his telephone could not be rung), or unreached (nobody
        rang it, because the exchange of the caller could not be asked to: none of his fault).
        """

    def dropped(self, ticket: str) -> None:
        """The operator vanished in the talk."""

    def called_back(self, token: str, how: str) -> None:
        """How a call-back went: answered, busy, no_answer, failed or operator_failed; lost, when
        nobody was dialled, or nobody knows.
        """

    def outside(self, call: str) -> None:
        """The number outside that was dialled for a caller answered."""

    def waiting(self, call: str, node: str, leg: str) -> None:
        """A caller stands in the wait and hears music."""

    def gone(self, call: str) -> None:
        """A caller's channel is over."""

    def listening(self, token: str) -> None:
        """A supervisor's telephone answered: he hears the talk."""

    def listening_over(self, token: str, why: str) -> None:
        """He does not hear it any more, or never did.

        why: talk (it is over), supervisor (he hung up), lost (his telephone fell silent),
        no_answer, failed.
        """

    def taken_over(self, token: str) -> None:
        """The supervisor has the caller now, the operator's telephone is hung up."""

    def phone_lost(self, endpoint: str, node: str) -> None:
        """An operator's telephone is no longer registered."""

    def phone_found(self, endpoint: str, node: str) -> None:
        """An operator's telephone is registered."""

    def resync(self) -> None:
        """Reports may have been lost: compare everything anew, soon."""
