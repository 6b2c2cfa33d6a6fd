"""press2 calls itself over an Asterisk: [press2-synthetic] is the caller, the other end listens."""

from __future__ import annotations

from ivr.channels.ami_link import Message
from ivr.channels.ami_originate import NUMBER, TOKEN, Flight, Originator, checked
from ivr.matchmaker import SwitchDown
from ivr.synthetic import Made

ANSWERS = 15
"""Seconds in which the call must be answered."""
LONGEST = 45.0
"""Seconds after which a call that does not end is not waited for."""


class AsteriskSelfCaller(Originator):
    """Calls a number of ours on the first exchange that is there."""

    action = "press2-synthetic-"

    def ready(self) -> bool:
        """Tell whether an exchange is there."""
        return self.line() is not None

    def call(self, number: str, token: str) -> Made:
        """Call, listen, press 9, listen again; return when it is over."""
        wire = self.line()
        if wire is None:
            return Made("", "no_exchange")
        plain = checked(NUMBER, number).removeprefix("+")
        call = f"{wire.exchange.name}-synthetic-{checked(TOKEN, token)}"
        with self.flight(token) as flight:
            try:
                answer = wire.ask(
                    "Originate",
                    {"PRESS2_TOKEN": token},
                    Channel=f"Local/{plain}@press2-synthetic/n",
                    ChannelId=f"{wire.exchange.name}-ear-{token}",  # no beginning of the other one
                    OtherChannelId=call,
                    Context="press2-synthetic-ear",
                    Exten="s",
                    Priority="1",
                    Timeout=str(ANSWERS * 1000),
                    Async="true",
                    ActionID=f"{self.action}{token}",
                )
            except SwitchDown:
                return Made("", "no_exchange")
            if answer.refused:
                return Made("", "refused", str(answer.get("Message")))
            if not flight.answered.wait(ANSWERS + 2) or flight.over.is_set():
                return Made(call, "not_answered")
            flight.over.wait(LONGEST)
            return Made(call, flight.stages[-1] if flight.stages else "answered")

    def told(self, flight: Flight, message: Message) -> None:
        """Take note of what was heard."""
        if message.get("UserEvent") != "Press2Synthetic":
            return
        if (stage := message.get("Stage")) == "over":
            flight.tell(over=True)
        else:
            flight.stages.append(stage)
