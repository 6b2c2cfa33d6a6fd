"""A simulated exchange: callers, operators' telephones, and who hears whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.destination import Destination
from ivr.errors import Press2Error
from ivr.matchmaker import LiveCall, SwitchDown


@dataclass
class Ringing:
    """An operator's telephone that rings."""

    ticket: Ticket
    operator: Operator
    offer: Offer
    recording: str
    destination: Destination | None = None


@dataclass
class Exchange:
    """A `Switch` that does at once what it is asked for, while its node is up."""

    started: dict[str, float] = field(default_factory=lambda: {"pbx1": 1.0})
    live: dict[str, LiveCall] = field(default_factory=dict)
    ringing: list[Ringing] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    sent_out: list[tuple[str, str]] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    phones: dict[str, str] = field(default_factory=dict)
    paused: list[tuple[str, bool]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    unsendable: set[str] = field(default_factory=set)
    ears_asked: list[tuple[str, ...]] = field(default_factory=list)
    ears_there: dict[str, bool] = field(default_factory=dict)

    # what tests do

    def stand(self, call: str, where: str = "wait", node: str = "pbx1", token: str = "") -> None:
        talking = where == "operator"
        self.live[call] = LiveCall(call, node, f"PJSIP/{call}", where, token, talking)

    def fall(self, node: str) -> None:
        """Lose the connection to an exchange; calls go on."""
        self.down.add(node)

    def die(self, node: str, again: float) -> None:
        """Crash and start anew: its calls are gone."""
        self.live = {name: live for name, live in self.live.items() if live.node != node}
        self.started[node] = again
        self.down.discard(node)

    @property
    def last(self) -> Ringing:
        return self.ringing[-1]

    # the protocol

    def connect(
        self, ticket: Ticket, operator: Operator, offer: Offer, ring: float, recording: str
    ) -> None:
        self._up(ticket.node)
        if operator.endpoint in self.unsendable:
            raise Press2Error(f"{operator.endpoint!r} is not what may be sent")
        self.ringing.append(Ringing(ticket, operator, offer, recording))
        if ticket.id in self.live:
            live = self.live[ticket.id]
            self.live[ticket.id] = replace(live, where="operator", token=offer.token)

    def tell(self, ticket: Ticket, outcome: str) -> None:
        self._up(ticket.node)
        self.told.append((ticket.id, outcome))
        if ticket.id in self.live:
            self.live[ticket.id] = replace(self.live[ticket.id], where="flow")

    def call_back(
        self,
        ticket: Ticket,
        operator: Operator,
        offer: Offer,
        destination: Destination,
        ring: float,
        recording: str,
    ) -> None:
        self._up(operator.node)
        self.ringing.append(Ringing(ticket, operator, offer, recording, destination))

    def send_out(self, ticket: Ticket, destination: Destination, ring: float = 60.0) -> None:
        self._up(ticket.node)
        self.sent_out.append((ticket.id, destination.number))
        if ticket.id in self.live:
            self.live[ticket.id] = replace(self.live[ticket.id], where="outside", talking=False)

    def hang_up(self, ticket: Ticket) -> None:
        self.hung_up.append(ticket.id)

    def admit_phone(self, operator: Operator, digest: str, until: float) -> None:
        self._up("pbx1")
        self.phones[operator.endpoint] = digest

    def dismiss_phone(self, operator_endpoint: str, node: str) -> None:
        self.phones.pop(operator_endpoint, None)

    def pause_recording(self, ticket: Ticket, paused: bool) -> None:
        self.paused.append((ticket.id, paused))

    def ears(self) -> Exchange:
        return self

    def listen(
        self,
        supervisor: Operator,
        operator: Operator,
        talk: str,
        token: str,
        mode: str,
        ring: float,
    ) -> None:
        self._up(operator.node)
        self.ears_asked.append(
            ("listen", supervisor.endpoint, operator.endpoint, talk, token, mode)
        )

    def listen_as(self, token: str, mode: str) -> None:
        self.ears_asked.append(("listen_as", token, mode))

    def take_over(self, operator: Operator, talk: str, token: str, recording: str) -> None:
        self.ears_asked.append(("take_over", operator.endpoint, talk, token, recording))

    def leave_talk(self, token: str) -> None:
        self.ears_asked.append(("leave_talk", token))

    def listening(self) -> dict[str, bool]:
        self._up("pbx1")
        return self.ears_there

    def calls(self) -> list[LiveCall]:
        return [live for live in self.live.values() if live.node not in self.down]

    def nodes(self) -> Mapping[str, float]:
        return {name: at for name, at in self.started.items() if name not in self.down}

    def _up(self, node: str) -> None:
        if node in self.down:
            raise SwitchDown(node)
