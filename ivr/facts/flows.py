"""The runs of flows in one call, from the ways that the turns walked (`ivr.engine.step`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ivr.facts.model import QUEUE_FLOW

CAUSES = {"!silence": "silence", "!misses": "no_match", "!limit": "failed", "!failed": "failed"}
LEAVING = ("done", "back")
"""Ends of a flow after which an operator is not its doing."""


@dataclass
class Run:
    """One run of a flow. step: the last one seen. ended: None while it goes on."""

    flow: str
    began: datetime
    step: str = ""
    ended: datetime | None = None
    result: str = ""
    served: bool = False


class Runs:
    """All runs of a call, in the order in which they began. cause: of misses in this turn."""

    def __init__(self, entrance: str, at: datetime) -> None:
        self.runs = [Run(entrance, at)]
        self.stack = [self.runs[0]]
        self.cause = ""

    def stands(self, flow: str, step: str) -> None:
        """The call is at this step."""
        for run in reversed(self.stack):
            if run.flow == flow:
                run.step = step
                return

    def served(self) -> None:
        """An operator answered."""
        for run in self.stack:
            run.served = True

    def walk(self, ways: Sequence[str], at: datetime) -> None:
        """Follow the ways of one turn."""
        self.cause = ""
        for place, way in enumerate(ways):
            if way.startswith("!"):
                self.cause = CAUSES.get(way, "failed")
            elif way.startswith("+"):
                self.cause = ""
                run = Run(way[1:], at)
                self.runs.append(run)
                self.stack.append(run)
            else:
                flow, _, end = way[1:].partition(".")
                self._left(flow, end, to_operator(end, ways[place + 1 :]), at)

    def _left(self, flow: str, end: str, asked: bool, at: datetime) -> None:
        if not any(run.flow == flow for run in self.stack[1:]):
            return  # its beginning was lost
        while True:
            run = self.stack.pop()
            self._end(run, self._result(run, end, asked), at)
            if run.flow == flow:
                break
        if not asked:
            self.cause = ""

    def _result(self, run: Run, end: str, asked: bool) -> str:
        if run.flow == QUEUE_FLOW and run.served:
            return "operator"
        if asked:
            return self.cause or "operator"
        return "failed" if run.flow == QUEUE_FLOW and end == "unavailable" else "done"

    def end(self, reason: str, at: datetime) -> None:
        """The call is over. reason: of its end."""
        last = {
            "caller": "hang_up",
            "completed": self.cause or "done",
            "callback": "done",
            "operator": "operator",
        }.get(reason, "failed")
        in_talk = any(run.served for run in self.stack if run.flow == QUEUE_FLOW)
        while self.stack:
            run = self.stack.pop()
            above = in_talk and (run.flow == QUEUE_FLOW or not self._waits(run))
            self._end(run, "operator" if above and run.served else last, at)

    def _waits(self, run: Run) -> bool:
        """Tell whether a run is inside the flow of the queue."""
        return any(other.flow == QUEUE_FLOW for other in self.stack)

    @staticmethod
    def _end(run: Run, result: str, at: datetime) -> None:
        run.ended, run.result = at, result


def to_operator(end: str, rest: Sequence[str]) -> bool:
    """Tell whether who left a flow by `end` was led to an operator. rest: the ways after it."""
    if end in LEAVING:
        return False
    after = next((way for way in rest if not way.startswith("-")), "")
    return end == "operator" or after == f"+{QUEUE_FLOW}"
