"""Supervisors' telephones in operators' talks: what an Asterisk holds of them.

An operator's leg is known by the token of his talk, a supervisor's by the token of his listening;
both are told with each channel (`channelvars` of manager.conf).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.channels.ami_link import Message
from ivr.channels.ami_wire import Wire
from ivr.errors import Press2Error

LISTENING, TAKING = "press2-listen", "press2-take"
"""Contexts of the dialplan that a supervisor's telephone is in."""
ORIGINATED = "press2-listening-"
"""Beginning of the ActionID of a call to a supervisor."""
MODES = ("listen", "whisper", "barge")
CHANNEL = re.compile(r"PJSIP/[A-Za-z0-9_.-]{1,80}-[0-9a-f]+")
UNIQUE = re.compile(r"[\w.:-]{1,200}", re.ASCII)
IN_VAIN = "3"
"""Reason of an OriginateResponse: it rang to the end (frame.h, AST_CONTROL_RINGING)."""
SILENT = "44"
"""Cause of a telephone that fell silent (rtp_timeout)."""


@dataclass(frozen=True)
class Leg:
    """A telephone's channel. peer: name of the only other one in its bridge, "" without one."""

    wire: Wire
    name: str
    unique: str
    peer: str = ""


def talk_of(wires: Iterable[Wire], endpoint: str, token: str) -> Leg | None:
    """Return the operator's leg of a talk, wherever his telephone is registered.

    One who was handed a caller by a colleague still has the token of the consultation: then it is
    the only call that his telephone took.
    """
    for wire in wires:
        channels = wire.list("CoreShowChannels")
        own = [each for each in channels if _is_of(each, endpoint) and each.get("BridgeId")]
        by_token = [each for each in own if each.variables.get("PRESS2_TOKEN") == token]
        found = by_token or [each for each in own if each.get("Application") == "AppDial"]
        if len(found) == 1:
            return _leg(wire, found[0], channels)
    return None


def leg_of(wires: Iterable[Wire], token: str) -> Leg | None:
    """Return the leg of a listening."""
    for wire in wires:
        for channel in wire.list("CoreShowChannels"):
            if _listens(channel) and channel.variables.get("PRESS2_TOKEN") == token:
                return _leg(wire, channel, ())
    return None


def tokens(wires: Iterable[Wire]) -> dict[str, bool]:
    """Return the token of each leg of a supervisor; True where he has taken the caller over."""
    return {
        channel.variables.get("PRESS2_TOKEN", ""): channel.get("Context") == TAKING
        for wire in wires
        for channel in wire.list("CoreShowChannels")
        if _listens(channel)
    }


def variables(talk: Leg, token: str, mode: str) -> dict[str, str]:
    """Return what the dialplan is told of a new listening."""
    return {
        "PJSIP_HEADER(add,X-Press2-Token)": token,
        "PRESS2_TOKEN": token,
        "PRESS2_SPY": talk.unique,
        "PRESS2_SPY_MODE": mode_of(mode),
    }


def mode_of(text: str) -> str:
    """Return a mode that the dialplan knows; Press2Error for another one."""
    if text not in MODES:
        raise Press2Error(f"AMI: {text!r} is no way to listen")
    return text


def lead(leg: Leg, context: str, exten: str, **told: str) -> bool:
    """Send a listening to another place of the dialplan; False: it is over."""
    for name, value in told.items():
        if leg.wire.ask("Setvar", Channel=leg.name, Variable=name, Value=value).refused:
            return False
    led = leg.wire.ask("Redirect", Channel=leg.name, Context=context, Exten=exten, Priority="1")
    return not led.refused


def why_over(message: Message) -> str:
    """Return why a listening ended: talk, lost or supervisor."""
    if message.get("Over") == "1":
        return "talk"
    return "lost" if message.get("Cause") == SILENT else "supervisor"


def why_not(message: Message) -> str:
    """Return why a supervisor was not reached: no_answer or failed."""
    return "no_answer" if message.get("Reason") == IN_VAIN else "failed"


def _is_of(channel: Message, endpoint: str) -> bool:
    return bool(re.fullmatch(rf"PJSIP/{re.escape(endpoint)}-[0-9a-f]+", channel.get("Channel")))


def _listens(channel: Message) -> bool:
    return channel.get("Context") in (LISTENING, TAKING) and channel.get("Application") != "AppDial"


def _leg(wire: Wire, channel: Message, among: Sequence[Message]) -> Leg | None:
    """Return a leg whose names are of the form that may be sent."""
    name, unique, bridge = (channel.get(each) for each in ("Channel", "Uniqueid", "BridgeId"))
    others = [each.get("Channel") for each in among if bridge and each.get("BridgeId") == bridge]
    peers = [each for each in others if each != name]
    if not CHANNEL.fullmatch(name) or not UNIQUE.fullmatch(unique):
        return None
    peer = peers[0] if len(peers) == 1 and CHANNEL.fullmatch(peers[0]) else ""
    return Leg(wire, name, unique, peer)
