"""Calls to people who asked to be told something, over an Asterisk's trunk.

The dialplan's [press2-notice] takes whoever answers to a worker, who begins the flow `restored`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ivr.channels.ami_link import Message
from ivr.channels.ami_originate import NUMBER, TOKEN, Flight, Originator, checked
from ivr.channels.ami_wire import Exchange
from ivr.matchmaker import SwitchDown
from ivr.services.telling import NoLine

if TYPE_CHECKING:
    from ivr.destination import Destination

log = logging.getLogger(__name__)

ACTION = "press2-notice-"
ABOUT = re.compile(r"[0-9]{1,18}")
TALK = 120.0
"""Seconds somebody who answered is waited for; a talk with an operator goes on without."""
GRACE = 5.0
"""Seconds after the ringing in which Asterisk tells how it ended."""


class AsteriskDialler(Originator):
    """Dials over the trunk of the first exchange that answers. Thread-safe.

    trunk: name of it in Asterisk's configuration.
    """

    action = ACTION

    def __init__(self, exchanges: Iterable[Exchange], trunk: str = "trunk") -> None:
        super().__init__(exchanges)
        self._trunk = trunk

    def call(self, target: Destination, source: str, about: str, token: str, ring: float) -> None:
        """Call, and return when the call is over, or when nothing was heard of it for long."""
        wire = self.line()
        if wire is None:
            raise NoLine("no exchange answers")
        with self.flight(checked(TOKEN, token)) as flight:
            try:
                answer = wire.ask(
                    "Originate",
                    {
                        "PRESS2_NOTICE": checked(ABOUT, about),
                        "PRESS2_TOKEN": token,
                        "PRESS2_NUMBER": checked(NUMBER, target.number),
                        "PRESS2_FROM": checked(NUMBER, source),
                    },
                    Channel=f"PJSIP/{target.number}@{self._trunk}",
                    # The head of a call's id is the name of its exchange.
                    ChannelId=f"{wire.exchange.name}-{token}",
                    Context="press2-notice",
                    Exten="s",
                    Priority="1",
                    Timeout=str(round(ring * 1000)),
                    CallerID=f"<{source}>",
                    Async="true",
                    ActionID=f"{ACTION}{token}",
                )
            except SwitchDown as reason:  # it may ring all the same
                log.warning("notice %s: %s", token, reason)
            else:
                if answer.refused:
                    raise NoLine(f"{wire.exchange.name} refuses: {answer.get('Message')}")
            if flight.answered.wait(ring + GRACE):
                flight.over.wait(TALK)

    def told(self, flight: Flight, message: Message) -> None:
        """Take note that the talk is over."""
        if message.get("UserEvent") == "Press2NoticeOver":
            flight.tell(over=True)
