"""The matchmaker: brings callers and operators together, and has an exchange connect them.

The queue decides who talks to whom; the matchmaker carries it out through a `Switch`, keeps the
account of it (conversations, the log of events, call-backs) and repairs what was lost when a part
died. It decides nothing that is not written down elsewhere, so it may be killed at any moment.
"""

from ivr.matchmaker.core import Matchmaker
from ivr.matchmaker.loop import Loop
from ivr.matchmaker.switch import Ears, Listener, LiveCall, Switch, SwitchDown

__all__ = [
    "Ears",
    "Listener",
    "LiveCall",
    "Loop",
    "Matchmaker",
    "Switch",
    "SwitchDown",
]
