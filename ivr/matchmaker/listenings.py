"""Supervisors in operators' talks: rings them, follows what becomes of it, keeps the account.

The desk writes the row (`Listening`) and sends its token as an order; everything else here is found
from the row, the queue and the exchange. Each report may come twice, late or never. Who may take a
caller over is decided by the desk: his row has the mode "take", one in a talk at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ivr.agent_queue.model import Operator, Ticket
from ivr.errors import Press2Error
from ivr.events import Entry
from ivr.matchmaker.means import Means, recording_of
from ivr.matchmaker.switch import Ears
from ivr.store.models import Audit
from ivr.store.supervision import Listening

logger = logging.getLogger(__name__)

RING = 15.0
"""Seconds a supervisor's telephone rings; his page answers by itself."""
LATE = timedelta(seconds=RING + 5)
"""After this one of whom nobody knows a telephone is over."""
PAUSE = "listening"
"""Reason of the pause of a supervisor who listens: no caller is offered to him."""


@dataclass(frozen=True)
class _Pair:
    """Who listens to whom. supervisor, operator: with their telephones."""

    ticket: Ticket
    supervisor: Operator
    operator: Operator


class Listenings:
    """reached: completes an operator with the telephone where the exchanges know it."""

    def __init__(self, means: Means, reached: Callable[[Operator], Operator]) -> None:
        self._means = means
        self._reached = reached

    # ------------------------------------------------------------------ orders

    def begin(self, token: str) -> None:
        """Ring the supervisor."""
        row = self._find(token)
        if row is None:
            return
        pair = self._pair(row)
        if pair is None:
            self.over(token, "talk")
        elif not pair.supervisor.endpoint:
            self.over(token, "failed")
        else:
            # Who takes over listens until his telephone is there.
            mode = "listen" if row.mode == "take" else row.mode
            self._ears().listen(
                pair.supervisor, pair.operator, pair.ticket.token, token, mode, RING
            )

    def change(self, token: str, mode: str) -> None:
        """Let him go on in another mode, or take the caller over."""
        row = self._find(token)
        if row is None or row.heard_at is None:
            return
        if mode == "take":
            self._take(row)
            return
        self._ears().listen_as(token, mode)
        with self._means.store.session() as db:
            for live in _live(db, token):
                live.mode = mode
                self._note(live, "changed")
        self._tell(row)

    def leave(self, token: str) -> None:
        """Hang up on him; one who was not there yet will not be let in."""
        row = self._find(token)
        if row is not None:
            self._ears().leave_talk(token)
            if row.heard_at is None:
                self.over(token, "supervisor")

    def _take(self, row: Listening) -> None:
        pair = self._pair(row)
        if row.mode != "take" or pair is None or pair.ticket.kind != "call":
            return
        if self._ears().listening().get(row.token):
            return  # he has him this moment
        recording = recording_of(pair.ticket, row.token)
        self._ears().take_over(pair.operator, pair.ticket.token, row.token, recording)

    # ------------------------------------------------------------------ reports

    def heard(self, token: str) -> None:
        """His telephone answered."""
        row = self._find(token)
        if row is None:
            self._ears().leave_talk(token)  # given up while it rang
            return
        with self._means.store.session() as db:
            for live in _live(db, token):
                if live.heard_at is not None:
                    return
                live.heard_at = self._means.clock()
                self._note(live, "began")
        self._tell(row)
        self._take(row)

    def over(self, token: str, why: str) -> None:
        """He does not hear the talk any more, or never did."""
        if row := self._end(token, "ended", why):
            self._restore(row)
            self._tell(row)

    def taken(self, token: str) -> str:
        """He has the caller: so the queue has it, too. Returns whose call it is, "" for none."""
        row = self._find(token)
        if row is None:
            return ""
        if self._means.queue.take_over(row.call, row.supervisor, token, self._means.now()):
            self._keep_silent(row.call)
        else:
            logger.warning("call %s was over when it was taken over", row.call)
        self._restore(row)
        if ended := self._end(token, "taken", "taken"):
            self._tell(ended)
        return row.call

    # ------------------------------------------------------------------ repairs

    def sweep(self) -> list[str]:
        """Find what no report told of; returns the calls that were taken over."""
        with self._means.store.session(read_only=True) as db:
            rows = db.scalars(select(Listening).where(Listening.ended_at.is_(None))).all()
        if not rows:
            return []
        there, nodes = self._ears().listening(), self._means.switch.nodes()
        return [call for row in rows if (call := self._mend(row, there, set(nodes)))]

    def _mend(self, row: Listening, there: dict[str, bool], nodes: set[str]) -> str:
        if row.token in there:
            if there[row.token]:
                return self.taken(row.token)
            if row.heard_at is None:
                self.heard(row.token)
            else:
                self._take(row)
            return ""
        operator = self._means.queue.operator(row.company, row.operator)
        known = operator is None or not operator.node or operator.node in nodes
        if known and self._means.clock() - max(row.began_at, row.heard_at or row.began_at) > LATE:
            self.over(row.token, "lost" if row.heard_at else "no_answer")
        return ""

    # ------------------------------------------------------------------ inside

    def _ears(self) -> Ears:
        ears = self._means.switch.ears()
        if ears is None:
            raise Press2Error("no exchange here lets anybody listen")
        return ears

    def _find(self, token: str) -> Listening | None:
        with self._means.store.session(read_only=True) as db:
            return db.scalar(_wanted(token))

    def _pair(self, row: Listening) -> _Pair | None:
        """Return who is who; None when the operator is not in this talk any more."""
        queue = self._means.queue
        ticket = queue.ticket(row.call)
        supervisor = queue.operator(row.company, row.supervisor)
        operator = queue.operator(row.company, row.operator)
        if ticket is None or supervisor is None or operator is None:
            return None
        if ticket.state != "talking" or ticket.operator != row.operator:
            return None
        # A telephone in a talk is where it is, registered or not.
        placed = replace(operator, endpoint=operator.endpoint or f"op-{operator.name}")
        return _Pair(ticket, self._reached(supervisor), placed)

    def _keep_silent(self, call: str) -> None:
        """Let a recording that the first operator paused be paused for the second one, too."""
        wanted = select(Audit.details).where(Audit.call == call, Audit.what == "pause_recording")
        with self._means.store.session(read_only=True) as db:
            last = db.scalar(wanted.where(Audit.allowed).order_by(Audit.id.desc()).limit(1))
        ticket = self._means.queue.ticket(call)
        if last and last.get("paused") and ticket is not None:
            self._means.switch.pause_recording(ticket, True)

    def _end(self, token: str, state: str, why: str) -> Listening | None:
        """Close the row, once; whoever closes it writes the log."""
        with self._means.store.session() as db:
            for row in _live(db, token):
                row.ended_at, row.why = self._means.clock(), why
                row.mode = "take" if state == "taken" else row.mode
                self._note(row, state)
                self._audit(db, row)
                return row
        return None

    def _audit(self, db: Session, row: Listening) -> None:
        """Write down that it is over, unless the desk did when he left."""
        told = select(Audit.id).where(
            Audit.call == row.call,
            Audit.company == row.company,
            Audit.who == row.supervisor,
            Audit.what == "listen_end",
            Audit.allowed,
            Audit.at >= row.began_at,
        )
        if db.scalar(told.limit(1)) is None:
            details = {"operator": row.operator, "mode": row.mode, "why": row.why}
            db.add(
                Audit(
                    at=self._means.clock(), company=row.company, who=row.supervisor,
                    what="listen_end", allowed=True, call=row.call, details=details,
                )
            )  # fmt: skip

    def _restore(self, row: Listening) -> None:
        """Give him back the status he had."""
        queue = self._means.queue
        known = queue.operator(row.company, row.supervisor)
        if known is None or not row.before or (known.status, known.reason) != ("paused", PAUSE):
            return
        now, version = self._means.now(), known.version
        queue.set_status(known.company, known.name, row.before, now, tab=known.tab, version=version)

    def _note(self, row: Listening, state: str) -> None:
        details: dict[str, Any] = {
            "supervisor": row.supervisor, "operator": row.operator, "mode": row.mode,
            "token": row.token, "state": state, "why": row.why,
        }  # fmt: skip
        at = self._means.clock()
        if row.ended_at is not None and row.heard_at is not None:
            details["seconds"] = round((row.ended_at - row.heard_at).total_seconds(), 1)
        self._means.log.append([Entry(row.company, row.call, at, "listened", details=details)])

    def _tell(self, row: Listening) -> None:
        for name in (row.supervisor, row.operator):
            self._means.queue.tell(row.company, name)


def _wanted(token: str) -> Select[Listening]:
    return select(Listening).where(Listening.token == token, Listening.ended_at.is_(None))


def _live(db: Session, token: str) -> Sequence[Listening]:
    """Return the row of a listening that is not over, locked; none of another one."""
    return db.scalars(_wanted(token).with_for_update()).all()
