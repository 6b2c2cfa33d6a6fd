"""The engine: one pure function from a flow, a session and an event to the next turn.

`step` cannot do I/O, ask a clock, draw a number or name a channel: what it needs from outside
comes as an Event and what it wants from outside leaves as the one need of the Turn. A session is
one JSON document, so the next turn may run in another process.

`session` is what survives a turn, `walk` is a turn, `speech` its answers by speech.
"""

from __future__ import annotations

from ivr.engine.session import DEFAULT_LIMITS as DEFAULT_LIMITS
from ivr.engine.session import Flows as Flows
from ivr.engine.session import Limits as Limits
from ivr.engine.session import Session as Session
from ivr.engine.session import begin as begin
from ivr.engine.walk import Edge as Edge
from ivr.engine.walk import Left as Left
from ivr.engine.walk import Trace as Trace
from ivr.engine.walk import Walk
from ivr.model import Event, Turn


def step(
    flows: Flows,
    session: Session,
    event: Event,
    limits: Limits | None = None,
    trace: Trace | None = None,
    ways: list[str] | None = None,
) -> tuple[Session, Turn]:
    """Take one event and walk to the next need. The session given is left as it was.

    ways: gets, in order, "+FLOW" for a flow that is entered, "-FLOW.END" for one that is left, and
    before that "!silence", "!misses", "!limit" or "!failed" where it is not the caller's choice.
    """
    walk = Walk(flows, session.copy(), limits or DEFAULT_LIMITS, trace, ways)
    walk.take(event)
    return walk.session, walk.turn()


def resume(
    flows: Flows, session: Session, end: str, limits: Limits, trace: Trace
) -> tuple[Session, Turn]:
    """Go on from the step that ran a flow which was left. With `Left`, a turn in two parts."""
    walk = Walk(flows, session.copy(), limits, trace)
    walk.back_from(end)
    return walk.session, walk.turn()
